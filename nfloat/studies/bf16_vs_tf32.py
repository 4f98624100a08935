"""bfloat16 against tfloat32 and float16 in training: eight times the gradient error, and no difference in the loss.

Gradients of a deep network are off by as many units roundoff in each format, so that bfloat16's error is eight times
tfloat32's; with float32 master weights and sums, the loss at the end does not show it.

Source: NVIDIA's TF32 post 2021 (what the mode is), and its open question whether the difference matters. The figures
were first computed with an independent float64 model that rounds explicitly. ``input_formats.py`` has the products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, between, within
from .plots import Panel, Plot, Series
from .samples import draw
from .selection import number, where
from .study import Study, check_counts, check_formats
from .trainings import everywhere, mixed, train

#: format -> limits of the relative error of a deep network's gradients; e8m3 and e8m2 are FP8's precisions with
#: bfloat16's range, since unscaled gradients are below FP8's own
GRADIENTS = {
    "tfloat32": (1e-3, 5e-3),
    "float16": (1e-3, 5e-3),
    "bfloat16": (1e-2, 4e-2),
    "e8m3": (0.1, 0.8),
    "e8m2": (0.2, 1.5),
}


@dataclass(frozen=True)
class Params:
    """Formats of the gradients, the network's depth and width, examples; formats trained, steps."""

    formats: tuple[str, ...] = tuple(GRADIENTS)
    depth: int = 12
    width: int = 64
    examples: int = 128
    trained: tuple[str, ...] = ("float64", "tfloat32", "float16", "bfloat16")
    steps: int = 1290
    data: str = "digits"

    def __post_init__(self) -> None:
        check_formats(self, "formats", "trained")
        check_counts(self, "depth", "width", "examples", "steps")


@dataclass(frozen=True)
class Cell:
    """Gradients of a network at its start, or a training."""

    what: str
    format: str
    depth: int
    width: int
    count: int
    data: str


def cells(params: Params) -> Iterator[Cell]:
    """Gradients, then trainings."""
    for fmt in params.formats:
        yield Cell("gradients", fmt, params.depth, params.width, params.examples, "normal")
    for fmt in params.trained:
        yield Cell("training", fmt, 1, 64, params.steps, params.data)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Relative error of all gradients, 1 - cosine of the first layer's; or the loss at the end."""
    if cell.what == "training":
        recipe = nf.nn.recipe("float64") if cell.format == "float64" else mixed(cell.format, cell.format)
        end = train(recipe, nf.drift.Config(data=cell.data, steps=cell.count, seed=seed, seeds=1))
        return {"error": None, "first_layer": None, "loss": end.loss}
    stream = nf.Stream(seed).child("bf16-vs-tf32")
    x = draw("normal", (cell.count, cell.width), stream.child("x"))
    labels = np.arange(cell.count) % 10
    model = _network(cell.depth, cell.width)
    model.init(seed=np.random.default_rng(stream.child("weights").key))
    recipe = everywhere(cell.format, cell.format)
    with nf.nn.precision(recipe):
        nf.nn.store(model.parameters())
    exact = nf.nn.gradients(model, x, labels)[1]
    rounded = nf.nn.gradients(model, x, labels, recipe)[1]
    every = [np.concatenate([np.float64(of[name]).ravel() for name in exact]) for of in (rounded, exact)]
    first = nf.drift.metrics.cosine(rounded["0.weight"], exact["0.weight"])
    return {
        "error": nf.drift.metrics.relative_error(*every),
        "first_layer": None if first is None else 1.0 - first,
        "loss": None,
    }


def _network(depth: int, width: int) -> Any:
    layers: list[Any] = []
    for _ in range(depth):
        layers += [nf.nn.Linear(width, width), nf.nn.Tanh()]
    return nf.nn.Sequential(*layers, nf.nn.Linear(width, 10))


def checks(rows: Sequence[Row]) -> list[Check]:
    """Limits of the gradients' errors, the factor of eight, and equal losses."""
    found = []
    errors = {
        str(row["format"]): number(row, "error") for row in where(rows, what="gradients") if row["error"] is not None
    }
    deep = [row for row in where(rows, what="gradients") if row["depth"] == Params().depth]
    for fmt, error in errors.items():
        if deep and fmt in GRADIENTS:
            found.append(between(f"{fmt}: relative error of the gradients", error, *GRADIENTS[fmt], MODEL))
    if deep and {"bfloat16", "tfloat32"} <= set(errors):
        ratio = errors["bfloat16"] / errors["tfloat32"]
        found.append(within("gradients: bfloat16 / tfloat32", ratio, 8.0, "3 bits: 2³", relative=0.25))
    loss = {str(row["format"]): number(row, "loss") for row in where(rows, what="training")}
    trained = where(rows, what="training", data="digits")
    if trained and trained[0]["count"] == Params().steps and "float64" in loss:
        for fmt in ("tfloat32", "float16", "bfloat16"):
            if fmt in loss:
                ratio = loss[fmt] / loss["float64"]
                found.append(within(f"{fmt} with master weights: loss / float64", ratio, 1.0, MODEL, absolute=0.005))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """Errors against losses."""
    errors = [f"{row['format']} {number(row, 'error'):.2g}" for row in where(rows, what="gradients")]
    losses = [f"{row['format']} {number(row, 'loss'):.4f}" for row in where(rows, what="training")]
    found = [f"Relative errors of a deep network's gradients: {', '.join(errors)}."] if errors else []
    return found + ([f"Losses after training with master weights: {', '.join(losses)}."] if losses else [])


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Error against precision."""
    lines = []
    for row in where(rows, what="gradients"):
        p = float(nf.get_format(str(row["format"])).precision)
        lines.append(Series(str(row["format"]), [(p, number(row, "error"))]))
    if not lines:
        return []
    caption = "The error halves with every bit; range plays no part at this scale of gradients."
    how = "Relative error of all gradients of a deep tanh network at its start, every tensor rounded to the format."
    title, x = "Error of the gradients by precision", "significand bits p"
    return [Plot("gradients", title, x, "relative error", [Panel("", lines)], caption, how, log_x=False)]


STUDY = Study(
    name="bf16-vs-tf32",
    title="bfloat16, tfloat32 and float16 in training",
    question="Does it matter that bfloat16 has three bits less than tfloat32?",
    method="Gradients of a tanh network with 12 hidden layers, every tensor rounded, against float64 at the same "
    "weights; then digits trained with float32 master weights in each format.",
    sources=(
        "NVIDIA, Accelerating AI training with NVIDIA TF32 tensor cores, 2021",
        "D. Kalamkar et al., A study of BFLOAT16 for deep learning training, 2019 (arXiv:1905.12322)",
    ),
    see="Eight times the gradient's error, and the same loss",
    seconds=6,
    params=Params(),
    small=Params(("tfloat32", "bfloat16"), 2, 8, 16, ("float64",), 3, "blobs"),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
