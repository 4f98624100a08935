"""``nfloat report``: make a run's page again from its rows."""

from __future__ import annotations

from pathlib import Path

import click

from ._output import json_option, print_json


@click.command(name="report")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the page.  [default: FOLDER/report.html]")
@json_option
def command(folder: Path, out: Path | None, as_json: bool) -> None:
    """Write report.html from the rows.jsonl and config.toml in FOLDER, of a drift run or a study, complete or not.

    \b
    Example:
      nfloat report out
    """
    from ..drift.folder import REPORT
    from ..studies.folder import is_study

    path = out or folder / REPORT
    _study_page(folder, path) if is_study(folder) else _drift_page(folder, path)
    print_json({"report": str(path)}) if as_json else click.echo(str(path))


def _drift_page(folder: Path, path: Path) -> None:
    from ..drift.folder import read_folder
    from ..drift.result import Result
    from ..report.drift import write_page

    write_page(Result(*read_folder(folder)), path)


def _study_page(folder: Path, path: Path) -> None:
    from ..report.study import write_study_page
    from ..studies import STUDIES
    from ..studies.experiment import read_folder

    write_study_page(read_folder(folder, STUDIES.values()), path)
