"""Plans: what a call of an operation shares with all others like it, found out once.

Two calls are alike if they differ by shapes and numbers alone: the same operation, on operands of the same kinds and
types, whose result has the same part in the step. For these a row's maker says once how the values follow from the
operands' arrays (and, of some, what the operation returns beside them); how they are stored and what a trace is told is
looked up once too. All else (what keeps books, recipes with layers of their own, observers, operands that were not met
before, or by another emulation) goes the row's general way, to the same bits. Whole steps of optimisers are planned in
``operations/updates.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any, NamedTuple

import torch

from ..nn.precision import Floats
from .known import ROLE_OF, Kind, Known, bits
from .machine import Machine
from .parts import Part, forward_part
from .tensors import array_of, elements
from .ways import Stored

_Tensor, _TENSORS = torch.Tensor, frozenset({torch.Tensor, torch.nn.Parameter})
_task, _newest = torch._C._current_graph_task_id, torch._C._autograd._get_sequence_nr
#: kinds of which one makes a call the model's own, and no keeping of books
_MODEL = bits(Kind.ACTIVATION, Kind.GRADIENT, Kind.LOSS)
#: kinds that are read as they lie in memory
_LIE = _MODEL | bits(Kind.WEIGHT)
_LOSS = bits(Kind.LOSS)


class Planned(NamedTuple):
    """What a row's maker says of calls that are alike."""

    #: of the operands' arrays and of the other arguments: the values of the result; where `own`, of tensors: the result
    function: Callable[..., Any]
    #: type of the result
    dtype: torch.dtype
    #: whether operands are read as those of a product
    product: bool = False
    #: role and format that a trace has of results that the function makes of tensors itself, as they are stored
    own: tuple[str, str] | None = None
    #: of the stored result and of what the function gives beside the values: what the operation returns
    finish: Callable[[torch.Tensor, Any], Any] | None = None
    #: whether the function is given what is known of the operands first
    knows: bool = False


class Plan(NamedTuple):
    """How calls that are alike are done, and the rows of a trace that they are counted in."""

    function: Callable[..., Any]
    dtype: torch.dtype
    product: bool
    part: Part
    #: how results are stored (None: as the machine finds out)
    stored: Stored | None
    #: of results that need no rounding, and of those that were rounded
    exact: list[int]
    rounded: list[int]
    own: bool
    finish: Callable[[torch.Tensor, Any], Any] | None = None
    knows: bool = False


class Call(NamedTuple):
    """What a maker is given: the operation, its tensors, what is known of them, and its other arguments."""

    operation: Any
    tensors: Sequence[torch.Tensor]
    known: list[Known]
    rest: tuple[Any, ...]

    def is_plain(self) -> bool:
        """Whether all tensors are of one type of real numbers."""
        dtype = self.tensors[0].dtype
        return dtype.is_floating_point and all([t.dtype is dtype for t in self.tensors])


#: a row's function (``operations/table.py``)
Compute = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]
#: of a machine, a part and a call: what is planned, or None
Maker = Callable[[Machine, Part, Call], Planned | None]
#: elements of the result of a call, of its tensors and its other arguments
Size = Callable[[Sequence[torch.Tensor], tuple[Any, ...]], int]
#: of a part of the backward pass, what is known of operands, and a size: whether the call is not to be planned
Unless = Callable[[Part, list[Known], int], bool]


def by_number(tensors: Sequence[torch.Tensor], rest: tuple[Any, ...]) -> int:
    """Elements of what is done number by number, to one tensor or two."""
    return tensors[0].numel() if len(tensors) == 1 else elements(tensors[0], tensors[1])


def planned(make: Maker, size: Size = by_number, unless: Unless | None = None) -> Callable[[Compute], PlannedRow]:
    """Plan the calls of a row by `make`; where that gives None, the row's own function is called.

    Tensors stand before all other arguments, in the order of the arrays that a plan's function gets.
    """
    return lambda general: PlannedRow(general, make, size, unless)


