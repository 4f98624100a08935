"""Norms of rows of numbers and their gradients: float64, the same bits on every machine.

Every step is that of the array operations it stands for, in their order (``nfloat/nn/ops/norms.py`` has them one by
one); no two are fused. Arrays are (outer, rows, places): a row is made of `outer` parts, and computed in float64 that
stays in the cache, some rows at a time, whatever type they are read and written in. `weight` and `bias` (n, m) repeat
themselves every n rows, and every number of them stands for as many numbers of a row as go m times into it; without
rows there is none. `lengths` are those of a row's axes, along which sums go by halves, the last one first
(``halves.py``); without any, mean and inverse are given.
"""

from __future__ import annotations

import numpy as np

from ..bits import greater, lesser
from ..jit import device, kernel
from .halves import halved_axes

#: sums of indices are unsigned, which cannot mean "from the end": LLVM finds lanes
_U = np.uint64
_ROWS, _LINE = "float64[:, ::1]", "float64[::1]"
#: what is read and written
_TYPES = tuple((x, out) for x in ("float32", "float64") for out in ("float32", "float64"))


#: numbers that are gone through at a time, if a row has not more
_SOME = 2048


@device
def _read(x, start, rows, line):
    """Rows from `start` on into line, one behind the other, in float64."""
    outer, _, places = x.shape
    for i in range(rows):
        for o in range(outer):
            at = (i * outer + o) * places
            for j in range(places):
                line[_U(at + j)] = x[o, start + i, j]


@device
def _less(line, size, terms, start, rows):
    """Every row less its own term."""
    for i in range(rows):
        term = terms[start + i]
        for j in range(size):
            line[_U(i * size + j)] -= term


@device
def _affine(factors, own, k, otherwise):
    """A weight or a bias; without any, what changes nothing: 1 as a factor, -0 as a term."""
    return factors[own, k] if factors.size else otherwise


