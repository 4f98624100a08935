"""`softmax` and `log_softmax` along an axis.

In float64, the greatest element subtracted first, sums by halves (``elementary.halved_sums``); each step in between is
rounded as the recipe's `softmax` says, where it says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import elementary
from ..precision import Floats, Precision
from .op import RESULT, Example, Gradients, Needs, Op, inner, quiet, wide


@quiet
def softmax(p: Precision, name: str, x: Floats, axis: int = -1, mask: Floats | None = None) -> tuple[Floats, Any]:
    """exp(x + mask) / its sum; rows that a mask of -inf leaves nothing of are NaN, as in PyTorch."""
    exponentials, sums = _exponentials(p, name, x if mask is None else wide(x) + mask, axis)[1:]
    return exponentials / sums, (RESULT, axis)


@quiet
def softmax_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """y (dy - the sum of dy y), from the stored y."""
    y, axis = wide(kept[0]), kept[1]
    products = inner(p, "softmax", name, wide(dy) * y)
    sums = inner(p, "softmax", name, elementary.halved_sums(products, (axis,)))
    return (products - y * sums,)


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
