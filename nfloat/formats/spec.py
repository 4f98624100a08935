"""The constants a rounding kernel needs, derived once, exactly, from format + rounding mode + overflow policy.

All policy is decided here, in Python: what an overflow, an infinity, a zero or a negative number of an unsigned format
becomes are plain constants for the kernel. The vector is float64; integers in it are small and exact. Field i of
`SpecField` is word i of the vector.
"""

from __future__ import annotations

import math
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..errors import RoundingError
from .format import Format, LowestBinade, NaNCodes
from .rounding import Family, Overflow, Rounding


class SpecField(IntEnum):
    """Places in the constants' vector."""

    PRECISION = 0
    EMIN = 1
    #: Rounding.tag
    MODE = 2
    #: N of stochastic_a/b/c, else 0
    RANDOM_BITS = 3
    MAX = 4
    MIN = 5
    #: what a finite value beyond MAX (below MIN) after rounding becomes
    OVER = 6
    UNDER_MIN = 7
    #: what an infinite input becomes
    POS_INF = 8
    NEG_INF = 9
    #: what an exact +0 and -0 become
    POS_ZERO = 10
    NEG_ZERO = 11
    #: what a non-zero value becomes that rounds to zero (or to something that a flush or a missing zero removes)
    TINY_POS = 12
    TINY_NEG = 13
    #: a rounded magnitude below this becomes TINY (0: nothing does)
    FLUSH_OUTPUT = 14
    #: an input magnitude below this counts as zero
    FLUSH_INPUT = 15
    #: the bias modulo 2 where evenness is the code's (P3109 with P = 1), else -1: evenness of the significand
    PARITY_BIAS = 16
    #: 1 for modes that take a random word, else 0
    DRAWS = 17


class CodeField(IntEnum):
    """Places in the vector of code constants (int64)."""

    PRECISION = 0
    EMIN = 1
    #: exponent field of the binade that starts at 2^emin: 1 after subnormals, else 0
    FIRST_FIELD = 2
    #: magnitude codes up to this one are finite
    MAX_CODE = 3
    #: magnitude code of infinity, or -1
    INF_CODE = 4
    #: the canonical NaN (for 64-bit formats it fits int64 too), or -1
    NAN_CODE = 5
    #: position of the sign bit, or -1 for unsigned formats
    SIGN_SHIFT = 6
    #: 1 for two's complement codes
    TWOS_COMPLEMENT = 7
    #: the code that would be -0 where that is the NaN: 1, else 0
    NAN_AT_NEGATIVE_ZERO = 8
    #: magnitude codes up to this one decode as zero: 0, more where inputs are flushed, -1 without a zero
    LAST_ZERO_CODE = 9


#: word count
SPEC_SIZE = len(SpecField)


@lru_cache(maxsize=8192)
def rounding_spec(
    fmt: Format, mode: Rounding, overflow: Overflow | None = None, random_bits: int = 0
) -> NDArray[np.float64]:
    """The read-only vector of constants for one way of rounding.

    Raises
    ------
    RoundingError
        If the policy asks for an infinity or a NaN that the format does not have.
    """
    over, inf = _beyond(fmt, mode, overflow, positive=True)
    under, neg_inf = _beyond(fmt, mode, overflow, positive=False)
    spec_array = np.empty(SPEC_SIZE)
    spec_array[SpecField.PRECISION : SpecField.RANDOM_BITS + 1] = fmt.precision, fmt.emin, mode.tag, random_bits
    spec_array[SpecField.MAX : SpecField.NEG_INF + 1] = fmt.max, fmt.min, over, under, inf, neg_inf
    spec_array[SpecField.POS_ZERO : SpecField.TINY_NEG + 1] = _zeros(fmt, under)
    spec_array[SpecField.FLUSH_OUTPUT] = fmt.smallest_normal if fmt.flushes_output or not fmt.has_zero else 0.0
    spec_array[SpecField.FLUSH_INPUT] = fmt.smallest_normal if fmt.flushes_input else 0.0
    code_parity = fmt.precision == 1 and fmt.has_zero and not fmt.twos_complement
    spec_array[SpecField.PARITY_BIAS] = fmt.bias % 2 if code_parity else -1
    spec_array[SpecField.DRAWS] = mode.is_stochastic
    spec_array.flags.writeable = False
    return spec_array


