"""NVIDIA's fused step (`linalg.unit_arithmetic.AlignedSum`): one micro-kernel, in float32 and in float64 lanes.

Each step makes two passes over its products: the greatest exponent (of exp(a) + exp(b), which the packing put beside the
operands), then scale by 2^(F - E), truncate to an integer, add. Half of the products go to one integer sum together with C,
half to another. All widths and clamps are run-time numbers.

float32 lanes hold the sums in int32: exact, because |first| < 2^31, |second| < 2^31 and |total| < 2^32 (``linalg.unit.Unit``
checks this for every unit); the sign of the 33-bit total is the majority of the three signs, its magnitude an unsigned word.
To truncate a word u to 24 bits, u & ~(u >> 24) clears the half-ulp bit of what a conversion would round, so that the
conversion's nearest-even always goes down. This form needs finite operands, products that are exact in float32, and scales that
are normal numbers: -101 <= exp(a) + exp(b) and C zero or |C| >= 2^-100, which keeps every later sum a multiple of 2^-127.
C may be infinite or NaN, and sums may overflow.

float64 lanes hold the integers in float64 (|total| < 2^34), take every operand, NaN and infinity included (IEEE arithmetic
propagates them through truncations and sums as the units do), and take block scales. They cost twice as much.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from llvmlite import ir

from .jit import kernel
from .units_tile import Plan, Tile, Value, place, stretch_end, tile_intrinsic, unit_signature

ROWS = 4
_I64 = ir.IntType(64)
_INFINITE = 0x7F800000


def _pairs(t: Tile, step: Value, index: Value, width: int) -> tuple[Value, Value]:
    """Offsets of k and of k + step / 2 in a packed operand with `width` elements a k, for k = index."""
    b = t.builder
    first = t.mul(index, width)
    return first, b.add(first, t.mul(b.lshr(step, t.one), width))


def _greatest(t: Tile, at_a: Value, at_b: Value, step: Value, start: list[Value]) -> list[Value]:
    """Per row, the greatest exponent of the step's products in each lane, not below `start`."""
    b, e = t.builder, t.e

    def body(i: Value, *greatest: Value) -> list[Value]:
        out = list(greatest)
        for oa, ob in zip(_pairs(t, step, i, t.rows), _pairs(t, step, i, t.v.count), strict=True):
            eb = t.vector(t.eb, b.add(at_b, ob))
            out = [e.call("smax", x, b.add(t.row(t.ea, b.add(at_a, oa), r), eb)) for r, x in enumerate(out)]
        return out

    return t.loop(b.lshr(step, t.one), start, body)


def _accumulate(
    t: Tile, at_a: Value, at_b: Value, step: Value, scale: list[Value], start: list[Value], term: Callable[[Value, Value], Value]
) -> list[Value]:
    """Per row, `start` and zero plus the truncated products of the first and the second half of the step."""
    b = t.builder
    plus = b.add if isinstance(start[0].type.element, ir.IntType) else b.fadd

    def body(i: Value, *sums: Value) -> list[Value]:
        out = list(sums)
        for h, (oa, ob) in enumerate(zip(_pairs(t, step, i, t.rows), _pairs(t, step, i, t.v.count), strict=True)):
            vb = t.vector(t.b, b.add(at_b, ob))
            for r in range(t.rows):
                product = b.fmul(t.row(t.a, b.add(at_a, oa), r), vb)
                out[h * t.rows + r] = plus(out[h * t.rows + r], term(product, scale[r]))
        return out

    zero = ir.Constant(start[0].type, None)
    return t.loop(b.lshr(step, t.one), [*start, *[zero] * t.rows], body)


def _segments(t: Tile, run: Callable[[Value, Value, list[Value]], list[Value]], add: Callable[[Value, Value], Value]) -> None:
    """The walk over k: runs of steps; with promotion each run starts from +0 and is added to C, else one run starts from C.

    Without promotion the main sum is -0, to which adding changes nothing.
    """
    b, v = t.builder, t.v
    step, steps = t.plan(Plan.STEP), t.plan(Plan.STEPS)
    promote = b.icmp_signed("!=", t.plan(Plan.PROMOTE), t.zero)
    c = t.load_out()
    main = [b.select(promote, x, v.number(-0.0)) for x in c]
    first = [b.select(promote, v.number(0.0), x) for x in c]

    def segment(i: Value, *main: Value) -> list[Value]:
        def one(j: Value, *sums: Value) -> list[Value]:
            k = b.mul(b.add(b.mul(i, steps), j), step)
            return run(b.add(t.at_a, t.mul(k, t.rows)), b.add(t.at_b, t.mul(k, v.count)), list(sums))

        return [add(x, y) for x, y in zip(main, t.loop(steps, first, one), strict=True)]

    t.store_out(t.loop(t.plan(Plan.SEGMENTS), main, segment))


