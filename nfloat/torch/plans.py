"""Plans: what a call of an operation shares with all others like it, found out once.

Two calls are alike if they differ by shapes and numbers alone: the same operation, on operands of the same kinds and
types, whose result has the same part in the step. For these a row's maker says once how the values follow from the
operands' arrays (and, of some, what the operation returns beside them); how they are stored and what a trace is told is
looked up once too. All else (what keeps books, recipes with layers of their own, observers) goes the row's general way,
to the same bits. Whole steps of optimisers are planned in ``operations/updates.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any, NamedTuple

import numpy as np
import torch

from ..linalg.accumulators import Accumulator
from ..linalg.reductions import column_sums
from ..nn.precision import Floats
from .known import CARRIED, PARAMETER, ROLE_OF, WEIGHTS, Kind, Known, bits
from .machine import Machine
from .parts import STEP, Part, forward_part
from .tensors import array_of, elements, tensor_of
from .ways import Stored

_SINGLE = np.dtype(np.float32)
_Tensor, _Parameter, _numel = torch.Tensor, torch.nn.Parameter, torch.Tensor.numel
_task = torch._C._current_graph_task_id
_recording = torch.is_grad_enabled
#: kinds of which one makes a call the model's own, and no keeping of books; others that have a part in its modules
_MODEL = bits(Kind.ACTIVATION, Kind.GRADIENT, Kind.LOSS)
_INSIDE = bits(Kind.OUTSIDE, Kind.CONSTANT) | WEIGHTS
#: kinds that are read as they lie in memory
_LIE = _MODEL | bits(Kind.WEIGHT)
_LOSS, _CONSTANT = bits(Kind.LOSS), bits(Kind.CONSTANT)


class Planned(NamedTuple):
    """What a row's maker says of calls that are alike."""

    #: of the operands' arrays and of the other arguments: the values of the result; where `own`, of tensors: the
    #: result; None where the call is to go the general way
    function: Callable[..., Any]
    #: type of the result; None: the function does all there is to do, of what is known and of the arguments
    dtype: torch.dtype | None
    #: whether operands are read as those of a product
    product: bool = False
    #: layer, role and format that a trace has of results that the function makes of tensors itself, as they are stored
    own: tuple[str, str, str] | None = None
    #: of how results are stored, the values, and what the function gives beside them: what the operation returns
    finish: Callable[[Results, Floats, Any], Any] | None = None
    #: whether the function is given what is known of the operands and the arguments as they are first
    knows: bool = False
    #: how many operands it is given as arrays (None: all of them)
    reads: int | None = None
    #: the part of the result, where it is another than that of other operations on such operands
    part: Part | None = None


class Results(NamedTuple):
    """How results of one part are stored, and the rows of a trace that they are counted in."""

    part: Part
    dtype: torch.dtype
    #: None: they are numbers of the carrier
    stored: Stored | None
    #: of results that need no rounding, and of those that were rounded
    exact: list[int]
    rounded: list[int]
    #: what is known of each of them
    known: Known

    def keep(self, machine: Machine, values: Floats, wide: Any = None) -> torch.Tensor:
        """A tensor of the values as they are stored, and counted; `wide` as `Known` has it."""
        stored, row = self.stored, self.exact
        if type(values) is not np.ndarray:
            values = np.asarray(values)  # NumPy makes scalars of 0-d results
        if stored is None:
            kept = np.asarray(values, machine.p.carrier)
        elif values.dtype is stored.exact:
            kept = values
        else:
            rounded = stored.apply(values)
            if rounded is None:
                return machine.result(values, self.part, self.dtype, wide)
            row, kept = self.rounded, rounded
        row[0] += 1
        row[1] += kept.size
        t = tensor_of(kept, self.dtype, machine.keeps)
        if wide is not None:
            return machine.learned(t, self.part, wide)
        t.untyped_storage()._nfloat = self.known
        return t


class Sums(NamedTuple):
    """How sums of rows are formed, and the row of a trace that they are counted in."""

    layer: str
    #: None: by what `Precision` alone knows
    sums: Accumulator | None
    row: list[int]
    #: whether sums are given in the type of their terms, which may be wider than the accumulator's
    wide: bool

    def columns(self, machine: Machine, x: Floats) -> Floats:
        """(k, n) -> (n,): the sums over the first axis, k ascending, counted."""
        found = None if self.sums is None else column_sums(x, self.sums, self.wide)
        if found is None:
            return machine.p.sum_rows(self.layer, x)
        row = self.row
        row[0] += 1
        row[1] += found.size
        return found


