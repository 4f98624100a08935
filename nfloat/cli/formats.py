"""``nfloat formats``: every named format and what it holds. Loads no compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ._output import html_option, json_option, print_json, print_table, write_plain_page

if TYPE_CHECKING:
    from ..formats.blocks import BlockFormat

COLUMNS = ("name", "bits", "precision", "emin", "emax", "max", "smallest_normal", "smallest_subnormal")
BLOCK_COLUMNS = ("name", "bits", "block", "element", "scale", "rule")


@click.command(name="formats")
@click.argument("names", nargs=-1)
@html_option
@json_option
def command(names: tuple[str, ...], html_file: str | None, as_json: bool) -> None:
    """List all named formats and block formats, or the given ones, with their limits.

    prec is the precision with the implicit bit; normal the smallest normal number; the second table has other names of
    the same formats. Names may also be spelled on the
    fly: e6m9, binary8p4se, fixed16.8, int8. With --json each entry also has the gap above 1, which special values
    exist and where the definition stands. Block formats have the bits of an element and of
    its share in the scale. --html writes a page with their bits, ranges and precisions in pictures.

    \b
    Examples:
      nfloat formats
      nfloat formats bf16 e4m3fn fixed16.8 --json
      nfloat formats --html formats.html
    """
    from ..formats.blocks import BLOCK_FORMATS
    from ..formats.catalog import FORMATS
    from ..formats.names import ALIASES, get_format

    formats = [get_format(name) for name in names if name not in BLOCK_FORMATS] if names else list(FORMATS.values())
    blocks = [BLOCK_FORMATS[name] for name in names or BLOCK_FORMATS if name in BLOCK_FORMATS]
    if html_file is not None:
        from ..display.pages import formats_page

        words = " ".join(("nfloat formats", *names, "--html", html_file))
        write_plain_page(formats_page(formats, blocks, words), html_file)
    more = ("eps", "has_inf", "has_nan", "has_subnormals", "has_negative_zero", "signed", "source") if as_json else ()
    rows = [{key: getattr(fmt, key) for key in (*COLUMNS, *more)} for fmt in formats]
    others = [[alias for alias, name in ALIASES.items() if name == fmt.name] for fmt in formats]
    block_rows = [_block_row(fmt, as_json) for fmt in blocks]
    if as_json:
        named = [{**row, "aliases": aliases} for row, aliases in zip(rows, others, strict=True)]
        print_json([*named, *block_rows])
        return
    if rows:
        short = {"precision": "prec", "smallest_normal": "normal", "smallest_subnormal": "smallest"}
        print_table(
            [{short.get(key, key): value for key, value in row.items()} for row in rows],
            [short.get(c, c) for c in COLUMNS],
        )
    if any(others):
        click.echo()
        also = [{"name": f.name, "also": ", ".join(a)} for f, a in zip(formats, others, strict=True) if a]
        print_table(also, ("name", "also"))
    if rows and block_rows:
        click.echo()
    if block_rows:
        print_table(block_rows, BLOCK_COLUMNS)


def _block_row(fmt: BlockFormat, as_json: bool) -> dict[str, object]:
    """The line of a block format."""
    row: dict[str, object] = {
        "name": fmt.name, "bits": fmt.bits_per_element, "block": fmt.block, "element": fmt.element.name,
        "scale": fmt.scale.name, "rule": fmt.scale_rule.value,
    }  # fmt: skip
    return {**row, "tensor_scale": fmt.tensor_scale, "source": fmt.source} if as_json else row