# float32 lanes -------------------------------------------------------------------------------------------------------


def _aligned32(t: Tile, half: bool) -> None:
    b, v = t.builder, t.v
    step = t.plan(Plan.STEP)
    shift = b.shl(t.plan32(Plan.FRACTION), v.word(23))
    up = b.add(shift, v.word(254 << 23))
    clamp = b.shl(b.add(t.plan32(Plan.CLAMP), v.word(127)), v.word(23))
    drop = b.sub(v.word(23), t.plan32(Plan.KEPT))
    mask = b.shl(v.word(-1), drop)

    def run(at_a: Value, at_b: Value, c: list[Value]) -> list[Value]:
        greatest = _greatest(t, at_a, at_b, step, [clamp] * t.rows)
        top = [v.call("smax", g, _exponent32(t, x, half)) for g, x in zip(greatest, c, strict=True)]
        scale = [v.as_float(b.sub(up, g)) for g in top]
        own = [_integer(t, x, s) for x, s in zip(c, scale, strict=True)]
        sums = _accumulate(t, at_a, at_b, step, scale, own, partial(_integer, t))
        out = []
        for r in range(t.rows):
            d = _converted(t, sums[r], sums[t.rows + r], b.sub(top[r], shift), half)
            d = _to_half32(t, d) if half else v.as_float(b.and_(v.as_int(d), mask))
            out.append(b.select(b.icmp_signed("==", top[r], v.word(_INFINITE)), c[r], d))
        return out

    def add(x: Value, y: Value) -> Value:
        return _finite_half32(t, b.fadd(x, y)) if half else b.fadd(x, y)

    _segments(t, run, add)


def _exponent32(t: Tile, c: Value, half: bool) -> Value:
    """C's exponent field in place (2^23 a unit); for float16 not below its least normal one, and least for zero."""
    b, v = t.builder, t.v
    field = b.and_(v.as_int(c), v.exponent_mask)
    if not half:
        return field
    lifted = v.call("smax", field, v.word((127 - 14) << 23))
    return b.select(b.fcmp_ordered("==", c, v.number(0.0)), v.word(0), lifted)


def _integer(t: Tile, x: Value, scale: Value) -> Value:
    """x scale truncated toward zero, as an integer lane."""
    return t.builder.fptosi(t.builder.fmul(x, scale), t.v.int)


def _converted(t: Tile, first: Value, second: Value, exponent: Value, half: bool) -> Value:
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


def _to_half32(t: Tile, x: Value) -> Value:
    """Finite x to float16's values, nearest even; a zero is +0. C = 1.5 2^(max(e, -14) + 13): (x + C) - C has 11 bits."""
    b, v = t.builder, t.v
    binade = v.call("smax", b.and_(v.as_int(x), v.exponent_mask), v.word((127 - 14) << 23))
    c = v.as_float(b.add(binade, v.word((13 << 23) + 0x400000)))
    d = b.fsub(b.fadd(x, c), c)
    over = b.fcmp_ordered(">", v.magnitude(d), v.number(65504.0))
    infinite = v.as_float(b.or_(b.and_(v.as_int(d), v.sign_mask), v.exponent_mask))
    return b.select(over, infinite, d)


def _finite_half32(t: Tile, x: Value) -> Value:
    """`_to_half32` for a rounded float32 sum of float16 values (exact enough: 24 >= 2 11 + 2), specials kept."""
    b, v = t.builder, t.v
    finite = b.fcmp_ordered("<", v.magnitude(x), v.number(float("inf")))
    return b.select(finite, _to_half32(t, x), x)


# float64 lanes -------------------------------------------------------------------------------------------------------


