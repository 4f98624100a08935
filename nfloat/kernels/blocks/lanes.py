"""Elements of blocks in lanes: what a vector becomes over its blocks' scales, and the loops over blocks, as IR.

Three forms, for the formats of ``rounding/vector.py``'s narrow family (p >= 2, subnormal numbers, a zero, negative
numbers):

power
    A scale 2^k moves the grid, not the number: x is rounded to the element's grid times 2^k, in x's own lanes, by
    adding k to the exponents of the grid's constants. No quotient is formed, and the result is the dequantised value.
quotient
    Any other scale: with d = s t and r = 1 / d rounded, x r in float64 lanes is within 2^-51.9 of the exact quotient,
    relatively. What is decided at a number g of p + 1 bits (an element, or the middle of two) is decided right by x r
    rounded to 43 bits: if x = g d, that is g; if not, x and g d differ by at least 2^-(b + p + 1) of themselves, b
    being the bits of d, since both are multiples of the smaller one's last place (float32 x: 24 bits; b + p + 1 <= 40
    is asked for). A float64 x may lie nearer: a lane whose x r, so rounded, is such a g is handed back.

short
    The quotient form in float32 lanes, for float32 x and deterministic modes: x r is within 2^-22.9 of the quotient
    and rounded to 20 bits; a lane is handed back where that is a g (the other form decides there). With d = d1 + d2,
    both float32 numbers, the value e d is one fused multiply-add, e d1 + (e d2), of which the product e d2 is exact:
    it has few bits.

A lane that is handed back has its block marked in `todo`: the rule does that block again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ...formats.rounding import Rounding
from ..lanes import Lanes, Value
from ..rounding.vector import Grid, round_narrow, select_overflow, stochastic_narrow
from .walks import WIDTH, by_mode, by_size, covering

_I64, _I8 = ir.IntType(64), ir.IntType(8)
#: fraction bits of x r that are rounded away, in float64 and float32 lanes
_SNAP, _SHORT_SNAP = 10, 4


class LaneField(IntEnum):
    """Places in the integer constants."""

    LOWEST, OFFSET, UNIT_OFFSET, DROP, SIGN, TOP, BOTTOM, TWOS, SIGN_DOWN, SIGN_CODE, CODE_MASK = range(11)
    #: magnitude codes of the largest and of the least element
    TOP_CODE, BOTTOM_CODE = range(11, 13)
    #: the sign bit of a code, if -0 has one
    ZERO_SIGN = 13
    #: the subkeys of random words, and of their second halves
    KEY, KEY2, TWIN, TWIN2 = range(14, 18)


@dataclass(frozen=True)
class Scale:
    """What the lanes of a vector know of their scales: the grid, its ends; the quotient forms' 1 / d, d, its rest."""

    grid: Grid
    top: Value
    bottom: Value
    reciprocal: Value | None = None
    product: Value | None = None
    rest: Value | None = None


class Shared:
    """The constants in lanes that all blocks share."""

    def __init__(self, v: Lanes, integers: list[Value]) -> None:
        b = v.builder
        self.words = [v.splat(b.trunc(i, v.scalar_int) if v.bits < 64 else i) for i in integers]
        self.keys = [v.builder.trunc(integers[k], ir.IntType(32)) for k in list(LaneField)[LaneField.KEY :]]

    def grid(self, v: Lanes, shift: Value | None = None) -> Grid:
        """The element's grid, `shift` added to its exponents."""
        w = self.words
        lowest = w[LaneField.LOWEST] if shift is None else v.builder.add(w[LaneField.LOWEST], shift)
        return Grid(lowest, w[LaneField.OFFSET], w[LaneField.UNIT_OFFSET], w[LaneField.DROP], w[LaneField.SIGN])

    def limit(self, v: Lanes, which: LaneField, shift: Value | None = None) -> Value:
        """The largest or the least element, `shift` added to its exponent."""
        bits = self.words[which]
        return v.as_float(bits if shift is None else v.builder.add(bits, shift))


def power_scale(v: Lanes, shared: Shared, loaded: list[Value]) -> Scale:
    """The power form's: one word, the exponent where a number of the lane has it."""
    shift = loaded[0]
    return Scale(shared.grid(v, shift), shared.limit(v, LaneField.TOP, shift), shared.limit(v, LaneField.BOTTOM, shift))


def quotient_scale(v: Lanes, shared: Shared, loaded: list[Value]) -> Scale:
    """The quotient form's: 1 / d and d."""
    return Scale(shared.grid(v), shared.limit(v, LaneField.TOP), shared.limit(v, LaneField.BOTTOM), *loaded)


