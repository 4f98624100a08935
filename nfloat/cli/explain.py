"""``nfloat explain``: what one number becomes in a format, bit by bit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import click

from ._output import html_option, json_option, print_json, print_table, write_plain_page

if TYPE_CHECKING:
    from ..display import Explanation, Outcome
    from ..formats.blocks import BlockFormat
    from ..formats.format import Format
    from ..formats.wide import WideFormat


# a negative number must not be taken for an option; nor may -inf, so there is no -f
@click.command(name="explain", context_settings={"ignore_unknown_options": True})
@click.argument("value")
@click.option(
    "--format",
    "formats",
    multiple=True,
    default=("bfloat16",),
    help="A name of `nfloat formats`, or spelled: e6m9, binary8p4se, fixed16.8, binary128; may be repeated.  "
    "[default: bfloat16]",
)
@html_option
@json_option
def command(value: str, formats: tuple[str, ...], html_file: str | None, as_json: bool) -> None:
    """Show what VALUE becomes in a format: neighbours, bits, the error under each rounding; other formats beside it.

    VALUE is a decimal (0.1), a hexadecimal float (0x1.8p-3), a fraction (1/3), inf or nan. It is read as the nearest
    float64 number first, and that number is what is rounded. For formats that float64 does not hold (binary128,
    binary256, x87, P3109's with longer exponents) VALUE is taken as it is written, and its neighbours are exact.

    \b
    Examples:
      nfloat explain 0.1 --format bf16
      nfloat explain 1/3 --format fp16 --format e4m3fn --json
      nfloat explain 957 --format mxfp8_e4m3
      nfloat explain 0.1 --format bf16 --html explain.html
      nfloat explain 1/3 --format binary128
    """
    from ..display import explain
    from ..formats.blocks import BLOCK_FORMATS
    from ..formats.names import described_only

    wide = [wide_facts(value, known) for name in formats if (known := described_only(name)) is not None]
    formats = tuple(name for name in formats if described_only(name) is None)
    number = parse_number(value) if formats or not wide else 0.0
    explanations = [explain(number, name) for name in formats if name not in BLOCK_FORMATS]
    blocks = {name: _in_a_block(number, BLOCK_FORMATS[name]) for name in formats if name in BLOCK_FORMATS}
    if html_file is not None:
        _write_page(explanations, value, html_file)
    if as_json:
        in_blocks = ({"format": name, "rules": rows} for name, rows in blocks.items())
        print_json([*map(_as_dict, explanations), *in_blocks, *wide])
        return
    for facts in wide:
        _print_wide(facts)
    if formats:
        click.echo(f"{value} is {_exactly(number)} in float64")
    for item in explanations:
        _print(item)
    if explanations:
        _print_beside(number, {item.format for item in explanations})
    for name, rows in blocks.items():
        f = BLOCK_FORMATS[name]
        click.echo(f"\n{name}: {f.element.name} elements in blocks of {f.block}, {f.scale.name} scales")
        click.echo("  the number as the greatest of its block; the rule of its own first\n")
        print_table(rows, ("rule", "scale", "element", "code", "result", "error"))


def _write_page(items: list[Explanation], value: str, path: str) -> None:
    """The page of the formats that are computed in.

    Raises
    ------
    ArgumentError
        If there is none among them.
    """
    from ..display.pages import explanation_page
    from ..errors import ArgumentError

    if not items:
        raise ArgumentError(
            f"html={path!r} needs a format that nfloat computes in; block formats and wide ones have no page"
        )
    names = "".join(f" --format {item.format.name}" for item in items)
    write_plain_page(explanation_page(items, f"nfloat explain {value}{names} --html {path}"), path)


def _print_beside(number: float, shown: set[Format]) -> None:
    """A line for every other named format."""
    from ..display.beside import beside
    from ..formats.catalog import FORMATS

    click.echo("\nother formats, to nearest-even\n")
    rows = [
        {"format": b.format.name, "result": repr(b.value), "error": _percent(b.relative_error), "bits": b.bits}
        for b in beside(number, [fmt for fmt in FORMATS.values() if fmt not in shown])
    ]
    print_table(rows, ("format", "result", "error", "bits"), right=("error",))


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:+.3g} %"


def _in_a_block(number: float, fmt: BlockFormat) -> list[dict[str, object]]:
    """What the number becomes as the greatest of its block, under each scale rule."""
    from ..blocks.quantize import quantize
    from ..formats.blocks import ScaleRule

    rows = []
    for rule in (fmt.scale_rule, *(r for r in ScaleRule if r is not fmt.scale_rule)):
        q = quantize([number], fmt, scale_rule=rule)
        value = float(q.dequantize()[0])
        facts = (rule.value, float(q.products[0]), float(q.elements[0]), f"{int(q.codes[0]):#x}", repr(value))
        keys = ("rule", "scale", "element", "code", "result")
        rows.append({**dict(zip(keys, facts, strict=True)), "error": f"{value - number:+.3e}"})
    return rows


def parse_number(text: str) -> float:
    """The float64 number nearest to what the text says.

    Raises
    ------
    ArgumentError
        If the text is no number.
    """
    from ..errors import ArgumentError

    try:
        if "/" in text:
            return float(Fraction(text))
        return float.fromhex(text) if "0x" in text.lower() else float(text)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ArgumentError(
            f"value={text!r} is no number; write a decimal (0.1), a hexadecimal float (0x1.8p-3), a fraction (1/3), "
            "inf or nan"
        ) from None


def wide_facts(text: str, fmt: WideFormat) -> dict[str, object]:
    """What can be said of a number in a format that float64 does not hold: its neighbours, their codes and bits.

    Raises
    ------
    ArgumentError
        If the text is no finite number.
    """
    from ..errors import ArgumentError
    from ..formats.wide import decimal_text

    try:
        if len(text) > 200 or (abs(int(text.lower().partition("e")[2] or 0)) > 100_000 and "x" not in text.lower()):
            raise ValueError
        exact = Fraction(float.fromhex(text)) if "0x" in text.lower() else Fraction(text)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ArgumentError(
            f"value={text!r} is no finite number; write a decimal (0.1), a hexadecimal float (0x1.8p-3) or a fraction "
            "(1/3)"
        ) from None
    facts: dict[str, object] = {"value": text, "format": fmt.name, "bits": fmt.bits, "precision": fmt.precision}
    facts |= {"emin": fmt.emin, "emax": fmt.emax, "max": decimal_text(fmt.max), "exact": None}
    ends, digits = fmt.neighbours(exact), max(50, fmt.precision * 3 // 10 + 5)
    for name, end in zip(("below", "above"), ends, strict=True):
        code = None if end is None else fmt.code(end)
        facts[name] = None if end is None else decimal_text(end, digits)
        facts[f"{name}_code"] = None if code is None else f"{code:#x}"
        facts[f"{name}_bits"] = None if code is None else fmt.bit_text(code)
    return {**facts, "exact": ends == (exact, exact)}


def _print_wide(facts: dict[str, object]) -> None:
    click.echo(
        f"{facts['format']}: {facts['bits']} bits, precision {facts['precision']}, exponents {facts['emin']}.."
        f"{facts['emax']}, largest {facts['max']}; described, not computed in"
    )
    beyond = facts["below"] is None or facts["above"] is None
    place = "beyond the range" if beyond else "on the grid" if facts["exact"] else "not on the grid"
    click.echo(f"  {facts['value']} is {place}")
    for name in ("below", "above"):
        click.echo(f"  {name} {facts[name] or '-'}")
        if facts[name] is not None:
            click.echo(f"        {facts[f'{name}_code']}\n        {facts[f'{name}_bits']}")


def _exactly(value: float) -> str:
    """All decimal digits of a float64 number."""
    text = str(Decimal(value))
    return text if len(text) <= 80 else f"{value.hex()} ({value!r})"


def _print(item: Explanation) -> None:
    from ..display import special_values

    fmt = item.format
    if fmt.twos_complement:
        fraction = min(max(fmt.bias, 0), fmt.bits - 1)
        parts = f"sign, {fmt.bits - 1 - fraction} integer and {fraction} fraction bits"
        kind = f"two's complement: {parts}; the multiples of {fmt.smallest_subnormal!r} from {fmt.min!r} to {fmt.max!r}"
    else:
        kind = f"precision {fmt.precision}, exponents {fmt.emin}..{fmt.emax}, {special_values(fmt)}"
    click.echo(f"\n{fmt.name}: {fmt.bits} bits, {kind}")
    if item.place == "on the grid":
        click.echo(f"  the number is on the grid: {item.below!r}")
    elif item.place == "beyond the range":
        click.echo(f"  the number is beyond the range, and becomes {item.below!r}")
    else:
        click.echo(f"  below {item.below!r}   above {item.above!r}")
    if item.share_up:
        click.echo(f"  stochastic rounding gives the upper one with probability {item.share_up:.6g}")
    click.echo()
    print_table([_row(outcome) for outcome in item.outcomes], ("rounding", "result", "code", "bits", "error", "ulp"))


def _row(outcome: Outcome) -> dict[str, object]:
    code = None if outcome.code is None else f"{outcome.code:#x}"
    ulp = None if outcome.error_ulp is None else f"{outcome.error_ulp:+.4f}"
    return {
        "rounding": outcome.rounding,
        "result": repr(outcome.value),
        "code": code,
        "bits": outcome.bits,
        "error": f"{outcome.error:+.3e}",
        "ulp": ulp,
    }


def _as_dict(item: Explanation) -> dict[str, object]:
    from dataclasses import asdict

    from ..display.beside import beside

    others = [
        {"format": b.format.name, "value": b.value, "code": b.code, "bits": b.bits, "relative_error": b.relative_error}
        for b in beside(item.value)
    ]
    facts = {
        "value": item.value,
        "format": item.format.name,
        "below": item.below,
        "above": item.above,
        "share_up": item.share_up,
    }
    return {**facts, "outcomes": [asdict(outcome) for outcome in item.outcomes], "beside": others}
