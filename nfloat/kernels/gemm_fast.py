"""GEMM in register tiles: the kernels, one per arithmetic (``gemm_lanes.py``) and lane width, each holding all orders.

All take the same arguments: packed operands, `out`, the first and last tile of rows, `plan` = (kind, k, block or 0, whether only
marked tiles are done, whether `out` holds what the sums start with), constants (``gemm_exact.py``: the rounding's own, as bits),
`status`, random words of rows and columns.
A tile with a result beyond its limit (it overflowed, or is NaN) is left as it was and marked in `status` for another kernel to do.
Threads do ranges of tiles of rows.
"""

from __future__ import annotations

import numpy as np

from .gemm_lanes import General, Narrow, Native, Stochastic, StochasticGeneral
from .gemm_orders import LEVELS, Product, kahan, kind, sequential
from .gemm_pairwise import pairwise
from .gemm_tile import NATIVE32, TILE32, TILE64, Body, tile_intrinsic, tile_move
from .gemm_words import PRODUCT, SUM
from .jit import device, kernel
from .orders import Order


def _bodies(total: type, products: dict[Product, type], watched: tuple[bool, ...]) -> dict[int, Body]:
    """The bodies of a tile kernel for sums rounded by `total`: every order, exact products and those in `products`."""
    table: dict[int, Body] = {}
    for product, rounded in {Product.EXACT: None, **products}.items():
        table |= {kind(Order.SEQUENTIAL, product, w): sequential(total, rounded, w) for w in watched}
        table |= {kind(Order.KAHAN, product, w): kahan(total, rounded, w) for w in watched}
        table[kind(Order.PAIRWISE, product)] = pairwise(total, rounded)
    return table


def _drawn(total: type) -> dict[int, Body]:
    """The bodies of a tile kernel that draws random words."""
    return {
        kind(Order.SEQUENTIAL, Product.EXACT): sequential(total, domains=(SUM,)),
        kind(Order.SEQUENTIAL, Product.ROUNDED): sequential(total, total, domains=(SUM, PRODUCT)),
    }


_native32 = tile_intrinsic(32, NATIVE32, _bodies(Native, {Product.ROUNDED: Narrow, Product.NATIVE: Native}, (False,)))
_native64 = tile_intrinsic(64, TILE64, _bodies(Native, {Product.ROUNDED: Narrow, Product.NATIVE: Native}, (False,)))
_narrow32 = tile_intrinsic(32, TILE32, _bodies(Narrow, {Product.ROUNDED: Narrow}, (False, True)))
_narrow64 = tile_intrinsic(64, TILE64, _bodies(Narrow, {Product.ROUNDED: Narrow}, (False, True)))
_general32 = tile_intrinsic(32, TILE32, _bodies(General, {Product.ROUNDED: General}, (False,)))
_general64 = tile_intrinsic(64, TILE64, _bodies(General, {Product.ROUNDED: General}, (False,)))
_stochastic32, _stochastic64 = tile_intrinsic(32, TILE32, _drawn(Stochastic)), tile_intrinsic(64, TILE64, _drawn(StochasticGeneral))
_R32, _W32, _R64, _W64 = TILE32.rows, TILE32.width, TILE64.rows, TILE64.width
_RN, _WN = NATIVE32.rows, NATIVE32.width
_U = np.uint64


@device
def regions(k):  # noqa: ANN001, ANN201
    """How many tiles scratch holds: the sums, a block's, and the levels of pairwise sums."""
    count, nodes = LEVELS, k >> 1
    while nodes > 0:
        count, nodes = count + 1, nodes >> 1
    return count


_move_native, _move32, _move64 = tile_move(NATIVE32), tile_move(TILE32), tile_move(TILE64)


@device
def _move(x, at, stride, out, to, step, rows, width):  # noqa: ANN001, ANN201
    """A whole tile from x to out: the shape is a constant, and LLVM keeps one of these."""
    if rows == _RN and width == _WN:
        _move_native(x, at, stride, out, to, step)
    elif width == _W32:
        _move32(x, at, stride, out, to, step)
    else:
        _move64(x, at, stride, out, to, step)


