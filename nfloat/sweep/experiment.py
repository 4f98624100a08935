"""`run`: a grid, measured on whatever executor there is, into a folder; and `Sweep`, what comes out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ArgumentError, as_integer
from ..report.page import Page, write
from ..runs.folder import CONFIG, REPORT, check_folder
from ..runs.rows import Row
from .folder import Counts, SweepFolder, failures_of, rows_of
from .grid import Grid, from_toml, read_grid, to_toml
from .page import sweep_page
from .processes import Processes
from .schedule import Limits, Outcome, Schedule
from .task import Task
from .verify import Verified, verify

#: seconds after which outcomes are written, so that many small cells are written together
_EVERY = 0.2


class State(NamedTuple):
    """How far a sweep is: cells of this run and of the grid, and the seconds that are left, once they can be told."""

    done: int
    failed: int
    total: int
    left: float | None


#: called with a `State` after cells are done, and twice a second where none are
Progress = Callable[[State], None]


@dataclass(frozen=True)
class Sweep:
    """A sweep in a folder, complete or not; rows are read when they are asked for, and not kept."""

    path: Path
    grid: Grid
    counts: Counts
    verified: Verified | None = None

    @property
    def complete(self) -> bool:
        """Whether every cell has its row."""
        return self.counts.done == self.counts.total

    def rows(self) -> Iterator[Row]:
        """The rows, one at a time: key, coordinates, measures."""
        return rows_of(self.path, self.grid)

    def failures(self) -> Iterator[Row]:
        """The cells that were given up: key, coordinates, reason, attempts."""
        return failures_of(self.path, self.grid)

    def page(self) -> Page:
        """What stands on the sweep's page.

        Raises
        ------
        ArgumentError
            If there are no rows, or what the page is to show is no measure.
        MissingExtraError
            If the packages for the charts are not installed.
        """
        return sweep_page(self.grid, self.rows(), self.counts, to_toml(self.grid))

    def write_report(self, path: str | Path) -> None:
        """Write the page."""
        write(self.page(), path)


def run(
    grid: Grid | str | Path,
    out: str | Path,
    executor: Any = None,
    *,
    workers: int | None = None,
    shard: tuple[int, int] = (1, 1),
    merge: tuple[str | Path, ...] = (),
    limits: Limits | None = None,
    memory: int | None = None,
    verify_cells: int = 0,
    retry: bool = False,
    overwrite: bool = False,
    report: bool = True,
    progress: Progress | None = None,
) -> Sweep:
    """Measure every cell of a grid that the folder does not have yet.

    Parameters
    ----------
    grid : Grid or path-like
        What to sweep, or the TOML file that says it.
    out : path-like
        The folder: rows are written as they come, and what is there is not measured again.
    executor : concurrent.futures.Executor or distributed.Client, optional
        Where cells are measured; None: in `workers` processes on this machine. It is not shut down.
    workers : int, optional
        Processes; with an executor, how many cells it can be at (None: as it says itself).
    shard : (int, int)
        (3, 16): of every 16 cells the third alone.
    merge : paths
        Folders of other shards or sweeps whose rows are taken over first.
    limits : Limits, optional
        Seconds that a cell may take, and attempts at workers that die.
    memory : int, optional
        Bytes that a process of this machine may allocate.
    verify_cells : int
        So many cells, spread over the grid, are measured again, on two workers each, and compared with their rows.
    retry : bool
        Also measure cells that were given up before.
    overwrite : bool
        Drop what another task or version left in `out` instead of raising.
    report : bool
        Write the page, where its packages are installed and there are rows.
    progress : callable, optional
        Called with a `State`.

    Returns
    -------
    Sweep

    Raises
    ------
    NFloatError
        If the grid cannot be, or the folder cannot be written; what was measured is kept.

    Examples
    --------
    >>> import nfloat as nf, tempfile
    >>> grid = nf.sweep.Grid("product", {"accumulator": ["bfloat16", "float32"], "k": 64, "size": 4})
    >>> with tempfile.TemporaryDirectory() as out:
    ...     sweep = nf.sweep.run(grid, out, workers=1, report=False)
    ...     [row["accumulator"] for row in sweep.rows()], sweep.complete
    (['bfloat16', 'float32'], True)
    """
    grid = grid if isinstance(grid, Grid) else read_grid(Path(grid))
    limits = limits or Limits()
    _check_shard(shard)
    start = time.perf_counter()
    with SweepFolder(out, grid, retry=retry, overwrite=overwrite) as folder:
        for other in merge:
            folder.merge(other)
        verified = None
        if folder.count_to_do(shard) or verify_cells:
            with _executor(executor, workers, memory) as (pool, width):
                _measure(folder, pool, width, shard, limits, progress)
                if verify_cells:
                    verified = verify(folder, pool, width, verify_cells, limits)
        folder.finish(seconds=round(time.perf_counter() - start, 3))
        sweep = Sweep(folder.path, grid, folder.counts, verified)
    if report and sweep.counts.done:
        sweep.write_report(folder.path / REPORT)
    return sweep


def read(folder: str | Path, task: Task | None = None) -> Sweep:
    """The sweep in a folder, complete or not; a task that does not stand in ``tasks/`` must be given.

    Raises
    ------
    NFloatError
        If the folder is none of a sweep, or its grid cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import nfloat as nf
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> grid = nf.sweep.Grid("product", {"k": [8, 16], "size": 2})
    >>> _ = nf.sweep.run(grid, folder := tempfile.mkdtemp() + "/sweep", ThreadPoolExecutor(1))
    >>> read(folder).counts
    Counts(done=2, failed=0, total=2)
    """
    path = Path(folder)
    check_folder(path, "a sweep")
    grid = read_grid(path / CONFIG, task)
    done = sum(1 for _ in rows_of(path, grid))
    return Sweep(path, grid, Counts(done, sum(1 for _ in failures_of(path, grid)), grid.size))


def _measure(
    folder: SweepFolder,
    pool: Executor,
    width: Callable[[], int],
    shard: tuple[int, int],
    limits: Limits,
    progress: Progress | None,
) -> None:
    """Measure and write what is left; with an interruption, what has come is written first."""
    total = folder.count_to_do(shard)
    clock, waiting, written = _Clock(total), [], time.monotonic()
    schedule = Schedule(pool, width, folder.grid, folder.to_do(shard), total, limits)
    try:
        for outcome in schedule:
            if outcome is not None:
                waiting.append(outcome)
                clock.count(outcome)
            if time.monotonic() - written > _EVERY:
                folder.append(waiting)
                waiting, written = [], time.monotonic()
                if progress is not None:
                    progress(clock.state())
    finally:
        folder.append(waiting)
    if progress is not None:
        progress(clock.state())


class _Clock:
    """Counts, and the time that is left by what has passed."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._failed = total, 0, 0
        self._start = time.monotonic()

    def count(self, outcome: Outcome) -> None:
        """One more."""
        self._done += outcome.line is not None
        self._failed += outcome.line is None

    def state(self) -> State:
        """How far it is."""
        over = self._done + self._failed
        passed = time.monotonic() - self._start
        left = passed / over * (self._total - over) if over else None
        return State(self._done, self._failed, self._total, left)


