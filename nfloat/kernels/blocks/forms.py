"""What becomes of a vector of a block's elements: the forms, their constants, values and codes, as IR.

Three forms, for the formats of ``rounding/vector.py``'s narrow family (p >= 2, subnormal numbers, a zero, negative
numbers):

power
    A scale 2^k moves the grid, not the number: x is rounded to the element's grid times 2^k, in x's own lanes, by
    adding k to the exponents of the grid's constants. No quotient is formed, and the result is the dequantised value.
quotient
    Any other scale, in float64 lanes, which hold d = s t: see ``quotients.py``. `stochastic` compares the fraction of
    x r with random bits, r being within 2^-49 of 1 / d. x r rounded to 43 bits is the quotient where that is a number g
    at which rounding decides, and on its side of g elsewhere: x and g d are multiples of the smaller one's last place,
    so they differ by 2^-(b + p + 1) of themselves at least, b being the bits of d (float32 x: 24 bits; b + p + 1 <= 40
    is asked for). A float64 x may lie nearer: a lane whose x r, so rounded, is such a g is handed back.
short
    The quotient form in float32 lanes, for float32 x and nearest-even. With d = head + rest, both float32
    numbers, the value e d is one fused multiply-add, e head + (e rest), of which the product e rest is exact: it has
    few bits.

A lane that is handed back has its block marked in `todo`: the rule does that block again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from llvmlite import ir

from ...formats.rounding import Rounding
from ..lanes import Lanes, Value
from ..rounding.vector import Grid, binade, round_narrow, select_overflow, stochastic_narrow
from .quotients import Divisor, Sum, nearest_quotient, nearest_sum, rounded_quotient
from .walks import BY_ZERO, MODES

#: fraction bits of x r that `stochastic` rounds away
_SNAP = 10


class LaneField(IntEnum):
    """Places in the integer constants."""

    LOWEST, OFFSET, UNIT_OFFSET, DROP, SIGN, TOP, BOTTOM, TWOS, SIGN_DOWN, SIGN_CODE, CODE_MASK = range(11)
    #: magnitude codes of the largest and of the least element
    TOP_CODE, BOTTOM_CODE = range(11, 13)
    #: the subkeys of random words, and of their second halves
    KEY, KEY2, TWIN, TWIN2 = range(13, 17)


@dataclass(frozen=True)
class Scale:
    """What the lanes of a vector know of their scales: the grid and its ends; s t in the quotient forms."""

    grid: Grid
    top: Value
    bottom: Value
    divisor: Divisor | None = None


class Shared:
    """The constants in lanes that all blocks share."""

    def __init__(self, v: Lanes, integers: list[Value]) -> None:
        b = v.builder
        self.words = [v.splat(b.trunc(i, v.scalar_int) if v.bits < 64 else i) for i in integers]
        self._integers = integers
        self.keys = [v.builder.trunc(k, ir.IntType(32)) for k in integers[LaneField.KEY :]]

    def grid(self, v: Lanes, shift: Value | None = None) -> Grid:
        """The element's grid, `shift` added to its exponents."""
        w = self.words
        lowest = w[LaneField.LOWEST] if shift is None else v.builder.add(w[LaneField.LOWEST], shift)
        return Grid(lowest, w[LaneField.OFFSET], w[LaneField.UNIT_OFFSET], w[LaneField.DROP], w[LaneField.SIGN])

    def is_fixed(self, v: Lanes) -> Value:
        """Whether elements are fixed point, in two's complement."""
        return v.builder.icmp_signed("!=", self._integers[LaneField.TWOS], ir.IntType(64)(0))

    def limit(self, v: Lanes, which: LaneField, shift: Value | None = None) -> Value:
        """The largest or the least element, `shift` added to its exponent."""
        if shift is not None:
            return v.as_float(v.builder.add(self.words[which], shift))
        bits = self._integers[which]  # a float from the start: LLVM then finds that a selection is the lesser of two
        return v.splat(v.builder.bitcast(v.builder.trunc(bits, v.scalar_int) if v.bits < 64 else bits, v.scalar_float))


class Form(NamedTuple):
    """A form: how many numbers a scale is, what they are in lanes, and the modes that have loops of their own."""

    parts: int
    scale: Callable[[Lanes, Shared, list[Value]], Scale]
    modes: tuple[Rounding, ...]


