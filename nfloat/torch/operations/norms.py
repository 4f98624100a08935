"""Norms: batch, layer and group norm, as `nfloat.nn` computes them; what backward needs travels with a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np
import torch

from ...nn.ops import OPS
from ...nn.ops.in_rows import Kept, gradients, is_whole, of_gradients
from ...nn.ops.norms import affine_rows, bias_terms, norm_backward, over_rows
from ...nn.precision import Floats, Role
from ..known import PARAMETER, Kind, Known
from ..machine import Machine
from ..parts import Part, beside, gradient_of
from ..plans import Call, Planned, Results, planned, results_of, sums_of
from ..tensors import array_of, laid_as
from .table import row


def _normed(
    machine: Machine, operation: str, t: torch.Tensor, affine: Sequence[Any], **attributes: Any
) -> tuple[torch.Tensor, Any]:
    """The norm's result, and what its backward pass needs."""
    given = [a for a in affine if a is not None]
    known = [machine.known(x) for x in (t, *given)]
    part = machine.part(known, [x.numel() for x in (t, *given)], t.numel())
    arrays = [machine.read(x, k) for x, k in zip((t, *given), known, strict=True)]
    layer, single = part.layer or part.name, machine.is_single(part)
    values, kept = OPS[operation].forward(machine.p, layer, *arrays, single=single, **attributes)
    if operation != "layer_norm":
        values = laid_as(values, t)
    return machine.result(values, part, t.dtype), kept


def _statistic(machine: Machine, values: Floats | None, like: torch.Tensor, kept: Any) -> torch.Tensor:
    """A mean, or one over a deviation: a number of the carrier, by which the rest is found again."""
    array = np.zeros(1) if values is None else values.reshape(-1)
    return machine.result(array, _of_statistics(machine), like.dtype, kept)


def _of_statistics(machine: Machine) -> Part:
    """Their part in the step."""
    return Part(Kind.SCALAR, "", machine.places.layer, False)


def _gradients(
    machine: Machine, gradient: torch.Tensor, operands: list[Any], kept: Any, wanted: list[bool], images: bool = True
) -> tuple[Any, ...]:
    """Gradients of x, weight and bias (in whose place the weight may stand), None where they are not wanted.

    `images`: that of x lies in memory as x does.
    """
    places = [i for i, x in enumerate(operands) if x is not None]
    known = [machine.known(operands[i]) for i in places]
    dy, layer = machine.read(gradient), machine.layer()
    single = machine.is_single(gradient_of(known[0], layer))
    found = norm_backward(machine.p, layer, kept, dy, [wanted[i] for i in places], single)
    results: list[Any] = [None] * len(operands)
    for i, k, values in zip(places, known, found, strict=True):
        if values is not None:
            part = beside(k, layer) if i == 2 and operands[2] is operands[1] else gradient_of(k, layer)
            values = np.asarray(values)
            results[i] = machine.result(laid_as(values, operands[i]) if images else values, part, operands[i].dtype)
    return tuple(results)


