"""How many numbers a format that saturates has clamped: an overflow that no infinity shows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..formats.rounding import Tie
from ..formats.spec import SpecField
from ..ops.rounder import Rounder

Floats = NDArray[np.floating]


def edge(how: Rounder) -> float | None:
    """The least magnitude that is clamped; None where overflow shows by itself.

    In a mode to nearest that is beyond half a unit above the largest number (or there, where such a tie goes up), in
    the others, a stochastic one too, whatever is above it.

    Examples
    --------
    >>> from nfloat.ops.rounder import rounder
    >>> edge(rounder("float16", "nearest_even", "saturate", None))
    65520.0
    """
    spec, largest, mode = how.spec_array, how.format.max, how.rounding
    if not (math.isfinite(spec[SpecField.OVER]) or math.isfinite(spec[SpecField.UNDER_MIN])):
        return None
    if not mode.is_nearest:
        return math.nextafter(largest, math.inf)
    unit = math.ldexp(1.0, math.frexp(largest)[1] - how.format.precision)
    odd = largest / unit % 2.0 == 1.0
    up = mode.facts.tie is Tie.AWAY or (mode.facts.tie is Tie.EVEN and odd)
    return largest + unit / 2 if up else math.nextafter(largest + unit / 2, math.inf)


def clamped(beyond: float, before: Floats) -> int:
    """How many magnitudes reach an `edge`.

    Examples
    --------
    >>> clamped(464.0, np.array([1.0, -480.0, 450.0]))
    1
    """
    if not before.size:
        return 0
    with np.errstate(invalid="ignore"):
        return int(np.count_nonzero(np.abs(before) >= beyond))
