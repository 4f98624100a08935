"""Norms: (x - mean) / sqrt(variance + eps), times a weight, plus a bias, over different axes.

One arithmetic for all of them: float64, sums by halves (``elementary.halved_sums``), the result rounded once; each step
in between is rounded as the recipe's `norms` says, where it says so. Gradients of weight and bias are sums of the
recipe's accumulator, over float64 products.

`_norm` and `_backward` are the steps, an array operation each. Where nothing is rounded between (``in_rows.is_whole``)
one pass does them all, to the same bits; but for a layer norm over several axes, whose sums go the other way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...errors import ShapeError
from .. import elementary
from ..precision import Floats, Precision
from ..recipes.sums import as_sums
from . import in_rows
from .op import Example, Gradients, Needs, Op, inner, pieces, quiet, size, summed_over, summed_to, wide

Axes = tuple[int, ...]
Seen = Callable[[Floats, Floats, int], None]


class _Kept(NamedTuple):
    """What backward needs: x and the affine weight in the norm's own axes, and the statistics."""

    x: Floats
    #: as it broadcasts against x, or None
    weight: Floats | None
    mean: Floats | None
    inverse: Floats
    #: over which the statistics were taken; none where they came from outside
    axes: Axes
    #: the axis along which nothing is summed
    free: int
    #: shapes of the operands
    shapes: tuple[tuple[int, ...], ...]


def layer_norm(
    p: Precision, name: str, x: Floats, *affine: Floats, axes: int, eps: float, single: bool | None = None
) -> tuple[Floats, Any]:
    """Over the last `axes` axes of x; weight and bias of their shape. `single` as in `in_rows.place`, for all norms."""
    return _over_last(p, name, x, affine, axes, eps, True, single)


def rms_norm(
    p: Precision, name: str, x: Floats, *affine: Floats, axes: int, eps: float | None, single: bool | None = None
) -> tuple[Floats, Any]:
    """x / sqrt(mean of x^2 + eps) over the last `axes` axes; eps=None: that of the activations' format."""
    eps = p.at(name).activations.format.eps if eps is None else eps
    return _over_last(p, name, x, affine, axes, eps, False, single)


@quiet
def _over_last(
    p: Precision, name: str, x: Floats, affine: tuple[Floats, ...], axes: int, eps: float, centred: bool,
    single: bool | None,
) -> tuple[Floats, Any]:  # fmt: skip
    shapes = _shapes(x, affine, x.shape[-axes:])
    if axes > 1 or not in_rows.is_whole(p, "norms", name, x):
        return _norm(p, name, x, affine, tuple(range(-axes, 0)), eps, shapes, centred=centred)
    return over_rows(p, name, x, affine_rows(affine), eps, centred, single)


def affine_rows(affine: Sequence[Floats]) -> list[Floats]:
    """Weight and bias of a norm over the last axis, as one pass takes them: float64, of one row."""
    return [a.astype(np.float64)[None] for a in affine]