def power_scale(v: Lanes, shared: Shared, loaded: list[Value]) -> Scale:
    """The power form's: one word, the exponent where a number of the lane has it."""
    shift = loaded[0]
    return Scale(shared.grid(v, shift), shared.limit(v, LaneField.TOP, shift), shared.limit(v, LaneField.BOTTOM, shift))


def quotient_scale(v: Lanes, shared: Shared, loaded: list[Value]) -> Scale:
    """The quotient forms'."""
    top, bottom = shared.limit(v, LaneField.TOP), shared.limit(v, LaneField.BOTTOM)
    return Scale(shared.grid(v), top, bottom, Divisor(*loaded))


POWER = Form(1, power_scale, MODES)
QUOTIENT = Form(3, quotient_scale, (Rounding.NEAREST_EVEN, Rounding.STOCHASTIC))
SHORT = Form(4, quotient_scale, (Rounding.NEAREST_EVEN,))


class Elements:
    """Elements, values and codes of vectors in a mode, or in the one of a run-time `tag`.

    `one_zero`: the format may lack -0.
    """

    def __init__(
        self, v: Lanes, shared: Shared, mode: Rounding | None, tag: Value, one_zero: bool, single: bool
    ) -> None:
        self.v, self.shared, self.mode, self.tag, self.one_zero, self.single = v, shared, mode, tag, one_zero, single

    def element(self, x: Value, s: Scale, random: Value | None) -> tuple[Value, Value | None]:
        """(x's element, or in the power form its value; lanes that are handed back)."""
        v, unsure = self.v, None
        if self.mode is Rounding.STOCHASTIC and s.divisor is not None:
            r, unsure = _stochastic_quotient(v, x, s.divisor, s.grid, random, self.single)
        elif self.mode is Rounding.STOCHASTIC:
            r, doubt = stochastic_narrow(v, x, s.grid, random, negative_zero=not self.one_zero)
            unsure = doubt.lanes(v)
        elif s.divisor is not None:
            r = rounded_quotient(v, x, s.divisor, s.grid, self.tag if self.mode is None else None)
        else:
            r = round_narrow(v, x, s.grid, self.mode)  # type: ignore[arg-type]
        return select_overflow(v, r, s.top, s.top, s.bottom, s.bottom), unsure

    def value(self, x: Value, s: Scale, random: Value | None) -> tuple[Value, Value | None]:
        """(The dequantised value, in lanes exact or, in the short form, rounded once; lanes that are handed back)."""
        e, unsure = self.element(x, s, random)
        return _product(self.v, e, s), unsure

    def code(self, x: Value, s: Scale, random: Value | None) -> tuple[Value, Value | None]:
        """(The code of x's element; lanes that are handed back)."""
        v = self.v
        if self.mode is not Rounding.NEAREST_EVEN:
            e, unsure = self.element(x, s, random)
            return self._code(nearest_sum(v, e, s.grid), e, s), unsure
        if s.divisor is not None:
            return self._code(nearest_quotient(v, x, s.divisor, s.grid), x, s), None
        if not self.one_zero:
            return self._code(nearest_sum(v, x, s.grid), x, s), None
        with v.builder.if_else(self.shared.is_fixed(v)) as (fixed, floating):
            with fixed:
                counted, after = self._fixed_code(x, s), v.builder.block
            with floating:
                other, last = self._code(nearest_sum(v, x, s.grid), x, s), v.builder.block
        code = v.builder.phi(v.int)
        code.add_incoming(counted, after)
        code.add_incoming(other, last)
        return code, None

    def _fixed_code(self, x: Value, s: Scale) -> Value:
        """The code of x to nearest-even in two's complement: how many units, of which there is one, x saturated has."""
        v, b = self.v, self.v.builder
        inside = v.where(b.fcmp_ordered("<", s.top, x), s.top, x)
        inside = v.where(b.fcmp_ordered(">", s.bottom, inside), s.bottom, inside)
        c = b.add(s.grid.lowest, s.grid.offset)
        units = b.sub(v.as_int(b.fadd(inside, v.as_float(c))), c)
        return b.and_(units, self.shared.words[LaneField.CODE_MASK])

    def _code(self, n: Sum, x: Value, s: Scale) -> Value:
        """The code of n, saturated, with x's sign.

        Units, with the binade's number times 2^(p-1) added, are the magnitude's code, for subnormal numbers (binade 0,
        no implicit bit) as for normal ones. Codes are in the order of magnitudes.
        """
        v, b, w, bits = self.v, self.v.builder, self.shared.words, self.v.as_int(x)
        units = v.call("abs", n.units(v), ir.Constant(ir.IntType(1), 0))
        magnitude = b.add(units, b.lshr(b.sub(n.binade, s.grid.lowest), s.grid.drop))
        sign = b.and_(b.lshr(bits, w[LaneField.SIGN_DOWN]), w[LaneField.SIGN_CODE])
        if self.mode in BY_ZERO and not self.one_zero:  # sign and magnitude
            return b.or_(v.call("umin", magnitude, w[LaneField.TOP_CODE]), sign)
        below, last = b.icmp_signed("<", bits, v.word(0)), v.word(v.bits - 1)
        magnitude = v.call("umin", magnitude, v.where(below, w[LaneField.BOTTOM_CODE], w[LaneField.TOP_CODE]))
        negative = b.and_(b.ashr(bits, last), w[LaneField.TWOS])
        code = b.and_(b.sub(b.xor(magnitude, negative), negative), w[LaneField.CODE_MASK])
        of_zero = b.and_(sign, b.ashr(s.grid.sign, last))
        return b.or_(code, v.where(b.icmp_signed("==", magnitude, v.word(0)), of_zero, sign))


