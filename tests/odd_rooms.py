"""Calls that work, of what the rooms offer (``odd_calls.py`` puts odd objects in their arguments' place).

Each argument that has a default is there with it. Calls that write go to a folder of their own, or nowhere.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nfloat as nf
from nfloat import nn
from nfloat.blocks import delayed, diagnostics
from nfloat.testing.failures import packed


class Call(NamedTuple):
    """A function by its name, and arguments with which it works."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]


#: arguments that stay as they are: what a function raises is its own
_FUNCTIONS = ("loss", "observer", "tracer", "progress", "callback")


def call(function: Callable[..., Any], label: str = "", /, **arguments: Any) -> Call:
    """A call with the function's defaults beside `arguments`; of a layer those of its class."""
    named = {}
    asked = function.__init__ if isinstance(function, type) and issubclass(function, nn.Layer) else function
    for parameter in inspect.signature(asked).parameters.values():
        if parameter.default is not parameter.empty:
            named[parameter.name] = parameter.default
    for key in _FUNCTIONS:
        named.pop(key, None)
    return Call(label or getattr(function, "__qualname__", repr(function)), function, {**named, **arguments})


X = np.array([[0.5, 1.5, 2.0, -1.0], [1.0, 0.25, -3.0, 0.0]], np.float32)
M = np.array([[2.0, 1.0], [1.0, 3.0]])
LABELS = np.array([0, 1])


def _ready(model: nn.Layer) -> nn.Layer:
    """A model with weights."""
    model.init(seed=0)
    return model


def _model() -> nn.Layer:
    return _ready(nn.Sequential(nn.Linear(4, 2)))


def _config(**changed: Any) -> nf.drift.Config:
    quick = {"data": "blobs", "width": 4, "depth": 1, "steps": 2, "seeds": 1, "every": 1, "ablate": "none"}
    return nf.drift.Config(**{"recipes": ("bf16-pure",), "attribute": False, **quick, **changed})


def calls_of_rooms() -> Iterator[Call]:
    """All of them."""
    yield from _pictures()
    yield from _blocks()
    yield from _layers()
    yield from _tensors()
    yield from _training()
    yield from _runs()
    yield from _testing()


def _pictures() -> Iterator[Call]:
    d = nf.display
    yield call(d.bit_fields, fmt="float16", code=3)
    yield call(d.bit_text, fmt="float16", code=3)
    yield call(d.bit_svg, fmt="float16", code=3)
    yield Call("bit_layouts", lambda a, b: d.bit_layouts(a, b), {"a": "float16", "b": "bfloat16"})
    yield Call("bits", lambda value, fmt, rounding: d.bits(value, fmt, rounding=rounding),
               {"value": 0.1, "fmt": "float16", "rounding": "nearest_even"})  # fmt: skip
    yield call(d.explain, value=0.1, fmt="float16")
    yield call(d.format_html, fmt="float16")
    yield Call("number_line", lambda fmt, low, high, marks: d.number_line(fmt, low=low, high=high, marks=marks),
               {"fmt": "float4_e2m1fn", "low": 0.0, "high": None, "marks": ()})  # fmt: skip
    yield Call("ranges", lambda a, b: d.ranges(a, b), {"a": "float16", "b": "bfloat16"})
    yield call(d.special_values, fmt="float16")


def _blocks() -> Iterator[Call]:
    x = np.linspace(-3, 3, 64, dtype=np.float32)
    q = nf.quantize(x, nf.mxfp8_e4m3)
    yield call(nf.quantize_both, x=np.ones((32, 32), np.float32), fmt=nf.mxfp8_e4m3)
    for function in (diagnostics.clamp_rate, diagnostics.scale_underflow_count, diagnostics.summary):
        yield call(function, x=x, q=q)
    yield call(diagnostics.last_bin_occupancy, q=q)
    yield call(diagnostics.scale_histogram, q=q)
    yield call(diagnostics.sqnr, x=x, y=x + 1)
    per_tensor = {"block": "tensor", "scale": "float32", "scale_rule": "absmax"}
    scaled = nf.BlockFormat(name="scaled", element="float8_e4m3fn", **per_tensor)
    yield call(delayed.DelayedScaling, fmt=scaled)
    yield call(q.dequantize)


