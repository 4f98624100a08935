"""Pooling in two dimensions: the greatest number of a window (nothing is rounded), or the mean.

A mean is a sum of the recipe's accumulator for sums divided once. Gradients that meet where windows overlap are added
in float64 and rounded once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import ShapeError
from ...kernels.arithmetic.pooling import max_pool, max_pool_back
from ...kernels.jit import entry_point
from ..precision import Floats, Precision
from .columns import Pair, views
from .op import Example, Gradients, Needs, Op, wide


class Window(NamedTuple):
    """A window and its walk: size, step, places added around the image, steps between its places.

    `ceil`: a last window may stand half outside, if it begins inside of the image or of what is added before it.
    """

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    ceil: bool = False

    @property
    def taps(self) -> list[list[int]]:
        """Where its places stand, by axis."""
        walk = zip(self.kernel, self.dilation, self.padding, strict=True)
        return [[i * dilation - padding for i in range(count)] for count, dilation, padding in walk]

    @property
    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same as arrays."""
        rows, columns = (np.array(taps, np.int64) for taps in self.taps)
        return rows, columns

    @property
    def overlaps(self) -> bool:
        """Whether two windows may share a place."""
        return any((k - 1) * d >= s for k, s, d in zip(self.kernel, self.stride, self.dilation, strict=True))

    def out(self, shape: tuple[int, ...]) -> Pair:
        """How many windows an image has, by axis."""
        if len(shape) != 4:
            raise ShapeError(f"x of shape {shape} must be (n, channels, height, width) for pooling")
        rows, columns = (self._count(axis, size) for axis, size in enumerate(shape[2:]))
        if min(rows, columns) < 1:
            raise ShapeError(f"x of shape {shape} is smaller than the window kernel_size={self.kernel} of pooling")
        return rows, columns

    def _count(self, axis: int, size: int) -> int:
        k, step, pad, d = (pair[axis] for pair in self[:4])
        count = (size + 2 * pad - d * (k - 1) - 1 + (step - 1 if self.ceil else 0)) // step + 1
        return count - 1 if self.ceil and (count - 1) * step >= size + pad else count

    def counts(self, size: Pair, out: Pair) -> NDArray[np.int64]:
        """How many places of each window stand in the image or what is added around it; the others `ceil` allows."""
        axes = zip(self.kernel, self.stride, self.padding, size, out, strict=True)
        rows, columns = (np.minimum(k, n + 2 * pad - s * np.arange(count)) for k, s, pad, n, count in axes)
        return np.outer(rows, columns)


def max_pool2d(p: Precision, name: str, x: Floats, window: Window) -> tuple[Floats, Any]:
    """The greatest number of each window; NaN where there is one."""
    out, (rows, columns) = window.out(x.shape), window.places
    best = np.empty((*x.shape[:2], *out), x.dtype)
    narrow = rows.size * columns.size <= 256
    taken = np.empty(best.shape, np.uint8 if narrow else np.uint32)
    kernel = entry_point(max_pool, 2 * (x.itemsize == 8) + (not narrow))
    kernel(_images(np.ascontiguousarray(x)), rows, columns, *window.stride, _images(best), _images(taken))
    return best, (x.shape, taken, window)


def max_pool2d_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient of each window, at the first of its greatest numbers."""
    shape, taken, window = kept
    dx = np.zeros(shape, np.float64 if window.overlaps else dy.dtype)
    kernel = entry_point(max_pool_back, 2 * ((dy.itemsize == 8) + (dx.itemsize == 8)) + (taken.itemsize > 1))
    dy = np.ascontiguousarray(dy)
    kernel(_images(dy), _images(taken), *window.places, *window.stride, _images(dx), window.overlaps)
    return (dx,)


def _images(x: NDArray[Any]) -> NDArray[Any]:
    """(n, channels, h, w) -> (n channels, h, w)."""
    return x.reshape(-1, *x.shape[2:])


def avg_pool2d(
    p: Precision, name: str, x: Floats, window: Window, count_include_pad: bool = True, divisor: int | None = None
) -> tuple[Floats, Any]:
    """The mean of each window: its sum over its places, or over those inside of the image, or over `divisor`."""
    out = window.out(x.shape)
    seen = np.zeros((*window.kernel, *x.shape[:2], *out), x.dtype)
    inside: NDArray[np.int64] = np.zeros(out, np.int64)
    for a, b, to, of in views(x.shape[2:], window.taps, window.stride, out):
        seen[a, b, :, :, *to] = x[:, :, *of]
        inside[to] += 1
    sums = p.sum_rows(name, seen.reshape(window.kernel[0] * window.kernel[1], -1)).reshape(seen.shape[2:])
    count = inside if not count_include_pad else window.counts(x.shape[2:], out)
    count = count if divisor is None else np.full(out, divisor)
    return wide(sums) / count, (x.shape, window, count)


def avg_pool2d_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient of each window divided by its count, for each of its places."""
    shape, window, count = kept
    dx, share = np.zeros(shape), wide(dy) / count
    for _, _, to, of in views(shape[2:], window.taps, window.stride, dy.shape[2:]):
        dx[:, :, *of] += share[:, :, *to]
    return (dx,)


_IMAGE = ((2, 3, 5, 6),)
_WINDOWS = (
    Window((2, 2), (2, 2)),
    Window((3, 2), (2, 1), (1, 1)),
    Window((2, 2), (1, 2), (0, 1), (2, 1)),
    Window((2, 3), (3, 2), (1, 1), ceil=True),
)

OPS = (
    Op("max_pool2d", max_pool2d, max_pool2d_backward, exact=True,
       examples=tuple(Example(_IMAGE, {"window": window}) for window in _WINDOWS)),
    Op("avg_pool2d", avg_pool2d, avg_pool2d_backward,
       examples=(*(Example(_IMAGE, {"window": window}) for window in _WINDOWS[:2]),
                 *(Example(_IMAGE, {"window": window, "count_include_pad": False}) for window in _WINDOWS[1::2]),
                 Example(_IMAGE, {"window": _WINDOWS[3]}),
                 Example(_IMAGE, {"window": _WINDOWS[0], "divisor": 3}))),
)  # fmt: skip
