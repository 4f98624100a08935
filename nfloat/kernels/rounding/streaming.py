"""Runs and streams: loops over contiguous arrays, a block of lanes at a time, as IR; what elementwise kernels share.

A run does whole blocks from `start` and stops at the first block its body refuses (a value that only the plain rule
handles) or before the ragged end; it returns where. The kernel does that block by the plain rule and starts the next
run. The choice of mode stands before the loops, so each mode has a loop of its own and no branch in it.

A stream is a run from one array into another, arranged for the cache. Its second block starts where the target is
aligned, and its last one ends with the array: both overlap the block before them and write the same results again. Each
block is loaded before the one in front of it is stored: a load that has its address in common, modulo 4096, with a
store not yet done waits for it, and arrays of a power of two of bytes lie like that. And what comes a little later is
asked for: a load that straddles two cache lines, as those of the source do where it is not aligned as the target is,
then finds both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..lanes import Lanes, Value, prefetch
from ..machine import HERE
from ..outlined import outlined
from .vector import Grid

#: body(lanes, pointers at the block, index of the block, constants) -> i1: whether the block is done
RunBody = Callable[[Lanes, list[Value], Value, "Constants"], Value]

_I64 = ir.IntType(64)

#: lanes of one block, by carrier width
BLOCK = {32: 16, 64: 8}
#: the same for streams: two registers or four, since a block's tests and its loop cost the same for several
STREAM = {32: 32, 64: 16} if HERE.width > 256 else BLOCK
#: for float32 streams that draw: they have so much to do besides that four registers pay with 256 bits too
DRAWN = 32 if HERE.width > 128 else STREAM[32]
#: for those whose blocks are refused rather than looked at twice: nothing has to be kept for that, and they are done in
#: parts of one register
QUICK, PART = 64, HERE.lanes(32)
#: how far ahead of a block's start sources are asked for, in bytes: up to there, since farther costs time again
_AHEAD = 640
#: body of a stream: (lanes, the loaded block, target at the block, index of the block, constants) -> i1
StreamBody = Callable[[Lanes, Value, Value, Value, "Constants"], Value]


class Constants:
    """A kernel's named tuples (``constants.py``), every field splatted: ``k.limit`` is that number in all lanes."""

    def __init__(self, v: Lanes, kinds: Iterable[types.BaseNamedTuple], tuples: Value) -> None:
        b, fields = v.builder, {}
        for kind, values in zip(kinds, cgutils.unpack_tuple(v.builder, tuples), strict=True):
            for name, x in zip(kind.fields, cgutils.unpack_tuple(b, values), strict=True):
                if name in fields:
                    raise TypeError(f"two fields {name!r} among {kinds}")
                if v.bits < 64:
                    x = b.trunc(x, v.scalar_int) if isinstance(x.type, ir.IntType) else b.fptrunc(x, v.scalar_float)
                fields[name] = v.splat(x)
        self._fields = fields

    def __getattr__(self, name: str) -> Value:
        try:
            return self._fields[name]
        except KeyError:
            raise AttributeError(f"{name!r} is not among the kernel's constants {sorted(self._fields)}") from None

    @property
    def grid(self) -> Grid:
        """The format's grid."""
        return Grid(self.lowest, self.offset, self.unit_offset, self.drop, self.sign)

    @property
    def overflow(self) -> tuple[Value, Value, Value, Value]:
        """What `vector.select_overflow` takes."""
        return self.max, self.over, self.min, self.under


def run(bits: int, bodies: dict[int, RunBody]) -> Any:
    """The intrinsic ``f(arrays, start, stop, mode, constants) -> index``.

    `bodies` maps a mode's tag to its body; `arrays` is a tuple of one-dimensional contiguous arrays, `constants` a
    tuple of named tuples, which are brought into lanes before a loop.
    """

    def typer(typingctx, arrays, start, stop, mode, constants):
        signature = types.int64(arrays, types.int64, types.int64, types.int64, constants)

        def codegen(context, builder, sig, args):
            pointers = [
                context.make_array(t)(context, builder, a).data
                for t, a in zip(sig.args[0], cgutils.unpack_tuple(builder, args[0]), strict=True)
            ]

            def loop(body: RunBody, inner: ir.IRBuilder, values: list[Value]) -> Value:
                v, (*arrays, first, last, fields) = Lanes(inner, BLOCK[bits], bits), values
                return _loop(v, arrays, first, last, body, Constants(v, sig.args[4], fields))

            return _by_mode(builder, args[3], [*pointers, args[1], args[2], args[4]], args[1], bodies, loop)

        return signature, codegen

    return intrinsic(typer)


