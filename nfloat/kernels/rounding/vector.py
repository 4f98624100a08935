"""THE vector form of the rounding, as LLVM IR: what elementwise loops and GEMM micro-kernels are made of.

Two families of formats round fast in lanes (``kernels/lanes.py``), both proven equal to ``scalar.round_value`` by
exhaustive tests, for values that are finite and below `limit`:

narrow
    p <= 22 (float64 lanes: 51), the grid's unit a normal number of the lane and C below finite for all |x| < limit.
    With C = 1.5 2^(max(floor(log2 |x|), emin) + 24 - p), x + C has the grid's unit as its own last bit, so (x + C) - C
    is x rounded to nearest-even, subnormals included; d = x - that is exact (it needs no more bits than x), and every
    other mode is a correction of at most one unit by the sign or size of d.
same
    emin is the lane's own (bfloat16, tfloat32 in float32): the grid is every 2^s-th float, s = 24 - p, so adding to the
    magnitude's bits and clearing s of them rounds, across binades, subnormals and into infinity.

The caller tests `limit`, selects the results of overflow and of special values, and leaves the rest to the plain rule.

Four places round in lanes by a form of their own, each for the reason given there: `General._to_grid` (the mode is a
run-time number, so that one GEMM body serves all), `StochasticGeneral._draw` and `Stochastic._cut` (32 random bits
against a sum's exact error, which these forms do not see), ``gemm/cut.py`` (sums that were rounded toward zero), all in
``kernels/gemm``; and ``codes_vector._code``, which needs the units of a value as an integer, not the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from llvmlite import ir

from ...formats.rounding import Draws, Family, Rounding, Tie, unknown_mode
from ..lanes import Lanes, Value

#: the modes without random bits that have the forms below: whose facts say all of them
DETERMINISTIC = tuple(mode for mode in Rounding if mode.facts.family in (Family.NEAREST, Family.DIRECTED, Family.ODD))


@dataclass(frozen=True)
class Grid:
    """A format's run-time constants in lanes (integers, except `negative_zero`), splatted once before a loop.

    narrow: `lowest` = bits of 2^emin, `offset` added to a power of two's bits gives C, `unit_offset` gives the unit.
    same: `drop` = s. Both: `sign` = the sign bit if the format has -0, else 0.
    """

    lowest: Value
    offset: Value
    unit_offset: Value
    drop: Value
    sign: Value


def nearest_even_narrow(v: Lanes, x: Value, g: Grid) -> Value:
    """x rounded to nearest-even, before overflow."""
    return v.with_sign_of(nearest_even_scaled(v, x, scale_of(v, g), g.lowest), x, g.sign)


def nearest_even_normal(v: Lanes, x: Value, g: Grid) -> Value:
    """`nearest_even_narrow` of normal numbers of the format."""
    return nearest_even_scaled(v, x, scale_of(v, g), None)


def scale_of(v: Lanes, g: Grid) -> Value:
    """1.5 2^(digits - p): `Grid.offset` is what that has in the exponent's bits and below, more than 1 has."""
    return v.as_float(v.builder.add(v.as_int(v.number(1.0)), g.offset))


def nearest_even_scaled(v: Lanes, x: Value, scale: Value, lowest: Value | None) -> Value:
    """`nearest_even_narrow` by two multiply-adds, without the sign of a zero: (x + C) - C with C = scale 2^e.

    `scale` is 1.5 2^(digits - p), C a product that no lane rounds, so each is one rounding, as its addition was.
    `lowest`: the bits of 2^emin, or None where x is a multiple of the least number of the format: below 2^emin the unit
    of C is then finer than that, and x (0 and subnormal numbers of the lane, whose C is 0, among them) stays as it is.
    """
    b = v.builder
    power = b.and_(v.as_int(x), v.exponent_mask)
    power = v.as_float(power if lowest is None else v.greater_code("smax", power, lowest))
    return v.exact_fma(b.fneg(power), scale, v.exact_fma(power, scale, x))


