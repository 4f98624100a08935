"""The recipes' table, and one training step of every recipe against a plain model written out by hand, bit for bit.

The plain model rounds by a formula of its own; only GEMMs go through `nf.matmul` and exp through ``elementary.py``,
which have tests of their own.
"""

import numpy as np
import pytest

import nfloat as nf
from nfloat.errors import AccumulatorError, ArgumentError, FormatError, RoundingError
from nfloat.linalg.matmul import matmul
from nfloat.nn import SGD, Cast, Linear, LossScaling, Recipe, ReLU, Sequential, Trainer, elementary, recipe, recipes

NAMES = {
    "float64",
    "float32",
    "tf32",
    "bf16-mixed",
    "bf16-weights",
    "bf16-pure",
    "bf16-pure-sr",
    "bf16-pure-kahan",
    "fp16-pure",
    "fp16-mixed",
    "fp16-mixed-unscaled",
    "fp8-hybrid",
    "fp8-current",
    "mxfp8",
    "mxfp4",
    "nvfp4",
}


def to(precision, emin, largest):
    """Rounding to nearest-even, written out: in units of the last place, by NumPy's rint."""

    def rounded(x):
        x = np.asarray(x, np.float64)
        unit = np.ldexp(1.0, np.maximum(np.frexp(x)[1] - 1, emin) - precision + 1)
        y = np.rint(x / unit) * unit
        return np.where(np.abs(y) > largest, np.copysign(np.inf, x), y).astype(np.float32)

    return rounded


F64 = np.asarray
F32 = to(24, -126, float(np.finfo(np.float32).max))
TF32 = to(11, -126, 2.0**128)
BF = to(8, -126, 2.0**128)
HALF = to(11, -14, 65504.0)

#: what API promises of each recipe: storage of the weights, their copy, activations and their gradients, weight
#: gradients, update, GEMM inputs
PLAIN = {
    "float64": (F64, F64, F64, F64, F64, F64, F64),
    "float32": (F32, F32, F32, F32, F32, F32, F32),
    "tf32": (F32, F32, F32, F32, F32, F32, TF32),
    "bf16-mixed": (F32, BF, BF, BF, F32, F32, BF),
    "bf16-weights": (BF, BF, BF, BF, F32, F32, BF),
    "bf16-pure": (BF, BF, BF, BF, BF, BF, BF),
    "fp16-pure": (HALF, HALF, HALF, HALF, HALF, HALF, HALF),
    "fp16-mixed": (F32, HALF, HALF, HALF, HALF, F32, HALF),
    "fp16-mixed-unscaled": (F32, HALF, HALF, HALF, HALF, F32, HALF),
}


def plain_steps(name, weights, x, y, steps, lr):
    """The weights after some steps of SGD on a 2-layer network."""
    store, copy, act, act_grad, weight_grad, update, operand = PLAIN[name]
    carrier = np.float64 if name == "float64" else np.float32
    scale = carrier(65536.0) if name == "fp16-mixed" else carrier(1.0)

    def mm(a, b, c=None):
        return matmul(operand(a), operand(b), np.dtype(carrier).name, c)

    ones = np.ones((1, len(x)), carrier)
    w = [store(v) for v in weights]
    for _ in range(steps):
        w1, b1, w2, b2 = map(copy, w)
        a0 = act(x)
        h = act(mm(a0, w1.T, np.broadcast_to(b1, (len(x), len(b1)))))
        a1 = np.where(h > 0, h, carrier(0))
        z = act(mm(a1, w2.T, np.broadcast_to(b2, (len(x), len(b2)))))
        e = elementary.exp(z.astype(np.float64) - z.max(axis=1, keepdims=True).astype(np.float64))
        total = e[:, :1]
        for j in range(1, e.shape[1]):
            total = total + e[:, j : j + 1]
        dz = e / total
        dz[np.arange(len(y)), y] -= 1.0
        dz = act_grad(dz * (float(scale) / len(y)))
        dh = np.where(h > 0, act_grad(mm(dz, w2)), carrier(0))
        found = [
            mm(dh.T, a0),
            matmul(ones, dh, np.dtype(carrier).name)[0],
            mm(dz.T, a1),
            matmul(ones, dz, np.dtype(carrier).name)[0],
        ]
        found = [weight_grad(g) / scale for g in found]
        w = [store(np.add(v, update(carrier(-lr) * g), dtype=np.float64)) for v, g in zip(w, found, strict=True)]
    return w


