"""How a kernel walks over images, and how images lie for what it sees to be packed as runs of neighbours.

For a product with windows: channel by channel, with the zeros around them and, where the kernel takes steps, every
step-th row and column together, so that the places of a row are neighbours. For the gradient of weights: place by
place, the channels of one being neighbours. Offsets and runs depend on shapes alone, and are kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.gemm.windows import channels_last, surround
from ...kernels.jit import entry_point
from ...kernels.machine import HERE
from ...ops.memory import panel_buffer
from ...ops.rounder import Rounder, round_into

Floats = NDArray[np.floating]
Indices = NDArray[np.int64]
Pair = tuple[int, int]
#: numbers behind images and panels that kernels may read, or write over: a register's
SLACK = 64


class Walk(NamedTuple):
    """How taps walk over images: where they stand seen from the kernel's place, its steps, its places; by axis."""

    taps: tuple[tuple[int, ...], tuple[int, ...]]
    step: Pair
    out: Pair

    @property
    def places(self) -> int:
        """Of one image."""
        return self.out[0] * self.out[1]


class Runs(NamedTuple):
    """Columns of a matrix of windows as runs of neighbours (``kernels/gemm/windows.py``)."""

    ends: Indices
    to: Indices
    of: Indices


class WindowLayout(NamedTuple):
    """Where the numbers of images lie, and what a matrix of their windows is made of.

    `image`: numbers of one, all its channels; `rows` and `columns`: as `pack_windows` takes them, of `some` images
    where these are the places; `group`: numbers between a group's channels and the next one's; `before` and `size`: as
    `surround` or `channels_last` take them.
    """

    image: int
    group: int
    rows: Indices
    columns: Indices
    before: Indices
    size: Indices
    last: bool

    def runs(self, width: int, bits: int) -> Runs:
        """The columns' runs in panels of so many."""
        return _runs(self.columns.tobytes(), width, HERE.lanes(bits))


@lru_cache(maxsize=256)
def around(walk: Walk, size: Pair) -> tuple[Pair, Pair]:
    """How many zeros stand before an image of that size, and its size with all of them, by axis."""
    before = [max(0, -min(taps)) for taps in walk.taps]
    ends = [(out - 1) * step + max(taps) + 1 for taps, step, out in zip(walk.taps, walk.step, walk.out, strict=True)]
    high, wide = (max(n, end) + first for n, end, first in zip(size, ends, before, strict=True))
    return (before[0], before[1]), (high, wide)


@lru_cache(maxsize=256)
def for_products(walk: Walk, channels: int, groups: int, size: Pair, images: int) -> WindowLayout:
    """The layout for w @ windows: rows are a group's taps, columns the places of `images` images."""
    before, whole = around(walk, size)
    phase = [-(-n // step) for n, step in zip(whole, walk.step, strict=True)]
    plane = phase[0] * phase[1]
    taps = [
        np.array([(tap + first) % step * place + (tap + first) // step * line for tap in axis], np.int64)
        for axis, first, step, place, line in zip(
            walk.taps, before, walk.step, (walk.step[1] * plane, plane), (phase[1], 1), strict=True
        )
    ]
    channel = walk.step[0] * walk.step[1] * plane
    rows = _sums(channel * np.arange(channels), *taps)
    image = channels * groups * channel
    columns = _sums(image * np.arange(images), phase[1] * np.arange(walk.out[0]), np.arange(walk.out[1]))
    return WindowLayout(image, channels * channel, rows, columns, _fixed(before), _fixed((*walk.step, *phase)), False)


@lru_cache(maxsize=256)
def for_gradients(walk: Walk, channels: int, groups: int, size: Pair, images: int) -> WindowLayout:
    """The layout for dy @ windows^T: rows are the places of `images` images, columns a group's taps, channels last."""
    before, whole = around(walk, size)
    place, line = channels * groups, channels * groups * whole[1]
    image = line * whole[0]
    down, along = (step * np.arange(out) for step, out in zip(walk.step, walk.out, strict=True))
    taps = [np.array(axis, np.int64) + first for axis, first in zip(walk.taps, before, strict=True)]
    rows = _sums(image * np.arange(images), line * down, place * along)
    columns = _sums(line * taps[0], place * taps[1], np.arange(channels))
    return WindowLayout(image, channels, rows, columns, _fixed(before), _fixed(whole), True)


def _sums(*lines: Indices) -> Indices:
    """All sums of a number of each, the last one's going fastest."""
    found = np.zeros(1, np.int64)
    for line in lines:
        found = np.add.outer(found, line).reshape(-1)
    return found


def _fixed(numbers: tuple[int, ...]) -> Indices:
    return np.array(numbers, np.int64)


@lru_cache(maxsize=256)
def _runs(columns: bytes, width: int, lanes: int) -> Runs:
    """Columns of panels as runs of at most so many."""
    places = np.frombuffer(columns, np.int64)
    at = np.arange(places.size) % width
    begins = at == 0
    begins[1:] |= places[1:] != places[:-1] + 1
    start = np.flatnonzero(begins)
    longer = np.diff(start, append=places.size)
    first = np.concatenate([np.arange(s, s + n, lanes) for s, n in zip(start.tolist(), longer.tolist(), strict=True)])
    counts = np.bincount(first // width, minlength=-(-places.size // width))
    return Runs(np.concatenate([[0], np.cumsum(counts)]), at[first].copy(), places[first])


class Images:
    """Images in a layout: some at a time, rounded; of one thread's own."""

    def __init__(self, x: Floats, layout: WindowLayout, some: int, how: Rounder | None, dtype: Any) -> None:
        self._x, self._layout, self._how = x, layout, how
        self._place = panel_buffer(some * layout.image + SLACK, dtype)
        self._lay = entry_point(channels_last if layout.last else surround, 0 if self._place.itemsize == 4 else 1)

    def flat(self, first: int, last: int) -> Floats:
        """Images first .. last - 1, and as many numbers behind them as kernels may read."""
        images = np.ascontiguousarray(self._x[first:last], self._place.dtype)
        self._lay(images, self._place, self._layout.before, self._layout.size)
        if self._how is None:
            return self._place
        found = np.empty_like(self._place)
        round_into(self._how, self._place, found)
        return found
