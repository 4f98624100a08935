"""Running a plan: cell after cell, into memory or into a folder, and `Result`, what comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..cards import card, table
from ..report.page import Page
from ..runs.folder import CONFIG, RunFolder, check_folder, folder_rows
from ..runs.rows import Row, from_line
from ..runs.run import Run
from .folder import finished, open_folder, row_key
from .measurements import Measurements
from .page import study_page
from .plan import Plan, read_plan
from .study import Study

#: called as (study's name, cells done) after each cell
Progress = Callable[[str, int], None]


@dataclass(frozen=True, repr=False)
class Result(Measurements, Run[Row]):
    """A run: its plan and its rows, complete or not."""

    def __repr__(self) -> str:
        return f"Result({self.plan.study.name!r}, {len(self.rows)} rows{'' if self.complete else ', incomplete'})"

    def _repr_html_(self) -> str:
        rows = [(c.figure, c.expected, c.measured, "yes" if c.ok else "no") for c in self.checks]
        head = ("figure", "expected", "measured", "within tolerance")
        return card(f"Study {self.plan.study.name}", (), picture=table(head, rows))

    def _page(self) -> Page:
        return study_page(self)

    def new_folder(self, out: str | Path) -> RunFolder[Row]:
        """A folder opened for this run's rows; what it held of another run is dropped."""
        return open_folder(out, self.plan, overwrite=True)


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
    with open_folder(out, plan, overwrite=overwrite) as folder:
        rows = _measure(plan, folder.rows, folder.append, progress)
        folder.rearrange(rows)
        folder.finish(complete=True, seconds=round(time.perf_counter() - start, 3))
    return Result(plan, rows)


def _measure(
    plan: Plan, there: list[Row], append: Callable[[list[Row]], None] | None, progress: Progress | None
) -> list[Row]:
    """The rows of all cells in the grid's order; those that are not there yet are measured and appended."""
    found = finished(plan, there)
    rows = []
    for done, cell in enumerate(plan.study.cells(plan.params), start=1):
        row = found.get(row_key(plan.study, cell, plan.seed))
        if row is None:
            row = plan.study.row(cell, plan.seed)
            if append is not None:
                append([row])
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
    check_folder(path, "a study")
    plan = read_plan(path / CONFIG, studies)
    return Result(plan, list(finished(plan, folder_rows(path, from_line)).values()))
