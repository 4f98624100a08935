"""What an optimiser's step changes in place, planned: states, parameters that take plain steps, its own numbers.

The rules are those of ``updates.py``; here are the cases in which NumPy's one or two functions are all there is to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...nn.precision import Floats, Role
from ..known import Kind, Known, bits
from ..machine import Machine
from ..parts import Part
from ..plans import Call, Planned
from ..tensors import SHARED, array_of, name_of


def is_count(machine: Machine, t: torch.Tensor) -> bool:
    """Whether this is an optimiser's own scalar (its steps, a running product), which is torch's on any device."""
    return t.dim() == 0 and machine.updating and machine.known(t).kind is not Kind.PARAMETER


#: name of the operation -> what it adds, of a factor and of operands
_ADDED: dict[str, Callable[..., Floats]] = {
    "add": lambda factor, y: y if factor == 1 else factor * y,
    "sub": lambda factor, y: -factor * y,
    "addcmul": lambda factor, y, z: factor * (y * z),
    "addcdiv": lambda factor, y, z: factor * (y / z),
}
#: name of the operation -> NumPy's function
_TIMES: dict[str, Callable[..., Floats]] = {"mul": np.multiply, "div": np.divide}
#: operations that change an optimiser's own scalars too
_FOUR = ("add", "sub", "mul", "div")
#: kinds that are read as they lie in memory
_LIE = bits(Kind.SCALAR, Kind.GRADIENT, Kind.WEIGHT_GRADIENT)


def in_place(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a change in place within an optimiser's step: of a state, a parameter, or a number of the carrier."""
    name, own, t = machine.trace.operation, call.known[0], call.tensors[0]
    if name in _FOUR and is_count(machine, t):
        return Planned(_counting(machine, name, t.dtype), None)
    if SHARED.get(t.dtype) != machine.p.carrier or not all([type(a) in (int, float) for a in call.rest]):
        return None
    rows: list[tuple[str, str, str]] = []
    if own.kind is Kind.STATE:
        rows = [(*Role.ARITHMETIC.label(own.name), machine.p.carrier.name)]
    elif own.kind is Kind.PARAMETER and name in _ADDED:
        rows = [*(machine.ways.descent(machine.p, own.name) or ())]
    elif own.kind is Kind.SCALAR and name in _FOUR:
        rows = [("", "scalar", machine.p.carrier.name)]
    counted = [machine.trace.row(layer, tensor, fmt, "") for layer, tensor, fmt in rows]
    return Planned(_changing(machine, name, own.kind, counted), None) if counted else None


def _changing(machine: Machine, name: str, kind: Kind, counted: list[list[int]]) -> Callable[..., Any]:
    """The change itself, and the rows of a trace that it is counted in."""
    added, times, dtype, carrier = _ADDED.get(name), _TIMES.get(name), machine.p.carrier, machine.p.carrier.type

    def change(known: list[Known], t: torch.Tensor, *given: Any, alpha: float = 1, value: float = 1) -> Any:
        factor, operands = alpha * value, given[: len(known) - 1]
        if not t.dim() or (factor != 1 and kind is Kind.SCALAR):
            return None
        for y in operands:  # before they are read, which rounds what is pending
            if SHARED.get(y.dtype) != dtype or (y.shape != t.shape and (y.dim() or kind is Kind.PARAMETER)):
                return None
        x, ys = array_of(t), [] if operands else [carrier(given[0])]
        for y, k in zip(operands, known[1:], strict=True):
            ys.append(array_of(y) if k.bit & _LIE else machine.read(y, k))
        if added is not None:
            np.add(x, added(factor if factor == 1 else carrier(factor), *ys), out=x)
        elif times is not None:
            times(x, ys[0], out=x)
        else:
            np.add(carrier(1.0 - given[1]) * x, carrier(given[1]) * ys[0], out=x)
        for calls in counted:
            calls[0] += 1
            calls[1] += x.size
        if kind is Kind.STATE:
            known[0].pending = True
        elif kind is Kind.PARAMETER:
            machine.written(known[0])
            known[0].version += 1
        return t

    return change


def _counting(machine: Machine, name: str, dtype: torch.dtype) -> Callable[..., Any]:
    """The plan of an optimiser's own scalar: torch's method, in less time than the operation takes."""
    method, calls = getattr(torch.Tensor, f"{name}_"), machine.trace.row("", "scalar", name_of(dtype), "")

    def counted(known: list[Known], t: torch.Tensor, *given: Any, **named: Any) -> Any:
        if t.dim() or torch._C._len_torch_function_stack():
            return None
        calls[0] += 1
        calls[1] += 1
        return method(t, *given, **named)

    return counted
