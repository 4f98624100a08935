"""What the loops over blocks are made of, as IR: vectors that cover a length, switches over modes and sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from ...formats.rounding import Rounding
from ..lanes import Lanes, Value
from ..rounding.vector import DETERMINISTIC

_I64 = ir.IntType(64)
#: lanes of a vector, by width: a block or a row of fewer numbers goes through a padded copy
WIDTH = {32: 16, 64: 8}
#: the modes that the lanes know; the others are the rule's
MODES = (*DETERMINISTIC, Rounding.STOCHASTIC)
#: added to the tag of a mode that has a loop of its own for elements without -0
ONE_ZERO = 32
BY_ZERO = (Rounding.NEAREST_EVEN, Rounding.STOCHASTIC)


def covering(v: Lanes, length: Value, body: Any) -> None:
    """body(i) for vectors from i = 0 that cover `length` >= count places; the last one ends with them."""
    b, step = v.builder, ir.Constant(_I64, v.count)
    last = b.sub(length, step)
    entry, head, done = b.block, b.append_basic_block("vectors"), b.append_basic_block("vectors.done")
    b.branch(head)
    b.position_at_end(head)
    i = b.phi(_I64)
    i.add_incoming(ir.Constant(_I64, 0), entry)
    body(i)
    after = b.add(i, step)
    i.add_incoming(b.select(b.icmp_signed("<", after, last), after, last), b.block)
    b.cbranch(b.icmp_signed("<", i, last), head, done)
    b.position_at_end(done)


def by_size(v: Lanes, size: Value, sizes: tuple[int, ...], emit: Callable[[Value], None]) -> None:
    """emit(size) behind a switch that knows the usual sizes as constants: their loops over vectors are unrolled."""
    b = v.builder
    end, other = (b.append_basic_block(f"size.{name}") for name in ("end", "other"))
    switch = b.switch(size, other)
    for number in sizes:
        block = b.append_basic_block(f"size.{number}")
        switch.add_case(_I64(number), block)
        b.position_at_end(block)
        emit(_I64(number))
        b.branch(end)
    b.position_at_end(other)
    emit(size)
    b.branch(end)
    b.position_at_end(end)


def by_mode(
    builder: ir.IRBuilder, mode: Value, emit: Any, modes: tuple[Rounding, ...] = MODES, *, others: bool = False
) -> Value:
    """A switch with one loop for each mode, and with `others` one for all that are not among them (None)."""
    end = builder.append_basic_block("modes.end")
    default = builder.append_basic_block("modes.others") if others else end
    switch = builder.switch(mode, default)
    tags = [(m.tag, m, False) for m in modes] + [(m.tag + ONE_ZERO, m, True) for m in modes if m in BY_ZERO]
    for tag, m, one_zero in tags:
        block = builder.append_basic_block(f"mode{tag}")
        switch.add_case(tag, block)
        builder.position_at_end(block)
        emit(m, one_zero)
        builder.branch(end)
    if others:
        builder.position_at_end(default)
        emit(None, True)
        builder.branch(end)
    builder.position_at_end(end)
    return mode
