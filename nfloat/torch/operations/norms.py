"""Norms: batch, layer and group norm, as `nfloat.nn` computes them; what backward needs travels with a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from ...nn.ops import OPS
from ...nn.precision import Floats, Role
from ...nn.recipes.sums import as_sums
from ..known import Kind
from ..machine import Machine, Part
from .normal import Norm, empty, norm, norm_backward
from .table import row


def _normed(
    machine: Machine, operation: str, t: torch.Tensor, affine: tuple[Any, ...], **attributes: Any
) -> tuple[torch.Tensor, Any]:
    """The norm's result, and what its backward pass needs."""
    given = [a for a in affine if a is not None]
    known = [machine.known(x) for x in (t, *given)]
    part = machine.part(known, [x.numel() for x in (t, *given)], t.numel())
    arrays = [machine.read(x, k) for x, k in zip((t, *given), known, strict=True)]
    layer = part.layer or part.name
    if is_by_rows(machine, layer, t, attributes):
        values, kept = _by_rows(machine, operation, part, arrays, affine, attributes)
    else:
        values, kept = OPS[operation].forward(machine.p, layer, *arrays, **attributes)
    return machine.result(values, part, t.dtype), kept


def is_by_rows(machine: Machine, layer: str, t: torch.Tensor, given: dict[str, Any]) -> bool:
    """Whether a norm goes by rows: nothing is rounded between, and its statistics are its own, along one axis."""
    plain = given.get("axes", 1) == 1 and "running" not in given
    return plain and t.numel() > 0 and machine.p.at(layer).norms is None


class Rows(NamedTuple):
    """What backward needs of a norm that was computed by rows: which one, groups of channels, number of operands."""

    operation: str
    groups: int
    operands: int
    norm: Norm

    @property
    def mean(self) -> Floats:
        """Of each row."""
        return self.norm.mean

    @property
    def inverse(self) -> Floats:
        """One over each row's deviation."""
        return self.norm.inverse


