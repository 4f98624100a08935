"""Optimiser states that stall in 16 bits: a running mean that does not reach, or does not leave, its value.

v <- R(beta v + (1 - beta) x) with x constant. In exact arithmetic v goes to x. To nearest it stops as soon as
(1 - beta) |x - v| is no more than half a gap of the format: Adam's second moment (beta = 0.999) stops at a quarter of
its value in bfloat16, and never decays. Stochastic rounding has no such point.

Source: counting, which the study does in exact fractions; Zamirai et al. 2020 for what stochastic rounding does to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

import nfloat as nf

from ..formats.names import get_format
from ..runs.rows import Row, Value
from .checks import Check, exactly, within
from .plots import Panel, Plot, series_by
from .samples import mean_and_sd
from .selection import number, where
from .study import Study, check_counts, check_formats, check_names

_ROUNDINGS = ("nearest_even", "stochastic")
#: name of a case -> (start, x): a mean that is to grow to 1, one that is to decay
CASES = {"grows": (0.0, 1.0), "decays": (1.0, 0.0)}
#: (case, format) -> where 0.999 stops to nearest
_COUNTED = "half a gap, counted in fractions"


@dataclass(frozen=True)
class Params:
    """Formats, roundings, decay in thousandths, steps, stochastic runs side by side."""

    formats: tuple[str, ...] = ("bfloat16", "float16", "float32")
    roundings: tuple[str, ...] = _ROUNDINGS
    beta_thousandths: tuple[int, ...] = (900, 990, 999)
    steps: int = 5000
    runs: int = 200

    def __post_init__(self) -> None:
        check_formats(self, "formats", precision=24)
        check_names(self, "roundings", _ROUNDINGS)
        check_counts(self, "beta_thousandths", "steps", "runs")


@dataclass(frozen=True)
class Cell:
    """A running mean, `runs` times."""

    case: str
    format: str
    rounding: str
    beta_thousandths: int
    steps: int
    runs: int


def cells(params: Params) -> Iterator[Cell]:
    """Both cases of every format, rounding and decay."""
    for case in CASES:
        for fmt in params.formats:
            for rounding in params.roundings:
                for beta in params.beta_thousandths:
                    runs = params.runs if rounding == "stochastic" else 1
                    yield Cell(case, fmt, rounding, beta, params.steps, runs)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Mean and spread at the end; the exact mean; where an exact count says that nearest stops."""
    beta, (start, x) = cell.beta_thousandths / 1000, CASES[cell.case]
    stream = nf.Stream(seed).child("optimizer-state", cell.case, cell.format, cell.beta_thousandths)
    v, exact = np.full(cell.runs, start), start
    for step in range(cell.steps):
        # exact and rounded once: x is 0 or 1, so (1 - beta) x is no rounding
        bits = stream.child(step) if cell.rounding == "stochastic" else None
        v = nf.fma(beta, v, (1.0 - beta) * x, cell.format, cell.rounding, seed=bits)
        exact = beta * exact + (1.0 - beta) * x
    mean, sd = mean_and_sd(v.tolist())
    return {
        "value": mean,
        "sd": sd,
        "exact": exact,
        "stops": _counted(cell, beta) if cell.rounding == _ROUNDINGS[0] else None,
    }


def _counted(cell: Cell, beta: float) -> float:
    """The same in fractions, each rounded to nearest by counting gaps."""
    fmt, (start, x) = get_format(cell.format), CASES[cell.case]
    v, keep, take = Fraction(start), Fraction(beta), Fraction(1.0 - beta) * Fraction(x)
    for _ in range(cell.steps):
        after = _nearest(keep * v + take, fmt.precision, fmt.emin)
        if after == v:
            break
        v = after
    return float(v)


def _nearest(value: Fraction, precision: int, emin: int) -> Fraction:
    """To nearest, ties to even, without an upper end."""
    if value == 0:
        return value
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    exponent -= _power(exponent) > value
    gap = _power(max(exponent, emin) - precision + 1)
    return round(value / gap) * gap


def _power(exponent: int) -> Fraction:
    return Fraction(2**exponent) if exponent >= 0 else Fraction(1, 2**-exponent)


def checks(rows: Sequence[Row]) -> list[Check]:
    """Nearest stops where the count says, to the bit; stochastic means are unbiased."""
    found = []
    for row in rows:
        name = f"{row['format']}, beta 0.{row['beta_thousandths']}, {row['case']}"
        if row["stops"] is not None:
            found.append(exactly(f"{name}: nearest ends at", number(row, "value"), number(row, "stops"), _COUNTED))
        elif row["sd"] is not None:
            off = 4.5 * number(row, "sd") / math.sqrt(number(row, "runs")) + 1e-6
            found.append(
                within(f"{name}: stochastic mean", number(row, "value"), number(row, "exact"), "unbiased", absolute=off)
            )
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """Where bfloat16 stops."""
    found = []
    for row in where(rows, format="bfloat16", rounding="nearest_even", beta_thousandths=999):
        start, x = CASES[str(row["case"])]
        found.append(
            f"Adam's second moment in bfloat16, rounded to nearest, starts at {start:g} and should go to {x:g}: it "
            f"stops at {number(row, 'value'):g} (exact after {row['steps']} steps: {number(row, 'exact'):.3g})."
        )
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """The value at the end against the decay."""
    panels = []
    for case in dict.fromkeys(str(row["case"]) for row in rows):
        for rounding in _ROUNDINGS:
            some = where(rows, case=case, rounding=rounding)
            if some:
                lines = series_by(some, "format", "beta_thousandths", "value")
                panels.append(Panel(f"{case}, {rounding.replace('_', ' ')}", lines))
    if not panels:
        return []
    caption = "To nearest, slow means stop on the way or never start; stochastic ones arrive in every format."
    how = "The running mean after all steps; it should be 1 where it grows and near 0 where it decays."
    x = "beta in thousandths"
    return [Plot("ends", "Where a running mean ends", x, "value", panels, caption, how, log_x=False, log_y=False)]


STUDY = Study(
    name="optimizer-state",
    title="Optimiser states that stall in 16 bits",
    question="Does a momentum kept in 16 bits follow its gradients?",
    method="A running mean with decay beta is kept in the format while its input is constant, from 0 to 1 and from 1 "
    "to 0; where it stops is also counted in exact fractions.",
    sources=(
        "D. P. Kingma, J. Ba, Adam: a method for stochastic optimization, 2015 (arXiv:1412.6980)",
        "P. Zamirai et al., Revisiting BFloat16 training, 2020 (arXiv:2010.06192)",
    ),
    see="Adam's second moment in bfloat16 stops at a quarter of its value",
    seconds=14,
    params=Params(),
    small=Params(("bfloat16",), beta_thousandths=(900, 999), steps=60, runs=20),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
