"""Sums and products in lanes, rounded once: what one step of a tiled GEMM does.

Built on the rounding's form in ``rounding/vector.py``.

Every class rounds to one format; the format's constants are run-time numbers, read from a row of the constants' array
(`Field`). Where it is said so (``linalg/gemm/route.py``), a b must be a number of the lane.

`Native`    the lane's own arithmetic: float32 in float32 lanes, nearest-even
`Narrow`    nearest-even by the magic constant, for results that do not overflow
`Stochastic`  stochastic, in a format of the lane's own exponent range, for results that do not overflow
`StochasticGeneral`  stochastic in any format of p <= 20, with all policies
`General`   any deterministic mode, overflow policy, flush, infinities and NaN, chosen by run-time constants

All (the stochastic ones with a random word) offer ``fma(a, b, s)`` = R(s + a b), ``add(x, y)`` = R(x + y) for numbers
of the format, ``add_any(x, y)`` for any of the lane, and ``product(a, b)`` = R(a b); those that have bodies of pairwise
sums also ``pair(a, b, s)``, which is `fma` but for the sign of a zero.

Double rounding. D is the lane's precision. A sum that the hardware rounds to D bits and that is then rounded to p may
differ from the sum rounded once only where the first rounding meets a midpoint m of the p-bit grid, x = s + t = m + d,
0 < |d| <= 2^(e - D) with 2^e <= |x|. For s and t of at most p bits on the format's grid neither is m; were |s| >= |t|,
then s is a multiple of the midpoints' distance h from its grid, so |t| >= h - |d|, t's last bit is worth at least 2^(e
- 2p), and d is a multiple of it: impossible if 2p < D. So `Narrow.add` is one hardware addition. A product has 2p bits
  and can itself be m; there (and in `add_any`) the sum is
rounded *to odd*, after which a rounding to p <= D - 2 bits is the rounding of the exact sum (Boldo and Melquiond 2008),
in every deterministic mode. With instructions that round down and up, the one of their results that is odd is it, for
any operands; without, the hardware's error is recovered exactly (Knuth's TwoSum; no step of it can underflow).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar

from llvmlite import ir
from numba.core import cgutils

from ..lanes import Lanes, Value
from ..machine import HERE, Directed
from ..rounding.vector import Grid, nearest_and_rest, nearest_even_scaled, select_overflow
from ..to_odd import fma_and_error, sum_to_odd, to_odd, two_sum

#: whether one instruction can round in a direction of its own, and the directions
HAS_DIRECTED = HERE.directed is Directed.INSTRUCTION
DOWN, UP, ZERO = 1, 2, 3
_NO_EXCEPTIONS = 8


class Field(IntEnum):
    """Places in a format's row of constants: bits of lane floats, or integers."""

    LOWEST = 0  # bits of 2^emin
    OFFSET = 1  # see vector.Grid
    UNIT_OFFSET = 2
    DROP = 3  # bits below the format's last one
    SIGN = 4  # the sign bit if the format has -0
    MAX = 5
    MIN = 6
    OVER = 7
    UNDER_MIN = 8
    POS_INF = 9
    NEG_INF = 10
    FLUSH = 11  # smaller results become zero
    FRAME = 12  # sign bit: round |x|; 0: round x itself
    UP_UNITS = 13  # one unit up where the rest is at least UP_UNITS units + UP_LEAST
    UP_LEAST = 14
    DOWN_UNITS = 15
    DOWN_LEAST = 16
    ODD = 17  # -1: then make inexact even results odd
    NATIVE = 18  # 1: the lane's own arithmetic rounds to this format
    ZERO_SIGN = 19  # the sign bit in toward_negative
    # stochastic: how many random bits lie below the lane's last bit; cut sums: where the word's bits begin in the code
    LOW_BITS = 20
    LOW_MASK = 21  # and the mask of the random bits
    KEEP = 22  # the bits of a code that the format keeps
    SCALE = 23  # from a sum's error to units of its random bits
    ONE = 24
    LIMIT = 25  # the greatest magnitude that watched results may have, as bits
    BIAS = 26  # cut sums: what is added below the unit in any case
    BIAS_NEGATIVE = 27  # the same to negative numbers, where sums were rounded to odd (`odd.py`)
    PARITY = 28  # and what is added where the last bit kept is set
    COUNT = 29


