"""16-bit fixed point: training that rounds to nearest fails, stochastic rounding learns as well as floating point.

Weights, activations, gradients and updates are signed fixed point of 16 bits, saturating, with wide sums. An update of
less than half a step is nothing to nearest; stochastic rounding does not update more often, but without bias.

Source: Gupta et al. 2015 (16 bits with stochastic rounding lose little or nothing; nearest fails), on MNIST. There, at
rate 0.1, an independent float64 model gave at least 60 % error to nearest with 8 and 10 fraction bits, and stochastic
within 3 points of floating point: ``--set 'data="mnist5k"' --set rate=0.1 --set steps=600`` (extra ``data``).

The defaults are another experiment, since they need no further package: 8 x 8 digits, whose gradients are larger, so
that nearest learns them at rate 0.1. At 0.01 it loses them with 8 fraction bits, and a part of them with 10. What fails
is an update below half a step, and not a data set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import nfloat as nf

from ..formats.names import get_format
from ..runs.rows import Row, Value
from .checks import MODEL, Check, at_least, at_most
from .plots import Panel, Plot, Series
from .selection import distinct, number, where
from .study import Study, check_counts, check_names
from .trainings import everywhere, means, train

_GUPTA = "Gupta et al. 2015"
_ROUNDINGS = ("nearest_even", "stochastic")
#: data -> examples of a batch, batches of an epoch; 15 epochs of the digits are 750 steps, of MNIST's 4000 images 600
_BATCHES = {"digits": (28, 50), "mnist5k": (100, 40), "blobs": (28, 50)}
#: (data, steps, rate) for which figures are known
_MNIST = ("mnist5k", 600, 0.1)
_KNOWN = (("digits", 750, 0.01), _MNIST)


@dataclass(frozen=True)
class Params:
    """Fraction bits, roundings, hidden layers and their units, steps, runs of each."""

    fractions: tuple[int, ...] = (8, 10)
    roundings: tuple[str, ...] = _ROUNDINGS
    width: int = 128
    depth: int = 2
    steps: int = 750
    runs: int = 1
    rate: float = 0.01
    data: str = "digits"

    def __post_init__(self) -> None:
        check_names(self, "roundings", _ROUNDINGS)
        check_names(self, "data", _BATCHES)
        check_counts(self, "fractions", "width", "depth", "steps", "runs")
        for bits in self.fractions:
            get_format(f"fixed16.{bits}")


@dataclass(frozen=True)
class Cell:
    """`runs` trainings."""

    format: str
    rounding: str
    width: int
    depth: int
    steps: int
    runs: int
    rate: float
    data: str


def cells(params: Params) -> Iterator[Cell]:
    """float64, then every fixed point."""
    rest = (params.width, params.depth, params.steps, params.runs, params.rate, params.data)
    yield Cell("float64", "nearest_even", *rest)
    for bits in params.fractions:
        for rounding in params.roundings:
            yield Cell(f"fixed16.{bits}", rounding, *rest)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Loss and test error, the share of updates lost."""
    recipe = nf.nn.recipe("float64")
    if cell.format != "float64":
        recipe = everywhere(f"{cell.format} {cell.rounding}", f"{cell.format}:{cell.rounding}")
    setting = nf.drift.Config(
        data=cell.data,
        width=cell.width,
        depth=cell.depth,
        steps=cell.steps,
        batch=_BATCHES[cell.data][0],
        lr=cell.rate,
        seeds=1,
    )
    ends = [
        train(recipe, setting.replace(seed=seed + run), rate=lambda step: cell.rate * _falling(step, cell.data))
        for run in range(cell.runs)
    ]
    return dict(means(ends))


def _falling(step: int, data: str) -> float:
    """0.95 to the number of the epoch."""
    factor = 1.0
    for _ in range(step // _BATCHES[data][1]):
        factor *= 0.95
    return factor


def checks(rows: Sequence[Row]) -> list[Check]:
    """Nearest fails, stochastic is within three points of float64; both lose as many updates."""
    found: list[Check] = []
    exact = where(rows, format="float64")
    setting = (exact[0]["data"], exact[0]["steps"], exact[0]["rate"]) if exact else None
    if setting not in _KNOWN:
        return found
    whole_fails = ("fixed16.8", "fixed16.10") if setting == _MNIST else ("fixed16.8",)
    source = f"{_GUPTA}; {MODEL}" if setting == _MNIST else f"as {_GUPTA} on MNIST"
    for row in rows:
        error = 100 * number(row, "test_error")
        name = f"{row['format']}, {row['rounding']}"
        if row["format"] in whole_fails and row["rounding"] == "nearest_even":
            found.append(at_least(f"{name}: test error in %", error, 60.0, source))
        elif row["format"] == "fixed16.10" and row["rounding"] == "nearest_even":
            off = error - 100 * number(exact[0], "test_error")
            found.append(at_least(f"{name}: points above float64's error", off, 10.0, source))
        elif row["rounding"] == "stochastic":
            off = error - 100 * number(exact[0], "test_error")
            found.append(at_most(f"{name}: points above float64's error", off, 3.0, source))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """Errors, and the shares of updates lost."""
    found = []
    for fmt in distinct(rows, "format"):
        told = [f"{row['rounding']} {100 * number(row, 'test_error'):.1f} %" for row in where(rows, format=fmt)]
        found.append(f"Test error in {fmt}: {', '.join(told)}.")
        lost = [row for row in where(rows, format=fmt) if row["stagnation"] is not None and fmt != "float64"]
        if len(lost) == 2:
            shares = " and ".join(f"{number(row, 'stagnation'):.2f} ({row['rounding']})" for row in lost)
            found.append(f"Updates that {fmt} loses: {shares}; unbiased rounding, not more updates, is the repair.")
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Error by fraction bits, a line per rounding."""
    lines = []
    for rounding in _ROUNDINGS:
        fixed = [row for row in where(rows, rounding=rounding) if row["format"] != "float64"]
        found = [(float(str(row["format"]).split(".")[1]), 100 * number(row, "test_error")) for row in fixed]
        lines += [Series(rounding, found)] if found else []
    for row in where(rows, format="float64"):
        ends = [x for line in lines for x, _ in line.points] or [8.0, 10.0]
        error = 100 * number(row, "test_error")
        lines.append(Series("float64", [(min(ends), error), (max(ends), error)]))
    if not lines:
        return []
    caption = "Nearest loses updates and what they teach; stochastic rounding learns as float64 does."
    how = "Test error after training with every tensor in signed fixed point of 16 bits, saturating, sums wide."
    title = "Test error in 16-bit fixed point"
    return [Plot("error", title, "fraction bits", "test error in %", [Panel("", lines)], caption, how, log_x=False)]


STUDY = Study(
    name="fixed-point-sr",
    title="16-bit fixed point needs stochastic rounding",
    question="Can a network be trained with every number in 16-bit fixed point?",
    method="A network with two hidden layers of 128 on digits, rate 0.01 falling by 5 % an epoch, 15 epochs; weights, "
    "activations, gradients and updates in signed fixed point of 16 bits, rounded to nearest or stochastically.",
    sources=("S. Gupta et al., Deep learning with limited numerical precision, ICML 2015 (arXiv:1502.02551)",),
    see="Nearest learns nothing in 16-bit fixed point, stochastic all",
    seconds=8,
    params=Params(),
    small=Params((8,), width=8, depth=1, steps=5, runs=1, data="blobs"),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
