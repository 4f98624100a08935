"""The exact oracle.

Rounding, encoding and decoding in rational arithmetic, one number at a time, as the definitions read.

It sees the description of a format (``nfloat.formats``) and nothing else: no kernel, no ``formats/spec.py``, no NumPy.
Every intermediate is a `fractions.Fraction` or an integer, so nothing can round a second time; it is slow (about 20
microseconds a number) and meant to be read next to the standards. ``grid.py`` says the same for whole arrays, for
sweeps.

A result is a Python float: every number of every format is a float64 number, and -0, infinities and NaN are needed too.

Sources: IEEE 754-2019 clauses 4.3 and 7.4; OCP OFP8 1.0; OCP MX 1.0; IEEE P3109 Interim Report v4.0 (unapproved draft).
"""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Real
from typing import Any

from ..errors import ArgumentError, RepresentationError, RoundingError, as_integer, check_kind
from ..formats.format import Format, LowestBinade, NaNCodes
from ..formats.names import FormatLike, get_format
from ..formats.rounding import Overflow, OverflowLike, Rounding, RoundingLike, as_overflow, as_rounding

_NEAREST = (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY, Rounding.NEAREST_ZERO)
_WORD_BITS = 64


# ---------------------------------------------------------------- codes -> numbers
def decode_exact(code: int, fmt: FormatLike) -> float:
    """The number that a code stands for.

    Examples
    --------
    >>> decode_exact(0x7E, "float8_e4m3fn"), decode_exact(0x01, "float8_e5m2") == 2.0**-16
    (448.0, True)
    """
    f = get_format(fmt)
    number = as_integer(code)
    if number is None or not 0 <= number < 1 << f.bits:
        raise ArgumentError(f"code={code!r} must be an integer in 0..2^{f.bits} - 1, a code of {f.name}")
    code = number
    half = 1 << f.bits >> 1  # a format of one number has no bits
    if f.twos_complement:
        integer = code - 2 * half if code >= half else code
        return math.ldexp(integer, f.emin - f.precision + 1)
    negative = f.signed and code >= half
    magnitude = code - half if negative else code
    if negative and magnitude == 0 and f.nan is NaNCodes.NEGATIVE_ZERO:
        return math.nan
    value = _magnitude(magnitude, f)
    return -value if negative else value


def _magnitude(code: int, f: Format) -> float:
    if code > _largest(f):
        return math.inf if f.has_inf and code == _largest(f) + 1 else math.nan
    field, fraction = divmod(code, 2 ** (f.precision - 1))
    if f.lowest_binade is LowestBinade.SUBNORMAL:
        if field == 0:
            return 0.0 if f.flushes_input else math.ldexp(fraction, f.emin - f.precision + 1)
        exponent = f.emin + field - 1
    else:
        if code == 0 and f.lowest_binade is LowestBinade.ZERO_FIRST:
            return 0.0
        exponent = f.emin + field
    # ldexp rounds nothing: every number of a format is a float64 number
    return math.ldexp(2 ** (f.precision - 1) + fraction, exponent - f.precision + 1)


def _largest(f: Format) -> int:
    """The magnitude code of the largest number: whole binades below its own, then its significand."""
    below = f.emax - f.emin + (f.lowest_binade is LowestBinade.SUBNORMAL)
    return below * 2 ** (f.precision - 1) + f.max_significand - 2 ** (f.precision - 1)


def _index(a: Fraction, f: Format) -> int:
    """The magnitude code of a number a >= 0 of the format, by counting.

    Whole binades below it, then units in its own.
    """
    if f.twos_complement:
        return int(a / _unit_at(f.emin, f))
    if a == 0:
        return 0
    per_binade = 2 ** (f.precision - 1)
    if a < _power(f.emin):
        return int(a / _unit_at(f.emin, f))
    exponent = floor_log2(a)
    within = (a - _power(exponent)) / _unit_at(exponent, f)
    below = exponent - f.emin + (f.lowest_binade is LowestBinade.SUBNORMAL)
    return below * per_binade + int(within)


# ---------------------------------------------------------------- numbers -> numbers
def _float64(argument: str, value: Any) -> float:
    """A real number of any type that float64 holds."""
    check_kind(argument, value, Real, "a float64 number")
    try:
        number = float(value)
    except (OverflowError, ValueError):  # an integer or fraction beyond it
        number = math.nan
    if number != value and value == value:
        raise ArgumentError(f"{argument}={value!r} must be a float64 number")
    return number


def _word(value: Any) -> int:
    """A random word of 64 bits."""
    word = as_integer(value)
    if word is None or not 0 <= word < 1 << _WORD_BITS:
        raise ArgumentError(f"word={value!r} must be an integer from 0 to 2^64 - 1")
    return word