def stream(
    bits: int,
    bodies: dict[int, StreamBody],
    load: Callable[[Lanes, Value], Value] = Lanes.load,
    count: int | None = None,
    part: int | None = None,
) -> Any:
    """The intrinsic ``f(source, target, start, stop, mode, constants) -> index``.

    `load` brings a block, of `count` lanes (None: `STREAM`), into lanes. With `part`, the bodies have Lanes of so many
    and get the address of the block, which they load a part at a time.
    """

    def typer(typingctx, source, target, start, stop, mode, constants):
        signature = types.int64(source, target, types.int64, types.int64, types.int64, constants)

        def codegen(context, builder, sig, args):
            arrays = [
                context.make_array(t)(context, builder, a).data for t, a in zip(sig.args[:2], args[:2], strict=True)
            ]

            def loop(body: StreamBody, inner: ir.IRBuilder, values: list[Value]) -> Value:
                v, (*pointers, first, last, fields) = Lanes(inner, count or STREAM[bits], bits), values
                lanes, bring = (v, load) if part is None else (Lanes(inner, part, bits), _address)
                k = Constants(lanes, sig.args[5], fields)
                return _stream_loop(v, pointers, bring, (first, last), lambda x, at, i: body(lanes, x, at, i, k))

            return _by_mode(builder, args[4], [*arrays, args[2], args[3], args[5]], args[2], bodies, loop)

        return signature, codegen

    return intrinsic(typer)


def _by_mode(
    builder: ir.IRBuilder,
    mode: Value,
    values: list[Value],
    start: Value,
    bodies: dict[int, Any],
    loop: Callable[..., Value],
) -> Value:
    """One loop for each mode's body behind a switch; the index where the one of `mode` stopped."""
    before, end = builder.block, builder.append_basic_block("run.end")
    switch = builder.switch(mode, end)
    outcomes = [(start, before)]
    for tag, body in bodies.items():
        block = builder.append_basic_block(f"run.mode{tag}")
        switch.add_case(tag, block)
        builder.position_at_end(block)
        stopped = outlined(builder, f"mode{tag}", values, partial(loop, body))
        outcomes.append((stopped, block))
        builder.branch(end)
    builder.position_at_end(end)
    result = builder.phi(_I64)
    for value, block in outcomes:
        result.add_incoming(value, block)
    return result


def _loop(v: Lanes, pointers: list[Value], start: Value, stop: Value, body: RunBody, k: Constants) -> Value:
    """Blocks from `start` while they fit before `stop` and the body accepts them: the index of the first one left."""
    b = v.builder
    entry, head, work, step, end = b.block, *(b.append_basic_block(name) for name in ("head", "work", "step", "end"))
    b.branch(head)
    b.position_at_end(head)
    index = b.phi(_I64)
    index.add_incoming(start, entry)
    following = b.add(index, ir.Constant(_I64, v.count))
    b.cbranch(b.icmp_signed("<=", following, stop), work, end)
    b.position_at_end(work)
    done = body(v, [b.gep(p, [index]) for p in pointers], index, k)
    b.cbranch(done, step, end)
    b.position_at_end(step)
    index.add_incoming(following, step)
    b.branch(head)
    b.position_at_end(end)
    return index