def power64(t: Tile, exponent: Value) -> Value:
    """2^exponent in float64 lanes, from int32 lanes."""
    b, v = t.builder, t.v
    return v.as_float(b.shl(b.zext(b.add(exponent, t.e.word(1023)), v.int), v.word(52)))


def exponent64(t: Tile, x: Value, emin: Value, otherwise: Value) -> Value:
    """max(floor(log2 |x|), emin) in int32 lanes; `otherwise` where x is zero, infinite or NaN."""
    b, v = t.builder, t.v
    bits = b.and_(b.lshr(v.as_int(x), v.word(52)), v.word(0x7FF))
    own = t.e.call("smax", b.sub(b.trunc(bits, t.e.int), t.e.word(1023)), emin)
    a = v.magnitude(x)
    ordinary = b.and_(b.fcmp_ordered(">", a, v.number(0.0)), b.fcmp_ordered("<", a, v.number(float("inf"))))
    return b.select(ordinary, own, otherwise)


def truncated64(t: Tile, x: Value) -> Value:
    """x toward zero to `KEPT` fraction bits in float32's range: infinite from 2^128 on, a zero is +0."""
    b, v = t.builder, t.v
    kept = t.plan(Plan.KEPT)
    low = v.splat(b.sub(b.shl(_I64(1), b.sub(_I64(52), kept)), _I64(1)))
    cut = v.as_float(b.and_(v.as_int(x), b.not_(low)))
    power = b.add(b.trunc(kept, ir.IntType(32)), ir.IntType(32)(126))
    up, down = power64(t, t.e.splat(power)), power64(t, t.e.splat(b.neg(power)))
    gradual = b.fmul(t.unary("trunc", b.fmul(x, up)), down)
    a = v.magnitude(x)
    cut = b.select(b.fcmp_ordered("<", a, v.number(2.0**-126)), gradual, cut)
    infinite = v.as_float(b.or_(b.and_(v.as_int(x), v.sign_mask), v.exponent_mask))
    return b.fadd(b.select(b.fcmp_ordered(">=", a, v.number(2.0**128)), infinite, cut), v.number(0.0))


def _to_half64(t: Tile, x: Value) -> Value:
    """x to float16's values, nearest even, infinite from 65520 on, specials kept; a zero is +0."""
    b, v = t.builder, t.v
    binade = v.call("smax", b.and_(v.as_int(x), v.exponent_mask), v.word((1023 - 14) << 52))
    c = v.as_float(b.add(binade, v.word((42 << 52) + (1 << 51))))
    d = b.fsub(b.fadd(x, c), c)
    over = b.fcmp_ordered(">", v.magnitude(d), v.number(65504.0))
    infinite = v.as_float(b.or_(b.and_(v.as_int(d), v.sign_mask), v.exponent_mask))
    d = b.select(over, infinite, d)
    return b.select(b.fcmp_ordered("<", v.magnitude(x), v.number(float("inf"))), d, x)


def _aligned64(t: Tile, half: bool, scaled: bool) -> None:
    b, v, e = t.builder, t.v, t.e
    step, clamp, fraction, emin_c = t.plan(Plan.STEP), t.plan32(Plan.CLAMP), t.plan32(Plan.FRACTION), t.plan32(Plan.EMIN_C)
    convert = _to_half64 if half else truncated64

    def run(at_a: Value, at_b: Value, c: list[Value]) -> list[Value]:
        low = e.word(-100000) if scaled else clamp
        greatest = _greatest(t, at_a, at_b, step, [low] * t.rows)
        factors, shifts = _scales(t, at_a, at_b, step) if scaled else ([], [])
        if scaled:
            greatest = [e.call("smax", b.add(g, s), clamp) for g, s in zip(greatest, shifts, strict=True)]
        top = [e.call("smax", g, exponent64(t, x, emin_c, clamp)) for g, x in zip(greatest, c, strict=True)]
        scale = [power64(t, b.sub(fraction, g)) for g in top]
        own = [t.unary("trunc", b.fmul(x, s)) for x, s in zip(c, scale, strict=True)]
        each = [b.fmul(s, f) for s, f in zip(scale, factors, strict=True)] if scaled else scale
        sums = _accumulate(t, at_a, at_b, step, each, own, lambda p, s: t.unary("trunc", b.fmul(p, s)))
        totals = [b.fadd(sums[r], sums[t.rows + r]) for r in range(t.rows)]
        return [convert(t, b.fmul(x, power64(t, b.sub(g, fraction)))) for x, g in zip(totals, top, strict=True)]

    def add(x: Value, y: Value) -> Value:
        total = b.fadd(x, y)  # of two float32 values: exact enough for the one rounding that follows
        return _to_half64(t, total) if half else b.fpext(b.fptrunc(total, e.float), v.float)

    _segments(t, run, add)


