"""``nfloat sweep``: a grid of cells, here or on a cluster, into a folder that always goes on."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._errors import Exit, Incomplete
from ._output import json_option, print_json, print_table, show, write_page
from ._progress import Counter

if TYPE_CHECKING:
    from ..sweep import Grid
    from ..sweep.experiment import Sweep

_BYTES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
#: hours from which the cost is given in hours
_HOUR = 3600.0


@click.command(name="sweep")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The folder.  [default: FILE's name without its suffix]")
@click.option("--workers", type=int, help="Processes on this machine.  [default: one per CPU]")
@click.option("--scheduler", metavar="ADDRESS", help="Measure on the Dask cluster whose scheduler is there.")
@click.option("--shard", metavar="I/N", help="Measure the I-th of N parts alone; --merge brings them together.")
@click.option(
    "--merge",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Take over the rows of that folder; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Print the grid and what it costs, by a sample; write nothing.")
@click.option("--verify", type=int, default=0, metavar="N", help="Measure N cells again, on two workers, and compare.")
@click.option("--timeout", type=float, metavar="SECONDS", help="A longer cell is tried again, then given up.")
@click.option("--attempts", type=int, default=3, show_default=True, help="Deaths of workers until a cell is given up.")
@click.option("--memory", metavar="SIZE", help="What a process on this machine may allocate: 500M, 2G.")
@click.option("--retry", is_flag=True, help="Also measure cells that were given up before.")
@click.option("--overwrite", is_flag=True, help="Drop what another task or version left in that folder.")
@json_option
def command(file: Path, out: Path | None, dry_run: bool, as_json: bool, **options: Any) -> int:
    """Measure every cell of the grid in FILE (TOML), and make a page of them.

    Writes into the folder: rows.jsonl (a row per cell: its coordinates, then what was measured), failures.jsonl (cells
    that were given up, with the reason), config.toml (the grid), report.html (heat map, bands over seeds, Pareto front)
    and provenance.json. What is there is not measured again, so the same command goes on after an interruption, a
    crash or on another machine. Rows are the same bits wherever they were measured. Ends with exit code 1 if rows that
    were verified differ, 3 if cells are missing.

    \b
    A grid:
      task = "training"
      [cells]
      recipe = ["bf16-mixed", "bf16-pure", "bf16-pure-sr"]
      lr = [0.01, 0.02, 0.05]
      seed = {start = 0, count = 5}

    \b
    Examples:
      nfloat sweep grid.toml --dry-run
      nfloat sweep grid.toml --out out --workers 2 --timeout 600
      nfloat sweep grid.toml --scheduler tcp://10.0.0.1:8786
      nfloat sweep grid.toml --shard 3/16 --out part3
      nfloat sweep grid.toml --merge part1 --merge part2 --out whole
    """
    from ..sweep import read_grid

    grid, folder = read_grid(file), out or Path(file.stem)
    if dry_run:
        return _dry_run(grid, folder, options["workers"], as_json)
    sweep = _run(grid, folder, file, options)
    from ..runs.folder import REPORT

    page = write_page(sweep, folder / REPORT) if sweep.counts.done else None
    (_print_json if as_json else _print)(sweep, page)
    if sweep.verified is not None and sweep.verified.differing:
        return Exit.CHECK_FAILED
    whole = sweep.complete or (options["shard"] is not None and not sweep.counts.failed)
    return Exit.FINE if whole else Exit.INCOMPLETE


def _run(grid: Grid, folder: Path, file: Path, options: dict[str, Any]) -> Sweep:
    from ..sweep import Limits, SweepStoppedError
    from ..sweep.experiment import run

    again = _again(file, folder, options)
    chosen = {key: options[key] for key in ("workers", "merge", "retry", "overwrite")}
    chosen |= {
        "shard": _shard(options["shard"]),
        "memory": _bytes(options["memory"]),
        "verify_cells": options["verify"],
    }
    limits = Limits(options["timeout"], options["attempts"])
    try:
        with _client(options["scheduler"]) as client, Counter("cells") as progress:
            return run(grid, folder, client, limits=limits, report=False, progress=progress, **chosen)
    except KeyboardInterrupt:
        raise Incomplete(f"interrupted; what was measured is in {folder}; go on with: {again}") from None
    except SweepStoppedError as error:
        raise Incomplete(f"{error}; what was measured is in {folder}; go on with: {again}") from None


#: options of which the same sweep goes on; dropping and trying again are done once
_KEPT = ("workers", "scheduler", "shard", "verify", "timeout", "attempts", "memory")


def _again(file: Path, folder: Path, options: dict[str, Any]) -> str:
    """The command that goes on: the same one, but that nothing is dropped or tried again.

    Examples
    --------
    >>> _again(Path("grid.toml"), Path("my out"), {"workers": 2, "timeout": 60.0, "attempts": 3, "merge": (Path("a"),)})
    "nfloat sweep grid.toml --out 'my out' --workers 2 --timeout 60 --merge a"
    """
    defaults = {"attempts": 3, "verify": 0}
    given = {key: options.get(key) for key in _KEPT}
    words = ["nfloat", "sweep", str(file), "--out", str(folder)]
    for key, value in given.items():
        if value is not None and value != defaults.get(key):
            words += [f"--{key}", f"{value:g}" if isinstance(value, float) else str(value)]
    for other in options.get("merge", ()):
        words += ["--merge", str(other)]
    return shlex.join(words)


def _client(address: str | None) -> Any:
    """A Dask client of that scheduler; nothing without an address.

    Raises
    ------
    MissingExtraError
        If Dask is not installed.
    ArgumentError
        If there is no scheduler.
    """
    import contextlib

    from ..errors import ArgumentError, MissingExtraError

    if address is None:
        return contextlib.nullcontext()
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("--scheduler needs Dask: pip install 'nfloat[cluster]'") from None
    try:
        return Client(address, timeout=20, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ArgumentError(f"scheduler={address!r} cannot be reached: {error}") from None


def _shard(text: str | None) -> tuple[int, int]:
    if text is None:
        return (1, 1)
    number, _, shards = text.partition("/")
    if not (number.isdecimal() and shards.isdecimal()):
        raise click.UsageError(f"shard={text!r} must be I/N, e.g. 3/16", click.get_current_context())
    return int(number), int(shards)


def _bytes(text: str | None) -> int | None:
    if text is None:
        return None
    digits, unit = text.rstrip("kKmMgG"), text[len(text.rstrip("kKmMgG")) :].lower()
    if not digits.isdecimal() or unit not in _BYTES:
        raise click.UsageError(f"memory={text!r} must be a size such as 500M or 2G", click.get_current_context())
    return int(digits) * _BYTES[unit]


def _dry_run(grid: Grid, folder: Path, workers: int | None, as_json: bool) -> int:
    """The grid, and its cost from a sample."""
    from ..ops.threads import available
    from ..sweep.estimate import estimate

    found = estimate(grid, folder)
    cpus = workers or available()
    facts: dict[str, object] = {
        "cells": found.cells,
        "done": found.done,
        "workers": cpus,
        "core_seconds": found.seconds,
    }
    facts["seconds"] = None if found.seconds is None else found.seconds / cpus
    if as_json:
        sample = [{"cell": cell, "seconds": seconds, "reason": reason} for cell, seconds, reason in found.sample]
        print_json({**facts, "axes": {key: list(values) for key, values in grid.axes.items()}, "sample": sample})
        return Exit.FINE
    axes = [
        {"key": key, "values": len(values), "which": ", ".join(map(str, values))[:60]}
        for key, values in grid.axes.items()
        if key in grid.varied
    ]
    print_table(axes, ("key", "values", "which")) if axes else None
    click.echo(f"\n{found.cells} cells, {found.done} of them done")
    for cell, _, reason in (one for one in found.sample if one[1] is None):
        click.echo(f"cannot be measured: {_varied(grid, cell)}: {reason}")
    if found.seconds is not None and found.spread is not None:
        low, high = found.spread
        click.echo(f"a cell takes {show(low)} to {show(high)} s here ({len(found.sample)} cells tried)")
        click.echo(
            f"the rest: about {_duration(found.seconds)} on one core, {_duration(found.seconds / cpus)} on {cpus}"
        )
    return Exit.FINE


def _varied(grid: Grid, cell: dict[str, Any]) -> str:
    return ", ".join(f"{key}={cell[key]}" for key in grid.varied)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.1f} h"


def _print(sweep: Sweep, page: Path | None) -> None:
    counts = sweep.counts
    click.echo(f"{counts.done} of {counts.total} cells done" + (f", {counts.failed} given up" if counts.failed else ""))
    for row in _first(sweep.failures(), 5):
        click.echo(f"given up after {row['attempts']} attempts: {_varied(sweep.grid, row)}: {row['reason']}")
    if counts.failed:
        click.echo(f"all of them: {sweep.path / 'failures.jsonl'}; --retry measures them again")
    if sweep.verified is not None:
        same = sweep.verified.cells - len(sweep.verified.differing)
        on = f"on {len(sweep.verified.workers)} workers"
        click.echo(f"verified: {same} of {sweep.verified.cells} cells measured again {on} have the same bits")
        for key in sweep.verified.differing[:5]:
            click.echo(f"differs: the row with key {key}")
    if counts.done:
        click.echo(f"page: {page}" if page else f"rows: {sweep.path / 'rows.jsonl'}")


def _print_json(sweep: Sweep, page: Path | None) -> None:
    verified = None
    if sweep.verified is not None:
        verified = {"cells": sweep.verified.cells, "workers": list(sweep.verified.workers)}
        verified["differing"] = list(sweep.verified.differing)
    facts = {**sweep.counts._asdict(), "complete": sweep.complete, "verified": verified}
    print_json({**facts, "out": str(sweep.path), "report": None if page is None else str(page)})


def _first(rows: Any, count: int) -> list[Any]:
    return [row for _, row in zip(range(count), rows, strict=False)]
