"""``nfloat drift``: the main job. Train under several precisions beside float64, print a table, write rows, a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._errors import Exit, Incomplete
from ._junit import write_junit
from ._output import json_option, print_json, print_table, write_page
from ._progress import Progress
from ._training import configured, folder_options, training_options

if TYPE_CHECKING:
    from ..drift import Budget, Result
    from ..drift.comparison import Comparison

#: columns of the table: key of the summary -> head
COLUMNS = {
    "recipe": "recipe",
    "train_loss": "loss",
    "effect": "vs fp64",
    "detectable": "min",
    "test_error": "test",
    "path_distance": "path",
    "stagnation": "lost",
    "overflow": "over",
    "verdict": "verdict",
}


@click.command(name="drift")
@training_options
@click.option("--torch", help="A PyTorch model: module:function (here or on Python's path), as of nfloat.torch.drift.")
@click.option("--ablate", help="Which recipes to explain by more trainings: none, worse, all.  [default: worse]")
@click.option("--every", type=int, help="Measure the layers at every so many steps.  [default: 30]")
@click.option(
    "--attribute/--no-attribute", default=None, help="Measure which rounding makes which error.  [default: attribute]"
)
@click.option(
    "--record", help="Comma-separated patterns of the roundings and sums to measure, as *.grad,0 weight*.  [default: *]"
)
@folder_options("nfloat-drift", config="a config.toml", run="run")
@click.option("--fail-on", help="Comma-separated verdicts that end in exit code 1, as worse,diverged.")
@click.option(
    "--budget", "budget_file", type=click.Path(path_type=Path), help="A TOML file of limits; exit code 1 beyond them."
)
@click.option("--junit", type=click.Path(path_type=Path), help="Write a JUnit XML file, a test case per recipe.")
@json_option
def command(
    config_file: Path | None,
    out: Path,
    overwrite: bool,
    threads: int | None,
    fail_on: str | None,
    budget_file: Path | None,
    junit: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a small network under several precisions, each beside its float64 twin, and measure how far each drifts.

    Every recipe runs from several seeds, and so does float64, as it is and moved a little at its start: a recipe is
    worse or better only where its loss differs by more than chance. Prints a table (vs fp64: the change of the loss
    over all seeds; min: the least change that would have been found) and writes into the folder: report.html (the page
    to look at), rows.jsonl (every measurement), config.toml (runs it again, to the bit) and provenance.json (when,
    where, with what). Running the same again goes on where it was interrupted. The default takes about a minute; before
    it begins, every run says about how long it will take. Defaults are those of an mlp; the other models are narrower
    and train for fewer steps (width 32, steps 320, every 40; cnn lr 0.01; transformer and lstm batch 16, adam, lr
    0.003).

    As a gate: --fail-on names verdicts, --budget a file of limits (fail_on, loss_gap, path_ratio, overflow, underflow,
    stagnation, skipped, trouble; a table [recipes.NAME] has a recipe's own), --junit writes what a CI system shows. A
    recipe beyond them ends in exit code 1, after everything is written.

    \b
    Examples:
      nfloat drift --out out
      nfloat drift --recipes float32,bf16-pure,bf16-pure-kahan --steps 300 --seeds 3 --out short
      nfloat drift --recipes bf16-mixed,bf16-mixed+weights=float8_e4m3fn:stochastic --out fp8
      nfloat drift --build mymodels:small --recipes bf16-mixed,fp16-mixed --out own
      nfloat drift --config out/config.toml --threads 1 --out again
      nfloat drift --recipes bf16-mixed --fail-on worse,diverged --junit drift.xml --out gate
    """
    budget = _budget(fail_on, budget_file)
    config = configured(config_file, options)
    if junit is not None:  # before the run, not after it
        junit.parent.mkdir(parents=True, exist_ok=True)
    result = _run(config, out, overwrite, threads)
    if not as_json:
        _print(result, out)
    page = write_page(result, out / "report.html")
    breaches = [] if budget is None else result.breaches(budget)
    if as_json:
        facts = {"summary": result.summary, "rows": len(result.rows), "out": str(out)}
        facts |= {"report": None if page is None else str(page)}
        print_json(facts if budget is None else {**facts, "breaches": [breach._asdict() for breach in breaches]})
    else:
        click.echo(f"\npage: {page}" if page else f"\nrows: {out / 'rows.jsonl'}")
    if junit is not None:
        write_junit(junit, "nfloat drift", [item["recipe"] for item in result.summary], breaches)
    for breach in breaches:
        click.echo(f"nfloat: {breach}", err=True)
    if breaches:
        raise click.exceptions.Exit(Exit.CHECK_FAILED)