def _layer_norm(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of a layer norm over the last axis, in one pass."""
    dtype, single, layer = call.tensors[0].dtype, machine.is_single(part), part.layer or part.name
    statistics = results_of(machine, _of_statistics(machine), dtype)
    copies = all([k.bit & PARAMETER and machine.recipe(Role.WEIGHT, k.name).weight_copy for k in call.known[1:]])
    #: weight and bias with the versions of their parameters, and as one pass takes them: copies stay as they are
    seen: list[Any] = [None, (), ()]

    def values(known: list[Known], args: tuple[Any, ...], x: Floats, *given: Any) -> Any:
        affine, (shape, eps) = given[: len(known) - 1], given[-2:]
        if len(shape) != 1 or not is_whole(machine.p, "norms", layer, x):
            return None
        versions = [k.version for k in known[1:]]
        if not copies or versions != seen[0] or not all(map(is_, seen[1], affine)):
            seen[:] = versions, affine, affine_rows(affine)
        return over_rows(machine.p, layer, x, seen[2], eps, True, single)

    def finish(results: Results, y: Floats, kept: Any) -> Any:
        return (
            results.keep(machine, y),
            statistics.keep(machine, kept.mean),
            statistics.keep(machine, kept.inverse, kept),
        )

    return Planned(values, dtype, finish=finish, knows=True)


@planned(_layer_norm)
def _normed_layer(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    t, weight, bias, shape, eps = args
    found, kept = _normed(machine, "layer_norm", t, (weight, bias), axes=len(shape), eps=eps)
    return found, _statistic(machine, kept.mean, t, kept), _statistic(machine, kept.inverse, t, kept)


@row("native_layer_norm")
def layer_norm(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Over the last axes."""
    t, shape, weight, bias, eps = args
    return _normed_layer(machine, operation, (t, weight, bias, shape, eps), kwargs)


def _layer_norm_backward(machine: Machine, part: Part, call: Call) -> Planned | None:
    """The plan of its gradients, all of them wanted."""
    dtype, layer, single = call.tensors[1].dtype, part.layer, of_gradients(machine.p, machine.is_single(part))
    others = [results_of(machine, gradient_of(k, layer), dtype) for k in call.known[3:]]
    sums = sums_of(machine, layer)

    def values(known: list[Known], args: tuple[Any, ...], dy: Floats, *_: Any) -> Any:
        p, kept = machine.p, known[2].wide
        if type(kept) is not Kept:
            return None
        slopes = dy.reshape(kept.rows.x.shape)
        dx, products = gradients(p, kept, slopes, bool(others), single)
        terms = () if products is None else (products, bias_terms(p, layer, slopes))[: len(others)]
        return dx.reshape(kept.shapes[0]), [sums.columns(machine, t[0]) for t in terms]

    def finish(results: Results, dx: Floats, more: list[Floats]) -> Any:
        found = [own.keep(machine, x) for x, own in zip(more, others, strict=True)]
        return results.keep(machine, dx), *found, *[None] * (2 - len(found))

    return Planned(values, dtype, finish=finish, knows=True, reads=1)


def _is_elsewhere(part: Part, known: list[Known], size: int) -> bool:
    """Whether the gradient of x is of another part than the node's, or what backward needs is not there."""
    return part.origin is None or known[2].wide is None or part[:2] != gradient_of(known[1], part.layer)[:2]


@planned(_layer_norm_backward, lambda tensors, rest: tensors[1].numel(), unless=_is_elsewhere)
def _layer_gradients(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    gradient, t, inverse, weight, bias, shape, wanted = args
    kept = machine.known(inverse).wide or _again(machine, "layer_norm", t, (weight, bias), axes=len(shape), eps=1e-5)
    return _gradients(machine, gradient, [t, weight, bias], kept, wanted, images=False)


@row("native_layer_norm_backward")
def layer_norm_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Its gradients."""
    gradient, t, shape, _, inverse, weight, bias, wanted = args
    given = gradient, t, inverse, weight, bias, shape, wanted
    several = wanted[0] and all([w or x is None for w, x in zip(wanted[1:], (weight, bias), strict=True)])
    return (_layer_gradients if several else _layer_gradients.general)(machine, operation, given, kwargs)


def _again(machine: Machine, operation: str, t: torch.Tensor, affine: tuple[Any, ...], **attributes: Any) -> Any:
    """What backward needs, of a forward pass that ran outside of the emulation."""
    arrays = [machine.read(x) for x in (t, *affine) if x is not None]
    return OPS[operation].forward(machine.p, machine.layer(), *arrays, **attributes)[1]


@row("native_group_norm")
def group_norm(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Over the channels of a group and all places."""
    t, weight, bias, n, _, _, groups, eps = args
    found, kept = _normed(machine, "group_norm", t, (weight, bias), groups=groups, eps=eps)
    return found, *(_statistic(machine, values, t, kept).reshape(n, groups) for values in (kept.mean, kept.inverse))


@row("native_group_norm_backward")
def group_norm_backward(machine: Machine, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Its gradients."""
    gradient, t, _, inverse, weight, _, _, _, groups, wanted = args
    kept = machine.known(inverse).wide or _again(machine, "group_norm", t, (weight, weight), groups=groups, eps=1e-5)
    bias = weight if len(kept.shapes) > 2 else None
    return _gradients(machine, gradient, [t, weight, bias], kept, wanted)


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
    return machine.p.round(machine.recipe(Role.WEIGHT, name).weights.nearest, Role.WEIGHT, name, array_of(buffer))


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
    bias = weight if len(kept.shapes) > 2 else None
    return _gradients(machine, gradient, [t, weight, bias], kept, wanted)