def binade(v: Lanes, x: Value, g: Grid) -> Value:
    """Bits of 2^max(floor(log2 |x|), emin)."""
    return v.greater_code("smax", v.builder.and_(v.as_int(x), v.exponent_mask), g.lowest)


def nearest_and_rest(v: Lanes, x: Value, g: Grid) -> tuple[Value, Value, Value, Value]:
    """(C, unit, n = x to nearest-even, exact d = x - n); the sign of a zero n is lost."""
    b = v.builder
    power = binade(v, x, g)
    c, unit = v.as_float(b.add(power, g.offset)), v.as_float(b.add(power, g.unit_offset))
    n = b.fsub(b.fadd(x, c), c)
    return c, unit, n, b.fsub(x, n)


def round_narrow(v: Lanes, x: Value, g: Grid, mode: Rounding) -> Value:
    """x rounded by a deterministic mode, before overflow. `mode` is a compile-time choice."""
    if mode is Rounding.NEAREST_EVEN:
        return nearest_even_narrow(v, x, g)
    b, zero = v.builder, v.number(0.0)
    facts = mode.facts
    c, unit, n, d = nearest_and_rest(v, v.magnitude(x) if facts.symmetric else x, g)
    if facts.tie is Tie.AWAY:
        r = b.fadd(n, v.where(b.fcmp_ordered("==", b.fadd(d, d), unit), unit, zero))
    elif facts.tie is Tie.ZERO:
        r = b.fsub(n, v.where(b.fcmp_ordered("==", b.fsub(zero, b.fadd(d, d)), unit), unit, zero))
    elif (
        facts.family is Family.DIRECTED and facts.away[0]
    ):  # up: of |x|, or of x where only positive numbers go away from zero
        r = b.fadd(n, v.where(b.fcmp_ordered(">", d, zero), unit, zero))
    elif facts.family in (Family.DIRECTED, Family.ODD):  # down
        r = b.fsub(n, v.where(b.fcmp_ordered("<", d, zero), unit, zero))
        if facts.family is Family.ODD:
            last = b.and_(v.as_int(b.fadd(r, c)), v.word(1))  # r + C is exact; its last bit is r's parity in units
            even = b.icmp_unsigned("==", last, v.word(0))
            r = b.fadd(r, v.where(b.and_(even, b.fcmp_ordered("!=", d, zero)), unit, zero))
    else:
        raise unknown_mode(mode, "vector.round_narrow")
    return _restore_sign(v, r, x, g)


def _restore_sign(v: Lanes, r: Value, x: Value, g: Grid) -> Value:
    """x's sign on r; a zero keeps it only where the format has -0.

    Adding +0.0 turns -0 into +0, adding -0.0 nothing.
    """
    return v.builder.fadd(v.with_sign_of(r, x, v.sign_mask), v.as_float(g.sign))


def shortened(v: Lanes, code: Value, tail: Value) -> Value:
    """A code rounded to nearest-even without its last `tail` >= 0 bits, which become zero."""
    b, one = v.builder, v.word(1)
    unit = b.shl(one, tail)
    odd = b.and_(b.lshr(code, tail), one)
    carry = b.sub(b.add(b.lshr(unit, one), odd), one)  # half a unit, less 1 where the code is even
    nothing = b.icmp_unsigned("==", tail, v.word(0))
    return v.where(nothing, code, b.and_(b.add(code, carry), b.sub(v.word(0), unit)))


class Doubt(NamedTuple):
    """Which lanes a stochastic form leaves to the plain rule: those that are `tiny` and whose `clear` is 0."""

    tiny: Value
    clear: Value

    def lanes(self, v: Lanes) -> Value:
        """Those lanes."""
        return v.builder.and_(self.tiny, v.builder.icmp_unsigned("==", self.clear, v.word(0)))

    def possible(self, v: Lanes) -> Value:
        """Whether there may be some, folded, in the sign bit: lanes that are not tiny are seldom clear."""
        least = v.fold(self.clear, lambda low, high: v.greater_code("umin", low, high))
        return v.builder.sub(least, ir.Constant(least.type, [1] * least.type.count))


