"""Intel's bfloat16 dot products one element at a time, on bit patterns: NaN choice, flushing, tininess after rounding.

Every FMA: operands and addend that are subnormal count as zeros of their sign; a NaN factor comes out quieted (the
first one, then the second), else a NaN addend; a generated NaN is 0xFFC00000; the exact a b + c is rounded once, to
nearest, and becomes a signed zero if it was below 2^-126 when rounded with unbounded exponent. MXCSR plays no part.
"""

from __future__ import annotations

import math

import numpy as np

from ..bits import float32_as_int32, int32_as_float32, lesser
from ..jit import device, kernel, routine
from ..to_odd import to_odd_of, two_sum_of

_INFINITE, _QUIET = 0x7F800000, 0x00400000
_DEFAULT_NAN = -0x400000  # 0xFFC00000
_ONE = 0x3F800000
#: values whose rounding, with unbounded exponent, is below 2^-126 (the tie goes up, to the even 2^-126)
_TINY = 2.0**-126 - 2.0**-151


@device
def _is_nan(x):
    return (x & 0x7FFFFFFF) > _INFINITE


@device
def _value(x):
    """The float64 value of a float32 bit pattern, subnormals as zeros."""
    return np.float64(int32_as_float32(np.int32(x if x & _INFINITE else x & -0x80000000)))


@device
def _bits(x):
    return np.int64(float32_as_int32(np.float32(x)))


@routine
def _fma(a, b, c):
    """a b + c on float32 bit patterns (in int64); a b has at most 53 bits."""
    for x in (a, b, c):
        if _is_nan(x):
            return x | _QUIET
    product, addend = _value(a) * _value(b), _value(c)
    s, error = two_sum_of(product, addend)
    if s != s:
        return np.int64(_DEFAULT_NAN)
    if abs(s) == math.inf:
        return _bits(s)
    s = to_odd_of(s, error)  # so that the conversion below is the only rounding
    if abs(s) < _TINY:
        s = math.copysign(0.0, s)
    return _bits(s)


@routine
def _even_odd(a, b, c, item_a, item_b, i, j, tile):
    count = a.shape[2]
    for start in range(0, count, tile):
        even, odd = np.int64(0), np.int64(0)
        for k in range(start, lesser(start + tile, count)):
            x, y = _bits(a[item_a, i, k]), _bits(b[item_b, k, j])
            if k & 1:
                odd = _fma(x, y, odd)
            else:
                even = _fma(x, y, even)
        c = _fma(c, np.int64(_ONE), _fma(even, np.int64(_ONE), odd))
    return c


@routine
def _chain(a, b, c, item_a, item_b, i, j):
    """Pair by pair, the odd k first; an odd last k has a zero beside it."""
    count = a.shape[2]
    for k in range(0, count, 2):
        if k + 1 < count:
            c = _fma(_bits(a[item_a, i, k + 1]), _bits(b[item_b, k + 1, j]), c)
        else:
            c = _fma(np.int64(0), np.int64(0), c)
        c = _fma(_bits(a[item_a, i, k]), _bits(b[item_b, k, j]), c)
    return c


@kernel(
    "void(float32[:, :, ::1], float32[:, :, ::1], float32[:, :, ::1], float32[:, :, ::1], int64[::1], int64[::1], "
    "int64[:, ::1], int64)"
)
def chain_elements(a, b, c, out, item_a, item_b, which, tile):
    """out[p, i, j] for the rows (p, i, j) of `which`; c of shape (0, 0, 0) is all +0; tile = 0: one chain, else AMX."""
    for q in range(which.shape[0]):
        p, i, j = which[q, 0], which[q, 1], which[q, 2]
        start = _bits(c[p, i, j]) if c.size else np.int64(0)
        if tile:
            d = _even_odd(a, b, start, item_a[p], item_b[p], i, j, tile)
        else:
            d = _chain(a, b, start, item_a[p], item_b[p], i, j)
        out[p, i, j] = int32_as_float32(np.int32(d))
