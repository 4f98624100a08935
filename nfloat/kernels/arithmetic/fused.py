"""One rounding of a b + c d: exact for all float64 arguments, for every mode.

What every sum of a plain GEMM is made of.

Most sums are exact in float64 and go straight to ``scalar.round_value``; the error terms of products and sum prove it
(Knuth; Ogita, Rump and Oishi 2005). The others are added as 128-bit magnitudes (``arithmetic/wide.py``).
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ...formats.rounding import Rounding
from ..jit import device, routine
from ..rounding.scalar import round_value
from ..to_odd import two_sum_of
from .wide import is_negative, leading_zeros, mul64, round_exact, shl128, significand, sum_of_wide, wide_value

_TOWARD_NEGATIVE = Rounding.TOWARD_NEGATIVE.tag
_ZERO = np.uint64(0)


def _multiply_add(kind, name):
    """The intrinsic (a, b, c): a b + c, rounded once."""

    def typer(typingctx, a, b, c):
        def codegen(context, builder, sig, args):
            function = ir.FunctionType(args[0].type, [x.type for x in args])
            return builder.call(cgutils.get_or_insert_function(builder.module, function, name), args)

        return kind(kind, kind, kind), codegen

    return intrinsic(typer)


fma64, fma32 = _multiply_add(types.float64, "llvm.fma.f64"), _multiply_add(types.float32, "llvm.fma.f32")


@device
def sum_of_zeros(x, y, spec):
    """x + y where the exact sum is zero.

    -0 if both are, or, of opposite signs, in toward_negative (IEEE 754-2019, 6.3).
    """
    first, second = is_negative(x), is_negative(y)
    if (first and second) or (spec.mode == _TOWARD_NEGATIVE and (first or second)):
        return spec.neg_zero
    return spec.pos_zero


@device
def round_product(a, b, spec, random):
    """The exact a b, rounded once."""
    if a == 0.0 or b == 0.0 or not (abs(a) < math.inf and abs(b) < math.inf):
        return round_value(a * b, spec, random)
    return round_dot2(a, b, 0.0, 1.0, spec, random)


@device
def _special(a, b):
    """a b where one of them is infinite or NaN, else 0: finite factors must not overflow into an infinity."""
    return 0.0 if abs(a) < math.inf and abs(b) < math.inf else a * b


@routine
def round_dot2(a, b, c, d, spec, random):
    """The exact a b + c d, rounded once. NaN and infinities as in IEEE arithmetic, then by `spec`'s policies."""
    special = _special(a, b) + _special(c, d)
    if special != 0.0:
        return round_value(special, spec, random)
    p, q = a * b, c * d
    if (a == 0.0 or b == 0.0) and (c == 0.0 or d == 0.0):
        return sum_of_zeros(p, q, spec)
    if _product_is_exact(a, b, p) and _product_is_exact(c, d, q):
        s, error = two_sum_of(p, q)
        if s != 0.0 and error == 0.0:
            return round_value(s, spec, random)
    return round_wide(_sum_of_products(a, b, c, d, spec.mode), spec, random)


@device
def _product_is_exact(a, b, p):
    """Whether p = fl(a b) is a b (false for some that are, near the ends of float64's range)."""
    if a == 0.0 or b == 0.0:
        return True
    if b == 1.0:
        return abs(a) < 1e300
    return 1e-290 < abs(p) < 1e300 and fma64(a, b, -p) == 0.0


@device
def _wide_product(a, b):
    """(negative, hi, lo, top) of a b != 0: its leading 1 at bit 126, worth 2^top."""
    m, q = significand(a)
    m2, q2 = significand(b)
    hi, lo = mul64(m, m2)
    up = leading_zeros(hi) - 1  # a product of two 53-bit integers has 105 or 106 bits
    hi, lo = shl128(hi, lo, up)
    return is_negative(a) != is_negative(b), hi, lo, q + q2 - up + 126


@device
def _sum_of_products(a, b, c, d, mode):
    """The exact a b + c d of finite numbers, not both products zero."""
    if a == 0.0 or b == 0.0:
        negative, hi, lo, top = _wide_product(c, d)
        return wide_value(negative, hi, lo, False, top - 126)
    negative, hi, lo, top = _wide_product(a, b)
    if c == 0.0 or d == 0.0:
        return wide_value(negative, hi, lo, False, top - 126)
    negative2, hi2, lo2, top2 = _wide_product(c, d)
    return sum_of_wide(negative, hi, lo, top, negative2, hi2, lo2, top2, mode)


@routine
def round_wide(z, spec, random):
    """An exact sum, rounded once with all of `spec`'s policies.

    A format that flushes inputs flushes the exact sum: it is what the rounding is given.
    """
    if spec.flush_input > 0.0 and not z.is_special and _cut_magnitude(z, spec) < spec.flush_input:
        return spec.neg_zero if z.negative else spec.pos_zero
    return round_exact(z, spec, random)


@device
def _cut_magnitude(z, spec):
    """|z| cut to the format's p bits, or 0 below 2^emin.

    Smaller than a normal number of the format exactly where |z| is.

    It is a number of float64, whose subnormal numbers would round more bits than p.
    """
    up = leading_zeros(z.hi) if z.hi != _ZERO else 64 + leading_zeros(z.lo)
    hi, _ = shl128(z.hi, z.lo, up)
    if z.q - up + 127 < spec.emin:
        return 0.0
    return math.ldexp(np.float64(hi >> np.uint64(64 - spec.precision)), z.q - up + 128 - spec.precision)
