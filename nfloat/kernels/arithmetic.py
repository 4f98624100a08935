"""Arithmetic by the plain rule: the exact result of an operation on float64 values as a wide integer, rounded once.

`exact_result(op, x, y, z, unsigned_zero)` gives an `Exact` (``wide.py``) for every operation of `Operation`; sums and products
are exact by 128-bit integers, quotients and roots are produced digit by digit until 118 bits and a sticky bit are known. No
step can round, underflow or overflow, so there is nothing to prove but the integer algebra.

Special values are IEEE 754-2019's (clauses 6 and 9.2). In formats whose zero has no sign (`unsigned_zero`: P3109, FNUZ) a
division by zero, 1/0 and 1/sqrt(0) give NaN and hypot(inf, NaN) is NaN (IEEE P3109 Interim Report v4.0, an unapproved draft).

The SIMD forms are in ``arithmetic_lanes.py``, folds (reduce, accumulate, at) in ``folds.py``.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from ..formats.rounding import Rounding
from .elementwise import WORDS
from .jit import device, kernel
from .rng import word64
from .scalar import load_spec
from .wide import add128, leading_zeros, mul64, round_exact, shift_right_sticky, shl128, shr128, significand, special_value, sub128, wide_value

_STOCHASTIC = Rounding.STOCHASTIC.tag
_TOWARD_NEGATIVE = Rounding.TOWARD_NEGATIVE.tag
_ZERO, _ONE = np.uint64(0), np.uint64(1)


class Operation(IntEnum):
    """The operations whose exact result is rational or a square root."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    DIVIDE = 3
    FMA = 4
    SQRT = 5
    RECIPROCAL = 6
    RSQRT = 7
    HYPOT = 8
    #: Python's and NumPy's: x - floor(x / y) y
    REMAINDER = 9
    #: C's: x - trunc(x / y) y
    FMOD = 10
    #: IEEE 754's: x - n y, n the integer nearest to x / y, ties to even
    IEEE_REMAINDER = 11


_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _FMA, _SQRT, _RECIPROCAL, _RSQRT, _HYPOT, _REMAINDER, _FMOD, _IEEE_REMAINDER = (int(o) for o in Operation)


@device
def signed_zero(negative):  # noqa: ANN001, ANN201
    """A zero of this sign."""
    return special_value(-0.0 if negative else 0.0)


@device
def signed_infinity(negative):  # noqa: ANN001, ANN201
    """An infinity of this sign."""
    return special_value(-math.inf if negative else math.inf)


@device
def is_negative(x):  # noqa: ANN001, ANN201
    """The sign bit."""
    return math.copysign(1.0, x) < 0.0


@device
def sum_of_wide(negative, hi, lo, top, negative2, hi2, lo2, top2, mode):  # noqa: ANN001, ANN201
    """The exact sum of two magnitudes with signs, each with its leading 1 at bit 126 and worth 2^top there.

    The smaller one is shifted right; bits that fall off set sticky. Where some do, the exponents differ by more than 21, so
    a difference loses at most one leading bit and 125 remain. A difference with sticky is the next lower integer plus a rest.
    """
    if top2 > top or (top2 == top and (hi2 > hi or (hi2 == hi and lo2 > lo))):
        negative, hi, lo, top, negative2, hi2, lo2, top2 = negative2, hi2, lo2, top2, negative, hi, lo, top
    hi2, lo2, sticky = shift_right_sticky(hi2, lo2, top - top2)
    if negative == negative2:
        hi, lo = add128(hi, lo, hi2, lo2)
    else:
        hi, lo = sub128(hi, lo, hi2, lo2)
        if sticky:
            hi, lo = sub128(hi, lo, _ZERO, _ONE)
    if (hi | lo) == _ZERO:  # then nothing was shifted off; IEEE 754, 6.3
        return signed_zero(mode == _TOWARD_NEGATIVE)
    return wide_value(negative, hi, lo, sticky, top - 126)