def over_rows(
    p: Precision, name: str, x: Floats, affine: Sequence[Floats], eps: float, centred: bool, single: bool | None
) -> tuple[Floats, in_rows.Kept]:
    """A norm over the last axis in one pass (`in_rows.is_whole`); `affine` as `affine_rows` gives them."""
    shape = x.shape
    n = shape[-1]
    rows = _rows(x.reshape(1, -1, n), affine, (n,), centred)
    return _in_rows(p, name, rows, eps, (shape, *[(n,)] * len(affine)), (x.size // n, n, 1), single)


@quiet
def group_norm(
    p: Precision, name: str, x: Floats, *affine: Floats, groups: int, eps: float, single: bool | None = None
) -> tuple[Floats, Any]:
    """Over the channels of a group and all places; x (n, channels, ...), weight and bias (channels,)."""
    if x.ndim < 2 or x.shape[1] % groups:
        raise ShapeError(f"x of shape {x.shape} must be (n, channels, ...), the channels a multiple of {groups} groups")
    shapes, count, own = _shapes(x, affine, x.shape[1:2]), len(x), x.shape[1] // groups
    places = size(x.shape, range(2, x.ndim))
    if in_rows.is_whole(p, "norms", name, x):
        each = x.reshape(1, count * groups, own * places)
        rows = _rows(each, _repeated(affine, (groups, own)), (own, places), True)
        return _in_rows(p, name, rows, eps, shapes, (count, x.shape[1], places), single)
    parts = x.reshape(count, groups, own, places)
    split = tuple(a.reshape(groups, -1, 1) for a in affine)
    y, kept = _norm(p, name, parts, split, (3, 2), eps, shapes)
    return y.reshape(x.shape), kept


@quiet
def batch_norm(
    p: Precision, name: str, x: Floats, *affine: Floats, eps: float,
    running: tuple[Floats, Floats] | None = None, seen: Seen | None = None, single: bool | None = None,
) -> tuple[Floats, Any]:  # fmt: skip
    """Over all axes but the channels'; x (n, channels, ...), weight and bias (channels,).

    With `running`, by that mean and variance instead of the batch's. ``seen(mean, variance, count)`` is told the
    batch's.
    """
    channels = (-1, *(1,) * (x.ndim - 2))
    shapes = _shapes(x, affine, x.shape[1:2])
    given = None if running is None else (wide(running[0]), wide(running[1]))
    if in_rows.is_whole(p, "norms", name, x):
        whole = x.reshape(len(x), x.shape[1], size(x.shape, range(2, x.ndim)))
        rows = _rows(whole, _repeated(affine, (x.shape[1], 1)), () if given else (len(x), *x.shape[2:]), True)
        return _in_rows(p, name, rows, eps, shapes, whole.shape, single, given, seen)
    split = tuple(a.reshape(channels) for a in affine)
    if given is not None:
        given = given[0].reshape(channels), given[1].reshape(channels)
        return _norm(p, name, x, split, (), eps, shapes, free=1, given=given)
    axes = (*range(x.ndim - 1, 1, -1), 0)
    return _norm(p, name, x, split, axes, eps, shapes, free=1, seen=seen)


def _repeated(affine: tuple[Floats, ...], repeated: tuple[int, int]) -> list[Floats]:
    return [a.astype(np.float64).reshape(repeated) for a in affine]


def _rows(x: Floats, affine: Sequence[Floats], axes: Axes, centred: bool) -> in_rows.Rows:
    weight, bias = [*affine, in_rows.NONE, in_rows.NONE][:2]
    return in_rows.Rows(np.ascontiguousarray(x), weight, bias, in_rows.lengths(axes), centred)


def _in_rows(
    p: Precision, name: str, rows: in_rows.Rows, eps: float, shapes: tuple[tuple[int, ...], ...],
    parts: tuple[int, ...], single: bool | None, given: tuple[Floats, Floats] | None = None, seen: Seen | None = None,
) -> tuple[Floats, in_rows.Kept]:  # fmt: skip
    """A norm in one pass; x is of the shape `parts`, weight and bias have its middle axis."""
    out = in_rows.place(p, name, rows.x.shape, single)
    mean, variance, inverse = in_rows.norm(p, rows, eps, out, given)
    if seen is not None and given is None:
        seen(mean, variance, rows.x.shape[0] * rows.x.shape[2])
    return out.reshape(shapes[0]), in_rows.Kept(rows, mean, inverse, shapes, parts)


def _shapes(x: Floats, affine: tuple[Floats, ...], wanted: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The operands' shapes, if those of weight and bias are the wanted one."""
    for a in affine:
        if a.shape != wanted:
            raise ShapeError(f"x of shape {x.shape} does not fit a norm of weight {a.shape}: it must be {wanted}")
    return (x.shape, *(a.shape for a in affine))


def _norm(
    p: Precision, name: str, x: Floats, affine: tuple[Floats, ...], axes: Axes, eps: float,
    shapes: tuple[tuple[int, ...], ...], *, free: int = 0, centred: bool = True,
    given: tuple[Floats, Floats] | None = None, seen: Seen | None = None,
) -> tuple[Floats, _Kept]:  # fmt: skip
    """The normal form of x, times and plus `affine`, which broadcast; in parts along `free`, which no sum crosses."""
    y, count = np.empty(x.shape), size(x.shape, axes)
    found: list[tuple[Floats | None, Floats, Floats]] = []
    for at in _parts(p, name, x, free):
        key = (slice(None),) * free + (at,)
        part, own = x[key], tuple(a[at] if free else a for a in affine)
        if given is None:
            mean, variance = _statistics(p, name, part, axes, count, centred)
        else:
            mean, variance = given[0][at], given[1][at]
        inverse = inner(p, "norms", name, 1.0 / np.sqrt(variance + eps))
        normal = inner(p, "norms", name, _centred(p, name, part, mean) * inverse)
        if own:
            normal = normal * own[0]
        y[key] = normal if len(own) < 2 else inner(p, "norms", name, normal) + own[1]
        found.append((mean, variance, inverse))
    if not found:
        return y, _Kept(x, affine[0] if affine else None, np.zeros(1), np.zeros(1), axes, free, shapes)
    joint = 0 if given is not None else free
    means, variances, inverses = zip(*found, strict=True)
    mean = None if means[0] is None else np.concatenate(means, joint)
    if seen is not None and mean is not None:
        seen(mean.reshape(-1), np.concatenate(variances, joint).reshape(-1), count)
    inverse = np.concatenate(inverses, joint)
    return y, _Kept(x, affine[0] if affine else None, mean, inverse, axes, free, shapes)


def _parts(p: Precision, name: str, x: Floats, free: int) -> Iterator[slice]:
    """Ranges of the free axis; all of it where steps between are rounded, and so counted."""
    if p.at(name).norms is not None:
        return iter((slice(0, x.shape[free]),))
    return pieces(x.shape[free], x.size // max(1, x.shape[free]))


def _statistics(
    p: Precision, name: str, x: Floats, axes: Axes, count: int, centred: bool
) -> tuple[Floats | None, Floats]:
    mean = inner(p, "norms", name, elementary.halved_sums(wide(x), axes) / count) if centred else None
    off = _centred(p, name, x, mean)
    return mean, inner(p, "norms", name, elementary.halved_sums(off * off, axes) / count)


def _centred(p: Precision, name: str, x: Floats, mean: Floats | None) -> Floats:
    return wide(x) if mean is None else inner(p, "norms", name, wide(x) - mean)


@quiet
def norm_backward(
    p: Precision, name: str, kept: _Kept | in_rows.Kept, dy: Floats, needs: Needs, single: bool = False
) -> Gradients:
    """With n the normal form and g = dy w: dx = (g - mean g - n mean(g n)) / sqrt(variance + eps); dw = sum of dy n.

    `single`: the gradient of x may be given in float32, since it is stored so.
    """
    if isinstance(kept, _Kept):
        return _backward(p, name, kept, dy, needs)
    slopes = np.ascontiguousarray(dy).reshape(kept.rows.x.shape)
    weighted = len(needs) > 1 and needs[1]
    sums = in_rows.affine_sums(p, kept, slopes) if _has_row_sums(p, name, kept, dy, needs) else None
    dx, products = None, None
    if needs[0] or (weighted and sums is None):
        dx, products = in_rows.gradients(p, kept, slopes, weighted and sums is None, in_rows.of_gradients(p, single))
    gradient = dx.reshape(kept.shapes[0]) if needs[0] and dx is not None else None
    if sums is not None:
        return gradient, *(s if need else None for s, need in zip(sums, needs[1:], strict=False))
    terms = (products, bias_terms(p, name, slopes) if len(needs) > 2 and needs[2] else None)[: len(needs) - 1]
    shape, parts = kept.shapes[1] if terms else (), kept.parts
    return gradient, *[None if t is None else _added(p, name, t.reshape(parts)).reshape(shape) for t in terms]


def _added(p: Precision, name: str, x: Floats) -> Floats:
    """The sums over all but the middle axis."""
    return p.sum_rows(name, x[:, :, 0]) if x.shape[2] == 1 else summed_over(p, name, x, (0, 2))


#: float32 numbers are summed so in float32 lanes, to the same bits; and the hardware's own sums of a type's numbers
_SINGLE_SUMS = as_sums("float32")
_NATIVE_SUMS = {4: _SINGLE_SUMS, 8: as_sums("float64")}


def _has_row_sums(p: Precision, name: str, kept: in_rows.Kept, dy: Floats, needs: Needs) -> bool:
    """Whether the gradients of weight and bias are sums along rows, of a row each, by the hardware's own additions."""
    x = kept.rows.x
    along = kept.parts == x.shape and x.shape[2] > 1 and len(needs) > 1 and needs[1]
    return along and not p.observed and x.dtype == dy.dtype and p.at(name).sums == _NATIVE_SUMS[x.itemsize]


def bias_terms(p: Precision, name: str, x: Floats) -> Floats:
    """What the gradient of a bias is the sum of."""
    return x if p.observer is None and p.at(name).sums == _SINGLE_SUMS else wide(x)


def _backward(p: Precision, name: str, kept: _Kept, dy: Floats, needs: Needs) -> Gradients:
    """The gradients, step by step."""
    x, weight, mean, inverse, axes, free, shapes = kept
    dy = dy.reshape(x.shape)
    dx = np.empty(x.shape) if needs[0] else None
    products = np.empty(x.shape) if weight is not None and needs[1] else None
    for at in _parts(p, name, x, free):
        key = (slice(None),) * free + (at,)
        # statistics from outside have the channels' axis alone
        here = (at,) if not axes else key
        m, r = None if mean is None else mean[here], inverse[here]
        slope = wide(dy[key])
        normal = inner(p, "norms", name, _centred(p, name, x[key], m) * r)
        if dx is not None:
            own = weight if weight is None or not free else weight[at]
            g = slope if own is None else inner(p, "norms", name, slope * own)
            np.multiply(_through_statistics(p, name, g, normal, axes, m is not None), r, out=dx[key])
        if products is not None:
            np.multiply(slope, normal, out=products[key])
    dx = None if dx is None else dx.reshape(shapes[0])
    if weight is None:
        return (dx,)
    terms = (products, wide(dy) if len(needs) == 3 and needs[2] else None)[: len(needs) - 1]
    return dx, *(None if t is None else summed_to(p, name, t, weight.shape).reshape(shapes[1]) for t in terms)


def _through_statistics(p: Precision, name: str, g: Floats, normal: Floats, axes: Axes, centred: bool) -> Floats:
    """The gradient without the part along the mean and along the normal form, which the norm takes away."""
    if not axes:
        return g
    count = size(g.shape, axes)
    along = inner(p, "norms", name, elementary.halved_sums(g * normal, axes) / count)
    if centred:
        g = g - inner(p, "norms", name, elementary.halved_sums(g, axes) / count)
    return inner(p, "norms", name, g - normal * along)


_IMAGE, _CHANNELS = (3, 4, 2, 2), ((4,), (4,))
_RUNNING = (np.array([0.1, -0.2, 0.3, 0.0]), np.array([1.0, 0.5, 2.0, 0.25]))

OPS = (
    Op("layer_norm", layer_norm, norm_backward,
       examples=(Example(((3, 4), (4,), (4,)), {"axes": 1, "eps": 1e-5}),
                 Example(((2, 3, 4), (3, 4)), {"axes": 2, "eps": 1e-5}))),
    Op("rms_norm", rms_norm, norm_backward,
       examples=(Example(((3, 4), (4,)), {"axes": 1, "eps": None}), Example(attributes={"axes": 1, "eps": 1e-3}))),
    Op("group_norm", group_norm, norm_backward,
       examples=(Example((_IMAGE, *_CHANNELS), {"groups": 2, "eps": 1e-5}),
                 Example(((3, 6, 5),), {"groups": 3, "eps": 1e-5}))),
    Op("batch_norm", batch_norm, norm_backward,
       examples=(Example((_IMAGE, *_CHANNELS), {"eps": 1e-5}), Example(((5, 3),), {"eps": 1e-5}),
                 Example((_IMAGE, *_CHANNELS), {"eps": 1e-5, "running": _RUNNING}))),
)  # fmt: skip
