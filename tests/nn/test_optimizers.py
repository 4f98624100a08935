"""Each optimiser against its formula in plain NumPy, bit for bit in float64.

The stored tensors in narrow recipes; mistakes.
"""

import numpy as np
import pytest

import nfloat as nf
from nfloat.errors import ArgumentError, ShapeError
from nfloat.nn import SGD, Adam, AdamW, Cosine, Lion, Momentum, RMSprop, StepDecay, Tensor, WarmUp, precision, recipe
from nfloat.nn.optim import OPTIMIZERS
from nfloat.nn.optim.arithmetic import _power

LR = 0.01


def sgd(w, g, s, t):
    return w - LR * g


def momentum(w, g, s, t):
    s["v"] = 0.9 * s.get("v", 0.0) + g
    return w - LR * s["v"]


def rmsprop(w, g, s, t):
    s["v"] = 0.99 * s.get("v", 0.0) + (1 - 0.99) * (g * g)
    return w - LR * (g / (np.sqrt(s["v"]) + 1e-8))


def lion(w, g, s, t):
    m = s.get("m", 0.0)
    s["m"] = 0.99 * m + (1 - 0.99) * g
    return w - LR * (np.sign(0.9 * m + (1 - 0.9) * g) + 0.1 * w)


def adam_direction(g, s, t):
    s["m"] = 0.9 * s.get("m", 0.0) + (1 - 0.9) * g
    s["v"] = 0.999 * s.get("v", 0.0) + (1 - 0.999) * (g * g)
    return (s["m"] / (1 - 0.9**t)) / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-8)


def adam(w, g, s, t):
    return w - LR * adam_direction(g, s, t)


def adamw(w, g, s, t):
    return w - LR * (adam_direction(g, s, t) + 0.1 * w)


CASES = {
    "sgd": (lambda p: SGD(p, LR), sgd),
    "momentum": (lambda p: Momentum(p, LR, momentum=0.9), momentum),
    "rmsprop": (lambda p: RMSprop(p, LR), rmsprop),
    "lion": (lambda p: Lion(p, LR, weight_decay=0.1), lion),
    "adam": (lambda p: Adam(p, LR), adam),
    "adamw": (lambda p: AdamW(p, LR, weight_decay=0.1), adamw),
}


def parameter(values):
    return Tensor(values, requires_grad=True, parameter=True, name="w")


@pytest.mark.parametrize("name", CASES)
def test_formula_in_float64(name):
    make, formula = CASES[name]
    rng = np.random.default_rng(3)
    w = rng.standard_normal((5, 4))
    tensor, state, updates = parameter(w), {}, []
    optimizer = make({"w": tensor})
    for t in range(1, 6):
        g = rng.standard_normal((5, 4))
        tensor.grad = g
        optimizer.step(watch=updates.append)
        w = formula(w, g, state, t)
        assert np.array_equal(tensor.data, w)
        assert updates[-1].name == "w" and updates[-1].gradient is g
        assert np.array_equal(updates[-1].before + updates[-1].step, updates[-1].after)


def test_the_table_is_complete():
    assert set(OPTIMIZERS) == set(CASES)


@pytest.mark.parametrize("recipe", ["bf16-pure", "fp16-pure", "bf16-mixed", "bf16-pure-kahan"])
@pytest.mark.parametrize("name", CASES)
def test_state_and_weights_are_stored_in_the_recipes_formats(name, recipe):
    rng = np.random.default_rng(3)
    tensor = parameter(rng.standard_normal((5, 4)))
    optimizer = CASES[name][0]({"w": tensor})
    for step in range(3):
        with precision(recipe, step=step) as p:
            tensor.grad = nf.round(rng.standard_normal((5, 4)).astype(np.float32), "bfloat16")
            optimizer.step()
        for key, values in optimizer.state["w"].items():
            cast = p.recipe.compensation if key == "remainder" else p.recipe.state
            assert values.dtype == np.float32
            assert np.array_equal(values, nf.round(values, cast.format))
        assert np.array_equal(tensor.data, nf.round(tensor.data, p.recipe.weights.format))


