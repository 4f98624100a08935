"""`verify`: whether a cell's row is the same bits on another worker: some cells measured again, on two workers each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple

from ..errors import ArgumentError
from .folder import SweepFolder
from .grid import Grid
from .schedule import Limits
from .work import Done, Work, measure, who

#: times that a cell is handed out until two different workers have had it
_ROUNDS = 20


class Verified(NamedTuple):
    """How many cells were measured again, on which workers, and the keys of those whose rows differ."""

    cells: int
    workers: tuple[str, ...]
    differing: tuple[str, ...]


def verify(folder: SweepFolder, executor: Executor, workers: Callable[[], int], count: int, limits: Limits) -> Verified:
    """Measure `count` cells, spread evenly over the grid, on two workers each, and compare with their rows.

    Raises
    ------
    ArgumentError
        If there is only one worker.
    """
    size = folder.grid.size
    chosen = sorted({index * size // min(count, size) for index in range(min(count, size))})
    if workers() < 2:
        raise ArgumentError("verify: two different workers are needed, and there is one")
    lines = _lines(folder, chosen)
    seen: dict[str, None] = {}
    differing = []
    for index in lines:
        found = _on_two(folder.grid, executor, workers, index, limits)
        seen.update(dict.fromkeys(found))
        if {*found.values()} != {lines[index]}:
            differing.append(folder.grid.task.key(folder.grid.cell(index)))
    return Verified(len(lines), tuple(seen), tuple(differing))


def _lines(folder: SweepFolder, chosen: list[int]) -> dict[int, str]:
    """The lines of the chosen cells that have one."""
    wanted = set(chosen)
    found = {index: line for index, line in folder.lines() if index in wanted}
    return dict(sorted(found.items()))


def _on_two(
    grid: Grid, executor: Executor, workers: Callable[[], int], index: int, limits: Limits
) -> dict[str, str | None]:
    """Worker -> the line that it makes of a cell, of two workers at least.

    Raises
    ------
    ArgumentError
        If one worker has it every time.
    """
    work = Work(grid.task, [(index, grid.cell(index))], limits.seconds, who())
    found: dict[str, str | None] = {}
    for _ in range(_ROUNDS):
        futures = [executor.submit(measure, work) for _ in range(2 * workers())]
        for future in futures:
            done: Done = future.result()
            found[done.worker] = done.cells[0].line
        if len(found) > 1:
            return found
    raise ArgumentError(f"verify: the executor gives every cell to the same worker, {next(iter(found))}")
