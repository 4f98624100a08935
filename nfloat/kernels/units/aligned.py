"""NVIDIA's fused step (`linalg.units.sums.AlignedSum`): one micro-kernel, in float32 and in float64 lanes.

Each step makes two passes over its products: the greatest exponent (of exp(a) + exp(b), which the packing put beside
the operands), then scale by 2^(F - E), truncate to an integer, add. Half of the products go to one integer sum together
with C, half to another. All widths and clamps are run-time numbers.

float32 lanes hold the sums in int32: exact, because |first| < 2^31, |second| < 2^31 and |total| < 2^32
(``linalg.units.unit.Unit`` checks this for every unit); the sign of the 33-bit total is the majority of the three
signs, its magnitude an unsigned word. To truncate a word u to 24 bits, u & ~(u >> 24) clears the half-ulp bit of what a
conversion would round, so that the conversion's nearest-even always goes down. This form needs finite operands,
products that are exact in float32, and scales that are normal numbers: -101 <= exp(a) + exp(b) and C zero or |C| >=
2^-100, which keeps every later sum a multiple of 2^-127. C may be infinite or NaN, and sums may overflow. Block scales
that are powers of two move the exponents of a step's products, of which the same is asked then, and their scale: held
at the ends of float32's range it makes 0 of products that lie so far below C, and leaves products that are all 0.

float64 lanes hold the integers in float64 (|total| < 2^34), take every operand, NaN and infinity included (IEEE
arithmetic propagates them through truncations and sums as the units do), and take any block scales. They cost twice as
much.
"""

from __future__ import annotations

from functools import partial

from ..jit import kernel
from ..lanes import Value
from .steps import (
    accumulate,
    apart,
    apart_in_place,
    block_scales,
    exponent64,
    greater_pairs,
    greatest,
    larger,
    power64,
    scale_exponents,
    segments,
    truncated64,
)
from .tile import UnitCall, UnitTile, unit_signature, unit_walk

#: rows of a tile
ROWS = 4
_INFINITE = 0x7F800000


# float32 lanes -------------------------------------------------------------------------------------------------------


def _aligned32(t: UnitTile, half: bool, scaled: bool = False) -> None:
    b, v = t.builder, t.v
    step = t.call(UnitCall.STEP)
    shift = b.shl(t.call32(UnitCall.FRACTION), v.word(23))
    up = b.add(shift, v.word(254 << 23))
    least = b.add(t.call(UnitCall.CLAMP), t.zero.type(127))
    clamp = t.splat16(t.zero.type(-20_000) if scaled else least)
    drop = b.sub(v.word(23), t.call32(UnitCall.KEPT))
    mask = b.shl(v.word(-1), drop)

    def run(at_a: Value, at_b: Value, c: list[Value]) -> list[Value]:
        pairs = greater_pairs(t, *greatest(t, at_a, at_b, step, clamp))
        moved = scale_exponents(t, at_a, at_b, step) if scaled else []
        high = _moved32(t, apart(t, pairs), moved, least) if scaled else apart_in_place(t, pairs)
        top = larger(t, high, [_exponent32(t, x, half) for x in c])
        codes = [b.sub(up, g) for g in top]
        scale = [v.as_float(x) for x in codes]
        own = [_integer(t, x, s) for x, s in zip(c, scale, strict=True)]
        each = [_scale32(t, x, s) for x, s in zip(codes, moved, strict=True)] if scaled else scale
        first, second = accumulate(t, at_a, at_b, step, (each, each), own, partial(_integer, t))
        out = []
        for r in range(t.rows):
            d = _converted(t, first[r], second[r], b.sub(top[r], shift), half)
            d = _to_half32(t, d) if half else v.as_float(b.and_(v.as_int(d), mask))
            out.append(b.select(b.icmp_signed("==", top[r], v.word(_INFINITE)), c[r], d))
        return out

    def add(x: Value, y: Value) -> Value:
        return _finite_half32(t, b.fadd(x, y)) if half else b.fadd(x, y)

    segments(t, run, add)


