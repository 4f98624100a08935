"""Softmax cross-entropy of rows of numbers, and its gradient: float64, the same bits on every machine.

Every step is that of the array operations it stands for, in their order; ``elementary.py`` says why that matters.
"""

from __future__ import annotations

import numpy as np

from ..jit import kernel
from .elementary import exp_value, log_value


@kernel("float64(float64[:, ::1], int64[::1], float64, float64[:, ::1], float64[::1])")
def cross_entropy(z, labels, smoothing, powers, sums):
    """The sum over rows of log(sum(e^z)) - z[label], or with a smoothing s of (1 - s) times it + s times its mean.

    `powers` gets e to each number less its row's greatest, `sums` the rows' sums of these. Labels are classes.
    """
    rows, columns = z.shape
    picked, spread = np.empty(rows), np.zeros(rows)
    for i in range(rows):
        top = z[i, 0]
        for j in range(columns):
            top = z[i, j] if z[i, j] > top or z[i, j] != z[i, j] else top
        for j in range(columns):
            powers[i, j] = z[i, j] - top
        picked[i] = powers[i, np.uint64(labels[i])]
        if smoothing != 0.0:
            spread[i] = powers[i, 0]
            for j in range(1, columns):
                spread[i] += powers[i, j]
    flat = powers.reshape(-1)  # rows are short: lanes go over all of them
    for j in range(flat.size):
        flat[j] = exp_value(flat[j])
    for i in range(rows):
        s = powers[i, 0]
        for j in range(1, columns):
            s += powers[i, j]
        sums[i] = s
    for i in range(rows):
        logarithm = log_value(sums[i])
        spread[i] = logarithm - spread[i] / columns
        picked[i] = logarithm - picked[i]
    total = 0.0
    for i in range(rows):
        loss = picked[i] if smoothing == 0.0 else (1.0 - smoothing) * picked[i] + smoothing * spread[i]
        total = loss if i == 0 else total + loss
    return total


@kernel("void(float64[:, ::1], float64[::1], int64[::1], float64, float64, float64[:, ::1])")
def cross_entropy_gradient(powers, sums, labels, smoothing, factor, out):
    """out = (powers / sums - target) factor: the target is 1 - s at the label, and s / classes everywhere."""
    rows, columns = powers.shape
    for i in range(rows):
        for j in range(columns):
            out[i, j] = powers[i, j] / sums[i]
        out[i, np.uint64(labels[i])] -= 1.0 - smoothing
        if smoothing != 0.0:
            for j in range(columns):
                out[i, j] -= smoothing / columns
    flat = out.reshape(-1)
    for j in range(flat.size):
        flat[j] *= factor
