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
    """Write report.html from the rows.jsonl and config.toml in FOLDER, complete or not.

    \b
    Example:
      nfloat report out
    """
    from ..drift.folder import REPORT, read_folder
    from ..drift.result import Result
    from ..report.drift import write_page

    config, rows = read_folder(folder)
    path = out or folder / REPORT
    write_page(Result(config, rows), path)
    print_json({"report": str(path)}) if as_json else click.echo(str(path))
