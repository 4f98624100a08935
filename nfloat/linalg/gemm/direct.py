"""Sums that a lane rounds itself before the format does (`roundings.Direct`), and of which operands they are right.

In a lane of D digits, s is a number of the format (p bits, a multiple of 2^g, its least), t = a b is held exactly (q
bits), x = s + t. Rounding x to D bits and then to p differs from rounding it once only if x = m + d, m halfway between
two numbers of the format, 0 < |d| <= 2^(e - D) with 2^e <= |m| < 2^(e + 1).

* If |s| >= |t|: s and m are different multiples of h = 2^(e - p) (or, below the least normal number, of h = 2^(g -
  1) > 2^(e - p)), so |t| >= h - |d|, the last of t's q bits is worth at least 2^(e - p - q), and d is a multiple of
  it. That is impossible if **p + q < D**.
* If |s| < |t|: t is at least |x| / 2, so t - m is a multiple of 2^(e - max(p, q)) > 2^(e - D). Let s, where it is
  not zero (then x = t), be a multiple of 2^u: so is d, unless u is the greater; that is impossible if u > e - D, and
  since e <= 1 + log2 |t|, if **|t| < 2^(u + D - 1)**.

u is g; or, if it is more, the exponent that all products and c are multiples of, as a number rounded to p bits remains
one. So for formats of few exponents (float16, FP8) |t| has a bound that operands seldom reach. For those of many
(bfloat16) all depends on the operands: the greatest product and the quantum of all products must lie within D - 1 bits.
Of two whole matrices they often do not, by little; so every tile of theirs is asked (`close`).

Zeros come out as +0. A zero that should be -0 was rounded from a number below the least, or is such a zero plus -0: it
cannot be where all terms are multiples of 2^g. Elsewhere a tile that ends with a zero is left undone
(`may_lack_signs`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.format import Format
from ...formats.lanes import DOUBLE, Lane
from ...kernels.gemm.pack import close_panels
from ...kernels.jit import entry_point
from ...kernels.machine import HERE, Directed
from .facts import Facts

#: how many bits two matrices may lack, by the width of a lane: their tiles are asked then, of which most are close, as
#: the least number of a few thousand is seldom that of all
_LACKING = {32: 0, 64: 16}


def suits(bits: int) -> bool:
    """Whether a lane's own rounding saves work on this machine: it does where rounding to odd is long."""
    return bits == 32 or (bits == 64 and HERE.directed is not Directed.INSTRUCTION)


@dataclass(frozen=True)
class DirectSums:
    """The conditions for sums of a format in a lane."""

    fmt: Format
    lane: Lane

    @property
    def least(self) -> int:
        """The exponent of the format's least number."""
        return self.fmt.emin - self.fmt.precision + 1

    def may(self, a: Facts, b: Facts, c: Facts) -> bool:
        """Whether it is right, or may be for most tiles."""
        if self.fmt.precision + a.digits + b.digits >= self.lane.digits:
            return False
        return self._lacking(a, b, c) <= (_LACKING[64] if self.lane is DOUBLE else _LACKING[32])

    def asks_tiles(self, a: Facts, b: Facts, c: Facts) -> bool:
        """Whether only tiles can tell."""
        return self._lacking(a, b, c) > 0

    def may_lack_signs(self, a: Facts, b: Facts, c: Facts) -> bool:
        """Whether a sum that is zero may be one that should be -0."""
        return self.fmt.has_negative_zero and min(a.quantum + b.quantum, c.quantum) < self.least

    def _lacking(self, a: Facts, b: Facts, c: Facts) -> float:
        """Bits by which the greatest product is too large; it is below 2^(the sum of its factors' exponents)."""
        u = max(self.least, min(a.quantum + b.quantum, c.quantum))
        return math.frexp(a.top)[1] + math.frexp(b.top)[1] - (u + self.lane.digits - 1)

    def close(self, rows: NDArray[Any], columns: NDArray[Any], c: Facts) -> NDArray[np.bool_]:
        """Which tiles may be done, by the facts of their rows and columns (`survey_tiles`): as `_lacking`."""
        found = np.empty((len(rows), len(columns)), np.bool_)
        entry_point(close_panels)(rows, columns, c.quantum, self.least, self.lane.digits - 1, found)
        return found