def _stream_loop(
    v: Lanes,
    arrays: list[Value],
    load: Callable[[Lanes, Value], Value],
    span: tuple[Value, Value],
    body: Callable[[Value, Value, Value], Value],
) -> Value:
    """Blocks from span[0] to span[1] while the body accepts them: the index of the refused one, or span[1].

    span[0] where not one fits.
    """
    b, (source, target), (start, stop) = v.builder, arrays, span
    before, entry, head, step, end = b.block, *(b.append_basic_block(name) for name in ("entry", "head", "step", "end"))
    last = b.sub(stop, ir.Constant(_I64, v.count))
    following = _aligned_successor(v, target)
    b.cbranch(b.icmp_signed("<=", start, last), entry, end)
    b.position_at_end(entry)
    first = load(v, b.gep(source, [start]))
    b.branch(head)
    b.position_at_end(head)
    index, x = b.phi(_I64), b.phi(first.type)
    after = following(index)
    after = b.select(b.icmp_signed("<", after, last), after, last)
    loaded = load(v, b.gep(source, [after]))
    _prefetch(v, b.gep(source, [index]))
    done = body(x, b.gep(target, [index]), index)
    refused = b.block
    b.cbranch(done, step, end)
    b.position_at_end(step)
    for phi, at_first, later in ((index, start, after), (x, first, loaded)):
        phi.add_incoming(at_first, entry)
        phi.add_incoming(later, step)
    b.cbranch(b.icmp_signed("<", index, last), head, end)
    b.position_at_end(end)
    result = b.phi(_I64)
    for value, block in ((start, before), (index, refused), (stop, step)):
        result.add_incoming(value, block)
    return result


def _address(v: Lanes, pointer: Value) -> Value:
    """In place of a loaded block, where it lies."""
    return pointer


def _prefetch(v: Lanes, pointer: Value) -> None:
    """Ask for what a later block reads: of the size of the one at `pointer`, and `_AHEAD` bytes from there its end."""
    start = v.builder.bitcast(pointer, ir.IntType(8).as_pointer())
    for place in range(_AHEAD - v.count * _size(v, pointer), _AHEAD, 64):
        prefetch(v.builder, v.builder.gep(start, [_I64(place)]))


def _size(v: Lanes, pointer: Value) -> int:
    """Bytes of an element."""
    kind = pointer.type.pointee
    return kind.width // 8 if isinstance(kind, ir.IntType) else 4 if isinstance(kind, ir.FloatType) else 8


def _aligned_successor(v: Lanes, target: Value) -> Callable[[Value], Value]:
    """The greatest index up to a block further at which no store of a block straddles two cache lines."""
    b, size = v.builder, _size(v, target)
    whole = min(64 // size, v.count)  # elements between such places
    phase = b.and_(b.udiv(b.ptrtoint(target, _I64), ir.Constant(_I64, size)), ir.Constant(_I64, whole - 1))
    ahead = b.add(phase, ir.Constant(_I64, v.count))
    return lambda index: b.sub(b.and_(b.add(index, ahead), ir.Constant(_I64, -whole)), phase)


def _above_inner(v: Lanes, x: Value, k: Constants, *, from_zero: bool) -> Value:
    magnitude = v.builder.and_(v.as_int(x), k.magnitude_mask)
    return magnitude if from_zero else v.builder.sub(magnitude, k.inner_from)


def inner_lanes(v: Lanes, x: Value, k: Constants, *, from_zero: bool = False) -> Value:
    """The lanes in the range that `constants.RangeFields` calls inner; `from_zero`: it is known to begin at 0."""
    return v.builder.icmp_unsigned("<=", _above_inner(v, x, k, from_zero=from_zero), k.inner_span)


def is_inner(v: Lanes, x: Value, k: Constants, *, from_zero: bool = False) -> Value:
    """Whether every lane is."""
    return v.at_most(_above_inner(v, x, k, from_zero=from_zero), k.inner_span)


def either(v: Lanes, condition: Value, yes: Callable[[], Value], no: Callable[[], Value]) -> Value:
    """Emit both ways of doing a block behind a branch; each returns whether the block is done."""
    b = v.builder
    blocks = [b.append_basic_block(f"run.{name}") for name in ("yes", "no", "join")]
    b.cbranch(condition, blocks[0], blocks[1])
    outcomes = []
    for block, emit in zip(blocks[:2], (yes, no), strict=True):
        b.position_at_end(block)
        outcomes.append((emit(), b.block))
        b.branch(blocks[2])
    b.position_at_end(blocks[2])
    result = b.phi(ir.IntType(1))
    for value, block in outcomes:
        result.add_incoming(value, block)
    return result
