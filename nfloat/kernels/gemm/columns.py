"""Sums of columns by the hardware's own additions: products with a row of ones, without the products."""

from __future__ import annotations

from ..jit import kernel


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
