"""GEMM in register tiles: the kernels, one per arithmetic (``gemm_lanes.py``) and lane width, each holding all orders.

All take the same arguments: packed operands, `out`, the first and last tile of rows, `plan` = (kind, k, block or 0, whether only
marked tiles are done, whether `out` holds what the sums start with), constants (`exact64`: the rounding's own, as bits),
`status`, random words of rows and columns.
A tile with a result beyond its limit (it overflowed, or is NaN) is left as it was and marked in `status` for another kernel to do.
Threads do ranges of tiles of rows.
"""

from __future__ import annotations

import math

import numpy as np

from ..formats.rounding import Rounding
from .bits import float64_as_int64, int64_as_float64
from .gemm_lanes import General, Narrow, Native, Stochastic, StochasticGeneral
from .gemm_orders import LEVELS, Order, Product, bodies, exact, kind, stochastic
from .gemm_tile import NATIVE32, TILE32, TILE64, tile_intrinsic
from .jit import device, kernel
from .scalar import load_spec, round_value

_SEQUENTIAL, _DRAWN = Order.SEQUENTIAL, (Product.EXACT, Product.ROUNDED)
_native32 = tile_intrinsic(32, NATIVE32, bodies(Native, {Product.ROUNDED: Narrow, Product.NATIVE: Native}, (False,)))
_native64 = tile_intrinsic(64, TILE64, bodies(Native, {Product.NATIVE: Native}, (False,)))
_narrow32 = tile_intrinsic(32, TILE32, bodies(Narrow, {Product.ROUNDED: Narrow}, (False, True)))
_narrow64 = tile_intrinsic(64, TILE64, bodies(Narrow, {Product.ROUNDED: Narrow}, (False, True)))
_general32 = tile_intrinsic(32, TILE32, bodies(General, {Product.ROUNDED: General}, (False,)))
_general64 = tile_intrinsic(64, TILE64, bodies(General, {Product.ROUNDED: General}, (False,)))
_stochastic32 = tile_intrinsic(32, TILE32, {kind(_SEQUENTIAL, p): stochastic(Stochastic, p is Product.ROUNDED) for p in _DRAWN})
_stochastic64 = tile_intrinsic(64, TILE64, {kind(_SEQUENTIAL, p): stochastic(StochasticGeneral, p is Product.ROUNDED) for p in _DRAWN})
_exact64 = tile_intrinsic(64, TILE64, {kind(Order.EXACT): exact()})
_R32, _W32, _R64, _W64 = TILE32.rows, TILE32.width, TILE64.rows, TILE64.width
_RN, _WN = NATIVE32.rows, NATIVE32.width
_U = np.uint64
_TOWARD_NEGATIVE = Rounding.TOWARD_NEGATIVE.tag


@device
def _regions(k):  # noqa: ANN001, ANN201
    """How many tiles scratch holds: the sums, a block's, and the levels of pairwise sums."""
    count, nodes = LEVELS, k >> 1
    while nodes > 0:
        count, nodes = count + 1, nodes >> 1
    return count


@device
def _load(out, scratch, row, column, rows, width):  # noqa: ANN001, ANN201
    """The tile at (row, column) of out, padded with zeros, into the first region of scratch."""
    high, wide = min(rows, out.shape[0] - row), min(width, out.shape[1] - column)
    if high == rows and wide == width:  # constant counts and unsigned indices: whole vectors are moved
        for r in range(rows):
            for j in range(width):
                scratch[_U(r * width + j)] = out[_U(row + r), _U(column + j)]
    else:
        for i in range(rows * width):
            scratch[i] = 0.0
        for r in range(high):
            for j in range(wide):
                scratch[r * width + j] = out[row + r, column + j]


@device
def _store(out, scratch, row, column, rows, width):  # noqa: ANN001, ANN201
    """The first region of scratch back to its place."""
    high, wide = min(rows, out.shape[0] - row), min(width, out.shape[1] - column)
    if high == rows and wide == width:
        for r in range(rows):
            for j in range(width):
                out[_U(row + r), _U(column + j)] = scratch[_U(r * width + j)]
    else:
        for r in range(high):
            for j in range(wide):
                out[row + r, column + j] = scratch[r * width + j]


@device
def _begin(out, scratch, tile, panel, plan, status, rows, width):  # noqa: ANN001, ANN201
    """Whether the tile is to be done; then its starting values are in scratch."""
    if plan[3] == 1 and status[tile, panel] == 0:
        return False
    if plan[4] == 1:
        _load(out, scratch, tile * rows, panel * width, rows, width)
    else:
        for i in range(rows * width):
            scratch[_U(i)] = 0.0
    return True


@device
def _end(out, scratch, tile, panel, beyond, status, rows, width):  # noqa: ANN001, ANN201
    """Write the tile, or mark it."""
    status[tile, panel] = beyond
    if beyond == 0:
        _store(out, scratch, tile * rows, panel * width, rows, width)


def _signature(bits: int) -> str:
    f = f"float{bits}"
    return f"void({f}[::1], {f}[::1], {f}[:, ::1], int64, int64, int64[::1], int64[::1], uint8[:, ::1], int32[::1], int32[::1])"