@contextlib.contextmanager
def _executor(executor: Any, workers: int | None, memory: int | None) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """An executor and how many cells it can be at; one of our own ends with the sweep, at once if that is interrupted.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    if executor is None:
        own = Processes(workers, memory=memory)
        try:
            yield own, lambda: own.workers
        finally:
            own.shutdown(cancel_futures=True)
        return
    if hasattr(executor, "get_executor"):  # a Dask client
        client, executor = executor, executor.get_executor()
        yield executor, lambda: workers or sum(client.nthreads().values())
        return
    if not hasattr(executor, "submit"):
        raise ArgumentError(f"executor={executor!r} must be a concurrent.futures.Executor or a Dask client")
    width = workers or getattr(executor, "workers", None) or getattr(executor, "_max_workers", None) or 1
    yield executor, lambda: width


def _check_shard(shard: object) -> None:
    """Refuse what is no (I, N) with 1 <= I <= N.

    Raises
    ------
    ArgumentError
        If it is not.
    """
    parts = shard if isinstance(shard, tuple) else ()
    if len(parts) != 2 or any(as_integer(part) is None for part in parts) or not 1 <= parts[0] <= parts[1]:
        raise ArgumentError(f"shard={shard!r} must be (I, N) with 1 <= I <= N: the I-th of N parts")


__all__ = ["Grid", "Progress", "State", "Sweep", "from_toml", "read", "run"]
