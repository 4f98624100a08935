"""Threads over ranges of rows. Kernels hold no lock and outputs share nothing, so bits never depend on the count."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

from ..errors import ArgumentError, as_integer

#: below this much work for a thread, in multiply-adds in lanes (a tenth of a nanosecond), a second one costs more than
#: it brings: to start it, hand it the operands and wait for it takes two tenths of a millisecond
WORK_PER_THREAD = 5_000_000

#: the CPU's own sums are so many times as fast, the plain rule so many times as slow
NATIVE, PLAIN = 10, 100

#: each piece is what is left of a task, over so many times the number of threads; and the least piece, of the whole:
#: more and shorter ones end closer together, and take longer in all (an operand comes from a slower cache for each)
_SHARES, _LEAST = 1.5, 24

#: the most of that work that is done in one go (a fifth of a second), and how many times as slow the plain rule is at
#: its slowest (Kahan's sums with stochastic_c)
PIECE, SLOWEST = 2_000_000_000, 4_000


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


def _pieces(size: int, count: int, most: int) -> Iterator[tuple[int, int]]:
    """The ranges, long ones first: threads take them as they come, and end together.

    One that is slowed down (another process, a slower core) takes fewer.
    """
    start, least = 0, max(1, size // (_LEAST * count))
    while start < size:
        end = min(size, start + min(most, max(least, int((size - start) / (_SHARES * count)))))
        yield start, end
        start = end


def over_ranges(
    task: Callable[[int, int], object],
    size: int,
    count: int,
    work: int = 0,
    give_up: Callable[[], None] | None = None,
) -> None:
    """Run ``task(first, last)`` on ranges that together are 0..size - 1, on `count` threads.

    `work` is that of one of `size` (as in `thread_count`): a range is so short that when Ctrl-C comes, what is left of
    it ends within a second. Then no thread begins another, and KeyboardInterrupt is raised when all have stopped. Where
    one alone takes longer, `give_up` tells the tasks that run to come to an end.
    """
    piece = max(1, PIECE // work) if work > 0 else max(1, size)
    # a signal is seen by the main thread alone, and not while it is in a task
    aside = give_up is not None and work > PIECE and threading.current_thread() is threading.main_thread()
    if count == 1 and not aside:
        for start in range(0, size, piece):
            task(start, min(size, start + piece))
        return
    stopped = threading.Event()
    pieces = _pieces(size, count, piece)
    taking = threading.Lock()

    def work_off() -> None:
        while not stopped.is_set():
            with taking:
                place = next(pieces, None)
            if place is None:
                return
            task(*place)

    pool = _pool(os.getpid(), max(available(), count))
    futures = [pool.submit(work_off) for _ in range(count if aside else count - 1)]
    try:
        if not aside:
            work_off()
        for future in futures:
            future.result()
    except BaseException:
        stopped.set()
        if give_up is not None:
            give_up()
        wait(futures)
        raise