@device
def exact_sum(x, y, mode):  # noqa: ANN001, ANN201
    """x + y."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return special_value(x + y)
    if x == 0.0 and y == 0.0:
        return signed_zero(is_negative(x) if is_negative(x) == is_negative(y) else mode == _TOWARD_NEGATIVE)
    m, q = significand(x) if x != 0.0 else significand(y)
    hi, lo = shl128(_ZERO, m, 74)
    if x == 0.0 or y == 0.0:
        return wide_value(is_negative(y if x == 0.0 else x), hi, lo, False, q - 74)
    m2, q2 = significand(y)
    hi2, lo2 = shl128(_ZERO, m2, 74)
    return sum_of_wide(is_negative(x), hi, lo, q + 52, is_negative(y), hi2, lo2, q2 + 52, mode)


@device
def exact_product(x, y):  # noqa: ANN001, ANN201
    """x y."""
    if not (math.isfinite(x) and math.isfinite(y)) or x == 0.0 or y == 0.0:
        return special_value(x * y)
    m, q = significand(x)
    m2, q2 = significand(y)
    hi, lo = mul64(m, m2)
    return wide_value(is_negative(x) != is_negative(y), hi, lo, False, q + q2)


@device
def exact_fma(x, y, z, mode):  # noqa: ANN001, ANN201
    """x y + z."""
    p = exact_product(x, y)
    if p.is_special:
        return exact_sum(p.special, z, mode)
    if not math.isfinite(z):
        return special_value(z)
    if z == 0.0:
        return p
    up = leading_zeros(p.hi) - 1  # a product of two 53-bit integers has 105 or 106 bits
    hi, lo = shl128(p.hi, p.lo, up)
    m, q = significand(z)
    hi2, lo2 = shl128(_ZERO, m, 74)
    return sum_of_wide(p.negative, hi, lo, p.q - up + 126, is_negative(z), hi2, lo2, q + 52, mode)


@device
def exact_quotient(x, y, unsigned_zero):  # noqa: ANN001, ANN201
    """x / y."""
    negative = is_negative(x) != is_negative(y)
    if x != x or y != y or (x == 0.0 and y == 0.0) or (math.isinf(x) and math.isinf(y)):
        return special_value(math.nan)
    if y == 0.0:
        return special_value(math.nan) if unsigned_zero else signed_infinity(negative)
    if math.isinf(x):
        return signed_infinity(negative)
    if x == 0.0 or math.isinf(y):
        return signed_zero(negative)
    m, q = significand(x)
    m2, q2 = significand(y)
    hi, lo, rest = quotient_digits(m, m2, 11)
    return wide_value(negative, hi, lo, rest != _ZERO, q - q2 - 121)


@device
def quotient_digits(m, m2, count):  # noqa: ANN001, ANN201
    """(hi, lo, rest): floor(m 2^(11 count) / m2) and whether it was exact, by `count` digits of 11 bits.

    m < 2^53 and 2^52 <= m2 < 2^53, so a rest shifted by 11 bits fits a word.
    """
    first = m // m2
    hi, lo, rest = _ZERO, first, m - first * m2
    for _ in range(count):
        rest = rest << np.uint64(11)
        digit = rest // m2
        rest -= digit * m2
        hi, lo = shl128(hi, lo, 11)
        lo |= digit
    return hi, lo, rest


@device
def root_digits(n3, n2, n1, n0):  # noqa: ANN001, ANN201
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
def shift_limbs(n3, n2, n1, n0, n):  # noqa: ANN001, ANN201
    """A 256-bit integer shifted left by 0 < n < 64."""
    up, down = np.uint64(n), np.uint64(64 - n)
    return (n3 << up) | (n2 >> down), (n2 << up) | (n1 >> down), (n1 << up) | (n0 >> down), n0 << up


@device
def exact_sqrt(x):  # noqa: ANN001, ANN201
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
def exact_rsqrt(x, unsigned_zero):  # noqa: ANN001, ANN201
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
def exact_hypot(x, y, unsigned_zero):  # noqa: ANN001, ANN201
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


@device
def leading_to_126(m, q):  # noqa: ANN001, ANN201
    """(hi, lo, top): m 2^q for a word m > 0, its leading 1 moved to bit 126, which is worth 2^top."""
    up = leading_zeros(m)
    hi, lo = shl128(_ZERO, m, 63 + up)
    return hi, lo, q + 63 - up


@device
def exact_remainder(op, x, y):  # noqa: ANN001, ANN201
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
    rest, odd = m, False
    if q >= q2:
        rest, odd = remainder_digits(m, m2, q - q2)
        q = q2
    other = (op == _REMAINDER and rest != _ZERO and is_negative(x) != is_negative(y)) or (op == _IEEE_REMAINDER and past_half(rest, q, m2, q2, odd))
    if rest == _ZERO:
        return signed_zero(is_negative(y) if op == _REMAINDER else is_negative(x))
    if not other:
        return wide_value(is_negative(x), _ZERO, rest, False, q)
    hi, lo, top = leading_to_126(rest, q)
    hi2, lo2, top2 = leading_to_126(m2, q2)
    return sum_of_wide(is_negative(x), hi, lo, top, not is_negative(x), hi2, lo2, top2, 0)


@device
def remainder_digits(m, m2, d):  # noqa: ANN001, ANN201
    """(m 2^d mod m2, whether the quotient is odd) for significands."""
    digit = m // m2
    rest = m - digit * m2
    while d > 0:
        step = min(d, 11)
        rest = rest << np.uint64(step)
        digit = rest // m2
        rest -= digit * m2
        d -= step
    return rest, digit & _ONE == _ONE


@device
def past_half(rest, q, m2, q2, odd):  # noqa: ANN001, ANN201
    """Whether rest 2^q, below m2 2^q2, is nearer to the latter than to 0; a tie goes to the even quotient."""
    if q == q2:
        twice = rest << _ONE
        return twice > m2 or (twice == m2 and odd)
    return q == q2 - 1 and rest > m2  # the quotient is 0, which is even


@device
def exact_result(op, x, y, z, unsigned_zero, mode):  # noqa: ANN001, ANN201, PLR0911
    """The exact result of an operation; operands that it does not have are ignored."""
    if op == _ADD:
        return exact_sum(x, y, mode)
    if op == _SUBTRACT:
        return exact_sum(x, -y, mode)
    if op == _MULTIPLY:
        return exact_product(x, y)
    if op == _DIVIDE:
        return exact_quotient(x, y, unsigned_zero)
    if op == _FMA:
        return exact_fma(x, y, z, mode)
    if op == _SQRT:
        return exact_sqrt(x)
    if op == _RECIPROCAL:
        return exact_quotient(1.0, x, unsigned_zero)
    if op == _RSQRT:
        return exact_rsqrt(x, unsigned_zero)
    if op == _HYPOT:
        return exact_hypot(x, y, unsigned_zero)
    return exact_remainder(op, x, y)


@device
def operand(x, spec, unsigned_zero):  # noqa: ANN001, ANN201
    """An operand as the format's arithmetic sees it: flushed if the format flushes inputs, -0 as 0 if it has none."""
    x = np.float64(x)
    if abs(x) < spec.flush_input:
        x = math.copysign(0.0, x)
    return x + 0.0 if unsigned_zero else x