def power_element(
    v: Lanes, x: Value, s: Scale, mode: Rounding | None, one_zero: bool, random: Value | None, single: bool
) -> tuple[Value, Value | None]:
    """(x on the block's grid and within its ends, lanes that are handed back); x itself without a mode."""
    if mode is None:
        return x, None
    if mode is Rounding.STOCHASTIC:
        r, unsure = stochastic_narrow(v, x, s.grid, random, negative_zero=not one_zero)
    else:
        r, unsure = round_narrow(v, x, s.grid, mode), None
    return select_overflow(v, r, s.top, s.top, s.bottom, s.bottom), unsure


def quotient_element(
    v: Lanes, x: Value, s: Scale, mode: Rounding | None, one_zero: bool, random: Value | None, single: bool
) -> tuple[Value, Value | None]:
    """(the element of x, lanes that are handed back); without a mode the quotient. `single`: x is a float32 number."""
    b = v.builder
    near = b.add(v.as_int(b.fmul(x, s.reciprocal)), v.word(1 << (_SNAP - 1)))
    q = v.as_float(b.and_(near, v.word(-1 << _SNAP)))
    if mode is Rounding.STOCHASTIC:
        r, unsure = _stochastic(v, q, s.grid, random)
    elif mode is None:
        r, unsure = q, None
    else:
        r, unsure = round_narrow(v, q, s.grid, mode), None
    if not single:  # q may stand for what lies on either side of it: where that decides, and x is not 0
        at = b.and_(_is_decided_at(v, q, s.grid), b.fcmp_ordered("!=", x, v.number(0.0)))
        unsure = at if unsure is None else b.or_(unsure, at)
    if mode is None:
        return r, unsure
    return select_overflow(v, r, s.top, s.top, s.bottom, s.bottom), unsure


def short_element(
    v: Lanes, x: Value, s: Scale, mode: Rounding | None, one_zero: bool, random: Value | None, single: bool
) -> tuple[Value, Value | None]:
    """`quotient_element` in float32 lanes."""
    b = v.builder
    near = b.add(v.as_int(b.fmul(x, s.reciprocal)), v.word(1 << (_SHORT_SNAP - 1)))
    q = v.as_float(b.and_(near, v.word(-1 << _SHORT_SNAP)))
    unsure = b.and_(_is_decided_at(v, q, s.grid), b.fcmp_ordered("!=", x, v.number(0.0)))
    if mode is None or mode is Rounding.STOCHASTIC:
        return q, unsure if mode is None else v.every_lane
    return select_overflow(v, round_narrow(v, q, s.grid, mode), s.top, s.top, s.bottom, s.bottom), unsure


def value_of(v: Lanes, e: Value, s: Scale) -> Value:
    """The dequantised value of an element, in lanes: exact, or (the short form) rounded once."""
    if s.product is None:
        return e
    if s.rest is None:
        return v.builder.fmul(e, s.product)
    value = v.call("fma", e, s.product, v.builder.fmul(e, s.rest))
    return v.with_sign_of(value, e, v.sign_mask)  # of a zero too, whatever the sign of the rest


def _binade(v: Lanes, q: Value, g: Grid) -> Value:
    return v.call("smax", v.builder.and_(v.as_int(q), v.exponent_mask), g.lowest)


def _is_decided_at(v: Lanes, q: Value, g: Grid) -> Value:
    """Whether q is a multiple of half a unit: adding C / 2 takes nothing away."""
    b = v.builder
    c = v.as_float(b.sub(b.add(_binade(v, q, g), g.offset), v.word(1 << (v.digits - 1))))
    return b.fcmp_ordered("==", b.fsub(b.fadd(q, c), c), q)


def _stochastic(v: Lanes, q: Value, g: Grid, random: Value) -> tuple[Value, Value]:
    """q up with the probability of its fraction: where 2^32 fraction + the word's first 32 bits is beyond 2^32.

    q is off by 2^-42.9 of itself at most, its fraction in units by 2^(p - 42.9), the sum by less than 1 for p <= 10,
    and less than 1 more stands for the bits that both lack. So a sum within 2 of 2^32 is handed back.
    """
    b, one = v.builder, v.number(2.0**32)
    size = v.magnitude(q)
    low = round_narrow(v, size, g, Rounding.TOWARD_ZERO)
    unit = b.add(_binade(v, q, g), g.unit_offset)
    inverse = v.as_float(b.sub(v.word(2046 << 52), unit))
    rest = b.fsub(size, low)
    total = b.fadd(b.fmul(b.fmul(rest, inverse), one), random)
    up = b.fcmp_ordered(">=", total, one)
    r = b.fadd(low, v.where(up, v.as_float(unit), v.number(0.0)))
    close = b.fcmp_ordered("<=", v.magnitude(b.fsub(total, one)), v.number(2.0))
    some = b.fcmp_ordered("!=", rest, v.number(0.0))
    return v.builder.fadd(v.with_sign_of(v.where(some, r, low), q, v.sign_mask), v.as_float(g.sign)), b.and_(
        close, some
    )


