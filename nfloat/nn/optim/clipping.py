"""Clipping of gradients before an update: by their common norm, or number by number.

Clipped gradients are rounded as `weight_gradients` are, once more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from .. import elementary
from ..precision import Floats, Precision, Role

#: PyTorch's guard against a norm of zero
_GUARD = 1e-6


def total_norm(gradients: Iterable[Floats]) -> float:
    """The Euclidean norm of all gradients together: float64, squares added one after the other.

    Examples
    --------
    >>> total_norm([np.array([3.0]), np.array([[4.0]])])
    5.0
    """
    with np.errstate(all="ignore"):
        parts = [elementary.total(np.square(g, dtype=np.float64)) for g in gradients]
    return math.sqrt(math.fsum(parts)) if all(map(math.isfinite, parts)) else math.nan if parts else 0.0


def clipped_by_norm(p: Precision, gradients: Mapping[str, Floats], most: float) -> dict[str, Floats]:
    """Gradients times min(1, most / (norm + 1e-6)); themselves where that is 1. NaN where the norm is not finite."""
    factor = most / (total_norm(gradients.values()) + _GUARD)
    if factor >= 1.0:
        return dict(gradients)
    return {name: _again(p, name, np.multiply(g, factor, dtype=np.float64)) for name, g in gradients.items()}


def clipped_by_value(p: Precision, gradients: Mapping[str, Floats], most: float) -> dict[str, Floats]:
    """Every number between -most and most; NaN stays."""
    return {name: _again(p, name, np.clip(g, -most, most, dtype=np.float64)) for name, g in gradients.items()}


def _again(p: Precision, name: str, g: Floats) -> Floats:
    return p.cast(Role.WEIGHT_GRADIENT, name, g, ".clipped")
