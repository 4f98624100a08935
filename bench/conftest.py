"""Ratios: every figure here is the time of a call over that of a native operation, timed in turn in the same run.

``ratio(work, native, at_most)`` benchmarks `work`, pairs it with `native`, and records ratio and target; the table at
the end of the run shows them. Nothing fails on a slow machine: a missed target is shown, not asserted.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import pytest

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy loads its BLAS: one thread against one thread

_RATIOS = pytest.StashKey[list[tuple[str, float, float]]]()
_MICROSECONDS = pytest.StashKey[list[tuple[str, float, float]]]()
_OVERHEADS = pytest.StashKey[list[tuple[str, float, float]]]()
_Clock = Callable[[Callable[[], object]], float]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RATIOS] = []
    config.stash[_MICROSECONDS] = []
    config.stash[_OVERHEADS] = []


def _seconds(function: Callable[[], object], inner: int, now: Callable[[], float] = time.perf_counter) -> float:
    start = now()
    for _ in range(inner):
        function()
    return (now() - start) / inner


def _paired(work: Callable[[], object], native: Callable[[], object], repeats: int = 9) -> float:
    """Median over repeats of time(work) / time(native)."""
    work(), native()
    counts = [max(1, min(1000, int(0.01 / max(_seconds(f, 1), 1e-7)))) for f in (work, native)]
    return statistics.median(_seconds(work, counts[0]) / _seconds(native, counts[1]) for _ in range(repeats))


@pytest.fixture
def ratio(benchmark, request: pytest.FixtureRequest) -> Callable[..., float]:
    """Benchmark `work`, and record its ratio to `native` beside the target."""

    def measure(work: Callable[[], object], native: Callable[[], object], at_most: float) -> float:
        value = _paired(work, native)
        benchmark.extra_info.update(ratio=value, at_most=at_most)
        benchmark.pedantic(work, rounds=5, iterations=1, warmup_rounds=1)
        request.config.stash[_RATIOS].append((request.node.name, value, at_most))
        return value

    return measure


@pytest.fixture
def microseconds(benchmark, request: pytest.FixtureRequest) -> Callable[..., float]:
    """Benchmark a call of some microseconds: the shortest mean of a thousand calls."""

    def measure(name: str, work: Callable[[], object], at_most: float) -> float:
        _seconds(work, 100)
        value = 1e6 * min(_seconds(work, 1000) for _ in range(15))
        benchmark.extra_info.update(microseconds=value, at_most=at_most)
        benchmark.pedantic(work, rounds=5, iterations=1, warmup_rounds=1)
        request.config.stash[_MICROSECONDS].append((name, value, at_most))
        return value

    return measure


@pytest.fixture
def overhead(benchmark, request: pytest.FixtureRequest) -> Callable[..., float]:
    """Record what a call of some microseconds takes longer than another, in turn: the median.

    Both are functions of a clock, which they hand what is to be timed, and give what it said; `of` calls or parts of a
    call share it. The clock is this thread's own: what other processes take of the machine is not in it. `itself` is a
    part of that time which is no overhead (what nfloat's own function takes on arrays, for one): the row is what
    remains, and names the whole and that part.
    """

    def clock(function: Callable[[], object]) -> float:
        _seconds(function, 5)
        return _seconds(function, 40, time.thread_time)

    def measure(
        name: str, work: Callable[[_Clock], float], native: Callable[[_Clock], float], at_most: float,
        repeats: int = 60, of: int = 1, itself: Callable[[_Clock], float] | None = None,
    ) -> float:  # fmt: skip
        work(clock), native(clock)
        times = [(work(clock) - native(clock), itself(clock) if itself else 0.0) for _ in range(repeats)]
        value = 1e6 * statistics.median(whole - part for whole, part in times) / of
        whole, part = (1e6 * statistics.median(each) / of for each in zip(*times, strict=True))
        benchmark.extra_info.update(overhead=value, whole=whole, itself=part, at_most=at_most)
        name = f"{name}: {whole:.1f} less {part:.1f}" if itself else name
        benchmark.pedantic(lambda: work(clock), rounds=5, iterations=1)
        request.config.stash[_OVERHEADS].append((name, value, at_most))
        return value

    return measure


def _show(terminalreporter, title: str, rows: list[tuple[str, float, float]]) -> None:
    terminalreporter.section(title)
    for name, value, at_most in rows:
        verdict = "" if value <= at_most else "  above the target"
        terminalreporter.write_line(f"{name:64s} {value:8.2f}   target {at_most:g}{verdict}")


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    for title, rows in (
        ("ratios to the native operation", config.stash[_RATIOS]),
        ("microseconds of a small call", config.stash[_MICROSECONDS]),
        ("overhead: microseconds more than the same call without", config.stash[_OVERHEADS]),
    ):
        if rows:
            _show(terminalreporter, title, rows)
