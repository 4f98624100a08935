"""Threads over ranges of rows. Kernels hold no lock and outputs share nothing, so bits never depend on the count."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

from ..errors import ArgumentError, as_integer

#: below this much work for a thread, in multiply-adds in lanes (a tenth of a nanosecond), a second one costs more than
#: it brings: to start it, hand it the operands and wait for it takes two tenths of a millisecond
WORK_PER_THREAD = 5_000_000

#: the CPU's own sums are so many times as fast, the plain rule so many times as slow
NATIVE, PLAIN = 10, 100


@lru_cache(maxsize=1)
def _pool(pid: int, count: int) -> ThreadPoolExecutor:
    """One pool a process (a forked child must not use its parent's), made on first use."""
    return ThreadPoolExecutor(count, thread_name_prefix="nfloat")


def available() -> int:
    """How many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_threads(threads: int | None) -> int | None:
    """`threads` as an integer, or None: all CPUs.

    Raises
    ------
    ArgumentError
        If it is not a positive integer.
    """
    number = None if threads is None else as_integer(threads)
    if threads is not None and (number is None or number < 1):
        raise ArgumentError(f"threads={threads!r} must be a positive integer, or None for all CPUs")
    return number


def thread_count(threads: int | None, work: int, parts: int) -> int:
    """How many threads to use.

    At most `threads` (checked before; None: all CPUs), `parts`, and what the work is worth.
    """
    if threads == 1 or parts <= 1:
        return 1
    wanted = available() if threads is None else threads
    return max(1, min(wanted, parts, work // WORK_PER_THREAD))


def over_ranges(task: Callable[[int, int], object], size: int, count: int, multiple: int = 1) -> None:
    """Run ``task(first, last)`` on `count` ranges of 0..size - 1, each a multiple of `multiple` but the last."""
    if count == 1:
        task(0, size)
        return
    blocks = -(-size // multiple)
    edges = [min(size, blocks * t // count * multiple) for t in range(count)] + [size]
    pool = _pool(os.getpid(), max(available(), count))
    futures = [pool.submit(task, first, last) for first, last in pairwise(edges[1:]) if first < last]
    task(edges[0], edges[1])
    for future in futures:
        future.result()
