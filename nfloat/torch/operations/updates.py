"""What changes a tensor in place: +, -, *, / and the pairs that optimisers use.

A parameter takes a step: rounded as the recipe's `update`, added, rounded as `weights`. A state (a momentum) takes the
carrier's arithmetic and is rounded when the formula is done: when something else reads it, or the step ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ... import nn
from ...nn.optim.one_pass import Scaled
from ...nn.optim.optimizer import Computation
from ...nn.precision import Floats, Role
from ..known import Kind, Known
from ..machine import Machine, is_float
from ..tensors import array_of
from .table import row
from .wide import wide


@row("add_.Tensor", "sub_.Tensor", "add_.Scalar", "sub_.Scalar")
def add_in_place(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x += alpha y."""
    t, other = args[0], args[1]
    if _is_count(machine, t):
        return operation(*args, **kwargs)
    known = machine.known(t) if is_float(t) else None
    if known is None or (isinstance(other, torch.Tensor) and not is_float(other)):
        return _other(machine, operation, args, kwargs)
    sign = -1.0 if operation.__name__.startswith("sub") else 1.0
    return _added(machine, t, known, other, sign * kwargs.get("alpha", 1))


def _is_count(machine: Machine, t: torch.Tensor) -> bool:
    """Whether this is an optimiser's own scalar (its steps, a running product), which is torch's on any device."""
    return t.dim() == 0 and machine.updating and machine.known(t).kind is not Kind.PARAMETER


def _other(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return wide(machine, operation, args, kwargs) if is_float(args[0]) else operation(*args, **kwargs)


def _added(machine: Machine, t: torch.Tensor, known: Known, other: Any, alpha: float) -> torch.Tensor:
    carrier = machine.p.carrier.type
    y: Any = carrier(other) if not is_float(other) else None
    operands = machine.operands([t] if y is not None else [t, other], in_place=True)
    if y is None:
        y = machine.read(other, operands[1])
    if known.kind is Kind.PARAMETER and not machine.is_backward():
        return step(machine, t, known, y if alpha == 1 else carrier(alpha) * np.asarray(y, machine.p.carrier))
    if known.kind is Kind.STATE:
        x = _unrounded(t)
        return machine.change(t, known, x + (y if alpha == 1 else carrier(alpha) * y), machine.part([], [], 0))
    counts = [t.numel()] + ([other.numel()] if len(operands) > 1 else [])
    part = machine.part(operands, counts, t.numel())
    scaled = y if alpha == 1 else np.multiply(y, carrier(alpha), dtype=np.float64)
    return machine.change(t, known, np.add(machine.read(t, known), scaled, dtype=np.float64), part)


def _unrounded(t: torch.Tensor) -> Floats:
    """A state as the formula has it so far."""
    return t.detach().numpy() if t.dtype in (torch.float32, torch.float64) else t.float().numpy()


class Given(nn.Optimizer):
    """An optimiser whose step is known: what follows from a step (roundings, the sum) is `nfloat.nn`'s."""

    def __init__(self, parameters: dict[str, nn.Tensor], values: Floats) -> None:
        super().__init__(parameters, 1.0)
        self.values = values

    def direction(self, c: Computation) -> Scaled:
        return Scaled(None, self.values)


def step(machine: Machine, t: torch.Tensor, known: Known, values: Floats) -> torch.Tensor:
    """Add a step to a parameter, as the recipe rounds steps and weights."""
    given = np.ascontiguousarray(np.broadcast_to(values, t.shape))
    stepped(machine, lambda own: Given(own, given), [t], [given], {}, 1)
    assert known.owner is not None, "parameters have an owner"
    known.version = known.owner._version + 1
    return t


def stepped(
    machine: Machine,
    make: Callable[[dict[str, nn.Tensor]], nn.Optimizer],
    parameters: list[torch.Tensor],
    gradients: list[Floats],
    states: dict[str, list[torch.Tensor]],
    steps: int,
) -> None:
    """One step of the optimiser that `make` makes of `nfloat.nn`'s parameters; its states are torch's tensors."""
    known = [machine.known(t) for t in parameters]
    tensors = {}
    for k, t, gradient in zip(known, parameters, gradients, strict=True):
        tensor = nn.Tensor(array_of(t), True, name=k.name, parameter=True)
        tensor.store(tensor.data, machine.recipe(Role.WEIGHT, k.name).weights.format)
        tensor.grad = gradient
        tensors[k.name] = tensor
    optimizer = make(tensors)
    optimizer.steps = steps - 1
    for place, k in enumerate(known):
        own = optimizer.state[k.name]
        own.update({key: np.asarray(array_of(ts[place]), machine.p.carrier) for key, ts in states.items()})
        own.update(k.state or {})
    with machine.p:
        optimizer.step()
    for place, (t, k) in enumerate(zip(parameters, known, strict=True)):
        machine.write(t, tensors[k.name].data)
        machine.written(k)
        for key, ts in states.items():
            machine.write(ts[place], optimizer.state[k.name][key])
        k.state = {key: value for key, value in optimizer.state[k.name].items() if key not in states}


@row("mul_.Tensor", "div_.Tensor", "mul_.Scalar", "div_.Scalar")
def scale_in_place(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x *= y or x /= y."""
    t, other = args[0], args[1]
    if _is_count(machine, t):
        return operation(*args, **kwargs)
    if not is_float(t) or (isinstance(other, torch.Tensor) and not is_float(other)):
        return _other(machine, operation, args, kwargs)
    known = machine.known(t)
    function = np.divide if operation.__name__.startswith("div") else np.multiply
    counts = [t.numel(), other.numel()] if is_float(other) else [t.numel()]
    operands = machine.operands([t, other] if is_float(other) else [t], in_place=True)
    if is_float(other):
        y: Any = machine.read(other, operands[1])
    else:
        y = machine.p.carrier.type(other)
    part = machine.part(operands, counts, t.numel())
    if known.kind is Kind.STATE:
        return machine.change(t, known, function(_unrounded(t), y), part)
    return machine.change(t, known, function(machine.read(t, known), y, dtype=np.float64), part)


@row("addcmul_", "addcdiv_")
def add_pair(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x += value (y z), or value (y / z); in the carrier where an optimiser does it."""
    t, one, other = args
    known = machine.known(t)
    if known.kind not in (Kind.STATE, Kind.PARAMETER):
        return wide(machine, operation, args, kwargs)
    value = machine.p.carrier.type(kwargs.get("value", 1))
    machine.operands(args, in_place=True)
    y, z = machine.read(one), machine.read(other)
    moved = value * (y / z if operation.__name__.startswith("addcdiv") else y * z)
    if known.kind is Kind.PARAMETER:
        return step(machine, t, known, moved)
    return machine.change(t, known, _unrounded(t) + moved, machine.part([], [], 0))


@row("lerp_.Scalar")
def interpolate(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x = (1 - w) x + w y, as optimisers write a running mean."""
    t, other, weight = args
    known = machine.known(t)
    if known.kind is not Kind.STATE:
        return wide(machine, operation, args, kwargs)
    carrier = machine.p.carrier.type
    values = carrier(1.0 - weight) * _unrounded(t) + carrier(weight) * machine.read(other)
    return machine.change(t, known, values, machine.part([], [], 0))
