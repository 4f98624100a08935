"""One rounding of a b + c d, and of any sum held in 256 bits: exact for all float64 arguments, for every mode.

Most sums are exact in float64 and go straight to ``scalar.round_value``; `round_fma` proves that by the error terms of product and
sum (Knuth; Ogita, Rump and Oishi 2005). The others are built in a 256-bit window, in which nothing cancels wrongly: the
two products (106 bits each) are placed below the greater one's top bit; what falls off the lower end can only be far below
the result's last bit and the 62 bits that decide the rounding, so that one sticky bit is enough, for stochastic modes too (they
use at most 61 of them). No step depends on float64's range.
"""

from __future__ import annotations

import math

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..formats.rounding import Rounding
from .bits import exponent_field, float64_as_int64
from .jit import device, routine
from .scalar import round_cut, round_value, within_range

_TOWARD_NEGATIVE = Rounding.TOWARD_NEGATIVE.tag
_I64, _I128, _I256 = (ir.IntType(n) for n in (64, 128, 256))

#: how many bits of the fraction below the last kept bit `cut_window` returns at most
FRACTION_BITS = 62


def _wide(value: int) -> ir.Constant:
    return ir.Constant(_I256, value)


def _clamp(b: ir.IRBuilder, x: ir.Value, low: int, high: int) -> ir.Value:
    """An i64 brought into low..high."""
    for bound, sign in ((low, "<"), (high, ">")):
        limit = ir.Constant(_I64, bound)
        x = b.select(b.icmp_signed(sign, x, limit), limit, x)
    return x


def _place(b: ir.IRBuilder, m: ir.Value, shift: ir.Value) -> tuple[ir.Value, ir.Value]:
    """(m 2^shift in the window, whether bits fell off below); |shift| may be anything."""
    left = b.zext(_clamp(b, shift, 0, 255), _I256)
    right = b.zext(_clamp(b, b.neg(shift), 0, 255), _I256)
    moved = b.shl(m, left)
    kept = b.lshr(moved, right)
    return kept, b.icmp_unsigned("!=", b.shl(kept, right), moved)


def _words(b: ir.IRBuilder, z: ir.Value) -> list[ir.Value]:
    return [b.trunc(b.lshr(z, _wide(64 * k)), _I64) for k in range(4)]


def _struct(context, builder, signature, values):  # noqa: ANN001, ANN202
    return context.make_tuple(builder, signature.return_type, values)


@intrinsic
def fma64(typingctx, a, b, c):  # noqa: ANN001, ANN201
    """a b + c in float64, rounded once."""

    def codegen(context, builder, sig, args):  # noqa: ANN001, ANN202
        double = ir.DoubleType()
        function = ir.FunctionType(double, [double] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, function, "llvm.fma.f64"), args)

    return types.float64(types.float64, types.float64, types.float64), codegen


@intrinsic
def add_in_window(typingctx, ma, mb, first_shift, mc, md, second_shift, opposite):  # noqa: ANN001, ANN201
    """|ma mb 2^first_shift +- mc md 2^second_shift| as (four 64-bit words, lowest first; sticky; whether the second was greater).

    Shifts may be negative; `opposite` (0 or 1) says that the signs differ. The caller keeps both terms below 2^253.
    """

    def codegen(context, builder, sig, args):  # noqa: ANN001, ANN202
        b = builder
        products = [b.zext(b.mul(b.zext(args[k], _I128), b.zext(args[k + 1], _I128)), _I256) for k in (0, 3)]
        p, lost_p = _place(b, products[0], args[2])
        q, lost_q = _place(b, products[1], args[5])
        lost = b.or_(lost_p, lost_q)
        swap = b.icmp_unsigned("<", p, q)
        # a term that lost bits is by far the smaller one: subtracting it whole and the sticky bit truncates the difference
        difference = b.sub(b.sub(b.select(swap, q, p), b.select(swap, p, q)), b.zext(lost, _I256))
        opposite = b.icmp_signed("!=", args[6], ir.Constant(_I64, 0))
        z = b.select(opposite, difference, b.add(p, q))
        return _struct(context, b, sig, [*_words(b, z), b.zext(lost, _I64), b.zext(swap, _I64)])

    i64 = types.int64
    return types.UniTuple(i64, 6)(*[i64] * 7), codegen


@intrinsic
def cut_window(typingctx, w0, w1, w2, w3, sticky, base, emin, precision):  # noqa: ANN001, ANN201
    """Cut z = (w3 w2 w1 w0) 2^base, 0 < z, where a format of this precision and emin is cut.

    Returns (kept, rest, shift, exponent, unit): z = (kept + rest / 2^shift) 2^unit, exponent = floor(log2 z), shift <= 62,
    the last bit of rest being sticky where shift is 62.
    """

    def codegen(context, builder, sig, args):  # noqa: ANN001, ANN202
        b = builder
        z = _wide(0)
        for k in range(4):
            z = b.or_(z, b.shl(b.zext(args[k], _I256), _wide(64 * k)))
        sticky, base, emin, precision = args[4:]
        leading = b.trunc(b.ctlz(z, ir.Constant(ir.IntType(1), 0)), _I64)
        exponent = b.add(b.sub(ir.Constant(_I64, 255), leading), base)
        top = b.select(b.icmp_signed(">", exponent, emin), exponent, emin)
        unit = b.sub(top, b.sub(precision, ir.Constant(_I64, 1)))
        shift = b.sub(unit, base)
        z = b.shl(z, b.zext(_clamp(b, b.neg(shift), 0, 255), _I256))
        whole = b.zext(_clamp(b, shift, 0, 255), _I256)
        kept = b.lshr(z, whole)
        low = b.sub(z, b.shl(kept, whole))
        drop = b.zext(_clamp(b, b.sub(shift, ir.Constant(_I64, FRACTION_BITS)), 0, 255), _I256)
        rest = b.lshr(low, drop)
        lost = b.zext(b.icmp_unsigned("!=", b.shl(rest, drop), low), _I64)
        rest = b.or_(b.trunc(rest, _I64), b.or_(lost, sticky))
        return _struct(context, b, sig, [b.trunc(kept, _I64), rest, _clamp(b, shift, 0, FRACTION_BITS), exponent, unit])

    i64 = types.int64
    return types.UniTuple(i64, 5)(*[i64] * 8), codegen


