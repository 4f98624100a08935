"""Arithmetic by the plain rule: the exact result of an operation on float64 values as a wide integer, rounded once.

`exact_rational` and `exact_other` give an `Exact` (``arithmetic/wide.py``) for every operation of `Operation`;
sums and products are exact by 128-bit integers, quotients and roots are produced digit by digit until 118 bits and a
sticky bit are known. No step can round, underflow or overflow, so there is nothing to prove but the integer algebra.

Special values are IEEE 754-2019's (clauses 6 and 9.2). In formats whose zero has no sign (`unsigned_zero`: P3109,
FNUZ) a division by zero, 1/0 and 1/sqrt(0) give NaN and hypot(inf, NaN) is NaN (IEEE P3109 Interim Report v4.0, an
unapproved draft).

Roots are in ``arithmetic/roots.py``, remainders in ``arithmetic/remainders.py``, the SIMD forms in
``arithmetic/results_lanes.py``, folds (reduce, accumulate, at) in ``arithmetic/folds.py``.
"""

from __future__ import annotations

import math

import numpy as np

from ...formats.rounding import Rounding
from ..jit import device, kernel, routine
from ..rng import word64
from ..rounding.arrays import SPEC
from ..rounding.scalar import load_spec
from .operations import Operation
from .remainders import exact_remainder
from .roots import exact_hypot, exact_rsqrt, exact_sqrt
from .wide import (
    is_negative,
    leading_zeros,
    mul64,
    round_exact,
    shl128,
    signed_infinity,
    signed_zero,
    significand,
    special_value,
    sum_of_wide,
    wide_value,
)

_TOWARD_NEGATIVE = Rounding.TOWARD_NEGATIVE.tag
_ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _FMA, _SQRT, _RECIPROCAL, _RSQRT, _HYPOT = (int(o) for o in list(Operation)[:9])
_ZERO = np.uint64(0)


@routine
def exact_sum(x, y, mode):
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
def exact_product(x, y):
    """x y."""
    if not (math.isfinite(x) and math.isfinite(y)) or x == 0.0 or y == 0.0:
        return special_value(x * y)
    m, q = significand(x)
    m2, q2 = significand(y)
    hi, lo = mul64(m, m2)
    return wide_value(is_negative(x) != is_negative(y), hi, lo, False, q + q2)


@device
def exact_fma(x, y, z, mode):
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


@routine
def exact_quotient(x, y, unsigned_zero):
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
    hi, lo, remainder = quotient_digits(m, m2, 11)
    return wide_value(negative, hi, lo, remainder != _ZERO, q - q2 - 121)


@device
def quotient_digits(m, m2, count):
    """(hi, lo, rest): floor(m 2^(11 count) / m2) and whether it was exact, by `count` digits of 11 bits.

    m < 2^53 and 2^52 <= m2 < 2^53, so a rest shifted by 11 bits fits a word.
    """
    first = m // m2
    hi = _ZERO
    lo = first
    remainder = m - first * m2
    for _ in range(count):
        remainder = remainder << np.uint64(11)
        digit = remainder // m2
        remainder -= digit * m2
        hi, lo = shl128(hi, lo, 11)
        lo |= digit
    return hi, lo, remainder


@device
def exact_rational(op, x, y, z, unsigned_zero, mode):
    """The exact result of a sum, product or quotient; operands that it does not have are ignored."""
    if op in (_ADD, _SUBTRACT):
        return exact_sum(x, -y if op == _SUBTRACT else y, mode)
    if op == _MULTIPLY:
        return exact_product(x, y)
    if op == _FMA:
        return exact_fma(x, y, z, mode)
    return exact_quotient(1.0, x, unsigned_zero) if op == _RECIPROCAL else exact_quotient(x, y, unsigned_zero)


@device
def exact_other(op, x, y, unsigned_zero, mode):
    """The exact result of a root or a remainder."""
    if op == _SQRT:
        return exact_sqrt(x, mode)
    if op == _RSQRT:
        return exact_rsqrt(x, unsigned_zero)
    if op == _HYPOT:
        return exact_hypot(x, y, unsigned_zero)
    return exact_remainder(op, x, y)


@device
def is_rational(op):
    """Whether `exact_rational` has the operation."""
    return op <= _FMA or op == _RECIPROCAL


@device
def operand(x, spec, unsigned_zero):
    """An operand as the format's arithmetic sees it: flushed if the format flushes inputs, -0 as 0 if it has none."""
    if abs(x) < spec.flush_input:
        x = math.copysign(0.0, x)
    return x + 0.0 if unsigned_zero else x


@device
def compute_rational(op, x, y, z, unsigned_zero, spec, random):
    """`compute` of a sum, product or quotient."""
    x = operand(x, spec, unsigned_zero)
    y = operand(y, spec, unsigned_zero)
    z = operand(z, spec, unsigned_zero)
    return round_exact(exact_rational(op, x, y, z, unsigned_zero, spec.mode), spec, random)


@device
def compute_other(op, x, y, unsigned_zero, spec, random):
    """`compute` of a root or a remainder."""
    x, y = operand(x, spec, unsigned_zero), operand(y, spec, unsigned_zero)
    return round_exact(exact_other(op, x, y, unsigned_zero, spec.mode), spec, random)


@device
def compute(op, x, y, z, unsigned_zero, spec, random):
    """One operation by the plain rule: THE arithmetic, which every fast form is proven equal to."""
    if is_rational(op):
        return compute_rational(op, x, y, z, unsigned_zero, spec, random)
    return compute_other(op, x, y, unsigned_zero, spec, random)


_SIGNATURE = f"void(int64, float64[::1], float64[::1], float64[::1], float64[::1], int64, boolean, {SPEC}, int64)"


@kernel(_SIGNATURE)
def compute_plain(op, x, y, z, out, first, unsigned_zero, spec_array, key):
    """out[i] = op(x[i], y[i], z[i]) rounded, for sums, products and quotients; absent operands are given as x again.

    Element i is number first + i of its array, which is what its random bits are made from.
    """
    spec = load_spec(spec_array)
    stochastic = spec.draws
    for i in range(out.size):
        random = word64(first + i, key) if stochastic else _ZERO
        out[i] = compute_rational(op, x[i], y[i], z[i], unsigned_zero, spec, random)


@kernel(_SIGNATURE)
def compute_plain_other(op, x, y, z, out, first, unsigned_zero, spec_array, key):
    """The same for roots and remainders: a kernel of its own, since who adds should not wait for it to be compiled."""
    spec = load_spec(spec_array)
    stochastic = spec.draws
    for i in range(out.size):
        random = word64(first + i, key) if stochastic else _ZERO
        out[i] = compute_other(op, x[i], y[i], unsigned_zero, spec, random)