class Plan(NamedTuple):
    """How calls that are alike are done."""

    function: Callable[..., Any]
    product: bool
    results: Results
    own: bool = False
    finish: Callable[[Results, Floats, Any], Any] | None = None
    knows: bool = False
    reads: int | None = None


class Change(NamedTuple):
    """How calls that are alike change a tensor, by a function of what is known and of the arguments."""

    function: Callable[..., Any]


class Call(NamedTuple):
    """What a maker is given: the operation, its tensors, what is known of them, and its other arguments."""

    operation: Any
    tensors: Sequence[torch.Tensor]
    known: list[Known]
    rest: tuple[Any, ...]
    named: dict[str, Any]

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
#: of what is known of the operands: whether a call may be planned
Suits = Callable[[list[Known]], bool]
#: of a part of the backward pass, what is known of operands, and a size: whether the call is not to be planned
Unless = Callable[[Part, list[Known], int], bool]


def by_number(tensors: Sequence[torch.Tensor], rest: tuple[Any, ...]) -> int:
    """Elements of what is done number by number, to one tensor or two."""
    return tensors[0].numel() if len(tensors) == 1 else elements(tensors[0], tensors[1])


def is_alone(known: list[Known]) -> bool:
    """Whether the first operand has nothing kept beside it (`Known.wide`) that would change the result."""
    return known[0].wide is None


def planned(
    make: Maker, size: Size = by_number, unless: Unless | None = None, *, suits: Suits | None = None, layer: str = "",
    within: bool = False, named: bool = False,
) -> Callable[[Compute], PlannedRow]:  # fmt: skip
    """Plan the calls of a row by `make`; where that gives None, the row's own function is called.

    Tensors stand before all other arguments, in the order of the arrays that a plan's function gets; tensors of
    integers may be among the others. `layer` stands in the place of the module's name. `within`: only calls in an
    optimiser's step are planned. `named`: a plan's function may be given arguments by name.
    """
    return lambda general: PlannedRow(general, make, size, unless, suits, layer, within, named)


class PlannedRow:
    """A row's function, and the plans of its calls."""

    def __init__(
        self, general: Compute, make: Maker, size: Size, unless: Unless | None, suits: Suits | None, layer: str,
        within: bool, named: bool,
    ) -> None:  # fmt: skip
        update_wrapper(self, general)
        self.general, self.make, self.size, self.unless, self.suits = general, make, size, unless, suits
        self.layer, self.within, self.named = layer, within, named

    def __call__(self, machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not machine.plain or (kwargs and not self.named) or (self.within and not machine.stepping):
            return self.general(machine, operation, args, kwargs)
        key: list[Any] = [id(operation)]
        known = _met(machine, args, key)
        if not known or (self.suits is not None and not self.suits(known)):
            return self.general(machine, operation, args, kwargs)
        count = len(known)
        part, at = self._place(machine, args, known, count)
        if at is None:
            return self.general(machine, operation, args, kwargs)
        if kwargs:
            key += kwargs
            key += map(type, kwargs.values())
        key.append(at)
        alike = tuple(key)
        plan = machine.plans.get(alike, _NEW)
        if plan is None:
            return self.general(machine, operation, args, kwargs)
        if plan is _NEW:  # the first of them goes the general way, and a trace's rows come in its order
            found = self.general(machine, operation, args, kwargs)
            call = Call(operation, args[:count], known, args[count:], kwargs)
            keep(machine, alike, _plan(machine, part, at, self.make, call))
            return found
        if type(plan) is Change:
            found = plan.function(known, *args, **kwargs)
        else:
            found = _done(machine, plan, args, kwargs, known)
        return self.general(machine, operation, args, kwargs) if found is None else found

    def _place(
        self, machine: Machine, args: tuple[Any, ...], known: list[Known], count: int
    ) -> tuple[Part | None, Any]:
        """The part of a result, but of the forward pass, and what a plan has of it; None: not to be planned."""
        if machine.stepping:  # but for the closure that a step was given
            return STEP, None if _recording() or _task() != -1 else STEP
        if _task() == -1:
            places = machine.places
            at = self.layer or places.layer or machine.trace.operation
            places.remember(at, known, [*map(_numel, args[:count])])
            return None, at if places.depth and not places.is_aside() else (at,)  # other calls may be books'
        if _recording() and not machine.is_backward():
            return None, None
        tensors = args[:count]
        size = self.size(tensors, args[count:])
        part = machine.backward_part(known, size)
        if self.unless is not None and self.unless(part, known, size):
            return part, None
        return part, (*part[:3], machine.places.layer)


def _met(machine: Machine, args: tuple[Any, ...], key: list[Any]) -> list[Known] | None:
    """What is known of the tensors before all other arguments; what calls alike share of all arguments goes to `key`.

    That is the layer where a call of the forward pass belongs (`__call__`), and the part of what comes of one of the
    backward pass.
    """
    known: list[Known] = []
    token = machine.token
    try:
        for t in args:
            kind = type(t)
            if kind is _Tensor:
                own = getattr(t.untyped_storage(), "_nfloat", None)
                if own is None or own.run is not token:
                    if not t.is_floating_point():
                        break
                    own = machine.known(t)
            elif kind is _Parameter:
                own = machine.known(t)
            else:
                break
            known.append(own)
            key += own.mark, t.dtype
    except RuntimeError:  # of no memory
        return None
    if len(known) < len(args):
        key += map(type, args[len(known) :])
    return known


def _done(machine: Machine, plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any], known: list[Known]) -> Any:
    """A call as it is planned; None if it is to go the general way."""
    function, product, results, own_result, finish, knows, reads = plan
    if own_result:
        found: torch.Tensor = function(*args, **kwargs)
        row = results.exact
        row[0] += 1
        row[1] += found.numel()
        found.untyped_storage()._nfloat = results.known
        return found
    arrays: list[Any] = []
    for t, own in zip(args, known if reads is None else known[:reads], strict=False):
        bit = own.bit
        if bit & _LIE:
            arrays.append(array_of(t))
        else:
            arrays.append(machine.parameter(t, own) if bit & PARAMETER else machine.read(t, own, product))
    if len(known) < len(args):
        arrays += args[len(known) :]
    values = function(known, args, *arrays) if knows else function(*arrays)
    if values is None:
        return None
    return results.keep(machine, values) if finish is None else finish(results, *values)


