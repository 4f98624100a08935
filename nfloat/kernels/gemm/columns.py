"""Sums of columns by the hardware's own additions: products with a row of ones, without the products."""

from __future__ import annotations

import numpy as np

from ..bits import float64_as_int64, int64_as_float64
from ..jit import device, kernel
from ..to_odd import two_sum_of


@kernel(
    "void(Array(float32, 2, 'C', readonly=True), float32[::1])",
    "void(Array(float64, 2, 'C', readonly=True), float64[::1])",
)
def column_sums(x, out):
    """out[j] = 0 + x[0, j] + x[1, j] + ..., one after the other, each rounded to nearest-even."""
    for j in range(out.size):
        out[j] = 0.0
    for k in range(x.shape[0]):
        for j in range(out.size):
            out[j] += x[k, j]


@device
def _odd(s, error):
    """`to_odd` of any number, without a branch: LLVM finds lanes."""
    bits = float64_as_int64(s)
    down = bits - np.int64((error > 0.0) != (s > 0.0))
    return int64_as_float64((down | 1) if error > 0.0 or error < 0.0 else bits)


@kernel("void(Array(float64, 2, 'C', readonly=True), float32[::1])")
def column_sums_single(x, out):
    """The same of float64 terms in float32: each sum is rounded to odd, and then once to nearest-even."""
    for j in range(out.size):
        out[j] = 0.0
    for k in range(x.shape[0]):
        for j in range(out.size):
            s, error = two_sum_of(np.float64(out[j]), x[k, j])
            out[j] = _odd(s, error)
