"""Softmax and its logarithm of rows of numbers, and their gradients, in place: float64, the same bits on every machine.

Every step is that of the array operations it stands for, in their order (``nfloat/nn/ops/softmax.py`` has them one by
one). Rows are few enough to stay in the cache.
"""

from __future__ import annotations

import numpy as np

from ..jit import device, kernel
from .elementary import exp_value, log_value
from .halves import halved_rows

_ROWS = "float64[:, ::1]"


@device
def _greater(x, y):
    """The greater of two numbers, NaN if one is."""
    return x if x > y or x != x else y


@device
def _less_greatest(x, part):
    """Every row of x less its greatest number, which is NaN if one is."""
    rows, columns = x.shape
    for i in range(rows):
        half, top = columns // 2, x[i, columns - 1]
        for j in range(half):
            part[j] = _greater(x[i, j], x[i, half + j])
        while half > 0:
            if half & 1:
                top = _greater(top, part[half - 1])
            half //= 2
            for j in range(half):
                part[j] = _greater(part[j], part[half + j])
        for j in range(columns):
            x[i, j] -= top


@kernel(f"void({_ROWS}, int64, {_ROWS}, boolean)")
def softmax_rows(x, first, mask, logarithmic):
    """x = e^x / its row's sum, or x - log(that sum), of x + mask, whose rows repeat themselves (without rows: of x).

    The first row of x has the number `first`.
    """
    rows, columns = x.shape
    sums, part = np.empty(rows), np.empty(columns // 2 + 1)
    if mask.size:
        for i in range(rows):
            own = (first + i) % mask.shape[0]
            for j in range(columns):
                x[i, j] += mask[own, j]
    _less_greatest(x, part)
    flat, powers = x.reshape(-1), np.empty(x.size if logarithmic else 0)
    if logarithmic:
        for j in range(flat.size):  # rows may be short: lanes go over all of them
            powers[j] = exp_value(flat[j])
        halved_rows(powers, 0, rows, columns, sums, part)
        for i in range(rows):
            logarithm = log_value(sums[i])
            for j in range(columns):
                x[i, j] -= logarithm
        return
    for j in range(flat.size):
        flat[j] = exp_value(flat[j])
    halved_rows(flat, 0, rows, columns, sums, part)
    for i in range(rows):
        s = sums[i]
        for j in range(columns):
            x[i, j] /= s


@kernel(f"void({_ROWS}, {_ROWS}, boolean)")
def softmax_rows_gradient(y, dy, logarithmic):
    """dy = dy y - y times the sum of dy y, or dy - e^y times the sum of dy; y is what softmax gave, and is lost."""
    rows, columns = y.shape
    sums, part = np.empty(rows), np.empty(columns // 2 + 1)
    flat, slopes = y.reshape(-1), dy.reshape(-1)
    if logarithmic:
        for j in range(flat.size):
            flat[j] = exp_value(flat[j])
    else:
        for j in range(flat.size):
            slopes[j] *= flat[j]
    halved_rows(slopes, 0, rows, columns, sums, part)
    for i in range(rows):
        s = sums[i]
        for j in range(columns):
            dy[i, j] -= y[i, j] * s
