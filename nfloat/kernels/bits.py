"""Bitcasts between floats and their codes, and powers of two built from bits.

The bitcasts are LLVM's own, reached by intrinsics: a float64 array viewed as integers outside a kernel costs nothing
either, but a scalar in the middle of a kernel has no array.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .jit import device


def _bitcast(source: types.Type, target: types.Type, ir_type: ir.Type):
    def typer(typingctx, value):
        if value != source:
            return None
        return target(source), lambda context, builder, signature, args: builder.bitcast(args[0], ir_type)

    return intrinsic(typer)


float64_as_int64 = _bitcast(types.float64, types.int64, ir.IntType(64))
int64_as_float64 = _bitcast(types.int64, types.float64, ir.DoubleType())
float32_as_int32 = _bitcast(types.float32, types.int32, ir.IntType(32))
int32_as_float32 = _bitcast(types.int32, types.float32, ir.FloatType())


def _of_two(comparison: str):
    """Of two numbers (no NaN) the one that a comparison picks, in the type that holds both.

    Numba's own `min` and `max` are a function each for every pair of types, to be compiled and linked.
    """

    def typer(typingctx, x, y):
        kind = typingctx.unify_types(types.unliteral(x), types.unliteral(y))

        def generate(context, builder, signature, args):
            a, b = (context.cast(builder, v, given, kind) for v, given in zip(args, signature.args, strict=True))
            if isinstance(kind, types.Float):
                first = builder.fcmp_ordered(comparison, b, a)
            elif kind.signed:
                first = builder.icmp_signed(comparison, b, a)
            else:
                first = builder.icmp_unsigned(comparison, b, a)
            return builder.select(first, b, a)

        return kind(x, y), generate

    return intrinsic(typer)


lesser, greater = _of_two("<"), _of_two(">")


@device
def power_of_two(exponent: int) -> float:
    """2^exponent as float64, for exponent in -1074..1023."""
    if exponent >= -1022:
        return int64_as_float64((exponent + 1023) << 52)
    return int64_as_float64(1 << (exponent + 1074))


@device
def exponent_field(x: float) -> int:
    """The biased exponent of |x|, 0..2047."""
    return (float64_as_int64(x) >> 52) & 0x7FF


@device
def floor_log2(x: float) -> int:
    """floor(log2 |x|) for finite x != 0, subnormal x included."""
    field = exponent_field(x)
    if field > 0:
        return field - 1023
    return exponent_field(x * 18014398509481984.0) - 1023 - 54  # 2^54
