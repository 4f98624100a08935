"""Loops as functions of their own, on an LLVM IR builder.

A kernel that chooses among many loops (one for each mode) by a run-time number has their constants brought into lanes
before it chooses: LLVM finds that they do not change. They are more than there are registers, and every block of every
loop then loads its own from the stack. In a function of its own a loop has all registers.

What still does not fit lies on a stack that is aligned to registers (`keep_aligned`; tiles have one, too): otherwise,
by chance of who calls, every other one straddles two cache lines, and a loop takes up to a third longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from .lanes import Value
from .machine import HERE

_I64 = ir.IntType(64)


def outlined(
    builder: ir.IRBuilder, name: str, values: Sequence[Value], emit: Callable[[ir.IRBuilder, list[Value]], Value]
) -> Value:
    """What ``emit(builder, values)`` gives, an integer of 64 bits, computed in a function that is called here."""
    module = builder.module
    function = ir.Function(
        module,
        ir.FunctionType(_I64, [x.type for x in values]),
        module.get_unique_name(f"{builder.function.name}.{name}"),
    )
    function.linkage = "internal"  # of this kernel alone
    keep_aligned(function)
    inner = ir.IRBuilder(function.append_basic_block("entry"))
    inner.ret(emit(inner, list(function.args)))
    return builder.call(function, values)


def keep_aligned(function: ir.Function) -> None:
    """Leave a function one of its own, and have it align its stack, which callers align to 16 bytes, to registers."""
    function.attributes.add("noinline")
    if HERE.width > 128:
        function.attributes.alignstack = HERE.width // 8
