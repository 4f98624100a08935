"""From a product of matrices to kernel calls: the loop over a stack, packing, threads, and what one kernel leaves to the next."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..formats.rounding import check_random_bits
from ..formats.spec import rounding_spec
from ..kernels.gemm import gemm_plain
from ..kernels.gemm_pack import greatest_norm, pack
from ..kernels.gemm_words import line_words
from .accumulators import Accumulator
from .facts import ZEROS, survey
from .lane_constants import constants
from .route import Problem, Route, routes
from .threads import over_ranges, thread_count

_MASK = 2**64 - 1
_FLOAT = {32: np.float32, 64: np.float64}
_NO_WORDS = np.zeros(1, np.int32)


def multiply_stack(a: NDArray, b: NDArray, c: NDArray | None, out: NDArray, acc: Accumulator, key: int, threads: int | None) -> None:
    """out[...] = a @ b + c for stacks that broadcast; matrix t of the result draws from `stack_key(key, t)`."""
    stack = out.shape[:-2]
    for t, index in enumerate(np.ndindex(*stack)):
        first, second = (x[_place(x.shape[:-2], index)] for x in (a, b))
        multiply(first, second, None if c is None else c[index], out[index], acc, stack_key(key, t), threads)


def _place(stack: tuple[int, ...], index: tuple[int, ...]) -> tuple[int, ...]:
    """Where a broadcast stack keeps matrix `index` of the result."""
    return tuple(0 if size == 1 else i for size, i in zip(stack, index[len(index) - len(stack) :], strict=True))


def stack_key(key: int, t: int) -> int:
    """The key of matrix t of a stack; that of the first is the stream's own, so that one matrix is a stack of one."""
    return (key + t * 0x9E3779B97F4A7C15) & _MASK


def multiply(a: NDArray, b: NDArray, c: NDArray | None, out: NDArray, acc: Accumulator, key: int, threads: int | None) -> None:
    """out = a @ b + c for matrices (m, k), (k, n), (m, n)."""
    if out.size == 0:
        return
    if a.shape[1] == 0:  # no term: one of zero gives c, rounded
        a, b = np.zeros((out.shape[0], 1), np.float32), np.zeros((1, out.shape[1]), np.float32)
    a, b = contiguous(a), contiguous(b)
    c = None if c is None else np.ascontiguousarray(c)
    facts = [ZEROS if x is None else survey(x) for x in (a, b, c)]
    problem = Problem(acc, *facts, a.shape[1], lambda: _norms(a, b))
    status: NDArray[np.uint8] | None = None
    done: Route | None = None
    for route in routes(problem):
        if status is not None and (route.bits, route.shape) != (done.bits, done.shape):
            status = None
        status, done = _in_tiles(route, a, b, c, out, acc, key, threads, status), route
        if not status.any():
            return
    _plainly(a, b, c, out, acc, key, threads)


def contiguous(x: NDArray) -> NDArray:
    """x, copied to C order unless it is C- or Fortran-contiguous."""
    return x if x.flags.c_contiguous or x.flags.f_contiguous else np.ascontiguousarray(x)


def _norms(a: NDArray, b: NDArray) -> float:
    """A bound on every sum |a_k b_k|, by Cauchy and Schwarz; the factor covers the rounding of the bound itself."""
    squares = greatest_norm(read_only(a, a.dtype)) * greatest_norm(read_only(b.T, b.dtype))
    return float(np.sqrt(squares)) * (1 + 4 * (a.shape[1] + 4) * 2.0**-53)


def read_only(x: NDArray, dtype: type | np.dtype = np.float64) -> NDArray:
    """x as the plain kernels take operands: C-contiguous, of a dtype, and nobody writes to it."""
    x = np.ascontiguousarray(x, dtype).view()
    x.flags.writeable = False
    return x


