"""The register that says in which direction the CPU rounds: set toward zero for a while, and put back.

MXCSR on x86, FPCR on Arm; of x86's two units the one that kernels use. Both calls stand in one compiled function with
nothing between them that can raise: Python handles signals (Ctrl-C) when that function has returned, and other threads
have registers of their own. LLVM believes that all arithmetic rounds to nearest, which matters only to constants that
it folds (there are none in a tile's loop) and to what it would move across these calls: a tile's sums come from loads
behind the first and go to stores before the second, which no load or store passes.
"""

from __future__ import annotations

import platform

from llvmlite import ir
from numba.core import cgutils

from ..lanes import Value

_I32, _I64, _BYTE = ir.IntType(32), ir.IntType(64), ir.IntType(8)
#: the bits that say how to round: both set, toward zero
_MXCSR_ZERO, _FPCR_ZERO = 3 << 13, 3 << 22


def set_toward_zero(builder: ir.IRBuilder) -> Value:
    """Set the register; returns what it held."""
    before = _read(builder)
    mask = _FPCR_ZERO if _is_arm(builder) else _MXCSR_ZERO
    _write(builder, builder.or_(before, before.type(mask)))
    return before


def restore(builder: ir.IRBuilder, before: Value) -> None:
    """Put back what `set_toward_zero` returned."""
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
