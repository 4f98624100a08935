"""Sums and products whose error is known exactly, and rounding to odd: in lanes, and of one float64 number.

TwoSum (Knuth) gives s = RN(x + y) and the exact error, barring overflow; no step of it can underflow. A number rounded
to odd and then, by any deterministic mode, to a format of at least two bits less is rounded once (Boldo and Melquiond
2008). Formats, policies and modes stand elsewhere.
"""

from __future__ import annotations

from .bits import float64_as_int64, int64_as_float64
from .jit import device
from .lanes import Lanes, Value


@device
def two_sum_of(x, y):
    """`two_sum` of two numbers."""
    s = x + y
    t = s - x
    return s, (x - (s - t)) + (y - t)


@device
def to_odd_of(s, error):
    """`to_odd` of finite numbers."""
    if error == 0.0:
        return s
    bits = float64_as_int64(s)
    return int64_as_float64((bits if (error > 0.0) == (s > 0.0) else bits - 1) | 1)


def two_sum(v: Lanes, x: Value, y: Value) -> tuple[Value, Value]:
    """(x + y to nearest, the error: their sum is exactly x + y)."""
    b = v.builder
    s = b.fadd(x, y)
    t = b.fsub(s, x)
    return s, b.fadd(b.fsub(x, b.fsub(s, t)), b.fsub(y, t))


def fma_and_error(v: Lanes, a: Value, b: Value, s: Value) -> tuple[Value, Value]:
    """`two_sum` of s and the product a b, which the lane must hold exactly; the product itself is never formed."""
    ir_ = v.builder
    h = v.exact_fma(a, b, s)
    t = ir_.fsub(h, s)
    if getattr(s, "opname", None) == "fneg":  # s is subtracted, which adds what was negated: an instruction less
        return h, ir_.fsub(v.exact_fma(a, b, ir_.fneg(t)), ir_.fsub(ir_.fsub(h, t), s))
    return h, ir_.fadd(ir_.fsub(s, ir_.fsub(h, t)), v.exact_fma(a, b, ir_.fneg(t)))


def to_odd(v: Lanes, s: Value, error: Value, direction: Value | None = None) -> Value:
    """s + error rounded to odd, s being it to nearest.

    Truncated (one unit less where the error points toward zero), then the last bit is set; s itself where the error is
    0 or NaN, as that of an infinite sum is. (A choice between a number and 0 is one instruction everywhere, one between
    two numbers three with AVX2.) `direction`: where the sign of `error` is not the error's, an integer
    vector whose sign bit is.
    """
    b, bits = v.builder, v.as_int(s)
    inexact = b.fcmp_ordered("!=", error, v.number(0.0))
    sign = v.as_int(error) if direction is None else direction
    toward_zero = v.where(inexact, b.ashr(b.xor(bits, sign), v.word(v.bits - 1)), v.word(0))
    return v.as_float(b.or_(b.add(bits, toward_zero), v.where(inexact, v.word(1), v.word(0))))


def sum_to_odd(v: Lanes, x: Value, y: Value) -> Value:
    """x + y rounded to odd in the lanes' own precision; infinities and NaNs as IEEE 754 has them."""
    return to_odd(v, *two_sum(v, x, y))


def sum3_to_odd(v: Lanes, s: Value, error: Value, x: Value) -> Value:
    """x + (s + error) rounded to odd, where s + error is what `two_sum` gave (Boldo and Melquiond 2008, figure 5)."""
    high, low = two_sum(v, x, s)
    return sum_to_odd(v, high, sum_to_odd(v, low, error))
