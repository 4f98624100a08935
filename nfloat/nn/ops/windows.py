"""How a window walks over an image: what convolution and pooling share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

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
