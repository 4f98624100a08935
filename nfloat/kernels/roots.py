"""Exact square roots by the plain rule: sqrt, 1/sqrt and hypot, from the integer square root of a 256-bit integer."""

from __future__ import annotations

import math

import numpy as np

from .jit import device
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


@device
def root_digits(n3, n2, n1, n0):
    """(hi, lo, inexact): floor(sqrt(N)) of a 256-bit N < 2^252 in four words, digit by digit.

    The rest never exceeds twice the root, and 4 rest + 3 < 2^128 since the root stays below 2^126.
    """
    hi, lo, rest_hi, rest_lo = _ZERO, _ZERO, _ZERO, _ZERO
    n3, n2, n1, n0 = shift_limbs(n3, n2, n1, n0, 4)
    for _ in range(126):
        rest_hi, rest_lo = shl128(rest_hi, rest_lo, 2)
        rest_lo |= n3 >> np.uint64(62)
        n3, n2, n1, n0 = shift_limbs(n3, n2, n1, n0, 2)
        trial_hi, trial_lo = shl128(hi, lo, 2)
        trial_lo |= _ONE
        hi, lo = shl128(hi, lo, 1)
        if rest_hi > trial_hi or (rest_hi == trial_hi and rest_lo >= trial_lo):
            rest_hi, rest_lo = sub128(rest_hi, rest_lo, trial_hi, trial_lo)
            lo |= _ONE
    return hi, lo, (rest_hi | rest_lo) != _ZERO


@device
def shift_limbs(n3, n2, n1, n0, n):
    """A 256-bit integer shifted left by 0 < n < 64."""
    up, down = np.uint64(n), np.uint64(64 - n)
    return (n3 << up) | (n2 >> down), (n2 << up) | (n1 >> down), (n1 << up) | (n0 >> down), n0 << up


@device
def exact_sqrt(x):
    """sqrt(x): sqrt(m 2^q) = sqrt(m 2^t) 2^((q - t) / 2) with t = 198 or 199 such that q - t is even."""
    if x != x or x == 0.0:
        return special_value(x)
    if x < 0.0 or x == math.inf:
        return special_value(math.nan if x < 0.0 else x)
    m, q = significand(x)
    t = 198 + (q & 1)
    n3, n2 = shl128(_ZERO, m, t - 128)
    hi, lo, inexact = root_digits(n3, n2, _ZERO, _ZERO)
    return wide_value(False, hi, lo, inexact, (q - t) >> 1)


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
    n3, n2, n1, n0, rest = _ZERO, _ZERO, _ZERO, _ZERO, _ONE
    for _ in range(30):  # m < 2^54, so digits of 10 bits
        rest = rest << np.uint64(10)
        digit = rest // m
        rest -= digit * m
        n3, n2, n1, n0 = shift_limbs(n3, n2, n1, n0, 10)
        n0 |= digit
    hi, lo, inexact = root_digits(n3, n2, n1, n0)
    return wide_value(False, hi, lo, inexact or rest != _ZERO, (-300 - q) >> 1)


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