def _budget(fail_on: str | None, file: Path | None) -> Budget | None:
    """The budget of the options; None where nothing is asked for."""
    from ..drift.budget import Budget, read_budget

    if fail_on is None and file is None:
        return None
    budget = Budget() if file is None else read_budget(file)
    if fail_on is None:
        return budget
    return replace(budget, fail_on=tuple(word.strip() for word in fail_on.split(",") if word.strip()))


def _run(config: Comparison, out: Path, overwrite: bool, threads: int | None) -> Result:
    from ..drift.experiment import run

    try:
        with Progress(len(config.recipes) + 2, config.steps) as progress:  # the twin, and the other seeds
            how: dict[str, Any] = {"threads": threads, "progress": progress, "announce": progress.note}
            return run(config, out=out, overwrite=overwrite, **how)
    except KeyboardInterrupt:
        if not (out / "rows.jsonl").exists():
            raise Incomplete("interrupted before the first row; nothing was written") from None
        again = f"nfloat drift --config {out / 'config.toml'} --out {out}"
        raise Incomplete(f"interrupted; the rows so far are in {out / 'rows.jsonl'}; go on with: {again}") from None


def _print(result: Result, out: Path) -> None:
    """The table, in 80 columns; where trouble began, and what the ablation says."""
    summary: list[dict[str, Any]] = [dict(item) for item in result.summary]
    rows = [{head: _cell(key, item[key]) for key, head in COLUMNS.items()} for item in summary]
    print_table(rows, list(COLUMNS.values()), right=list(COLUMNS.values())[1:])
    _print_causes(result, out)


def _print_causes(result: Result, out: Path) -> None:
    """A line per recipe and question that has an answer."""
    from ..drift.page.findings import diverging, trouble_words, twin_words
    from ..drift.trouble import replay_command
    from ..report.wording import listed, share

    lines = [twin] if (twin := twin_words(result)) else []
    lines += [
        f"{item['recipe']}: first trouble at {trouble_words(item, result.config.optimizer_name)}"
        for item in result.summary
        if item["first_trouble"] is not None
    ]
    for name in result.config.recipes:
        alone = [effect for effect in result.ablation(name) if effect.how == "only"]
        layers = [effect for effect in result.layer_ablation(name) if effect.how == "only"]
        if alone and alone[0].loss is None:
            lines.append(f"{name}, one place rounded: {diverging(result.ablation(name))}")
            continue
        top = [f"{effect.place} {share(effect.share)}" for effect in (*alone[:2], *layers[:2]) if effect.share]
        lines += [f"{name}: of the change of its loss alone make {listed(top)}"] if top else []
    for item in result.summary:
        if item["first_trouble"] is not None:
            command = replay_command(str(out / "config.toml"), item["recipe"], item["first_trouble"])
            lines.append(f"{item['recipe']}: its tensors at first trouble: {command}")
    for line in (f"\n{line}" if place == 0 else line for place, line in enumerate(lines)):
        click.echo(line)


def _cell(key: str, value: Any) -> str:
    """A summary's entry in a few characters: shares in per cent."""
    from ..report.wording import share, signed_share

    if value is None or isinstance(value, str):
        return value or "-"
    if key == "train_loss":
        return f"{value:.4f}" if not abs(value) >= 1e5 else f"{value:.4g}"
    return (signed_share(value) if key == "effect" else share(value)).replace(" ", "")