def _moved32(t: UnitTile, high: list[Value], moved: list[Value], least: Value) -> list[Value]:
    """Biased exponents of products, moved by their scales' and not below `least`, as exponent fields in their place."""
    b, v = t.builder, t.v
    floor = v.splat(b.trunc(least, v.scalar_int))
    return [b.shl(v.call("smax", b.add(g, s), floor), v.word(23)) for g, s in zip(high, moved, strict=True)]


def _scale32(t: UnitTile, code: Value, moved: Value) -> Value:
    """The power of two with this code times the scales, held between 0 and 2^127."""
    b, v = t.builder, t.v
    wanted = b.add(code, b.shl(moved, v.word(23)))
    return v.as_float(v.call("smin", v.call("smax", wanted, v.word(0)), v.word(254 << 23)))


def _exponent32(t: UnitTile, c: Value, half: bool) -> Value:
    """C's exponent field in place (2^23 a unit); for float16 not below its least normal one, and least for zero."""
    b, v = t.builder, t.v
    field = b.and_(v.as_int(c), v.exponent_mask)
    if not half:
        return field
    lifted = v.call("smax", field, v.word((127 - 14) << 23))
    return b.select(b.fcmp_ordered("==", c, v.number(0.0)), v.word(0), lifted)


def _integer(t: UnitTile, x: Value, scale: Value) -> Value:
    """x scale truncated toward zero, as an integer lane."""
    return t.builder.fptosi(t.builder.fmul(x, scale), t.v.int)


def _converted(t: UnitTile, first: Value, second: Value, exponent: Value, half: bool) -> Value:
    """(first + second) 2^exponent in float32: truncated to 24 bits, or (half) to odd if it has more."""
    b, v = t.builder, t.v
    total = b.add(first, second)
    sign = b.or_(b.and_(first, second), b.and_(b.or_(first, second), total))
    m = b.ashr(sign, v.word(31))
    u = b.sub(b.xor(total, m), m)
    if half:  # the low 8 bits of a word above 24 bits become one sticky bit, far below float16's last
        sticky = b.and_(b.add(b.and_(u, v.word(0xFF)), v.word(0xFF)), v.word(0x100))
        jammed = b.and_(b.or_(u, sticky), v.word(-0x100))
        u = b.select(b.icmp_unsigned(">=", u, v.word(1 << 24)), jammed, u)
    else:
        u = b.and_(u, b.not_(b.lshr(u, v.word(24))))
    power = b.or_(exponent, b.and_(m, v.sign_mask))
    return b.fmul(b.uitofp(u, v.float), v.as_float(power))


def _to_half32(t: UnitTile, x: Value) -> Value:
    """Finite x to float16's values, nearest even, zeros +0: (x + C) - C with C = 1.5 2^(max(e, -14) + 13)."""
    b, v = t.builder, t.v
    binade = v.call("smax", b.and_(v.as_int(x), v.exponent_mask), v.word((127 - 14) << 23))
    c = v.as_float(b.add(binade, v.word((13 << 23) + 0x400000)))
    d = b.fsub(b.fadd(x, c), c)
    over = b.fcmp_ordered(">", v.magnitude(d), v.number(65504.0))
    infinite = v.as_float(b.or_(b.and_(v.as_int(d), v.sign_mask), v.exponent_mask))
    return b.select(over, infinite, d)


def _finite_half32(t: UnitTile, x: Value) -> Value:
    """`_to_half32` for a rounded float32 sum of float16 values (exact enough: 24 >= 2 11 + 2), specials kept."""
    b, v = t.builder, t.v
    finite = b.fcmp_ordered("<", v.magnitude(x), v.number(float("inf")))
    return b.select(finite, _to_half32(t, x), x)


# float64 lanes -------------------------------------------------------------------------------------------------------