def stochastic_narrow(
    v: Lanes, x: Value, g: Grid, random: Value, *, negative_zero: bool, tail: Value | None = None
) -> tuple[Value, Doubt]:
    """(x rounded by stochastic, lanes that must be done by the plain rule instead). `negative_zero`: the format has -0.

    A lane below the smallest normal number 2^emin first gets 2^emin added to its magnitude, so that the grid's unit has
    a fixed place in its code; then random bits are added below the unit and the code is cut. The addition may round
    away bits of x further below: that moves the s bits under the unit by less than one, which matters only where they
    and the random word's first s bits add up to 2^s - 1 or 2^s. Those lanes (two in 2^s) are handed back. So that they
    are found by one operation, what is added to tiny lanes is the number after 2^emin, one more in the code: the last s
    bits of the sum are 0 or 1 there, and in others that one more changes nothing above the s bits. Lanes that are not
    tiny have +0 added and taken away. `tail`: how many of the s bits stochastic_c rounds away beforehand: if any, those
    lanes are handed back that then seem to be halfway, and no others.
    """
    b = v.builder
    bits, tiny, lift = _lifted(v, x, g)
    mask = b.sub(b.shl(v.word(1), g.drop), v.word(1))
    drawn = b.lshr(random, b.sub(v.word(v.bits), g.drop))
    if tail is None:
        following = v.number(1.0 + 2.0 ** (1 - v.digits))
        total = after = b.add(v.as_int(v.exact_fma(lift, following, v.as_float(bits))), drawn)
    else:
        code = v.as_int(b.fadd(v.as_float(bits), lift))
        total = b.add(shortened(v, code, tail), drawn)
        after = b.add(total, v.word(1))
    clear = b.and_(after, b.xor(mask, v.word(1)))
    if tail is not None:  # what is not halfway is rounded as the exact value would be, and then added exactly
        unit = b.shl(v.word(1), tail)
        from_halfway = b.xor(b.and_(code, b.sub(unit, v.word(1))), b.lshr(unit, v.word(1)))
        clear = v.where(b.icmp_unsigned("==", tail, v.word(0)), clear, from_halfway)
    return _lowered(v, x, g, total, lift, negative_zero=negative_zero), Doubt(tiny, clear)


def stochastic_short(v: Lanes, x: Value, g: Grid, random: Value, *, negative_zero: bool) -> tuple[Value, Value]:
    """(x rounded by stochastic, the code before it was cut), for float32 lanes and p <= 8: s >= 16.

    As `stochastic_narrow`, but what is added to tiny lanes is the number one less in the code: in those that the plain
    rule must do, the last s bits of the sum are 2^s - 2 or 2^s - 1 (or 2^s - 3, where x is less than 2^emin's last
    place and the sum in the binade before), so that the 16 lower bits are 0xFFFD or more. Both tests of a lane, this
    and whether it is beyond the largest number, are then upper bounds of its code's halves (`short_bound`), and one
    operation finds the greatest of both. Three lanes in 2^16 are handed back without need.
    """
    b = v.builder
    bits, _, lift = _lifted(v, x, g)
    preceding = v.number(1.0 - 2.0 ** (1 - v.digits))
    drawn = b.lshr(random, b.sub(v.word(v.bits), g.drop))
    code = b.add(v.as_int(v.exact_fma(lift, preceding, v.as_float(bits))), drawn)
    return _lowered(v, x, g, code, lift, negative_zero=negative_zero), code


def short_bound(v: Lanes, g: Grid, largest: Value) -> Value:
    """The greatest halves of 16 bits of `stochastic_short`'s codes in lanes that are done; `largest` >= 2^emin."""
    b = v.builder
    top = b.sub(b.add(largest, b.shl(v.word(1), g.drop)), v.word(1))
    return b.or_(b.and_(top, v.word(0xFFFF0000)), v.word(0xFFFC))


def _lifted(v: Lanes, x: Value, g: Grid) -> tuple[Value, Value, Value]:
    """(|x| as bits, whether it is below 2^emin, 2^emin there and +0 elsewhere)."""
    b = v.builder
    bits = b.and_(v.as_int(x), v.magnitude_mask)
    tiny = b.icmp_signed("<", bits, g.lowest)
    return bits, tiny, v.as_float(v.where(tiny, g.lowest, v.word(0)))


