"""``nfloat check``: rounding and codes on this machine against exact rational arithmetic, bit for bit, and what that proved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ._errors import Exit, Incomplete
from ._output import json_option, print_json, print_table

if TYPE_CHECKING:
    from ..formats.format import Format
    from ..testing.sweep import Report

COLUMNS = ("formats", "count", "inputs", "ways", "compared", "wrong")


@click.command(name="check")
@click.argument("formats", nargs=-1)
@click.option("--exhaustive", is_flag=True, help="Every format to 16 bits (P3109's too), a million random inputs each.")
@click.option("--random", type=click.IntRange(min=0), help="Random inputs a format. [default: 10000; --exhaustive 1000000]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the random inputs.")
@json_option
def command(formats: tuple[str, ...], exhaustive: bool, random: int | None, seed: int, as_json: bool) -> None:
    """Prove round, encode and decode equal to the exact oracle, bit for bit, on this machine.

    For each format: all of its numbers (to 16 bits), all midpoints, the float32 and float64 neighbours of both, and random
    inputs, in both carriers, under every rounding mode and every overflow policy; every code both ways; and every random word
    of stochastic_a, _b and _c with up to eight random bits. Ends with exit code 1 if a single result differs.

    Without FORMATS: the named formats, or with --exhaustive all families of formats (about half an hour).

    \b
    Examples:
      nfloat check
      nfloat check bf16 e4m3fn binary8p4se --exhaustive
    """
    done: dict[str, list[Report]] = {}
    try:
        for family, report in _run(formats, exhaustive, random if random is not None else 1_000_000 if exhaustive else 10_000, seed):
            done.setdefault(family, []).append(report)
    except KeyboardInterrupt:
        _show(done, as_json)
        raise Incomplete(f"interrupted after {sum(map(len, done.values()))} formats; name the others to go on") from None
    _show(done, as_json)
    if not all(report.ok for reports in done.values() for report in reports):
        raise click.exceptions.Exit(Exit.CHECK_FAILED)


def _run(names: tuple[str, ...], exhaustive: bool, random: int, seed: int) -> Iterator[tuple[str, Report]]:
    """(family, report) of each format, with a line on stderr when it is done."""
    from ..testing.sweep import sweep, sweep_words

    todo = list(_chosen(names, exhaustive))
    for i, (family, fmt) in enumerate(todo, 1):
        start = time.monotonic()
        report = sweep(fmt, random=random, seed=seed)
        report.include(sweep_words(fmt, 8 if exhaustive else 4))
        verdict = "equal" if report.ok else f"{report.wrong} WRONG"
        click.echo(f"[{i}/{len(todo)}] {fmt.name}: {report.compared} results {verdict}, {time.monotonic() - start:.1f} s", err=True)
        for line in report.mismatches:
            click.echo(f"    {line}", err=True)
        yield family, report


def _chosen(names: tuple[str, ...], exhaustive: bool) -> Iterator[tuple[str, Format]]:
    from ..formats.names import get_format
    from ..testing.families import families

    if names:
        yield from ((get_format(name).name, get_format(name)) for name in names)
        return
    for family, formats in families().items():
        if exhaustive or family.startswith("catalogue"):
            yield from ((family, fmt) for fmt in formats)


def _show(done: dict[str, list[Report]], as_json: bool) -> None:
    """What was proved: a row per family, as a table or as JSON (there with the mismatches)."""
    rows = [
        {
            "formats": family, "count": len(reports), "inputs": sum(r.inputs for r in reports), "ways": sum(r.ways for r in reports),
            "compared": sum(r.compared for r in reports), "wrong": sum(r.wrong for r in reports),
            "mismatches": [line for r in reports for line in r.mismatches],
        }
        for family, reports in done.items()
    ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    print_table(rows, COLUMNS)
    wrong = sum(row["wrong"] for row in rows)
    verdict = "all equal to the exact result, bit for bit" if not wrong else f"{wrong} differ from the exact result"
    click.echo(f"{sum(row['compared'] for row in rows)} results of round, encode and decode: {verdict}")
