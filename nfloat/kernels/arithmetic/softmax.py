"""Softmax and its logarithm of rows of numbers, and their gradients: float64, the same bits on every machine.

Every step is that of the array operations it stands for, in their order (``nfloat/nn/ops/softmax.py`` has them one by
one). It is done on some rows at a time, which stay in the cache, whatever type they are read and written in.
"""

from __future__ import annotations

import numpy as np

from ..bits import float64_as_int64, greater, int64_as_float64, lesser
from ..jit import device, kernel
from .elementary import exp_value, log_value
from .halves import halved_rows

#: sums of indices are unsigned, which cannot mean "from the end": LLVM finds lanes
_U = np.uint64
_ROWS, _TYPES = "float64[:, ::1]", ("float32", "float64")


@device
def _ordered(bits):
    """float64's bits as integers in the order of the numbers, and back: magnitudes of negative ones are turned over."""
    return bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF)


@device
def _less_greatest(x, columns):
    """Every row of x less its greatest number, which is NaN if one is."""
    for start in range(0, x.size, columns):
        most, magnitude = _ordered(float64_as_int64(-np.inf)), 0
        for j in range(columns):
            bits = float64_as_int64(x[_U(start + j)])
            most = greater(most, _ordered(bits))
            magnitude = greater(magnitude, bits & 0x7FFFFFFFFFFFFFFF)
        top = int64_as_float64(_ordered(most)) if magnitude <= 0x7FF << 52 else np.nan
        for j in range(columns):
            x[_U(start + j)] -= top


@device
def _to_powers(x, columns, masked):
    """x = e^x. Rows may end in -inf, as masks leave them: that end is 0 without being computed."""
    if not masked:
        for j in range(x.size):  # rows may be short: lanes go over all of them
            x[j] = exp_value(x[j])
        return
    nothing = float64_as_int64(-np.inf)
    for start in range(0, x.size, columns):
        live, other = columns, 0
        while live >= _BLOCK and other == 0:
            for j in range(_BLOCK):
                other |= float64_as_int64(x[_U(start + live - _BLOCK + j)]) ^ nothing
            live -= _BLOCK if other == 0 else 0
        for j in range(live):
            x[_U(start + j)] = exp_value(x[_U(start + j)])
        for j in range(live, columns):
            x[_U(start + j)] = 0.0


#: numbers that a mask is looked for in, and that are gone through, at a time
_BLOCK, _SOME = 16, 4096


@kernel(
    *(
        f"void(Array({x}, 2, 'C', readonly=True), {out}[:, ::1], int64, int64, {_ROWS}, boolean)"
        for x in _TYPES
        for out in _TYPES
    )
)
def softmax_rows(x, out, first, last, mask, logarithmic):
    """out = e^x / its row's sum, or x - log(that sum), of x + mask in rows first .. last - 1.

    The mask's rows repeat themselves; without any it is x alone.
    """
    columns = x.shape[1]
    some = greater(1, _SOME // columns)
    room, sums, part = np.empty(some * columns), np.empty(some), np.empty(columns // 2 + 1)
    others = np.empty(some * columns if logarithmic else 0)
    for start in range(first, last, some):
        rows = lesser(some, last - start)
        flat = room[: rows * columns]
        for i in range(rows):
            if mask.size:
                own = (start + i) % mask.shape[0]
                for j in range(columns):
                    flat[_U(i * columns + j)] = x[start + i, j] + mask[own, j]
            else:
                for j in range(columns):
                    flat[_U(i * columns + j)] = x[start + i, j]
        _less_greatest(flat, columns)
        powers = flat
        if logarithmic:
            powers = others[: rows * columns]
            powers[:] = flat
        _to_powers(powers, columns, mask.size > 0)
        halved_rows(powers, 0, rows, columns, sums, part)
        for i in range(rows):
            s = log_value(sums[i]) if logarithmic else sums[i]
            if logarithmic:
                for j in range(columns):
                    out[start + i, j] = flat[_U(i * columns + j)] - s
            else:
                for j in range(columns):
                    out[start + i, j] = flat[_U(i * columns + j)] / s


@kernel(
    *(
        f"void(Array({x}, 2, 'C', readonly=True), Array({x}, 2, 'C', readonly=True), "
        f"{out}[:, ::1], int64, int64, boolean)"
        for x in _TYPES
        for out in _TYPES
    )
)
def softmax_rows_gradient(y, dy, out, first, last, logarithmic):
    """out = dy y - y times the sum of dy y, or dy - e^y times the sum of dy; y is what softmax gave."""
    columns = y.shape[1]
    some = greater(1, _SOME // columns)
    room, others, sums = np.empty(some * columns), np.empty(some * columns), np.empty(some)
    part = np.empty(columns // 2 + 1)
    for start in range(first, last, some):
        rows = lesser(some, last - start)
        flat, slopes = room[: rows * columns], others[: rows * columns]
        for i in range(rows):
            for j in range(columns):
                flat[_U(i * columns + j)], slopes[_U(i * columns + j)] = y[start + i, j], dy[start + i, j]
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
                out[start + i, j] = slopes[_U(i * columns + j)] - flat[_U(i * columns + j)] * s