_NEW: Any = object()
#: plans that a machine keeps
_MOST = 4096


def keep(machine: Machine, alike: tuple[Any, ...], plan: Any) -> None:
    """Keep a plan for the calls that are alike."""
    if len(machine.plans) >= _MOST:
        machine.plans.clear()
    machine.plans[alike] = plan


def _plan(machine: Machine, part: Part | None, at: Any, make: Maker, call: Call) -> Plan | Change | None:
    """The plan of calls like this one; `part` is None in the forward pass."""
    kinds = 0
    for own in call.known:
        kinds |= own.bit
        if own.mark is None:
            return None
    if any([isinstance(other, _Tensor) and other.is_floating_point() for other in call.rest]):
        return None
    inside = type(at) is str and not kinds & ~_INSIDE and kinds & ~_CONSTANT
    if not (kinds & _MODEL or inside or part) or not call.is_plain():
        return None
    if part is None:
        part = forward_part(Kind.LOSS if kinds & _LOSS else Kind.ACTIVATION, at if type(at) is str else at[0])
    made, part = make(machine, part, call), part._replace(origin=None)
    if made is None:
        return None
    function, dtype, product, own_result, finish, knows, reads, own_part = made
    if dtype is None:
        return Change(function)
    if own_result:
        row = machine.trace.row(*own_result, "")
        return Plan(function, product, Results(part, dtype, None, row, row, machine.of(own_part or part)), True)
    return Plan(function, product, results_of(machine, own_part or part, dtype), False, finish, knows, reads)


def results_of(machine: Machine, part: Part, dtype: torch.dtype) -> Results:
    """How results of that part and type are stored, of the operation that is running."""
    p, trace, role = machine.p, machine.trace, ROLE_OF[part.kind]
    if role is None:
        row = trace.row(part.layer, CARRIED.get(part.kind, "carrier"), p.carrier.name, "")
        return Results(part, dtype, None, row, row, machine.of(part))
    way = machine.ways.stored(p, part.kind, role, part.name)
    exact = trace.row(way.layer, way.tensor, way.format, "")
    return Results(part, dtype, way, exact, trace.row(way.layer, way.tensor, way.rounded, ""), machine.of(part))


def sums_of(machine: Machine, layer: str) -> Sums:
    """How sums of rows are formed in a layer, of the operation that is running."""
    sums, text = machine.ways.sums(machine.p, layer)
    return Sums(layer, sums, machine.trace.row(layer, "sum", "", text), machine.p.carrier is not _SINGLE)
