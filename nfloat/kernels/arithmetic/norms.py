"""Norms of rows of numbers and their gradients, in place: float64, the same bits on every machine.

Every step is that of the array operations it stands for, in their order (``nfloat/nn/ops/norms.py`` has them one by
one); no two are fused. `weight` and `bias` (n, m) repeat themselves every n rows, and every number of them stands for
as many places of a row as go m times into it; without rows there is none. `lengths` are those of a row's axes, along
which sums go by halves, the last one first (``halves.py``); without any, mean and inverse are given.
"""

from __future__ import annotations

import numpy as np

from ..jit import device, kernel
from .halves import halved_axes

_ROWS, _LINE = "float64[:, ::1]", "float64[::1]"


@device
def _times(x, i, factors, own):
    """Row i of x times the factors of row `own`."""
    step = x.shape[1] // factors.shape[1]
    if step == 1:
        for j in range(x.shape[1]):
            x[i, j] *= factors[own, j]
        return
    for k in range(factors.shape[1]):
        for j in range(k * step, (k + 1) * step):
            x[i, j] *= factors[own, k]


@device
def _plus(x, i, terms, own):
    """Row i of x plus the terms of row `own`."""
    step = x.shape[1] // terms.shape[1]
    if step == 1:
        for j in range(x.shape[1]):
            x[i, j] += terms[own, j]
        return
    for k in range(terms.shape[1]):
        for j in range(k * step, (k + 1) * step):
            x[i, j] += terms[own, k]


@kernel(f"void({_ROWS}, int64, {_ROWS}, {_ROWS}, {_LINE}, {_LINE}, {_LINE}, float64, boolean, int64[::1])")
def norm_rows(x, first, weight, bias, mean, variance, inverse, eps, centred, lengths):
    """x = (x - mean) / sqrt(variance + eps) weight + bias; mean, variance and inverse root from place `first` on.

    Not `centred`: the mean is 0, and the variance that of the squares.
    """
    rows, size = x.shape
    count = float(size)
    flat, squares, work, part = x.reshape(-1), np.empty(size), np.empty(size), np.empty(size // 2 + 1)
    for i in range(rows):
        row = first + i
        if centred and lengths.size:
            mean[row] = halved_axes(flat, i * size, size, lengths, work, part) / count
        if centred:
            m = mean[row]
            for j in range(size):
                x[i, j] -= m
        if lengths.size:
            for j in range(size):
                squares[j] = x[i, j] * x[i, j]
            variance[row] = halved_axes(squares, 0, size, lengths, work, part) / count
            inverse[row] = 1.0 / np.sqrt(variance[row] + eps)
        r = inverse[row]
        for j in range(size):
            x[i, j] *= r
        if weight.size:
            _times(x, i, weight, row % weight.shape[0])
        if bias.size:
            _plus(x, i, bias, row % bias.shape[0])


@kernel(f"void({_ROWS}, {_ROWS}, int64, {_ROWS}, {_LINE}, {_LINE}, boolean, int64[::1], {_ROWS})")
def norm_rows_gradient(x, dy, first, weight, mean, inverse, centred, lengths, products):
    """x = its normal form n; products = dy n, where there is room for them; dy = the gradient of x.

    That is (g - mean of g - n mean of g n) inverse, with g = dy weight; g inverse where mean and inverse were given.
    """
    rows, size = x.shape
    count = float(size)
    flat, terms, work, part = dy.reshape(-1), np.empty(size), np.empty(size), np.empty(size // 2 + 1)
    for i in range(rows):
        m, r = mean[first + i], inverse[first + i]
        for j in range(size):
            x[i, j] = (x[i, j] - m if centred else x[i, j]) * r
        if products.size:
            for j in range(size):
                products[i, j] = dy[i, j] * x[i, j]
        if weight.size:
            _times(dy, i, weight, (first + i) % weight.shape[0])
        if lengths.size:
            for j in range(size):
                terms[j] = dy[i, j] * x[i, j]
            along = halved_axes(terms, 0, size, lengths, work, part) / count
            if centred:
                m = halved_axes(flat, i * size, size, lengths, work, part) / count
                for j in range(size):
                    dy[i, j] -= m
            for j in range(size):
                dy[i, j] -= x[i, j] * along
        for j in range(size):
            dy[i, j] *= r