@lru_cache(maxsize=1024)
def code_spec(fmt: Format) -> NDArray[np.int64]:
    """The read-only vector of constants for encoding and decoding."""
    subnormal = fmt.lowest_binade is LowestBinade.SUBNORMAL
    negative_zero_is_nan = fmt.nan is NaNCodes.NEGATIVE_ZERO
    nan_code = -1 if fmt.nan_code is None else fmt.nan_code - (2**64 if fmt.nan_code >= 2**63 else 0)
    code_array = np.array(
        [
            fmt.precision,
            fmt.emin,
            int(subnormal),
            fmt.max_code,
            -1 if fmt.inf_code is None else fmt.inf_code,
            nan_code,
            fmt.bits - 1 if fmt.signed else -1,
            fmt.twos_complement,
            negative_zero_is_nan,
            _last_zero_code(fmt),
        ],
        dtype=np.int64,
    )
    code_array.flags.writeable = False
    return code_array


def _last_zero_code(fmt: Format) -> int:
    if not fmt.has_zero:
        return -1
    flushed = fmt.flushes_input and fmt.lowest_binade is LowestBinade.SUBNORMAL
    return 2 ** (fmt.precision - 1) - 1 if flushed else 0


def _zeros(fmt: Format, below_min: float) -> tuple[float, float, float, float]:
    """What +0, -0 and the values that round to +0 and -0 become."""
    if fmt.has_zero:
        negative = -0.0 if fmt.has_negative_zero else 0.0
        return 0.0, negative, 0.0, negative
    # without a zero, zero lies below the range like a negative number, and a tiny positive value is clamped to the
    # least
    return below_min, below_min, fmt.min, below_min


def _beyond(fmt: Format, mode: Rounding, overflow: Overflow | None, *, positive: bool) -> tuple[float, float]:
    """(result of a finite overflow, result of an infinite input) on one side."""
    policy = overflow or fmt.overflow
    limit, inf = (fmt.max, math.inf) if positive else (fmt.min, -math.inf)
    if policy is Overflow.INFINITY and not fmt.has_inf:
        others = ", 'saturate' or 'nan'" if fmt.has_nan else " or 'saturate'"
        raise RoundingError(
            f"overflow='infinity': format {fmt.name!r} has no infinity; use None (its own policy){others}"
        )
    if policy is Overflow.NAN and not fmt.has_nan:
        raise RoundingError(f"overflow='nan': format {fmt.name!r} has no NaN; use None (its own policy) or 'saturate'")
    representable = fmt.has_inf and (positive or fmt.signed)
    if not positive and not fmt.signed and overflow in (None, Overflow.INFINITY, Overflow.NAN):
        return (math.nan, math.nan) if fmt.has_nan else (limit, limit)
    if policy is Overflow.NAN:
        return math.nan, math.nan
    if policy is Overflow.INFINITY:
        return (limit if _stays_finite(fmt, mode, positive=positive) else inf), inf
    keeps_infinity = policy is Overflow.SATURATE_FINITE and representable
    return limit, (inf if keeps_infinity else limit)


def _stays_finite(fmt: Format, mode: Rounding, *, positive: bool) -> bool:
    """Whether a mode gives the largest finite number instead of infinity (IEEE 754-2019, 7.4).

    to_odd is among them, except that P3109 has it go to whichever of the two codes is odd: that is infinity's in the
    signed extended formats, which have infinity at the last code and NaN at the one of -0.
    """
    if mode.facts.family is Family.ODD:
        return fmt.nan is not NaNCodes.NEGATIVE_ZERO or fmt.max_code % 2 == 1
    return mode.facts.toward_zero(positive=positive)
