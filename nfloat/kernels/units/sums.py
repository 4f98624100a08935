"""Sums in lanes whose error is known, rounding to odd, flushing: for exact, odd-rounding and flushing units.

TwoSum (Knuth) gives s = RN(x + y) and the exact error, barring overflow. A sum rounded to odd and then to nearest in a
format of at least two bits less is rounded once (Boldo and Melquiond 2008).
"""

from __future__ import annotations

from ..rounding.vector import Lanes
from .tile import Value


def two_sum(v: Lanes, x: Value, y: Value) -> tuple[Value, Value]:
    """(x + y to nearest, the error: their sum is exactly x + y)."""
    b = v.builder
    s = b.fadd(x, y)
    z = b.fsub(s, x)
    return s, b.fadd(b.fsub(x, b.fsub(s, z)), b.fsub(y, z))


def to_odd(v: Lanes, s: Value, error: Value) -> Value:
    """s + error rounded to odd, s being that sum to nearest.

    Truncate (one unit less where the error points toward zero), then set the last bit; nothing where the error is 0 or
    NaN, as that of an infinite sum is.
    """
    b = v.builder
    inexact = b.fcmp_ordered("!=", error, v.number(0.0))
    toward_zero = b.ashr(b.xor(v.as_int(s), v.as_int(error)), v.word(v.bits - 1))
    odd = b.or_(b.add(v.as_int(s), toward_zero), v.word(1))
    return b.select(inexact, v.as_float(odd), s)


def sum_to_odd(v: Lanes, x: Value, y: Value) -> Value:
    """x + y rounded to odd in the lanes' own precision; infinities and NaNs as IEEE 754 has them."""
    return to_odd(v, *two_sum(v, x, y))


def sum3_to_odd(v: Lanes, s: Value, error: Value, x: Value) -> Value:
    """x + (s + error) rounded to odd, where s + error is what `two_sum` gave (Boldo and Melquiond 2008, figure 5)."""
    high, low = two_sum(v, x, s)
    return sum_to_odd(v, high, sum_to_odd(v, low, error))


def flushed(v: Lanes, x: Value) -> Value:
    """x, or a zero of its sign where |x| < 2^-126."""
    b = v.builder
    tiny = b.fcmp_ordered("<", v.magnitude(x), v.number(2.0**-126))
    return b.select(tiny, v.as_float(b.and_(v.as_int(x), v.sign_mask)), x)
