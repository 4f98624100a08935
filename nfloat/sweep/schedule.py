"""`schedule`: cells to any executor and their outcomes back, in whatever order they come.

Cells that take a few milliseconds travel together, as many as take half a second, so that the way costs little; a batch
is never more than its worker's share of what is left. A worker that dies takes its batch along: its cells are tried
again one by one, so that it is known which of them does it, and after `attempts` deaths a cell is given up, with the
last reason; where no worker measures anything, the sweep stops. A cell that raises is not tried again (it would raise
again), but for want of memory.

Nothing is kept of a cell once its outcome has been given, so the number of cells does not show in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import NFloatError
from .grid import Grid
from .work import Done, Measured, Work, measure, who

#: seconds of work that travel together, and cells at most
_BATCH_SECONDS, _BATCH_CELLS = 0.5, 256
#: batches that wait at a worker beside the one it is at
_AHEAD = 2
#: seconds after which whoever waits is asked whether to go on
_TICK = 0.5
#: workers that may die before the first cell is measured: more is not the cells' fault
_DEATHS = 12


class SweepStoppedError(NFloatError):
    """The executor is gone; what was measured is kept, and the same sweep goes on from there."""


class Outcome(NamedTuple):
    """A cell that is done: its line, or why it has none after so many attempts; who measured it."""

    cell: int
    line: str | None
    key: str
    reason: str
    attempts: int
    worker: str
    seconds: float


@dataclass(frozen=True)
class Limits:
    """What a cell may take: seconds (None: any), and attempts at workers that die.

    Examples
    --------
    >>> Limits(seconds=60.0)
    Limits(seconds=60.0, attempts=3)
    """

    seconds: float | None = None
    attempts: int = 3


class _Batch(NamedTuple):
    indices: list[int]
    attempt: int


class Schedule:
    """Cells on their way; iterate over it for the outcomes, or None after every tick without any.

    Parameters
    ----------
    executor : concurrent.futures.Executor
    workers : callable
        How many workers it has now.
    grid : Grid
    indices : iterable of int
        The cells to be measured, taken one after the other.
    count : int
        How many there are.
    limits : Limits
    """

    def __init__(
        self,
        executor: Executor,
        workers: Callable[[], int],
        grid: Grid,
        indices: Iterable[int],
        count: int,
        limits: Limits,
    ) -> None:
        self._executor, self._workers, self._grid, self._limits = executor, workers, grid, limits
        self._fresh, self._left = iter(indices), count
        self._again: deque[_Batch] = deque()
        self._flying: dict[Future[Done], _Batch] = {}
        #: a cell's seconds, over the last ones
        self.seconds: float | None = None
        self._deaths = 0

    def __iter__(self) -> Iterator[Outcome | None]:
        while True:
            self._send()
            if not self._flying:
                return
            done, _ = wait(self._flying, timeout=_TICK, return_when=FIRST_COMPLETED)
            if not done:
                yield None
            for future in done:
                yield from self._taken(future, self._flying.pop(future))

    def _send(self) -> None:
        """Give every worker enough to do."""
        while len(self._flying) < _AHEAD * max(1, self._workers()):
            batch = self._again.popleft() if self._again else self._next()
            if batch is None:
                return
            cells = [(index, self._grid.cell(index)) for index in batch.indices]
            try:
                future = self._executor.submit(measure, Work(self._grid.task, cells, self._limits.seconds, who()))
            except (BrokenExecutor, RuntimeError) as error:
                raise SweepStoppedError(f"executor={self._executor!r} takes no more work: {error}") from None
            self._flying[future] = batch

    def _next(self) -> _Batch | None:
        indices = [index for _, index in zip(range(self._size()), self._fresh, strict=False)]
        self._left -= len(indices)
        return _Batch(indices, 1) if indices else None

    def _size(self) -> int:
        """Cells of the next batch."""
        if self.seconds is None:
            return 1
        share = self._left // (_AHEAD * max(1, self._workers()))
        return max(1, min(_BATCH_CELLS, share, int(_BATCH_SECONDS / max(self.seconds, 1e-6))))

    def _taken(self, future: Future[Done], batch: _Batch) -> Iterator[Outcome]:
        try:
            done = future.result()
        except (CancelledError, BrokenExecutor) as error:
            raise SweepStoppedError(f"the executor gave up its work ({type(error).__name__}: {error})") from None
        except Exception as death:
            yield from self._died(batch, " ".join(f"{type(death).__name__}: {death}".split())[:500])
            return
        for cell in done.cells:
            self.seconds = cell.seconds if self.seconds is None else 0.9 * self.seconds + 0.1 * cell.seconds
            if cell.line is None and cell.again and batch.attempt < self._limits.attempts:
                self._again.append(_Batch([cell.cell], batch.attempt + 1))
            else:
                yield _outcome(cell, batch.attempt, done.worker)

    def _died(self, batch: _Batch, reason: str) -> Iterator[Outcome]:
        """A worker has died at these cells: each is tried again alone, or given up."""
        self._deaths += 1
        if self.seconds is None and self._deaths >= _DEATHS:
            raise SweepStoppedError(
                f"{self._deaths} workers died one after the other, and none has measured a cell: {reason}"
            )
        for index in batch.indices:
            if batch.attempt < self._limits.attempts:
                self._again.append(_Batch([index], batch.attempt + 1))
            else:
                key = self._grid.task.key(self._grid.cell(index))
                yield Outcome(index, None, key, reason, batch.attempt, "", 0.0)


def _outcome(cell: Measured, attempt: int, worker: str) -> Outcome:
    return Outcome(cell.cell, cell.line, cell.key, cell.reason, attempt, worker, cell.seconds)
