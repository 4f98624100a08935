"""``nfloat explorer``: a page on which one types a value and flips its bits."""

from __future__ import annotations

import click

from ._output import json_option, print_json


@click.command(name="explorer")
@click.argument("file", default="explorer.html")
@click.option(
    "--format", "formats", multiple=True, help="A format of your own to add (e4m2, fixed8.4); may be repeated."
)
@json_option
def command(file: str, formats: tuple[str, ...], as_json: bool) -> None:
    """Write one offline HTML page: type a value, flip bits, choose format and rounding, see neighbours and errors.

    FILE is explorer.html unless it is given. The page computes in exact integers, and has every named format and one
    of each family that is spelled. Its address keeps what is shown: explorer.html#value=464&format=float8_e4m3fn.

    \b
    Examples:
      nfloat explorer
      nfloat explorer lesson.html --format e4m2 --format binary6p3se
    """
    from ..display.explorer import write_explorer

    write_explorer(file, formats)
    if as_json:
        print_json({"file": file})
    else:
        click.echo(f"wrote {file}; open it in a browser")
