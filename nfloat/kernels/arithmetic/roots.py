"""Exact square roots by the plain rule: sqrt, 1/sqrt and hypot, from the integer square root of a 256-bit integer."""

from __future__ import annotations

import math

import numpy as np

from ...formats.rounding import Rounding
from ..jit import device
from .wide import (
    add128,
    is_negative,
    mul64,
    shl128,
    shr128,
    signed_infinity,
    signed_zero,
    significand,
    special_value,
    sub128,
    wide_value,
)

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_TWO_64 = 2.0**64
_DRAWN = tuple(mode.tag for mode in Rounding if mode.is_stochastic)


@device
def root_63(hi, lo):
    """(s, rest_hi, rest_lo): s = floor(sqrt(N)) and N - s^2, for 2^100 <= N < 2^126 in two words.

    The hardware's root of N in float64 is off by less than 2^12; what is missing then follows from the remainder,
    divided in float64 too, to within 1.
    """
    s = np.uint64(math.sqrt(np.float64(hi) * _TWO_64 + np.float64(lo)))
    square_hi, square_lo = mul64(s, s)
    rest_hi, rest_lo = sub128(hi, lo, square_hi, square_lo)
    remainder = np.float64(np.int64(rest_hi)) * _TWO_64 + np.float64(rest_lo)
    s = np.uint64(np.int64(s) + np.int64(math.floor(remainder / (2.0 * np.float64(s)))))
    square_hi, square_lo = mul64(s, s)
    rest_hi, rest_lo = sub128(hi, lo, square_hi, square_lo)
    while np.int64(rest_hi) < 0:  # one too large: N - (s - 1)^2 = N - s^2 + 2 s - 1
        s -= _ONE
        rest_hi, rest_lo = add128(rest_hi, rest_lo, s >> np.uint64(63), (s << _ONE) | _ONE)
    while rest_hi > s >> np.uint64(63) or (rest_hi == s >> np.uint64(63) and rest_lo > s << _ONE):
        rest_hi, rest_lo = sub128(rest_hi, rest_lo, s >> np.uint64(63), (s << _ONE) | _ONE)
        s += _ONE
    return s, rest_hi, rest_lo


@device
def more_root_digits(s, rest_hi, rest_lo, n1, n0):
    """(hi, lo, inexact): 63 more bits of a root s with the rest N - s^2, the next 126 bits of N leading n1, n0.

    The rest never exceeds twice the root, and 4 rest + 3 < 2^128 since the root stays below 2^126.
    """
    hi, lo = _ZERO, s
    for _ in range(63):
        rest_hi, rest_lo = shl128(rest_hi, rest_lo, 2)
        rest_lo |= n1 >> np.uint64(62)
        n1, n0 = shl128(n1, n0, 2)
        trial_hi, trial_lo = shl128(hi, lo, 2)
        trial_lo |= _ONE
        hi, lo = shl128(hi, lo, 1)
        if rest_hi > trial_hi or (rest_hi == trial_hi and rest_lo >= trial_lo):
            rest_hi, rest_lo = sub128(rest_hi, rest_lo, trial_hi, trial_lo)
            lo |= _ONE
    return hi, lo, (rest_hi | rest_lo) != _ZERO


@device
def root_digits(n3, n2, n1, n0):
    """(hi, lo, inexact): floor(sqrt(N)) of a 256-bit N in four words, 2^230 <= N < 2^252."""
    top_hi, top_lo = shl128(n3, n2, 2)
    top_lo |= n1 >> np.uint64(62)
    s, rest_hi, rest_lo = root_63(top_hi, top_lo)
    n1, n0 = shl128(n1, n0, 2)
    return more_root_digits(s, rest_hi, rest_lo, n1, n0)


@device
def shift_limbs(n3, n2, n1, n0, n):
    """A 256-bit integer shifted left by 0 < n < 64."""
    up, down = np.uint64(n), np.uint64(64 - n)
    return (n3 << up) | (n2 >> down), (n2 << up) | (n1 >> down), (n1 << up) | (n0 >> down), n0 << up


@device
def exact_sqrt(x, mode):
    """sqrt(x): sqrt(m 2^q) = sqrt(m 2^t) 2^((q - t) / 2) with t = 72 or 73 such that q - t is even.

    63 bits and whether anything follows are enough for every mode but the stochastic ones.
    """
    if x != x or x == 0.0:
        return special_value(x)
    if x < 0.0 or x == math.inf:
        return special_value(math.nan if x < 0.0 else x)
    m, q = significand(x)
    t = 72 + (q & 1)
    n1, n0 = shl128(_ZERO, m, t)
    s, rest_hi, rest_lo = root_63(n1, n0)
    if mode not in _DRAWN:
        return wide_value(False, _ZERO, s, (rest_hi | rest_lo) != _ZERO, (q - t) >> 1)
    hi, lo, inexact = more_root_digits(s, rest_hi, rest_lo, _ZERO, _ZERO)
    return wide_value(False, hi, lo, inexact, ((q - t) >> 1) - 63)


@device
def exact_rsqrt(x, unsigned_zero):
    """1 / sqrt(x): the root of Q = 2^300 / m, whose own rest is smaller than any step of the integer root."""
    if x == 0.0:
        return special_value(math.nan) if unsigned_zero else signed_infinity(is_negative(x))
    if x != x or x < 0.0:
        return special_value(math.nan)
    if x == math.inf:
        return signed_zero(False)
    m, q = significand(x)
    if q & 1:
        m, q = m << _ONE, q - 1
    n3 = _ZERO
    n2 = _ZERO
    n1 = _ZERO
    n0 = _ZERO
    remainder = _ONE
    for _ in range(30):  # m < 2^54, so digits of 10 bits
        remainder = remainder << np.uint64(10)
        digit = remainder // m
        remainder -= digit * m
        n3, n2, n1, n0 = shift_limbs(n3, n2, n1, n0, 10)
        n0 |= digit
    hi, lo, inexact = root_digits(n3, n2, n1, n0)
    return wide_value(False, hi, lo, inexact or remainder != _ZERO, (-300 - q) >> 1)


@device
def exact_hypot(x, y, unsigned_zero):
    """sqrt(x^2 + y^2), from the exact 256-bit sum of the squares.

    Where the exponents differ by more than 72, hypot lies above the larger operand by less than 2^-143 of it.
    """
    if math.isinf(x) or math.isinf(y):
        return special_value(math.nan if unsigned_zero and (x != x or y != y) else math.inf)
    if x != x or y != y or (x == 0.0 and y == 0.0):
        return special_value(math.nan if x != x or y != y else 0.0)
    x, y = abs(x), abs(y)
    if x < y:
        x, y = y, x
    m, q = significand(x)
    d = 145 if y == 0.0 else 2 * (q - significand(y)[1])
    if d > 144:
        hi, lo = shl128(_ZERO, m, 74)
        return wide_value(False, hi, lo, y != 0.0, q - 74)
    m2, _ = significand(y)
    hi, lo = mul64(m, m)
    n3, n2 = shl128(hi, lo, 16)
    hi, lo = mul64(m2, m2)
    s = 144 - d
    if s >= 128:
        n1, n0 = _ZERO, _ZERO
        hi, lo = shl128(hi, lo, s - 128)
    else:
        n1, n0 = shl128(hi, lo, s)
        hi, lo = shr128(hi, lo, 128 - s) if s > 0 else (_ZERO, _ZERO)
    n3, n2 = add128(n3, n2, hi, lo)
    hi, lo, inexact = root_digits(n3, n2, n1, n0)
    return wide_value(False, hi, lo, inexact, q - 72)