def round_exact(
    x: float,
    fmt: FormatLike,
    rounding: RoundingLike = "nearest_even",
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    word: int = 0,
) -> float:
    """x rounded once.

    Parameters
    ----------
    x : float
        Any float64.
    fmt, rounding, overflow, random_bits
        As in `nfloat.round`.
    word : int
        The 64-bit random word of a stochastic mode; its leading N bits are R (N = 64 for ``stochastic``).

    Raises
    ------
    ArgumentError
        If `x` is no float64 number, or `word` none of 64 bits.
    RoundingError
        If the policy needs an infinity or NaN that the format lacks.

    Examples
    --------
    >>> round_exact(464.0, "float8_e4m3fn"), round_exact(465.0, "float8_e4m3fn")
    (448.0, nan)
    >>> round_exact(1.25, "float4_e2m1fn", "stochastic_a", random_bits=2, word=2 << 62)
    1.5
    """
    x, word = _float64("x", x), _word(word)
    f, mode, policy = get_format(fmt), as_rounding(rounding), as_overflow(overflow)
    above, below = (beyond(f, mode, policy, positive=side) for side in (True, False))
    if math.isnan(x):
        return x
    negative = math.copysign(1.0, x) < 0
    finite, infinite = below if negative else above
    if math.isinf(x):
        return infinite
    if abs(x) < f.smallest_normal and f.flushes_input:
        x = 0.0
    zero = -0.0 if negative and f.has_negative_zero else 0.0
    if x == 0.0:
        return zero if f.has_zero else below[0]
    a = round_magnitude(abs(Fraction(x)), negative, f, mode, random_bits, word)
    if a == 0 or (a < Fraction(f.smallest_normal) and (f.flushes_output or not f.has_zero)):
        # without a zero, a tiny number goes to the least one, and a negative one is below the range like any other
        return zero if f.has_zero else below[0] if negative else f.min
    signed = -a if negative else a
    if not Fraction(f.min) <= signed <= Fraction(f.max):
        return finite
    return _as_float(signed)


def round_magnitude(
    a: Fraction, negative: bool, f: Format, mode: Rounding, random_bits: int | None, word: int
) -> Fraction:
    """a > 0 on the format's grid, continued upward without end."""
    exponent = (f.emin if f.twos_complement else max(floor_log2(a), f.emin)) - f.precision + 1
    over, under = a.numerator << max(-exponent, 0), a.denominator << max(exponent, 0)  # a in steps of the grid
    low, rest = divmod(over, under)
    if rest == 0:
        return a
    low += _goes_up(rest, under, _is_even(low, exponent, f), negative, mode, random_bits, word)
    return Fraction(low << exponent) if exponent >= 0 else Fraction(low, 1 << -exponent)


def _is_even(low: int, exponent: int, f: Format) -> bool:
    """Whether the lower neighbour counts as even: its significand; its code where a significand has one bit only."""
    if f.precision > 1 or low == 0:
        return low % 2 == 0
    if not f.has_zero:
        return False  # E8M0: every significand is 1
    return _index(low * _power(exponent), f) % 2 == 0


def _goes_up(
    rest: int, step: int, even: bool, negative: bool, mode: Rounding, random_bits: int | None, word: int
) -> bool:
    """Whether a magnitude with the fraction 0 < v = rest / step < 1 between its neighbours becomes the upper one."""
    if mode in _NEAREST:
        if 2 * rest != step:
            return 2 * rest > step
        return {Rounding.NEAREST_EVEN: not even, Rounding.NEAREST_AWAY: True, Rounding.NEAREST_ZERO: False}[mode]
    if mode is Rounding.TO_ODD:
        return even
    if not mode.is_stochastic:
        return {
            Rounding.TOWARD_ZERO: False,
            Rounding.TOWARD_POSITIVE: not negative,
            Rounding.TOWARD_NEGATIVE: negative,
        }[mode]
    if mode is Rounding.STOCHASTIC_EQUAL:
        return word >> (_WORD_BITS - 1) == 1
    n = _WORD_BITS if mode is Rounding.STOCHASTIC else random_bits
    assert n is not None, f"{mode} is defined for a stated number of random bits"
    r = word >> (_WORD_BITS - n)
    v = Fraction(rest, step)
    if mode is Rounding.STOCHASTIC_B:
        return math.floor(v * 2 ** (n + 1)) + (2 * r + 1) >= 2 ** (n + 1)
    if mode is Rounding.STOCHASTIC_C:
        return round(v * 2**n) + r >= 2**n  # Fraction's round is to nearest, ties to even
    return math.floor(v * 2**n) + r >= 2**n


