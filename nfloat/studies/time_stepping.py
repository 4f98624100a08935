"""Time stepping beyond neural networks: the heat equation in NumPy code, every operation rounded.

u_t = u_xx + 1 on (0, 1), u = 0 at both ends, from u = 0: explicit Euler goes to x (1 - x) / 2. The steps become small
as u comes near, and to nearest they are lost once below half a gap of u: the computation stops early, at a wrong steady
state. Stochastic rounding goes on, and its error stays near the format's own. (With h a power of two the steady state
is made of the format's own numbers, and whatever reaches it stays: the numbers of points avoid that.)

The code is plain NumPy on `FloatArray`s; the format, and the way of rounding, are the arrays'.

Source: Croci and Giles 2022 (stagnation of the heat equation to nearest, and that stochastic rounding resolves it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import Check, at_least, at_most
from .plots import Panel, Plot, series_by
from .samples import mean_and_sd
from .selection import distinct, number, where
from .study import Study, check_counts, check_formats, check_names

_ROUNDINGS = ("nearest_even", "stochastic")
_CROCI = "Croci and Giles 2022"


@dataclass(frozen=True)
class Params:
    """Formats, roundings, numbers of inner points, runs."""

    formats: tuple[str, ...] = ("bfloat16", "float16", "float32")
    roundings: tuple[str, ...] = _ROUNDINGS
    points: tuple[int, ...] = (12, 24)
    runs: int = 10

    def __post_init__(self) -> None:
        check_formats(self, "formats", precision=24)
        check_names(self, "roundings", _ROUNDINGS)
        check_counts(self, "points", "runs")


@dataclass(frozen=True)
class Cell:
    """`runs` computations side by side."""

    format: str
    rounding: str
    points: int
    runs: int


def cells(params: Params) -> Iterator[Cell]:
    """Every format, rounding and grid."""
    for fmt in params.formats:
        for rounding in params.roundings:
            for points in params.points:
                yield Cell(fmt, rounding, points, params.runs if rounding == "stochastic" else 1)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Greatest difference from float64 at the end over the greatest value: of the runs, and of their mean."""
    h = 1.0 / (cell.points + 1)
    steps = (
        3 * (cell.points + 1) * (cell.points + 1)
    )  # three times the time in which a quarter of h^2 a step reaches the end
    u = _heat(cell, steps, h, nf.Stream(seed).child("time-stepping", cell.format, cell.points))
    exact = _heat(Cell("float64", "nearest_even", cell.points, 1), steps, h, nf.Stream(seed))[0]
    top = float(exact.max())
    errors = [float(np.abs(run - exact).max()) / top for run in u]
    middle = [mean_and_sd(column)[0] for column in u.T.tolist()]
    return {
        "steps": steps,
        "error": mean_and_sd(errors)[0],
        "error_of_mean": float(np.abs(np.asarray(middle) - exact).max()) / top,
    }


def _heat(cell: Cell, steps: int, h: float, stream: nf.Stream) -> Any:
    """Explicit Euler with a quarter of h^2 a step: NumPy code on arrays that round."""
    seed = stream if cell.rounding == "stochastic" else None
    u = nf.array(np.zeros((cell.runs, cell.points + 2)), cell.format, rounding=cell.rounding, seed=seed)
    source = 0.25 * h * h  # rounded to the format where it is added
    for _ in range(steps):
        inner = u[:, 1:-1]
        change = 0.25 * ((u[:, 2:] - inner) - (inner - u[:, :-2])) + source
        u[:, 1:-1] = inner + change
    return np.asarray(u.values, np.float64)[:, 1:-1]


def checks(rows: Sequence[Row]) -> list[Check]:
    """Nearest stops early in 16 bits; stochastic does not."""
    found = []
    for row in rows:
        u = nf.get_format(str(row["format"])).eps / 2
        name = f"{row['format']}, {row['points']} points"
        if row["rounding"] == "stochastic":
            found.append(
                at_most(f"{name}: stochastic, error of the mean in u", number(row, "error_of_mean") / u, 60.0, _CROCI)
            )
            nearest = where(rows, format=row["format"], points=row["points"], rounding="nearest_even")
            if nearest and row["format"] != "float32" and number(row, "error"):
                ratio = number(nearest[0], "error") / number(row, "error")
                found.append(at_least(f"{name}: error to nearest / stochastic", ratio, 5.0, _CROCI))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """How far each format comes."""
    found = []
    for row in where(rows, rounding="nearest_even"):
        other = where(rows, format=row["format"], points=row["points"], rounding="stochastic")
        told = f" (stochastic: {100 * number(other[0], 'error'):.2g} %)" if other else ""
        found.append(
            f"With {row['points']} points {row['format']} to nearest ends {100 * number(row, 'error'):.2g} % off{told}."
        )
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Error by number of points, a panel per rounding."""
    panels = [
        Panel(rounding.replace("_", " "), series_by(where(rows, rounding=rounding), "format", "points", "error"))
        for rounding in distinct(rows, "rounding")
    ]
    if not panels:
        return []
    caption = "To nearest a finer grid, whose steps are smaller, ends farther off; stochastic rounding does not stop."
    how = "Greatest difference from float64 at the end over the greatest value, mean of the runs; explicit Euler."
    return [Plot("heat", "Error of the steady state", "inner points", "relative error", panels, caption, how)]


STUDY = Study(
    name="time-stepping",
    title="Time stepping: the heat equation in 16 bits",
    question="Does explicit time stepping reach its steady state when every operation is rounded?",
    method="The heat equation with a constant source, explicit Euler with a quarter of h² a step, three times the time "
    "that it needs: plain NumPy code on arrays of the format.",
    sources=(
        "M. Croci, M. B. Giles, Effects of round-to-nearest and stochastic rounding in the numerical solution of the "
        "heat equation in low precision, IMA J. Numer. Anal. 43, 2022 (arXiv:2010.16225)",
    ),
    see="A heat equation in bfloat16 stops early to nearest, not stochastically",
    seconds=11,
    params=Params(),
    small=Params(("bfloat16",), points=(4, 6), runs=2),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