@device
def _finish(line, inverse, weight, bias, out, start, rows):
    """out = line inverse weight + bias."""
    outer, _, places = out.shape
    m, size, repeats = weight.shape[1], outer * places, greater(weight.shape[0], 1)
    some = places // m if outer == 1 else places  # numbers side by side that have the same weight
    for i in range(rows):
        row = start + i
        r, own = inverse[row], row % repeats
        if m == size and bias.size:  # every number has its own
            for j in range(m):
                out[0, row, j] = line[_U(i * size + j)] * r * weight[own, j] + bias[own, j]
        elif m == size and weight.size:
            for j in range(m):
                out[0, row, j] = line[_U(i * size + j)] * r * weight[own, j]
        else:
            for part in range(size // some):
                k, o, to = (part, 0, part * some) if outer == 1 else (0, part, 0)
                factor, term = _affine(weight, own, k, 1.0), _affine(bias, own, k, -0.0)
                at = i * size + part * some
                for j in range(some):
                    out[o, row, _U(to + j)] = line[_U(at + j)] * r * factor + term


@kernel(
    *(
        f"void(Array({x}, 3, 'C', readonly=True), {out}[:, :, ::1], int64, int64, {_ROWS}, {_ROWS}, {_LINE}, {_LINE}, "
        f"{_LINE}, float64, boolean, int64[::1])"
        for x, out in _TYPES
    )
)
def norm_rows(x, out, first, last, weight, bias, mean, variance, inverse, eps, centred, lengths):
    """out = (x - mean) / sqrt(variance + eps) weight + bias, of rows first .. last - 1; their statistics.

    Not `centred`: the mean is 0, and the variance that of the squares.
    """
    size = x.shape[0] * x.shape[2]
    count, some = float(size), greater(1, lesser(last - first, _SOME // size))
    line, squares, work, part = (
        np.empty(some * size), np.empty(some * size), np.empty(some * size), np.empty(size // 2 + 1)
    )  # fmt: skip
    for start in range(first, last, some):
        rows = lesser(some, last - start)
        _read(x, start, rows, line)
        if centred and lengths.size:
            halved_axes(line, rows, size, lengths, work, part)
            for i in range(rows):
                mean[start + i] = work[i] / count
        if centred:
            _less(line, size, mean, start, rows)
        if lengths.size:
            for j in range(rows * size):
                squares[j] = line[j] * line[j]
            halved_axes(squares, rows, size, lengths, work, part)
            for i in range(rows):
                variance[start + i] = work[i] / count
                inverse[start + i] = 1.0 / np.sqrt(variance[start + i] + eps)
        _finish(line, inverse, weight, bias, out, start, rows)


@device
def _normal(line, size, inverse, start, rows):
    """Every row times its inverse root."""
    for i in range(rows):
        r = inverse[start + i]
        for j in range(size):
            line[_U(i * size + j)] *= r


@device
def _multiplied(line, slopes, out, start, rows):
    """out = slopes line, of rows from `start` on."""
    outer, _, places = out.shape
    for i in range(rows):
        for o in range(outer):
            at = (i * outer + o) * places
            for j in range(places):
                out[o, start + i, j] = slopes[_U(at + j)] * line[_U(at + j)]


@device
def _weighted(slopes, size, weight, start, rows):
    """Slopes times their weights."""
    m = weight.shape[1]
    step = size // m
    for i in range(rows):
        own = (start + i) % weight.shape[0]
        if step == 1:
            for j in range(size):
                slopes[_U(i * size + j)] *= weight[own, j]
        else:
            for k in range(m):
                factor, at = weight[own, k], i * size + k * step
                for j in range(step):
                    slopes[_U(at + j)] *= factor


@device
def _slope(slopes, line, inverse, means, alongs, out, start, rows):
    """out = (slopes - their mean - line times what goes along it) inverse; `means` may be 0: x - 0 is x."""
    outer, _, places = out.shape
    for i in range(rows):
        r, m, along = inverse[start + i], means[i], alongs[i]
        for o in range(outer):
            at = (i * outer + o) * places
            for j in range(places):
                out[o, start + i, j] = (slopes[_U(at + j)] - m - line[_U(at + j)] * along) * r


@kernel(
    *(
        f"void(Array({x}, 3, 'C', readonly=True), Array({x}, 3, 'C', readonly=True), {out}[:, :, ::1], "
        f"float64[:, :, ::1], int64, int64, {_ROWS}, {_LINE}, {_LINE}, boolean, int64[::1])"
        for x, out in _TYPES
    )
)
def norm_rows_gradient(x, dy, out, products, first, last, weight, mean, inverse, centred, lengths):
    """With n the normal form of x: products = dy n, where there is room for them; out = the gradient of x.

    That is (g - mean of g - n mean of g n) inverse, with g = dy weight; g inverse where mean and inverse were given.
    """
    size = x.shape[0] * x.shape[2]
    count, some = float(size), greater(1, lesser(last - first, _SOME // size))
    line, slopes, terms, work = (
        np.empty(some * size), np.empty(some * size), np.empty(some * size), np.empty(some * size)
    )  # fmt: skip
    part, means, alongs, nothing = np.empty(size // 2 + 1), np.zeros(some), np.zeros(some), np.empty((0, 1))
    for start in range(first, last, some):
        rows = lesser(some, last - start)
        _read(x, start, rows, line)
        _read(dy, start, rows, slopes)
        if centred:
            _less(line, size, mean, start, rows)
        _normal(line, size, inverse, start, rows)
        if products.size:
            _multiplied(line, slopes, products, start, rows)
        if weight.size:
            _weighted(slopes, size, weight, start, rows)
        if not lengths.size:
            _finish(slopes, inverse, nothing, nothing, out, start, rows)
            continue
        for j in range(rows * size):
            terms[j] = slopes[j] * line[j]
        halved_axes(terms, rows, size, lengths, work, part)
        for i in range(rows):
            alongs[i] = work[i] / count
        if centred:
            halved_axes(slopes, rows, size, lengths, work, part)
            for i in range(rows):
                means[i] = work[i] / count
        _slope(slopes, line, inverse, means, alongs, out, start, rows)