def code_of(v: Lanes, r: Value, s: Scale, shared: Shared) -> Value:
    """The code of r to nearest-even, saturated; of a number on the grid, its own.

    |r| + C holds |r| / unit, rounded, as the difference of its bits to C's; with the binade's number times 2^(p-1)
    added it is the magnitude's code, for subnormal numbers (binade 0, no implicit bit) as for normal ones. Codes are
    in the order of magnitudes.
    """
    b, w, bits = v.builder, shared.words, v.as_int(r)
    binade = _binade(v, r, s.grid)
    c = b.add(binade, s.grid.offset)
    units = b.sub(v.as_int(b.fadd(v.magnitude(r), v.as_float(c))), c)
    magnitude = b.add(units, b.lshr(b.sub(binade, s.grid.lowest), s.grid.drop))
    below = b.ashr(bits, v.word(v.bits - 1))
    most = v.where(b.icmp_signed("<", bits, v.word(0)), w[LaneField.BOTTOM_CODE], w[LaneField.TOP_CODE])
    magnitude = v.call("smin", magnitude, most)
    negative = b.and_(below, w[LaneField.TWOS])
    code = b.and_(b.sub(b.xor(magnitude, negative), negative), w[LaneField.CODE_MASK])
    sign = b.and_(b.lshr(bits, w[LaneField.SIGN_DOWN]), w[LaneField.SIGN_CODE])
    nothing = b.icmp_signed("==", magnitude, v.word(0))
    return b.or_(code, v.where(nothing, b.and_(sign, w[LaneField.ZERO_SIGN]), sign))


# ------------------------------------------------------------------ loops
class Elements:
    """What stands in a loop's body: load, element, store."""

    def __init__(
        self, v: Lanes, form: Form, shared: Shared, pointers: tuple[Value, Value], mode: Rounding, one_zero: bool
    ) -> None:
        self.v, self.form, self.shared, self.mode, self.one_zero = v, form, shared, mode, one_zero
        self.source, self.target = pointers
        self.single = self.source.type.pointee == ir.FloatType()

    def load(self, at: Value) -> Value:
        b, pointer = self.v.builder, self.v.builder.gep(self.source, [at])
        narrow = ir.VectorType(self.source.type.pointee, self.v.count)
        x = b.load(b.bitcast(pointer, narrow.as_pointer()), align=4 if self.single else 8)
        return x if narrow == self.v.float else b.fpext(x, self.v.float)

    def random(self, counter: Value) -> Value | None:
        """Each lane's word; in the quotient form its first 32 bits, as a number."""
        if self.mode is not Rounding.STOCHASTIC:
            return None
        v, b, lanes = self.v, self.v.builder, Lanes(self.v.builder, self.v.count)
        counters = b.add(lanes.splat(b.trunc(counter, lanes.scalar_int)), lanes.iota())
        keys = [lanes.splat(k) for k in self.shared.keys]
        head = lanes.random_word(counters, *keys[:2])
        if self.form is QUOTIENT:
            return b.uitofp(head, v.float)
        if v.bits == 32:
            return head
        tail = lanes.random_word(counters, *keys[2:])
        return b.or_(b.shl(b.zext(head, v.int), v.word(32)), b.zext(tail, v.int))

    def vector(self, s: Scale, at: Value, to: Value, counter: Value) -> Value | None:
        """One vector, from `at` to `to`; lanes that are handed back."""
        v, b = self.v, self.v.builder
        pointer, kind = b.gep(self.target, [to]), self.target.type.pointee
        rounds = not (
            isinstance(kind, ir.IntType) and self.mode is Rounding.NEAREST_EVEN
        )  # which `code_of` does by itself
        r, unsure = self.form.element(
            v, self.load(at), s, self.mode if rounds else None, self.one_zero, self.random(counter), self.single
        )
        if isinstance(kind, ir.IntType):
            out = b.trunc(code_of(v, r, s, self.shared), ir.VectorType(kind, v.count))
        else:
            value = value_of(v, r, s)
            out = value if kind == v.scalar_float else b.fptrunc(value, ir.VectorType(kind, v.count))
        width = 1 if isinstance(kind, ir.IntType) else 4 if kind == ir.FloatType() else 8
        b.store(out, b.bitcast(pointer, out.type.as_pointer()), align=width)
        return unsure


