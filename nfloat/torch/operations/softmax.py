"""Softmax and the activations that `nfloat.nn` has with attributes of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...nn.ops import OPS
from ...nn.ops.op import selected
from ...nn.ops.softmax import softmax_backward as nn_backward
from ...nn.precision import Floats
from ..known import Kind
from ..machine import Machine
from ..parts import Part
from ..plans import Call, Planned, planned
from ..tensors import array_of, tensor_of
from .elementwise import applied, slope
from .table import Compute, row


def _softmax(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a softmax."""
    if machine.trace.operation != "_softmax":
        return None
    single = machine.is_single(part)
    return Planned(lambda x, axis, *_: softened(machine, part, x, axis, single=single), call.tensors[0].dtype)


@row("_softmax", "_safe_softmax")
@planned(_softmax)
def softmax(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """exp(x) / its sum; where nothing is left of a row, NaN, or zeros in the safe form."""
    t, axis = args[0], args[1] if len(args) > 1 else kwargs["dim"]
    known = machine.known(t)
    part = machine.part([known], [t.numel()], t.numel())
    values = softened(machine, part, machine.read(t, known), axis)
    if operation.__name__.startswith("_safe"):
        values[values != values] = 0.0
    return machine.result(values, part, t.dtype)


def _softmax_backward(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of its gradient."""
    single = machine.is_single(part)
    return Planned(lambda dy, y, axis, *_: softened_backward(machine, part, y, dy, axis, single), call.tensors[1].dtype)


@row("_softmax_backward_data")
@planned(_softmax_backward)
def softmax_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """y (dy - the sum of dy y), from the stored y."""
    gradient, y, axis = args[:3]
    known = [machine.known(gradient), machine.known(y)]
    part = machine.part(known, [gradient.numel(), y.numel()], y.numel())
    values = softened_backward(machine, part, machine.read(y, known[1]), machine.read(gradient, known[0]), axis)
    return machine.result(values, part, y.dtype)


def softened(
    machine: Machine, part: Part, x: Floats, axis: int = -1, mask: Floats | None = None, single: bool | None = None
) -> Floats:
    """The softmax of x (+ mask), not yet rounded; in float32 where that is how it is stored (`single`, if known)."""
    single, shape = machine.is_single(part) if single is None else single, x.shape
    x = x if shape else x.reshape(1)  # torch takes one number for a row
    values: Floats = OPS["softmax"].forward(machine.p, part.layer, x, axis=axis, mask=mask, single=single)[0]
    return values.reshape(shape)


def softened_backward(
    machine: Machine, part: Part, y: Floats, dy: Floats, axis: int = -1, single: bool | None = None
) -> Floats:
    """The gradient of its operand, from the stored result."""
    single, shape = machine.is_single(part) if single is None else single, y.shape
    y, dy = (y, dy) if shape else (y.reshape(1), dy.reshape(1))
    (values,) = nn_backward(machine.p, part.layer, (y, axis), dy, (True,), single)
    return np.asarray(values).reshape(shape)


def _activation(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of GELU and leaky ReLU."""
    name = machine.trace.operation
    return Planned(
        lambda x, *rest: applied(machine, part.layer, name, x, **_attributes(name, rest, {})), call.tensors[0].dtype
    )


def unnamed(compute: Compute) -> Compute:
    """A row's function, whose one argument by name comes as the last one, as calls that are planned have it."""

    def call(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return compute(machine, operation, (*args, *kwargs.values()) if len(kwargs) == 1 else args, {})

    return call


@row("gelu", "leaky_relu")
@unnamed
@planned(_activation)
def activation(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """GELU in both its forms, leaky ReLU."""
    t, name = args[0], operation.__name__.partition(".")[0]
    known = machine.known(t)
    part = machine.part([known], [t.numel()], t.numel())
    values = applied(machine, part.layer, name, machine.read(t, known), **_attributes(name, args[1:], kwargs))
    return machine.result(values, part, t.dtype)


def _attributes(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    key, default = ("approximate", "none") if name == "gelu" else ("negative_slope", 0.01)
    return {key: args[0] if args else kwargs.get(key, default)}


def _activation_backward(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of its gradient."""
    name = machine.trace.operation.removesuffix("_backward")
    return Planned(
        lambda dy, x, *rest: slope(machine, part.layer, name, dy, x, **_attributes(name, rest[:1], {})),
        call.tensors[1].dtype,
    )


@row("gelu_backward", "leaky_relu_backward")
@unnamed
@planned(_activation_backward)
def activation_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Its gradient, from the operand."""
    gradient, t, name = args[0], args[1], operation.__name__.partition(".")[0].removesuffix("_backward")
    known = [machine.known(gradient), machine.known(t)]
    part = machine.part(known, [gradient.numel(), t.numel()], t.numel())
    dy, x = (machine.read(each, k) for each, k in zip((gradient, t), known, strict=True))
    return machine.result(
        slope(machine, part.layer, name, dy, x, **_attributes(name, args[2:3], kwargs)), part, t.dtype
    )


def _threshold_backward(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of ReLU's gradient, as a tensor: it is not rounded."""
    dtype, backward = call.tensors[1].dtype, OPS["relu"].backward
    if call.rest != (0,) or any([k.kind not in (Kind.ACTIVATION, Kind.GRADIENT) for k in call.known]):
        return None

    def found(gradient: torch.Tensor, t: torch.Tensor, threshold: float) -> torch.Tensor:
        x, dy = array_of(t), array_of(gradient)
        if threshold == 0 and x.shape == dy.shape:
            return tensor_of(np.asarray(backward(machine.p, part.layer, x, dy, (True,))[0]), dtype)
        return tensor_of(selected(x > threshold, dy), dtype)

    return Planned(found, dtype, own=(part.layer, "moved", ""))


@row("threshold_backward")
@planned(_threshold_backward)
def threshold_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The gradient where x is above the threshold, else 0; as in `nfloat.nn` also where x is NaN."""
    gradient, t, threshold = args
    known = [machine.known(gradient), machine.known(t)]
    part = machine.part(known, [gradient.numel(), t.numel()], t.numel())
    x, dy = machine.read(t, known[1]), machine.read(gradient, known[0])
    if threshold == 0 and x.shape == dy.shape:
        (values,) = OPS["relu"].backward(machine.p, part.layer, x, dy, (True,))
        values = np.asarray(values)
    else:
        values = selected(x > threshold, dy)
    machine.trace.count(part.layer, "moved", "", "", t.numel())
    return machine.learned(tensor_of(values, t.dtype), part)
