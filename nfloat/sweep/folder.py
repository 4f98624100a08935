"""The folder of a sweep: rows as they come, what has failed, and which cells are done.

    DIR/config.toml       the grid                       (``grid.py``)
    DIR/rows.jsonl        a row per cell that is done    (``runs/journal.py``: each vouches for itself)
    DIR/failures.jsonl    cells that were given up, why, after how many attempts
    DIR/provenance.json   versions, machine, durations
    DIR/report.html       the page

A row begins with its key, the digest of its coordinates and of the code: a row counts as done only under its own key.
So a folder may be given another grid of the same task (a seed more, a format less), and what it has of it is done
already; rows of other cells stay where they are. Of the rows themselves nothing is kept in memory but one byte each.

At the end the rows are put into the grid's order: a sweep that was killed ten times ends in the same bytes as one that
was not.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from ..errors import ArgumentError
from ..files import is_begun, read_text, replace_text
from ..runs.folder import CONFIG, PROVENANCE, ROWS, claim, folder_errors, provenance
from ..runs.journal import Journal, Place, sealed, whole_lines
from ..runs.provenance import code_digest, surroundings
from ..runs.rows import Row, from_line, to_line
from .grid import Grid, to_toml
from .schedule import Outcome

FAILURES = "failures.jsonl"
_TO_DO, _DONE, _FAILED = 0, 1, 2


class Counts(NamedTuple):
    """How many cells there are of each kind."""

    done: int
    failed: int
    total: int


class SweepFolder:
    """A folder opened for a sweep; a context manager that owns the files.

    Parameters
    ----------
    path : path-like
        Made if it is not there.
    grid : Grid
        What is swept.
    retry : bool
        Forget which cells have failed.
    overwrite : bool
        Drop the rows of another task or version instead of refusing.

    Raises
    ------
    ArgumentError
        If the folder cannot be written, is somebody else's, is being written by another process, or holds rows of
        another task or version.
    """

    def __init__(self, path: str | Path, grid: Grid, *, retry: bool = False, overwrite: bool = False) -> None:
        self.path, self.grid = Path(path), grid
        self._status = np.zeros(grid.size, np.uint8)
        self._changed, self._in_order = False, True
        with claim(self.path, overwrite) as self._lock:
            self._refuse_others(overwrite)
            with folder_errors(self.path):
                self._open(retry, overwrite)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # a full disk has been said by `append` already
            self._rows.sync()
        self._rows.close()
        self._failures.close()
        self._lock.release()

    @property
    def counts(self) -> Counts:
        """How far the sweep is."""
        done, failed = (int(np.count_nonzero(self._status == kind)) for kind in (_DONE, _FAILED))
        return Counts(done, failed, self.grid.size)

    @property
    def damaged(self) -> int:
        """Bytes of ``rows.jsonl`` that were no whole rows, and were taken out."""
        return self._rows.damaged

    def to_do(self, shard: tuple[int, int] = (1, 1)) -> Iterator[int]:
        """The cells that are neither done nor given up, of every N-th the I-th for a shard I of N."""
        number, shards = shard
        for index in range(number - 1, self.grid.size, shards):
            if self._status[index] == _TO_DO:
                yield index

    def count_to_do(self, shard: tuple[int, int] = (1, 1)) -> int:
        """How many those are."""
        number, shards = shard
        return int(np.count_nonzero(self._status[number - 1 :: shards] == _TO_DO))

    def append(self, outcomes: Iterable[Outcome]) -> None:
        """Write what has been measured, at once: an interruption loses none of it.

        Raises
        ------
        ArgumentError
            If it cannot be written; what was written before is kept. Or if a worker's row has another key than this
            process gives it: then the worker runs another version of nfloat.
        """
        outcomes = [outcome for outcome in outcomes if self._status[outcome.cell] != _DONE]
        for outcome in outcomes:
            self._check_key(outcome)
        self._changed, self._in_order = True, False
        with folder_errors(self.path, "the rows written before are kept; make room and run the same again"):
            self._rows.append([outcome.line for outcome in outcomes if outcome.line is not None])
            self._failures.append([self._failure(outcome) for outcome in outcomes if outcome.line is None])
        for outcome in outcomes:
            self._status[outcome.cell] = _FAILED if outcome.line is None else _DONE

    def merge(self, folder: str | Path) -> int:
        """Take over the rows of another folder that are this grid's and not here yet, and give their number.

        Raises
        ------
        ArgumentError
            If the folder has no rows, or this one cannot be written.
        """
        rows = Path(folder) / ROWS
        if not rows.exists():
            raise ArgumentError(f"merge={str(folder)!r} is no folder of a sweep: it has no {ROWS}")
        taken = 0
        with folder_errors(self.path, "the rows taken over before are kept; make room and run the same again"):
            for _, line in whole_lines(rows):
                index = self._index(line)
                if index is not None and self._status[index] != _DONE:
                    self._rows.append([line.decode("utf-8")])
                    self._status[index] = _DONE
                    self._changed, self._in_order = True, False
                    taken += 1
        return taken

    def finish(self, **facts: object) -> None:
        """Put the rows into the grid's order; add `facts` and the surroundings to the provenance.

        Raises
        ------
        ArgumentError
            If there is no room for that; the rows are kept in the order in which they came.
        """
        complete = self.counts.done == self.grid.size
        with folder_errors(self.path, "the rows are kept as they are; make room and run the same again"):
            if not self._in_order:
                self._arrange()
            if self._changed or provenance(self.path).get("complete") is not complete:
                self._write_provenance({**facts, **surroundings()}, complete)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Number and line of every cell that is done."""
        for _, line in whole_lines(self.path / ROWS):
            index = self._index(line)
            if index is not None:
                yield index, line.decode("utf-8")

    def _refuse_others(self, overwrite: bool) -> None:
        found = provenance(self.path)
        if overwrite or not (self.path / ROWS).exists() or (self.path / ROWS).stat().st_size == 0:
            return
        marks = {"code": (code_digest(), "another version of nfloat"), "task": (self.grid.task.digest, "another task")}
        for key, (digest, otherwise) in marks.items():
            if found.get(key) != digest:
                raise ArgumentError(
                    f"out={str(self.path)!r} holds rows of {otherwise}; choose another folder, "
                    "or --overwrite (overwrite=True)"
                )

    def _open(self, retry: bool, overwrite: bool) -> None:
        for name in os.listdir(self.path):
            if is_begun(name):
                (self.path / name).unlink(missing_ok=True)
        if overwrite:
            (self.path / ROWS).unlink(missing_ok=True)
        if overwrite or retry:
            (self.path / FAILURES).unlink(missing_ok=True)
        if overwrite or not (self.path / ROWS).exists():  # first: it tells whose folder this is
            self._write_provenance({}, complete=False)
        text = to_toml(self.grid)
        if not (self.path / CONFIG).exists() or read_text(self.path / CONFIG) != text:
            replace_text(self.path / CONFIG, text)
        self._rows = Journal(self.path / ROWS)
        self._failures = Journal(self.path / FAILURES)
        for _, line in whole_lines(self._failures.path):
            index = self._index(line)
            if index is not None:
                self._status[index] = _FAILED
        self._in_order = self._take_up()

    def _take_up(self) -> bool:
        """Mark the cells whose rows are there; whether these stand in the grid's order, each once, others behind."""
        last, others, in_order = -1, False, True
        for _, line in whole_lines(self.path / ROWS):
            index = self._index(line)
            if index is None:
                others = True
                continue
            in_order, last = in_order and index > last and not others, index
            self._status[index] = _DONE
        return in_order

    def _index(self, line: bytes) -> int | None:
        return index_of(self.grid, json.loads(line))

    def _check_key(self, outcome: Outcome) -> None:
        expected = self.grid.task.key(self.grid.cell(outcome.cell))
        if outcome.key != expected:
            raise ArgumentError(
                f"worker {outcome.worker!r} runs another version of nfloat or of the task {self.grid.task.name!r} than "
                "this process; install the same on all"
            )

    def _failure(self, outcome: Outcome) -> str:
        cell = self.grid.cell(outcome.cell)
        told = {"reason": outcome.reason, "attempts": outcome.attempts, "worker": outcome.worker}
        return sealed(to_line({"key": outcome.key, **cell, **told}))

    def _arrange(self) -> None:
        """The grid's rows first, in its order, each once; then those of other cells."""
        starts, lengths = np.full(self.grid.size, -1, np.int64), np.zeros(self.grid.size, np.int64)
        others: list[Place] = []
        for place, line in whole_lines(self.path / ROWS):
            index = self._index(line)
            if index is None:
                others.append(place)
            elif starts[index] < 0:
                starts[index], lengths[index] = place
        there = np.flatnonzero(starts >= 0)
        mine = (Place(int(starts[index]), int(lengths[index])) for index in there)
        self._rows.rearrange(itertools.chain(mine, others))
        self._in_order = True

    def _write_provenance(self, facts: dict[str, object], complete: bool) -> None:
        marks = {"config": self.grid.digest, "code": code_digest(), "task": self.grid.task.digest}
        text = json.dumps({**marks, **self.counts._asdict(), "complete": complete, **facts}, indent=2)
        replace_text(self.path / PROVENANCE, text + "\n")


def index_of(grid: Grid, row: Row) -> int | None:
    """The number of the cell that a row is of; None if it is no row of this grid, or of another version's."""
    index = grid.index(row)
    return index if index is not None and row.get("key") == grid.task.key(grid.cell(index)) else None


def rows_of(folder: Path, grid: Grid) -> Iterator[Row]:
    """The rows of the grid's cells in a folder, each once, as they stand in the file; they are not kept."""
    seen = np.zeros(grid.size, bool)
    for _, line in whole_lines(folder / ROWS):
        row = from_line(line.decode("utf-8"))
        index = index_of(grid, row)
        if index is not None and not seen[index]:
            seen[index] = True
            del row["crc"]
            yield row


def failures_of(folder: Path, grid: Grid) -> Iterator[Row]:
    """The grid's cells that were given up, with the reason."""
    for _, line in whole_lines(folder / FAILURES):
        row = from_line(line.decode("utf-8"))
        if index_of(grid, row) is not None:
            yield row
