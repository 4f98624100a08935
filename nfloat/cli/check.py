"""``nfloat check``.

Rounding and codes on this machine against exact rational arithmetic, bit for bit, and what that proved.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
@click.option(
    "--random", type=click.IntRange(min=0), help="Random inputs a format. [default: 10000; --exhaustive 1000000]"
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the random inputs.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Formats at a time, each in a process of its own. [default: all cores for families, else 1]",
)
@click.option(
    "--formats-at-random",
    "drawn",
    type=click.IntRange(min=1),
    help="Instead, so many formats drawn at random by --seed.",
)
@click.option("--blocks", type=click.IntRange(min=1), help="Instead, so many arrays in block formats, drawn by --seed.")
@click.option(
    "--units",
    "recording",
    type=click.Path(path_type=Path),
    help="Instead, the models of matrix instructions against recorded outputs: an .npz file.",
)
@click.option(
    "--products", is_flag=True, help="Products at random instead, in formats at random, for so many --minutes."
)
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), help="How long --products goes on. [default: 1]"
)
@json_option
def command(
    formats: tuple[str, ...],
    exhaustive: bool,
    random: int | None,
    seed: int,
    jobs: int | None,
    drawn: int | None,
    blocks: int | None,
    recording: Path | None,
    products: bool,
    minutes: float | None,
    as_json: bool,
) -> None:
    """Prove round, encode and decode equal to the exact oracle, bit for bit, on this machine.

    For each format: all of its numbers (to 16 bits), all midpoints, the float32 and float64 neighbours of both, and
    random inputs, in both carriers, under every rounding mode and every overflow policy; every code both ways; and
    every random word of stochastic_a, _b and _c with up to eight random bits. Ends with exit code 1 if a single result
    differs.

    Without FORMATS: the named formats, or with --exhaustive all families of formats (about eighty minutes of one core).

    --formats-at-random goes through round, encode, decode, casts, arithmetic and elementary functions in any formats
    that can be described, some ten a second, and writes down what differs as a line of Python.

    With --products: matrix products of any accumulator in any format that can be described, drawn at random from --seed
    on, against an independent model in integers. A wrong one is made small and printed as a line of Python.

    With --units FILE: every set of dot products in a recording, arrays <unit>.a, .b, .c and .d of one row each, against
    the unit's model. tests/golden/record makes such a file on a GPU; its README says where published ones are.

    With --blocks: scales and elements of random arrays, in block formats and such as can be described, against rational
    arithmetic.

    \b
    Examples:
      nfloat check
      nfloat check bf16 e4m3fn binary8p4se --exhaustive
      nfloat check --formats-at-random 100000 --seed 7
      nfloat check --products --minutes 60 --jobs 2
      nfloat check --blocks 1000 --seed 7
      nfloat check --units recorded.npz
    """
    others = bool(formats) or exhaustive or random is not None or drawn is not None
    if recording is not None or blocks is not None or products:
        _instead(recording, blocks, products, others, (minutes or 1.0, seed, jobs or 1), as_json)
        return
    if minutes is not None:
        raise click.UsageError(
            f"--minutes {minutes:g} goes with --products; how much is compared otherwise is said by --random"
        )
    done: dict[str, list[Report]] = {}
    try:
        if drawn is not None:
            if formats or exhaustive:
                raise click.UsageError("--formats-at-random draws its formats: name none, and leave --exhaustive out")
            for area, report in _at_random(drawn, seed):
                if area not in done:
                    done[area] = [report]
                    continue
                done[area][0].include(report)  # one report an area, since there may be very many formats
                done[area][0].formats += 1
            _finish(done, as_json)
            return
        inputs = random if random is not None else 1_000_000 if exhaustive else 10_000
        processes = jobs or (os.cpu_count() or 1 if exhaustive and not formats else 1)
        for family, report in _run(list(_chosen(formats, exhaustive)), inputs, seed, 8 if exhaustive else 4, processes):
            done.setdefault(family, []).append(report)
    except KeyboardInterrupt:
        _show(done, as_json)
        raise Incomplete(
            f"interrupted after {sum(map(len, done.values()))} formats; name the others to go on"
        ) from None
    _finish(done, as_json)


def _finish(done: dict[str, list[Report]], as_json: bool) -> None:
    """What was proved, and exit code 1 if a single result differs."""
    _show(done, as_json)
    if not all(report.ok for reports in done.values() for report in reports):
        raise click.exceptions.Exit(Exit.CHECK_FAILED)


def _check_blocks(number: int, seed: int, as_json: bool) -> None:
    """``--blocks``: arrays in block formats against the rational model."""
    from ..testing.sweep_blocks import sweep_blocks

    _finish({"block formats": [sweep_blocks(number, seed)]}, as_json)


def _instead(
    recording: Path | None,
    blocks: int | None,
    products: bool,
    others: bool,
    effort: tuple[float, int, int],
    as_json: bool,
) -> None:
    """The checks that go alone; `effort`: minutes, seed, jobs."""
    if recording is not None:
        if others or products or blocks is not None:
            raise click.UsageError("--units reads all that it compares from its file: it goes alone")
        _check_units(recording, as_json)
    elif blocks is not None:
        if others or products:
            raise click.UsageError("--blocks draws its own formats and arrays: it goes with --seed alone")
        _check_blocks(blocks, effort[1], as_json)
    elif others:
        raise click.UsageError(
            "--products draws its own formats and operands: it goes with --minutes, --seed and --jobs alone"
        )
    else:
        _check_products(*effort, as_json)


def _check_units(path: Path, as_json: bool) -> None:
    """``--units``: recorded outputs against the models."""
    import warnings

    from ..testing.recordings import compare

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a unit that rests on one source: the table has its letter
        found = compare(path)
    rows = [vars(item) for item in found]
    if as_json:
        print_json(rows)
    else:
        print_table(
            [{**row, "known": row["confidence"]} for row in rows], ("name", "unit", "known", "rows", "differ", "first")
        )
    if any(item.differ for item in found):
        raise click.exceptions.Exit(Exit.CHECK_FAILED)


def _check_products(minutes: float, seed: int, jobs: int, as_json: bool) -> None:
    """``--products``: a line on stderr for each block, then the counts and what was wrong."""
    from ..testing.sweep_products import ProductReport, run_products

    total = ProductReport(seed, seed)
    start = time.monotonic()
    interrupted = False
    try:
        for report in run_products(minutes, seed, jobs):
            total.include(report)
            seconds = time.monotonic() - start
            click.echo(
                f"seeds {total.first}..{total.last}: {total.outputs} outputs, {total.wrong} wrong, {seconds:.0f} s",
                err=True,
            )
            for line in report.failures:
                click.echo(f"    {line}", err=True)
    except KeyboardInterrupt:
        interrupted = True
    if as_json:
        print_json(vars(total))
    else:
        verdict = "all equal to the exact result, bit for bit" if not total.wrong else f"{total.wrong} WRONG"
        click.echo(
            f"seeds {total.first} to {total.last}: {total.outputs} outputs of {total.products} products: {verdict}"
        )
        for line in total.failures:
            click.echo(line)
    if total.wrong:
        raise click.exceptions.Exit(Exit.CHECK_FAILED)
    if interrupted:
        raise Incomplete(
            f"interrupted after {total.products} products; go on with --seed "
            f"{total.last + 1 if total.products else seed}"
        )


def _at_random(number: int, seed: int) -> Iterator[tuple[str, Report]]:
    """(area, report) of formats drawn at random; what differs, and now and then the progress, is a line on stderr."""
    from ..testing.sweep_random import sweep_number

    compared, start = 0, time.monotonic()
    for k in range(number):
        for area, report in sweep_number(seed, k).items():
            compared += report.compared
            for line in report.mismatches:
                click.echo(f"    {line}", err=True)
            yield area, report
        if (k + 1) % 100 == 0 or k + 1 == number:
            click.echo(
                f"[{k + 1}/{number}] formats at random, {compared} results, {time.monotonic() - start:.0f} s", err=True
            )


def _run(
    todo: list[tuple[str, Format]], random: int, seed: int, most_bits: int, jobs: int
) -> Iterator[tuple[str, Report]]:
    """(family, report) of each format, with a line on stderr when it is done."""
    tasks = [(fmt, random, seed, most_bits) for _, fmt in todo]
    with ExitStack() as stack:
        each: Iterator[tuple[Report, float]] = map(_prove, tasks)
        if jobs > 1:
            context = multiprocessing.get_context("spawn")
            each = stack.enter_context(ProcessPoolExecutor(min(jobs, len(tasks)), context)).map(_prove, tasks)
        for i, ((family, fmt), (report, seconds)) in enumerate(zip(todo, each, strict=True), 1):
            verdict = "equal" if report.ok else f"{report.wrong} WRONG"
            click.echo(f"[{i}/{len(todo)}] {fmt.name}: {report.compared} results {verdict}, {seconds:.1f} s", err=True)
            for line in report.mismatches:
                click.echo(f"    {line}", err=True)
            yield family, report


def _prove(task: tuple[Format, int, int, int]) -> tuple[Report, float]:
    """The report on one format, and how long it took."""
    from ..testing.sweep import sweep, sweep_words

    fmt, random, seed, most_bits = task
    start = time.monotonic()
    report = sweep(fmt, random=random, seed=seed)
    report.include(sweep_words(fmt, most_bits))
    return report, time.monotonic() - start


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
    rows: list[dict[str, Any]] = [
        {
            "formats": family,
            "count": sum(r.formats for r in reports),
            "inputs": sum(r.inputs for r in reports),
            "ways": sum(r.ways for r in reports),
            "compared": sum(r.compared for r in reports),
            "wrong": sum(r.wrong for r in reports),
            "mismatches": [line for r in reports for line in r.mismatches],
        }
        for family, reports in done.items()
    ]
    if as_json:
        print_json(rows)
        return
    print_table(rows, COLUMNS)
    wrong = sum(row["wrong"] for row in rows)
    verdict = "all equal to the exact result, bit for bit" if not wrong else f"{wrong} differ from the exact result"
    click.echo(f"{sum(row['compared'] for row in rows)} results: {verdict}")
    click.echo(_machine())


def _machine() -> str:
    """Where that is proven: what a change of would need it proven again."""
    from .. import __version__
    from ..kernels import jit

    cpu = jit.cpu_features().partition(" ")[0]
    return f"on this machine: cpu {cpu}, nfloat {__version__}, numba {version('numba')}, kernels {jit.source_digest()}"