@kernel(_signature(32))
def native32(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """float32 sums by the hardware, nearest-even."""
    scratch, k = np.empty(_regions(plan[1]) * _RN * _WN, np.float32), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if _begin(out, scratch, tile, panel, plan, status, _RN, _WN):
                at_a, at_b = (tile - first) * k * _RN, panel * k * _WN
                beyond = _native32(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                _end(out, scratch, tile, panel, beyond, status, _RN, _WN)


@kernel(_signature(64))
def native64(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """float64 sums by the hardware, nearest-even."""
    scratch, k = np.empty(_regions(plan[1]) * _R64 * _W64, np.float64), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if _begin(out, scratch, tile, panel, plan, status, _R64, _W64):
                at_a, at_b = (tile - first) * k * _R64, panel * k * _W64
                beyond = _native64(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                _end(out, scratch, tile, panel, beyond, status, _R64, _W64)


@kernel(_signature(32))
def narrow32(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """Nearest-even by the magic constant in float32 lanes."""
    scratch, k = np.empty(_regions(plan[1]) * _R32 * _W32, np.float32), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if _begin(out, scratch, tile, panel, plan, status, _R32, _W32):
                at_a, at_b = (tile - first) * k * _R32, panel * k * _W32
                beyond = _narrow32(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                _end(out, scratch, tile, panel, beyond, status, _R32, _W32)


@kernel(_signature(64))
def narrow64(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """Nearest-even by the magic constant in float64 lanes."""
    scratch, k = np.empty(_regions(plan[1]) * _R64 * _W64, np.float64), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if _begin(out, scratch, tile, panel, plan, status, _R64, _W64):
                at_a, at_b = (tile - first) * k * _R64, panel * k * _W64
                beyond = _narrow64(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                _end(out, scratch, tile, panel, beyond, status, _R64, _W64)


@kernel(_signature(32))
def general32(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """Any deterministic mode and policy in float32 lanes."""
    scratch, k = np.empty(_regions(plan[1]) * _R32 * _W32, np.float32), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if _begin(out, scratch, tile, panel, plan, status, _R32, _W32):
                at_a, at_b = (tile - first) * k * _R32, panel * k * _W32
                beyond = _general32(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                _end(out, scratch, tile, panel, beyond, status, _R32, _W32)


@kernel(_signature(64))
def general64(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """Any deterministic mode and policy in float64 lanes."""
    scratch, k = np.empty(_regions(plan[1]) * _R64 * _W64, np.float64), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if _begin(out, scratch, tile, panel, plan, status, _R64, _W64):
                at_a, at_b = (tile - first) * k * _R64, panel * k * _W64
                beyond = _general64(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                _end(out, scratch, tile, panel, beyond, status, _R64, _W64)


@kernel(_signature(32))
def stochastic32(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """stochastic in float32 lanes."""
    scratch, k = np.empty(_regions(plan[1]) * _R32 * _W32, np.float32), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if _begin(out, scratch, tile, panel, plan, status, _R32, _W32):
                at_a, at_b = (tile - first) * k * _R32, panel * k * _W32
                beyond = _stochastic32(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                _end(out, scratch, tile, panel, beyond, status, _R32, _W32)


@kernel(_signature(64))
def stochastic64(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """stochastic with all policies in float64 lanes."""
    scratch, k = np.empty(_regions(plan[1]) * _R64 * _W64, np.float64), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if _begin(out, scratch, tile, panel, plan, status, _R64, _W64):
                at_a, at_b = (tile - first) * k * _R64, panel * k * _W64
                beyond = _stochastic64(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                _end(out, scratch, tile, panel, beyond, status, _R64, _W64)


@device
def _sum_and_error(x, y):  # noqa: ANN001, ANN201
    s = x + y
    t = s - x
    return s, (x - (s - t)) + (y - t)


@device
def _round_three(high, middle, low, spec):  # noqa: ANN001, ANN201
    """high + middle + low rounded once, or NaN: not in two floats, or a zero whose sign is not known here.

    Two floats are rounded to odd first, which leaves two bits more than a format of p <= 51 has; for p = 53 the sum to nearest is
    the result (the caller asks for no other mode of such formats).
    """
    s, error = _sum_and_error(high, middle)
    t, rest = _sum_and_error(error, low)
    s, t = _sum_and_error(s, t)
    if rest != 0.0 or not abs(s) < math.inf or (s == 0.0 and spec.mode == _TOWARD_NEGATIVE):
        return math.nan
    if t != 0.0 and spec.precision <= 51:
        bits = float64_as_int64(s)
        if bits & 1 == 0:
            s = int64_as_float64(bits + (1 if (t > 0.0) == (s > 0.0) else -1))
    return round_value(s, spec, np.uint64(0))


@kernel(_signature(64))
def exact64(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """One rounding of the exact sum, where three floats hold it."""
    scratch, k, spec = np.empty(3 * _R64 * _W64), plan[1], load_spec(constants.view(np.float64))
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if _begin(out, scratch, tile, panel, plan, status, _R64, _W64):
                at_a, at_b = (tile - first) * k * _R64, panel * k * _W64
                beyond = _exact64(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                for i in range(_R64 * _W64):
                    r = _round_three(scratch[i], scratch[_R64 * _W64 + i], scratch[2 * _R64 * _W64 + i], spec)
                    scratch[i] = r
                    if r != r:
                        beyond = 1
                _end(out, scratch, tile, panel, beyond, status, _R64, _W64)
