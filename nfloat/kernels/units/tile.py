"""What the matrix-unit micro-kernels share: the tile, its loops, the plan of a call, and the walk over tiles.

A micro-kernel computes a tile of `rows` x one vector of D with every accumulator in a register across all of k. It is
LLVM vector IR in an intrinsic (`unit_walk`): ``units/aligned.py``, ``units/grouped.py``, ``units/amd.py``,
``units/chain.py``, ``units/pair.py``. Operands are packed (``units/pack.py``) as [tile][k][rows] and [panel][k][lanes],
with exponents beside them where the arithmetic needs them: [tile][k][rows] and [panel][k][lanes][2] in int16.
`UnitCall` names the integers of a call; `_place` says where tile t, panel p is.

The result lies in `out` (padded to whole tiles), which holds C, or zeros, before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..jit import call_compiled, cpu_features, device
from ..lanes import Lanes, Value
from ..outlined import keep_aligned

#: float32 lanes of a vector: one 512-bit register, or one of 256 bits (the bits of results do not depend on it)
WIDTH = 16 if "+avx512f" in cpu_features() else 8

_I16 = ir.IntType(16)
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)


class UnitCall(IntEnum):
    """The integers of a call, by position in the plan array. What a micro-kernel does not name, it does not read."""

    TILES = 0  # tiles of rows in one item of the batch
    PANELS = 1  # vectors of columns
    A_SIZE = 2  # elements of a packed tile of a, of a packed panel of b, and of their scales
    B_SIZE = 3
    SA_SIZE = 4
    SB_SIZE = 5
    ROWS = 6  # rows of a tile
    LANES = 7  # columns of a panel
    SEGMENTS = 8  # runs of steps, a separate addition after each
    STEPS = 9  # steps in a run
    STEP = 10  # k in a step
    FRACTION = 11  # F
    CLAMP = 12  # the least alignment exponent
    EMIN_C = 13  # least normal exponent of C
    KEPT = 14  # fraction bits of the truncated output
    PROMOTE = 15  # 1: runs start from +0 and are added to C
    NAN = 16  # bits of the NaN that results have
    EMIN_SCALE = 17  # least normal exponent of the scales
    COUNT = 18


class UnitTile:
    """One call of a micro-kernel while its IR is being built: pointers, offsets, the plan, and lanes.

    `v` are the lanes of the arithmetic (float32 or float64), `e` float32 and int32 lanes of the same count, for
    exponents.
    """

    def __init__(self, context, builder, signature, args, bits: int, rows: int) -> None:
        self.builder, self.rows = builder, rows
        self.v = Lanes(builder, WIDTH if bits == 32 else WIDTH // 2, bits)
        self.e = Lanes(builder, self.v.count, 32)
        data = [
            context.make_array(t)(context, builder, x).data for t, x in zip(signature.args[:8], args[:8], strict=True)
        ]
        self.a, self.ea, self.b, self.eb, self.sa, self.sb, self.out, self._call = data
        places = [builder.extract_value(args[8], i) for i in range(5)]
        self.at_a, self.at_b, self.at_sa, self.at_sb, self.at_out = places
        self.zero, self.one = _I64(0), _I64(1)

    def call(self, key: UnitCall) -> Value:
        """A number of the plan, as a 64-bit scalar."""
        return self.builder.load(self.builder.gep(self._call, [_I64(int(key))]))

    def call32(self, key: UnitCall) -> Value:
        """A number of the plan in every int32 lane."""
        return self.e.splat(self.builder.trunc(self.call(key), _I32))

    def mul(self, x: Value, y: int) -> Value:
        """An offset times a constant."""
        return self.builder.mul(x, _I64(y))

    def row(self, pointer: Value, offset: Value, r: int) -> Value:
        """Element r of a packed row-tile step, in every lane."""
        b = self.builder
        scalar = b.load(b.gep(pointer, [b.add(offset, _I64(r))]))
        return (self.v if scalar.type == self.v.scalar_float else self.e).splat(scalar)

    def vector(self, pointer: Value, offset: Value) -> Value:
        """A vector of a packed panel: floats of the lanes, float32, or int32 exponents."""
        b = self.builder
        place = b.gep(pointer, [offset])
        if place.type.pointee == _I32:
            return b.load(b.bitcast(place, self.e.int.as_pointer()), align=4)
        return (self.v if place.type.pointee == self.v.scalar_float else self.e).load(place)

    def exponents_a(self, offset: Value, q: int) -> Value:
        """The exponents of rows 2 q and 2 q + 1 of a packed step, two int16 in every 32-bit lane."""
        b = self.builder
        place = b.bitcast(b.gep(self.ea, [b.add(offset, _I64(2 * q))]), _I32.as_pointer())
        return b.bitcast(self.e.splat(b.load(place, align=2)), ir.VectorType(_I16, 2 * self.v.count))

    def exponents_b(self, offset: Value) -> Value:
        """The exponents of a packed panel's columns, each twice."""
        b = self.builder
        kind = ir.VectorType(_I16, 2 * self.v.count)
        return b.load(b.bitcast(b.gep(self.eb, [self.mul(offset, 2)]), kind.as_pointer()), align=2)

    def splat16(self, scalar: Value) -> Value:
        """A 64-bit scalar in every int16 lane."""
        b = self.builder
        low = b.and_(b.trunc(scalar, _I32), _I32(0xFFFF))
        word = b.or_(low, b.shl(low, _I32(16)))
        return b.bitcast(self.e.splat(word), ir.VectorType(_I16, 2 * self.v.count))

    def greater16(self, x: Value, y: Value) -> Value:
        """The greater of int16 lanes."""
        function = ir.FunctionType(x.type, [x.type, x.type])
        name = f"llvm.smax.v{2 * self.v.count}i16"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, function, name), [x, y])

    def load_out(self) -> list[Value]:
        """The tile of `out`, one vector a row, widened to the lanes."""
        b = self.builder
        rows = [b.load(self._out(r), align=4) for r in range(self.rows)]
        return [x if x.type == self.v.float else b.fpext(x, self.v.float) for x in rows]

    def store_out(self, values: Sequence[Value]) -> None:
        """Write the tile in the type of `out`, every NaN as the plan's NaN."""
        b, v = self.builder, self.v
        double = self.out.type.pointee == ir.DoubleType()
        nan = v.as_float(v.splat(self.call(UnitCall.NAN))) if double else self.e.as_float(self.call32(UnitCall.NAN))
        for r, x in enumerate(values):
            narrow = x if x.type == nan.type else b.fptrunc(x, self.e.float)
            b.store(b.select(b.fcmp_unordered("uno", x, x), nan, narrow), self._out(r), align=4)

    def _out(self, r: int) -> Value:
        b = self.builder
        stride = b.mul(self.call(UnitCall.PANELS), self.call(UnitCall.LANES))
        place = b.gep(self.out, [b.add(self.at_out, self.mul(stride, r))])
        return b.bitcast(place, ir.VectorType(self.out.type.pointee, self.v.count).as_pointer())

    def loop(self, count: Value, start: Sequence[Value], body: Callable[..., Sequence[Value]]) -> list[Value]:
        """Run `body(i, *carried) -> carried` for i = 0 .. count - 1 (count >= 1), the values carried in registers."""
        b = self.builder
        before = b.block
        head, done = b.append_basic_block("loop"), b.append_basic_block("done")
        b.branch(head)
        b.position_at_end(head)
        i = b.phi(_I64)
        i.add_incoming(self.zero, before)
        carried = [b.phi(x.type) for x in start]
        for phi, x in zip(carried, start, strict=True):
            phi.add_incoming(x, before)
        after = list(body(i, *carried))
        following = b.add(i, self.one)
        for phi, x in zip([i, *carried], [following, *after], strict=True):
            phi.add_incoming(x, b.block)
        b.cbranch(b.icmp_signed("<", following, count), head, done)
        b.position_at_end(done)
        return after

    def when(self, condition: Value, yes: Callable[[], Value], no: Callable[[], Value]) -> Value:
        """The value of one of two branches, by a scalar condition."""
        b = self.builder
        blocks = [b.append_basic_block(name) for name in ("yes", "no", "joined")]
        b.cbranch(condition, blocks[0], blocks[1])
        ends = []
        for block, make in zip(blocks, (yes, no), strict=False):
            b.position_at_end(block)
            value = make()
            ends.append((value, b.block))
            b.branch(blocks[2])
        b.position_at_end(blocks[2])
        phi = b.phi(ends[0][0].type)
        for value, block in ends:
            phi.add_incoming(value, block)
        return phi

    def unary(self, name: str, x: Value) -> Value:
        """trunc, floor, ... on all lanes."""
        kind = f"v{self.v.count}f{self.v.bits}"
        function = ir.FunctionType(x.type, [x.type])
        return self.builder.call(
            cgutils.get_or_insert_function(self.builder.module, function, f"llvm.{name}.{kind}"), [x]
        )


