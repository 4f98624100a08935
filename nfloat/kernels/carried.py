"""A loop that carries values in registers, on an LLVM IR builder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from .lanes import Value

_I64 = ir.IntType(64)


def carried(
    builder: ir.IRBuilder,
    first: Value,
    last: Value,
    start: Sequence[Value],
    body: Callable[..., Sequence[Value]],
    step: int = 1,
) -> list[Value]:
    """`body(i, *values) -> values` for i = first, first + step, ... while i < last; what the last one gave, or `start`.

    (Where something is done at least once, as in ``units/tile.py``, a loop that tests behind its body is shorter.)
    """
    before, (head, work, done) = (
        builder.block,
        (builder.append_basic_block(f"carried.{name}") for name in ("head", "work", "done")),
    )
    builder.branch(head)
    builder.position_at_end(head)
    i, *values = phis = [builder.phi(x.type) for x in (first, *start)]
    builder.cbranch(builder.icmp_signed("<", i, last), work, done)
    builder.position_at_end(work)
    after = body(i, *values)
    for phi, x, y in zip(phis, (first, *start), (builder.add(i, _I64(step)), *after), strict=True):
        phi.add_incoming(x, before)
        phi.add_incoming(y, builder.block)
    builder.branch(head)
    builder.position_at_end(done)
    return values
