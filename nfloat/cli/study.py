"""``nfloat study``: published results about precision, run again and held against what must come out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ._errors import Exit, Incomplete
from ._output import json_option, print_json, print_table, write_page
from ._progress import Progress

if TYPE_CHECKING:
    from ..studies.experiment import Result
    from ..studies.plan import Plan

_COLUMNS = ("figure", "expected", "measured", "ok")


@click.group(name="study")
def command() -> None:
    """Reproduce published results: list them, run one, go on after an interruption, export the rows.

    Every figure that a publication states, or that an independent model gave, is measured again and shown beside what
    is expected; a figure outside its tolerance ends in exit code 1. Every command below has --help, and --json.

    \b
    Examples:
      nfloat study list
      nfloat study run stagnation --out out
      nfloat study run long-gemm --set k=[4096] --out out --json
      nfloat study export out --format csv
    """


@command.command(name="list")
@json_option
def list_(as_json: bool) -> None:
    """List the studies: the publication, how long it takes on one core, and what there is to see.

    \b
    Example:
      nfloat study list
    """
    from ..studies import STUDIES

    if as_json:
        print_json([_facts(name) for name in STUDIES])
        return
    for study in STUDIES.values():
        click.echo(f"{study.name:21}{study.seconds:3} s  {_short(study.sources[0])}\n    {study.see}")
    click.echo(f"\nAll of them: {sum(study.seconds for study in STUDIES.values()) / 60:.0f} minutes on one core")


@command.command(name="run")
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for rows, plan and page.  [default: nfloat-study-NAME]"
)
@click.option("--seed", type=int, help="Drives data and stochastic rounding.  [default: 0]")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="A parameter, as TOML; may be repeated.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Take seed and parameters from a file.")
@click.option("--overwrite", is_flag=True, help="Replace what another run left in that folder.")
@json_option
def run(
    name: str,
    out: Path | None,
    seed: int | None,
    assignments: tuple[str, ...],
    config_file: Path | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Run the study NAME; print each figure beside what is expected.

    Writes into the folder: report.html (the page to look at), rows.jsonl (every measurement), config.toml (runs it
    again, to the bit) and provenance.json. Ends with exit code 1 if a figure lies outside its tolerance.

    \b
    Examples:
      nfloat study run stagnation --out out
      nfloat study run swamping --set 'formats=["bfloat16"]' --set n=[1024,4096] --seed 1
    """
    plan = _plan(name, seed, assignments, config_file)
    return _execute(plan, out or Path(f"nfloat-study-{name}"), overwrite, as_json)


@command.command(name="resume")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def resume(folder: Path, as_json: bool) -> int:
    """Go on with the run in FOLDER: cells that are finished are not measured again.

    \b
    Example:
      nfloat study resume out
    """
    from ..studies import STUDIES
    from ..studies.experiment import read_folder

    return _execute(read_folder(folder, STUDIES.values()).plan, folder, False, as_json)


@command.command(name="export")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--format", "file_format", default="parquet", show_default=True, help="parquet or csv.")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write.  [default: FOLDER/rows.FORMAT]")
@json_option
def export_(folder: Path, file_format: str, out: Path | None, as_json: bool) -> None:
    """Write the rows in FOLDER (of a study, a drift run or a sweep) as one table.

    \b
    Examples:
      nfloat study export out
      nfloat study export out --format csv --out rows.csv
    """
    from ..runs.export import export

    path = export(folder, file_format, out)
    print_json({"file": str(path)}) if as_json else click.echo(str(path))


def _short(source: str) -> str:
    """A publication as "first author year"."""
    import re

    authors, year = source.split(",")[0], re.findall(r"\b(?:19|20)\d\d\b", source.split("(arXiv")[0])
    return f"{authors.split('. ')[-1].removesuffix(' et al')} {year[-1] if year else ''}".strip()


def _facts(name: str) -> dict[str, object]:
    from dataclasses import asdict

    from ..studies import STUDIES

    study = STUDIES[name]
    facts: dict[str, object] = {
        "name": study.name,
        "title": study.title,
        "question": study.question,
        "method": study.method,
    }
    facts |= {"see": study.see, "seconds": study.seconds}
    return {**facts, "sources": study.sources, "params": asdict(study.params)}


def _plan(name: str, seed: int | None, assignments: tuple[str, ...], config_file: Path | None) -> Plan:
    """The plan that file and options describe; an option that was not given changes nothing."""
    from ..errors import ArgumentError
    from ..studies import STUDIES, get_study
    from ..studies.plan import Plan, change_params, parse_changes, read_plan

    study = get_study(name)
    plan = Plan(study, study.params) if config_file is None else read_plan(config_file, STUDIES.values())
    if plan.study is not study:
        raise ArgumentError(f"config={str(config_file)!r} is of the study {plan.study.name!r}, not of {name!r}")
    params = change_params(plan.params, parse_changes(assignments))
    return Plan(study, params, plan.seed if seed is None else seed)


def _execute(plan: Plan, out: Path, overwrite: bool, as_json: bool) -> int:
    """Run, write the page, print."""
    from ..runs.folder import REPORT
    from ..studies.experiment import Result, execute

    try:
        with Progress(1, Result(plan, []).cells) as progress:
            result = execute(plan, out=out, overwrite=overwrite, progress=progress)
    except KeyboardInterrupt:
        if not (out / "rows.jsonl").exists():
            raise Incomplete("interrupted before the first cell; nothing was written") from None
        raise Incomplete(
            f"interrupted; the rows so far are in {out / 'rows.jsonl'}; go on with: nfloat study resume {out}"
        ) from None
    if not as_json:
        _print(result)
    page = write_page(result, out / REPORT)
    if as_json:
        _print_json(result, out, page)
    else:
        click.echo(f"page: {page}" if page else f"rows: {out / 'rows.jsonl'}")
    return Exit.FINE if result.ok else Exit.CHECK_FAILED


def _print_json(result: Result, out: Path, page: Path | None) -> None:
    checks = [
        {
            "figure": check.figure,
            "expected": check.expected,
            "low": check.low,
            "high": check.high,
            "measured": check.measured,
            "ok": check.ok,
            "source": check.source,
        }
        for check in result.checks
    ]
    facts = {"study": result.plan.study.name, "ok": result.ok, "checks": checks, "rows": len(result.rows)}
    print_json({**facts, "out": str(out), "report": None if page is None else str(page)})


def _print(result: Result) -> None:
    """The table, and what is outside."""
    from ..studies.checks import Check

    def cells(check: Check) -> dict[str, object]:
        texts = (check.figure, check.expected, check.measured_text, "yes" if check.ok else "NO")
        return dict(zip(_COLUMNS, texts, strict=True))

    if result.checks:
        print_table([cells(check) for check in result.checks], _COLUMNS, right=("expected", "measured"))
    else:
        click.echo("no published figure applies to these parameters")
    failed = sum(not check.ok for check in result.checks)
    click.echo(f"\n{len(result.checks) - failed} of {len(result.checks)} figures within tolerance")
