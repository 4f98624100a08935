"""What changes a tensor in place: +, -, *, / and the pairs that optimisers use.

A parameter takes a step: rounded as the recipe's `update`, added, rounded as `weights`. A state (a momentum) takes the
carrier's arithmetic and is rounded when the formula is done: when something else reads it, or the step ends.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch

from ... import nn
from ...nn.optim.one_pass import Scaled
from ...nn.optim.optimizer import Computation
from ...nn.precision import Floats, Role
from ..known import Kind, Known
from ..machine import Machine
from ..plans import keep, planned
from ..refusals import check_number
from ..tensors import SHARED, array_of, is_float, name_of
from .in_place import in_place, is_count
from .lists import each
from .table import row
from .wide import wide


@row("_foreach_add_.Scalar")
def add_to_each(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x += y of several; all of an optimiser's counts of its steps at once."""
    if not machine.updating or not all([is_count(machine, t) for t in args[0]]):
        return each(machine, operation, args, kwargs)
    machine.trace.operation = "add"
    for t in args[0]:
        machine.trace.count("", "scalar", name_of(t.dtype), "", 1)
    return operation(*args, **kwargs)


@row("add_.Tensor", "sub_.Tensor", "add_.Scalar", "sub_.Scalar")
@planned(in_place, within=True, named=True)
def add_in_place(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x += alpha y."""
    t, other = args[0], args[1]
    if is_count(machine, t):
        machine.trace.count("", "scalar", name_of(t.dtype), "", 1)
        return operation(*args, **kwargs)
    known = machine.known(t) if is_float(t) else None
    if known is None or (isinstance(other, torch.Tensor) and not is_float(other)):
        return _other(machine, operation, args, kwargs)
    sign = -1.0 if operation.__name__.startswith("sub") else 1.0
    return _added(machine, t, known, other, sign * kwargs.get("alpha", 1))


def _other(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return wide(machine, operation, args, kwargs) if is_float(args[0]) else operation(*args, **kwargs)


def _added(machine: Machine, t: torch.Tensor, known: Known, other: Any, alpha: float) -> torch.Tensor:
    check_number(other, machine.trace.operation)
    carrier = machine.p.carrier.type
    y: Any = carrier(other) if not is_float(other) else None
    operands = machine.operands([t] if y is not None else [t, other], in_place=True)
    if y is None:
        y = machine.read(other, operands[1])
    if known.kind is Kind.PARAMETER:
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
    return array_of(t)


class Given(nn.Optimizer):
    """An optimiser whose step is known, as its gradient: what follows (roundings, the sum) is `nfloat.nn`'s."""

    def __init__(self, parameters: dict[str, nn.Tensor], dtype: np.dtype[Any]) -> None:
        super().__init__(parameters, 1.0)
        self.dtype = dtype

    def direction(self, c: Computation) -> Scaled:
        return Scaled(None, c.g.astype(self.dtype, copy=False))


def step(machine: Machine, t: torch.Tensor, known: Known, values: Floats) -> torch.Tensor:
    """Add a step to a parameter, as the recipe rounds steps and weights."""
    if values.shape != t.shape or not descended(machine, t, values):
        given = values
        if values.shape != t.shape or not values.flags.c_contiguous:  # of no axes it would make one
            given = np.ascontiguousarray(np.broadcast_to(values, t.shape)).reshape(t.shape)
        stepped(machine, Rule(Given, (given.dtype,), {}), [t], [given], {})
    assert known.owner is not None, "parameters have an owner"
    known.version = known.owner._version + 1
    return t


class Stepped(NamedTuple):
    """A parameter that takes a step: its memory, its gradient, and its states in torch's memory."""

    known: Known
    values: Floats
    gradient: Floats
    states: dict[str, Floats]

    def part(self, at: slice) -> Stepped:
        """Some of its elements; they share the parameter's own further states."""
        states = {key: state.reshape(-1)[at] for key, state in self.states.items()}
        return Stepped(self.known, self.values.reshape(-1)[at], self.gradient.reshape(-1)[at], states)


class Rule(NamedTuple):
    """An optimiser of `nfloat.nn` at a rate, and at the step that it is to take."""

    kind: Callable[..., nn.Optimizer]
    #: what it is made with behind the parameters
    options: tuple[Any, ...]
    #: attributes of their own: torch allows more numbers there, or other ones in every step
    attributes: dict[str, Any]
    steps: int = 1

    def made(self, tensors: dict[str, nn.Tensor]) -> nn.Optimizer:
        """The optimiser of these parameters."""
        return self.kind(tensors, *self.options)


def stepped(
    machine: Machine,
    rule: Rule,
    parameters: list[torch.Tensor],
    gradients: list[Floats],
    states: dict[str, list[torch.Tensor]],
) -> None:
    """One step of an optimiser on `nfloat.nn`'s parameters; its states are torch's tensors."""
    several: list[Stepped] = []
    for place, (t, gradient) in enumerate(zip(parameters, gradients, strict=True)):
        own = {key: array_of(ts[place]) for key, ts in states.items()}
        several.append(Stepped(machine.known(t), array_of(t), gradient, own))
    if not any([_goes_in_pieces(machine, each) for each in several]):
        _together(machine, rule, several)
    else:
        for large, some in groupby(several, lambda each: _goes_in_pieces(machine, each)):
            if large:
                for each in some:
                    _in_pieces(machine, rule, each)
            else:
                _together(machine, rule, list(some))
    for each, *tensors in zip(several, parameters, *states.values(), strict=True):
        for memory, values in zip(tensors, (each.values, *each.states.values()), strict=True):
            if memory.dtype not in SHARED:
                machine.write(memory, values)
        machine.written(each.known)


#: elements of a large parameter that are updated at a time, so that what is computed between stays in the cache
_PIECE = 1 << 17


def _goes_in_pieces(machine: Machine, each: Stepped) -> bool:
    """Whether a step is the same element by element: no random bits are drawn, which are counted, and nobody looks."""
    if each.values.size <= _PIECE or machine.p.observer is not None:
        return False
    if machine.recipe(Role.WEIGHT, each.known.name).stochastic:
        return False
    arrays = (each.values, each.gradient, *each.states.values())
    return all([a.flags.c_contiguous and a.dtype == machine.p.carrier for a in arrays])


def _in_pieces(machine: Machine, rule: Rule, each: Stepped) -> None:
    p, kept = machine.p, each.known.state or {}
    own: dict[str, Any] = {}
    tracer, observed = p.tracer, p.observed
    for start in range(0, each.values.size, _PIECE):
        at = slice(start, start + _PIECE)
        part = each.part(at)
        part.known.state = {key: state.reshape(-1)[at] for key, state in kept.items()}
        p.tracer, p.observed = (None, False) if start else (_as_whole(machine, each.values.size), observed)
        _take(machine, rule, _update(machine, rule, [part]), [part])
        for key, state in part.known.state.items():
            own.setdefault(key, np.empty(each.values.shape, state.dtype)).reshape(-1)[at] = state
    each.known.state, p.tracer, p.observed = own, tracer, observed


def _as_whole(machine: Machine, size: int) -> Callable[..., None]:
    """A tracer that says of a piece what holds of the whole parameter."""

    def rounded(layer: str, tensor: str, fmt: str, mode: str, elements: int) -> None:
        machine.trace.rounded(layer, tensor, fmt, mode, size if elements == _PIECE else elements)

    return rounded


def descended(machine: Machine, t: torch.Tensor, gradient: Floats, rate: np.floating[Any] | None = None) -> bool:
    """Whether w + rate g in the carrier's own arithmetic is all there is to a parameter's step: then that is done.

    Without a rate g is the step itself.
    """
    known, p = machine.known(t), machine.p
    rows = None if p.observer is not None else _descent_rows(machine, known.name)
    if rows is None:
        return False
    values = array_of(t)
    if t.dtype not in SHARED or not values.dtype is gradient.dtype is p.carrier:
        return False
    if rate is None:
        np.add(gradient, values, out=values)
    elif values.size <= _PIECE:
        np.add(values, gradient * rate, out=values)
    else:
        _descend(values, gradient, rate)
    for calls in rows:
        calls[0] += 1
        calls[1] += values.size
    machine.written(known)
    return True


def _descent_rows(machine: Machine, name: str) -> list[list[int]] | None:
    """A trace's rows of a parameter's step by the operation that is running, if it is such a one."""
    alike, plans = (machine.trace.operation, name), machine.plans
    if alike not in plans:
        found = machine.ways.descent(machine.p, name)
        keep(machine, alike, None if found is None else [machine.trace.row(*each, "") for each in found])
    rows: list[list[int]] | None = plans[alike]
    return rows


def _descend(values: Floats, gradient: Floats, rate: np.floating[Any]) -> None:
    """Such a step in pieces that stay in the cache."""
    if not values.flags.c_contiguous:
        values[...] = values + gradient * rate
        return
    values, gradient = values.reshape(-1), gradient.reshape(-1)
    moved = np.empty(_PIECE // 4, values.dtype)
    for start in range(0, values.size, moved.size):
        at = slice(start, min(start + moved.size, values.size))
        part = moved[: at.stop - start]
        np.multiply(gradient[at], rate, out=part)
        np.add(values[at], part, out=values[at])


class Update(NamedTuple):
    """A step that some parameters take again and again: the optimiser, their tensors, and a trace's rows of it.

    It holds what is known of them, so that nothing else can be known by that id.
    """

    optimizer: nn.Optimizer
    tensors: dict[str, nn.Tensor]
    rows: list[tuple[list[int], int]]
    known: list[Known]


def _together(machine: Machine, rule: Rule, several: list[Stepped]) -> None:
    """A step of several parameters; from the second on that nobody watches, and a trace's rows are known."""
    p, trace = machine.p, machine.trace
    if p.observer is not None:
        _take(machine, rule, _update(machine, rule, several), several)
        return
    alike = trace.operation, rule.kind, rule.options, *[id(each.known) for each in several]
    update, tracer = machine.plans.get(alike), p.tracer
    if update is None:
        update = _update(machine, rule, several)
        keep(machine, alike, update)

        def rounded(layer: str, tensor: str, fmt: str, mode: str, elements: int) -> None:
            update.rows.append((trace.rounded(layer, tensor, fmt, mode, elements), elements))

        p.tracer = rounded
    else:
        p.tracer, p.observed = None, False
        for row, elements in update.rows:
            row[0] += 1
            row[1] += elements
    try:
        _take(machine, rule, update, several)
    finally:
        p.tracer, p.observed = tracer, True


def _update(machine: Machine, rule: Rule, several: list[Stepped]) -> Update:
    """An optimiser of its own for these parameters."""
    tensors = {each.known.name: nn.Tensor(each.values, True, name=each.known.name, parameter=True) for each in several}
    return Update(rule.made(tensors), tensors, [], [each.known for each in several])


def _take(machine: Machine, rule: Rule, update: Update, several: list[Stepped]) -> None:
    """The step itself."""
    (optimizer, tensors, *_), carrier, recipe = update, machine.p.carrier, machine.p.recipe
    for name, value in rule.attributes.items():
        setattr(optimizer, name, value)
    optimizer.taken = dict.fromkeys(tensors, rule.steps - 1)
    for known, values, gradient, states in several:
        tensor, own = tensors[known.name], optimizer.state[known.name]
        weights = machine.recipe(Role.WEIGHT, known.name).weights if recipe.layers else recipe.weights
        tensor.store(values, weights.format)
        tensor.grad = gradient
        own.clear()
        for key, state in states.items():
            own[key] = state.astype(carrier, copy=False)
        if known.state:
            own.update(known.state)
    with machine.p:
        optimizer.step()
    for known, values, _, states in several:
        tensor, own = tensors[known.name], optimizer.state[known.name]
        values[...] = tensor.data
        for key, state in states.items():
            state[...] = own[key]
        known.state = {key: value for key, value in own.items() if key not in states}
        tensor.grad = None
        own.clear()


@row("mul_.Tensor", "div_.Tensor", "mul_.Scalar", "div_.Scalar")
@planned(in_place, within=True, named=True)
def scale_in_place(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x *= y or x /= y."""
    t, other = args[0], args[1]
    if is_count(machine, t):
        machine.trace.count("", "scalar", name_of(t.dtype), "", 1)
        return operation(*args, **kwargs)
    if not is_float(t) or (isinstance(other, torch.Tensor) and not is_float(other)):
        return _other(machine, operation, args, kwargs)
    check_number(other, machine.trace.operation)
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
@planned(in_place, within=True, named=True)
def add_pair(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x += value (y z), or value (y / z); in the carrier where an optimiser does it."""
    t, one, other = args
    known, *operands = machine.operands(args, in_place=True)
    if known.kind not in (Kind.STATE, Kind.PARAMETER):
        return wide(machine, operation, args, kwargs)
    value = machine.p.carrier.type(kwargs.get("value", 1))
    y, z = machine.read(one, operands[0]), machine.read(other, operands[1])
    moved = value * (y / z if operation.__name__.startswith("addcdiv") else y * z)
    if known.kind is Kind.PARAMETER:
        return step(machine, t, known, moved)
    return machine.change(t, known, _unrounded(t) + moved, machine.part([], [], 0))


@row("lerp_.Scalar")
@planned(in_place, within=True, named=True)
def interpolate(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """x = (1 - w) x + w y, as optimisers write a running mean."""
    t, other, weight = args
    known = machine.known(t)
    if known.kind is not Kind.STATE:
        return wide(machine, operation, args, kwargs)
    carrier = machine.p.carrier.type
    values = carrier(1.0 - weight) * _unrounded(t) + carrier(weight) * machine.read(other)
    return machine.change(t, known, values, machine.part([], [], 0))
