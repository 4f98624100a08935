"""The walk back: where gradients meet, they are added; each is rounded where it leaves an operation.

Of `Tensor.backward`, which begins it. A gradient of a parameter is rounded as `weight_gradients`, one of an activation
as `activation_gradients`, one of a loss is kept in the carrier; and so are sums of several.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Protocol

import numpy as np

from ..formats.rounding import Rounding
from .ops import Part
from .precision import Floats, Precision, Role
from .recipes import Cast, Recipe

_SINGLE = np.dtype(np.float32)
_depth = attrgetter("depth")


class Node(Protocol):
    """What the walk knows of a `Tensor`."""

    name: str
    parameter: bool
    loss: bool
    requires_grad: bool
    depth: int
    grad: Floats | None
    origin: Any


#: a tensor, the sum of the gradients that have arrived there so far, the precision in which they were added; whether
#: that sum is an array of the walk's own, which nobody else holds before it is over; whether its numbers are of the
#: format in which activations' gradients are stored
Arrived = tuple[Node, Floats, Precision, bool, bool]
#: by the tensor's id
Pending = dict[int, Arrived]


def propagate(result: Node, gradient: Floats, member: bool, pending: Pending) -> None:
    """Send a result's complete gradient to the operands it came from; `member`: see `Arrived`."""
    assert result.origin is not None, "what is to be propagated came from an operation"
    op, name, operands, kept, p = result.origin
    needs = []
    for operand in operands:
        needs.append(operand.requires_grad)
    for operand, part in zip(operands, op.backward(p, name, kept, gradient, needs), strict=True):
        if part is None:
            continue
        if p.tracer is not None:
            say(p, name, f"{op.name}.backward", part, op.exact_backward)
        key = id(operand)
        known = pending.get(key)
        if type(part) is Part:
            pending[key] = operand, _with_part(p, operand, part, known), p, True, False
            continue
        values: Any = part
        of_format = member and op.exact_backward
        if not op.exact_backward:
            values = _cast_gradient(p, operand, values, op.own_gradients)
            of_format = not (operand.parameter or operand.loss or p.recipe.layers)
        if known is not None:
            values = plus(p, operand, known[1], values, of_format and known[4] and known[2].recipe is p.recipe)
        pending[key] = operand, values, p, False, of_format


def _with_part(p: Precision, tensor: Node, part: Part, known: Arrived | None) -> Floats:
    """The sum of a tensor's gradients with one that is 0 but for a part: that part alone is added, and rounded."""
    if known is None:
        total = np.zeros(part.shape, part.values.dtype)
    else:
        total = known[1] if known[3] else np.array(known[1])
    total[part.key] = plus(p, tensor, total[part.key], part.values)
    return total


def say(p: Precision, layer: str, tensor: str, values: Floats | Part, exact: bool) -> None:
    """Say in what an operation computed: the type of what it gave, before that is rounded."""
    assert p.tracer is not None, "there is someone to tell"
    values = values.values if isinstance(values, Part) else values
    p.tracer(layer, tensor, np.asarray(values).dtype.name, "exact" if exact else "nearest_even", np.size(values))


def plus(p: Precision, tensor: Node, one: Floats, other: Floats, members: bool = False) -> Floats:
    """The sum of two gradients of a tensor, rounded as such a gradient is; `members`: they are of its format.

    That of float64 is that of one pass over float32 arrays where float32 is the format, or its members are.
    """
    if not (p.observed or tensor.loss) and one.dtype is other.dtype is p.carrier is _SINGLE:
        role = Role.WEIGHT_GRADIENT if tensor.parameter else Role.ACTIVATION_GRADIENT
        cast: Cast = getattr(p.at(role.layer(tensor.name)), role.field)
        if p.carrier in cast.native_in or (members and cast.rounding is Rounding.NEAREST_EVEN and cast.edge is None):
            return p.add(role, tensor.name, one, other, members)
    return _cast_gradient(p, tensor, np.add(one, other, dtype=np.float64))


def _cast_gradient(p: Precision, tensor: Node, gradient: Floats, own: bool = False) -> Floats:
    """A gradient of a tensor as the recipe stores it: of parameters, of activations; of losses in the carrier.

    `own`: as for `Precision.round`.
    """
    if tensor.loss:
        return in_carrier(p, gradient)
    if tensor.parameter:
        cast, role = recipe_of(p, tensor).weight_gradients, Role.WEIGHT_GRADIENT
    else:
        cast, role = p.at(tensor.name).activation_gradients, Role.ACTIVATION_GRADIENT
    if not p.observed and gradient.dtype is p.carrier and gradient.dtype in cast.exact_in:
        return gradient
    return p.round(cast, role, tensor.name, gradient, own=own)


def in_carrier(p: Precision, values: Floats) -> Floats:
    """Values as the precision carries them; infinity beyond its range."""
    if type(values) is np.ndarray and values.dtype is p.carrier:
        return values
    with np.errstate(over="ignore"):
        return np.asarray(values, p.carrier)


def results(root: Node) -> list[Node]:
    """Every result that `root` depends on (itself included) and whose gradient is needed, each before its operands."""
    found: dict[int, Node] = {}
    stack = [root]
    while stack:
        tensor = stack.pop()
        if tensor.origin is not None and id(tensor) not in found:
            found[id(tensor)] = tensor
            stack.extend(tensor.origin.operands)
    return sorted(found.values(), key=_depth, reverse=True)


def recipe_of(p: Precision, parameter: Node) -> Recipe:
    """The recipe as it holds for a parameter's layer."""
    return p.recipe.at(Role.WEIGHT.layer(parameter.name)) if p.recipe.layers else p.recipe
