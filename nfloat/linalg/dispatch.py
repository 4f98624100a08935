"""Which kernel does a product, and the loop over a stack of matrices."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..formats.rounding import check_random_bits
from ..formats.spec import rounding_spec
from ..kernels.gemm import gemm_plain
from .accumulators import Accumulator
from .threads import over_ranges, thread_count

_MASK = 2**64 - 1
_NO_WORDS = np.zeros((0, 0))


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
    plan, specs = plain_plan(acc)
    if a.shape[1] == 0:  # no term: one of zero gives c, rounded
        a, b = np.zeros((out.shape[0], 1)), np.zeros((1, out.shape[1]))
    rows, columns = read_only(a), read_only(b.T)
    start = read_only(np.zeros(out.shape) if c is None else c)
    result = out if out.dtype == np.float64 else np.empty(out.shape)
    count = thread_count(threads, 20 * out.size * rows.shape[1], out.shape[0])
    over_ranges(lambda first, last: gemm_plain(rows, columns, start, result, first, last, plan, specs, np.uint64(key)), out.shape[0], count)
    if result is not out:
        out[...] = result


def read_only(x: NDArray) -> NDArray[np.float64]:
    """x as the kernels take operands: C-contiguous float64 that nobody writes to."""
    x = np.ascontiguousarray(x, np.float64).view()
    x.flags.writeable = False
    return x


@lru_cache(maxsize=256)
def plain_plan(acc: Accumulator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The constants of `gemm_plain` for an accumulator."""
    bits = check_random_bits(acc.rounding, acc.random_bits)
    formats = (acc.format, acc.product or acc.format, acc.result_format)
    specs = read_only(np.stack([rounding_spec(f, acc.rounding, acc.overflow, bits) for f in formats]))
    return np.array([acc.order.tag, acc.block or 1, acc.product is not None], np.int64), specs
