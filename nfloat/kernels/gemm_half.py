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
from .streaming import run
from .vector import Lanes, Value

_HALF, _I16 = ir.HalfType(), ir.IntType(16)

#: whether the CPU computes in half precision, fused multiply-add included
HAS_HALF = any(f in cpu_features().split(" ")[1].split(",") for f in ("+avx512fp16", "+fullfp16"))

#: a code times this is a word of two of it
PAIR = 0x10001


class HalfLanes(Lanes):
    """Lanes of half precision: what `Native` needs of them. Elements of a come in pairs: a word goes to all lanes in one load."""

    def __init__(self, builder: ir.IRBuilder, count: int) -> None:
        super().__init__(builder, count, 32)
        self.bits, self.digits = 16, 11
        self.scalar_float, self.scalar_int = _HALF, _I16
        self.float, self.int, self.broadcast = ir.VectorType(_HALF, count), ir.VectorType(_I16, count), ir.IntType(32)

    def splat(self, scalar: Value) -> Value:
        words = Lanes(self.builder, self.count // 2).splat(scalar)
        return self.as_float(words)

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


@kernel(tile_signature("uint16", "float32"), possible=HAS_HALF)
def half16(a, b, out, first, last, plan, constants, status, row_words, column_words):
    """float16 sums by the hardware, nearest-even."""
    scratch, k = np.empty(2 * _R * _W, np.uint16), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _R, _W):
                at_a, at_b = (tile - first) * k * _R, panel * k * _W
                beyond = _half16(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, beyond, status, _R, _W)


def _encode(v: Lanes, pointers: list[Value], index: Value, k: None) -> Value:
    """A block of float32 to codes (in pairs, if words are asked for); done if none but NaN was changed."""
    b, words = v.builder, ir.VectorType(ir.IntType(16), v.count)
    x = v.load(pointers[0])
    half = b.fptrunc(x, ir.VectorType(_HALF, v.count))
    code = b.bitcast(half, words)
    if pointers[1].type.pointee.width == 32:
        code = b.mul(b.zext(code, v.int), v.word(PAIR))
    v.store(code, pointers[1])
    return v.all(b.fcmp_unordered("ueq", b.fpext(half, v.float), x))


_run_encode = run(32, {0: _encode}, lambda v, integers, floats: None)


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


@kernel(*(f"boolean(Array(float32, 1, 'C', readonly=True), {out}[::1])" for out in ("uint16", "uint32")), possible=HAS_HALF)
def to_half(x, out):
    """out[i] = the code of x[i] rounded to half precision, or two of it in a word; False if that changed a number."""
    each = PAIR if out.itemsize == 4 else 1
    for i in range(_run_encode((x, out), 0, x.size, 0, (0,), (0.0,)), x.size):
        code = _half_code(x[i])
        out[i] = code * each
        if _half_value(code) != x[i] and x[i] == x[i]:
            return False
    return True


@kernel("void(uint16[::1], float32[::1])", possible=HAS_HALF)
def from_half(codes, out):
    """out[i] = the value of codes[i]."""
    for i in range(codes.size):
        out[i] = _half_value(codes[i])
