"""Numbers known to lie between two others, carried through rounded operations: rigorous bounds of whole formulas.

An `Interval` holds arrays `low` and `high`, in float64, and steps outward a little after each operation, since float64
rounds too. `rounded` widens it by one rounding to a format. So a formula is written down as it is computed, and what
comes out contains every result that the arithmetic can give.

Source: Moore, Kearfott and Cloud, Introduction to Interval Analysis, SIAM 2009, chapters 2 and 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..linalg.bound_orders import Step

Doubles = NDArray[np.float64]
#: relative error of a float64 operation or of NumPy's functions here, generously
_SLACK, _LEAST = 2.0**-50, 2.0**-1070


@dataclass(frozen=True)
class Interval:
    """Arrays of lower and upper ends; NaN and infinities mean that nothing is known."""

    low: Doubles
    high: Doubles

    @classmethod
    def of(cls, x: Doubles) -> Interval:
        """Numbers known exactly."""
        return cls(x, x)

    def __add__(self, other: Interval) -> Interval:
        return _outward(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return _outward(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Interval) -> Interval:
        ends = np.stack([np.multiply(x, y) for x in (self.low, self.high) for y in (other.low, other.high)])
        return _outward(ends.min(axis=0), ends.max(axis=0))

    def __truediv__(self, other: Interval) -> Interval:
        """By something positive; nothing is known where it may be zero."""
        with np.errstate(divide="ignore", invalid="ignore"):
            sure = other.low > 0
            turned = Interval(np.where(sure, 1 / other.high, np.nan), np.where(sure, 1 / other.low, np.nan))
        return self * turned.wider(_SLACK)

    def squared(self) -> Interval:
        """The square, which is never negative."""
        ends = self.low * self.low, self.high * self.high
        inside = (self.low <= 0) & (self.high >= 0)
        return _outward(np.where(inside, 0.0, np.minimum(*ends)), np.maximum(*ends))

    def rising(self, function: Callable[[Doubles], Doubles], least: float = -np.inf) -> Interval:
        """A function that never falls, of arguments from `least` on."""
        return _outward(function(np.maximum(self.low, least)), function(np.maximum(self.high, least)))

    def wider(self, share: float) -> Interval:
        """By a share of the magnitude."""
        return Interval(self.low - share * np.abs(self.low), self.high + share * np.abs(self.high))

    def off_by(self, error: Doubles) -> Interval:
        """What may be off by so much."""
        return _outward(self.low - error, self.high + error)

    def rounded(self, step: Step) -> Interval:
        """After one rounding; unknown where it may overflow."""
        greatest = np.maximum(np.abs(self.low), np.abs(self.high))
        ends = [x + side * step.u * np.maximum(np.abs(x), step.w) for x, side in ((self.low, -1), (self.high, 1))]
        return Interval(*(np.where(greatest > step.top, np.nan, end) for end in _outward(*ends).ends))

    @property
    def ends(self) -> tuple[Doubles, Doubles]:
        """Both of them."""
        return self.low, self.high

    @property
    def magnitude(self) -> Doubles:
        """The greatest absolute value."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


def _outward(low: Doubles, high: Doubles) -> Interval:
    """Ends that float64 has rounded, moved outward."""
    return Interval(low - (_SLACK * np.abs(low) + _LEAST), high + (_SLACK * np.abs(high) + _LEAST))