class PlannedRow:
    """A row's function, and the plans of its calls."""

    def __init__(self, general: Compute, make: Maker, size: Size, unless: Unless | None) -> None:
        update_wrapper(self, general)
        self.general, self.make, self.size, self.unless = general, make, size, unless

    def __call__(self, machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        general = self.general
        if kwargs or machine.stepping or not machine.plain:
            return general(machine, operation, args, kwargs)
        tensors, rest = args, ()
        try:
            known: list[Known] = [
                t.untyped_storage()._nfloat if type(t) is _Tensor else machine.known(t)
                for t in args
                if type(t) in _TENSORS
            ]
            if len(known) < len(args):
                tensors, rest = args[: len(known)], args[len(known) :]
            key: list[Any] = [id(operation)]
            token = machine.token
            for t, own in zip(tensors, known, strict=True):
                if own.run is not token:  # known by an emulation that is over: from outside, for this one
                    return general(machine, operation, args, kwargs)
                key += own.mark, t.dtype
        except (AttributeError, RuntimeError):  # not met before; of no memory; a tensor after other arguments
            return general(machine, operation, args, kwargs)
        part, at = self._place(machine, tensors, known, rest)
        if at is None:
            return general(machine, operation, args, kwargs)
        if rest:
            key += map(type, rest)
        alike = *key, at
        plan = machine.plans.get(alike, _NEW)
        if plan is _NEW:  # the first of them goes the general way, and a trace's rows come in its order
            found = general(machine, operation, args, kwargs)
            keep(machine, alike, _plan(machine, part, at, self.make, Call(operation, tensors, known, rest)))
            return found
        if plan is None or known[0].wide is not None:
            return general(machine, operation, args, kwargs)
        return _done(machine, plan, tensors, known, rest)

    def _place(
        self, machine: Machine, tensors: Sequence[torch.Tensor], known: list[Known], rest: tuple[Any, ...]
    ) -> tuple[Part | None, Any]:
        """The part of a result of the backward pass, and what stands for a result's part; None: not to be planned."""
        if _task() == -1:
            layer = machine.places.layer or machine.trace.operation
            if _newest() - 1 not in machine.places.origins:
                machine.places.remember(layer, known, [t.numel() for t in tensors])
            return None, layer
        if not known or not machine.is_backward():
            return None, None
        size = self.size(tensors, rest)
        part = machine.backward_part(known, size)
        if self.unless is not None and self.unless(part, known, size):
            return part, None
        return part, part[:3]


def _done(
    machine: Machine, plan: Plan, tensors: Sequence[torch.Tensor], known: list[Known], rest: tuple[Any, ...]
) -> Any:
    """A call as it is planned."""
    function, product = plan.function, plan.product
    if plan.own:
        found: torch.Tensor = function(*tensors, *rest)
        row = plan.exact
        row[0] += 1
        row[1] += found.numel()
        return machine.learned(found, plan.part)
    arrays = [
        array_of(t) if own.bit & _LIE else machine.read(t, own, product) for t, own in zip(tensors, known, strict=True)
    ]
    values = function(known, *arrays, *rest) if plan.knows else function(*arrays, *rest)
    if plan.finish is None:
        return _kept(machine, plan, values)
    values, more = values
    return plan.finish(_kept(machine, plan, values), more)


def _kept(machine: Machine, plan: Plan, values: Floats) -> torch.Tensor:
    """A result as it is stored, and counted."""
    stored = plan.stored
    if stored is None:
        return machine.result(values, plan.part, plan.dtype)
    row, kept = plan.exact, values
    if values.dtype is not stored.exact:
        rounded = stored.apply(values)
        if rounded is None:
            return machine.result(values, plan.part, plan.dtype)
        row, kept = plan.rounded, rounded
    row[0] += 1
    row[1] += kept.size
    return machine.made(kept, plan.part, plan.dtype)


_NEW: Any = object()
#: plans that a machine keeps
_MOST = 4096


def keep(machine: Machine, alike: tuple[Any, ...], plan: Any) -> None:
    """Keep a plan for the calls that are alike."""
    if len(machine.plans) >= _MOST:
        machine.plans.clear()
    machine.plans[alike] = plan


def _plan(machine: Machine, part: Part | None, layer: str, make: Maker, call: Call) -> Plan | None:
    """The plan of calls like this one; `part` is None in the forward pass."""
    kinds = 0
    for own in call.known:
        kinds |= own.bit
        if own.mark is None:
            return None
    if not kinds & _MODEL or not call.is_plain():
        return None
    if part is None:
        part = forward_part(Kind.LOSS if kinds & _LOSS else Kind.ACTIVATION, layer)
    made, part, trace = make(machine, part, call), part._replace(origin=None), machine.trace
    if made is None:
        return None
    function, dtype, product, own_result, finish, knows = made
    if own_result:
        row = trace.row(part.layer, own_result[0], own_result[1], "")
        return Plan(function, dtype, product, part, None, row, row, True)
    role = ROLE_OF[part.kind]
    if role is None:
        return Plan(function, dtype, product, part, None, [], [], False, finish, knows)
    way = machine.ways.stored(machine.p, part.kind, role, part.name)
    exact = trace.row(way.layer, way.tensor, way.format, "")
    rounded = trace.row(way.layer, way.tensor, way.rounded, "")
    return Plan(function, dtype, product, part, way, exact, rounded, False, finish, knows)