def _lowered(v: Lanes, x: Value, g: Grid, code: Value, lift: Value, *, negative_zero: bool) -> Value:
    """The number of a code, cut, without what was added to it, with x's sign."""
    b = v.builder
    r = b.fsub(v.as_float(b.and_(code, b.sub(v.word(0), b.shl(v.word(1), g.drop)))), lift)
    return v.with_sign_of(r, x, v.sign_mask) if negative_zero else _restore_sign(v, r, x, g)


def round_same(
    v: Lanes, x: Value, g: Grid, mode: Rounding, random: Value | None = None, tail: Value | None = None
) -> Value:
    """x rounded by cutting s = `g.drop` >= 1 bits off its code, before overflow; -0 and the sign of x stay.

    Right for finite x on the lane's own exponent range, and in any format for lanes that are normal numbers there. The
    sign bit above takes no part: a carry out of the largest magnitude ends in infinity's code. `tail`: see
    `stochastic_narrow`.
    """
    b, one = v.builder, v.word(1)
    bits = v.as_int(x) if tail is None else shortened(v, v.as_int(x), tail)
    unit = b.shl(one, g.drop)
    mask = b.sub(unit, one)
    keep = b.xor(mask, v.word(-1))
    if mode.facts.family is Family.ODD:  # (rest + mask) has bit s set exactly where rest > 0
        return v.as_float(b.and_(b.or_(bits, b.add(b.and_(bits, mask), mask)), keep))
    bias = _bias(v, mode, bits, unit, mask, g, random)
    return v.as_float(b.and_(bits if bias is None else b.add(bits, bias), keep))


def _bias(
    v: Lanes, mode: Rounding, bits: Value, unit: Value, mask: Value, g: Grid, random: Value | None
) -> Value | None:
    """What to add to the bits before they are cut: it carries exactly where the mode rounds away from zero."""
    b, one = v.builder, v.word(1)
    half, facts = b.lshr(unit, one), mode.facts
    if facts.tie is Tie.EVEN:
        odd = b.icmp_unsigned("!=", b.and_(bits, unit), v.word(0))
        return v.where(odd, half, b.sub(half, one))
    if facts.tie is not None:
        return half if facts.tie is Tie.AWAY else b.sub(half, one)
    if facts.draws in (Draws.WORD, Draws.STATED):
        return b.lshr(random, b.sub(v.word(v.bits), g.drop))
    if facts.family is not Family.DIRECTED:
        raise unknown_mode(mode, "vector.round_same")
    if facts.symmetric:
        return mask if facts.away[0] else None
    negative = b.ashr(bits, v.word(v.bits - 1))
    return b.and_(mask, negative if facts.away[1] else b.xor(negative, v.word(-1)))


def select_overflow(v: Lanes, r: Value, top: Value, over: Value, bottom: Value, under: Value) -> Value:
    """r, or `over` where r > top, or `under` where r < bottom."""
    b = v.builder
    r = v.where(b.fcmp_ordered(">", r, top), over, r)
    return v.where(b.fcmp_ordered("<", r, bottom), under, r)


def select_special(v: Lanes, x: Value, r: Value, positive: Value, negative: Value) -> tuple[Value, Value]:
    """(lanes where x is infinite or NaN, r there replaced): by `positive` or `negative`, or by x as a quiet NaN."""
    b, bits = v.builder, v.as_int(x)
    magnitude = b.and_(bits, v.magnitude_mask)
    special = b.icmp_signed(">=", magnitude, v.exponent_mask)
    infinite = v.where(b.icmp_signed("<", bits, v.word(0)), negative, positive)
    quiet = v.as_float(b.or_(bits, v.word(1 << (v.digits - 2))))
    chosen = v.where(b.icmp_signed(">", magnitude, v.exponent_mask), quiet, infinite)
    return special, v.where(special, chosen, r)
