"""Norms and softmax in one pass over rows, a few at a time, for recipes that round nothing between (`is_whole`).

The kernels (``kernels/arithmetic/norms.py``, ``softmax.py``) compute in place, in float64 that stays in the cache; what
goes in is widened and what comes out is rounded to `out`'s type on the way. The bits are those of the steps in
``norms.py`` and ``softmax.py``. Rows may be shared among threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.arithmetic import norms as norm_kernels
from ...kernels.arithmetic import softmax as softmax_kernels
from ...kernels.jit import entry_point
from ...ops.threads import over_ranges, thread_count
from ..precision import Floats, Precision

#: elements that are gone through at a time
_PIECE = 1 << 14
#: what an element costs, in the units of `thread_count`
_WORK = 30
_SINGLE = np.dtype(np.float32)
#: no operand
NONE = np.empty((0, 1))


def is_whole(p: Precision, field: str, name: str, x: Floats) -> bool:
    """Whether one pass does it: there is something to do, and the recipe's `field` rounds nothing between."""
    return x.size > 0 and getattr(p.at(name), field) is None


def place(p: Precision, name: str, shape: tuple[int, ...], single: bool | None) -> Floats:
    """Room for a layer's results: float32 where that is how they are stored and nobody sees them before, or float64.

    `single` says so for results that are something else than activations.
    """
    if single is None:
        single = not p.observed and p.carrier is _SINGLE and _SINGLE in p.at(name).activations.native_in
    return np.empty(shape, np.float32 if single else np.float64)


class Rows(NamedTuple):
    """An array as rows that have statistics of their own, and its affine operands."""

    #: (outer, rows, places): a row is made of `outer` parts; as it is stored
    x: Floats
    #: float64 (n, m), repeated every n rows; every number stands for as many places of a row. Without rows: none
    weight: Floats
    bias: Floats
    #: a row's axes, along which sums go; none where the statistics are given
    lengths: NDArray[np.int64]
    centred: bool


@lru_cache(maxsize=256)
def lengths(axes: tuple[int, ...]) -> NDArray[np.int64]:
    """The lengths of a row's axes as kernels take them."""
    found = np.array(axes, np.int64)
    found.flags.writeable = False
    return found


class Kept(NamedTuple):
    """What backward needs of a norm: its rows, and their statistics."""

    rows: Rows
    #: float64 (rows,); not looked at where rows are not centred
    mean: Floats
    inverse: Floats
    #: of the operands
    shapes: tuple[tuple[int, ...], ...]
    #: the shape of x in which weight and bias have the middle axis
    parts: tuple[int, ...]


#: ``task(first, last, places)``: what is done to some rows, and room for each of them several times over
_Task = Callable[[int, int, list[Floats]], None]


def _each(p: Precision, rows: int, size: int, places: int, task: _Task) -> None:
    """Do a task on a few rows at a time, in places that are used again; on several threads where that pays."""
    some = min(rows, max(1, _PIECE // size))
    if rows == some:
        task(0, rows, list(np.empty((places, rows, size))))
        return

    def several(first: int, last: int) -> None:
        room = np.empty((places, some, size))
        with np.errstate(all="ignore"):  # of this thread
            for start in range(first, last, some):
                stop = min(start + some, last)
                task(start, stop, [each[: stop - start] for each in room])

    over_ranges(several, rows, thread_count(p.threads, _WORK * rows * size, rows), _WORK * size)


def _take(x: Floats, first: int, last: int, part: Floats) -> None:
    """Rows of (outer, rows, places) in float64, one behind the other."""
    part.reshape(last - first, x.shape[0], x.shape[2])[...] = x[:, first:last].transpose(1, 0, 2)


def _is_open(out: Floats) -> bool:
    """Whether rows can be computed where they belong: float64 numbers, one row behind the other."""
    return out.shape[0] == 1 and out.dtype == np.float64


def _put(part: Floats, out: Floats, first: int, last: int) -> None:
    """Rows back where they belong, rounded to the type that is there, unless they were computed there."""
    if not _is_open(out):
        out[:, first:last] = part.reshape(last - first, out.shape[0], out.shape[2]).transpose(1, 0, 2)


def norm(
    p: Precision, rows: Rows, eps: float, out: Floats, given: tuple[Floats, Floats] | None = None
) -> tuple[Floats, Floats, Floats]:
    """The norm into `out`, of x's shape; mean, variance and 1 / sqrt(variance + eps) of each row, unless `given`."""
    x, compute = rows.x, entry_point(norm_kernels.norm_rows)
    count, size = x.shape[1], x.shape[0] * x.shape[2]
    mean, variance = (np.zeros(count), np.empty(count)) if given is None else given
    inverse = np.empty(count) if given is None else 1.0 / np.sqrt(variance + eps)

    def task(first: int, last: int, places: list[Floats]) -> None:
        part = out[0, first:last] if _is_open(out) else places[0]
        _take(x, first, last, part)
        compute(part, first, rows.weight, rows.bias, mean, variance, inverse, eps, rows.centred, rows.lengths)
        _put(part, out, first, last)

    _each(p, count, size, 1, task)
    return mean, variance, inverse


def norm_gradient(p: Precision, kept: Kept, dy: Floats, dx: Floats, products: Floats | None) -> None:
    """The gradient of x into `dx`; dy times the normal form, of which the weight's gradient is the sum."""
    ((x, weight, _, lengths, centred), mean, inverse, *_), compute = kept, entry_point(norm_kernels.norm_rows_gradient)

    def task(first: int, last: int, places: list[Floats]) -> None:
        part, slopes = places[0], dx[0, first:last] if _is_open(dx) else places[1]
        _take(x, first, last, part)
        _take(dy, first, last, slopes)
        made = NONE if products is None else products[0, first:last] if _is_open(products) else places[2]
        compute(part, slopes, first, weight, mean, inverse, centred, lengths, made)
        _put(slopes, dx, first, last)
        if products is not None:
            _put(made, products, first, last)

    _each(p, x.shape[1], x.shape[0] * x.shape[2], 3, task)


def softmax(p: Precision, x: Floats, mask: Floats | None, logarithmic: bool, out: Floats) -> None:
    """(rows, n): exp(x + mask) / its sum, or the logarithm of that; the mask's rows repeat themselves."""
    compute, added = entry_point(softmax_kernels.softmax_rows), NONE if mask is None else mask

    def task(first: int, last: int, places: list[Floats]) -> None:
        part = out[first:last] if _is_open(out[np.newaxis]) else places[0]
        part[...] = x[first:last]
        compute(part, first, added, logarithmic)
        _put(part, out[np.newaxis], first, last)

    _each(p, x.shape[0], x.shape[1], 1, task)


def softmax_gradient(p: Precision, y: Floats, dy: Floats, logarithmic: bool, out: Floats) -> None:
    """(rows, n): the gradient of softmax's operand, or of its logarithm's, from the stored result."""
    compute = entry_point(softmax_kernels.softmax_rows_gradient)

    def task(first: int, last: int, places: list[Floats]) -> None:
        own, slopes = places[0], out[first:last] if _is_open(out[np.newaxis]) else places[1]
        own[...], slopes[...] = y[first:last], dy[first:last]
        compute(own, slopes, logarithmic)
        _put(slopes, out[np.newaxis], first, last)

    _each(p, y.shape[0], y.shape[1], 2, task)
