"""``nfloat formats``: every named format and what it holds. Loads no compiler."""

from __future__ import annotations

import click

from ._output import json_option, print_json, print_table

COLUMNS = ("name", "bits", "precision", "emin", "emax", "max", "smallest_normal", "smallest_subnormal")


@click.command(name="formats")
@click.argument("names", nargs=-1)
@json_option
def command(names: tuple[str, ...], as_json: bool) -> None:
    """List all named formats, or the given ones, with their limits.

    prec is the precision with the implicit bit; normal the smallest normal number. Names may also be spelled on the
    fly: e6m9, binary8p4se, fixed16.8, int8. With --json each entry also has the gap above 1, which special values
    exist and where the definition stands.

    \b
    Examples:
      nfloat formats
      nfloat formats bf16 e4m3fn fixed16.8 --json
    """
    from ..formats.catalog import FORMATS
    from ..formats.names import get_format

    formats = [get_format(name) for name in names] or list(FORMATS.values())
    more = ("eps", "has_inf", "has_nan", "has_subnormals", "has_negative_zero", "signed", "source") if as_json else ()
    rows = [{key: getattr(fmt, key) for key in (*COLUMNS, *more)} for fmt in formats]
    if as_json:
        print_json(rows)
    else:
        short = {"precision": "prec", "smallest_normal": "normal", "smallest_subnormal": "smallest"}
        print_table(
            [{short.get(key, key): value for key, value in row.items()} for row in rows],
            [short.get(c, c) for c in COLUMNS],
        )