def _rows(operation: str, groups: int, x: torch.Tensor) -> torch.Tensor:
    """A tensor as rows that have statistics of their own: along the last axis, groups of channels, or channels."""
    if operation == "layer_norm":
        return x.reshape(-1, x.shape[-1])
    if operation == "group_norm":
        return x.reshape(len(x) * groups, x.shape[1] // groups, -1)
    return x.transpose(0, 1)


def _affine(operation: str, groups: int, own: Floats, rows: torch.Tensor) -> torch.Tensor:
    """A weight or a bias in float64, as it broadcasts against rows."""
    wide = torch.from_numpy(own.astype(np.float64))
    if operation == "layer_norm":
        return wide.view(1, -1)
    if operation == "group_norm":
        return wide.view(groups, -1, 1).repeat(len(rows) // groups, 1, 1)
    return wide.view(-1, *(1,) * (rows.dim() - 1))


def _by_rows(
    machine: Machine, operation: str, part: Part, arrays: list[Floats], affine: tuple[Any, ...], given: dict[str, Any]
) -> tuple[Floats, Rows]:
    x, *own = arrays
    groups, seen = given.get("groups", 1), given.get("seen")
    out = empty(x.shape, machine.is_single(part))
    rows, to = (_rows(operation, groups, t) for t in (torch.from_numpy(x), out))
    terms = iter([_affine(operation, groups, each, rows) for each in own])
    weight, bias = (None if each is None else next(terms) for each in affine)
    kept, variance = norm(rows, weight, bias, given["eps"], to)
    if seen is not None:
        seen(kept.mean, variance, rows[0].numel())
    return out.numpy(), Rows(operation, groups, len(arrays), kept)


def _back_by_rows(
    machine: Machine, layer: str, part: Part, kept: Rows, dy: Floats, needs: list[bool]
) -> tuple[Floats | None, ...]:
    x, weight = kept.norm.x, kept.norm.weight
    dx = empty(dy.shape, machine.is_single(part)) if needs[0] else None
    products = empty(x.shape, False) if len(needs) > 1 and needs[1] and weight is not None else None
    slopes, to = (
        None if t is None else t.transpose(0, 1) if kept.operation == "batch_norm" else t.reshape(x.shape)
        for t in (torch.from_numpy(dy), dx)
    )
    assert slopes is not None, "there is a gradient"
    norm_backward(kept.norm, slopes, to, products)
    terms = (products, slopes if len(needs) == 3 and needs[2] else None)[: len(needs) - 1]
    sums = [None if t is None else _summed(machine, layer, kept, t) for t in terms]
    return (None if dx is None else dx.numpy()), *sums


def _summed(machine: Machine, layer: str, kept: Rows, t: torch.Tensor) -> Floats:
    """The gradient of an affine operand: over everything else, in the recipe's accumulator for sums."""
    if kept.operation == "group_norm":
        t = t.reshape(len(t) // kept.groups, -1, t.shape[-1]).transpose(1, 2)
    elif kept.operation == "batch_norm":
        t = t.movedim(0, -1)
    rows = t.reshape(-1, t.shape[-1])
    if machine.p.at(layer).sums != _SINGLE_SUMS:
        rows = rows.double()
    return machine.p.sum_rows(layer, rows.numpy()).astype(np.float64)


#: of float32 numbers these sums are the same in float32 lanes
_SINGLE_SUMS = as_sums("float32")


def _statistic(machine: Machine, values: Floats | None, like: torch.Tensor, kept: Any) -> torch.Tensor:
    """A mean, or one over a deviation: a number of the carrier, by which the rest is found again."""
    array = np.zeros(1) if values is None else values.reshape(-1)
    found = machine.result(array, Part(Kind.SCALAR, "", machine.places.layer, False), like.dtype)
    machine.known(found).wide = kept
    return found


def _gradients(
    machine: Machine, operation: str, gradient: torch.Tensor, operands: list[Any], kept: Any, wanted: list[bool]
) -> tuple[Any, ...]:
    """Gradients of x, weight and bias (in whose place the weight may stand), None where they are not wanted."""
    places = [i for i, x in enumerate(operands) if x is not None]
    known = [machine.known(operands[i]) for i in places]
    dy, layer = machine.read(gradient), machine.layer()
    found: tuple[Any, ...]
    if isinstance(kept, Rows):
        given = machine.gradient_of(known[0], layer)
        found = _back_by_rows(machine, layer, given, kept, dy, [wanted[i] for i in places])
    else:
        found = OPS[operation].backward(machine.p, layer, kept, dy, [wanted[i] for i in places])
    results: list[Any] = [None] * len(operands)
    for i, k, values in zip(places, known, found, strict=True):
        if values is not None:
            part = machine.beside(k, layer) if i == 2 else machine.gradient_of(k, layer)
            results[i] = machine.result(np.asarray(values), part, operands[i].dtype)
    return tuple(results)


@row("native_layer_norm")
def layer_norm(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Over the last axes."""
    t, shape, weight, bias, eps = args
    found, kept = _normed(machine, "layer_norm", t, (weight, bias), axes=len(shape), eps=eps)
    return found, _statistic(machine, kept.mean, t, kept), _statistic(machine, kept.inverse, t, kept)


@row("native_layer_norm_backward")
def layer_norm_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Its gradients."""
    gradient, t, shape, _, inverse, weight, bias, wanted = args
    kept = machine.known(inverse).wide or _again(machine, "layer_norm", t, (weight, bias), axes=len(shape), eps=1e-5)
    return _gradients(machine, "layer_norm", gradient, [t, weight, bias], kept, wanted)


def _operands(kept: Any) -> int:
    """How many operands a norm had: two if there was no bias."""
    return kept.operands if isinstance(kept, Rows) else len(kept.shapes)


def _again(machine: Machine, operation: str, t: torch.Tensor, affine: tuple[Any, ...], **attributes: Any) -> Any:
    """What backward needs, of a forward pass that ran outside of the emulation."""
    arrays = [machine.read(x) for x in (t, *affine) if x is not None]
    return OPS[operation].forward(machine.p, machine.layer(), *arrays, **attributes)[1]


@row("native_group_norm")
def group_norm(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Over the channels of a group and all places."""
    t, weight, bias, n, channels, places, groups, eps = args
    shaped = t.reshape(n, channels, places)
    found, kept = _normed(machine, "group_norm", shaped, (weight, bias), groups=groups, eps=eps)
    statistics = (_statistic(machine, values, t, kept).reshape(n, groups) for values in (kept.mean, kept.inverse))
    return found.reshape(t.shape), *statistics


@row("native_group_norm_backward")
def group_norm_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Its gradients."""
    gradient, t, _, inverse, weight, n, channels, places, groups, wanted = args
    kept = machine.known(inverse).wide or _again(
        machine, "group_norm", t.reshape(n, channels, places), (weight, weight), groups=groups, eps=1e-5
    )
    bias = weight if _operands(kept) > 2 else None
    shaped = t.reshape(n, channels, places)
    dx, dw, db = _gradients(machine, "group_norm", gradient, [shaped, weight, bias], kept, wanted)
    return (None if dx is None else dx.reshape(t.shape)), dw, db


@row("native_batch_norm", "_native_batch_norm_legit")
def batch_norm(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Over all axes but the channels'; running statistics are stored as weights are."""
    t, weight, bias, mean, variance, training, momentum, eps = args
    if not training:
        running = _stored(machine, mean), _stored(machine, variance)
        found, kept = _normed(machine, "batch_norm", t, (weight, bias), eps=eps, running=running)
        return found, _statistic(machine, None, t, kept), _statistic(machine, None, t, kept)
    seen = None if mean is None else _follow(machine, mean, variance, momentum)
    found, kept = _normed(machine, "batch_norm", t, (weight, bias), eps=eps, seen=seen)
    return found, _statistic(machine, kept.mean, t, kept), _statistic(machine, kept.inverse, t, kept)


def _stored(machine: Machine, buffer: torch.Tensor) -> Floats:
    """A running statistic as it is stored."""
    name = machine.known(buffer).name
    return machine.p.round(machine.recipe(Role.WEIGHT, name).weights.nearest, Role.WEIGHT, name, machine.raw(buffer))


def _follow(
    machine: Machine, mean: torch.Tensor, variance: torch.Tensor, share: float
) -> Callable[[Floats, Floats, int], None]:
    """What lets the running statistics see a batch's."""

    def seen(own: Floats, spread: Floats, count: int) -> None:
        for buffer, value in ((mean, own), (variance, spread * (count / (count - 1.0)))):
            moved = (1.0 - share) * _stored(machine, buffer).astype(np.float64) + share * value
            machine.write(buffer, machine.p.cast(Role.WEIGHT, machine.known(buffer).name, moved))

    return seen


@row("native_batch_norm_backward")
def batch_norm_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Its gradients."""
    gradient, t, weight, mean, variance, _, inverse, training, eps, wanted = args
    kept = None if inverse is None else machine.known(inverse).wide
    if kept is None:
        running = {} if training else {"running": (_stored(machine, mean), _stored(machine, variance))}
        kept = _again(machine, "batch_norm", t, (weight, weight), eps=eps, **running)
    bias = weight if _operands(kept) > 2 else None
    return _gradients(machine, "batch_norm", gradient, [t, weight, bias], kept, wanted)
