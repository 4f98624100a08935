"""The long accumulator: exact sums of products of any float64 numbers (Kulisch), rounded once.

140 limbs of 32 bits, each held in an int64, so that carries wait: a product adds at most 2^33 to a limb and 2^29
products may pass before `carry` must run. Limb i counts units of 2^(32 i - 2176); the least product is 2^-2148, the
greatest below 2^2048.
"""

from __future__ import annotations

import numpy as np

from ..bits import greater
from ..jit import device
from .fused import round_wide
from .wide import is_negative, leading_zeros, mul64, shl128, significand, wide_value

LIMBS = 140
#: the exponent of limb 0's unit
LOWEST = -2176
#: products between two calls of `carry`
CARRY_EVERY = 1 << 28
_MASK = (1 << 32) - 1
_WORD, _ZERO = np.uint64(_MASK), np.uint64(0)
_HALF = np.uint64(32)


@device
def add_product(limbs, a, b):
    """limbs += a b, a and b finite and not 0."""
    m, q = significand(a)
    m2, q2 = significand(b)
    hi, lo = mul64(m, m2)
    place = q + q2 - LOWEST
    low, shift = place >> 5, np.uint64(place & 31)
    sign = -1 if is_negative(a) != is_negative(b) else 1
    words = (lo & _WORD, lo >> _HALF, hi & _WORD, hi >> _HALF)
    for i in range(4):  # 32 bits shifted by at most 31 lie in two limbs
        word = words[i] << shift
        limbs[low + i] += sign * np.int64(word & _WORD)
        limbs[low + i + 1] += sign * np.int64(word >> _HALF)


@device
def carry(limbs):
    """Bring every limb but the last into 0..2^32 - 1; the last one keeps the sign."""
    over = 0
    for i in range(LIMBS - 1):
        v = limbs[i] + over
        limbs[i] = v & _MASK
        over = v >> 32
    limbs[LIMBS - 1] += over


@device
def is_zero(limbs):
    """Whether the sum after `carry` is exactly zero."""
    for i in range(LIMBS):
        if limbs[i] != 0:
            return False
    return True


@device
def round_limbs(limbs, spec, random):
    """The non-zero sum after `carry`, rounded once; changes the limbs."""
    negative = limbs[LIMBS - 1] < 0
    if negative:
        for i in range(LIMBS):
            limbs[i] = -limbs[i]
        carry(limbs)
    top = LIMBS - 1
    while limbs[top] == 0:
        top -= 1
    top = greater(top, 4)
    # the five leading limbs, their first 1 moved up to the end of 128 bits; a sticky bit for all others
    up = leading_zeros(np.uint64(limbs[top])) - 32 if limbs[top] != 0 else 0
    hi = np.uint64(limbs[top]) << _HALF | np.uint64(limbs[top - 1])
    lo = np.uint64(limbs[top - 2]) << _HALF | np.uint64(limbs[top - 3])
    last = np.uint64(limbs[top - 4]) << np.uint64(up)
    hi, lo = shl128(hi, lo, up)
    lo |= last >> _HALF
    sticky = (last & _WORD) != _ZERO
    for i in range(top - 4):
        if limbs[i] != 0:
            sticky = True
    return round_wide(wide_value(negative, hi, lo, sticky, LOWEST + 32 * (top - 3) - up), spec, random)