def _layers() -> Iterator[Call]:
    yield call(nn.Linear, in_features=3, out_features=2)
    yield call(nn.Conv2d, in_channels=2, out_channels=3, kernel_size=3)
    for pool in (nn.MaxPool2d, nn.AvgPool2d):
        yield call(pool, kernel_size=2)
    for norm in (nn.BatchNorm1d, nn.BatchNorm2d):
        yield call(norm, num_features=3)
    yield call(nn.LayerNorm, normalized_shape=4)
    yield call(nn.RMSNorm, normalized_shape=4)
    yield call(nn.GroupNorm, num_groups=2, num_channels=4)
    yield call(nn.Embedding, num_embeddings=5, embedding_dim=3)
    for cell in (nn.LSTM, nn.GRU):
        yield call(cell, input_size=3, hidden_size=4)
    yield call(nn.MultiheadAttention, embed_dim=4, num_heads=2)
    yield call(nn.TransformerEncoderLayer, d_model=4, nhead=2, dim_feedforward=8)
    for plain in (nn.Dropout, nn.Flatten, nn.LeakyReLU, nn.GELU, nn.ReLU, nn.SiLU, nn.Sigmoid, nn.Tanh):
        yield call(plain)
    yield call(nn.Softmax, dim=-1)
    yield Call("Sequential", lambda a: nn.Sequential(a), {"a": nn.ReLU()})
    yield Call("Residual", lambda a: nn.Residual(a), {"a": nn.ReLU()})
    yield Call("layer(x)", lambda x: _ready(nn.Linear(4, 2))(x), {"x": nn.Tensor(X)})
    yield Call("conv(x)", lambda x: _ready(nn.Conv2d(1, 2, 3))(x), {"x": nn.Tensor(np.ones((1, 1, 4, 4)))})
    yield Call("lstm(x)", lambda x: _ready(nn.LSTM(4, 2))(x), {"x": nn.Tensor(X[None])})
    yield Call("embedding(x)", lambda x: _ready(nn.Embedding(5, 2))(x), {"x": np.array([1, 2])})


def _tensors() -> Iterator[Call]:
    t = nn.Tensor(X)
    yield call(nn.Tensor, data=X)
    yield call(nn.buffer, values=X)
    yield Call("parameter", lambda a, b: nn.parameter(a, b), {"a": 2, "b": 3})
    yield call(nn.concatenate, tensors=[t, t])
    yield call(nn.stack, tensors=[t, t])
    yield call(nn.where, condition=X > 0, x=t, y=t)
    for function in (nn.softmax, nn.log_softmax):
        yield call(function, x=t)
    yield call(nn.cross_entropy, logits=t, labels=LABELS)
    for loss in (nn.mse, nn.l1):
        yield call(loss, prediction=t, target=X)
    yield call(nn.bce_with_logits, logits=t, target=(X > 0).astype(float))
    yield call(nn.scaled_dot_product_attention, query=t, key=t, value=t)
    yield Call("apply", lambda name, x: nn.apply(name, x), {"name": "relu", "x": t})
    yield Call("backward", _backward, {"gradient": None, "release": False})
    yield Call("t.scale", lambda factor: t.scale(factor), {"factor": 2.0})
    yield Call("t + x", lambda x: t + x, {"x": 1.0})
    yield Call("t @ x", lambda x: t @ x, {"x": X.T})
    yield Call("t.reshape", lambda shape: t.reshape(shape), {"shape": (8,)})
    yield Call("t.sum", lambda axis: t.sum(axis), {"axis": 0})


def _backward(**arguments: Any) -> None:
    (nn.Tensor(X, requires_grad=True) * 2.0).sum().backward(**arguments)


def _training() -> Iterator[Call]:
    model = _model()
    parameters = model.parameters()
    for optimiser in (nn.SGD, nn.Momentum, nn.Adam, nn.AdamW, nn.RMSprop, nn.Lion):
        yield call(optimiser, parameters=parameters, lr=0.1, clip_norm=None, clip_value=None)
    yield call(nn.Cosine, lr=0.1, steps=10)
    yield call(nn.StepDecay, lr=0.1, every=3)
    yield call(nn.WarmUp, then=0.1, steps=3)
    yield call(nn.LossScaling)
    yield call(nn.LossScaler, scaling=nn.LossScaling())
    yield call(nn.AmaxHistory)
    yield call(nn.Cast, format=nf.float16)
    yield call(nn.BlockCast, format=nf.mxfp8_e4m3)
    yield call(nn.SplitK, parts=2, promote=nf.float32, accumulator=nf.Accumulator("float16"))
    yield call(nn.Op, name="odd", forward=lambda x: (x, None), backward=lambda g, c: (g,))
    yield call(nn.Example)
    yield call(nn.from_arrays, x=X, y=LABELS)
    yield Call("batches", lambda **k: next(iter(nn.batches(**k))), {"examples": 10, "size": 2, "seed": 1})
    yield call(nn.load_data, name="blobs")
    yield call(nn.evaluate, model=model, x=X, y=LABELS)
    yield call(nn.gradients, model=model, x=X, y=LABELS)
    yield call(nn.trace, model=model, x=X, y=LABELS)
    yield call(nn.load, model=model, values={"0.weight": np.zeros((2, 4)), "0.bias": np.zeros(2)})
    yield call(nn.save, path=Path(tempfile.mkdtemp()) / "model", model=model)
    yield Call("Trainer", lambda **k: nn.Trainer(optimizer=nn.SGD(parameters, 0.1), **k),
               {"model": model, "recipe_or_name": "bf16-mixed", "seed": 0, "threads": None})  # fmt: skip
    yield Call("precision", _with_precision, {"recipe_or_name": "bf16-mixed", "seed": 0, "step": 0, "threads": None})
    yield Call("Recipe.replace", lambda **k: nn.recipe("bf16-mixed").replace(**k),
               {"activations": "float16", "weight_gradients": "float32", "loss_scaling": None})  # fmt: skip


