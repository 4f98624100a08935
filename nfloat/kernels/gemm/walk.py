"""The walk over a product's tiles: what every tiled kernel does around its tile, and its only statement.

A kernel's arguments: packed operands, `out`, the first and last tile of rows, `call` (`TileCall`), constants, `status`,
random words of rows and columns. A tile with a result beyond its limit (it overflowed, or is NaN) is left as it was and
marked in `status` for another kernel to do. Threads do ranges of tiles of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from ..bits import lesser
from ..jit import call_compiled, device, routine
from .bodies import LEVELS
from .shapes import NATIVE32, TILE32, TILE64, Shape
from .tile import tile_move, tile_request


class TileCall(IntEnum):
    """The integers of a call, by position."""

    KIND = 0  # the number of a body
    K = 1
    BLOCK = 2  # terms of a block, or 0
    MARKED = 3  # 1: only the tiles that `status` marks are done
    START = 4  # 1: `out` holds what the sums start with
    ZEROS = 5  # 1: sums that are zero may lack their sign, and tiles that have one are marked


_W32 = TILE32.width
_RN, _WN = NATIVE32.rows, NATIVE32.width
_U = np.uint64


@device
def regions(k):
    """How many tiles scratch holds: the sums, a block's, and the levels of pairwise sums.

    Three at least, as exact sums take.
    """
    count, nodes = LEVELS + 1, k >> 1
    while nodes > 0:
        count, nodes = count + 1, nodes >> 1
    return count


_move_native = tile_move(NATIVE32)
_move32 = tile_move(TILE32)
_move64 = tile_move(TILE64)


@device
def _move(x, at, stride, out, to, step, rows, width):
    """A whole tile from x to out: the shape is a constant, and LLVM keeps one of these."""
    if rows == _RN and width == _WN:
        _move_native(x, at, stride, out, to, step)
    elif width == _W32:
        _move32(x, at, stride, out, to, step)
    else:
        _move64(x, at, stride, out, to, step)


@device
def load_tile(out, scratch, row, column, rows, width):
    """The tile at (row, column) of out, padded with zeros, into the first region of scratch."""
    high, wide = lesser(rows, out.shape[0] - row), lesser(width, out.shape[1] - column)
    if high == rows and wide == width:
        _move(out, row * out.shape[1] + column, out.shape[1], scratch, 0, width, rows, width)
    else:
        for i in range(rows * width):
            scratch[i] = 0.0
        for r in range(high):
            for j in range(wide):
                scratch[r * width + j] = out[row + r, column + j]


@device
def store_tile(out, scratch, row, column, rows, width):
    """The first region of scratch back to its place."""
    high, wide = lesser(rows, out.shape[0] - row), lesser(width, out.shape[1] - column)
    if high == rows and wide == width:
        _move(scratch, 0, width, out, row * out.shape[1] + column, out.shape[1], rows, width)
    else:
        for r in range(high):
            for j in range(wide):
                out[row + r, column + j] = scratch[r * width + j]


@device
def begin(out, scratch, tile, panel, call, status, rows, width):
    """Whether the tile is to be done; then its starting values are in scratch."""
    if call[TileCall.MARKED] == 1 and status[tile, panel] == 0:
        return False
    if call[TileCall.START] == 1:
        load_tile(out, scratch, tile * rows, panel * width, rows, width)
    else:
        for i in range(rows * width):
            scratch[_U(i)] = 0.0
    return True


@device
def _has_zero(scratch, high, wide, width):
    """Whether a sum of the part of a tile that is in `out` is zero."""
    for r in range(high):
        for j in range(wide):
            if scratch[r * width + j] == 0.0:
                return 1
    return 0


@device
def end(out, scratch, tile, panel, beyond, status, rows, width):
    """Write the tile, or mark it."""
    status[tile, panel] = beyond
    if beyond == 0:
        store_tile(out, scratch, tile * rows, panel * width, rows, width)


def tile_signature(f: str) -> str:
    """The signature of all tile kernels, for a type of operands."""
    matrices, numbers = (
        f"{f}[::1], {f}[::1], {f}[:, ::1]",
        "int64[::1], int64[::1], uint8[:, ::1], int32[::1], int32[::1]",
    )
    return f"void({matrices}, int64, int64, {numbers})"


@device
def nothing(scratch, constants):
    """What most kernels do with a tile's sums: leave them as they are."""
    return 0


def tile_walk(name: str, tile: Any, shape: Shape, dtype: type, finish: Callable[..., Any] = nothing):
    """The whole of a tiled kernel, around the intrinsic of a tile.

    `finish` may change the sums in scratch, and tell whether it cannot. `name` is the kernel's, and that of its loops
    in the object code: the linker takes two functions of one name and type for one, and the numbers that Numba puts
    behind a name begin anew in every process.
    """
    rows, width = shape.rows, shape.width
    request = tile_request(shape)

    def loops(a, b, out, first, last, call, constants, status, row_words, column_words):
        k, kind, block = call[TileCall.K], call[TileCall.KIND], call[TileCall.BLOCK]
        scratch = np.empty(regions(k) * rows * width, dtype)
        for panel in range(status.shape[1]):
            for t in range(first, last):
                if begin(out, scratch, t, panel, call, status, rows, width):
                    at_a, at_b = (t - first) * k * rows, panel * k * width
                    request(out, t * rows * out.shape[1] + panel * width, out.shape[1])
                    beyond = tile(kind, a, at_a, b, at_b, scratch, row_words, column_words, constants, k, block)
                    beyond |= finish(scratch, constants)
                    if call[TileCall.ZEROS] == 1:
                        high, wide = lesser(rows, out.shape[0] - t * rows), lesser(width, out.shape[1] - panel * width)
                        beyond |= _has_zero(scratch, high, wide, width)
                    end(out, scratch, t, panel, beyond, status, rows, width)

    loops.__name__ = loops.__qualname__ = f"loops_of_{name}"
    inlined = routine(loops)

    def typer(typingctx, a, b, out, first, last, call, constants, status, row_words, column_words):
        signature = types.void(a, b, out, first, last, call, constants, status, row_words, column_words)
        return signature, lambda context, builder, sig, args: call_compiled(context, builder, inlined, sig, args)

    return intrinsic(typer)
