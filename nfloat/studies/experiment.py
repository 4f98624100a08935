"""Running a plan: cell after cell, into memory or into a folder, and `Result`, what comes out."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import ArgumentError
from .checks import Check
from .folder import CONFIG, REPORT, ROWS, StudyFolder, finished, row_key
from .plan import Plan, read_plan
from .rows import Row, read_rows
from .study import Study

#: called as (study's name, cells done) after each cell
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Result:
    """A run: its plan and its rows, complete or not."""

    plan: Plan
    rows: list[Row]

    @cached_property
    def checks(self) -> list[Check]:
        """The figures that must come out, as far as their rows are there."""
        return self.plan.study.checks(self.rows)

    @property
    def ok(self) -> bool:
        """Whether every figure lies within its tolerance."""
        return all(check.ok for check in self.checks)

    @property
    def cells(self) -> int:
        """How many cells the plan has."""
        return sum(1 for _ in self.plan.study.cells(self.plan.params))

    @property
    def complete(self) -> bool:
        """Whether every cell has its row."""
        return len(finished(self.plan, self.rows)) == self.cells

    def write(self, out: str | Path) -> Path:
        """Write rows, configuration, provenance and report into a folder, replacing another run's.

        The files are ``rows.jsonl``, ``config.toml``, ``provenance.json`` and ``report.html``.

        Raises
        ------
        ArgumentError
            If the folder cannot be written.
        MissingExtraError
            If the packages for the report are not installed; the other files are written before that.
        """
        with StudyFolder(out, self.plan, overwrite=True) as folder:
            folder.finish(self.rows, complete=self.complete)
        self.write_report(folder.path / REPORT)
        return folder.path

    def write_report(self, path: str | Path) -> None:
        """Write the page alone."""
        # the page is made by a room that stands after this one: asked for by name, so that nothing here depends on it
        importlib.import_module("nfloat.report.study").write_study_page(self, path)


def execute(
    plan: Plan, *, out: str | Path | None = None, overwrite: bool = False, progress: Progress | None = None
) -> Result:
    """Run a plan; with `out`, into a folder, where finished cells are not measured again.

    Raises
    ------
    NFloatError
        If a parameter cannot be used, or `out` cannot be written or holds another plan's rows.
    """
    if out is None:
        return Result(plan, _measure(plan, [], None, progress))
    start = time.perf_counter()
    with StudyFolder(out, plan, overwrite=overwrite) as folder:
        rows = _measure(plan, folder.rows, folder.append, progress)
        folder.finish(rows, complete=True, seconds=round(time.perf_counter() - start, 3))
    return Result(plan, rows)


def _measure(
    plan: Plan, there: list[Row], append: Callable[[Row], None] | None, progress: Progress | None
) -> list[Row]:
    """The rows of all cells in the grid's order; those that are not there yet are measured and appended."""
    found = finished(plan, there)
    rows = []
    for done, cell in enumerate(plan.study.cells(plan.params), start=1):
        row = found.get(row_key(plan.study, cell, plan.seed))
        if row is None:
            row = plan.study.row(cell, plan.seed)
            if append is not None:
                append(row)
        rows.append(row)
        if progress is not None:
            progress(plan.study.name, done)
    return rows


def read_folder(path: str | Path, studies: Iterable[Study]) -> Result:
    """The run in a folder, complete or not.

    Raises
    ------
    ArgumentError
        If the folder is none of a study.
    """
    path = Path(path)
    if not (path / CONFIG).exists() or not (path / ROWS).exists():
        raise ArgumentError(f"folder={str(path)!r} is not of a study: it needs {CONFIG} and {ROWS}")
    plan = read_plan(path / CONFIG, studies)
    return Result(plan, list(finished(plan, read_rows(path / ROWS)).values()))
