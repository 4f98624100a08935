"""`softmax` and `log_softmax` along an axis.

In float64, the greatest element subtracted first, sums by halves (``elementary.halved_sums``); each step in between is
rounded as the recipe's `softmax` says, where it says so.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import elementary
from ..precision import Floats, Precision
from .op import RESULT, Example, Gradients, Needs, Op, inner, pieces, quiet, wide


@quiet
def softmax(p: Precision, name: str, x: Floats, axis: int = -1, mask: Floats | None = None) -> tuple[Floats, Any]:
    """exp(x + mask) / its sum; rows that a mask of -inf leaves nothing of are NaN, as in PyTorch."""
    if not _in_pieces(p, name, x, axis) or (mask is not None and mask.ndim > 2):
        exponentials, sums = _exponentials(p, name, x if mask is None else wide(x) + mask, axis)[1:]
        return exponentials / sums, (RESULT, axis)
    y = np.empty(x.shape)
    matrices, results = (v.reshape(-1, *x.shape[-2:]) for v in (x, y))
    for at in pieces(len(matrices), math.prod(x.shape[-2:])):
        part = matrices[at] if mask is None else wide(matrices[at]) + mask
        exponentials, sums = _exponentials(p, name, part, -1)[1:]
        np.divide(exponentials, sums, out=results[at])
    return y, (RESULT, axis)


@quiet
def softmax_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """y (dy - the sum of dy y), from the stored y: as products less y times their sum."""
    y, axis = kept
    if not _in_pieces(p, name, y, axis):
        return (_gradient(p, name, wide(y), dy, axis),)
    dx = np.empty(y.shape)
    ys, slopes, results = (v.reshape(-1, *y.shape[-2:]) for v in (y, dy, dx))
    for at in pieces(len(ys), math.prod(y.shape[-2:])):
        results[at] = _gradient(p, name, wide(ys[at]), slopes[at], -1)
    return (dx,)


def _gradient(p: Precision, name: str, y: Floats, dy: Floats, axis: int) -> Floats:
    products = inner(p, "softmax", name, wide(dy) * y)
    return products - y * inner(p, "softmax", name, elementary.halved_sums(products, (axis,)))


def _in_pieces(p: Precision, name: str, x: Floats, axis: int) -> bool:
    """Whether matrix after matrix gives the same: nothing is rounded (and counted) between."""
    return x.ndim > 2 and axis in (-1, x.ndim - 1) and p.at(name).softmax is None


@quiet
def log_softmax(p: Precision, name: str, x: Floats, axis: int = -1) -> tuple[Floats, Any]:
    """x - log(sum(exp(x)))."""
    shifted, _, sums = _exponentials(p, name, x, axis)
    return shifted - inner(p, "softmax", name, elementary.log(sums)), (RESULT, axis)


@quiet
def log_softmax_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """dy - exp(y) times the sum of dy, from the stored y."""
    y, axis = wide(kept[0]), kept[1]
    sums = inner(p, "softmax", name, elementary.halved_sums(wide(dy), (axis,)))
    return (wide(dy) - inner(p, "softmax", name, elementary.exp(y)) * sums,)


def _exponentials(p: Precision, name: str, x: Floats, axis: int) -> tuple[Floats, Floats, Floats]:
    """x less its greatest element, the exponentials of that, their sum."""
    x = wide(x)
    shifted = inner(p, "softmax", name, x - x.max(axis=axis, keepdims=True))
    exponentials = inner(p, "softmax", name, elementary.exp(shifted))
    return shifted, exponentials, inner(p, "softmax", name, elementary.halved_sums(exponentials, (axis,)))


_AXES = (Example(((2, 3, 4),)), Example(((2, 3, 4),), {"axis": 1}))
_MASK = np.where(np.arange(16).reshape(4, 4) % 4 > np.arange(16).reshape(4, 4) // 4, -np.inf, 0.0)

OPS = (
    Op("softmax", softmax, softmax_backward, examples=(*_AXES, Example(((2, 4, 4),), {"mask": _MASK}))),
    Op("log_softmax", log_softmax, log_softmax_backward, examples=_AXES),
)