def flushed(v: Lanes, x: Value) -> Value:
    """x, or a zero of its sign where |x| < 2^-126."""
    b = v.builder
    tiny = b.fcmp_ordered("<", v.magnitude(x), v.number(2.0**-126))
    return b.select(tiny, v.as_float(b.and_(v.as_int(x), v.sign_mask)), x)


def unit_walk(build: Callable[[UnitTile], None], bits: int, rows: int):
    """The whole of a unit kernel: the IR of a tile (`build`), for tiles from `first` to last - 1 and all panels.

    Tiles of one item of the batch are done panel by panel: a panel of b stays in the first cache, and an item has its
    own.
    """

    def typer(typingctx, a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
        signature = types.void(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)
        return signature, partial(_walk, build=build, bits=bits, rows=rows)

    return intrinsic(typer)


def _walk(context, builder, signature, args, build: Callable[[UnitTile], None], bits: int, rows: int):
    keep_aligned(builder.function)
    *arrays, first, last = args
    call = context.make_array(signature.args[7])(context, builder, args[7]).data
    tiles, panels = (builder.load(builder.gep(call, [_I64(int(key))])) for key in (UnitCall.TILES, UnitCall.PANELS))
    kinds = [types.int64, types.int64, *signature.args[7:10]]
    begin_of = types.UniTuple(types.int64, 5)(*kinds)
    one = _I64(1)
    items = builder.sdiv(builder.sub(builder.add(last, tiles), one), tiles)
    with cgutils.for_range_slice(builder, builder.sdiv(first, tiles), items, one) as (item, _):
        start = builder.mul(item, tiles)
        end = builder.add(start, tiles)
        start = builder.select(builder.icmp_signed("<", start, first), first, start)
        end = builder.select(builder.icmp_signed("<", last, end), last, end)
        with (
            cgutils.for_range(builder, panels) as panel,
            cgutils.for_range_slice(builder, start, end, one) as (tile, _),
        ):
            place = call_compiled(context, builder, _place, begin_of, [tile, panel.index, *arrays[7:10]])
            build(UnitTile(context, builder, signature, [*arrays[:8], place], bits, rows))
    return context.get_dummy_value()


#: the signature of every unit kernel: packed operands, out, plan, batch indices, first and last tile
def unit_signature(bits: int, out: str = "float32") -> str:
    """Packed operands in float32 (bits=32) or float64, scales in float64."""
    operand = f"float{bits}[::1], int16[::1]"
    call = "int64[::1], int64[::1], int64[::1], int64, int64"
    return f"void({operand}, {operand}, float64[::1], float64[::1], {out}[::1], {call})"


@device
def _place(t, p, call, item_a, item_b):
    """Where tile t (over the whole batch) and panel p begin: in a, b, scales of a, scales of b, out."""
    tiles, panels = call[UnitCall.TILES], call[UnitCall.PANELS]
    item, row = t // tiles, t % tiles
    ta = item_a[item] * tiles + row
    tb = item_b[item] * panels + p
    at_out = (t * call[UnitCall.ROWS] * panels + p) * call[UnitCall.LANES]
    sizes = call[UnitCall.A_SIZE], call[UnitCall.B_SIZE], call[UnitCall.SA_SIZE], call[UnitCall.SB_SIZE]
    return (ta * sizes[0], tb * sizes[1], ta * sizes[2], tb * sizes[3], at_out)
