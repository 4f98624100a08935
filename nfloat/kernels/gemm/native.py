"""float32 and float64 sums by the hardware, one after the other: tiles whose sums go from registers into the result.

The commonest product there is. Its tile knows neither blocks nor limits (``tiled.py`` has those), and a whole one needs
no scratch; a tile at the edge is padded with zeros there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..carried import carried
from ..jit import call_compiled, kernel, routine
from ..lanes import Lanes, Value
from .shapes import NATIVE32, TILE64, Shape
from .tile import tile_request
from .walk import TileCall, load_tile, store_tile, tile_signature

_I64 = ir.IntType(64)


def sums_of(shapes: Mapping[int, Shape]):
    """The intrinsic (a, at_a, b, at_b, target, to, step, k, loaded) for numbers of so many bits: their tile.

    target[to + r step + j] = the sum over k steps of a b, from what stands there if `loaded`, else from +0.
    """

    def typer(typingctx, a, at_a, b, at_b, target, to, step, k, loaded):
        i64 = types.int64
        return types.void(a, i64, b, i64, target, i64, i64, i64, i64), generate

    def generate(context, builder, sig, args):
        bits = sig.args[4].dtype.bitwidth
        shape = shapes[bits]
        v = Lanes(builder, shape.lanes, bits)
        a, b, target = (context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 2, 4))
        places = [
            builder.gep(target, [builder.add(args[5], builder.add(builder.mul(args[6], _I64(r)), _I64(n * v.count)))])
            for r in range(shape.rows)
            for n in range(shape.vectors)
        ]

        def step(i: Value, *sums: Value) -> list[Value]:
            at_a = builder.add(args[1], builder.mul(i, _I64(shape.rows)))
            at_b = builder.add(args[3], builder.mul(i, _I64(shape.width)))
            columns = [v.load(builder.gep(b, [builder.add(at_b, _I64(n * v.count))])) for n in range(shape.vectors)]
            found: list[Value] = []
            for r in range(shape.rows):
                x = v.splat(builder.load(builder.gep(a, [builder.add(at_a, _I64(r))])))
                found += [v.call("fma", x, y, sums[len(found) + n]) for n, y in enumerate(columns)]
            return found

        start = _started(v, places, builder.icmp_signed("!=", args[8], _I64(0)))
        for x, place in zip(_repeated(builder, args[7], start, step), places, strict=True):
            v.store(x, place)
        return context.get_dummy_value()

    return intrinsic(typer)


def _started(v: Lanes, places: list[Value], loaded: Value) -> list[Value]:
    """What the sums start with: what stands at their places, or +0."""
    b = v.builder
    before, (work, done) = b.block, (b.append_basic_block(f"sums.{name}") for name in ("loaded", "start"))
    b.cbranch(loaded, work, done)
    b.position_at_end(work)
    values = [v.load(place) for place in places]
    b.branch(done)
    b.position_at_end(done)
    phis = [b.phi(v.float) for _ in places]
    for phi, x in zip(phis, values, strict=True):
        phi.add_incoming(v.number(0.0), before)
        phi.add_incoming(x, work)
    return phis


#: steps that a turn of the loop does: of counting and jumping, and of waiting where it turns, a step has a share
_AT_ONCE = 4


def _repeated(builder: ir.IRBuilder, count: Value, start: list[Value], step: Callable[..., list[Value]]) -> list[Value]:
    """The sums after `count` steps, some at a time and then those that are left, one by one."""

    def several(i: Value, *sums: Value) -> list[Value]:
        after = list(sums)
        for n in range(_AT_ONCE):
            after = step(builder.add(i, _I64(n)), *after)
        return after

    some = builder.and_(count, _I64(-_AT_ONCE))
    return carried(builder, some, count, carried(builder, _I64(0), some, start, several, _AT_ONCE), step)


def _walk(name: str, bits: int, shape: Shape, dtype: type):
    """The whole of a kernel, around the intrinsic of a tile; `name` as in ``walk.py``."""
    rows, width, sums, request = shape.rows, shape.width, sums_of({bits: shape}), tile_request(shape)

    def loops(a, b, out, first, last, call, status):
        k, scratch = call[TileCall.K], np.zeros(rows * width, dtype)
        for panel in range(status.shape[1]):
            for t in range(first, last):
                if call[TileCall.MARKED] == 0 or status[t, panel] != 0:
                    row, column = t * rows, panel * width
                    target, to, step = out.reshape(-1), row * out.shape[1] + column, out.shape[1]
                    edge = row + rows > out.shape[0] or column + width > out.shape[1]
                    if edge:
                        if call[TileCall.START] == 1:
                            load_tile(out, scratch, row, column, rows, width)
                        target, to, step = scratch, 0, width
                    request(target, to, step)
                    at_a, at_b = (t - first) * k * rows, panel * k * width
                    sums(a, at_a, b, at_b, target, to, step, k, call[TileCall.START])
                    status[t, panel] = 0
                    if edge:
                        store_tile(out, scratch, row, column, rows, width)

    loops.__name__ = loops.__qualname__ = f"loops_of_{name}"
    compiled = routine(loops)

    def typer(typingctx, a, b, out, first, last, call, status):
        signature = types.void(a, b, out, first, last, call, status)
        return signature, lambda context, builder, sig, args: call_compiled(context, builder, compiled, sig, args)

    return intrinsic(typer)


_native32 = _walk("native32", 32, NATIVE32, np.float32)
_native64 = _walk("native64", 64, TILE64, np.float64)


@kernel(tile_signature("float32"))
def native32(a, b, out, first, last, call, constants, status, row_words, column_words):
    """float32 sums, nearest-even."""
    _native32(a, b, out, first, last, call, status)


@kernel(tile_signature("float64"))
def native64(a, b, out, first, last, call, constants, status, row_words, column_words):
    """float64 sums, nearest-even."""
    _native64(a, b, out, first, last, call, status)


#: bits of a lane -> the kernel
NATIVE = {32: native32, 64: native64}