def _to_half64(t: UnitTile, x: Value) -> Value:
    """x to float16's values, nearest even, infinite from 65520 on, specials kept; a zero is +0."""
    b, v = t.builder, t.v
    binade = v.call("smax", b.and_(v.as_int(x), v.exponent_mask), v.word((1023 - 14) << 52))
    c = v.as_float(b.add(binade, v.word((42 << 52) + (1 << 51))))
    d = b.fsub(b.fadd(x, c), c)
    over = b.fcmp_ordered(">", v.magnitude(d), v.number(65504.0))
    infinite = v.as_float(b.or_(b.and_(v.as_int(d), v.sign_mask), v.exponent_mask))
    d = b.select(over, infinite, d)
    return b.select(b.fcmp_ordered("<", v.magnitude(x), v.number(float("inf"))), d, x)


def _aligned64(t: UnitTile, half: bool, scaled: bool) -> None:
    b, v, e = t.builder, t.v, t.e
    step = t.call(UnitCall.STEP)
    clamp = t.call32(UnitCall.CLAMP)
    fraction = t.call32(UnitCall.FRACTION)
    emin_c = t.call32(UnitCall.EMIN_C)
    convert = _to_half64 if half else truncated64
    low = t.splat16(t.zero.type(-20_000) if scaled else t.call(UnitCall.CLAMP))

    def run(at_a: Value, at_b: Value, c: list[Value]) -> list[Value]:
        high = apart(t, greater_pairs(t, *greatest(t, at_a, at_b, step, low)))
        factors, shifts = block_scales(t, at_a, at_b, step) if scaled else ([], [])
        if scaled:
            high = larger(t, [b.add(g, s) for g, s in zip(high, shifts, strict=True)], [clamp] * t.rows)
        top = larger(t, high, [exponent64(t, x, emin_c, clamp) for x in c])
        scale = [power64(t, b.sub(fraction, g)) for g in top]
        own = [t.unary("trunc", b.fmul(x, s)) for x, s in zip(c, scale, strict=True)]
        each = [b.fmul(s, f) for s, f in zip(scale, factors, strict=True)] if scaled else scale
        sums = accumulate(t, at_a, at_b, step, (each, each), own, lambda p, s: t.unary("trunc", b.fmul(p, s)))
        totals = [b.fadd(x, y) for x, y in zip(*sums, strict=True)]
        return [convert(t, b.fmul(x, power64(t, b.sub(g, fraction)))) for x, g in zip(totals, top, strict=True)]

    def add(x: Value, y: Value) -> Value:
        total = b.fadd(x, y)  # of two float32 values: exact enough for the one rounding that follows
        return _to_half64(t, total) if half else b.fpext(b.fptrunc(total, e.float), v.float)

    segments(t, run, add)


_tile32 = unit_walk(partial(_aligned32, half=False), 32, ROWS)
_tile32_scaled = unit_walk(partial(_aligned32, half=False, scaled=True), 32, ROWS)
_tile32_half = unit_walk(partial(_aligned32, half=True), 32, ROWS)
_tile64 = unit_walk(partial(_aligned64, half=False, scaled=False), 64, ROWS)
_tile64_half = unit_walk(partial(_aligned64, half=True, scaled=False), 64, ROWS)
_tile64_scaled = unit_walk(partial(_aligned64, half=False, scaled=True), 64, ROWS)


@kernel(unit_signature(32))
def aligned32(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """Float32 results, operands in the normal range."""
    _tile32(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(32))
def aligned32_scaled(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """Float32 results, operands in the normal range, their scales, powers of two, too."""
    _tile32_scaled(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(32))
def aligned32_half(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """Float16 results, finite operands."""
    _tile32_half(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(64))
def aligned64(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """Float32 results, any operands."""
    _tile64(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(64))
def aligned64_half(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """Float16 results, any operands."""
    _tile64_half(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(64))
def aligned64_scaled(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """Float32 results, any operands, a power-of-two scale per block on each side."""
    _tile64_scaled(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)
