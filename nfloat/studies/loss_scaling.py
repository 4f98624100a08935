"""Gradients below float16's smallest number, and loss scaling.

A loss multiplied by 2^-k (and the learning rate by 2^k, so that exact arithmetic would do the same) moves all gradients
down by k binades. float16 loses them, bfloat16 does not; a loss scale of 2^k brings them back, and one far too large
overflows, so that every update is left out.

Source: Micikevicius et al. 2018 (why gradients are lost, and scaling). The figures were first computed with an
independent float64 model that rounds explicitly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, at_least, exactly, within
from .plots import Panel, Plot, Series, series_by
from .selection import number, where
from .study import Study, check_names
from .trainings import means, mixed, train

_FORMATS = ("float64", "float16", "bfloat16")
_TOO_LARGE = 60


@dataclass(frozen=True)
class Params:
    """Binades by which the loss is moved down, formats of the compute, steps, runs."""

    shifts: tuple[int, ...] = (0, 14, 18, 20, 22)
    formats: tuple[str, ...] = _FORMATS
    steps: int = 1290
    runs: int = 1
    data: str = "digits"

    def __post_init__(self) -> None:
        check_names(self, "formats", _FORMATS)
        object.__setattr__(self, "shifts", tuple(self.shifts))


@dataclass(frozen=True)
class Cell:
    """Trainings with the loss times 2^-shift and a loss scale of 2^scale."""

    format: str
    shift: int
    scale: int
    steps: int
    runs: int
    data: str


def cells(params: Params) -> Iterator[Cell]:
    """float64; every format without a scale; float16 with the scale that undoes the shift, and with one too large."""
    rest = (params.steps, params.runs, params.data)
    for fmt in params.formats:
        for shift in (0,) if fmt == "float64" else params.shifts:
            yield Cell(fmt, shift, 0, *rest)
            if fmt == "float16" and shift:
                yield Cell(fmt, shift, shift, *rest)
    if "float16" in params.formats:
        yield Cell("float16", 0, _TOO_LARGE, *rest)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Loss at the end (of the unscaled loss), and updates left out; the numbers at which float16 gives 0."""
    recipe = nf.nn.recipe("float64")
    if cell.format != "float64":
        scaling = nf.nn.LossScaling.static(2.0**cell.scale) if cell.scale else None
        recipe = mixed(f"{cell.format} {cell.scale}", cell.format, loss_scaling=scaling)
    setting = nf.drift.Config(data=cell.data, steps=cell.steps, seeds=1)

    def moved(result: Any, labels: Any) -> Any:
        return nf.nn.cross_entropy(result, labels) * 2.0**-cell.shift

    rate = 2.0**cell.shift * setting.lr
    ends = [
        train(recipe, setting.replace(seed=seed + run), loss=moved, rate=lambda _: rate) for run in range(cell.runs)
    ]
    # the loss of the end is cross entropy, as `train` evaluates it
    tie = nf.round(np.array([2.0**-25, np.nextafter(2.0**-25, 1.0)]), "float16")
    return {**means(ends), "at_tie": float(tie[0]), "above_tie": float(tie[1])}


def checks(rows: Sequence[Row]) -> list[Check]:
    """The cliff, the rescue, and that bfloat16 needs none."""
    exact = [number(row, "loss") for row in where(rows, format="float64")]
    if not exact or rows[0]["steps"] != Params().steps or rows[0]["data"] != "digits":
        return []
    found = [
        exactly("float16 of 2^-25, a tie", number(rows[0], "at_tie"), 0.0, "IEEE 754"),
        exactly("float16 of the next number above 2^-25", number(rows[0], "above_tie"), 2.0**-24, "IEEE 754"),
    ]
    for row in rows:
        ratio, name = number(row, "loss") / exact[0], f"{row['format']}, loss times 2^-{row['shift']}"
        if row["scale"] == _TOO_LARGE:
            found.append(
                exactly(f"scale 2^{_TOO_LARGE}: updates left out", number(row, "skipped"), Params().steps, MODEL)
            )
        elif row["format"] == "bfloat16" or (row["scale"] and row["format"] == "float16"):
            found.append(within(f"{name}, scale 2^{row['scale']}: loss / float64", ratio, 1.0, MODEL, absolute=0.005))
        elif row["format"] == "float16" and number(row, "shift") >= 20:
            found.append(at_least(f"{name}: loss, which began near log 10", number(row, "loss"), 2.2, MODEL))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """Where float16 stops learning, and what brings it back."""
    lost = [row for row in where(rows, format="float16", scale=0) if number(row, "loss") > 1.0]
    found = []
    if lost:
        found.append(f"Without a scale float16 stops learning where the loss is multiplied by 2^-{lost[0]['shift']}.")
    back = [row for row in where(rows, format="float16") if row["scale"] == row["shift"] != 0]
    if back:
        losses = ", ".join(f"{number(row, 'loss'):.4f}" for row in back)
        found.append(f"With a loss scale that undoes it every loss is back: {losses}.")
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Loss against shift: a cliff in float16, flat lines elsewhere."""
    plain = [row for row in rows if row["scale"] == 0 and row["format"] != "float64"]
    lines = series_by(plain, "format", "shift", "loss")
    back = [row for row in where(rows, format="float16") if row["scale"] == row["shift"] != 0]
    lines += [Series("float16, scaled", [(number(row, "shift"), number(row, "loss")) for row in back])] if back else []
    lines += [Series("float64", [(0.0, number(row, "loss"))]) for row in where(rows, format="float64")]
    if not lines:
        return []
    caption = "float16 loses gradients, and with them everything, from some binade on; a scale or more range avoids it."
    how = "Training loss at the end; the learning rate undoes the factor, so exact arithmetic would draw one flat line."
    title, x = "Training loss when the loss is made small", "loss multiplied by 2^-k, k"
    return [Plot("cliff", title, x, "training loss", [Panel("", lines)], caption, how, log_x=False)]


STUDY = Study(
    name="loss-scaling",
    title="Small gradients in float16, and loss scaling",
    question="When are float16's gradients lost, and does scaling the loss bring them back?",
    method="Digits, 64-64-10, SGD, 30 epochs, with float32 master weights and compute in float16 or bfloat16; the loss "
    "is multiplied by 2^-k and the learning rate by 2^k.",
    sources=("P. Micikevicius et al., Mixed precision training, ICLR 2018 (arXiv:1710.03740)",),
    see="float16 stops learning 20 binades down, and a loss scale brings it back",
    seconds=30,
    params=Params(),
    small=Params((0, 20), ("float64", "float16"), 4, 1, "blobs"),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
