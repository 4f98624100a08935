"""Runs: loops over contiguous arrays, sixteen float32 (eight float64) at a time, as IR; what elementwise kernels share.

A run does whole blocks from `start` and stops at the first block its body refuses (a value that only the plain rule
handles) or before the ragged end; it returns where. The kernel does that block by the plain rule and starts the next run.
The choice of mode stands before the loops, so each mode has a loop of its own and no branch in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..formats.rounding import Rounding
from .vector import Grid, Lanes, Value

#: body(lanes, pointers at the block, index of the block, constants) -> i1: whether the block is done
Body = Callable[[Lanes, list[Value], Value, "Constants"], Value]

_I64 = ir.IntType(64)

#: lanes of one block, by carrier width
BLOCK = {32: 16, 64: 8}


class Constants:
    """A kernel's run-time constants, splatted: integers and floats by position, the grid of the format by name.

    `easy_from`, `easy_span`: magnitudes m (as bits) with m - easy_from <= easy_span, unsigned, neither overflow nor need the
    general form. `magnitude_mask` keeps the sign bit for unsigned formats, so that negative values are not easy.
    """

    def __init__(self, v: Lanes, integers: Iterable[Value], floats: Iterable[Value]) -> None:
        b = v.builder
        self.integers = [v.splat(b.trunc(i, v.scalar_int) if v.bits < 64 else i) for i in integers]
        self.floats = [v.splat(b.fptrunc(f, v.scalar_float) if v.bits < 64 else f) for f in floats]
        lowest, offset, unit_offset, drop, sign, self.limit, self.magnitude_mask, self.easy_from, self.easy_span = self.integers[:9]
        self.grid = Grid(lowest, offset, unit_offset, drop, sign)
        self.keys = self.integers[9:11]


def run(bits: int, bodies: dict[int, Body], constants: Callable[..., Any] = Constants) -> Any:
    """The intrinsic ``f(arrays, start, stop, mode, integers, floats) -> index``; `bodies` maps a mode's tag to its body.

    `arrays` is a tuple of one-dimensional contiguous arrays, `integers` and `floats` uniform tuples (int64, float64), which
    `constants` brings into lanes before the loops.
    """
    count = BLOCK[bits]

    def typer(typingctx, arrays, start, stop, mode, integers, floats):  # noqa: ANN001, ANN202 (Numba's protocol)
        signature = types.int64(arrays, types.int64, types.int64, types.int64, integers, floats)

        def codegen(context, builder, sig, args):  # noqa: ANN001, ANN202
            tuples = [cgutils.unpack_tuple(builder, args[k]) for k in (0, 4, 5)]
            pointers = [context.make_array(t)(context, builder, a).data for t, a in zip(sig.args[0], tuples[0], strict=True)]
            v = Lanes(builder, count, bits)
            result = cgutils.alloca_once_value(builder, args[1])
            splatted = constants(v, tuples[1], tuples[2])
            end = builder.append_basic_block("run.end")
            switch = builder.switch(args[3], end)
            for tag, body in bodies.items():
                block = builder.append_basic_block(f"run.mode{tag}")
                switch.add_case(tag, block)
                builder.position_at_end(block)
                _loop(v, pointers, args[1], args[2], result, end, body, splatted)
            builder.position_at_end(end)
            return builder.load(result)

        return signature, codegen

    return intrinsic(typer)


def _loop(v: Lanes, pointers: list[Value], start: Value, stop: Value, result: Value, end: ir.Block, body: Body, k: Constants) -> None:
    """Blocks from `start` while they fit before `stop` and the body accepts them; the index goes to `result`."""
    b = v.builder
    entry, head, work, step = b.block, *(b.append_basic_block(f"run.{name}") for name in ("head", "work", "step"))
    b.branch(head)
    b.position_at_end(head)
    index = b.phi(_I64)
    index.add_incoming(start, entry)
    following = b.add(index, ir.Constant(_I64, v.count))
    b.store(index, result)
    b.cbranch(b.icmp_signed("<=", following, stop), work, end)
    b.position_at_end(work)
    done = body(v, [b.gep(p, [index]) for p in pointers], index, k)
    b.cbranch(done, step, end)
    b.position_at_end(step)
    index.add_incoming(following, step)
    b.branch(head)


#: the modes that need no random bits
DETERMINISTIC = tuple(mode for mode in Rounding if not mode.is_stochastic)


def within_limit(v: Lanes, x: Value, k: Constants) -> Value:
    """Whether every |x| is below the family's limit (so none is infinite or NaN)."""
    magnitude = v.builder.and_(v.as_int(x), v.magnitude_mask)
    return v.all(v.builder.icmp_signed("<", magnitude, k.limit))


def easy_lanes(v: Lanes, x: Value, k: Constants, *, from_zero: bool = False) -> Value:
    """The lanes in the range that `Constants` calls easy; `from_zero`: easy_from is known to be 0."""
    magnitude = v.builder.and_(v.as_int(x), k.magnitude_mask)
    above = magnitude if from_zero else v.builder.sub(magnitude, k.easy_from)
    return v.builder.icmp_unsigned("<=", above, k.easy_span)


def is_easy(v: Lanes, x: Value, k: Constants, *, from_zero: bool = False) -> Value:
    """Whether every lane is easy."""
    return v.all(easy_lanes(v, x, k, from_zero=from_zero))


def either(v: Lanes, condition: Value, easy: Callable[[], Value], general: Callable[[], Value]) -> Value:
    """Emit both ways of doing a block behind a branch; each returns whether the block is done."""
    b = v.builder
    blocks = [b.append_basic_block(f"run.{name}") for name in ("easy", "general", "join")]
    b.cbranch(condition, blocks[0], blocks[1])
    outcomes = []
    for block, emit in zip(blocks[:2], (easy, general), strict=True):
        b.position_at_end(block)
        outcomes.append((emit(), b.block))
        b.branch(blocks[2])
    b.position_at_end(blocks[2])
    result = b.phi(ir.IntType(1))
    for value, block in outcomes:
        result.add_incoming(value, block)
    return result
