"""`estimate`: what a grid costs, from a sample of its cells that is measured here and now; nothing is written."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import NFloatError
from ..runs.folder import ROWS
from ..runs.rows import Value
from .folder import rows_of
from .grid import Grid

#: cells of the sample, and seconds after which no further one is begun
_CELLS, _SECONDS = 8, 30.0


@dataclass(frozen=True)
class Estimate:
    """Cells of a grid, those that are done, and what a sample of the rest took.

    Attributes
    ----------
    cells, done : int
    sample : tuple
        (coordinates, seconds or None, reason) of each cell of the sample; None where it cannot be measured.
    """

    cells: int
    done: int
    sample: tuple[tuple[dict[str, Value], float | None, str], ...]

    @property
    def seconds(self) -> float | None:
        """Of one core for all that is left; None if no cell of the sample could be measured."""
        times = [seconds for _, seconds, _ in self.sample if seconds is not None]
        return statistics.fmean(times) * (self.cells - self.done) if times else None

    @property
    def spread(self) -> tuple[float, float] | None:
        """Seconds of the fastest and of the slowest cell."""
        times = [seconds for _, seconds, _ in self.sample if seconds is not None]
        return (min(times), max(times)) if times else None


def estimate(grid: Grid, out: str | Path | None = None) -> Estimate:
    """Measure a few cells, spread evenly over the grid, one after the other.

    The first is measured once more before: what is compiled and loaded on first use is no cell's.

    Parameters
    ----------
    grid : Grid
    out : path-like, optional
        A folder whose rows are done already.
    """
    done = 0 if out is None or not (Path(out) / ROWS).exists() else sum(1 for _ in rows_of(Path(out), grid))
    count = min(_CELLS, grid.size)
    cells = [grid.cell((2 * place + 1) * grid.size // (2 * count)) for place in range(count)]
    _timed(grid, cells[0])
    begun, sample = time.monotonic(), []
    for cell in cells:
        sample.append((cell, *_timed(grid, cell)))
        if time.monotonic() - begun > _SECONDS:
            break
    return Estimate(grid.size, done, tuple(sample))


def _timed(grid: Grid, cell: dict[str, Value]) -> tuple[float | None, str]:
    start = time.perf_counter()
    try:
        grid.task.row(cell)
    except (NFloatError, MemoryError) as error:
        return None, str(error) or "out of memory"
    return time.perf_counter() - start, ""