class FormatRow:
    """A row of the constants' array, splatted field by field when asked for (what is not asked for, is not read)."""

    def __init__(self, v: Lanes, pointer: Value, row: int) -> None:
        self.v, self._pointer, self._row = v, pointer, row

    def integer(self, field: Field) -> Value:
        """An integer field in every lane."""
        b = self.v.builder
        word = b.load(b.gep(self._pointer, [ir.IntType(64)(self._row * Field.COUNT + field)]))
        return self.v.splat(b.trunc(word, self.v.scalar_int) if self.v.bits < 64 else word)

    def float(self, field: Field) -> Value:
        """A field that holds the bits of a lane float."""
        return self.v.as_float(self.integer(field))

    def flag(self, field: Field) -> Value:
        """Whether a field is not 0, as a scalar."""
        b = self.v.builder
        word = b.load(b.gep(self._pointer, [ir.IntType(64)(self._row * Field.COUNT + field)]))
        return b.icmp_signed("!=", word, ir.IntType(64)(0))

    def grid(self) -> Grid:
        """The grid's constants."""
        places = (Field.LOWEST, Field.OFFSET, Field.UNIT_OFFSET, Field.DROP, Field.SIGN)
        return Grid(*(self.integer(f) for f in places))


def toward(mode: int, v: Lanes, a: Value, b: Value, s: Value) -> Value:
    """a b + s in one direction.

    Whatever the CPU's mode is, in lanes that fill a vector of 512 bits; or, where only a register says it, in the
    direction that it says (`tile.tile_intrinsic`: ZERO).
    """
    if not HAS_DIRECTED:
        return v.call("fma", a, b, s)
    i32, kind = ir.IntType(32), {16: "fp16.vfmadd.ph", 32: ".vfmadd.ps", 64: ".vfmadd.pd"}[v.bits]
    function = ir.FunctionType(v.float, [v.float, v.float, v.float, i32])
    call = cgutils.get_or_insert_function(v.builder.module, function, f"llvm.x86.avx512{kind}.512")
    return v.builder.call(call, [a, b, s, i32(mode | _NO_EXCEPTIONS)])


def odd_fma(v: Lanes, a: Value, b: Value, s: Value) -> Value:
    """s + a b rounded to odd."""
    if not HAS_DIRECTED:  # the lane must hold a b
        return to_odd(v, *fma_and_error(v, a, b, s))
    down, up = (
        toward(mode, v, a, b, s) for mode in (DOWN, UP)
    )  # the same number, or neighbours: one is odd (of two zeros it is +0)
    return v.where(v.builder.icmp_unsigned("!=", v.builder.and_(v.as_int(down), v.word(1)), v.word(0)), down, up)


def odd_sum(v: Lanes, x: Value, y: Value) -> Value:
    """x + y rounded to odd."""
    return odd_fma(v, x, v.number(1.0), y) if HAS_DIRECTED else sum_to_odd(v, x, y)


class Native:
    """The lane's own format, rounded by the hardware."""

    #: whether results beyond the format's limit must be found out; whether a step needs few registers; whether it is
    #: short code
    watched, light, short = False, True, True
    promotion: ClassVar[type[Any]]

    def __init__(self, v: Lanes, constants: FormatRow) -> None:
        self.v = v

    def fma(self, a: Value, b: Value, s: Value) -> Value:
        return self.v.call("fma", a, b, s)

    pair = fma

    def add(self, x: Value, y: Value) -> Value:
        return self.v.builder.fadd(x, y)

    add_any = add

    def product(self, a: Value, b: Value) -> Value:
        return self.v.builder.fmul(a, b)