@device
def _load(out, scratch, row, column, rows, width):  # noqa: ANN001, ANN201
    """The tile at (row, column) of out, padded with zeros, into the first region of scratch."""
    high, wide = min(rows, out.shape[0] - row), min(width, out.shape[1] - column)
    if high == rows and wide == width:
        _move(out, row * out.shape[1] + column, out.shape[1], scratch, 0, width, rows, width)
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
        _move(scratch, 0, width, out, row * out.shape[1] + column, out.shape[1], rows, width)
    else:
        for r in range(high):
            for j in range(wide):
                out[row + r, column + j] = scratch[r * width + j]


@device
def begin(out, scratch, tile, panel, plan, status, rows, width):  # noqa: ANN001, ANN201
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
def end(out, scratch, tile, panel, beyond, status, rows, width):  # noqa: ANN001, ANN201
    """Write the tile, or mark it."""
    status[tile, panel] = beyond
    if beyond == 0:
        _store(out, scratch, tile * rows, panel * width, rows, width)


def tile_signature(f: str) -> str:
    """The signature of all tile kernels, for a type of operands."""
    return f"void({f}[::1], {f}[::1], {f}[:, ::1], int64, int64, int64[::1], int64[::1], uint8[:, ::1], int32[::1], int32[::1])"


@kernel(tile_signature("float32"))
def native32(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """float32 sums by the hardware, nearest-even."""
    scratch, k = np.empty(regions(plan[1]) * _RN * _WN, np.float32), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _RN, _WN):
                at_a, at_b = (tile - first) * k * _RN, panel * k * _WN
                beyond = _native32(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, beyond, status, _RN, _WN)


@kernel(tile_signature("float64"))
def native64(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """float64 sums by the hardware, nearest-even."""
    scratch, k = np.empty(regions(plan[1]) * _R64 * _W64, np.float64), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _R64, _W64):
                at_a, at_b = (tile - first) * k * _R64, panel * k * _W64
                beyond = _native64(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, beyond, status, _R64, _W64)


@kernel(tile_signature("float32"))
def narrow32(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """Nearest-even by the magic constant in float32 lanes."""
    scratch, k = np.empty(regions(plan[1]) * _R32 * _W32, np.float32), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _R32, _W32):
                at_a, at_b = (tile - first) * k * _R32, panel * k * _W32
                beyond = _narrow32(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, beyond, status, _R32, _W32)


@kernel(tile_signature("float64"))
def narrow64(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """Nearest-even by the magic constant in float64 lanes."""
    scratch, k = np.empty(regions(plan[1]) * _R64 * _W64, np.float64), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _R64, _W64):
                at_a, at_b = (tile - first) * k * _R64, panel * k * _W64
                beyond = _narrow64(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, beyond, status, _R64, _W64)


@kernel(tile_signature("float32"))
def general32(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """Any deterministic mode and policy in float32 lanes."""
    scratch, k = np.empty(regions(plan[1]) * _R32 * _W32, np.float32), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _R32, _W32):
                at_a, at_b = (tile - first) * k * _R32, panel * k * _W32
                beyond = _general32(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, beyond, status, _R32, _W32)


@kernel(tile_signature("float64"))
def general64(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """Any deterministic mode and policy in float64 lanes."""
    scratch, k = np.empty(regions(plan[1]) * _R64 * _W64, np.float64), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _R64, _W64):
                at_a, at_b = (tile - first) * k * _R64, panel * k * _W64
                beyond = _general64(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, beyond, status, _R64, _W64)


@kernel(tile_signature("float32"))
def stochastic32(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """stochastic in float32 lanes."""
    scratch, k = np.empty(regions(plan[1]) * _R32 * _W32, np.float32), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _R32, _W32):
                at_a, at_b = (tile - first) * k * _R32, panel * k * _W32
                beyond = _stochastic32(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, beyond, status, _R32, _W32)


@kernel(tile_signature("float64"))
def stochastic64(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """stochastic with all policies in float64 lanes."""
    scratch, k = np.empty(regions(plan[1]) * _R64 * _W64, np.float64), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _R64, _W64):
                at_a, at_b = (tile - first) * k * _R64, panel * k * _W64
                beyond = _stochastic64(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, beyond, status, _R64, _W64)
