"""How a window walks over an image: what convolution and pooling share; and products with all that windows see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np

from ...blocks.delayed import greatest_magnitude
from ...linalg.accumulators import Accumulator
from ...linalg.gemm.images import Walk
from ...linalg.gemm.windows import window_gradient, window_product
from ...linalg.reductions import middle_sums
from ...ops.rounder import Rounded
from ..precision import Floats, Precision, Role
from ..recipes import Planned

Pair = tuple[int, int]
Slices = tuple[slice, slice]
#: numbers of a matrix of windows that may be in memory at a time; and where they are rounded there, in several copies
_MOST, _MOST_ROUNDED = 1 << 20, 1 << 17


def views(
    size: Sequence[int], taps: Sequence[Sequence[int]], step: Pair, out: Sequence[int]
) -> Iterator[tuple[int, int, Slices, Slices]]:
    """For each tap (a, b) of a window: which places of `out` see inside of an image of that size, and what they see.

    At (i, j) of `out`, tap (a, b) sees (i step + taps[0][a], j step + taps[1][b]).
    """
    for (a, row), (b, column) in product(enumerate(taps[0]), enumerate(taps[1])):
        pairs = [_overlap(tap, *walk) for tap, *walk in zip((row, column), step, out, size, strict=True)]
        yield a, b, (pairs[0][0], pairs[1][0]), (pairs[0][1], pairs[1][1])


def _overlap(tap: int, step: int, count: int, size: int) -> tuple[slice, slice]:
    """Of places i in 0..count - 1 those that see inside of 0..size - 1, and what they see there: i step + tap."""
    first = max(0, -(tap // step))
    last = min(count - 1, (size - 1 - tap) // step)
    if last < first:
        return slice(0, 0), slice(0, 0)
    return slice(first, last + 1), slice(first * step + tap, last * step + tap + 1, step)


def columns(x: Floats, walk: Walk) -> Floats:
    """What each tap of a kernel sees: (channels x taps, n x places) of x (n, channels, h, w), zeros outside of it."""
    n, channels, *size = x.shape
    taps = walk.taps
    seen = np.zeros((channels, len(taps[0]), len(taps[1]), n, *walk.out), x.dtype)
    across = x.transpose(1, 0, 2, 3)
    for a, b, to, of in views(size, taps, walk.step, walk.out):
        seen[:, a, b, :, *to] = across[:, :, *of]
    return seen.reshape(channels * len(taps[0]) * len(taps[1]), n * walk.places)


def channels_first(x: Floats) -> Floats:
    """(n, channels, h, w) -> (channels, n h w)."""
    return x.transpose(1, 0, 2, 3).reshape(x.shape[1], x.size // x.shape[1])


def windowed(
    p: Precision, name: str, part: str, w: Floats, x: Floats, c: Floats | None, walk: Walk, roles: tuple[Role, Role]
) -> Floats:  # fmt: skip
    """w (groups, m, k) @ the windows of x (n, groups channels, h, w) + c (groups, m): (n, groups m, *walk.out).

    By panels that are packed from the images where that may be; else by the matrix of some images' windows, or of all
    where a scale is the whole operand's, random bits are drawn or somebody looks.
    """
    planned = p.planned(name, part, roles)
    if planned is None:
        made = p.under_scales(name, part, w, x, lambda: _greatest(x, walk), roles)
        if made is not None:
            return _under_scales(p, name, part, made, c, walk)
        most = _MOST_ROUNDED if p.by_columns(name, part, roles) else None
        return _by_images(p, name, part, w, x, c, walk, most, roles)
    y, w, x = _by_panels(
        p, name, part, planned, (w, x), roles,
        lambda w, x, sums, how: window_product(w, x, c, walk, sums, how, p.threads),
    )  # fmt: skip
    if y is not None:
        return y
    return _by_images(p, name, part, w, x, c, walk, _MOST)


def _under_scales(
    p: Precision, name: str, part: str, made: tuple[Floats, Floats, float], c: Floats | None, walk: Walk
) -> Floats:
    """`windowed`, of elements, and a scale that is applied to their sums as `Precision.gemm` does it."""
    w, x, scale = made
    if scale == 1.0:
        return _of_elements(p, name, part, w, x, c, walk)
    y = _of_elements(p, name, part, w, x, None, walk)
    return p.rescaled(name, part, y, scale, None if c is None else c.reshape(-1, 1, 1))


def _of_elements(p: Precision, name: str, part: str, w: Floats, x: Floats, c: Floats | None, walk: Walk) -> Floats:
    """`windowed`, of operands that are rounded already."""
    sums = p.at(name).summed(part)
    y = window_product(w, x, c, walk, sums, (None, None), p.threads) if isinstance(sums, Accumulator) else None
    return _by_images(p, name, part, w, x, c, walk, _MOST) if y is None else y


def _greatest(x: Floats, walk: Walk) -> float:
    """The greatest magnitude of what windows see of images, which may not be all."""
    for axis, (taps, step, count) in enumerate(zip(walk.taps, walk.step, walk.out, strict=True), 2):
        seen = np.zeros(x.shape[axis], np.bool_)
        for tap in taps:
            seen[_overlap(tap, step, count, len(seen))[1]] = True
        if not seen.all():
            x = x.compress(seen, axis)
    return greatest_magnitude(x)


def _by_images(
    p: Precision, name: str, part: str, w: Floats, x: Floats, c: Floats | None, walk: Walk, most: int | None,
    roles: tuple[Role, Role] | None = None,
) -> Floats:  # fmt: skip
    """`windowed`, by matrices of so many numbers at most, of one image at least; None: one of all images."""
    each = w.shape[0] * w.shape[2] * walk.places
    some = max(1, len(x)) if most is None else max(1, most // max(1, each))
    found = [
        _images(
            _stacked(p, name, part, w, columns(x[at : at + some], walk), c, roles), min(some, len(x) - at), walk.out
        )
        for at in range(0, max(len(x), 1), some)
    ]
    return found[0] if len(found) == 1 else np.concatenate(found)


def _by_panels(
    p: Precision, name: str, part: str, planned: Planned, operands: tuple[Floats, Floats], roles: tuple[Role, Role],
    multiply: Callable[[Floats, Floats, Accumulator, Rounded], Floats | None],
) -> tuple[Floats | None, Floats, Floats]:  # fmt: skip
    """(the product, its operands); where panels do not do it: None, and the operands rounded.

    Tried before operands are rounded, which panels do on the way, and after: more kernels are right for known numbers.
    """
    sums, (first, second) = planned.sums, operands
    if isinstance(sums, Accumulator):
        found = multiply(first, second, sums, planned.rounded)
        if found is not None:
            return found, first, second
    first, second = p.rounded(name, part, first, second, roles)
    if isinstance(sums, Accumulator) and planned.rounded != (None, None):
        return multiply(first, second, sums, (None, None)), first, second
    return None, first, second


def _stacked(
    p: Precision, name: str, part: str, w: Floats, seen: Floats, c: Floats | None,
    roles: tuple[Role, Role] | None = None,
) -> Floats:  # fmt: skip
    """W @ columns, group by group; `roles`: of operands that are still to be rounded."""
    a, b, start = w[0], seen, None if c is None else c[0][:, np.newaxis]
    if len(w) > 1:
        a, b, start = w, seen.reshape(len(w), w.shape[2], -1), None if c is None else c[:, :, np.newaxis]
    y = _multiplied(p, name, part, a, b, start, roles)
    return y.reshape(w.shape[0] * w.shape[1], y.shape[-1])


def _images(y: Floats, n: int, out: Pair) -> Floats:
    """(channels, n h w) -> (n, channels, h, w)."""
    return np.ascontiguousarray(y.reshape(len(y), n, *out).transpose(1, 0, 2, 3))


def windowed_gradient(
    p: Precision, name: str, dy: Floats, x: Floats, walk: Walk, groups: int, roles: tuple[Role, Role]
) -> Floats:
    """dy (n, groups m, *walk.out) @ the windows of x, over all places of all images: (groups m, k)."""
    part = "weight_gradient"
    planned = p.planned(name, part, roles)
    if planned is None:
        made = p.under_scales(name, part, dy, x, lambda: _greatest(x, walk), roles)
        if made is not None:
            dy, x, scale = made
            sums = _gradient_of_elements(p, name, dy, x, walk, groups)
            return sums if scale == 1.0 else p.rescaled(name, part, sums, scale, None)
        most = 2 * _MOST_ROUNDED if p.by_columns(name, part, roles) else None
        return _by_channels(p, name, channels_first(dy), x, walk, groups, most, roles)
    dw, dy, x = _by_panels(
        p, name, part, planned, (dy, x), roles,
        lambda dy, x, sums, how: window_gradient(dy, x, walk, groups, sums, how, p.threads),
    )  # fmt: skip
    if dw is not None:
        return dw
    return _by_channels(p, name, channels_first(dy), x, walk, groups, _MOST)


def _gradient_of_elements(p: Precision, name: str, dy: Floats, x: Floats, walk: Walk, groups: int) -> Floats:
    """`windowed_gradient`, of operands that are rounded already."""
    sums = p.at(name).summed("weight_gradient")
    if isinstance(sums, Accumulator):
        found = window_gradient(dy, x, walk, groups, sums, (None, None), p.threads)
        if found is not None:
            return found
    return _by_channels(p, name, channels_first(dy), x, walk, groups, _MOST)


def _by_channels(
    p: Precision, name: str, rows: Floats, x: Floats, walk: Walk, groups: int, most: int | None,
    roles: tuple[Role, Role] | None = None,
) -> Floats:  # fmt: skip
    """`windowed_gradient`, by matrices of so many numbers at most, of a channel of each group at least."""
    channels = x.shape[1] // groups
    split = x.reshape(len(x), groups, channels, *x.shape[2:])
    each = max(len(x), 1) * groups * len(walk.taps[0]) * len(walk.taps[1]) * walk.places
    some = channels if most is None else max(1, most // max(1, each))
    parts = [split[:, :, at : at + some] for at in range(0, channels, some)]
    found = [
        _gradient(p, name, rows, one.reshape(len(x), groups * one.shape[2], *x.shape[2:]), walk, groups, roles)
        for one in parts
    ]
    return found[0] if len(found) == 1 else np.concatenate(found, axis=1)


def _gradient(
    p: Precision, name: str, rows: Floats, x: Floats, walk: Walk, groups: int, roles: tuple[Role, Role] | None = None
) -> Floats:
    """Rows of dy, (groups m, n places), times the windows of x; `roles` as in `_stacked`."""
    seen = columns(x, walk)
    a, b = rows, seen.T
    if groups > 1:
        a = a.reshape(groups, len(a) // groups, a.shape[1])
        b = b.T.reshape(groups, b.shape[1] // groups, b.shape[0]).swapaxes(1, 2)
    return _multiplied(p, name, "weight_gradient", a, b, None, roles).reshape(len(rows), -1)


def _multiplied(
    p: Precision, name: str, part: str, a: Floats, b: Floats, c: Floats | None, roles: tuple[Role, Role] | None
) -> Floats:
    """a @ b (+ c); `roles`: of operands that are still to be rounded."""
    return p.matmul(name, part, a, b, c) if roles is None else p.gemm(name, part, a, b, c, roles)


def channel_sums(p: Precision, name: str, dy: Floats) -> Floats:
    """The sum of dy (n, channels, h, w) over images and places, as the recipe adds up."""
    sums, drawn = p.at(name).summation["sums"]
    if isinstance(sums, Accumulator) and not (drawn or p.observed):
        found = middle_sums(dy.reshape(*dy.shape[:2], dy.shape[2] * dy.shape[3]), sums)
        if found is not None:
            return found
        ones, walk = np.ones((), dy.dtype), Walk(((0,), (0,)), (1, 1), dy.shape[2:])
        ones = np.broadcast_to(ones, (len(dy), 1, *dy.shape[2:]))
        found = window_gradient(ones, dy, walk, 1, sums, (None, None), p.threads)
        if found is not None:
            return found[0]
    return p.sum_rows(name, channels_first(dy).T)