class Narrow:
    """Nearest-even of results that stay below the format's largest number.

    Only `fma` and `add_any` get the sign of a zero right. `add` is of multiples of the format's least number, and so is
    what it gives: below the least normal number nothing is to be rounded.
    """

    watched, light, short = True, False, True
    promotion: ClassVar[type[Any]]

    def __init__(self, v: Lanes, constants: FormatRow) -> None:
        self.v, self._lowest, self._sign = v, constants.integer(Field.LOWEST), constants.integer(Field.SIGN)
        # 1.5 2^(D - p): `Field.OFFSET` is what that has in the exponent's bits and below, more than 1 has
        self._scale = v.as_float(v.builder.add(v.as_int(v.number(1.0)), constants.integer(Field.OFFSET)))

    def fma(self, a: Value, b: Value, s: Value) -> Value:
        return self._signed(odd_fma(self.v, a, b, s))

    def pair(self, a: Value, b: Value, s: Value) -> Value:
        return nearest_even_scaled(self.v, odd_fma(self.v, a, b, s), self._scale, self._lowest)

    def add(self, x: Value, y: Value) -> Value:
        return nearest_even_scaled(self.v, self.v.builder.fadd(x, y), self._scale, None)

    def add_any(self, x: Value, y: Value) -> Value:
        return self._signed(odd_sum(self.v, x, y))

    def product(self, a: Value, b: Value) -> Value:
        return nearest_even_scaled(self.v, self.v.builder.fmul(a, b), self._scale, self._lowest)

    def _signed(self, x: Value) -> Value:
        return self.v.with_sign_of(nearest_even_scaled(self.v, x, self._scale, self._lowest), x, self._sign)


class Direct(Narrow):
    """`Narrow`, where the lane's own sum of s and a b may be rounded as it is; all zeros are +0.

    Which operands: ``linalg/gemm/direct.py``.
    """

    def fma(self, a: Value, b: Value, s: Value) -> Value:
        return nearest_even_scaled(self.v, self.v.exact_fma(a, b, s), self._scale, self._lowest)


class DirectOnGrid(Direct):
    """`Direct` of terms that are multiples of the format's least number.

    With K = 2^(D - p), K x is exact, and a multiple of the unit 2^(e - p + 1) that x has in [2^e, 2^(e + 1)). K x - x
    has that unit as its own last bit, so K x - (K x - x) is x rounded to it. A tie is even where K x - x is: x has less
    than D bits then, and K x is an even number of units. Where K x - x falls below K 2^e its last bit is worth half a
    unit; but there x is above 2^e by at most 2^e / (K - 1), which in whole bits of the lane is a quarter of a unit or
    less, since 2 p < D: 2^e is found all the same (at a quarter K x - x is halfway, and K 2^e even). What is below the
    least normal number has less than p bits, and stays as it is. (Dekker's splitting, Numerische Mathematik 18, 1971,
    has K x + x, which leaves the binade.) K is negative here, so that zeros come out as +0. All but one multiplication
    are additions, for which CPUs have units beside those of multiply-adds.
    """

    def __init__(self, v: Lanes, constants: FormatRow) -> None:
        super().__init__(v, constants)
        self._factor = v.as_float(v.builder.or_(v.builder.and_(v.as_int(self._scale), v.exponent_mask), v.sign_mask))

    def fma(self, a: Value, b: Value, s: Value) -> Value:
        builder, x = self.v.builder, self.v.exact_fma(a, b, s)
        far = builder.fmul(x, self._factor)
        return builder.fsub(builder.fadd(far, x), far)