# ------------------------------------------------------------------ tiles
def _in_tiles(route: Route, a: NDArray, b: NDArray, c: NDArray | None, out: NDArray, acc: Accumulator, key: int, threads: int | None,
              status: NDArray[np.uint8] | None) -> NDArray[np.uint8]:  # fmt: skip
    """Let a tiled kernel do the product, or the tiles that `status` marks; returns which tiles it left undone."""
    (m, n), k, shape = out.shape, a.shape[1], route.shape
    dtype, marked = _FLOAT[route.bits], status is not None
    tiles, panels = -(-m // shape.rows), -(-n // shape.width)
    status = np.zeros((tiles, panels), np.uint8) if status is None else status
    target = out if out.dtype == dtype and out.flags.c_contiguous else np.empty((m, n), dtype)
    if not marked:
        target[...] = 0.0 if c is None else c
    elif target is not out:
        target[...] = out
    plan = np.array([route.kind, k, acc.block or 0, marked], np.int64)
    rows = constants((acc.format, acc.product or acc.format, acc.result_format), acc.rounding, acc.overflow, route.bits)
    x, packed_b = packable(a.T, dtype), np.empty(panels * k * shape.width, dtype)
    y = packable(b, dtype)
    count = thread_count(threads, m * n * k, tiles)
    over_ranges(lambda first, last: pack(y, shape.width, packed_b[first * k * shape.width :], first, last), panels, min(count, panels))
    words = _Words(key, acc, n, k, panels, shape.width) if route.stochastic else None

    def task(first: int, last: int) -> None:
        packed_a = np.empty((last - first) * k * shape.rows, dtype)
        pack(x, shape.rows, packed_a, first, last)
        row_words = words.of_rows(m, shape.rows, first, last) if words else _NO_WORDS
        route.kernel(packed_a, packed_b, target, first, last, plan, rows, status, row_words, words.columns if words else _NO_WORDS)

    over_ranges(task, tiles, count)
    if target is not out:
        out[...] = target
    return status


def packable(x: NDArray, dtype: type) -> NDArray:
    """x (C or Fortran order kept) of a lane's dtype, as `pack` takes it."""
    x = x.astype(dtype, order="K", copy=False).view()
    x.flags.writeable = False
    return x


class _Words:
    """The random words of a product's rows and columns, laid out like the packed operands."""

    def __init__(self, key: int, acc: Accumulator, n: int, k: int, panels: int, width: int) -> None:
        self._key, self._k, self._each = np.uint64(key), k, 1 if acc.product is None else 2
        self.columns = np.empty(panels * k * self._each * width, np.int32)
        line_words(self._key, True, n, k, width, self._each, self.columns, 0, panels)

    def of_rows(self, m: int, rows: int, first: int, last: int) -> NDArray[np.int32]:
        """The words of tiles first .. last - 1."""
        words = np.empty((last - first) * self._k * self._each * rows, np.int32)
        line_words(self._key, False, m, self._k, rows, self._each, words, first, last)
        return words


# ------------------------------------------------------------------ the plain rule
def _plainly(a: NDArray, b: NDArray, c: NDArray | None, out: NDArray, acc: Accumulator, key: int, threads: int | None) -> None:
    plan, specs = plain_plan(acc)
    rows, columns = read_only(a), read_only(b.T)
    start = read_only(np.zeros(out.shape) if c is None else c)
    result = out if out.dtype == np.float64 and out.flags.c_contiguous else np.empty(out.shape)
    count = thread_count(threads, 20 * out.size * rows.shape[1], out.shape[0])
    over_ranges(lambda first, last: gemm_plain(rows, columns, start, result, first, last, plan, specs, np.uint64(key)), out.shape[0], count)
    if result is not out:
        out[...] = result


@lru_cache(maxsize=256)
def plain_plan(acc: Accumulator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The constants of `gemm_plain` for an accumulator."""
    bits = check_random_bits(acc.rounding, acc.random_bits)
    formats = (acc.format, acc.product or acc.format, acc.result_format)
    specs = read_only(np.stack([rounding_spec(f, acc.rounding, acc.overflow, bits) for f in formats]))
    return np.array([acc.order.tag, acc.block or 1, acc.product is not None], np.int64), specs
