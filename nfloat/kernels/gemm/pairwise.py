"""Pairwise sums in tiles: which sums are formed when, as IR over any of the arithmetics of ``gemm/roundings.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from ..lanes import Value
from .bodies import LEVELS, SUMS, Draw, beyond, watch
from .tile import Tile, TileBody
from .words import PRODUCT, SUM

_I64 = ir.IntType(64)
Arithmetic = Any


def pairwise(
    total: type[Any], product: type[Any] | None = None, domains: Sequence[int] = (), watched: bool = True
) -> TileBody:
    """Neighbours level by level: a few products make a node in registers, equal nodes are merged as they come.

    A node has 2^shift products; region LEVELS + l of scratch holds a sum of 2^l nodes where bit l of their number is
    set. The odd products and these sums are folded from the right at the end, then c is added: an odd last one passes
    up. Signs of zeros do not matter before c, which is not -0, is added.

    No result passes the format's largest number, so that none needs watching, if |c| + sum |a b| is at most a sixteenth
    of it and p >= 5. The first rounding of a term (or of two) at most doubles it (or them), whatever the grid, as does
    that of a product before it; later ones, of numbers on the grid, add at most 2^-p of the sum: (1 + 2^-5)^40 < 4 at
    40 levels. An odd term moves the number on the grid that it is added to by at most twice itself, and c is moved so.
    """

    def body(tile: Tile) -> Value | None:
        sums = total(tile.v, tile.constants(0))
        terms = None if product is None else product(tile.v, tile.constants(1))
        tree = _Tree(
            tile, sums, terms, Draw(tile, domains), shift=3 if total.short else 1
        )  # of long ones less is unrolled
        nodes = tile.builder.lshr(tile.steps, _I64(tree.shift))
        (seen,) = tile.loop(nodes, [tile.v.word(0)], tree.one)
        seen = tree.fold(nodes, seen)
        return beyond(tile, seen) if watched and total.watched else None

    return body


class _Tree:
    """The pieces of `pairwise`."""

    def __init__(self, tile: Tile, sums: Arithmetic, terms: Arithmetic | None, draw: Draw, shift: int) -> None:
        self.tile = tile
        self.sums = sums
        self.terms = terms
        self.draw = draw
        self.shift = shift

    def leaf(self, k: Value, row: Value, vector: int) -> Value:
        """The product of step k as it takes part in sums: rounded, or exact."""
        a, b = self.tile.a(k, row), self.tile.b(k, vector)
        return (
            self.tile.builder.fmul(a, b)
            if self.terms is None
            else self.terms.product(a, b, *self.draw(k, (row, vector), PRODUCT))
        )

    def node(self, k: Value, size: int, row: Value, vector: int, seen: Value) -> tuple[Value, Value]:
        """The sum of the `size` (a power of two) products from k on, and `seen` with all sums formed for it."""
        b, half = self.tile.builder, size // 2
        if size == 1:
            return self.leaf(k, row, vector), seen
        middle = b.add(k, _I64(half))
        words = self.draw(middle, (row, vector), SUM)  # of the step where the second half begins
        first, seen = self.node(k, half, row, vector, seen)
        if size == 2 and self.terms is None:
            r = self.sums.pair(self.tile.a(middle, row), self.tile.b(middle, vector), first, *words)
        else:
            second, seen = self.node(middle, half, row, vector, seen)
            r = self.sums.add(first, second, *words)
        return r, watch(self.tile, seen, [r])

    def each(self, seen: Value, work: Callable[[Value, int, Value], Value]) -> Value:
        """`seen = work(row, vector, seen)` over the tile: a loop over rows, since states lie in memory."""

        def one(row: Value, seen: Value) -> list[Value]:
            for vector in range(self.tile.shape.vectors):
                seen = work(row, vector, seen)
            return [seen]

        return self.tile.loop(_I64(self.tile.shape.rows), [seen], one)[0]

    def one(self, index: Value, seen: Value) -> list[Value]:
        """A node, and the merges that it completes: as many as the index has trailing ones."""
        tile, b = self.tile, self.tile.builder
        merges = b.cttz(b.not_(index), ir.IntType(1)(0))
        k = b.shl(index, _I64(self.shift))

        def work(row: Value, vector: int, seen: Value) -> Value:
            def merge(level: Value, node: Value, seen: Value) -> list[Value]:
                begin = b.sub(b.add(index, _I64(1)), b.shl(_I64(1), level))
                words = self.draw(b.shl(begin, _I64(self.shift)), (row, vector), SUM)
                r = self.sums.add(tile.v.load(tile.place(b.add(level, _I64(LEVELS)), row, vector)), node, *words)
                return [r, watch(tile, seen, [r])]

            node, seen = tile.loop(merges, self.node(k, 1 << self.shift, row, vector, seen), merge)
            tile.v.store(node, tile.place(b.add(merges, _I64(LEVELS)), row, vector))
            return seen

        return [self.each(seen, work)]

    def fold(self, nodes: Value, seen: Value) -> Value:
        """Everything that has no equal neighbour, from the right, then c."""
        tile, b, v = self.tile, self.tile.builder, self.tile.v
        odd = b.and_(tile.steps, _I64((1 << self.shift) - 1))

        def work(row: Value, vector: int, seen: Value) -> Value:
            state = [v.number(0.0), ir.IntType(1)(0), seen]  # the sum so far, whether there is one

            def odd_ones(size: int, present: Value, seen: Value, now: Value) -> list[Value]:
                # they lie in the order 4, 2, 1 behind the nodes
                k = b.sub(tile.steps, b.and_(tile.steps, _I64(2 * size - 1)))
                left, seen = self.node(k, size, row, vector, seen)
                return self._join(left, now, present, seen, self.draw(b.add(k, _I64(size)), (row, vector), SUM))

            for size in (1 << i for i in range(self.shift)):
                there = b.icmp_signed("!=", b.and_(odd, _I64(size)), _I64(0))
                state = tile.when(
                    there, state, lambda now, present, seen, size=size: odd_ones(size, present, seen, now)
                )

            def level(index: Value, *now: Value) -> list[Value]:
                bit = b.and_(b.lshr(nodes, index), _I64(1))
                place = tile.place(b.add(index, _I64(LEVELS)), row, vector)
                end = b.shl(
                    b.lshr(nodes, index), b.add(index, _I64(self.shift))
                )  # where the nodes from this one to the left end
                words = self.draw(end, (row, vector), SUM)
                return tile.when(
                    b.icmp_signed("!=", bit, _I64(0)),
                    now,
                    lambda now, present, seen: self._join(v.load(place), now, present, seen, words),
                )

            used = b.sub(_I64(64), b.ctlz(nodes, ir.IntType(1)(0)))
            node, _, seen = tile.loop(used, state, level)
            r = self.sums.add_any(node, v.load(tile.place(SUMS, row, vector)), *self.draw(_I64(0), (row, vector), SUM))
            v.store(r, tile.place(SUMS, row, vector))
            return watch(tile, seen, [r])

        return self.each(seen, work)

    def _join(self, left: Value, node: Value, present: Value, seen: Value, words: tuple[Value, ...]) -> list[Value]:
        """left + what stands to its right, if anything does."""
        r = self.sums.add_any(left, node, *words)
        seen = self.tile.builder.select(present, watch(self.tile, seen, [r]), seen)
        return [self.tile.builder.select(present, r, left), ir.IntType(1)(1), seen]
