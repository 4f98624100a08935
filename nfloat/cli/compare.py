"""``nfloat compare``: several drift runs in one table and on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import MissingExtraError
from ._kinds import prepare
from ._output import json_option, print_json, print_table

_COLUMNS = ("run", "recipe", "loss", "vs fp64", "test", "path", "verdict")


@click.command(name="compare")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR DIR...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("compared.html"),
    show_default=True,
    help="Where to write the page.",
)
@json_option
def command(folders: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Set drift runs side by side: what differs between them, and every recipe's verdict in each.

    The runs must be on the same data; in all else they may differ. Nothing is trained.

    \b
    Example:
      nfloat compare sgd adam --out compared.html
    """
    from ..drift.several import compare
    from ..runs.folder import CONFIG

    for folder in folders:
        prepare(folder / CONFIG)
    found = compare(folders)
    page: Path | None = out
    try:
        found.write_report(out)
    except MissingExtraError as error:
        click.echo(f"nfloat: no page was made: {error}", err=True)
        page = None
    if as_json:
        print_json(
            {"rows": found.rows, "differences": found.differences, "report": None if page is None else str(page)}
        )
        return
    print_table([_row(row) for row in found.rows], _COLUMNS, right=_COLUMNS[2:6])
    for key, values in found.differences.items():
        said = ", ".join(f"{name}={value}" for name, value in zip(found.runs, values, strict=True))
        click.echo(f"\n{key} differs: {said}" if key == next(iter(found.differences)) else f"{key} differs: {said}")
    if page is not None:
        click.echo(f"\npage: {page}")


def _row(row: dict[str, Any]) -> dict[str, str]:
    from ..report.wording import loss, share, signed_share

    effect = "-" if row["effect"] is None else signed_share(row["effect"])
    return {
        "run": row["run"],
        "recipe": row["recipe"],
        "loss": loss(row["train_loss"]),
        "vs fp64": effect,
        "test": share(row["test_error"]),
        "path": share(row["path_distance"]),
        "verdict": row["verdict"],
    }
