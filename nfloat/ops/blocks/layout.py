"""Which elements of an array share a scale: the array as kernels see it, (outer, n, inner) with blocks along n."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError, ShapeError, as_integer
from ...formats.blocks import BlockFormat

#: an axis, two of them for tiles, None for the last ones
Axis = int | tuple[int, int] | None


@dataclass(frozen=True)
class Layout:
    """Where the blocks of an array of a shape lie.

    `axes`: the axis, or two of them; () for one block in all. `order`: the axes' permutation under which kernels see
    the array; None where it is seen as it is. `rows`, `size`: how many elements along the two axes share a scale.
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    order: tuple[int, ...] | None
    outer: int
    n: int
    inner: int
    size: int
    rows: int
    height: int

    @property
    def count(self) -> int:
        """Blocks along n."""
        return -(-self.n // self.size)

    @property
    def bands(self) -> int:
        """Blocks along the other axis of tiles."""
        return -(-self.height // self.rows)

    @property
    def is_folded(self) -> bool:
        """Whether several rows share a scale."""
        return len(self.axes) == 2 and self.rows > 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many elements along each of `axes` share a scale."""
        return () if not self.axes else (self.size,) if len(self.axes) == 1 else (self.rows, self.size)

    @property
    def scale_shape(self) -> tuple[int, ...]:
        """The shape of the scales: the array's, with each axis divided by the block."""
        shape = list(self.shape)
        if not self.axes:
            return ()
        for axis, length in zip(
            self.axes, (self.count,) if len(self.axes) == 1 else (self.bands, self.count), strict=True
        ):
            if shape:
                shape[axis] = length
        return tuple(shape)

    @property
    def flat_shape(self) -> tuple[int, ...]:
        """The shape of one number a block, as kernels see them: (outer, count, inner), with tiles in bands."""
        return (
            (self.outer // max(self.height, 1), self.bands, self.count)
            if len(self.axes) == 2
            else (self.outer, self.count, self.inner)
        )

    def seen(self, a: NDArray[Any]) -> NDArray[Any]:
        """The array, flat, as kernels see it."""
        return a.reshape(-1) if self.order is None else np.ascontiguousarray(a.transpose(self.order)).reshape(-1)

    def restored(self, flat: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `seen`."""
        if self.order is None:
            return flat.reshape(self.shape)
        moved = flat.reshape([self.shape[axis] for axis in self.order])
        return np.ascontiguousarray(moved.transpose(np.argsort(self.order)))

    def counters(self) -> NDArray[np.int64]:
        """The number of every seen element in C order, empty where that is its place."""
        if self.order is None:
            return np.empty(0, np.int64)
        return self.seen(np.arange(prod(self.shape)).reshape(self.shape))

    def fold(self, per_row: NDArray[Any], combine: np.ufunc) -> NDArray[Any]:
        """One number a block of every row (of the seen array) as one number a tile, flat."""
        if not self.is_folded or per_row.size == 0:
            return per_row
        rows = per_row.reshape(-1, self.height, self.count)
        return combine.reduceat(rows, range(0, self.height, self.rows), axis=1).reshape(-1)

    def spread(self, per_tile: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `fold`: every row's copy."""
        if not self.is_folded or per_tile.size == 0:
            return per_tile
        tiles = per_tile.reshape(-1, self.bands, self.count)
        return np.repeat(tiles, self.rows, axis=1)[:, : self.height].reshape(-1)

    def tops(self, per_row: NDArray[Any]) -> NDArray[Any]:
        """The number of each tile's first row: what `fold` gives where all rows of a tile have the same."""
        if not self.is_folded or per_row.size == 0:
            return per_row
        return np.ascontiguousarray(per_row.reshape(-1, self.height, self.count)[:, :: self.rows]).reshape(-1)

    @lru_cache(maxsize=512)  # noqa: B019 (few layouts, each of a few hundred bytes)
    def pieces(self, most: int) -> NDArray[np.int64]:
        """Parts of the seen array that are whole blocks, of about `most` elements.

        Rows as kernels take them: (start, stop, first, last, n, number of the first element, which is its place).
        """
        row, blocks = self.n * self.inner, self.count * self.inner
        if not row * self.outer:
            return np.empty((0, 6), np.int64)
        if row <= most or self.size >= self.n:
            step = max(most // row, 1)
            edges = np.append(np.arange(0, self.outer, step), self.outer)
            columns = (
                edges[:-1] * row,
                edges[1:] * row,
                edges[:-1] * blocks,
                edges[1:] * blocks,
                np.full(edges.size - 1, self.n),
                edges[:-1] * row,
            )
            return np.stack(columns, axis=1)
        edges = np.append(np.arange(0, self.count, max(most // (self.size * self.inner), 1)), self.count)
        o, first, last = np.arange(self.outer)[:, None], edges[:-1], edges[1:]
        begin, end = np.minimum(first * self.size, self.n), np.minimum(last * self.size, self.n)
        columns = (o * row + begin * self.inner, o * row + end * self.inner, o * blocks + first * self.inner,
                   o * blocks + last * self.inner, (end - begin) + 0 * o,
                   o * row + begin * self.inner)  # fmt: skip
        return np.stack([column.reshape(-1) for column in columns], axis=1)

    def scales(self, flat: NDArray[Any]) -> NDArray[Any]:
        """One number a block, flat as kernels see them, in the shape that users see."""
        if self.order is None:
            return flat.reshape(self.scale_shape)
        shape = self.scale_shape
        return np.ascontiguousarray(
            flat.reshape([shape[axis] for axis in self.order]).transpose(np.argsort(self.order))
        )

    def broadcast(self, per_block: NDArray[Any]) -> NDArray[Any]:
        """One number a block, in the shape of the scales, as one an element."""
        for axis, size in zip(self.axes, self.sizes, strict=True):
            if self.shape:
                each = np.repeat(per_block, size, axis=axis)
                per_block = each[(slice(None),) * axis + (slice(self.shape[axis]),)]
        return np.broadcast_to(per_block, self.shape)

    def flat_scales(self, scales: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `scales`."""
        return (
            scales.reshape(-1) if self.order is None else np.ascontiguousarray(scales.transpose(self.order)).reshape(-1)
        )


def as_layout(shape: tuple[int, ...], fmt: BlockFormat, axis: Axis) -> Layout:
    """The layout of a format's blocks in an array of a shape.

    Raises
    ------
    ArgumentError, ShapeError
        If `axis` is not one (two for tiles) of the array's.
    """
    try:
        return _known(shape, fmt.sizes, fmt.is_tile, axis)
    except TypeError:  # an axis that has no hash, such as a list
        return _layout(shape, fmt.sizes, fmt.is_tile, axis)


def _layout(shape: tuple[int, ...], sizes: tuple[int | None, int | None] | None, is_tile: bool, axis: Axis) -> Layout:
    if sizes is None:
        return Layout(shape, (), None, 1, prod(shape), 1, max(prod(shape), 1), 1, 1)
    if is_tile:
        return _tiles(shape, sizes, _two_axes(shape, axis))
    at = _one_axis(shape, axis)
    full = shape or (1,)
    n = full[at]
    size = max(n, 1) if sizes[1] is None else sizes[1]
    return Layout(shape, (at,), None, prod(full[:at]), n, prod(full[at + 1 :]), size, 1, 1)


_known = lru_cache(maxsize=512, typed=True)(_layout)


def _tiles(shape: tuple[int, ...], sizes: tuple[int | None, int | None], axes: tuple[int, int]) -> Layout:
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    order = (*rest, *axes)
    height, n = (shape[axis] for axis in axes)
    rows, size = (max(length, 1) if given is None else given for given, length in zip(sizes, (height, n), strict=True))
    outer = prod(shape[axis] for axis in rest) * height
    return Layout(shape, axes, None if order == tuple(range(len(shape))) else order, outer, n, 1, size, rows, height)


def _one_axis(shape: tuple[int, ...], axis: Axis) -> int:
    number = -1 if axis is None else as_integer(axis)
    dimensions = max(len(shape), 1)
    if number is None or not -dimensions <= number < dimensions:
        raise ArgumentError(
            f"axis={axis!r} must be an integer in {-dimensions}..{dimensions - 1}, an axis of x {shape}"
        )
    return number % dimensions


def _two_axes(shape: tuple[int, ...], axis: Axis) -> tuple[int, int]:
    pair = (-2, -1) if axis is None else axis
    if len(shape) < 2:
        raise ShapeError(f"x {shape}: tiles need two axes")
    numbers = [as_integer(one) for one in pair] if isinstance(pair, (tuple, list)) else []
    if len(numbers) != 2 or any(a is None or not -len(shape) <= a < len(shape) for a in numbers):
        raise ArgumentError(f"axis={axis!r} must be a pair of axes of x {shape}: a tile's rows and columns")
    first, second = (int(a) % len(shape) for a in numbers)  # type: ignore[arg-type]
    if first == second:
        raise ArgumentError(f"axis={axis!r} names one axis of x {shape} twice; a tile lies along two")
    return first, second