@device
def compute(op, x, y, z, unsigned_zero, spec, random):  # noqa: ANN001, ANN201
    """One operation by the plain rule: THE arithmetic, which every fast form is proven equal to."""
    x, y, z = operand(x, spec, unsigned_zero), operand(y, spec, unsigned_zero), operand(z, spec, unsigned_zero)
    return round_exact(exact_result(op, x, y, z, unsigned_zero, spec.mode), spec, random)


@device
def compute_range(op, x, y, z, out, start, stop, unsigned_zero, spec, key):  # noqa: ANN001, ANN201
    """The plain rule on elements start..stop; random bits of element i from (key, i)."""
    stochastic = spec.mode >= _STOCHASTIC
    for i in range(start, stop):
        random = word64(i, key) if stochastic else _ZERO
        out[i] = compute(op, x[i], y[i], z[i], unsigned_zero, spec, random)


@kernel(
    f"void(int64, float32[::1], float32[::1], float32[::1], float32[::1], boolean, {WORDS}, uint64)",
    f"void(int64, float64[::1], float64[::1], float64[::1], float64[::1], boolean, {WORDS}, uint64)",
)
def compute_plain(op, x, y, z, out, unsigned_zero, words, key):  # noqa: ANN001, ANN201
    """out[i] = op(x[i], y[i], z[i]) rounded; absent operands are given as x again."""
    compute_range(op, x, y, z, out, 0, out.size, unsigned_zero, load_spec(words), key)