def test_lost_updates_and_their_repairs():
    """1 + 2^-10 (2^10 times) in bfloat16: nearest loses all, compensation loses none (to half an ulp)."""
    found = {}
    for how in ("bf16-pure", "bf16-pure-kahan", "bf16-pure-sr"):
        tensor, updates = parameter([1.0]), []
        optimizer = SGD({"w": tensor}, lr=2.0**-10)
        for step in range(2**10):
            tensor.grad = np.float32([-1.0])
            with precision(how, seed=1, step=step):
                optimizer.step(watch=updates.append)
        found[how] = (float(tensor.data[0]), sum(bool(u.before == u.after) for u in updates))
    assert found["bf16-pure"] == (1.0, 1024)
    assert abs(found["bf16-pure-kahan"][0] - 2.0) <= 2.0**-7
    # 2^10 draws of 2^-7 with probability 2^-3 each: mean 1, standard deviation 2^-7 sqrt(2^10 2^-3 7/8) = 0.083
    assert abs(found["bf16-pure-sr"][0] - 2.0) < 4 * 0.083
    assert 800 < found["bf16-pure-sr"][1] < 1000


def test_stochastic_rounding_sees_the_exact_sum():
    """1 + 2^-26 moves with probability 2^-19; a float32 sum would be 1, and never move."""
    tensor = parameter(np.ones(2**22))
    tensor.grad = np.full(2**22, -(2.0**-26), np.float32)
    with precision("bf16-pure-sr", seed=0):
        SGD({"w": tensor}, lr=1.0).step()
    assert abs(np.count_nonzero(tensor.data == 1.0 + 2.0**-7) - 8) < 4 * np.sqrt(8)
    assert np.isin(tensor.data, (1.0, 1.0 + 2.0**-7)).all()


def test_parameters_without_gradient_stay():
    one, other = parameter([1.0]), parameter([2.0])
    one.grad = np.array([1.0])
    optimizer = SGD({"one": one, "other": other}, lr=0.5)
    optimizer.step()
    assert (one.data[0], other.data[0]) == (0.5, 2.0)
    optimizer.zero_grad()
    assert one.grad is None


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda p: SGD({}, 0.1), "parameters"),
        (lambda p: SGD(p, 0.0), "lr=0.0"),
        (lambda p: SGD(p, float("nan")), "lr=nan"),
        (lambda p: SGD(p, "fast"), "lr='fast'"),
        (lambda p: Momentum(p, 0.1, momentum=1.0), "momentum=1.0"),
        (lambda p: Adam(p, 0.1, betas=(0.9,)), "betas"),
        (lambda p: Adam(p, 0.1, betas=(0.9, 1.5)), r"betas\[1\]=1.5"),
        (lambda p: Adam(p, 0.1, eps=0.0), "eps=0.0"),
        (lambda p: AdamW(p, 0.1, weight_decay=-1.0), "weight_decay=-1.0"),
        (lambda p: RMSprop(p, 0.1, decay=-0.1), "decay=-0.1"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ArgumentError, match=message):
        make({"w": parameter([1.0])})


def test_gradient_of_another_shape():
    tensor = parameter([1.0, 2.0])
    tensor.grad = np.ones(3)
    with pytest.raises(ShapeError, match=r"'w' of shape \(3,\)"):
        SGD({"w": tensor}, 0.1).step()


def test_scalars_in_a_narrow_format():
    """float16(1e-8) = 0 and bfloat16(0.999) = 1."""
    w = Tensor([1.0], requires_grad=True, parameter=True, name="w")
    for fmt, divides_by_zero in (("float16", True), ("bfloat16", True), ("float32", False)):
        w.data, w.grad = [1.0], np.float32([0.0])
        with precision(recipe("float32").replace(scalars=fmt)):
            Adam({"w": w}, lr=0.01).step()
        assert np.isnan(w.data).all() == divides_by_zero
    w.grad = np.float32([1.0])
    with precision(recipe("float32").replace(scalars="bfloat16")):
        Lion({"w": w}, lr=0.3).step()
    assert w.data == np.float32(1.0) - np.float32(0.30078125)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Cosine(0.0, steps=3), "lr=0.0"),
        (lambda: StepDecay(0.1, every=0), "every=0"),
        (lambda: WarmUp(0.1, steps=2, start=-1.0), "start=-1.0"),
        (lambda: SGD({"w": parameter([1.0])}, 0.1, clip_norm=0.0), "clip_norm=0.0"),
    ],
)
def test_mistakes_in_schedules_and_clipping_are_named(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("steps", [1, 2, 37, 500, 7000])
def test_powers_by_integers_are_those_of_float64(steps):
    for beta in (0.0, 0.25, 0.9, 0.999, 1.0, 0.2371, 1e-9):
        assert _power(beta, steps) == nf.power(beta, steps, "float64")
