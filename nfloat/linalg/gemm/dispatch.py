"""From a product of matrices to kernel calls.

Packing, threads, and what one kernel leaves to the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.rounding import Rounding, check_random_bits
from ...formats.spec import rounding_spec
from ...kernels.gemm.orders import Order, unknown_order
from ...kernels.gemm.pack import PACKED, greatest_norm, pack
from ...kernels.gemm.plain import RULES, PlainCall, gemm_plain
from ...kernels.gemm.walk import TileCall
from ...kernels.gemm.words import line_words
from ...kernels.jit import entry_point
from ...ops.memory import panel_buffer
from ...ops.threads import NATIVE, PIECE, PLAIN, SLOWEST, over_ranges, thread_count
from ..accumulators import Accumulator
from .candidate import Candidate, Problem
from .constants import constants
from .facts import ZEROS, survey, survey_tiles
from .halves import multiply_halves
from .route import candidates

LANE = {32: np.float32, 64: np.float64}
#: the signature of `pack` for matrices and their panels, by the bytes of a number
PACK = {(np.dtype(x).itemsize, np.dtype(out).itemsize): i for i, (x, out) in enumerate(PACKED)}
#: elements of packed rows at a time
CHUNK = 1 << 16
#: how many times as slow as sums in lanes the slowest tiled kernel is
_SLOW = 10
#: bytes that one thread packs before another would have begun
_PACKED_ALONE = 1 << 22
NO_WORDS, _NOTHING_EMULATED = np.zeros(1, np.int32), np.zeros(0, np.int64)


def multiply(
    a: NDArray[Any],
    b: NDArray[Any],
    c: NDArray[Any] | None,
    out: NDArray[Any],
    acc: Accumulator,
    key: int,
    threads: int | None,
) -> list[str]:
    """out = a @ b + c for matrices (m, k), (k, n), (m, n); the names of the kernels that did it, in turn."""
    if out.size == 0:
        return []
    if a.shape[1] == 0:
        if c is None and acc.result_format.has_zero:
            out[...] = 0.0
            return []
        c = np.zeros(out.shape) if c is None else c  # what a format without a zero makes of it
        a, b, acc = _zero_terms(out.shape[0], out.shape[1], acc)
    a, b = contiguous(a), contiguous(b)
    possible = candidates(acc)
    width = possible[0].bits // 8 if possible and possible[0].unconditional else 0
    if a.itemsize == b.itemsize == width and (c is None or c.itemsize == width):
        _Tiles(possible[0], a, b, c, out, acc, key, threads).run(possible[0].kind)
        return [possible[0].name]
    c = None if c is None else np.ascontiguousarray(c)
    if possible and possible[0].unconditional and possible[0].bits == 16:
        if multiply_halves(a, b, c, out, possible[0].kind, _NOTHING_EMULATED, threads):
            return [possible[0].name]
        possible = possible[1:]
    problem = Problem(survey(a), survey(b), ZEROS if c is None else survey(c), a.shape[1], lambda: norm_bound(a, b))
    tiles: _Tiles | None = None
    done: list[str] = []
    for candidate in possible:
        kind = -1 if candidate.leftover and tiles is None else candidate.kind_for(problem)
        if kind < 0:
            continue
        if candidate.bits == 16:
            if multiply_halves(a, b, c, out, kind, tile_constants(acc, 16), threads):
                return [*done, candidate.name]
            continue
        if tiles is None or (tiles.candidate.bits, tiles.candidate.shape) != (candidate.bits, candidate.shape):
            tiles = _Tiles(candidate, a, b, c, out, acc, key, threads)
        else:
            tiles.candidate = candidate
        done.append(candidate.name)
        if tiles.run(kind, problem):
            return done
    multiply_plainly(a, b, c, out, acc, key, threads, None if tiles is None else tiles.rows_left())
    return [*done, "plain"]


def _zero_terms(m: int, n: int, acc: Accumulator) -> tuple[NDArray[np.float32], NDArray[np.float32], Accumulator]:
    """What stands for no terms, k = 0: c rounded is c + z rounded, z a zero that changes no zero of c.

    -0, or +0 in toward_negative.
    """
    zero = np.float32(0.0 if acc.rounding is Rounding.TOWARD_NEGATIVE else -0.0)
    alone = acc.replace(
        format=acc.result_format, product=None, order=Order.SEQUENTIAL, block=None, promote=None, lanes=None
    )
    return np.full((m, 1), zero), np.ones((1, n), np.float32), alone


def contiguous(x: NDArray[Any]) -> NDArray[Any]:
    """x, copied to C order unless it is C- or Fortran-contiguous."""
    return x if x.flags.c_contiguous or x.flags.f_contiguous else np.ascontiguousarray(x)


def norm_bound(a: NDArray[Any], b: NDArray[Any]) -> float:
    """A bound on every sum |a_k b_k|, by Cauchy and Schwarz; the factor covers the rounding of the bound itself.

    A square that underflows loses less than 2^-1074, which is added for each; a sum of squares that overflows leaves
    infinity or NaN.
    """
    k = a.shape[1]
    rows, columns = (greatest_norm(read_only(x, x.dtype)) + k * 2.0**-1074 for x in (a, b.T))
    return math.sqrt(rows) * math.sqrt(columns) * (1 + 4 * (k + 4) * 2.0**-53)


def read_only(x: NDArray[Any], dtype: type | np.dtype = np.float64) -> NDArray[Any]:
    """x as the plain kernels take operands: C-contiguous, of a dtype, and nobody writes to it."""
    if x.dtype != dtype:
        with np.errstate(invalid="ignore"):  # a signalling NaN would warn
            x = x.astype(dtype)
    x = np.ascontiguousarray(x).view()
    x.flags.writeable = False
    return x


# ------------------------------------------------------------------ tiles
class _Tiles:
    """One product in tiles of one shape: packed operands, the target, and which tiles are still to be done."""

    def __init__(
        self,
        candidate: Candidate,
        a: NDArray[Any],
        b: NDArray[Any],
        c: NDArray[Any] | None,
        out: NDArray[Any],
        acc: Accumulator,
        key: int,
        threads: int | None,
    ) -> None:
        self.candidate, self._acc, self._key = candidate, acc, key
        (m, n), self._k, shape, dtype = out.shape, a.shape[1], candidate.shape, LANE[candidate.bits]
        self._tiles, panels = -(-m // shape.rows), -(-n // shape.width)
        self._count = thread_count(threads, m * n * self._k // (NATIVE if candidate.unconditional else 1), self._tiles)
        self._status, self._marked = np.zeros((self._tiles, panels), np.uint8), False
        self._out, self._target = out, out if out.dtype == dtype and out.flags.c_contiguous else np.empty((m, n), dtype)
        self._has_start = c is not None
        if c is not None:
            self._target[...] = c
        self._rows, columns, self._packed_size = packable(a.T, dtype), packable(b, dtype), np.dtype(dtype).itemsize
        to_panels = entry_point(pack, PACK[columns.itemsize, self._packed_size])
        self._packed = panel_buffer(panels * self._k * shape.width, dtype)
        if self._count == 1 or self._packed.nbytes < _PACKED_ALONE:
            to_panels(columns, shape.width, self._packed, 0, panels)
        else:
            size = self._k * shape.width
            over_ranges(
                lambda first, last: to_panels(columns, shape.width, self._packed[first * size :], first, last),
                panels,
                min(self._count, panels),
            )

    def run(self, kind: int, problem: Problem | None = None) -> bool:
        """Let the candidate do what is still to be done; returns whether all of it is."""
        candidate = self.candidate
        zeros = problem is not None and candidate.may_lack_signs(problem)
        self._asked = problem if problem is not None and candidate.asks_tiles(problem) else None
        if self._asked is not None:
            size = self._k * candidate.shape.width
            self._column_facts = survey_tiles(self._packed, size, self._status.shape[1])
        marked = self._marked or self._asked is not None
        call = tile_call(kind, self._k, self._acc.terms, marked, self._has_start, zeros)
        rows = tile_constants(self._acc, candidate.bits)
        self._columns = self._words(True, self._target.shape[1], candidate.shape.width, 0, self._status.shape[1])
        work = _SLOW * self._k * candidate.shape.rows * self._target.shape[1]
        left = self._left() if self._marked else None
        count = self._tiles if left is None else len(left)

        def some(first: int, last: int) -> None:
            for start, end in ((first, last),) if left is None else _runs(left[first:last]):
                self._range(start, end, call, rows)

        over_ranges(some, count, min(self._count, count), work)
        self._marked = True
        return candidate.unconditional or not self._status.any()

    def rows_left(self) -> list[tuple[int, int]]:
        """The ranges of rows in which a tile is still to be done."""
        height, m = self.candidate.shape.rows, self._out.shape[0]
        return [(first * height, min(m, last * height)) for first, last in _runs(self._left())]

    def _left(self) -> NDArray[np.int64]:
        """The tiles of rows that are marked somewhere."""
        return np.flatnonzero(self._status.any(axis=1))

    def _range(self, first: int, last: int, call: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Rows of tiles first .. last - 1, some at a time: their packed rows stay in the second cache.

        Then they are stored, each thread its own.
        """
        height = self.candidate.shape.rows
        some = max(1, min(last - first, CHUNK // (self._k * height)))
        packed = np.empty(some * self._k * height, self._packed.dtype)
        to_panels, product = (
            entry_point(pack, PACK[self._rows.itemsize, self._packed_size]),
            entry_point(self.candidate.kernel),
        )
        for start in range(first, last, some):
            end = min(last, start + some)
            to_panels(self._rows, height, packed, start, end)
            words = self._words(False, self._target.shape[0], height, start, end)
            far = self._mark(packed, start, end)
            product(packed, self._packed, self._target, start, end, call, rows, self._status, words, self._columns)
            if far is not None:
                self._status[start:end] |= far
        if self._target is not self._out:
            done = slice(first * height, last * height)
            with np.errstate(invalid="ignore", over="ignore"):  # tiles left undone may hold anything
                self._out[done] = self._target[done]

    def _mark(self, packed: NDArray[Any], start: int, end: int) -> NDArray[np.bool_] | None:
        """Mark the tiles that a candidate may do which asks each; those that it may not."""
        if self._asked is None or self.candidate.direct is None:
            return None
        rows = survey_tiles(packed, self._k * self.candidate.shape.rows, end - start)
        close = self.candidate.direct.close(rows, self._column_facts, self._asked.c)
        self._status[start:end] = close
        return ~close

    def _words(self, column: bool, lines: int, width: int, first: int, last: int) -> NDArray[np.int32]:
        """Random words, laid out like the packed operand; none for deterministic kernels."""
        domains = self.candidate.domains
        if not domains:
            return NO_WORDS
        words = np.empty((last - first) * self._k * len(domains) * width, np.int32)
        line_words(np.uint64(self._key), column, lines, self._k, width, np.array(domains), words, first, last)
        return words


def _runs(numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges: (the first of each, the one behind its last).

    Examples
    --------
    >>> _runs(np.array([1, 2, 3, 7]))
    [(1, 4), (7, 8)]
    """
    if not numbers.size:
        return []
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(numbers, cuts)]


@lru_cache(maxsize=1024)
def tile_call(kind: int, k: int, block: int, marked: bool, start: bool, zeros: bool = False) -> NDArray[np.int64]:
    """What a tiled kernel is asked to do."""
    call = np.zeros(len(TileCall), np.int64)
    call[TileCall.KIND], call[TileCall.K], call[TileCall.BLOCK] = kind, k, block
    call[TileCall.MARKED], call[TileCall.START], call[TileCall.ZEROS] = marked, start, zeros
    return call


@lru_cache(maxsize=1024)
def tile_constants(acc: Accumulator, bits: int) -> NDArray[np.int64]:
    """What it must know of the accumulator."""
    if acc.order is Order.EXACT:
        return plain_call(acc)[1][0].copy().view(np.int64)
    return constants(
        (acc.format, acc.product or acc.format, acc.result_format),
        acc.rounding,
        acc.overflow,
        bits,
        acc.random_bits or 0,
    )


def packable(x: NDArray[Any], dtype: type) -> NDArray[Any]:
    """x (C or Fortran order kept) as `pack` takes it for a lane's dtype: it widens, and does not narrow."""
    x = x.view() if x.dtype == dtype or x.itemsize == 4 else x.astype(dtype, order="K")
    x.flags.writeable = False
    return x


# ------------------------------------------------------------------ the plain rule
def multiply_plainly(
    a: NDArray[Any],
    b: NDArray[Any],
    c: NDArray[Any] | None,
    out: NDArray[Any],
    acc: Accumulator,
    key: int,
    threads: int | None = 1,
    ranges: Sequence[tuple[int, int]] | None = None,
) -> None:
    """The rows in `ranges` (None: all) of out = a @ b + c by the plain kernel."""
    call, specs = plain_call(acc)
    call = call.copy()  # for what stops this product alone
    rows, columns = read_only(a), read_only(b.T)
    start = read_only(np.zeros(out.shape) if c is None else c)
    result = out if out.dtype == np.float64 and out.flags.c_contiguous else np.empty(out.shape)

    n, work = columns.shape[0], SLOWEST * max(columns.shape[1], 1)
    width = max(1, min(n, PIECE // work))

    def compute(top: int, left: int, first: int, last: int) -> None:
        place = (top + first, top + last, left, min(n, left + width))
        gemm_plain(rows, columns, start, result, *place, call, specs, np.uint64(key))

    for top, end in ((0, out.shape[0]),) if ranges is None else ranges:
        count = thread_count(threads, PLAIN * (end - top) * columns.size, end - top)
        for left in range(0, n, width):
            over_ranges(partial(compute, top, left), end - top, count, work * width, partial(stop_plain, call))
        if result is not out:
            out[top:end] = result[top:end]


def stop_plain(call: NDArray[np.int64]) -> None:
    """Tell the plain kernels that have this call to come to an end."""
    call[PlainCall.STOP] = 1


@lru_cache(maxsize=4096)
def plain_call(acc: Accumulator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The constants of `gemm_plain` for an accumulator.

    Raises
    ------
    AccumulatorError
        If the plain rule does not know its order.
    """
    if acc.order not in RULES:
        raise unknown_order(acc.order, "kernels/gemm/plain.py")
    bits = check_random_bits(acc.rounding, acc.random_bits)
    formats = (acc.format, acc.product or acc.format, acc.result_format)
    specs = read_only(np.stack([rounding_spec(f, acc.rounding, acc.overflow, bits) for f in formats]))
    call = np.zeros(len(PlainCall), np.int64)
    call[PlainCall.ORDER], call[PlainCall.TERMS] = acc.order.tag, max(acc.terms, 1)
    call[PlainCall.ROUNDED] = acc.product is not None
    return call, specs
