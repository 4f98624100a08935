"""Exact results wider than float64: 128-bit magnitudes with a sticky bit, and their one rounding.

`Exact` is what an operation hands over before anything is rounded: either a special value (NaN, an infinity, a signed
zero) or a sign and |z| = (N + s) 2^q, with N a 128-bit integer in two words and 0 <= s < 1, s > 0 iff `sticky`.
`round_exact` cuts N at the format's grid and calls ``rounding/scalar.py``'s rule on what is kept and what is cut off.

A rounding needs p <= 53 kept bits, 64 bits of the fraction (stochastic modes compare that many) and whether anything
lies below, so 118 leading bits of N and a sticky bit are as good as all of them.

LLVM turns the 128-bit additions, shifts and products into a few instructions; there is no 128-bit division here,
since that would be a call into the compiler's run-time library (see `quotient` in ``arithmetic/results.py``).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ...formats.rounding import Rounding
from ..bits import exponent_field, float64_as_int64, greater
from ..jit import device
from ..rounding.scalar import round_cut, within_range

_I64, _I128 = ir.IntType(64), ir.IntType(128)
_STOCHASTIC, _TOWARD_NEGATIVE = Rounding.STOCHASTIC.tag, Rounding.TOWARD_NEGATIVE.tag
_ZERO, _ONE = np.uint64(0), np.uint64(1)


def _join(builder, hi, lo):
    wide = builder.shl(builder.zext(hi, _I128), ir.Constant(_I128, 64))
    return builder.or_(wide, builder.zext(lo, _I128))


def _split(context, builder, wide):
    hi = builder.trunc(builder.lshr(wide, ir.Constant(_I128, 64)), _I64)
    return context.make_tuple(builder, types.UniTuple(types.uint64, 2), [hi, builder.trunc(wide, _I64)])


def _of_two(emit):
    """An intrinsic (hi, lo, hi, lo) -> (hi, lo) from a function on i128 values."""

    def typer(typingctx, hi, lo, hi2, lo2):
        def codegen(context, builder, signature, args):
            return _split(
                context, builder, emit(builder, _join(builder, args[0], args[1]), _join(builder, args[2], args[3]))
            )

        return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64, types.uint64, types.uint64), codegen

    return intrinsic(typer)


def _of_shift(emit):
    """An intrinsic (hi, lo, n) -> (hi, lo) from a function on an i128 and a count, 0 <= n < 128."""

    def typer(typingctx, hi, lo, n):
        def codegen(context, builder, signature, args):
            return _split(
                context, builder, emit(builder, _join(builder, args[0], args[1]), builder.zext(args[2], _I128))
            )

        return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64, types.int64), codegen

    return intrinsic(typer)


#: (hi, lo) + (hi, lo) and (hi, lo) - (hi, lo), modulo 2^128
add128 = _of_two(lambda b, x, y: b.add(x, y))
sub128 = _of_two(lambda b, x, y: b.sub(x, y))
#: (hi, lo) << n and (hi, lo) >> n for 0 <= n < 128
shl128 = _of_shift(lambda b, x, n: b.shl(x, n))
shr128 = _of_shift(lambda b, x, n: b.lshr(x, n))


@intrinsic
def mul64(typingctx, x, y):
    """The 128-bit product of two uint64."""

    def codegen(context, builder, signature, args):
        return _split(context, builder, builder.mul(builder.zext(args[0], _I128), builder.zext(args[1], _I128)))

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), codegen


@intrinsic
def leading_zeros(typingctx, x):
    """The number of leading zero bits of a uint64; 64 for 0."""

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(_I64, [_I64, ir.IntType(1)])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.ctlz.i64")
        return builder.call(function, [args[0], ir.Constant(ir.IntType(1), 0)])

    return types.int64(types.uint64), codegen


class Exact(NamedTuple):
    """An exact result: `special` as it is, or (-1)^negative (hi 2^64 + lo + s) 2^q, s in (0, 1) if sticky, else 0."""

    is_special: bool
    special: float
    negative: bool
    hi: np.uint64
    lo: np.uint64
    sticky: bool
    q: int


@device
def special_value(x):
    """NaN, an infinity or a signed zero as an exact result."""
    return Exact(True, x, False, _ZERO, _ZERO, False, 0)


@device
def wide_value(negative, hi, lo, sticky, q):
    """A finite non-zero exact result; (hi, lo) must not be 0."""
    return Exact(False, 0.0, negative, hi, lo, sticky, q)


@device
def signed_zero(negative):
    """A zero of this sign."""
    return special_value(-0.0 if negative else 0.0)


@device
def signed_infinity(negative):
    """An infinity of this sign."""
    return special_value(-math.inf if negative else math.inf)


@device
def is_negative(x):
    """The sign bit."""
    return math.copysign(1.0, x) < 0.0


@device
def significand(x):
    """(m, q) with |x| = m 2^q and 2^52 <= m < 2^53, for finite x != 0; m is a uint64."""
    q = exponent_field(x) - 1075
    if q > -1075:
        return np.uint64(float64_as_int64(x) & 0xFFFFFFFFFFFFF | 0x10000000000000), q
    m = np.uint64(float64_as_int64(x) & 0xFFFFFFFFFFFFF)
    up = leading_zeros(m) - 11
    return m << np.uint64(up), -1074 - up


@device
def shift_right_sticky(hi, lo, n):
    """(hi, lo, sticky): shifted right by n >= 0, and whether a bit that was 1 fell off."""
    if n == 0:
        return hi, lo, False
    if n >= 128:
        return _ZERO, _ZERO, (hi | lo) != _ZERO
    lost_hi, lost_lo = shl128(hi, lo, 128 - n)
    hi, lo = shr128(hi, lo, n)
    return hi, lo, (lost_hi | lost_lo) != _ZERO


@device
def leading_to_126(m, q):
    """(hi, lo, top): m 2^q for a word m > 0, its leading 1 moved to bit 126, which is worth 2^top."""
    up = leading_zeros(m)
    hi, lo = shl128(_ZERO, m, 63 + up)
    return hi, lo, q + 63 - up


@device
def sum_of_wide(negative, hi, lo, top, negative2, hi2, lo2, top2, mode):
    """The exact sum of two magnitudes with signs, each with its leading 1 at bit 126 and worth 2^top there.

    The smaller one is shifted right; bits that fall off set sticky. Where some do, the exponents differ by more than
    21, so a difference loses at most one leading bit and 125 remain. A difference with sticky is the next lower
    integer plus a rest.
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
def round_exact(z, spec, random):
    """An exact result rounded once to the format, mode and policy of `spec`; `random` as in ``scalar.round_value``."""
    if z.is_special:
        return _special(z.special, spec)
    # the leading 1 to bit 127
    up = leading_zeros(z.hi) if z.hi != _ZERO else 64 + leading_zeros(z.lo)
    hi, lo = shl128(z.hi, z.lo, up)
    q = z.q - up
    exponent = q + 127
    unit = greater(exponent, spec.emin) - (spec.precision - 1)
    # cut so that 64 bits of the fraction stay: unit - q >= 128 - 53, so the cut is at 11 at least
    kept, fraction, sticky = shift_right_sticky(hi, lo, unit - q - 64)
    sticky = sticky or z.sticky
    if unit > 1990:  # beyond what a product of two powers of two can reach; float64 ends at 1024
        r = math.inf
    elif spec.mode == _STOCHASTIC:
        r = round_cut(np.int64(kept), np.int64(fraction), 64, exponent, unit, z.negative, spec, random)
    else:  # all others ask for 61 bits at most, and whether more follow
        more = sticky or (fraction & np.uint64(3)) != _ZERO
        remainder = np.int64(fraction >> np.uint64(2)) | np.int64(more)
        r = round_cut(np.int64(kept), remainder, 62, exponent, unit, z.negative, spec, random)
    return within_range(r, z.negative, spec)


@device
def _special(x, spec):
    """What NaN, an infinity or a zero becomes in the format."""
    if x != x:
        return x
    negative = math.copysign(1.0, x) < 0.0
    if x == 0.0:
        return spec.neg_zero if negative else spec.pos_zero
    return spec.neg_inf if negative else spec.pos_inf
