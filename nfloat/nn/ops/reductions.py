"""Sums, means and extremes along axes.

Sums go through the recipe's accumulator for sums, elements in C order; a mean is such a sum divided once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ShapeError, as_integer, as_truth
from ..precision import Floats, Precision
from .op import Example, Gradients, Needs, Op, quiet, size, summed_over, wide

Axes = int | tuple[int, ...] | None


def _axes(x: Floats, axis: Axes) -> tuple[int, ...]:
    """The axes meant, each once, in ascending order."""
    if axis is None:
        return tuple(range(x.ndim))
    given = [as_integer(a) for a in (axis if isinstance(axis, tuple | list) else (axis,))]
    known = {a + x.ndim if a < 0 else a for a in given if a is not None and -x.ndim <= a < x.ndim}
    if len(known) != len(given):
        raise ShapeError(f"axis={axis!r} must name axes of x, of shape {x.shape}, each once")
    return tuple(sorted(known))


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with those axes of one element."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def total(p: Precision, name: str, x: Floats, axis: Axes = None, keepdims: bool = False) -> tuple[Floats, Any]:
    """The sum over `axis` (None: all of them), in the recipe's accumulator for sums."""
    axes = _axes(x, axis)
    sums = summed_over(p, name, x, axes)
    kept = _kept(x.shape, axes)
    return (sums.reshape(kept) if as_truth(keepdims, "keepdims") else sums), (x.shape, kept)


def total_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient, for every element."""
    shape, reduced = kept
    return (np.broadcast_to(dy.reshape(reduced), shape),)


def mean(p: Precision, name: str, x: Floats, axis: Axes = None, keepdims: bool = False) -> tuple[Floats, Any]:
    """The sum divided by the number of elements."""
    sums, (shape, kept) = total(p, name, x, axis, keepdims)
    count = size(shape, _axes(x, axis))
    return wide(sums) / count, (shape, kept, count)


def mean_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient divided by the number of elements, for every element."""
    shape, reduced, count = kept
    return (np.broadcast_to((wide(dy) / count).reshape(reduced), shape),)


@quiet
def maximum(p: Precision, name: str, x: Floats, axis: Axes = -1, keepdims: bool = False) -> tuple[Floats, Any]:
    """The greatest element over `axis` (None: all of them); NaN where there is one."""
    axes, keepdims = _axes(x, axis), as_truth(keepdims, "keepdims")
    if not size(x.shape, axes):
        raise ShapeError(f"x of shape {x.shape} has no element over axis={axis!r}, of which one would be the greatest")
    others = [i for i in range(x.ndim) if i not in axes]
    rows = x.transpose(*others, *axes).reshape(size(x.shape, others), size(x.shape, axes))
    place = rows.argmax(1)[:, np.newaxis]
    kept = _kept(x.shape, axes)
    values = np.take_along_axis(rows, place, 1).reshape(kept if keepdims else [x.shape[i] for i in others])
    return values, (x.shape, place, others, axes)


def maximum_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradient where the greatest element stands (the first of equal ones), else 0."""
    shape, place, others, axes = kept
    rows = np.zeros((size(shape, others), size(shape, axes)), dy.dtype)
    np.put_along_axis(rows, place, dy.reshape(place.shape), 1)
    order = (*others, *axes)
    return (rows.reshape([shape[i] for i in order]).transpose(np.argsort(order)),)


_AXES = (
    Example(),
    Example(((2, 3, 4),), {"axis": 1}),
    Example(((2, 3, 4),), {"axis": (0, -1), "keepdims": True}),
)

OPS = (
    Op("sum", total, total_backward, exact_backward=True, examples=_AXES),
    Op("mean", mean, mean_backward, examples=_AXES),
    Op("max", maximum, maximum_backward, exact=True, exact_backward=True,
       examples=_AXES),
)  # fmt: skip
