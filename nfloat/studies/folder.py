"""The folder of a run: what is there already, and rows appended as they come.

    DIR/config.toml       the plan; the run again, to the bit
    DIR/rows.jsonl        one line per finished cell (``rows.py``)
    DIR/provenance.json   when, where, how long, with which versions: all that may differ between two equal runs
    DIR/report.html       the page made from the first two

A cell whose row is there is not measured again. A run that was interrupted ends in the same ``rows.jsonl`` as one
that was not.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

from ..drift.folder import CONFIG, PROVENANCE, ROWS
from ..drift.folder import REPORT as REPORT
from ..drift.provenance import code_digest, surroundings
from ..errors import ArgumentError
from .plan import Plan, to_toml
from .rows import Row, Value, read_rows, to_line, write_rows
from .study import Cell, Study

_DIFFERENCE = {"config": "another plan", "code": "another version of nfloat", "study": "another version of this study"}


class StudyFolder:
    """A folder opened for one plan; a context manager that owns the open ``rows.jsonl``.

    Parameters
    ----------
    path : path-like
        Made if it is not there.
    plan : Plan
        What will be run into it.
    overwrite : bool
        Drop the rows of another plan or version instead of refusing.

    Raises
    ------
    ArgumentError
        If the folder cannot be written, or holds rows that this run cannot continue.
    """

    def __init__(self, path: str | Path, plan: Plan, *, overwrite: bool = False) -> None:
        self.path = Path(path)
        self._mark = {"config": plan.digest, "code": code_digest(), "study": study_digest(plan.study)}
        self.rows: list[Row] = [] if overwrite else self._continued()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / CONFIG).write_text(to_toml(plan), encoding="utf-8", newline="\n")
            self._write_provenance(self._mark)
            write_rows(self.path / ROWS, self.rows)
            rows = self.path / ROWS
            self._file: TextIO = open(rows, "a", encoding="utf-8", newline="\n")  # noqa: SIM115 (closed in __exit__)
        except OSError as error:
            raise ArgumentError(
                f"out={str(path)!r} cannot be written: {error.strerror}; choose another folder"
            ) from None

    def __enter__(self) -> StudyFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, row: Row) -> None:
        """Write a row at the end of the file, at once: an interruption loses none that was appended."""
        self.rows.append(row)
        self._file.write(to_line(row) + "\n")
        self._file.flush()

    def finish(self, rows: Sequence[Row], **facts: object) -> None:
        """Put the rows into the grid's order, and `facts` and the surroundings into the provenance."""
        if rows != self.rows:
            self._file.close()
            write_rows(self.path / ROWS, rows)
        self._write_provenance({**self._mark, **facts, **surroundings()})

    def _write_provenance(self, facts: Mapping[str, object]) -> None:
        (self.path / PROVENANCE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8", newline="\n")

    def _continued(self) -> list[Row]:
        """The rows already there, if they belong to the same plan and version."""
        rows = self.path / ROWS
        if not rows.is_file() or rows.stat().st_size == 0:
            return []
        try:
            found = json.loads((self.path / PROVENANCE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        for key, value in self._mark.items():
            if not isinstance(found, dict) or found.get(key) != value:
                raise ArgumentError(
                    f"out={str(self.path)!r} holds rows of {_DIFFERENCE[key]}; "
                    "choose another folder, or --overwrite (overwrite=True)"
                )
        return read_rows(rows)


def is_study(path: str | Path) -> bool:
    """Whether a folder's configuration is a study's (and not a drift run's)."""
    try:
        return "study" in tomllib.loads((Path(path) / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def study_digest(study: Study) -> str:
    """SHA-256 of the study's own source."""
    source = sys.modules[study.measure.__module__].__file__
    return hashlib.sha256(Path(str(source)).read_bytes()).hexdigest()


def row_key(study: Study, cell: Cell, seed: int) -> tuple[tuple[str, Value], ...]:
    """What tells a cell's row from all others."""
    return tuple(study.coordinates(cell, seed).items())


def finished(plan: Plan, rows: Sequence[Row]) -> dict[tuple[tuple[str, Value], ...], Row]:
    """Key -> row, of the plan's cells that are among the rows, in the grid's order."""
    keys = [row_key(plan.study, cell, plan.seed) for cell in plan.study.cells(plan.params)]
    found = {tuple(row.items())[: len(keys[0])]: row for row in rows} if keys else {}
    return {key: found[key] for key in keys if key in found}
