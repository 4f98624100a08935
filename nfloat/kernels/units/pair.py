"""Arm's pairwise units (`linalg.units.sums.PairSum`): c + (a0 b0 + a1 b1), two k a step.

float32 lanes, for operands whose products and sums stay normal: products of two bfloat16 (or float16) numbers are exact
in float32, so the pair's one rounding is one addition; rounding to odd is TwoSum and a correction. float64 lanes take
everything: products are exact, sums are rounded to odd in float64 and then once to float32; the odd form flushes below
2^-126.
"""

from __future__ import annotations

from functools import partial

from ..jit import kernel
from ..lanes import Value
from ..to_odd import sum_to_odd
from .tile import UnitCall, UnitTile, flushed, unit_signature, unit_walk

#: rows of a tile
ROWS = 4


def _pairs(t: UnitTile, product, plus) -> None:
    """The walk over pairs of k, with a product and a sum of two numbers."""
    b, v = t.builder, t.v

    def body(i: Value, *c: Value) -> list[Value]:
        columns, out = [], []
        for k in (0, 1):
            place_b = b.add(t.at_b, t.mul(i, 2 * v.count))
            columns.append(t.vector(t.b, b.add(place_b, t.zero.type(k * v.count))))
        at_a = b.add(t.at_a, t.mul(i, 2 * t.rows))
        for r, own in enumerate(c):
            p = [product(t.row(t.a, b.add(at_a, t.zero.type(k * t.rows)), r), x) for k, x in enumerate(columns)]
            out.append(plus(own, plus(*p)))
        return out

    t.store_out(t.loop(t.call(UnitCall.STEPS), t.load_out(), body))


def _normal(t: UnitTile, odd: bool) -> None:
    b = t.builder
    _pairs(t, b.fmul, partial(sum_to_odd, t.v) if odd else b.fadd)


def _any(t: UnitTile, odd: bool) -> None:
    b, v = t.builder, t.v
    end = partial(_to_odd32, t) if odd else partial(_to_nearest32, t)
    product = (lambda x, y: flushed(v, _limited(t, b.fmul(x, y)))) if odd else b.fmul
    _pairs(t, product, lambda x, y: end(sum_to_odd(v, x, y)))


def _to_nearest32(t: UnitTile, x: Value) -> Value:
    """float64 lanes, rounded to odd before, to float32's values."""
    return t.builder.fpext(t.builder.fptrunc(x, t.e.float), t.v.float)


def _to_odd32(t: UnitTile, x: Value) -> Value:
    """float64 lanes to float32's values: to odd, zeros of x's sign below 2^-126, infinite from 2^128 on."""
    b, v = t.builder, t.v
    low = v.word((1 << 29) - 1)
    sticky = b.add(b.and_(v.as_int(x), low), low)  # bit 29 is set iff one of the low bits is
    odd = v.as_float(b.and_(b.or_(v.as_int(x), sticky), b.not_(low)))
    return flushed(v, _limited(t, odd))


def _limited(t: UnitTile, x: Value) -> Value:
    """x, infinite from 2^128 on: all that a product of 24 bits at most needs to become a float32 number."""
    b, v = t.builder, t.v
    infinite = v.as_float(b.or_(b.and_(v.as_int(x), v.sign_mask), v.exponent_mask))
    return b.select(b.fcmp_ordered(">=", v.magnitude(x), v.number(2.0**128)), infinite, x)


_tile_odd = unit_walk(partial(_normal, odd=True), 32, ROWS)
_tile_nearest = unit_walk(partial(_normal, odd=False), 32, ROWS)
_tile_odd_any = unit_walk(partial(_any, odd=True), 64, ROWS)
_tile_nearest_any = unit_walk(partial(_any, odd=False), 64, ROWS)


@kernel(unit_signature(32))
def pair_odd(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """To odd, operands in the normal range."""
    _tile_odd(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(32))
def pair_nearest(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """To nearest, operands in the normal range."""
    _tile_nearest(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(64))
def pair_odd_any(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """To odd, any operands."""
    _tile_odd_any(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(64))
def pair_nearest_any(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """To nearest, any operands."""
    _tile_nearest_any(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)
