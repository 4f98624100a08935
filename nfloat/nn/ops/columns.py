"""How a window walks over an image, and what it sees, as matrices: what convolution and pooling share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from ...blocks.delayed import greatest_magnitude
from ...linalg.gemm.images import Walk
from ..precision import Floats

Pair = tuple[int, int]
Slices = tuple[slice, slice]


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


def rows(x: Floats, walk: Walk, first: int, last: int) -> Floats:
    """Rows first .. last - 1 of `columns`, without the others."""
    n, _, *size = x.shape
    looks = list(views(size, walk.taps, walk.step, walk.out))
    seen = np.zeros((last - first, n, *walk.out), x.dtype)
    for row in range(first, last):
        channel, tap = divmod(row, len(looks))
        _, _, to, of = looks[tap]
        seen[row - first, :, *to] = x[:, channel, *of]
    return seen.reshape(last - first, n * walk.places)


def channels_first(x: Floats) -> Floats:
    """(n, channels, h, w) -> (channels, n h w)."""
    return x.transpose(1, 0, 2, 3).reshape(x.shape[1], x.size // x.shape[1])


def greatest(x: Floats, walk: Walk) -> float:
    """The greatest magnitude of what windows see of images, which may not be all."""
    for axis, (taps, step, count) in enumerate(zip(walk.taps, walk.step, walk.out, strict=True), 2):
        seen = np.zeros(x.shape[axis], np.bool_)
        for tap in taps:
            seen[_overlap(tap, step, count, len(seen))[1]] = True
        if not seen.all():
            x = x.compress(seen, axis)
    return greatest_magnitude(x)