def _with_precision(**arguments: Any) -> None:
    with nn.precision(**arguments):
        _model()(nn.Tensor(X))


def _runs() -> Iterator[Call]:
    config, done = _config(), _finished()
    yield call(nf.drift.run, config=config)
    yield call(nf.drift.Config, "Config of all")
    yield Call("Experiment", lambda **k: nf.drift.Experiment(**k).trainable(),
               {"build": _build, "batch": 4, "recipes": ("bf16-pure",), "steps": 2, "record": ("*",)})  # fmt: skip
    searched = {"budget": 0.5, "against": "bf16-mixed", "formats": ["bfloat16"], "operands": [], "trials": 2}
    yield Call("search", lambda **k: nf.drift.search(_config(seeds=2), layers=False, **k), {**searched, "threads": 1})
    result = nf.drift.run(_config(ablate="all"))
    for question in (result.ablation, result.layer_ablation, result.first_trouble):
        yield call(question, recipe="bf16-pure")
    yield call(result.what_if, formats=["float8_e4m3fn"])
    yield call(result.breaches, loss_gap=0.1, path_ratio=None, overflow=None, stagnation=None, trouble=True)
    yield call(nf.drift.replay, config=config, recipe="bf16-pure", step=1)
    yield call(nf.drift.from_toml, text=nf.drift.to_toml(config))
    yield call(nf.drift.to_toml, comparison=config)
    yield call(nf.drift.Budget)
    yield Call("compare", lambda a: nf.drift.compare([a, done]), {"a": _finished(seed=1)})
    yield call(nf.studies.get_study, name="swamping")
    yield Call("studies.run", lambda name, params, seed: nf.studies.run(name, params, seed=seed),
               {"name": "stagnation", "params": nf.studies.get_study("stagnation").small, "seed": 0})  # fmt: skip
    yield call(nf.sweep.Limits)
    yield call(nf.sweep.from_toml, "sweep.from_toml", text='task = "product"\n[cells]\nk = 64\n')
    yield call(nf.report.Table, columns=("a",), rows=[("1",)])


def _build(seed: int) -> tuple[nn.Layer, nn.SGD, nn.Dataset]:
    model = _ready(nn.Sequential(nn.Linear(16, 10)))
    return model, nn.SGD(model.parameters(), lr=0.1), nn.load_data("blobs")


def _finished(**changed: Any) -> str:
    folder = Path(tempfile.mkdtemp()) / "run"
    nf.drift.run(_config(**changed), out=folder)
    return str(folder)


def _testing() -> Iterator[Call]:
    unit = "nvidia.hopper.mma.f16.f32"
    yield call(nf.matmul, "matmul by a unit", a=np.ones((4, 16), np.float32), b=np.ones((16, 8), np.float32), acc=unit)
    t, f16 = nf.testing, nf.round(np.linspace(-1, 1, 16).reshape(4, 4), "float16").astype(np.float32)
    d = nf.matmul(f16, f16, "float16")
    yield call(t.assert_bits_equal, actual=f16, desired=f16)
    yield call(t.assert_representable, x=f16, fmt="float16")
    yield call(t.assert_unbiased, samples=np.ones((4, 3)), exact=np.ones(3), fmt="float16")
    yield call(t.assert_matmul, actual=d, a=f16, b=f16, accumulator="float16")
    yield Call("assert_allclose_bound", lambda **k: t.assert_allclose_bound(**k),
               {"actual": f16.sum(-1), "function": "sum", "x": f16, "accumulator": "float32", "axis": -1})  # fmt: skip
    yield Call("assert_drift", t.assert_drift, {"result": nf.drift.run(_config()), "loss_gap": 0.1, "overflow": None})
    yield call(t.error_bound, function="softmax", x=f16, accumulator="float32")
    yield call(t.predict_matmul, a=f16, b=f16, acc="float16")
    yield call(t.probe_inputs, k=32, lines=2)
    yield call(t.ulp, x=f16, fmt="float16")
    yield call(t.unpacked, text=packed(f16))
    yield call(t.round_exact, x=0.1, fmt="float16")
    yield call(t.decode_exact, code=3, fmt="float16")
    yield call(t.code_exact, value=0.5, fmt="float16")
    yield call(t.identify, a=f16, b=f16, d=d)