class OnGrid:
    """What rounds in lanes with all policies: signs of zeros, the format's grid, what is beyond its range."""

    def __init__(self, v: Lanes, constants: FormatRow) -> None:
        self.v, self.k = v, constants

    def _with_zero_sign(self, z: Value, x: Value, y: Value) -> Value:
        """An exact zero sum of opposite signs is -0 in toward_negative, which is what the field says.

        IEEE 754-2019, 6.3.
        """
        v, b = self.v, self.v.builder
        sign = b.and_(b.or_(v.as_int(x), v.as_int(y)), self.k.integer(Field.ZERO_SIGN))
        zero = b.fcmp_ordered("==", z, v.number(0.0))
        return v.as_float(b.or_(v.as_int(z), v.where(zero, sign, v.word(0))))

    def _round(self, x: Value) -> Value:
        return self._finish(x, self._to_grid(self._framed(x), self.k.grid()))

    def _framed(self, x: Value) -> Value:
        """|x|, or x itself in modes that tell the signs apart."""
        b, v = self.v.builder, self.v
        return v.as_float(b.xor(v.as_int(x), b.and_(v.as_int(x), self.k.integer(Field.FRAME))))

    def _finish(self, x: Value, r: Value) -> Value:
        """The result for x from what its magnitude (or x itself) was rounded to.

        Sign, flush, overflow, infinities and NaN.
        """
        v, b, k = self.v, self.v.builder, self.k
        x_sign = b.and_(v.as_int(x), v.sign_mask)
        r = v.as_float(b.or_(v.as_int(r), x_sign))
        r = v.where(b.fcmp_ordered("<", v.magnitude(r), k.float(Field.FLUSH)), v.as_float(x_sign), r)
        r = b.fadd(r, k.float(Field.SIGN))  # + 0.0 takes the sign off a zero, + -0.0 leaves it
        r = select_overflow(v, r, *(k.float(f) for f in (Field.MAX, Field.OVER, Field.MIN, Field.UNDER_MIN)))
        infinite = v.where(b.fcmp_ordered(">", x, v.number(0.0)), k.float(Field.POS_INF), k.float(Field.NEG_INF))
        infinite = v.where(b.fcmp_unordered("uno", x, x), x, infinite)
        return v.where(b.fcmp_ordered("<", v.magnitude(x), v.as_float(v.exponent_mask)), r, infinite)

    def _to_grid(self, y: Value, g: Grid) -> Value:
        """y, of either sign, to a multiple of its unit; the sign of a zero is lost.

        `vector.round_narrow` with the mode as run-time numbers: a body for each mode would be seven times the code.
        """
        v, b, k = self.v, self.v.builder, self.k
        zero = v.number(0.0)
        c, unit, n, d = nearest_and_rest(v, y, g)
        up = v.exact_fma(unit, k.float(Field.UP_UNITS), k.float(Field.UP_LEAST))
        down = v.exact_fma(unit, k.float(Field.DOWN_UNITS), k.float(Field.DOWN_LEAST))
        r = b.fadd(n, v.where(b.fcmp_ordered(">=", d, up), unit, zero))
        r = b.fsub(r, v.where(b.fcmp_ordered(">=", b.fneg(d), down), unit, zero))
        last = b.and_(v.as_int(b.fadd(r, c)), v.word(1))  # r + C is exact; its last bit is r's parity in units
        even = b.icmp_unsigned("==", b.or_(last, b.not_(k.integer(Field.ODD))), v.word(0))
        return b.fadd(r, v.where(b.and_(even, b.fcmp_ordered("!=", d, zero)), unit, zero))


class General(OnGrid):
    """Any deterministic mode with all policies.

    With n = x to nearest-even and the exact rest d = x - n, every mode is n, or one unit more or less, by comparing d
    with a number of units (1/2 for ties, "anything" for directed modes).
    """

    watched, light, short = False, False, False
    promotion: ClassVar[type[Any]]

    def fma(self, a: Value, b: Value, s: Value) -> Value:
        odd = odd_fma(self.v, a, b, s)
        return self._round(self._with_zero_sign(odd, s, self.v.builder.fmul(a, b)))

    pair = fma

    def add(self, x: Value, y: Value) -> Value:
        return self._round(self._with_zero_sign(odd_sum(self.v, x, y), x, y))

    add_any = add

    def product(self, a: Value, b: Value) -> Value:
        return self._round(self.v.builder.fmul(a, b))


