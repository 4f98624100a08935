"""Sums that the hardware rounds toward zero and whose codes are then cut.

toward_zero, nearest_away and stochastic modes, in float64 lanes.

All these modes round |x| up exactly where |x| >= m for some number m between two of the format: its upper neighbour
(toward_zero), their midpoint (nearest_away), or the point from which on given random bits carry. m has at most p + 32
bits, which the lane holds, and then |x| >= m exactly if |x| rounded toward zero is: so one operation toward zero, of
any operands, loses nothing that matters. What rounds up is added below the unit of the code, which is then cut. Below
the least normal number 2^emin the unit is put at a fixed place by adding 2^emin beforehand, toward zero again; not so
(`on_grid`) where all terms are multiples of the format's least number, which then need no rounding.

stochastic_a and _b take the first bits of the word (_b, halfway between two of them, has one bit more); stochastic_c
rounds the fraction to nearest first, which this does not do.

It needs an instruction that rounds toward zero whatever the CPU's mode is (AVX-512), or a register that says how all
round (``gemm/direction.py``), and FMA; elsewhere other kernels give the same bits. What else is added in these bodies
is exact: ``lift`` taken off a sum of its binade.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..jit import kernel
from ..lanes import Lanes, Value
from ..machine import HERE, Directed
from .bodies import kahan, sequential
from .direction import Direction
from .orders import Order
from .pairwise import pairwise
from .roundings import HAS_DIRECTED, ZERO, Field, FormatRow, toward
from .shapes import TILE64
from .tile import TileBody, tile_intrinsic
from .walk import tile_signature, tile_walk
from .words import CORRECTED, CORRECTION, DIFFERENCE, PRODUCT, PROMOTE, SUM

#: whether the hardware can round sums toward zero
HAS_TOWARD_ZERO = HERE.directed is not Directed.NONE
_BY_REGISTER = None if HAS_DIRECTED else Direction.ZERO
#: what draws random words, by order: of the sums, of rounded products
DOMAINS = {
    (Order.SEQUENTIAL, False): (SUM,),
    (Order.SEQUENTIAL, True): (SUM, PRODUCT),
    (Order.BLOCKED, False): (SUM, PROMOTE),
    (Order.BLOCKED, True): (SUM, PRODUCT, PROMOTE),
    (Order.PAIRWISE, False): (SUM,),
    (Order.PAIRWISE, True): (SUM, PRODUCT),
    (Order.KAHAN, False): (SUM, CORRECTED, DIFFERENCE, CORRECTION),
    (Order.KAHAN, True): (SUM, PRODUCT, CORRECTED, DIFFERENCE, CORRECTION),
}


class Cut:
    """Results toward zero to the lane, then cut to the format. Watched: an overflow is not seen here."""

    watched, light, short, on_grid = True, False, False, False
    promotion: ClassVar[type[Any]]

    def __init__(self, v: Lanes, constants: FormatRow) -> None:
        self.v = v
        fields = (Field.LOW_BITS, Field.LOW_MASK, Field.BIAS, Field.KEEP, Field.LOWEST)
        self._shift, self._mask, self._bias, self._keep, self._lowest = (constants.integer(f) for f in fields)
        left, b = v.builder.icmp_unsigned("<", self._shift, v.word(32)), v.builder
        self._left = v.where(left, self._shift, v.word(0))
        self._right = v.where(left, v.word(0), b.sub(v.word(64), self._shift))

    def fma(self, a: Value, b: Value, s: Value, word: Value | None = None) -> Value:
        x = self._first(a, b, s)
        return self._cut(x, word) if self.on_grid else self._any(x, word)

    pair = fma

    def add(self, x: Value, y: Value, word: Value | None = None) -> Value:
        return self.fma(x, self.v.number(1.0), y, word)

    add_any = add

    def product(self, a: Value, b: Value, word: Value | None = None) -> Value:
        return self.fma(a, b, self.v.number(-0.0), word)

    def _first(self, a: Value, b: Value, s: Value) -> Value:
        """a b + s in the lane, of which the format's result can be told."""
        return toward(ZERO, self.v, a, b, s)

    def _any(self, x: Value, word: Value | None) -> Value:
        """x cut, with the grid's lower end."""
        v, b = self.v, self.v.builder
        sign = b.and_(v.as_int(x), v.sign_mask)
        tiny = b.icmp_signed("<", b.and_(v.as_int(x), v.magnitude_mask), self._lowest)
        lift = v.as_float(b.or_(sign, v.where(tiny, self._lowest, v.word(0))))
        r = b.fsub(self._cut(self._first(x, v.number(1.0), lift), word), lift)
        return v.as_float(b.or_(v.as_int(r), sign))

    def _cut(self, x: Value, word: Value | None) -> Value:
        b, up = self.v.builder, self._bias
        if word is not None:
            up = b.or_(b.and_(self._placed(word), self._mask), up)
        return self.v.as_float(b.and_(b.add(self.v.as_int(x), up), self._keep))

    def _placed(self, word: Value) -> Value:
        """The word's first bit right below the unit: to the left or (the mask takes what is above) to the right."""
        v, b = self.v, self.v.builder
        if HAS_DIRECTED:
            return v.call("fshl", word, word, self._shift)  # rotated
        return b.lshr(b.shl(word, self._left), self._right)


class GridCut(Cut):
    """`Cut` of terms that are multiples of the format's least number."""

    on_grid = True


Cut.promotion = Cut


def cut_kind(order: Order, rounded: bool, on_grid: bool = False, watched: bool = True) -> int:
    """The number of a body; only sequential sums of exact products can be fine, or not watched."""
    return 8 * order.tag + 4 * rounded + 2 * on_grid + watched


def _bodies(drawn: bool) -> dict[int, TileBody]:
    """All bodies, with random words or without."""
    words = DOMAINS if drawn else dict.fromkeys(DOMAINS, ())
    table = {
        cut_kind(Order.SEQUENTIAL, False, total.on_grid, watched): sequential(
            total, None, watched, words[Order.SEQUENTIAL, False]
        )
        for total in (Cut, GridCut)
        for watched in (False, True)
    }
    for (order, rounded), domains in words.items():
        product = Cut if rounded else None
        if order is Order.KAHAN:
            table[cut_kind(order, rounded)] = kahan(Cut, product, True, domains)
        elif order is Order.PAIRWISE:
            table[cut_kind(order, rounded)] = pairwise(Cut, product, domains)
        elif rounded or order is Order.BLOCKED:
            table[cut_kind(order, rounded)] = sequential(Cut, product, True, domains)
    return table


_cut64, _cut_drawn64 = (
    tile_walk(name, tile_intrinsic(64, TILE64, _bodies(drawn), direction=_BY_REGISTER), TILE64, np.float64)
    for name, drawn in (("cut64", False), ("cut_drawn64", True))
)


@kernel(tile_signature("float64"), possible=HAS_TOWARD_ZERO)
def cut64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """toward_zero and nearest_away."""
    _cut64(a, b, out, first, last, call, constants, status, row_words, column_words)


@kernel(tile_signature("float64"), possible=HAS_TOWARD_ZERO)
def cut_drawn64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """stochastic, stochastic_a and stochastic_b."""
    _cut_drawn64(a, b, out, first, last, call, constants, status, row_words, column_words)
