"""``nfloat report``: make a run's page again from its rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._kinds import prepare
from ._output import json_option, print_json

if TYPE_CHECKING:
    from ..runs.run import Run
    from ..sweep.experiment import Sweep


@click.command(name="report")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the page.  [default: FOLDER/report.html]")
@json_option
def command(folder: Path, out: Path | None, as_json: bool) -> None:
    """Write report.html from rows.jsonl and config.toml in FOLDER: of a drift run, search, study or sweep.

    Complete or not.

    \b
    Example:
      nfloat report out
    """
    from ..runs.folder import REPORT

    path = out or folder / REPORT
    _read(folder).write_report(path)
    print_json({"report": str(path)}) if as_json else click.echo(str(path))


def _read(folder: Path) -> Run[Any] | Sweep:
    """The run in a folder: its configuration names a task, a study, or neither."""
    from ..runs.config import top_keys
    from ..runs.folder import CONFIG
    from ..sweep.experiment import read

    keys = top_keys(folder / CONFIG)
    if "task" in keys:
        return read(folder)
    return _study(folder) if "study" in keys else _search(folder) if "run" in keys else _drift(folder)


def _drift(folder: Path) -> Run[Any]:
    from ..drift.folder import read_folder
    from ..drift.result import Result
    from ..runs.folder import CONFIG

    prepare(folder / CONFIG)
    return Result(*read_folder(folder))


def _search(folder: Path) -> Run[Any]:
    from ..drift.cheapest.answer import read_answer

    return read_answer(folder)


def _study(folder: Path) -> Run[Any]:
    from ..studies import STUDIES
    from ..studies.experiment import read_folder

    return read_folder(folder, STUDIES.values())