def _product(v: Lanes, e: Value, s: Scale) -> Value:
    """The value of an element, with its sign (of a zero too, whatever the sign of the rest)."""
    if s.divisor is None:
        return e
    if s.divisor.rest is None:
        return v.builder.fmul(e, s.divisor.head)
    value = v.call("fma", e, s.divisor.head, v.builder.fmul(e, s.divisor.rest))
    return v.with_sign_of(value, e, v.sign_mask)


def _stochastic_quotient(v: Lanes, x: Value, d: Divisor, g: Grid, random: Value, single: bool) -> tuple[Value, Value]:
    """x / d, rounded to 43 bits, up with the probability of its fraction. `single`: x is a float32 number.

    That is where 2^32 fraction + the word's first 32 bits is beyond 2^32. q is off by 2^-42.9 of itself at most, its
    fraction in units by 2^(p - 42.9), the sum by less than 1 for p <= 10, and less than 1 more stands for the bits that
    both lack. So a sum within 2 of 2^32 is handed back.
    """
    b, one = v.builder, v.number(2.0**32)
    near = b.add(v.as_int(b.fmul(x, d.high)), v.word(1 << (_SNAP - 1)))
    q = v.as_float(b.and_(near, v.word(-1 << _SNAP)))
    size = v.magnitude(q)
    low = round_narrow(v, size, g, Rounding.TOWARD_ZERO)
    unit = b.add(binade(v, q, g), g.unit_offset)
    inverse = v.as_float(b.sub(v.word(2046 << 52), unit))
    rest = b.fsub(size, low)
    total = b.fadd(b.fmul(b.fmul(rest, inverse), one), random)
    r = b.fadd(low, v.where(b.fcmp_ordered(">=", total, one), v.as_float(unit), v.number(0.0)))
    some = b.fcmp_ordered("!=", rest, v.number(0.0))
    close = b.and_(b.fcmp_ordered("<=", v.magnitude(b.fsub(total, one)), v.number(2.0)), some)
    r = b.fadd(v.with_sign_of(v.where(some, r, low), q, v.sign_mask), v.as_float(g.sign))
    if single:
        return r, close
    # q may stand for what lies on either side of it: where that decides, and x is not 0
    at = b.and_(_is_decided_at(v, q, g), b.fcmp_ordered("!=", x, v.number(0.0)))
    return r, b.or_(at, close)


def _is_decided_at(v: Lanes, q: Value, g: Grid) -> Value:
    """Whether q is a multiple of half a unit: adding C / 2 takes nothing away."""
    b = v.builder
    c = v.as_float(b.sub(b.add(binade(v, q, g), g.offset), v.word(1 << (v.digits - 1))))
    return b.fcmp_ordered("==", b.fsub(b.fadd(q, c), c), q)
