"""The exact order in tiles: sums of products without any error, in three float64 numbers each, rounded once at the end.

Where three do not hold a sum (the exponents of its terms span more than they can), or a term is infinite or NaN, the
tile is marked and the long accumulator of the plain rule does it (``arithmetic/long_sum.py``).
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir

from ...formats.rounding import Rounding
from ..jit import device, kernel
from ..lanes import Value
from ..rounding.scalar import load_spec, round_value
from ..to_odd import fma_and_error, to_odd_of, two_sum, two_sum_of
from .bodies import SUMS, kind
from .orders import Order
from .shapes import TILE64
from .tile import Tile, TileBody, tile_intrinsic
from .walk import tile_signature, tile_walk

_I64 = ir.IntType(64)
_TOWARD_NEGATIVE = Rounding.TOWARD_NEGATIVE.tag
_SIZE = TILE64.rows * TILE64.width


def exact() -> TileBody:
    """The exact sum as three floats (the first three regions of scratch): every addition's error goes to the next one.

    The sum of the three is exact as long as the last one's additions are, which is watched: `beyond` says that one was
    not (or that something was infinite or NaN).
    """

    def body(tile: Tile) -> Value | None:
        v, b = tile.v, tile.builder

        def rows(index: Value, lost: Value) -> list[Value]:
            top = b.mul(index, _I64(height))
            row = [b.add(top, _I64(r)) for r in range(height)]
            places = [(r, n) for r in range(height) for n in range(tile.shape.vectors)]
            start = [
                v.load(tile.place(SUMS, row[r], n)) if i == 0 else v.number(0.0) for r, n in places for i in range(3)
            ]

            def step(k: Value, lost: Value, *carried: Value) -> list[Value]:
                after = []
                columns = [tile.b(k, n) for n in range(tile.shape.vectors)]
                for index, (r, n) in enumerate(places):
                    high, middle, low = carried[3 * index : 3 * index + 3]
                    high, error = fma_and_error(v, tile.a(k, row[r]), columns[n], high)
                    middle, error = two_sum(v, middle, error)
                    low, error = two_sum(v, low, error)
                    after += [high, middle, low]
                    lost = b.or_(lost, v.as_int(error))
                return [lost, *after]

            lost, *end = tile.loop(tile.steps, [lost, *start], step)
            for index, (r, n) in enumerate(places):
                for region in range(3):
                    v.store(end[3 * index + region], tile.place(region, row[r], n))
            return [lost]

        height = max(1, tile.shape.rows // 3)
        (lost,) = tile.loop(_I64(tile.shape.rows // height), [v.word(0)], rows)
        return v.any(b.icmp_unsigned("!=", b.and_(lost, v.magnitude_mask), v.word(0)))

    return body


@device
def _round_three(high, middle, low, spec):
    """high + middle + low rounded once, or NaN: not in two floats, or a zero whose sign is not known here.

    Two floats are rounded to odd first, which leaves two bits more than a format of p <= 51 has; for p = 53 the sum to
    nearest is the result (the caller asks for no other mode of such formats).
    """
    s, error = two_sum_of(high, middle)
    t, remainder = two_sum_of(error, low)
    s, t = two_sum_of(s, t)
    if remainder != 0.0 or not abs(s) < math.inf or (s == 0.0 and spec.mode == _TOWARD_NEGATIVE):
        return math.nan
    return round_value(to_odd_of(s, t) if spec.precision <= 51 else s, spec, np.uint64(0))


@device
def _round_all(scratch, constants):
    """Every sum of a tile, in the first region of scratch; 1 if there is one that this does not know."""
    spec, beyond = load_spec(constants.view(np.float64)), 0
    for i in range(_SIZE):
        r = _round_three(scratch[i], scratch[_SIZE + i], scratch[2 * _SIZE + i], spec)
        scratch[i] = r
        if r != r:
            beyond = 1
    return beyond


_exact64 = tile_walk(
    "exact64", tile_intrinsic(64, TILE64, {kind(Order.EXACT): exact()}), TILE64, np.float64, _round_all
)


@kernel(tile_signature("float64"))
def exact64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """One rounding of the exact sum, where three floats hold it."""
    _exact64(a, b, out, first, last, call, constants, status, row_words, column_words)