def _loop(along: Any) -> Any:
    """The intrinsic ``f(source, target, scales, todo, places, mode, integers)`` of a way `along` the blocks.

    `scales`, of shape (parts, blocks), says by its type which form it is: integers are the exponents k of the power
    form, in the place where a number of the lane has its exponent; float64 numbers are 1 / d and d, float32 numbers 1
    / d, d and what d lacks.
    """

    def typer(typingctx, source, target, scales, todo, places, mode, integers):
        signature = types.int64(source, target, scales, todo, places, types.int64, integers)

        def codegen(context, builder, sig, args):
            arrays = [context.make_array(t)(context, builder, a) for t, a in zip(sig.args[:4], args[:4], strict=True)]
            form = {types.float64: QUOTIENT, types.float32: SHORT}.get(sig.args[2].dtype, POWER)
            bits = sig.args[2].dtype.bitwidth
            v, (_, blocks) = Lanes(builder, WIDTH[bits], bits), cgutils.unpack_tuple(builder, arrays[2].shape)
            parts = [builder.gep(arrays[2].data, [builder.mul(blocks, _I64(part))]) for part in range(form.parts)]
            shared = Shared(v, cgutils.unpack_tuple(builder, args[6]))
            where = cgutils.unpack_tuple(builder, args[4])

            def emit(mode: Rounding, one_zero: bool) -> None:
                elements = Elements(v, form, shared, (arrays[0].data, arrays[1].data), mode, one_zero)
                along(v, elements, parts, arrays[3].data, where)

            return by_mode(builder, args[5], emit)

        return signature, codegen

    return intrinsic(typer)


def _along_rows(v: Lanes, e: Elements, scales: list[Value], todo: Value, places: list[Value]) -> None:
    """places: (at, to, counter, first block, blocks, size): consecutive blocks of one size, each with a scale."""
    sizes = (16, 32) if e.form is SHORT and e.mode is Rounding.NEAREST_EVEN else ()
    by_size(v, places[5], sizes, lambda size: _row(v, e, scales, todo, [*places[:5], size]))


def _row(v: Lanes, e: Elements, scales: list[Value], todo: Value, places: list[Value]) -> None:
    b = v.builder
    at, to, counter, first, blocks, size = places
    with cgutils.for_range(b, blocks, intp=_I64) as loop:
        block, start = b.add(first, loop.index), b.mul(loop.index, size)
        loaded = [v.splat(b.load(b.gep(p, [block]))) for p in scales]
        s = e.form.scale(v, e.shared, loaded)

        def vector(i: Value) -> None:
            i = b.add(start, i)
            unsure = e.vector(s, b.add(at, i), b.add(to, i), b.add(counter, i))
            if unsure is not None:
                mark = b.gep(todo, [block])
                b.store(b.or_(b.load(mark), b.zext(v.any(unsure), _I8)), mark)

        covering(v, size, vector)


def _along_columns(v: Lanes, e: Elements, scales: list[Value], todo: Value, places: list[Value]) -> None:
    """places: (at, to, counter, first block, columns): neighbours lie in neighbouring blocks."""
    b = v.builder
    at, to, counter, first, columns = places

    def vector(i: Value) -> None:
        block = b.add(first, i)
        loaded = []
        for p in scales:
            kind = ir.VectorType(p.type.pointee, v.count)
            pointer = b.bitcast(b.gep(p, [block]), kind.as_pointer())
            loaded.append(b.load(pointer, align=4 if kind.element == ir.IntType(32) else 8))
        unsure = e.vector(e.form.scale(v, e.shared, loaded), b.add(at, i), b.add(to, i), b.add(counter, i))
        if unsure is not None:
            kind = ir.VectorType(_I8, v.count)
            mark = b.bitcast(b.gep(todo, [block]), kind.as_pointer())
            b.store(b.or_(b.load(mark, align=1), b.zext(unsure, kind)), mark, align=1)

    covering(v, columns, vector)


class Form(NamedTuple):
    """A form: how many numbers a scale is, what they are in lanes, what an element becomes."""

    parts: int
    scale: Callable[..., Scale]
    element: Callable[..., tuple[Value, Value | None]]


POWER, QUOTIENT = Form(1, power_scale, power_element), Form(2, quotient_scale, quotient_element)
SHORT = Form(3, quotient_scale, short_element)
rows, columns = _loop(_along_rows), _loop(_along_columns)
