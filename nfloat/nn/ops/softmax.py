"""`softmax` and `log_softmax` along an axis.

In float64, the greatest element subtracted first, sums by halves (``elementary.halved_sums``); each step in between is
rounded as the recipe's `softmax` says, where it says so. Elsewhere one pass does them all, to the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import elementary
from ..precision import Floats, Precision
from . import in_rows
from .op import RESULT, Example, Gradients, Needs, Op, inner, quiet, wide


@quiet
def softmax(
    p: Precision, name: str, x: Floats, axis: int = -1, mask: Floats | None = None, single: bool | None = None
) -> tuple[Floats, Any]:
    """exp(x + mask) / its sum; rows that a mask of -inf leaves nothing of are NaN, as in PyTorch.

    `single` as in `in_rows.place`.
    """
    if in_rows.is_whole(p, "softmax", name, x):
        return _in_rows(p, name, x, axis, mask, False, single), (RESULT, axis)
    exponentials, sums = _exponentials(p, name, x if mask is None else wide(x) + mask, axis)[1:]
    return exponentials / sums, (RESULT, axis)


@quiet
def softmax_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs, single: bool = False) -> Gradients:
    """y (dy - the sum of dy y), from the stored y: as products less y times their sum.

    `single`: it may be given in float32, since it is stored so.
    """
    y, axis = kept
    if in_rows.is_whole(p, "softmax", name, y):
        return (_gradient_in_rows(p, y, dy, axis, False, single),)
    products = inner(p, "softmax", name, wide(dy) * y)
    return (products - y * inner(p, "softmax", name, elementary.halved_sums(products, (axis,))),)


@quiet
def log_softmax(p: Precision, name: str, x: Floats, axis: int = -1) -> tuple[Floats, Any]:
    """x - log(sum(exp(x)))."""
    if in_rows.is_whole(p, "softmax", name, x):
        return _in_rows(p, name, x, axis, None, True, None), (RESULT, axis)
    shifted, _, sums = _exponentials(p, name, x, axis)
    return shifted - inner(p, "softmax", name, elementary.log(sums)), (RESULT, axis)


@quiet
def log_softmax_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy - exp(y) times the sum of dy, from the stored y."""
    y, axis = wide(kept[0]), kept[1]
    if in_rows.is_whole(p, "softmax", name, y):
        return (_gradient_in_rows(p, y, dy, axis, True, False),)
    sums = inner(p, "softmax", name, elementary.halved_sums(wide(dy), (axis,)))
    return (wide(dy) - inner(p, "softmax", name, elementary.exp(y)) * sums,)


def _in_rows(
    p: Precision, name: str, x: Floats, axis: int, mask: Floats | None, logarithmic: bool, single: bool | None
) -> Floats:
    """All of it in one pass."""
    if mask is not None and (axis % x.ndim != x.ndim - 1 or np.broadcast_shapes(x.shape, mask.shape) != x.shape):
        x, mask = wide(x) + mask, None
    if mask is not None:
        repeated = np.broadcast_to(mask, x.shape[-2:] if mask.ndim < 3 else x.shape)
        mask = np.array(repeated, np.float64, order="C").reshape(-1, x.shape[-1])
    rows = _as_rows(x, axis)
    out = in_rows.place(p, name, rows.shape, single)
    in_rows.softmax(p, rows, mask, logarithmic, out)
    return _from_rows(out, x.shape, axis)


def _gradient_in_rows(p: Precision, y: Floats, dy: Floats, axis: int, logarithmic: bool, single: bool) -> Floats:
    rows = _as_rows(y, axis)
    out = np.empty(rows.shape, in_rows.of_gradients(p, single))
    in_rows.softmax_gradient(p, rows, _as_rows(dy, axis), logarithmic, out)
    return _from_rows(out, y.shape, axis)


def _as_rows(x: Floats, axis: int) -> Floats:
    """The numbers along an axis as rows."""
    if axis in (-1, x.ndim - 1):
        return x.reshape(-1, x.shape[-1])
    return np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])


def _from_rows(rows: Floats, shape: tuple[int, ...], axis: int) -> Floats:
    """Rows back in an array of that shape."""
    if axis in (-1, len(shape) - 1):
        return rows.reshape(shape)
    axis %= len(shape)
    return np.ascontiguousarray(np.moveaxis(rows.reshape(*shape[:axis], *shape[axis + 1 :], shape[axis]), -1, axis))


def _exponentials(p: Precision, name: str, x: Floats, axis: int) -> tuple[Floats, Floats, Floats]:
    """x less its greatest element, the exponentials of that, their sum."""
    x = wide(x)
    shifted = inner(p, "softmax", name, x - x.max(axis=axis, keepdims=True, initial=-np.inf))
    exponentials = inner(p, "softmax", name, elementary.exp(shifted))
    return shifted, exponentials, inner(p, "softmax", name, elementary.halved_sums(exponentials, (axis,)))


_AXES = (Example(((2, 3, 4),)), Example(((2, 3, 4),), {"axis": 1}))
_MASK = np.where(np.arange(16).reshape(4, 4) % 4 > np.arange(16).reshape(4, 4) // 4, -np.inf, 0.0)

OPS = (
    Op("softmax", softmax, softmax_backward, examples=(*_AXES, Example(((2, 4, 4),), {"mask": _MASK}))),
    Op("log_softmax", log_softmax, log_softmax_backward, examples=_AXES),
)
