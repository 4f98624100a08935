"""Rounding modes, overflow policies and what each one means: three separate things from the format, never one flag.

A mode decides between the two neighbours on the format's grid, a policy decides what becomes of a *rounded* value beyond
the largest finite one. The integer `tag` of a mode is what kernels branch on (``kernels/scalar.py``).

Sources: IEEE 754-2019 clause 4.3; IEEE P3109 Interim Report v4.0 (unapproved draft) for to_odd and the stochastic modes.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from ..errors import RoundingError, as_integer, nearest_names


class Rounding(str, Enum):
    """How a real number becomes one of its two neighbours on the grid."""

    def __new__(cls, value: str, tag: int) -> Rounding:
        member = str.__new__(cls, value)
        member._value_ = value
        member.tag = tag
        return member

    tag: int

    #: the nearer one; a tie goes to the even significand (for P3109 formats of precision 1: to the even code)
    NEAREST_EVEN = ("nearest_even", 0)
    #: the nearer one; a tie goes away from zero
    NEAREST_AWAY = ("nearest_away", 1)
    #: the nearer one; a tie goes toward zero
    NEAREST_ZERO = ("nearest_zero", 2)
    #: never larger in magnitude (truncation)
    TOWARD_ZERO = ("toward_zero", 3)
    #: never smaller
    TOWARD_POSITIVE = ("toward_positive", 4)
    #: never larger
    TOWARD_NEGATIVE = ("toward_negative", 5)
    #: exact values stay, all others go to the neighbour with an odd significand
    TO_ODD = ("to_odd", 6)
    #: up with probability = the exact fraction of the gap, to 32 bits (float32 carrier) or 64 bits (float64)
    STOCHASTIC = ("stochastic", 7)
    #: P3109 StochasticA: floor(v 2^N) + R >= 2^N rounds up, R uniform in [0, 2^N), v the fraction
    STOCHASTIC_A = ("stochastic_a", 8)
    #: P3109 StochasticB: floor(v 2^(N+1)) + (2R + 1) >= 2^(N+1)
    STOCHASTIC_B = ("stochastic_b", 9)
    #: P3109 StochasticC: v 2^N rounded to nearest-even, + R >= 2^N
    STOCHASTIC_C = ("stochastic_c", 10)

    @property
    def is_stochastic(self) -> bool:
        """Whether the mode consumes random bits."""
        return self.tag >= 7

    @property
    def needs_random_bits(self) -> bool:
        """Whether the mode is defined for a stated number of random bits."""
        return self.tag >= 8

    def __str__(self) -> str:
        return self.value


class Overflow(str, Enum):
    """What becomes of a rounded value beyond the largest finite one."""

    #: an infinity, or the largest finite number where the mode rounds toward zero on that side (IEEE 754, 7.4)
    INFINITY = "infinity"
    #: NaN in every mode, infinities included (float8_e4m3fn and its kind)
    NAN = "nan"
    #: the largest finite number, infinities included (P3109 SatFinite, OFP8 SAT)
    SATURATE = "saturate"
    #: the largest finite number, but infinities stay where the format has them (P3109 SatPropagate)
    SATURATE_FINITE = "saturate_finite"

    def __str__(self) -> str:
        return self.value


RoundingLike: TypeAlias = Rounding | str
OverflowLike: TypeAlias = Overflow | str

#: the most random bits that stochastic_a/b/c take: v 2^(N+1) must fit a 64-bit word
MAX_RANDOM_BITS = 60


def as_rounding(mode: RoundingLike) -> Rounding:
    """The `Rounding` that `mode` names.

    Raises
    ------
    RoundingError
        If there is no such mode; the message lists the nearest names.
    """
    try:
        return Rounding(mode)
    except ValueError:
        hint = nearest_names(str(mode), [m.value for m in Rounding])
        raise RoundingError(f"rounding={mode!r} is not a rounding mode; {hint}") from None


def as_overflow(policy: OverflowLike | None) -> Overflow | None:
    """The `Overflow` that `policy` names; None (the format's own) stays None.

    Raises
    ------
    RoundingError
        If there is no such policy.
    """
    if policy is None:
        return None
    try:
        return Overflow(policy)
    except ValueError:
        known = ", ".join(repr(p.value) for p in Overflow)
        raise RoundingError(f"overflow={policy!r} is not an overflow policy; use None (the format's own), {known}") from None


def check_random_bits(mode: Rounding, random_bits: int | None) -> int:
    """The number N of random bits a mode uses: 0 for those that take none or take the carrier's.

    Raises
    ------
    RoundingError
        If the mode needs `random_bits` and has none, has some and needs none, or the number is not in 1..60.
    """
    if not mode.needs_random_bits:
        if random_bits is not None:
            raise RoundingError(f"random_bits={random_bits!r} has no meaning for rounding={mode.value!r}; it belongs to stochastic_a, _b, _c")
        return 0
    number = as_integer(random_bits)
    if number is None or not 1 <= number <= MAX_RANDOM_BITS:
        raise RoundingError(f"random_bits={random_bits!r}: rounding={mode.value!r} needs an integer in 1..{MAX_RANDOM_BITS}")
    return number