# ---------------------------------------------------------------- beyond the range
def beyond(f: Format, mode: Rounding, policy: Overflow | None, *, positive: bool) -> tuple[float, float]:
    """What a rounded value past the largest (least) number becomes, and what an infinity of that sign becomes."""
    own = policy if policy is not None else f.overflow
    if own is Overflow.INFINITY and not f.has_inf:
        raise RoundingError(f"overflow={own.value!r}: format {f.name!r} has no infinity")
    if own is Overflow.NAN and not f.has_nan:
        raise RoundingError(f"overflow={own.value!r}: format {f.name!r} has no NaN")
    limit, infinity = (f.max, math.inf) if positive else (f.min, -math.inf)
    if not positive and not f.signed and policy not in (Overflow.SATURATE, Overflow.SATURATE_FINITE):
        return (math.nan, math.nan) if f.has_nan else (limit, limit)
    if own is Overflow.NAN:
        return math.nan, math.nan
    if own is Overflow.SATURATE:
        return limit, limit
    has_this_infinity = f.has_inf and (positive or f.signed)
    if own is Overflow.SATURATE_FINITE:
        return limit, infinity if has_this_infinity else limit
    return limit if _turns_back(f, mode, positive=positive) else infinity, infinity


def _turns_back(f: Format, mode: Rounding, *, positive: bool) -> bool:
    """IEEE 754-2019, 7.4: the mode rounds toward zero on this side.

    to_odd does, but for P3109's signed extended formats.

    There v4.0 goes to the odd code, and theirs is infinity's: with NaN at -0 they have it at the last code, 2^(K-1) -
    1.
    """
    if mode is Rounding.TO_ODD:
        return f.nan is not NaNCodes.NEGATIVE_ZERO or _largest(f) % 2 == 1
    return mode in (Rounding.TOWARD_ZERO, Rounding.TOWARD_NEGATIVE if positive else Rounding.TOWARD_POSITIVE)


# ---------------------------------------------------------------- numbers -> codes
def code_exact(value: float, fmt: FormatLike) -> int:
    """The code of a number that the format has; a NaN's is the quiet positive one.

    Raises
    ------
    RepresentationError
        If the format has no code for the value.

    Examples
    --------
    >>> hex(code_exact(448.0, "float8_e4m3fn")), hex(code_exact(float("nan"), "float16"))
    ('0x7e', '0x7e00')
    """
    f = get_format(fmt)
    value = _float64("value", value)
    if math.isnan(value):
        return canonical_nan(f)
    negative = math.copysign(1.0, value) < 0
    if math.isinf(value):
        if not f.has_inf:
            raise RepresentationError(f"value={value!r}: {f.name} has no infinity")
        magnitude = _largest(f) + 1
    else:
        magnitude = _index(abs(Fraction(value)), f)
    if f.twos_complement:
        code = -magnitude % 2**f.bits if negative else magnitude
    else:
        signed = negative and (magnitude > 0 or f.has_negative_zero)
        code = magnitude + 2 ** (f.bits - 1) * signed
    if decode_exact(code, f.replace(subnormals="kept")) != value:
        raise RepresentationError(f"value={value!r} is not a number of {f.name}")
    return code


def canonical_nan(f: Format) -> int:
    """The positive quiet NaN.

    -0's code where that is the NaN, else the first NaN with the fraction's leading bit set.
    """
    if f.nan is NaNCodes.NONE:
        raise RepresentationError(f"value=nan: {f.name} has no NaN")
    if f.nan is NaNCodes.NEGATIVE_ZERO:
        return 2 ** (f.bits - 1)
    top = 2 ** (f.bits - f.signed)
    first = _largest(f) + 1 + f.has_inf
    quiet_bit = 2 ** (f.precision - 2) if f.precision > 1 else 0
    ieee = f.has_inf and (first - 1) % 2 ** (f.precision - 1) == 0 and quiet_bit
    return first - 1 + quiet_bit if ieee else top - 1


# ---------------------------------------------------------------- exact small things
def _power(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


def _unit_at(exponent: int, f: Format) -> Fraction:
    """The grid's spacing in the binade of 2^exponent."""
    return _power(exponent - f.precision + 1)


def floor_log2(a: Fraction) -> int:
    """The exponent of the power of two at or below a > 0."""
    guess = a.numerator.bit_length() - a.denominator.bit_length()
    return guess - (a.numerator << max(-guess, 0) < a.denominator << max(guess, 0))


def _as_float(value: Fraction | int) -> float:
    """The float64 that equals an exact value; there is one for every number of every format."""
    result = float(value)
    if Fraction(result) != value:
        raise RepresentationError(f"value={value!r} is not a float64 value")
    return result
