"""``nfloat search``: the cheapest recipe whose loss stays within a budget of float64's."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._errors import Exit, Incomplete
from ._output import json_option, print_json, print_table, write_page
from ._progress import Progress
from ._training import changed, configured, folder_options, given_of, training_options

if TYPE_CHECKING:
    from ..drift.cheapest.answer import Answer
    from ..drift.cheapest.question import Search


@click.command(name="search")
@training_options
@click.option("--budget", type=float, help="The loss gap that is allowed, as a share of the loss.  [default: 0.01]")
@click.option("--against", help="The recipe with which the cost is compared.  [default: bf16-mixed]")
@click.option("--formats", help="Comma-separated: what tensors may be stored in.  [default: 16- and 8-bit ones]")
@click.option(
    "--operands", help="Comma-separated: what operands of products may be rounded to.  [default: 8 and 4 bits]"
)
@click.option("--layers/--no-layers", default=None, help="Whether layers may differ.  [default: layers]")
@click.option("--trials", type=int, help="So many recipes are tried at most.  [default: 60]")
@folder_options("nfloat-search", config="a search's config.toml", run="search")
@json_option
def command(
    config_file: Path | None, out: Path, overwrite: bool, threads: int | None, as_json: bool, **options: Any
) -> None:
    """Find the cheapest recipe whose final training loss is within a budget of float64's.

    Cost is what a training step moves and keeps in memory, in bits. From the cheapest of --recipes that is within the
    budget, one tensor after the other is narrowed, for all layers and then for single ones, as long as the loss holds;
    the answer is judged once more on seeds of its own. Writes recipe.toml (which --recipes takes), report.html,
    rows.jsonl and config.toml. Running the same again goes on where it was interrupted. Ends in exit code 1 if no
    recipe is within the budget.

    \b
    Examples:
      nfloat search --out found
      nfloat search --budget 0.05 --steps 300 --seeds 3 --out quick
      nfloat drift --recipes found/recipe.toml,bf16-mixed --out judged
      nfloat search --config found/config.toml --out again
    """
    from ..drift.cheapest.answer import RECIPE

    search = _search(config_file, options)
    answer = _run(search, out, overwrite, threads)
    page = write_page(answer, out / "report.html")
    if as_json:
        print_json({**_facts(answer), "out": str(out), "report": None if page is None else str(page)})
    else:
        _print(answer)
        click.echo(f"\npage: {page}" if page else f"\nrows: {out / 'rows.jsonl'}")
        if answer.recipe is not None:
            click.echo(f"recipe: {out / RECIPE}")
    if answer.recipe is None:
        raise click.exceptions.Exit(Exit.CHECK_FAILED)


def _search(config_file: Path | None, options: dict[str, Any]) -> Search:
    """The search that file and options describe."""
    from ..drift.cheapest.question import Search, read_search

    own = {key: options.pop(key) for key in [f.name for f in fields(Search)] if key in options}
    own = {key: value for key, value in own.items() if value is not None}
    for key in ("formats", "operands"):
        if key in own:
            own[key] = tuple(name.strip() for name in own[key].split(",") if name.strip())
    if config_file is None:
        return Search(run=configured(None, options), **own)
    search = read_search(config_file)
    return replace(search, run=changed(search.run, given_of(options)), **own)


def _run(search: Search, out: Path, overwrite: bool, threads: int | None) -> Answer:
    from ..drift.cheapest.search import run_search

    try:
        with Progress(search.trials * search.run.seeds, 1) as progress:

            def report(name: str, trained: int) -> None:
                progress(f"training {trained}, {name}", 1)

            return run_search(search, out, overwrite=overwrite, threads=threads, progress=report)
    except KeyboardInterrupt:
        again = f"nfloat search --config {out / 'config.toml'} --out {out}"
        raise Incomplete(f"interrupted; what was tried is in {out / 'rows.jsonl'}; go on with: {again}") from None


def _facts(answer: Answer) -> dict[str, Any]:
    """What was found."""
    found = answer.confirmation
    trials = [
        {"stage": t.question.stage, "recipe": t.question.name, "cost": t.cost.total, **t.judgement._asdict()}
        for t in answer.trials
    ]
    return {
        "recipe": answer.recipe,
        "cost": None if answer.cost is None else answer.cost.total,
        "against": answer.against.total,
        "ratio": answer.ratio,
        "gap": None if found is None else found.gap,
        "bound": None if found is None else found.bound,
        "trials": trials,
    }


def _print(answer: Answer) -> None:
    """A line per trial, then the answer."""
    from ..report.wording import signed_share

    rows = []
    for trial in answer.trials:
        found = trial.judgement
        gap, bound = ("-" if v is None else signed_share(v).replace(" ", "") for v in (found.gap, found.bound))
        words = trial.question.words if trial.question.stage == "narrow" else trial.question.name
        short = words if len(words) <= 44 else f"{words[:41]}..."
        verdict = "within" if found.within else "beyond"
        rows.append({"stage": trial.question.stage, "tried": short, "cost": f"{trial.cost.total:.0f}", "gap": gap,
                     "at most": bound, "budget": verdict})  # fmt: skip
    print_table(rows, ("stage", "tried", "cost", "gap", "at most", "budget"), right=("cost", "gap", "at most"))
    if answer.recipe is None:
        click.echo(f"\nno recipe was confirmed within {answer.config.budget:g}")
    else:
        click.echo(f"\n{answer.recipe}\n{answer.ratio:.3g} times cheaper than {answer.config.against}")
