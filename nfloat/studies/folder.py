"""The folder of a study's run (``nfloat/runs/folder.py``): what its rows are marked by, and which cells have theirs.

A cell whose row is there is not measured again.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from ..runs.folder import Mark, RunFolder
from ..runs.provenance import code_digest
from ..runs.rows import Row, Value, from_line
from .plan import Plan, to_toml
from .study import Cell, Study


def open_folder(path: str | Path, plan: Plan, *, overwrite: bool = False) -> RunFolder[Row]:
    """A folder opened for one plan, with the rows that are there.

    Raises
    ------
    ArgumentError
        If the folder cannot be written, or holds rows that this run cannot continue.
    """
    marks = {
        "config": Mark(plan.digest, "another plan"),
        "code": Mark(code_digest(), "another version of nfloat"),
        "study": Mark(study_digest(plan.study), "another version of this study"),
    }
    return RunFolder(path, to_toml(plan), marks, parse=from_line, overwrite=overwrite)


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
