"""Every recipe, and some with another format, mode or way of summing in nearly every field: 20 steps, bit for bit."""

import numpy as np
import pytest
from plain_mlp import Plain

import nfloat as nf
from nfloat.nn import Linear, Momentum, ReLU, Sequential, Trainer, recipe, recipes

pytestmark = pytest.mark.usefixtures("threads_for_little_work")

#: recipes in which hardly two fields are alike
ODD = {
    "formats": recipe("bf16-mixed").replace(
        weights="e5m18", weight_copy="e6m9", activations="e5m10", gemm_inputs="e8m8", activation_gradients="e8m7",
        weight_gradients="e8m11", state="e8m13", update="e8m15", scalars="float16", arithmetic="tfloat32",
        forward="e8m20", backward="pairwise:e8m19", sums="kahan:e8m16", loss_scaling=256,
    ),
    "modes": recipe("bf16-mixed").replace(
        weights="bfloat16:stochastic", weight_copy="float8_e4m3fn:nearest_away:saturate", activations="float16:to_odd",
        gemm_inputs="tfloat32:stochastic", activation_gradients="e8m7:stochastic_a:random_bits=5",
        weight_gradients="bfloat16:stochastic_equal", state="bfloat16:stochastic", update="bfloat16:toward_zero",
        forward="bfloat16:stochastic", backward="blocked:16:bfloat16:float32", sums="interleaved:4:float32",
        arithmetic="float32:toward_negative", loss_scaling="1024",
    ),
    "products": recipe("bf16-pure-kahan").replace(
        forward_x="float8_e4m3fn:saturate", forward_w="float8_e4m3fn:stochastic:delayed=3:margin=1",
        input_gradient_dy="mxfp8_e5m2:stochastic", input_gradient_w="mxfp6_e2m3:rceil", weight_gradient_dy="e5m5",
        weight_gradient_x="mxint8", input_gradient_sums="split:3:float32:bfloat16:stochastic",
        weight_gradient_sums="split:2:float32:blocked:8:float16", compensation="float32",
    ),
    "layers": recipe("mxfp4").replace(
        states={"v": "float16"},
        layers={
            "0": {"weights": "float16:stochastic", "activations": "float32", "forward_w": "nvfp4:stochastic:tile=16",
                  "weight_gradient_dy": "nvfp4:hadamard=8", "weight_gradient_x": "mxfp8_e4m3:hadamard=8"},
            "*2": {"forward": "pairwise:bfloat16", "weight_copy": "float16", "state": "bfloat16"},
        },
    ),
}  # fmt: skip


def problem(batch=26, features=36, hidden=40, classes=5):
    rng = np.random.default_rng(5)
    model = Sequential(Linear(features, hidden), ReLU(), Linear(hidden, classes))
    model.init(seed=rng)
    for bias in ("0.bias", "2.bias"):
        model.parameters()[bias].data = rng.standard_normal(model.parameters()[bias].shape) / 8
    data = [(rng.standard_normal((batch, features)), rng.integers(0, classes, batch)) for _ in range(3)]
    return model, data


@pytest.mark.parametrize("name", [*recipes, *ODD])
def test_twenty_steps_are_equal_bit_for_bit(name):
    how = recipes[name] if name in recipes else ODD[name]
    model, data = problem()
    plain = Plain(how, 9, [p.data.copy() for p in model.parameters().values()], lr=0.0625)
    made = Momentum(model.parameters(), lr=0.0625, nesterov=True, weight_decay=0.01)
    trainer = Trainer(model, made, how, seed=9)
    for step in range(20):
        x, y = data[step % 3]
        assert not trainer.step(x, y).skipped
        plain.step(x, y)
        for parameter, (key, own) in zip(model.parameters().values(), plain.w.items(), strict=True):
            assert parameter.data.dtype == own.dtype
            assert np.array_equal(parameter.data, own), (step, key)
            assert np.isfinite(own).all()
    assert all(np.array_equal(made.state[n]["v"], plain.v[n]) for n in plain.names)


def test_names_of_recipes_say_all_of_them():
    for how in ODD.values():
        assert recipe(how.name) == how
        assert nf.nn.precision(how.name).recipe.carrier == how.carrier