class StochasticGeneral(OnGrid):
    """stochastic in float64 lanes, for formats of p <= 20, with all policies.

    The sum is rounded to odd first: 53 bits are more than p + 32, so a comparison of its rest with R 2^-32 units has
    the outcome that the exact rest would have.
    """

    def fma(self, a: Value, b: Value, s: Value, word: Value) -> Value:
        return self._draw(odd_fma(self.v, a, b, s), word)

    def add(self, x: Value, y: Value, word: Value) -> Value:
        return self._draw(odd_sum(self.v, x, y), word)

    def product(self, a: Value, b: Value, word: Value) -> Value:
        return self._draw(self.v.builder.fmul(a, b), word)

    def _draw(self, x: Value, word: Value) -> Value:
        v, b = self.v, self.v.builder
        y = v.magnitude(x)
        _, unit, n, d = nearest_and_rest(v, y, self.k.grid())
        above = v.where(b.fcmp_ordered("<", d, v.number(0.0)), unit, v.number(0.0))
        floor, remainder = b.fsub(n, above), b.fadd(d, above)
        # the word as a number below 2^32: put into the last bits of 2^52, which is then taken off
        random = b.fsub(
            v.as_float(b.or_(b.and_(word, v.word(0xFFFFFFFF)), v.as_int(v.number(2.0**52)))), v.number(2.0**52)
        )
        missing = b.fsub(unit, b.fmul(unit, b.fmul(random, v.number(2.0**-32))))
        return self._finish(x, b.fadd(floor, v.where(b.fcmp_ordered(">=", remainder, missing), unit, v.number(0.0))))


class Stochastic:
    """stochastic by code: the sum is truncated to the lane, its error kept, and 32 random bits added below the grid.

    For results that stay below the format's largest number, in a format of the lane's own exponent range. Let u be the
    format's unit at the result and R the random number: |x| + R u 2^-32 is truncated to the grid. h = fl(x) becomes a
    truncation by taking 1 off its code where the error points toward zero. The upper random bits are added to the code;
    the lower ones and the error (plus one lane unit, where h was lowered) carry into them exactly where their sum is a
    whole lane unit: compared as error >= lane unit - (lower bits), both scaled exactly to floats.
    """

    def __init__(self, v: Lanes, constants: FormatRow) -> None:
        self.v, self.k = v, constants
        self._one = constants.integer(Field.ONE)  # a run-time 1: LLVM then adds it under the mask, in one instruction

    def fma(self, a: Value, b: Value, s: Value, word: Value) -> Value:
        return self._cut(*fma_and_error(self.v, a, b, s), word)

    def add(self, x: Value, y: Value, word: Value) -> Value:
        return self._cut(*two_sum(self.v, x, y), word)

    def product(self, a: Value, b: Value, word: Value) -> Value:
        return self._cut(self.v.builder.fmul(a, b), self.v.number(0.0), word)

    def _cut(self, h: Value, error: Value, word: Value) -> Value:
        v, b, k = self.v, self.v.builder, self.k
        bits = v.as_int(h)
        outward = v.as_float(b.xor(v.as_int(error), b.and_(bits, v.sign_mask)))  # the error, > 0 away from zero
        # + 0.0: no -0, so that the sign bit says < 0
        scaled = v.exact_fma(outward, k.float(Field.SCALE), v.number(0.0))
        lowered = b.ashr(v.as_int(scaled), v.word(v.bits - 1))
        code = b.add(bits, lowered)
        low = k.integer(Field.LOW_MASK)
        # the lower random bits, less one lane unit unless h was lowered: a choice bit by bit, since they fill the mask
        remainder = b.or_(b.and_(word, low), b.and_(b.not_(lowered), b.not_(low)))
        # -2^e: among codes with the sign bit set, the greater one as an integer has the greater magnitude
        minus_binade = b.or_(b.and_(code, v.exponent_mask), v.sign_mask)
        minus_binade = v.as_float(v.call("smax", minus_binade, b.or_(k.integer(Field.LOWEST), v.sign_mask)))
        carry = b.fcmp_ordered(">=", scaled, b.fmul(b.sitofp(remainder, v.float), minus_binade))
        total = b.add(code, b.lshr(word, k.integer(Field.LOW_BITS)))
        total = v.where(carry, b.add(total, self._one), total)
        return v.as_float(b.and_(total, k.integer(Field.KEEP)))


#: what rounds the sums of blocks, for what rounds the sums in them
Native.promotion = Narrow.promotion = Narrow
General.promotion = General
