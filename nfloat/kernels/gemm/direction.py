"""The register that says in which direction the CPU rounds: set for a while, and put back.

MXCSR on x86, FPCR on Arm; of x86's two units the one that kernels use. Both calls stand in one compiled function with
nothing between them that can raise: Python handles signals (Ctrl-C) when that function has returned, and other threads
have registers of their own. LLVM believes that all arithmetic rounds to nearest, which matters only to constants that
it folds (there are none in a tile's loop) and to what it would move across these calls: a tile's sums come from loads
behind the first and go to stores before the second, which no load or store passes.
"""

from __future__ import annotations

import platform
from enum import Enum

from llvmlite import ir
from numba.core import cgutils

from ..lanes import Value

_I32, _I64, _BYTE = ir.IntType(32), ir.IntType(64), ir.IntType(8)
#: where the two bits lie that say how to round
_MXCSR, _FPCR = 13, 22


class Direction(Enum):
    """Where to: the two bits of MXCSR and those of FPCR."""

    DOWN = (1, 2)
    ZERO = (3, 3)


def set_direction(builder: ir.IRBuilder, direction: Direction) -> Value:
    """Set the register; returns what it held."""
    before, arm = _read(builder), _is_arm(builder)
    place, bits = (_FPCR if arm else _MXCSR), direction.value[arm]
    others = builder.and_(before, before.type(~(3 << place)))
    _write(builder, builder.or_(others, before.type(bits << place)))
    return before


def restore(builder: ir.IRBuilder, before: Value) -> None:
    """Put back what `set_direction` returned."""
    _write(builder, before)


def _is_arm(builder: ir.IRBuilder) -> bool:
    """Whether a module's code has FPCR; one that does not say what it is for is for this machine, as Numba's are."""
    named = builder.module.triple.split("-")[0].lower()
    return (platform.machine().lower() if named in ("", "unknown") else named) in ("aarch64", "arm64")


def _read(builder: ir.IRBuilder) -> Value:
    if _is_arm(builder):
        return builder.call(_function(builder, "llvm.aarch64.get.fpcr", _I64, []), [])
    place = cgutils.alloca_once(builder, _I32)
    store = _function(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), [_BYTE.as_pointer()])
    builder.call(store, [builder.bitcast(place, _BYTE.as_pointer())])
    return builder.load(place)


def _write(builder: ir.IRBuilder, value: Value) -> None:
    if _is_arm(builder):
        builder.call(_function(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), [_I64]), [value])
        return
    place = cgutils.alloca_once_value(builder, value)
    load = _function(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [_BYTE.as_pointer()])
    builder.call(load, [builder.bitcast(place, _BYTE.as_pointer())])


def _function(builder: ir.IRBuilder, name: str, result: ir.Type, arguments: list[ir.Type]) -> Value:
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)
