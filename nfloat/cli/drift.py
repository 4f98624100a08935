"""``nfloat drift``: the main job. Train under several precisions beside float64, print a table, write rows, a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._errors import Incomplete
from ._output import json_option, print_json, print_table, write_page
from ._progress import Progress

if TYPE_CHECKING:
    from ..drift import Config, Result

#: columns of the table: key of the summary -> head
COLUMNS = {
    "recipe": "recipe",
    "train_loss": "loss",
    "loss_ratio": "vs fp64",
    "test_error": "test",
    "path_distance": "path",
    "grad_error": "grad err",
    "stagnation": "lost",
    "underflow": "underfl",
    "verdict": "verdict",
}


@click.command(name="drift")
@click.option(
    "--data",
    help='"digits", "blobs", or a .npz (arrays x, y) or .csv (class in the last column) file.  [default: digits]',
)
@click.option("--model", help="The model.  [default: mlp]")
@click.option("--width", type=int, help="Units of a hidden layer.  [default: 64]")
@click.option("--depth", type=int, help="Hidden layers.  [default: 1]")
@click.option("--recipes", help="Comma-separated names; NAME+field=value changes one.  [default: eight recipes]")
@click.option("--steps", type=int, help="Updates of each run.  [default: 1290]")
@click.option("--seed", type=int, help="Drives initial weights, batches, stochastic rounding.  [default: 0]")
@click.option("--optimizer", help="sgd, momentum, rmsprop, lion, adam or adamw.  [default: sgd]")
@click.option("--lr", type=float, help="Learning rate.  [default: 0.02]")
@click.option("--batch", type=int, help="Examples of a step.  [default: 32]")
@click.option("--every", type=int, help="Measure the layers at every so many steps.  [default: 20]")
@click.option(
    "--attribute/--no-attribute", default=None, help="Measure which rounding makes which error.  [default: attribute]"
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="Take all this from a config.toml; other options go over it.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("nfloat-drift"),
    show_default=True,
    help="Folder for the results.",
)
@click.option("--overwrite", is_flag=True, help="Replace what another run left in that folder.")
@click.option("--threads", type=int, help="Threads of a matrix product; changes no bit.")
@json_option
def command(
    config_file: Path | None, out: Path, overwrite: bool, threads: int | None, as_json: bool, **options: Any
) -> None:
    """Train a small network under several precisions, each beside its float64 twin, and measure how far each drifts.

    Prints a table and writes into the folder: report.html (the page to look at), rows.jsonl (every measurement),
    config.toml (runs it again, to the bit) and provenance.json (when, where, with what). Running the same again goes
    on where it was interrupted. The default takes about half a minute.

    \b
    Examples:
      nfloat drift --out out
      nfloat drift --recipes float32,bf16-pure,bf16-pure-kahan --steps 300 --seed 1 --out short
      nfloat drift --recipes bf16-mixed,bf16-mixed+weights=float8_e4m3fn:stochastic --out fp8
      nfloat drift --config out/config.toml --threads 1 --out again
    """
    config = _config(config_file, options)
    if threads is not None and threads < 1:
        raise click.UsageError(f"threads={threads} must be at least 1", click.get_current_context())
    result = _run(config, out, overwrite, threads)
    if not as_json:
        _print(result)
    page = write_page(result, out / "report.html")
    if as_json:
        report = None if page is None else str(page)
        print_json({"summary": result.summary, "rows": len(result.rows), "out": str(out), "report": report})
    else:
        click.echo(f"\npage: {page}" if page else f"\nrows: {out / 'rows.jsonl'}")


def _config(config_file: Path | None, options: dict[str, Any]) -> Config:
    """The configuration that file and options describe; an option that was not given changes nothing."""
    from ..drift.config import Config, read_config

    given = {key: value for key, value in options.items() if value is not None}
    if "recipes" in given:
        given["recipes"] = tuple(name.strip() for name in given["recipes"].split(",") if name.strip())
    return Config(**given) if config_file is None else read_config(config_file).replace(**given)


def _run(config: Config, out: Path, overwrite: bool, threads: int | None) -> Result:
    from ..drift.experiment import run

    try:
        with Progress(len(config.recipes) + 1, config.steps) as progress:  # the twin is one more
            return run(config, out=out, overwrite=overwrite, threads=threads, progress=progress)
    except KeyboardInterrupt:
        if not (out / "rows.jsonl").exists():
            raise Incomplete("interrupted before the first row; nothing was written") from None
        again = f"nfloat drift --config {out / 'config.toml'} --out {out}"
        raise Incomplete(f"interrupted; the rows so far are in {out / 'rows.jsonl'}; go on with: {again}") from None


def _print(result: Result) -> None:
    """The table, in 80 columns."""
    summary: list[dict[str, Any]] = [dict(item) for item in result.summary]
    rows = [{head: _cell(key, item[key]) for key, head in COLUMNS.items()} for item in summary]
    print_table(rows, list(COLUMNS.values()), right=list(COLUMNS.values())[1:])


def _cell(key: str, value: float | str | None) -> str:
    """A summary's entry in a few characters: shares in per cent, the gradient's error as a power of ten."""
    from ..report.wording import share, signed_share

    if value is None or isinstance(value, str):
        return value or "-"
    if key == "train_loss":
        return f"{value:.4f}"
    if key == "grad_error":
        return f"{value:.1e}"
    return (signed_share(value - 1.0) if key == "loss_ratio" else share(value)).replace(" ", "")
