"""`trace`: what each recipe rounds in one step, pinned; and that nothing is changed by looking."""

import numpy as np
import pytest

from nfloat.nn import Adam, Linear, ReLU, Sequential, Trainer, recipe, recipes, trace

#: (format of the layer's operands, in the order in which they are rounded, of products' sums) of the second layer
OPERANDS = {
    "tf32": ["tfloat32"] * 3,
    "fp8-hybrid": ["float8_e4m3fn:delayed=1024"] * 2 + ["float8_e5m2:delayed=1024"],
    "fp8-current": ["float8_e4m3fn:current"] * 2 + ["float8_e5m2:current"],
    "mxfp8": ["mxfp8_e4m3"] * 6,
    "mxfp4": ["mxfp4"] * 6,
    "nvfp4": ["nvfp4", "nvfp4:tile=16", "nvfp4", "nvfp4:hadamard=16", "nvfp4:hadamard=16"],
}
#: weights, copies, activations, activation gradients, weight gradients, state, update; "" where nothing is rounded
TENSORS = {
    "float64": ("float64", "", "float64", "float64", "float64", "float64", "float64"),
    "float32": ("float32", "", "float32", "float32", "float32", "float32", "float32"),
    "tf32": ("float32", "", "float32", "float32", "float32", "float32", "float32"),
    "bf16-mixed": ("float32", "bfloat16", "bfloat16", "bfloat16", "float32", "float32", "float32"),
    "bf16-weights": ("bfloat16", "", "bfloat16", "bfloat16", "float32", "float32", "float32"),
    "bf16-pure": ("bfloat16", "", *["bfloat16"] * 5),
    "bf16-pure-sr": ("bfloat16", "", *["bfloat16"] * 5),
    "bf16-pure-kahan": ("bfloat16", "", *["bfloat16"] * 5),
    "fp16-pure": ("float16", "", *["float16"] * 5),
    "fp16-mixed": ("float32", "float16", "float16", "float16", "float16", "float32", "float32"),
    "fp16-mixed-unscaled": ("float32", "float16", "float16", "float16", "float16", "float32", "float32"),
    **dict.fromkeys(
        ("fp8-hybrid", "fp8-current", "mxfp8", "mxfp4", "nvfp4"),
        ("float32", "bfloat16", "bfloat16", "bfloat16", "float32", "float32", "float32"),
    ),
}
NAMES = ("weight", "weight.copy", "activation", "activation.grad", "weight.grad", "weight.state.v", "weight.update")


def made():
    rng = np.random.default_rng(2)
    model = Sequential(Linear(30, 20), ReLU(), Linear(20, 6))
    model.init(seed=rng)
    return model, rng.standard_normal((32, 30)), rng.integers(0, 6, 32)


@pytest.mark.parametrize("name", recipes)
def test_what_a_recipe_rounds(name):
    model, x, y = made()
    rows = trace(model, x, y, name, optimizer=Adam(model.parameters(), lr=0.01))
    of = {row.tensor: row for row in rows if row.layer == "2"}
    assert tuple(of[t].format if t in of else "" for t in NAMES) == TENSORS[name]
    operands = [r for r in rows if r.layer == "2" and r.tensor in ("gemm.x", "gemm.w", "gemm.dy")]
    assert [r.format for r in operands] == OPERANDS.get(name, [])
    wide = "float64" if name == "float64" else "float32"
    sums = [(r.tensor, r.format, r.mode, r.elements) for r in rows if r.layer == "2" and r.tensor.endswith("sum")]
    assert sums == [
        ("forward.sum", wide, "nearest_even", 32 * 6),
        ("input_gradient.sum", wide, "nearest_even", 32 * 20),
        ("weight_gradient.sum", wide, "nearest_even", 20 * 6),
        ("sum", wide, "nearest_even", 6),
    ]
    stochastic = {(r.layer, r.tensor) for r in rows if r.mode == "stochastic"}
    expected = {"bf16-pure-sr": {"weight", "bias"}, "mxfp4": {"gemm.dy"}, "nvfp4": {"gemm.dy"}}.get(name, set())
    assert {tensor for _, tensor in stochastic} == expected
    # the arithmetic between: float64 or the carrier, and nothing else
    assert {r.format for r in rows if r.role in ("operation", "arithmetic", "hadamard")} <= {"float64", wide}
    assert all(r.role in ("operation", "hadamard") or hasattr(recipe(name), r.role) for r in rows)


def test_a_look_changes_nothing_and_sees_what_a_step_does():
    model, x, y = made()
    trainer = Trainer(model, Adam(model.parameters(), lr=0.01), "nvfp4", seed=3)
    before = {name: p.data.copy() for name, p in model.parameters().items()}
    seen = trace(trainer, x, y)
    same = [np.array_equal(before[n], p.data) for n, p in model.parameters().items()]
    assert trainer.steps == 0 and all(same)
    rows = []
    trainer.step(x, y, tracer=lambda *row: rows.append(row))
    assert [(r.layer, r.tensor, r.format, r.mode, r.elements) for r in seen] == rows


def test_scaled_gradients_and_clipping_are_listed():
    model, x, y = made()
    rows = trace(model, x, y, "fp16-mixed", optimizer=Adam(model.parameters(), 0.01, clip_norm=1e-3))
    tensors = [r.tensor for r in rows]
    assert tensors.count("weight.grad.unscaled") == tensors.count("weight.grad.clipped") == 2
