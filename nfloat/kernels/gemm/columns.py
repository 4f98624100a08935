"""Sums of columns by the hardware's own additions: products with a row of ones, without the products."""

from __future__ import annotations

import numpy as np

from ..bits import float64_as_int64, int64_as_float64, lesser
from ..jit import device, kernel
from ..to_odd import two_sum_of
from .turned import turn_lines

_U = np.uint64


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


@device
def plus(s, x):
    """s + x of a float32 s and a float64 x, rounded once to float32: to odd, and then to nearest-even."""
    t, error = two_sum_of(np.float64(s), x)
    return np.float32(_odd(t, error))


@kernel("void(Array(float64, 2, 'C', readonly=True), float32[::1])")
def column_sums_single(x, out):
    """The same of float64 terms in float32: each sum is rounded to odd, and then once to nearest-even."""
    for j in range(out.size):
        out[j] = 0.0
    for k in range(x.shape[0]):
        for j in range(out.size):
            out[j] = plus(out[j], x[k, j])


#: rows that are summed side by side, and places of them that are turned at a time
ROWS, PLACES = 16, 64


@device
def _middle(x, sums, out):
    """out[r] = the sum of x[:, r, :], in C order, in numbers of the type of `sums` (`ROWS` of them)."""
    outer, rows, places = x.shape
    flat, turned = x.reshape(-1), np.zeros(PLACES * ROWS, x.dtype)
    for row in range(0, rows, ROWS):
        some = lesser(ROWS, rows - row)
        sums[:] = 0.0
        for o in range(outer):
            for place in range(0, places, PLACES):
                count = lesser(PLACES, places - place)
                turn_lines(flat, (o * rows + row) * places + place, places, count, some, turned, 0, ROWS, None)
                for j in range(count):
                    for r in range(ROWS):
                        if sums.itemsize == x.itemsize:
                            sums[r] += turned[_U(j * ROWS + r)]
                        else:
                            sums[r] = plus(sums[r], turned[_U(j * ROWS + r)])
        out[row : row + some] = sums[:some]


@kernel(
    "void(Array(float32, 3, 'C', readonly=True), float32[::1])",
    "void(Array(float64, 3, 'C', readonly=True), float64[::1])",
)
def middle_sums(x, out):
    """out[r] = `column_sums` of what stands in x[:, r, :], in C order; blocks of rows are turned into columns."""
    _middle(x, np.empty(ROWS, out.dtype), out)


@kernel("void(Array(float64, 3, 'C', readonly=True), float32[::1])")
def middle_sums_single(x, out):
    """The same as `column_sums_single`."""
    _middle(x, np.empty(ROWS, np.float32), out)
