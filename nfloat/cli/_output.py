"""What commands print: plain tables and JSON on stdout. No colour, so that a pipe and a terminal get the same bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import MissingExtraError

if TYPE_CHECKING:
    from ..report import Page
    from ..runs.run import Run
    from ..sweep.experiment import Sweep

Parameters = Callable[[Callable[..., Any]], Callable[..., Any]]

html_option: Parameters = click.option("--html", "html_file", metavar="FILE", help="Write an HTML page with pictures.")
json_option: Parameters = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def print_json(value: object) -> None:
    """One JSON document; a float that is not finite becomes a string ("inf", "-inf", "nan")."""
    click.echo(json.dumps(_finite(value), indent=2, allow_nan=False))


def write_page(result: Run[Any] | Sweep, path: Path) -> Path | None:
    """Write a run's page; where the packages for it are not installed, say so on stderr: the rows are there anyway."""
    try:
        result.write_report(path)
    except MissingExtraError as error:
        click.echo(f"nfloat: no page was made: {error}; then: nfloat report {path.parent}", err=True)
        return None
    return path


def write_plain_page(page: Page, path: str) -> None:
    """Write a page that is the whole of what was asked for, and say where it is."""
    from ..report import write

    write(page, path)
    click.echo(f"wrote {path}", err=True)


def print_table(rows: Sequence[Mapping[str, object]], columns: Sequence[str], right: Sequence[str] = ()) -> None:
    """Rows as aligned columns: text to the left, numbers and the columns in `right` to the right.

    None is shown as "-".
    """
    cells = [[show(row.get(column)) for column in columns] for row in rows]
    at_right = [c in right or all(isinstance(row.get(c), int | float | type(None)) for row in rows) for c in columns]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in (list(columns), *cells):
        padded = (_pad(text, width, to_right) for text, width, to_right in zip(line, widths, at_right, strict=True))
        click.echo("  ".join(padded).rstrip())


def show(value: object) -> str:
    """A table's cell: four significant digits, small whole numbers in full."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _pad(text: str, width: int, to_right: bool) -> str:
    return text.rjust(width) if to_right else text.ljust(width)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
