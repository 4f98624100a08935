"""Sums rounded to odd by two instructions and whose codes are then cut: any operands, any deterministic mode.

In float64 lanes. What `cut.py` does not do: nearest_even, nearest_zero, toward_positive, toward_negative, to_odd.

a b + s is rounded down and up, to neighbours of which one is odd, or to one number: where the CPU's register says
"down" (``gemm/direction.py``), up is -((-a) b + (-s)), which is an instruction too. Rounded to odd with two bits more
than the format's, a number rounds as it did before (Boldo and Melquiond 2008). So the products need not be numbers of
the lane, which `roundings.General` asks for where no instruction has a direction of its own, and for rounded products
everywhere. Then, of the code's bits, those below the unit are cut off, after something was added below it:

    mode                 below the unit, h half of one      if the last bit kept is set
    nearest_even         h - 1                              + 1
    nearest_zero         h - 1
    to_odd               2 h - 1                            - (2 h - 1)
    toward a direction   2 h - 1, for the other sign 0

which carries exactly where the mode rounds away from zero (a carry out of the significand is the next binade's first
number). Below 2^emin, 2^emin is added beforehand, as in `Cut`, to odd again: of a number that is odd on a finer grid
that loses nothing.

Every other addition in these bodies is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..jit import kernel
from ..lanes import Lanes, Value
from .bodies import Product, kahan, kind, sequential
from .cut import HAS_TOWARD_ZERO, Cut
from .direction import Direction
from .orders import Order
from .pairwise import pairwise
from .roundings import DOWN, HAS_DIRECTED, UP, Field, FormatRow, toward
from .shapes import TILE64
from .tile import TileBody, tile_intrinsic
from .walk import tile_signature, tile_walk


class OddCut(Cut):
    """Results to odd in the lane, then cut to the format, in modes that ask for no sign.

    Watched: an overflow is not seen here.
    """

    def __init__(self, v: Lanes, constants: FormatRow) -> None:
        super().__init__(v, constants)
        self._parity = constants.integer(Field.PARITY)

    def _first(self, a: Value, b: Value, s: Value) -> Value:
        down, up = self._neighbours(a, b, s)
        return self._chosen(self._last(down), down, up)

    def _neighbours(self, a: Value, b: Value, s: Value) -> tuple[Value, Value]:
        """a b + s rounded down and up, as bits; of two zeros of opposite signs the second is +0."""
        v, b_ = self.v, self.v.builder
        if HAS_DIRECTED:
            down, up = (v.as_int(toward(mode, v, a, b, s)) for mode in (DOWN, UP))
            return down, up
        up = v.as_int(v.call("fma", b_.fneg(a), b, b_.fneg(s)))
        return v.as_int(v.call("fma", a, b, s)), b_.xor(up, v.sign_mask)

    def _last(self, bits: Value) -> Value:
        """The last bit, as a sign."""
        return self.v.builder.shl(bits, self.v.word(self.v.bits - 1))

    def _chosen(self, sign: Value, yes: Value, no: Value) -> Value:
        """Whether a sign is set: a choice that is one instruction."""
        return self.v.as_float(self.v.where(self.v.builder.icmp_signed("<", sign, self.v.word(0)), yes, no))

    def _any(self, x: Value, word: Value | None) -> Value:
        v, b = self.v, self.v.builder
        r = b.and_(v.as_int(super()._any(x, word)), v.magnitude_mask)  # 2^emin - 2^emin is -0 where all is rounded down
        return v.as_float(b.or_(r, b.and_(v.as_int(x), v.sign_mask)))

    def _cut(self, x: Value, word: Value | None) -> Value:
        v, b = self.v, self.v.builder
        code = v.as_int(x)
        last = b.ashr(b.shl(code, self._shift), v.word(v.bits - 1))
        up = b.add(self._below(code), b.and_(last, self._parity))
        return v.as_float(b.and_(b.add(code, up), self._keep))

    def _below(self, code: Value) -> Value:
        """What is added below the unit."""
        return self._bias


class GridOddCut(OddCut):
    """`OddCut` of terms that are multiples of the format's least number."""

    on_grid = True


class DirectedOddCut(OddCut):
    """`OddCut` in any mode: toward_positive and toward_negative treat the signs differently."""

    def __init__(self, v: Lanes, constants: FormatRow) -> None:
        super().__init__(v, constants)
        self._negative, self._zero_sign = (constants.integer(f) for f in (Field.BIAS_NEGATIVE, Field.ZERO_SIGN))

    def product(self, a: Value, b: Value, word: Value | None = None) -> Value:
        return self._any(super()._first(a, b, self.v.number(-0.0)), word)

    def _first(self, a: Value, b: Value, s: Value) -> Value:
        """Of two zeros the one that was rounded down, -0, in toward_negative (IEEE 754-2019, 6.3)."""
        down, up = self._neighbours(a, b, s)
        b_ = self.v.builder
        even = b_.and_(self._zero_sign, b_.not_(self._last(up)))
        return self._chosen(b_.or_(self._last(down), even), down, up)

    def _below(self, code: Value) -> Value:
        return self.v.where(self.v.builder.icmp_signed("<", code, self.v.word(0)), self._negative, self._bias)


OddCut.promotion, DirectedOddCut.promotion = OddCut, DirectedOddCut


def _other() -> dict[int, TileBody]:
    """The bodies for any mode, for rounded products, and for Kahan's sums of exact ones."""
    table: dict[int, TileBody] = {}
    for order, body in ((Order.SEQUENTIAL, sequential), (Order.KAHAN, kahan)):
        table[kind(order, Product.EXACT, True)] = body(DirectedOddCut, None, True)
        table[kind(order, Product.ROUNDED, True)] = body(DirectedOddCut, DirectedOddCut, True)
    table[kind(Order.PAIRWISE, Product.ROUNDED, True)] = pairwise(DirectedOddCut, DirectedOddCut)
    return table


def _walk(name: str, bodies: dict[int, TileBody]) -> Any:
    direction = None if HAS_DIRECTED else Direction.DOWN
    return tile_walk(name, tile_intrinsic(64, TILE64, bodies, direction=direction), TILE64, np.float64)


#: sums of exact products, of any or of multiples of the format's least number
ANY, ON_GRID = kind(Order.SEQUENTIAL, Product.EXACT, True), kind(Order.SEQUENTIAL, Product.DIRECT_ON_GRID, True)
_odd64 = _walk("odd64", {ANY: sequential(OddCut, None, True), ON_GRID: sequential(GridOddCut, None, True)})
_odd64_other = _walk("odd64_other", _other())


@kernel(tile_signature("float64"), possible=HAS_TOWARD_ZERO and not HAS_DIRECTED)
def odd64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """Sums of exact products, one after the other, and blocks of them, in modes that ask for no sign."""
    _odd64(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"), possible=HAS_TOWARD_ZERO)
def odd64_other(a, b, out, first, last, call, constants, status, row_words, column_words):
    """`odd64` for other sums, and modes."""
    _odd64_other(a, b, out, first, last, call, constants, status, row_words, column_words)
