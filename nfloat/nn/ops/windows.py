"""Products with all that windows see of images, of which no matrix is formed that is much larger than the images.

By panels that are packed from the images where that may be; else by matrices of windows (``columns.py``): of some
images' where a product's columns, of some channels' where its rows' scales do not look at each other; or of all, where
random bits are drawn number by number, or somebody looks. Elements in blocks that draw random bits are drawn some rows
at a time, as they are numbered, and kept as codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from ...blocks.array import BlockArray
from ...blocks.quantize import quantize_part
from ...linalg.accumulators import Accumulator
from ...linalg.blocks import exact_values
from ...linalg.gemm.images import Walk
from ...linalg.gemm.windows import window_gradient, window_product
from ...linalg.reductions import middle_sums
from ...ops.blocks.plan import block_plan
from ...ops.blocks.run import Excerpt
from ...ops.rounder import Rounded
from ..operands import Operand
from ..precision import Floats, Precision, Role
from ..recipes import BlockCast, Planned
from .columns import channels_first, columns, greatest, rows

#: numbers of a matrix of windows that may be in memory at a time; and where they are rounded there, in several copies
_MOST, _MOST_ROUNDED = 1 << 20, 1 << 17


def windowed(
    p: Precision, name: str, part: str, w: Floats, x: Floats, c: Floats | None, walk: Walk, roles: tuple[Role, Role]
) -> Floats:  # fmt: skip
    """w (groups, m, k) @ the windows of x (n, groups channels, h, w) + c (groups, m): (n, groups m, *walk.out).

    `roles`: of the operands, which are still to be rounded.
    """
    planned = p.planned(name, part, roles)
    if planned is None:
        made = p.under_scales(name, part, w, x, lambda: greatest(x, walk), roles)
        if made is not None:
            return _under_scales(p, name, part, made, c, walk)
        return _rounded_in_parts(p, name, part, w, x, c, walk, roles)
    y, w, x = _by_panels(
        p, name, part, planned, (w, x), roles,
        lambda w, x, sums, how: window_product(w, x, c, walk, sums, how, p.threads),
    )  # fmt: skip
    if y is not None:
        return y
    return _by_matrices(p, name, part, w, x, c, walk)


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
    return _by_matrices(p, name, part, w, x, c, walk) if y is None else y


def _by_matrices(p: Precision, name: str, part: str, w: Floats, x: Floats, c: Floats | None, walk: Walk) -> Floats:
    """`windowed`, of operands that are rounded already, by matrices of some images' windows."""

    def multiply(first: int, last: int) -> Floats:
        a, b, start = _grouped(w, columns(x[first:last], walk), c)
        return p.matmul(name, part, a, b, start)

    return _by_images(multiply, w, x, walk, _MOST)


def _rounded_in_parts(
    p: Precision, name: str, part: str, w: Floats, x: Floats, c: Floats | None, walk: Walk, roles: tuple[Role, Role]
) -> Floats:  # fmt: skip
    """`windowed`, of operands that are rounded here: the windows some at a time, if they may be."""
    casts = p.in_parts(name, part, roles)
    if casts is None:
        return _by_images(lambda *_: p.gemm(name, part, *_grouped(w, columns(x, walk), c), roles), w, x, walk, None)
    apart, a = p.apart(name, part), w if len(w) > 1 else w[0]
    left = p.operand(casts[0], roles[0], name, part, a, -1, apart)
    cast, right = casts[1], roles[1]
    if isinstance(cast, BlockCast) and cast.stochastic:
        drawn = _drawn(p, cast, right, name, part, x, walk, len(w))

        def operand(first: int, last: int) -> Operand:
            some = drawn[..., first * walk.places : last * walk.places]
            alone = replace(some, tensor_scale=1.0)
            return Operand(alone if apart else np.asarray(exact_values(alone)), some.tensor_scale)
    else:
        scaled = isinstance(cast, BlockCast) and cast.format.tensor_scale
        whole = Excerpt(0, greatest(x, walk) if scaled else None)

        def operand(first: int, last: int) -> Operand:
            b = _grouped(w, columns(x[first:last], walk), None)[1]
            return p.operand(cast, right, name, part, b, -2, apart, whole)

    start = None if c is None else c[0][:, np.newaxis] if len(w) == 1 else c[:, :, np.newaxis]
    return _by_images(
        lambda first, last: p.product_of(name, part, lambda: (left, operand(first, last)), start),
        w, x, walk, _MOST_ROUNDED,
    )  # fmt: skip


