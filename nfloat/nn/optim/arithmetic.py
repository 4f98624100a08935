"""In which format an optimiser computes: its scalars, and every result inside its formulas.

The recipe's `scalars` rounds learning rate, betas, epsilon and weight decay, and what is computed of them alone (1 -
beta, beta^t, 1 - beta^t), each once: so float16(1e-8) = 0 and bfloat16(0.999) = 1. None: float64 numbers, taken to the
carrier where they meet an array. The recipe's `arithmetic` rounds every sum, product, quotient and square root of the
formulas, computed in float64 (exact enough: 53 >= 2 * 24 + 2). None: the carrier's own arithmetic.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...ops.functions import power
from ..precision import Floats, Precision, Role
from ..recipes import Cast, Recipe


class Arithmetic:
    """The arithmetic of one parameter's update: `r` rounds a result, `scalar` a scalar, `wide` prepares an array.

    `w` and `g` are the weights and the gradient, prepared; `name` is the parameter's.
    """

    __slots__ = ("_arithmetic", "_p", "_scalars", "_state", "g", "name", "w")

    def __init__(self, p: Precision, own: Recipe, name: str, w: Floats, g: Floats, state: dict[str, Floats]) -> None:
        self._p, self.name, self._state = p, name, state
        self._scalars, self._arithmetic = own.scalars, own.arithmetic
        self.w, self.g = (w, g) if own.arithmetic is None else (self.wide(w), self.wide(g))

    @property
    def plain(self) -> bool:
        """Whether nothing is rounded but by the carrier."""
        return self._arithmetic is None

    def wide(self, x: Floats) -> Floats:
        """An array in the type in which formulas are computed."""
        return x if self._arithmetic is None else x.astype(np.float64, copy=False)

    def r(self, x: Floats) -> Floats:
        """A result of the formula, rounded."""
        return rounded_result(self._p, self._arithmetic, self.name, x)

    def scalar(self, value: float) -> float:
        """A scalar, rounded."""
        if self._scalars is None:
            return value
        if not self._p.observed and not self._scalars.stochastic:
            return _scalar(self._scalars, value)
        return float(self._p.round(self._scalars, Role.SCALARS, self.name, np.asarray(value, np.float64)))

    def rest(self, beta: float) -> float:
        """1 - beta, beta being a rounded scalar."""
        return self.scalar(1.0 - beta)

    def grown(self, beta: float, steps: int) -> float:
        """1 - beta^t, beta being a rounded scalar: what corrects a momentum's bias."""
        return self.scalar(1.0 - self.scalar(_power(beta, steps)))


def rounded_result(p: Precision, arithmetic: Cast | None, name: str, x: Floats) -> Floats:
    """A result of a parameter's update, rounded as the recipe's `arithmetic` says."""
    return x if arithmetic is None else p.round(arithmetic, Role.ARITHMETIC, name, x).astype(np.float64, copy=False)


@lru_cache(maxsize=256)
def _scalar(cast: Cast, value: float) -> float:
    return float(cast.rounder.apply(np.asarray(value, np.float64), 0))


@lru_cache(maxsize=64)
def _power(beta: float, steps: int) -> float:
    """beta^steps, correctly rounded: Python's ``**`` is the C library's, whose last bit depends on the machine.

    In integers of few words, from below and from above; nearly always both are the same number once they are rounded,
    as Python does with quotients of integers.
    """
    if 0.0 < beta <= 1.0:
        above, below = beta.as_integer_ratio()
        low = high = 1
        shift, own = 0, below.bit_length() - 1
        for bit in f"{steps:b}":  # low / 2^shift <= beta^(the bits so far) <= high / 2^shift
            low, high, shift = low * low, high * high, 2 * shift
            if bit == "1":
                low, high, shift = low * above, high * above, shift + own
            cut = max(0, high.bit_length() - _WIDE)
            low, high, shift = low >> cut, -(-high >> cut), shift - cut
        found = low / (1 << shift)
        if found == high / (1 << shift):
            return found
    return float(power(beta, steps, "float64"))


#: bits of those integers
_WIDE = 192
