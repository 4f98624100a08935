"""The register tile: `rows` x `vectors` sums whose accumulators never leave the registers, as LLVM vector IR.

A tile reads packed operands, a as [k][rows] and b as [k][vectors x lanes] (``gemm/pack.py``), and keeps its sums in
`scratch`, [rows][vectors x lanes], which holds the starting values before and the results after. What a step computes
is said by the orders (``gemm/bodies.py``); here are the loop over k, the loads, and the choice among bodies by a
run-time number, outside the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..carried import carried
from ..lanes import Lanes, Value, prefetch
from ..outlined import keep_aligned
from .direction import Direction, restore, set_direction
from .roundings import FormatRow
from .shapes import Shape

_I32, _I64 = ir.IntType(32), ir.IntType(64)


class Tile:
    """One tile while its IR is being built: pointers, lanes, and the loop over k."""

    def __init__(self, context, builder, signature, args, v: Lanes, shape: Shape) -> None:
        self.builder, self.shape, self.v = builder, shape, v
        arrays = (1, 3, 5, 6, 7, 8)
        data = [context.make_array(signature.args[i])(context, builder, args[i]).data for i in arrays]
        kinds = (v.broadcast, v.scalar_float, v.scalar_float)
        data[:3] = [
            builder.bitcast(x, kind.as_pointer()) for x, kind in zip(data, kinds, strict=False)
        ]  # half precision comes as codes
        self._a, self._b = builder.gep(data[0], [args[2]]), builder.gep(data[1], [args[4]])
        self.scratch, self._constants = data[2], data[5]
        self._row_words, self._column_words, self._offsets = data[3], data[4], (args[2], args[4])
        self.steps, self.block = args[9], args[10]

    def constants(self, row: int) -> FormatRow:
        """The constants of a format: 0 the sum's, 1 the product's, 2 the promotion's."""
        return FormatRow(self.v, self._constants, row)

    def _at(self, pointer: Value, k: Value, size: int, offset: int | Value) -> Value:
        b = self.builder
        offset = _I64(offset) if isinstance(offset, int) else offset
        return b.gep(pointer, [b.add(b.mul(k, _I64(size)), offset)])

    def a(self, k: Value, row: int | Value) -> Value:
        """a[row, k] in every lane."""
        return self.v.splat(self.builder.load(self._at(self._a, k, self.shape.rows, row)))

    def b(self, k: Value, vector: int) -> Value:
        """b[k, the vector's columns]."""
        return self.v.load(self._at(self._b, k, self.shape.width, vector * self.shape.lanes))

    def word(self, k: Value, place: tuple[Value, int], which: int, each: int) -> Value:
        """The random word number `which` of the `each` that step k of (row, vector) has.

        The product of a row's and a column's, modulo 2^32, in the lower half of 64-bit lanes (the upper half holds
        anything).
        """
        b, v, (row, vector) = self.builder, self.v, place
        row_word = v.as_int(
            Lanes(b, self.shape.lanes * v.bits // 32).splat(b.load(self._word_at(0, k, which, each, row)))
        )
        at = self._word_at(1, k, which, each, vector * self.shape.lanes)
        column_words = b.load(b.bitcast(at, ir.VectorType(_I32, self.shape.lanes).as_pointer()), align=4)
        if v.bits == 32:
            return b.mul(row_word, column_words)
        return b.mul(b.and_(row_word, v.word(0xFFFFFFFF)), b.zext(column_words, v.int))

    def _word_at(self, side: int, k: Value, which: int, each: int, offset: int | Value) -> Value:
        """Words lie like the operand, but `each` times [rows] (or [width]) for a step."""
        b, size = self.builder, (self.shape.rows, self.shape.width)[side]
        pointer = b.gep((self._row_words, self._column_words)[side], [b.mul(self._offsets[side], _I64(each))])
        offset = _I64(offset) if isinstance(offset, int) else offset
        return self._at(pointer, k, size * each, b.add(offset, _I64(which * size)))

    def place(self, region: int | Value, row: int | Value, vector: int) -> Value:
        """Where the sums of a row and vector lie in a region of `scratch`: 0 the sums, others the orders' own."""
        b, tile = self.builder, self.shape.rows * self.shape.width
        region, row = (_I64(x) if isinstance(x, int) else x for x in (region, row))
        offset = b.add(b.mul(region, _I64(tile)), b.mul(row, _I64(self.shape.width)))
        return b.gep(self.scratch, [b.add(offset, _I64(vector * self.shape.lanes))])

    def places(self) -> list[tuple[int, int]]:
        """All (row, vector)."""
        return [(r, n) for r in range(self.shape.rows) for n in range(self.shape.vectors)]

    def loop(self, count: Value, start: Sequence[Value], body: Callable[..., Sequence[Value]]) -> list[Value]:
        """`body(i, *carried) -> carried` for i = 0 .. count - 1, the carried values in registers."""
        return carried(self.builder, _I64(0), count, start, body)

    def when(self, condition: Value, start: Sequence[Value], body: Callable[..., Sequence[Value]]) -> list[Value]:
        """`body(*start)` where a scalar condition holds, else `start`."""
        b = self.builder
        before = b.block
        work = b.append_basic_block("tile.when")
        done = b.append_basic_block("tile.joined")
        b.cbranch(condition, work, done)
        b.position_at_end(work)
        after, end = body(*start), b.block
        b.branch(done)
        b.position_at_end(done)
        phis = [b.phi(x.type) for x in start]
        for phi, x, y in zip(phis, start, after, strict=True):
            phi.add_incoming(x, before)
            phi.add_incoming(y, end)
        return phis


#: a body emits the work of a tile; it returns whether a result was beyond what is allowed (i1), or None if it does not
#: look
TileBody = Callable[[Tile], "Value | None"]


def tile_intrinsic(
    bits: int,
    shape: Shape,
    bodies: dict[int, TileBody],
    lanes: Callable[..., Lanes] = Lanes,
    direction: Direction | None = None,
):
    """The intrinsic of a tile: 0, or 1 if something was beyond its limit.

    Takes (kind, a, a's offset, b, b's offset, scratch, row words, column words, constants, k, block). `direction`:
    how all of it is rounded, by the CPU's register.
    """

    def typer(typingctx, kind, a, a_offset, b, b_offset, scratch, row_words, column_words, constants, steps, block):
        i64 = types.int64
        signature = i64(i64, a, i64, b, i64, scratch, row_words, column_words, constants, i64, i64)

        def codegen(context, builder, sig, args):
            v = lanes(builder, shape.lanes) if bits == 16 else lanes(builder, shape.lanes, bits)
            keep_aligned(builder.function)
            tile = Tile(context, builder, sig, args, v, shape)
            before = None if direction is None else set_direction(builder, direction)
            end = builder.append_basic_block("tile.end")
            switch, outcomes = builder.switch(args[0], end), [(_I64(0), builder.block)]
            for tag, body in bodies.items():
                start = builder.append_basic_block(f"tile.body{tag}")
                switch.add_case(tag, start)
                builder.position_at_end(start)
                beyond = body(tile)
                outcomes.append((_I64(0) if beyond is None else builder.zext(beyond, _I64), builder.block))
                builder.branch(end)
            builder.position_at_end(end)
            result = builder.phi(_I64)
            for value, block_ in outcomes:
                result.add_incoming(value, block_)
            if before is not None:
                restore(builder, before)
            return result

        return signature, codegen

    return intrinsic(typer)


def tile_request(shape: Shape):
    """The intrinsic (out, to, step): asks for the lines of out that a tile at out[to] will be written to.

    A tile's rows lie a matrix's row apart, which no CPU foresees; while the sums are formed they come.
    """

    def typer(typingctx, out, to, step):
        return types.void(out, types.int64, types.int64), generate

    def generate(context, builder, sig, args):
        out = context.make_array(sig.args[0])(context, builder, args[0]).data
        line = 64 * 8 // sig.args[0].dtype.bitwidth
        for r in range(shape.rows):
            for place in (*range(0, shape.width, line), shape.width - 1):
                at = builder.add(builder.add(args[1], builder.mul(args[2], _I64(r))), _I64(place))
                prefetch(builder, builder.gep(out, [at]), write=True)
        return context.get_dummy_value()

    return intrinsic(typer)


def tile_move(shape: Shape):
    """The intrinsic (x, at, stride, out, to, step).

    A whole tile whose rows begin at x[at + r stride] to out[to + r step], in vectors.

    Arrays of one type, or codes of half precision to their values. LLVM makes such loops of scalar moves.
    """

    def typer(typingctx, x, at, stride, out, to, step):
        i64 = types.int64
        return types.void(x, i64, i64, out, i64, i64), generate

    def generate(context, builder, sig, args):
        source, target = (context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 3))
        kinds = [ir.VectorType(p.type.pointee, shape.lanes) for p in (source, target)]
        for r in range(shape.rows):
            for n in range(shape.vectors):
                places = [
                    builder.gep(
                        pointer, [builder.add(builder.add(start, builder.mul(stride, _I64(r))), _I64(n * shape.lanes))]
                    )
                    for pointer, start, stride in ((source, args[1], args[2]), (target, args[4], args[5]))
                ]
                value = builder.load(builder.bitcast(places[0], kinds[0].as_pointer()), align=2)
                if kinds[0] != kinds[1]:
                    value = builder.fpext(builder.bitcast(value, ir.VectorType(ir.HalfType(), shape.lanes)), kinds[1])
                builder.store(value, builder.bitcast(places[1], kinds[1].as_pointer()), align=2)
        return context.get_dummy_value()

    return intrinsic(typer)
