"""float16 sums in the CPU's own half arithmetic (AVX512-FP16, Arm FP16): twice the lanes, and no rounding to be emulated.

Numba has no half type on CPUs, so arrays hold the numbers' codes (uint16) and pointers are cast here. Where a CPU lacks the
instructions, LLVM computes half operations in float32, which is right for a sum or a product (24 >= 2 x 11 + 2) and wrong for a
multiply-add (two roundings): `HAS_HALF` says whether this kernel may be used; elsewhere the magic constant gives the same bits.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .gemm_fast import begin, end, tile_signature
from .gemm_lanes import Native
from .gemm_orders import Order, Product, kahan, kind, sequential
from .gemm_tile import HALF, tile_intrinsic
from .jit import cpu_features, kernel
from .vector import Lanes, Value

_HALF, _I16 = ir.HalfType(), ir.IntType(16)

#: whether the CPU computes in half precision, fused multiply-add included
HAS_HALF = any(f in cpu_features().split(" ")[1].split(",") for f in ("+avx512fp16", "+fullfp16"))



class HalfLanes(Lanes):
    """Lanes of half precision: what `Native` needs of them."""

    def __init__(self, builder: ir.IRBuilder, count: int) -> None:
        super().__init__(builder, count, 32)
        self.bits, self.digits = 16, 11
        self.scalar_float, self.scalar_int = _HALF, _I16
        self.float, self.int = ir.VectorType(_HALF, count), ir.VectorType(_I16, count)

    def call(self, name: str, *args: Value) -> Value:
        function = ir.FunctionType(self.float, [a.type for a in args])
        full = f"llvm.{name}.v{self.count}f16"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, function, full), args)


_half16 = tile_intrinsic(
    16,
    HALF,
    {
        kind(order, product): make(Native, None if product is Product.EXACT else Native)
        for order, make in ((Order.SEQUENTIAL, sequential), (Order.KAHAN, kahan))
        for product in (Product.EXACT, Product.NATIVE)
    },
    HalfLanes,
)
_R, _W = HALF.rows, HALF.width


@kernel(tile_signature("uint16"), possible=HAS_HALF)
def half16(a, b, out, first, last, plan, constants, status, row_words, column_words):
    """float16 sums by the hardware, nearest-even."""
    scratch, k = np.empty(2 * _R * _W, np.uint16), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _R, _W):
                at_a, at_b = (tile - first) * k * _R, panel * k * _W
                beyond = _half16(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, beyond, status, _R, _W)


@intrinsic
def _half_code(typingctx, x):
    """The code of a float32 rounded to half precision."""

    def codegen(context, builder, sig, args):
        return builder.bitcast(builder.fptrunc(args[0], _HALF), _I16)

    return types.uint16(types.float32), codegen


@intrinsic
def _half_value(typingctx, code):
    """The float32 value of a half's code."""

    def codegen(context, builder, sig, args):
        return builder.fpext(builder.bitcast(args[0], _HALF), ir.FloatType())

    return types.float32(types.uint16), codegen


@kernel("boolean(Array(float32, 1, 'C', readonly=True), uint16[::1])", possible=HAS_HALF)
def to_half(x, out):
    """out[i] = the code of x[i] rounded to half precision; whether no x[i] but NaN was changed by it."""
    changed = np.int32(0)
    for i in range(x.size):
        code = _half_code(x[i])
        out[i] = code
        changed |= np.int32(_half_value(code) != x[i]) & np.int32(x[i] == x[i])
    return changed == 0


@kernel("void(uint16[::1], float32[::1])", possible=HAS_HALF)
def from_half(codes, out):
    """out[i] = the value of codes[i]."""
    for i in range(codes.size):
        out[i] = _half_value(codes[i])