@device
def significand(x):  # noqa: ANN001, ANN201
    """The integer m of |x| = m 2^q (x finite), m < 2^53."""
    m = float64_as_int64(x) & 0xFFFFFFFFFFFFF
    return m | (1 << 52) if exponent_field(x) > 0 else m


@device
def quantum(x):  # noqa: ANN001, ANN201
    """The exponent q of |x| = m 2^q."""
    return max(exponent_field(x), 1) - 1075


@routine
def round_window(w0, w1, w2, w3, sticky, base, negative, spec, random):  # noqa: ANN001, ANN201
    """The non-zero number (w3 w2 w1 w0 and the sticky bit below) 2^base, rounded once with all of `spec`'s policies."""
    kept, rest, shift, exponent, unit = cut_window(w0, w1, w2, w3, sticky, base, spec.emin, spec.precision)
    if unit > 1900:  # beyond float64 and every format
        return within_range(math.inf, negative, spec)
    if spec.flush_input > 0.0 and round_cut(kept, 0, 0, exponent, unit, negative, spec, random) < spec.flush_input:
        return spec.neg_zero if negative else spec.pos_zero
    return within_range(round_cut(kept, rest, shift, exponent, unit, negative, spec, random), negative, spec)


@device
def sum_of_zeros(x, y, spec):  # noqa: ANN001, ANN201
    """x + y where the exact sum is zero: -0 if both are, or, of opposite signs, in toward_negative (IEEE 754-2019, 6.3)."""
    if spec.mode == _TOWARD_NEGATIVE and (math.copysign(1.0, x) < 0.0 or math.copysign(1.0, y) < 0.0):
        return spec.neg_zero
    return spec.neg_zero if math.copysign(1.0, x) < 0.0 and math.copysign(1.0, y) < 0.0 else spec.pos_zero


@device
def round_product(a, b, spec, random):  # noqa: ANN001, ANN201
    """The exact a b, rounded once."""
    if a == 0.0 or b == 0.0 or not (abs(a) < math.inf and abs(b) < math.inf):
        return round_value(a * b, spec, random)
    return round_dot2(a, b, 0.0, 1.0, spec, random)


@device
def round_fma(a, b, c, spec, random):  # noqa: ANN001, ANN201
    """The exact a b + c, rounded once."""
    return round_dot2(a, b, c, 1.0, spec, random)


@device
def _special(a, b):  # noqa: ANN001, ANN201
    """a b where one of them is infinite or NaN, else 0: finite factors must not overflow into an infinity."""
    return 0.0 if abs(a) < math.inf and abs(b) < math.inf else a * b


@routine
def round_dot2(a, b, c, d, spec, random):  # noqa: ANN001, ANN201
    """The exact a b + c d, rounded once. NaN and infinities as in IEEE arithmetic, then by `spec`'s policies."""
    special = _special(a, b) + _special(c, d)
    if special != 0.0:
        return round_value(special, spec, random)
    p, q = a * b, c * d
    if (a == 0.0 or b == 0.0) and (c == 0.0 or d == 0.0):
        return sum_of_zeros(p, q, spec)
    if _product_is_exact(a, b, p) and _product_is_exact(c, d, q):
        s = p + q
        t = s - p
        if s != 0.0 and (p - (s - t)) + (q - t) == 0.0:
            return round_value(s, spec, random)
    return _round_in_window(a, b, c, d, spec, random)


@device
def _product_is_exact(a, b, p):  # noqa: ANN001, ANN201
    """Whether p = fl(a b) is a b (false for some that are, near the ends of float64's range)."""
    if a == 0.0 or b == 0.0:
        return True
    if b == 1.0:
        return abs(a) < 1e300
    return 1e-290 < abs(p) < 1e300 and fma64(a, b, -p) == 0.0


@routine
def _round_in_window(a, b, c, d, spec, random):  # noqa: ANN001, ANN201
    """`round_dot2` of finite arguments whose products are not both zero."""
    first, second = quantum(a) + quantum(b), quantum(c) + quantum(d)
    first_zero, second_zero = a == 0.0 or b == 0.0, c == 0.0 or d == 0.0
    top = second if first_zero else first if second_zero else max(first, second)
    base = top + 106 - 253
    negative = math.copysign(1.0, a) * math.copysign(1.0, b) < 0.0
    opposite = negative != (math.copysign(1.0, c) * math.copysign(1.0, d) < 0.0)
    w0, w1, w2, w3, sticky, swapped = add_in_window(
        significand(a), significand(b), first - base, significand(c), significand(d), second - base, 1 if opposite else 0
    )
    if w0 | w1 | w2 | w3 == 0:
        return sum_of_zeros(1.0, -1.0, spec)
    if opposite and swapped == 1:
        negative = not negative
    return round_window(w0, w1, w2, w3, sticky, base, negative, spec, random)
