"""``nfloat replay``: train to a step once more and write the tensors of that step, before and after rounding."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ._kinds import prepare
from ._output import json_option, print_json, print_table
from ._training import threads_option

if TYPE_CHECKING:
    from ..drift.replaying import Stored


@click.command(name="replay")
@click.argument("recipe")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), required=True, help="The config.toml of a drift run."
)
@click.option("--step", type=int, required=True, help="The step that is kept, counted from 0.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("trouble.npz"), show_default=True, help="Where to write."
)
@threads_option
@json_option
def command(recipe: str, config_file: Path, step: int, out: Path, threads: int | None, as_json: bool) -> None:
    """Train RECIPE as in a drift run, stop at a step, and write every tensor of that step into an .npz file.

    The table says of each rounding how many numbers there were, what share became zero or infinite, and how large they
    are. `nfloat drift` prints this command for the first trouble of a recipe. In Python, nf.drift.replay gives the
    tensors, and nfloat.drift.replaying.read_replay reads the file.

    \b
    Example:
      nfloat replay fp16-pure --config nfloat-drift/config.toml --step 0 --out trouble.npz
    """
    from ..drift.config import read_config
    from ..drift.replaying import replay

    prepare(config_file)
    kept = replay(read_config(config_file), recipe, step, threads=threads)
    kept.write(out)
    rows = [_facts(one) for one in kept.tensors]
    if as_json:
        print_json({"recipe": kept.recipe, "step": kept.step, "loss": kept.loss, "out": str(out), "tensors": rows})
        return
    print_table([{key: _shown(value) for key, value in row.items()} for row in rows], list(rows[0]))
    click.echo(f"\ntensors: {out}")


def _facts(one: Stored) -> dict[str, Any]:
    """What one rounding did."""
    from ..drift import metrics

    before, after = np.asarray(one.before, np.float64), np.asarray(one.after, np.float64)
    size = np.abs(before[np.isfinite(before) & (before != 0.0)])
    return {
        "layer": one.layer,
        "tensor": one.tensor,
        "format": one.format or None,
        "elements": before.size,
        "least": float(size.min()) if size.size else None,
        "greatest": float(size.max()) if size.size else None,
        "underflow": metrics.underflow(before, after),
        "overflow": metrics.overflow(before, after, float("inf")),
        "nan": metrics.not_a_number(after),
    }


def _shown(value: object) -> object:
    return f"{value:.3g}" if isinstance(value, float) else value
