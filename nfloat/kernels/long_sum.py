"""The long accumulator: exact sums of products of any float64 numbers (Kulisch), rounded once.

140 limbs of 32 bits, each held in an int64, so that carries wait: a product adds at most 2^33 to a limb and 2^29 products may
pass before `carry` must run. Limb i counts units of 2^(32 i - 2176); the least product is 2^-2148, the greatest below 2^2048.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .fused import quantum, round_window, significand
from .jit import device

LIMBS = 140
#: the exponent of limb 0's unit
LOWEST = -2176
#: products between two calls of `carry`
CARRY_EVERY = 1 << 28
_MASK = (1 << 32) - 1


@intrinsic
def _pieces(typingctx, ma, mb, shift):  # noqa: ANN001, ANN201
    """ma mb 2^shift (106 bits, 0 <= shift < 32) as five 32-bit pieces, lowest first."""

    def codegen(context, builder, sig, args):  # noqa: ANN001, ANN202
        b, wide = builder, ir.IntType(192)
        product = b.mul(b.zext(args[0], wide), b.zext(args[1], wide))
        product = b.shl(product, b.zext(args[2], wide))
        words = [b.trunc(b.lshr(product, ir.Constant(wide, 32 * k)), ir.IntType(32)) for k in range(5)]
        return context.make_tuple(b, sig.return_type, [b.zext(w, ir.IntType(64)) for w in words])

    i64 = types.int64
    return types.UniTuple(i64, 5)(i64, i64, i64), codegen


@device
def add_product(limbs, a, b):  # noqa: ANN001, ANN201
    """limbs += a b, a and b finite."""
    place = quantum(a) + quantum(b) - LOWEST
    low = place >> 5
    p0, p1, p2, p3, p4 = _pieces(significand(a), significand(b), place & 31)
    if (a < 0.0) != (b < 0.0):
        p0, p1, p2, p3, p4 = -p0, -p1, -p2, -p3, -p4
    limbs[low] += p0
    limbs[low + 1] += p1
    limbs[low + 2] += p2
    limbs[low + 3] += p3
    limbs[low + 4] += p4


@device
def carry(limbs):  # noqa: ANN001, ANN201
    """Bring every limb but the last into 0..2^32 - 1; the last one keeps the sign."""
    over = 0
    for i in range(LIMBS - 1):
        v = limbs[i] + over
        limbs[i] = v & _MASK
        over = v >> 32
    limbs[LIMBS - 1] += over


@device
def is_zero(limbs):  # noqa: ANN001, ANN201
    """Whether the sum after `carry` is exactly zero."""
    for i in range(LIMBS):
        if limbs[i] != 0:
            return False
    return True


@device
def round_limbs(limbs, spec, random):  # noqa: ANN001, ANN201
    """The non-zero sum after `carry`, rounded once; changes the limbs."""
    negative = limbs[LIMBS - 1] < 0
    if negative:
        for i in range(LIMBS):
            limbs[i] = -limbs[i]
        carry(limbs)
    top = LIMBS - 1
    while limbs[top] == 0:
        top -= 1
    low = max(top - 6, 0)  # seven limbs: 193 bits at least above the sticky bit
    sticky = 0
    for i in range(low):
        if limbs[i] != 0:
            sticky = 1
    words = (limbs[low] | limbs[low + 1] << 32, limbs[low + 2] | limbs[low + 3] << 32, limbs[low + 4] | limbs[low + 5] << 32)
    return round_window(words[0], words[1], words[2], limbs[low + 6], sticky, LOWEST + 32 * low, negative, spec, random)
