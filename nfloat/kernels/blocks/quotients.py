"""Quotients rounded once, in lanes, for any numbers: a product with 1 / d, and an exact comparison where needed.

d = head + rest, and low < 1 / d < high a few ulps apart. Two ways:

to nearest-even
    x low and x high enclose the quotient, and rounding is monotonic: where both are rounded to one number (each by a
    fused multiply-add with ``rounding/vector.py``'s C, so once), that is the quotient rounded. Elsewhere, in one
    vector of thousands, `stand_in` decides.
every mode
    `stand_in` gives a number that is rounded as the quotient is. Rounding decides at numbers g of p + 1 bits: elements
    and the middles of two. q = x high is within 2^(4 - digits) of the quotient, relatively, so where q is twice as far
    from the next g it is on the right side. Elsewhere x - g head says on which side the quotient is, compared with
    g rest. Both are exact, a multiple of 2^-(digits + p + 1) of x below 2^(6 - digits) of it and a product of few bits,
    and a number on that side, a part of a unit away, stands in.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...formats.rounding import Rounding
from ..lanes import Lanes, Value
from ..rounding.vector import DETERMINISTIC, Grid, binade, round_narrow

#: ulps from 1 / d, rounded from d rounded, to `low` and to `high`
AROUND = 4
#: log2 of what is close, in ulps; and of the parts of a unit that a number beside g is away from it
_CLOSE, _PARTS = 5, 8


@dataclass(frozen=True)
class Divisor:
    """d = head + rest (None: 0), and numbers of the lane on either side of 1 / d; all 0: quotients are zeros."""

    low: Value
    high: Value
    head: Value
    rest: Value | None = None


@dataclass(frozen=True)
class Sum:
    """n + C, for a number n of the grid: the bits less those of C are n in units. The sign of a zero n is lost."""

    total: Value
    c: Value
    binade: Value

    def number(self, v: Lanes) -> Value:
        """n."""
        return v.builder.fsub(self.total, self.c)

    def units(self, v: Lanes) -> Value:
        """n in units, an integer."""
        return v.builder.sub(v.as_int(self.total), v.as_int(self.c))


def nearest_sum(v: Lanes, x: Value, g: Grid) -> Sum:
    """x rounded to nearest-even."""
    power = binade(v, x, g)
    c = v.as_float(v.builder.add(power, g.offset))
    return Sum(v.builder.fadd(x, c), c, power)


def nearest_quotient(v: Lanes, x: Value, d: Divisor, g: Grid) -> Sum:
    """x / d rounded to nearest-even, before overflow."""
    b = v.builder
    q = b.fmul(x, d.high)
    power = binade(v, q, g)
    c = v.as_float(b.add(power, g.offset))
    total = v.call("fma", x, d.low, c)
    doubt = b.fcmp_unordered("!=", total, v.call("fma", x, d.high, c))
    some, before = v.any(doubt), b.block
    with b.if_then(some, likely=False):
        decided = v.where(doubt, b.fadd(_near(v, x, d, q, g)[1], c), total)
        inside = b.block
    settled = b.phi(total.type)
    settled.add_incoming(total, before)
    settled.add_incoming(decided, inside)
    return Sum(settled, c, power)


def rounded_quotient(v: Lanes, x: Value, d: Divisor, g: Grid, mode: Value | None) -> Value:
    """x / d rounded, before overflow: to nearest-even, or by the deterministic mode that a tag says.

    A zero has x's sign where the format has -0.
    """
    r = nearest_quotient(v, x, d, g).number(v) if mode is None else _by_tag(v, stand_in(v, x, d, g), g, mode)
    return v.with_sign_of(r, x, g.sign)


def _by_tag(v: Lanes, x: Value, g: Grid, tag: Value) -> Value:
    """x rounded by the mode of a tag: inside the loop, so that one loop does for seven modes."""
    b = v.builder
    end = b.append_basic_block("rounded")
    switch, found = b.switch(tag, end), [(x, b.block)]
    for mode in DETERMINISTIC:
        if mode is not Rounding.NEAREST_EVEN:
            block = b.append_basic_block(f"by{mode.tag}")
            switch.add_case(mode.tag, block)
            b.position_at_end(block)
            found.append((round_narrow(v, x, g, mode), b.block))
            b.branch(end)
    b.position_at_end(end)
    result = b.phi(x.type)
    for value, block in found:
        result.add_incoming(value, block)
    return result


def stand_in(v: Lanes, x: Value, d: Divisor, g: Grid) -> Value:
    """A number that every deterministic mode rounds as it rounds x / d; of a zero the sign may be lost."""
    b, q = v.builder, v.builder.fmul(x, d.high)
    here, beside = _near(v, x, d, q, g)
    far = b.fmul(v.magnitude(q), v.number(2.0 ** (_CLOSE - v.digits)))
    close = b.fcmp_ordered("<=", v.magnitude(b.fsub(q, here)), far)
    return v.where(close, beside, q)


def _near(v: Lanes, x: Value, d: Divisor, q: Value, g: Grid) -> tuple[Value, Value]:
    """(The g nearest to q, that or a number beside it on x / d's side)."""
    b, power, zero, one = v.builder, binade(v, q, g), v.number(0.0), 1 << (v.digits - 1)
    halves = v.as_float(b.sub(b.add(power, g.offset), v.word(one)))
    here = b.fsub(b.fadd(q, halves), halves)
    left = v.call("fma", b.fneg(here), d.head, x)
    right = zero if d.rest is None else b.fmul(here, d.rest)
    step = v.as_float(b.sub(b.add(power, g.unit_offset), v.word(_PARTS * one)))
    down = v.where(b.fcmp_ordered("<", left, right), b.fneg(step), zero)
    beside = b.fadd(here, v.where(b.fcmp_ordered(">", left, right), step, down))
    return here, v.where(b.fcmp_ordered("!=", d.high, zero), beside, zero)
