"""The orders of a tiled GEMM: which sums a step forms, as IR over any of the arithmetics of ``gemm/roundings.py``.

`kind` numbers the bodies of a tile kernel, an order's by its tag; "blocked" mostly is sequential with a block, as long
as k or shorter, and has bodies of its own only where promotions draw random words. Watched bodies look at every result
and tell whether one was beyond the limit that the format's constants name, or NaN: then the tile is not to be used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

from llvmlite import ir

from ..lanes import Value
from .orders import Order
from .roundings import Field
from .shapes import Shape
from .tile import Tile, TileBody
from .words import CORRECTED, CORRECTION, DIFFERENCE, PRODUCT, PROMOTE, SUM

_I64 = ir.IntType(64)

#: regions of scratch (each a tile): the sums, the sums of a block, then pairwise's levels
SUMS, BLOCK, LEVELS = 0, 1, 2

#: vector registers that the states of a tile may take; with fewer than 32 in all, none to spare
_REGISTERS = 24

_Step = Callable[[Value, Value, Value, tuple[Value, int], tuple[Value, ...]], tuple[Sequence[Value], Sequence[Value]]]
_Promote = Callable[[Tile, Value, Value], Value]


class Product(IntEnum):
    """What becomes of a product before it is added."""

    EXACT = 0
    ROUNDED = 1
    NATIVE = 2
    #: exact, and added to the sum by the lane's own addition (`roundings.Direct`)
    DIRECT = 3
    DIRECT_ON_GRID = 4


def kind(order: Order, product: Product = Product.EXACT, watched: bool = False) -> int:
    """The number of a body of a tile kernel. Watched: it also reports its greatest result."""
    return 16 * order.tag + 2 * product + watched


def watch(tile: Tile, seen: Value | None, values: Sequence[Value]) -> Value | None:
    """The greatest magnitude (as bits; NaN is greater than infinity) of `seen` and the values."""
    for x in values if seen is not None else ():
        seen = tile.v.greater_code("umax", seen, tile.v.builder.and_(tile.v.as_int(x), tile.v.magnitude_mask))
    return seen


def beyond(tile: Tile, seen: Value, row: int = 0) -> Value:
    """Whether a lane of `seen` is beyond the limit of a format."""
    return tile.v.any(tile.v.builder.icmp_unsigned(">", seen, tile.constants(row).integer(Field.LIMIT)))


def rows_at_once(shape: Shape, states: int, light: bool = False) -> int:
    """How many of a tile's rows a loop over k does: a part of them where the states of all would not fit in registers.

    `light`: a step needs few registers beside them.
    """
    if states == 1 or (light and states * shape.rows * shape.vectors <= _REGISTERS):
        return shape.rows
    return next(height for height in range(shape.rows // states, 0, -1) if shape.rows % height == 0)


def run_steps(
    tile: Tile,
    region: Value,
    first: Value,
    count: Value,
    states: int,
    step: _Step,
    seen: Value | None,
    light: bool = False,
) -> Value | None:
    """`count` steps from `first` on every sum of a region: `step(k, a, b, place, state) -> (state, results to watch)`.

    state[0] is the sum. Returns the greatest of `seen` and the results, if there is a `seen`. `light`: a step needs few
    registers.
    """
    height = rows_at_once(tile.shape, states, light)
    if height == tile.shape.rows:
        return _rows(tile, region, _I64(0), height, first, count, states, step, seen)

    def some(index: Value, *now: Value) -> list[Value]:
        result = _rows(
            tile,
            region,
            tile.builder.mul(index, _I64(height)),
            height,
            first,
            count,
            states,
            step,
            now[0] if now else None,
        )
        return [] if result is None else [result]

    end = tile.loop(_I64(tile.shape.rows // height), [] if seen is None else [seen], some)
    return end[0] if end else None


def _rows(
    tile: Tile,
    region: Value,
    top: Value,
    height: int,
    first: Value,
    count: Value,
    states: int,
    step: _Step,
    seen: Value | None,
) -> Value | None:
    """`run_steps` on the rows from `top` on."""
    v = tile.v
    places = [(r, n) for r in range(height) for n in range(tile.shape.vectors)]
    rows = [tile.builder.add(top, _I64(r)) for r in range(height)]
    start = [
        v.load(tile.place(region, rows[r], n)) if i == 0 else v.number(0.0) for r, n in places for i in range(states)
    ]

    def body(i: Value, *carried: Value) -> list[Value]:
        k, now = tile.builder.add(first, i), None if seen is None else carried[-1]
        columns = [tile.b(k, n) for n in range(tile.shape.vectors)]
        after: list[Value] = []
        for index, (r, n) in enumerate(places):
            state, results = step(
                k, tile.a(k, rows[r]), columns[n], (rows[r], n), carried[index * states : (index + 1) * states]
            )
            after += state
            now = watch(tile, now, results)
        return after if now is None else [*after, now]

    end = tile.loop(count, start if seen is None else [*start, seen], body)
    for index, (r, n) in enumerate(places):
        v.store(end[index * states], tile.place(region, rows[r], n))
    return None if seen is None else end[-1]


class Draw:
    """The random words of a step, by what is rounded (``gemm/words.py``), as a tuple to be passed on.

    Empty if there are none.
    """

    def __init__(self, tile: Tile, domains: Sequence[int]) -> None:
        self._tile, self._domains = tile, tuple(domains)

    def __call__(self, k: Value, place: tuple[Value, int], domain: int) -> tuple[Value, ...]:
        if not self._domains:
            return ()
        return (self._tile.word(k, place, self._domains.index(domain), len(self._domains)),)


def sequential(
    total: type[Any], product: type[Any] | None = None, watched: bool = False, domains: Sequence[int] = ()
) -> TileBody:
    """s = R(s + a b), or s = R(s + P(a b)); in blocks, whose sums are promoted, where a block is given.

    `domains`: of random words.
    """

    def body(tile: Tile) -> Value | None:
        sums, draw = total(tile.v, tile.constants(0)), Draw(tile, domains)
        terms = None if product is None else product(tile.v, tile.constants(1))

        def step(
            k: Value, a: Value, b: Value, place: tuple[Value, int], state: tuple[Value, ...]
        ) -> tuple[list[Value], list[Value]]:
            if terms is None:
                s = sums.fma(a, b, state[0], *draw(k, place, SUM))
            else:
                s = sums.add(state[0], terms.product(a, b, *draw(k, place, PRODUCT)), *draw(k, place, SUM))
            return [s], [s]

        if tile.v.bits == 16 or (domains and PROMOTE not in domains):  # nothing is promoted
            seen = run_steps(tile, _I64(SUMS), _I64(0), tile.steps, 1, step, tile.v.word(0) if watched else None)
            return None if seen is None else beyond(tile, seen)
        return _in_blocks(tile, step, promote(total.promotion, draw), watched)

    return body


def _in_blocks(tile: Tile, step: _Step, promoted: _Promote, watched: bool) -> Value | None:
    """All of k at once, or block by block with a promotion after each.

    Returns whether something was beyond its limit.
    """
    b, v = tile.builder, tile.v
    blocked = b.icmp_signed(">", tile.block, _I64(0))
    size = b.select(blocked, tile.block, tile.steps)
    region = b.select(blocked, _I64(BLOCK), _I64(SUMS))
    for r, n in tile.places():
        v.store(v.number(0.0), tile.place(BLOCK, r, n))

    def one(index: Value, seen: Value, seen_promoted: Value) -> list[Value]:
        first = b.mul(index, size)
        left = b.sub(tile.steps, first)
        count = b.select(b.icmp_signed("<", left, size), left, size)
        result = run_steps(tile, region, first, count, 1, step, seen if watched else None)
        (seen_promoted,) = tile.when(blocked, [seen_promoted], lambda s: [promoted(tile, s, index)])
        return [seen if result is None else result, seen_promoted]

    blocks = b.udiv(b.sub(b.add(tile.steps, size), _I64(1)), size)
    seen, seen_promoted = tile.loop(blocks, [v.word(0), v.word(0)], one)
    return b.or_(beyond(tile, seen), beyond(tile, seen_promoted, 2))


def promote(total: type[Any], draw: Draw) -> _Promote:
    """sums = R(sums + block) in the promotion's format, or the lane's own; the block is set to +0 again."""

    def body(tile: Tile, seen: Value, index: Value) -> Value:
        v, constants = tile.v, tile.constants(2)
        rounded, native = total(v, constants), constants.flag(Field.NATIVE)
        for r, n in tile.places():
            sums, block = (v.load(tile.place(region, r, n)) for region in (SUMS, BLOCK))
            r_ = tile.builder.select(
                native,
                tile.builder.fadd(sums, block),
                rounded.add_any(sums, block, *draw(index, (_I64(r), n), PROMOTE)),
            )
            seen = watch(tile, seen, [r_]) if total.watched else seen
            v.store(r_, tile.place(SUMS, r, n))
            v.store(v.number(0.0), tile.place(BLOCK, r, n))
        return seen

    return body


def kahan(
    total: type[Any], product: type[Any] | None = None, watched: bool = False, domains: Sequence[int] = ()
) -> TileBody:
    """y = R(P(a b) - e); t = R(s + y); e = R(R(t - s) - y); s = t.

    No result passes the format's largest number, so that none needs watching, if S = |c| + sum |P(a b)| is at most a
    quarter of it, all roundings are to nearest, and k u^2 <= 0.08 for u = 2^-p <= 1/32. Write t = s + y + d1, d = (t -
    s)(1 + d2), e = (d - y)(1 + d3), y = (P(a b) - e)(1 + d4), |d1| <= u |t|, the others at most u, and M for the
    greatest |s|. Then |e| <= 1.3 u (M + |P(a b)|), and a step adds to s - e its term but for 2 u |e| + u |P(a b)| + u
    |y| + 2.2 u^2 M at most, so that M <= S (1 + 8 u) + 5 k u^2 M + 1.3 u M <= 2.3 S; y, d and e are smaller.
    """

    def body(tile: Tile) -> Value | None:
        sums = total(tile.v, tile.constants(0))
        flip = tile.builder.fneg
        draw = Draw(tile, domains)
        terms = None if product is None else product(tile.v, tile.constants(1))

        def step(
            k: Value, a: Value, b: Value, place: tuple[Value, int], state: tuple[Value, ...]
        ) -> tuple[list[Value], list[Value]]:
            s, e = state
            corrected = draw(k, place, CORRECTED)
            if terms is None:
                y = sums.pair(a, b, flip(e), *corrected)  # a zero y has no say: s is never -0
            else:
                y = sums.add(terms.product(a, b, *draw(k, place, PRODUCT)), flip(e), *corrected)
            t = sums.add(s, y, *draw(k, place, SUM))
            d = sums.add(t, flip(s), *draw(k, place, DIFFERENCE))
            e = sums.add(d, flip(y), *draw(k, place, CORRECTION))
            return [t, e], [y, t, d, e]

        seen = run_steps(
            tile, _I64(SUMS), _I64(0), tile.steps, 2, step, tile.v.word(0) if watched else None, total.light
        )
        return None if seen is None else beyond(tile, seen)

    return body