def problem(batch=24, features=20, hidden=16, classes=5):
    rng = np.random.default_rng(5)
    model = Sequential(Linear(features, hidden), ReLU(), Linear(hidden, classes))
    model.init(seed=rng)
    for bias in ("0.bias", "2.bias"):
        model.parameters()[bias].data = rng.standard_normal(model.parameters()[bias].shape) / 8
    return model, rng.standard_normal((batch, features)), rng.integers(0, classes, batch)


@pytest.mark.parametrize("name", PLAIN)
def test_steps_equal_the_plain_model_bit_for_bit(name):
    model, x, y = problem()
    weights = [p.data.copy() for p in model.parameters().values()]
    trainer = Trainer(model, SGD(model.parameters(), lr=0.1), name)
    for _ in range(3):
        assert not trainer.step(x, y).skipped
    for mine, plain in zip(model.parameters().values(), plain_steps(name, weights, x, y, 3, 0.1), strict=True):
        assert mine.data.dtype == plain.dtype == recipe(name).carrier
        assert np.array_equal(mine.data, plain)


def test_the_table():
    assert set(recipes) == NAMES
    assert all(recipes[name].name == name and recipes[name].source for name in recipes)
    with pytest.raises(TypeError):
        recipes["mine"] = recipes["tf32"]


def test_carriers():
    assert {name for name in recipes if recipes[name].carrier == np.float64} == {"float64"}
    assert recipe("tf32").replace(state="float64").carrier == np.float64


def test_replace():
    r = recipe("bf16-mixed").replace(weights="float8_e4m3fn")
    assert (r.weights.format, r.weight_copy.format) == (nf.get_format("e4m3fn"), nf.get_format("bf16"))
    assert r.name == "bf16-mixed+weights=float8_e4m3fn"
    assert recipe(r) is r
    sr = recipe("bf16-pure").replace(name="mine", weights="bf16:stochastic")
    assert (sr.name, sr.weights) == ("mine", recipe("bf16-pure-sr").weights)
    assert recipe("bf16-pure").replace(update=Cast("e5m2", overflow="saturate")).update.overflow.value == "saturate"
    with pytest.raises(AttributeError):
        r.weights = None


def test_mistakes_are_named():
    with pytest.raises(ArgumentError, match="'bf16-mixd' is not a recipe; did you mean 'bf16-mixed'"):
        recipe("bf16-mixd")
    with pytest.raises(ArgumentError, match="recipe=3"):
        recipe(3)
    with pytest.raises(ArgumentError, match="'weight' is not a field of a recipe; did you mean 'weights'"):
        recipe("tf32").replace(weight="bf16")
    with pytest.raises(FormatError, match="bflot16"):
        recipe("tf32").replace(weights="bflot16")
    with pytest.raises(RoundingError, match="stochastik"):
        recipe("tf32").replace(weights="bf16:stochastik")
    with pytest.raises(ArgumentError, match="activations=None"):
        recipe("tf32").replace(activations=None)
    with pytest.raises(AccumulatorError, match="floot32"):
        recipe("tf32").replace(forward="floot32")
    with pytest.raises(ArgumentError, match="loss_scaling='much'"):
        recipe("tf32").replace(loss_scaling="much")


def test_a_recipe_of_ones_own():
    every = dict.fromkeys(
        ("weights", "activations", "activation_gradients", "weight_gradients", "state", "update"), "e6m9"
    )
    r = Recipe(name="mine", forward=nf.Accumulator("float16"), loss_scaling=LossScaling.static(128.0), **every)
    model, x, y = problem()
    trainer = Trainer(model, SGD(model.parameters(), lr=0.1), r)
    assert trainer.step(x, y).scale == 128.0
    for parameter in model.parameters().values():
        assert np.array_equal(parameter.data, nf.round(parameter.data, "e6m9"))
