"""Exact remainders by the plain rule: NumPy's, C's and IEEE 754's, which bring x / y to different integers."""

from __future__ import annotations

import math

import numpy as np

from ..bits import lesser
from ..jit import device
from .operations import Operation
from .wide import is_negative, leading_to_126, signed_zero, significand, special_value, sum_of_wide, wide_value

_REMAINDER, _IEEE_REMAINDER = int(Operation.REMAINDER), int(Operation.IEEE_REMAINDER)
_ZERO, _ONE = np.uint64(0), np.uint64(1)


@device
def exact_remainder(op, x, y):
    """The three remainders, which differ in the integer that x / y is brought to."""
    if x != x or y != y or math.isinf(x) or y == 0.0:
        return special_value(math.nan)
    if math.isinf(y) and op == _REMAINDER and x != 0.0 and is_negative(x) != is_negative(y):
        return special_value(y)
    if x == 0.0:
        return signed_zero(is_negative(y) if op == _REMAINDER else is_negative(x))
    m, q = significand(x)
    if math.isinf(y):
        return wide_value(is_negative(x), _ZERO, m, False, q)
    m2, q2 = significand(y)
    remainder, odd = m, False
    if q >= q2:
        remainder, odd = remainder_digits(m, m2, q - q2)
        q = q2
    other = (op == _REMAINDER and remainder != _ZERO and is_negative(x) != is_negative(y)) or (
        op == _IEEE_REMAINDER and past_half(remainder, q, m2, q2, odd)
    )
    if remainder == _ZERO:
        return signed_zero(is_negative(y) if op == _REMAINDER else is_negative(x))
    if not other:
        return wide_value(is_negative(x), _ZERO, remainder, False, q)
    hi, lo, top = leading_to_126(remainder, q)
    hi2, lo2, top2 = leading_to_126(m2, q2)
    return sum_of_wide(is_negative(x), hi, lo, top, not is_negative(x), hi2, lo2, top2, 0)


@device
def remainder_digits(m, m2, d):
    """(m 2^d mod m2, whether the quotient is odd) for significands."""
    digit = m // m2
    remainder = m - digit * m2
    while d > 0:
        step = lesser(d, 11)
        remainder = remainder << np.uint64(step)
        digit = remainder // m2
        remainder -= digit * m2
        d -= step
    return remainder, digit & _ONE == _ONE


@device
def past_half(remainder, q, m2, q2, odd):
    """Whether rest 2^q, below m2 2^q2, is nearer to the latter than to 0; a tie goes to the even quotient."""
    if q == q2:
        twice = remainder << _ONE
        return twice > m2 or (twice == m2 and odd)
    return q == q2 - 1 and remainder > m2  # the quotient is 0, which is even
