"""The walk over k that the aligning units share, and what they do in float64 lanes.

A step of such a unit makes two passes over its products: `greatest` (of exp(a) + exp(b), which the packing put beside
the operands) and `accumulate` (scale, make an integer, add). Both take the step's first and second half side by side,
and keep their results apart. `segments` is the loop over steps, and over runs of steps where a unit adds C separately.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from ..lanes import Value
from .tile import UnitCall, UnitTile

_I32, _I64 = ir.IntType(32), ir.IntType(64)
Term = Callable[[Value, Value], Value]


def _halves(t: UnitTile, step: Value, index: Value, width: int) -> tuple[Value, Value]:
    """Offsets of k and of k + step / 2 in a packed operand with `width` elements a k, for k = index."""
    b = t.builder
    first = t.mul(index, width)
    return first, b.add(first, t.mul(b.lshr(step, t.one), width))


def greatest(t: UnitTile, at_a: Value, at_b: Value, step: Value, start: Value) -> tuple[list[Value], list[Value]]:
    """Per pair of rows, the greatest exponents of the first and of the second half's products, not below `start`.

    Exponents are int16, two rows in each 32-bit lane, so that one addition and one maximum serve both.
    """
    b, pairs = t.builder, t.rows // 2

    def body(i: Value, *least: Value) -> list[Value]:
        out = list(least)
        for h, (oa, ob) in enumerate(zip(_halves(t, step, i, t.rows), _halves(t, step, i, t.v.count), strict=True)):
            eb = t.exponents_b(b.add(at_b, ob))
            for q in range(pairs):
                at = h * pairs + q
                out[at] = t.greater16(out[at], b.add(t.exponents_a(b.add(at_a, oa), q), eb))
        return out

    both = t.loop(b.lshr(step, t.one), [start] * (2 * pairs), body)
    return both[:pairs], both[pairs:]


def greater_pairs(t: UnitTile, x: list[Value], y: list[Value]) -> list[Value]:
    """Pair by pair of rows the greater exponents."""
    return [t.greater16(p, q) for p, q in zip(x, y, strict=True)]


def apart(t: UnitTile, pairs: list[Value]) -> list[Value]:
    """Pairs of rows as one int32 vector a row."""
    b, half = t.builder, t.e.word(16)
    words = [b.bitcast(x, t.e.int) for x in pairs]
    return [y for x in words for y in (b.ashr(b.shl(x, half), half), b.ashr(x, half))]


def apart_in_place(t: UnitTile, pairs: list[Value]) -> list[Value]:
    """Pairs of biased exponents in 0..255 as float32 exponent fields in their place, one vector a row."""
    b = t.builder
    words = [b.bitcast(x, t.e.int) for x in pairs]
    return [y for x in words for y in (b.shl(x, t.e.word(23)), b.and_(b.shl(x, t.e.word(7)), t.e.exponent_mask))]


def larger(t: UnitTile, x: list[Value], y: list[Value]) -> list[Value]:
    """Row by row the greater exponents."""
    return [t.e.call("smax", p, q) for p, q in zip(x, y, strict=True)]


def accumulate(
    t: UnitTile,
    at_a: Value,
    at_b: Value,
    step: Value,
    scale: tuple[list[Value], list[Value]],
    start: list[Value],
    term: Term,
) -> tuple[list[Value], list[Value]]:
    """Per row, `start` plus term(product, scale) over the first half of the step, and zero plus those of the second."""
    b = t.builder
    plus = b.add if isinstance(start[0].type.element, ir.IntType) else b.fadd

    def body(i: Value, *sums: Value) -> list[Value]:
        out = list(sums)
        for h, (oa, ob) in enumerate(zip(_halves(t, step, i, t.rows), _halves(t, step, i, t.v.count), strict=True)):
            vb = t.vector(t.b, b.add(at_b, ob))
            for r in range(t.rows):
                product = b.fmul(t.row(t.a, b.add(at_a, oa), r), vb)
                out[h * t.rows + r] = plus(out[h * t.rows + r], term(product, scale[h][r]))
        return out

    zero = ir.Constant(start[0].type, None)
    both = t.loop(b.lshr(step, t.one), [*start, *[zero] * t.rows], body)
    return both[: t.rows], both[t.rows :]


def segments(
    t: UnitTile, run: Callable[[Value, Value, list[Value]], list[Value]], add: Callable[[Value, Value], Value]
) -> None:
    """The walk over k: runs of steps.

    With promotion each run starts from +0 and is added to C; else there is one run, from C, and the main sum is -0, to
    which adding changes nothing.
    """
    b, v = t.builder, t.v
    step, steps = t.call(UnitCall.STEP), t.call(UnitCall.STEPS)
    promote = b.icmp_signed("!=", t.call(UnitCall.PROMOTE), t.zero)
    c = t.load_out()
    main = [b.select(promote, x, v.number(-0.0)) for x in c]
    first = [b.select(promote, v.number(0.0), x) for x in c]

    def segment(i: Value, *main: Value) -> list[Value]:
        def one(j: Value, *sums: Value) -> list[Value]:
            k = b.mul(b.add(b.mul(i, steps), j), step)
            return run(b.add(t.at_a, t.mul(k, t.rows)), b.add(t.at_b, t.mul(k, v.count)), list(sums))

        return [add(x, y) for x, y in zip(main, t.loop(steps, first, one), strict=True)]

    t.store_out(t.loop(t.call(UnitCall.SEGMENTS), main, segment))


def steps(t: UnitTile, run: Callable[[Value, Value, list[Value]], list[Value]]) -> None:
    """The walk over k of a unit that never adds C apart: one run of steps from C."""
    b = t.builder
    step = t.call(UnitCall.STEP)

    def one(i: Value, *sums: Value) -> list[Value]:
        k = b.mul(i, step)
        return run(b.add(t.at_a, t.mul(k, t.rows)), b.add(t.at_b, t.mul(k, t.v.count)), list(sums))

    t.store_out(t.loop(t.call(UnitCall.STEPS), t.load_out(), one))


def block_scales(t: UnitTile, at_a: Value, at_b: Value, block: Value) -> tuple[list[Value], list[Value]]:
    """Per row, the product of the two scales of the block of k that begins here, and the sum of their exponents.

    Scales that are zero or NaN have exponent 0; the product tells them.
    """
    b, e = t.builder, t.e
    emin, zero = t.call32(UnitCall.EMIN_SCALE), e.word(0)
    number_a = b.udiv(b.sub(at_a, t.at_a), block)  # rows x the number of the block
    number_b = b.udiv(b.sub(at_b, t.at_b), block)
    sb = t.vector(t.sb, b.add(t.at_sb, number_b))
    eb = exponent64(t, sb, emin, zero)
    rows = [t.row(t.sa, b.add(t.at_sa, number_a), r) for r in range(t.rows)]
    return [b.fmul(x, sb) for x in rows], [b.add(exponent64(t, x, emin, zero), eb) for x in rows]


def scale_exponents(t: UnitTile, at_a: Value, at_b: Value, block: Value) -> list[Value]:
    """Per row, the sum of the exponents of the two scales, powers of two, of the block of k that begins here."""
    b, e = t.builder, t.e
    wide = ir.VectorType(_I64, e.count)
    bits = ir.Constant(wide, [52] * e.count)
    place = b.gep(t.sb, [b.add(t.at_sb, b.udiv(b.sub(at_b, t.at_b), block))])
    columns = b.trunc(b.lshr(b.load(b.bitcast(place, wide.as_pointer()), align=8), bits), e.int)
    columns = b.sub(columns, e.word(2 * 1023))
    place = b.add(t.at_sa, b.udiv(b.sub(at_a, t.at_a), block))
    rows = [b.bitcast(b.load(b.gep(t.sa, [b.add(place, _I64(r))])), _I64) for r in range(t.rows)]
    return [b.add(columns, e.splat(b.trunc(b.lshr(x, _I64(52)), _I32))) for x in rows]


def power64(t: UnitTile, exponent: Value) -> Value:
    """2^exponent in float64 lanes, from int32 lanes."""
    b, v = t.builder, t.v
    return v.as_float(b.shl(b.zext(b.add(exponent, t.e.word(1023)), v.int), v.word(52)))


def exponent64(t: UnitTile, x: Value, emin: Value, otherwise: Value) -> Value:
    """max(floor(log2 |x|), emin) in int32 lanes; `otherwise` where x is zero, infinite or NaN."""
    b, v = t.builder, t.v
    bits = b.and_(b.lshr(v.as_int(x), v.word(52)), v.word(0x7FF))
    own = t.e.call("smax", b.sub(b.trunc(bits, t.e.int), t.e.word(1023)), emin)
    a = v.magnitude(x)
    ordinary = b.and_(b.fcmp_ordered(">", a, v.number(0.0)), b.fcmp_ordered("<", a, v.number(float("inf"))))
    return b.select(ordinary, own, otherwise)


def truncated64(t: UnitTile, x: Value) -> Value:
    """x toward zero to `KEPT` fraction bits in float32's range: infinite from 2^128 on, a zero is +0."""
    b, v = t.builder, t.v
    kept = t.call(UnitCall.KEPT)
    low = v.splat(b.sub(b.shl(_I64(1), b.sub(_I64(52), kept)), _I64(1)))
    cut = v.as_float(b.and_(v.as_int(x), b.not_(low)))
    power = b.add(b.trunc(kept, ir.IntType(32)), ir.IntType(32)(126))
    up, down = power64(t, t.e.splat(power)), power64(t, t.e.splat(b.neg(power)))
    gradual = b.fmul(t.unary("trunc", b.fmul(x, up)), down)
    a = v.magnitude(x)
    cut = b.select(b.fcmp_ordered("<", a, v.number(2.0**-126)), gradual, cut)
    infinite = v.as_float(b.or_(b.and_(v.as_int(x), v.sign_mask), v.exponent_mask))
    return b.fadd(b.select(b.fcmp_ordered(">=", a, v.number(2.0**128)), infinite, cut), v.number(0.0))