def _scales(t: Tile, at_a: Value, at_b: Value, step: Value) -> tuple[list[Value], list[Value]]:
    """Per row, the product of the block's two scales and the sum of their exponents (NaN scales: 0)."""
    b, e = t.builder, t.e
    emin, zero = t.plan32(Plan.EMIN_SCALE), e.word(0)
    block_a = b.udiv(b.sub(at_a, t.at_a), step)  # rows x the number of the step
    block_b = b.udiv(b.sub(at_b, t.at_b), step)
    sb = t.vector(t.sb, b.add(t.at_sb, block_b))
    eb = exponent64(t, sb, emin, zero)
    rows = [t.row(t.sa, b.add(t.at_sa, block_a), r) for r in range(t.rows)]
    return [b.fmul(x, sb) for x in rows], [b.add(exponent64(t, x, emin, zero), eb) for x in rows]


_tile32 = tile_intrinsic(partial(_aligned32, half=False), 32, ROWS)
_tile32_half = tile_intrinsic(partial(_aligned32, half=True), 32, ROWS)
_tile64 = tile_intrinsic(partial(_aligned64, half=False, scaled=False), 64, ROWS)
_tile64_half = tile_intrinsic(partial(_aligned64, half=True, scaled=False), 64, ROWS)
_tile64_scaled = tile_intrinsic(partial(_aligned64, half=False, scaled=True), 64, ROWS)


@kernel(unit_signature(32))
def aligned32(a, ea, b, eb, sa, sb, out, plan, item_a, item_b, first, last):  # noqa: ANN001, ANN201
    """Float32 results, moderate operands."""
    while first < last:
        end = stretch_end(first, last, plan)
        for p in range(plan[1]):
            for t in range(first, end):
                _tile32(a, ea, b, eb, sa, sb, out, plan, place(t, p, plan, item_a, item_b))
        first = end


@kernel(unit_signature(32))
def aligned32_half(a, ea, b, eb, sa, sb, out, plan, item_a, item_b, first, last):  # noqa: ANN001, ANN201
    """Float16 results, finite operands."""
    while first < last:
        end = stretch_end(first, last, plan)
        for p in range(plan[1]):
            for t in range(first, end):
                _tile32_half(a, ea, b, eb, sa, sb, out, plan, place(t, p, plan, item_a, item_b))
        first = end


@kernel(unit_signature(64))
def aligned64(a, ea, b, eb, sa, sb, out, plan, item_a, item_b, first, last):  # noqa: ANN001, ANN201
    """Float32 results, any operands."""
    while first < last:
        end = stretch_end(first, last, plan)
        for p in range(plan[1]):
            for t in range(first, end):
                _tile64(a, ea, b, eb, sa, sb, out, plan, place(t, p, plan, item_a, item_b))
        first = end


@kernel(unit_signature(64))
def aligned64_half(a, ea, b, eb, sa, sb, out, plan, item_a, item_b, first, last):  # noqa: ANN001, ANN201
    """Float16 results, any operands."""
    while first < last:
        end = stretch_end(first, last, plan)
        for p in range(plan[1]):
            for t in range(first, end):
                _tile64_half(a, ea, b, eb, sa, sb, out, plan, place(t, p, plan, item_a, item_b))
        first = end


@kernel(unit_signature(64))
def aligned64_scaled(a, ea, b, eb, sa, sb, out, plan, item_a, item_b, first, last):  # noqa: ANN001, ANN201
    """Float32 results, any operands, a power-of-two scale per block on each side."""
    while first < last:
        end = stretch_end(first, last, plan)
        for p in range(plan[1]):
            for t in range(first, end):
                _tile64_scaled(a, ea, b, eb, sa, sb, out, plan, place(t, p, plan, item_a, item_b))
        first = end