def _drawn(
    p: Precision, cast: BlockCast, role: Role, name: str, part: str, x: Floats, walk: Walk, groups: int
) -> BlockArray:
    """All windows in blocks along k, (groups, k, n) or (k, n), the elements by random bits: some rows at a time."""
    seed, plan = p.stream(name, f"{role.tensor}.{part}"), block_plan(cast.format, cast.rounding, None, cast.random_bits)
    amax = greatest(x, walk) if cast.format.tensor_scale else None
    k, n = x.shape[1] // groups * len(walk.taps[0]) * len(walk.taps[1]), len(x) * walk.places
    size = cast.format.block
    assert isinstance(size, int), "a tensor's one scale is no block's"
    some, per_group = size * max(1, _MOST_ROUNDED // max(1, size * n)), -(-k // size)
    whole: BlockArray | None = None
    for group in range(groups):
        for at in range(0, k, some):
            first, last = group * k + at, group * k + min(at + some, k)
            q = quantize_part(rows(x, walk, first, last), plan, 0, seed, Excerpt(first * n, amax))
            if whole is None:
                codes, scales = (
                    np.empty((groups, k, n), q.codes.dtype),
                    np.empty((groups, per_group, n), q.scales.dtype),
                )
                whole = replace(q, codes=codes, scales=scales, axis=1)
            whole.codes[group, at : at + some] = q.codes
            whole.scales[group, at // size : (at + some) // size] = q.scales
    assert whole is not None, "there is a row at least"
    return whole if groups > 1 else whole[0]


def _by_images(multiply: Callable[[int, int], Floats], w: Floats, x: Floats, walk: Walk, most: int | None) -> Floats:
    """`windowed`, by products with matrices of so many numbers at most, of one image at least; None: one of all.

    `multiply`: images first .. last - 1, to (groups, m, their places) or without groups.
    """
    each, n = w.shape[0] * w.shape[2] * walk.places, len(x)
    some = max(1, n) if most is None else max(1, most // max(1, each))
    found: Floats | None = None
    for first in range(0, max(n, 1), some):
        last = min(first + some, n)
        y = multiply(first, last).reshape(w.shape[0] * w.shape[1], last - first, *walk.out)
        found = np.empty((n, len(y), *walk.out), y.dtype) if found is None else found
        found[first:last] = y.swapaxes(0, 1)
    assert found is not None, "there is one part at least"
    return found


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


def _grouped(w: Floats, seen: Floats, c: Floats | None) -> tuple[Floats, Floats, Floats | None]:
    """The operands of W @ columns + c, stacks where there are several groups."""
    if len(w) == 1:
        return w[0], seen, None if c is None else c[0][:, np.newaxis]
    return w, seen.reshape(len(w), w.shape[2], -1), None if c is None else c[:, :, np.newaxis]


def windowed_gradient(
    p: Precision, name: str, dy: Floats, x: Floats, walk: Walk, groups: int, roles: tuple[Role, Role]
) -> Floats:
    """dy (n, groups m, *walk.out) @ the windows of x, over all places of all images: (groups m, k)."""
    part = "weight_gradient"
    planned = p.planned(name, part, roles)
    if planned is None:
        made = p.under_scales(name, part, dy, x, lambda: greatest(x, walk), roles)
        if made is not None:
            dy, x, scale = made
            sums = _gradient_of_elements(p, name, dy, x, walk, groups)
            return sums if scale == 1.0 else p.rescaled(name, part, sums, scale, None)
        return _gradient_in_parts(p, name, dy, x, walk, groups, roles)
    dw, dy, x = _by_panels(
        p, name, part, planned, (dy, x), roles,
        lambda dy, x, sums, how: window_gradient(dy, x, walk, groups, sums, how, p.threads),
    )  # fmt: skip
    if dw is not None:
        return dw
    return _gradient_by_matrices(p, name, dy, x, walk, groups)


def _gradient_of_elements(p: Precision, name: str, dy: Floats, x: Floats, walk: Walk, groups: int) -> Floats:
    """`windowed_gradient`, of operands that are rounded already."""
    sums = p.at(name).summed("weight_gradient")
    if isinstance(sums, Accumulator):
        found = window_gradient(dy, x, walk, groups, sums, (None, None), p.threads)
        if found is not None:
            return found
    return _gradient_by_matrices(p, name, dy, x, walk, groups)


def _gradient_by_matrices(p: Precision, name: str, dy: Floats, x: Floats, walk: Walk, groups: int) -> Floats:
    """`windowed_gradient`, of operands that are rounded already, by matrices of some channels' windows."""
    a = _in_groups(channels_first(dy), groups)
    found = [p.matmul(name, "weight_gradient", a, _turned(seen, groups)) for seen in _channels(x, walk, groups, _MOST)]
    return _joined(found, dy.shape[1])


def _gradient_in_parts(
    p: Precision, name: str, dy: Floats, x: Floats, walk: Walk, groups: int, roles: tuple[Role, Role]
) -> Floats:
    """`windowed_gradient`, of operands that are rounded here: the windows some channels at a time, if they may be."""
    part = "weight_gradient"
    casts = p.in_parts(name, part, roles)
    if casts is None:
        a, (seen,) = _in_groups(channels_first(dy), groups), _channels(x, walk, groups, None)
        return _joined([p.gemm(name, part, a, _turned(seen, groups), None, roles)], dy.shape[1])
    apart, (first, second), amax = p.apart(name, part), casts, None
    left = p.operand(first, roles[0], name, part, _in_groups(channels_first(dy), groups), -1, apart)
    if isinstance(second, BlockCast) and second.format.tensor_scale:
        if second.hadamard is None:
            amax = greatest(x, walk)
        else:
            looks = (_turned(seen, groups) for seen in _channels(x, walk, groups, 2 * _MOST_ROUNDED))
            amax = max(p.greatest_transformed(second, b, -2) for b in looks)
    found = []
    for seen in _channels(x, walk, groups, 2 * _MOST_ROUNDED):
        b = _turned(seen, groups)
        right = p.operand(second, roles[1], name, part, b, -2, apart, Excerpt(0, amax))
        found.append(p.product_of(name, part, partial(_both, left, right)))
    return _joined(found, dy.shape[1])


def _both(left: Operand, right: Operand) -> tuple[Operand, Operand]:
    return left, right


def _channels(x: Floats, walk: Walk, groups: int, most: int | None) -> Iterator[Floats]:
    """The windows of x, in matrices of so many numbers at most, of a channel of each group at least; None: in one."""
    channels = x.shape[1] // groups
    split = x.reshape(len(x), groups, channels, *x.shape[2:])
    each = max(len(x), 1) * groups * len(walk.taps[0]) * len(walk.taps[1]) * walk.places
    some = channels if most is None else max(1, most // max(1, each))
    for at in range(0, channels, some):
        one = split[:, :, at : at + some]
        yield columns(one.reshape(len(x), groups * one.shape[2], *x.shape[2:]), walk)


def _in_groups(a: Floats, groups: int) -> Floats:
    """Rows of dy, (groups m, n places), as one matrix or a stack."""
    return a if groups == 1 else a.reshape(groups, len(a) // groups, a.shape[1])


def _turned(seen: Floats, groups: int) -> Floats:
    """The transpose of a matrix of windows, or of each group's."""
    return seen.T if groups == 1 else seen.reshape(groups, len(seen) // groups, seen.shape[1]).swapaxes(1, 2)


def _joined(found: list[Floats], rows: int) -> Floats:
    """The products with some channels after the other as one of `rows` rows."""
    parts = [one.reshape(rows, -1) for one in found]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


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
