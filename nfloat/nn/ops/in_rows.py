"""Norms and softmax in one pass over rows, a few at a time, for recipes that round nothing between (`is_whole`).

The kernels (``kernels/arithmetic/norms.py``, ``softmax.py``) compute in float64 that stays in the cache; what goes in
is widened and what comes out is rounded to `out`'s type on the way. The bits are those of the steps in ``norms.py`` and
``softmax.py``. Rows may be shared among threads.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.arithmetic import norms as norm_kernels
from ...kernels.arithmetic import softmax as softmax_kernels
from ...kernels.gemm import norm_sums
from ...kernels.jit import entry_point
from ...ops.threads import WORK_PER_THREAD, over_ranges, thread_count
from ..precision import Floats, Precision

#: what an element costs, in the units of `thread_count`
_WORK = 30
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
#: no operand
NONE, NO_PRODUCTS = np.empty((0, 1)), np.empty((0, 0, 0))


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


def of_gradients(p: Precision, single: bool = False) -> np.dtype[Any]:
    """The type in which a gradient is given: float32 where any is stored so, and nobody sees it before.

    By the CPU's own conversion; `single` says that of a gradient that is not an activation's.
    """
    r = p.recipe
    stored = (r.activation_gradients, r.weight_gradients)
    alike = not (p.observed or r.layers) and p.carrier is _SINGLE and all(_SINGLE in cast.native_in for cast in stored)
    return _SINGLE if single or alike else _DOUBLE


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


def _signature(x: Floats, out: Floats) -> int:
    """The place of the types of x and out in a kernel's signatures."""
    return 2 * (x.itemsize == 8) + (out.itemsize == 8)


def _together(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Both in the wider one's type: a gradient may come from another precision."""
    if x.dtype is y.dtype:
        return np.ascontiguousarray(x), np.ascontiguousarray(y)
    kind = np.result_type(x, y)
    return np.ascontiguousarray(x, kind), np.ascontiguousarray(y, kind)


def _over(p: Precision, rows: int, size: int, compute: Any, before: tuple[Any, ...], behind: tuple[Any, ...]) -> None:
    """``compute(*before, first, last, *behind)`` of all rows, on several threads where that pays."""
    work = _WORK * rows * size
    if work <= WORK_PER_THREAD:  # in no time
        compute(*before, 0, rows, *behind)
        return
    count = thread_count(p.threads, work, rows)
    over_ranges(lambda first, last: compute(*before, first, last, *behind), rows, count, _WORK * size)


def norm(
    p: Precision, rows: Rows, eps: float, out: Floats, given: tuple[Floats, Floats] | None = None
) -> tuple[Floats, Floats, Floats]:
    """The norm into `out`, of x's shape; mean, variance and 1 / sqrt(variance + eps) of each row, unless `given`."""
    x, count = rows.x, rows.x.shape[1]
    mean, variance = (np.zeros(count), np.empty(count)) if given is None else given
    inverse = np.empty(count) if given is None else 1.0 / np.sqrt(variance + eps)
    compute = entry_point(norm_kernels.norm_rows, _signature(x, out))
    statistics = (rows.weight, rows.bias, mean, variance, inverse, eps, rows.centred, rows.lengths)
    _over(p, count, x.shape[0] * x.shape[2], compute, (x, out), statistics)
    return mean, variance, inverse


def gradients(
    p: Precision, kept: Kept, dy: Floats, products: bool, dtype: np.dtype[Any]
) -> tuple[Floats, Floats | None]:
    """The gradient of x, and dy times the normal form, of which the weight's is the sum, if `products` are asked for.

    Both of the shape of the rows, the gradient of that `dtype`; dy has that shape, too.
    """
    (x, weight, _, lengths, centred), mean, inverse, *_ = kept
    shape = x.shape
    dx, terms = np.empty(shape, dtype), np.empty(shape) if products else NO_PRODUCTS
    x, dy = _together(x, dy)
    compute = entry_point(norm_kernels.norm_rows_gradient, _signature(x, dx))
    _over(p, shape[1], shape[0] * shape[2], compute, (x, dy, dx, terms), (weight, mean, inverse, centred, lengths))
    return dx, terms if products else None


def affine_sums(p: Precision, kept: Kept, dy: Floats) -> tuple[Floats, Floats]:
    """The gradients of a weight and a bias for each row, in sums that are the hardware's own."""
    (x, _, _, _, centred), mean, inverse, *_ = kept
    found = np.empty(x.shape[1], x.dtype), np.empty(x.shape[1], x.dtype)
    compute = entry_point(norm_sums.affine_sums, 0 if x.itemsize == 4 else 1)
    compute(x, np.ascontiguousarray(dy), mean, inverse, centred, *found)
    return found


def softmax(p: Precision, x: Floats, mask: Floats | None, logarithmic: bool, out: Floats) -> None:
    """(rows, n): exp(x + mask) / its sum, or the logarithm of that; the mask's rows repeat themselves."""
    compute = entry_point(softmax_kernels.softmax_rows, _signature(x, out))
    _over(
        p,
        x.shape[0],
        x.shape[1],
        compute,
        (np.ascontiguousarray(x), out),
        (NONE if mask is None else mask, logarithmic),
    )


def softmax_gradient(p: Precision, y: Floats, dy: Floats, logarithmic: bool, out: Floats) -> None:
    """(rows, n): the gradient of softmax's operand, or of its logarithm's, from the stored result."""
    y, dy = _together(y, dy)
    compute = entry_point(softmax_kernels.softmax_rows_gradient, _signature(y, out))
    _over(p, y.shape[0], y.shape[1], compute, (y, dy, out), (logarithmic,))
