"""Dropout: numbers set to zero at random, the others divided by the share that is kept.

The mask comes from the step's stream of masks (``Precision.mask_stream``), which no recipe has a part in, so that all
see the same. A mask is the stochastic rounding of that share to 0 or 1: the chance is exact to float64's bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.rounding import round as nf_round
from ..precision import Floats, Precision
from .op import Example, Gradients, Needs, Op, wide


def dropout(p: Precision, name: str, x: Floats, rate: float) -> tuple[Floats, Any]:
    """x / (1 - rate) where the mask is 1, with that chance, else 0."""
    share = np.full(x.shape, 1.0 - rate)
    mask = np.asarray(nf_round(share, "int8", "stochastic", seed=p.mask_stream(name))).astype(np.bool_)
    return _applied(x, mask, rate), (mask, rate)


def dropout_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """As forward, with the same mask."""
    return (_applied(dy, *kept),)


def _applied(x: Floats, mask: Any, rate: float) -> Floats:
    return np.where(mask, wide(x) / (1.0 - rate) if rate < 1.0 else 0.0, 0.0)


OPS = (Op("dropout", dropout, dropout_backward, examples=(Example(attributes={"rate": 0.25}),)),)
