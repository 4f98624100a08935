"""Iterative refinement: a linear system factorised in 16 bits and solved to float64's accuracy.

A = L U in the format, NumPy code on `FloatArray`s; then r = b - A x in float64, solve with the factors, add. While the
condition number times the format's unit roundoff is below one, every step gains digits, until x is as good as float64's
own; beyond, it does not converge.

Sources: Wilkinson 1963; Carson and Higham 2018 (three precisions, and the limit on the condition number).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import Check, at_least, at_most
from .plots import Panel, Plot, series_by
from .samples import draw
from .selection import number
from .study import Study, check_counts, check_formats

_CARSON = "Carson and Higham 2018"
#: relative error from which on a solution counts as float64's, and steps at most
_DONE, _STEPS = 1e-12, 60


@dataclass(frozen=True)
class Params:
    """Formats of the factorisation, powers of two of the condition number, size of the system."""

    formats: tuple[str, ...] = ("bfloat16", "float16", "tfloat32", "float32")
    log2_condition: tuple[int, ...] = (1, 3, 5, 7, 10, 14)
    size: int = 32

    def __post_init__(self) -> None:
        check_formats(self, "formats", precision=24)
        check_counts(self, "log2_condition", "size")


@dataclass(frozen=True)
class Cell:
    """One system."""

    format: str
    log2_condition: int
    size: int


def cells(params: Params) -> Iterator[Cell]:
    """Every format at every condition number."""
    for fmt in params.formats:
        for power in params.log2_condition:
            yield Cell(fmt, power, params.size)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Error after the first solution and at the end, and the steps in between (None: it never came to float64's)."""
    stream = nf.Stream(seed).child("iterative-refinement", cell.size)
    a = _matrix(cell, stream)
    wanted = draw("normal", (cell.size,), stream.child("x"))
    b = _times(a, wanted)
    factors = _factorised(nf.array(a, cell.format))
    x, first, steps = np.zeros(cell.size), math.nan, None
    error = math.inf
    for step in range(_STEPS):
        x = x + _solved(factors, b - _times(a, x), cell.format)
        error = _norm(x - wanted) / _norm(wanted)
        first = error if step == 0 else first
        if error < _DONE or not error < 1e6:
            steps = step if error < _DONE else None
            break
    return {
        "condition_u": 2.0**cell.log2_condition * nf.get_format(cell.format).eps / 2,
        "first": first,
        "error": error,
        "steps": steps,
    }


def _matrix(cell: Cell, stream: nf.Stream) -> NDArray[np.float64]:
    """Q D Q' with Householder reflections Q and eigenvalues from 1 to 1 / condition, evenly in their exponents."""
    powers = [-cell.log2_condition * i / (cell.size - 1) for i in range(cell.size)] if cell.size > 1 else [0.0]
    a = np.diag(np.asarray(nf.exp2(np.array(powers), "float64")))
    for name in ("p", "q"):
        v = draw("normal", (cell.size,), stream.child(name))
        v = v / _norm(v)
        for _ in range(2):  # from both sides
            a = (a - 2.0 * np.outer(v, _times(a.T, v))).T
    return a


def _factorised(a: Any) -> Any:
    """L and U in one, without pivoting (the matrix is symmetric and positive): every operation rounded."""
    for k in range(a.shape[0] - 1):
        a[k + 1 :, k] = a[k + 1 :, k] / a[k, k]
        a[k + 1 :, k + 1 :] = a[k + 1 :, k + 1 :] - np.multiply.outer(a[k + 1 :, k], a[k, k + 1 :])
    return a


def _solved(factors: Any, r: NDArray[np.float64], fmt: str) -> NDArray[np.float64]:
    """The factors' solution of a residual, which is scaled to one, so that it fits any format's range."""
    size = float(np.abs(r).max()) or 1.0
    y = nf.array(r / size, fmt)
    n = len(r)
    for k in range(n):
        y[k + 1 :] = y[k + 1 :] - factors[k + 1 :, k] * y[k]
    for k in reversed(range(n)):
        y[k] = y[k] / factors[k, k]
        y[:k] = y[:k] - factors[:k, k] * y[k]
    return size * np.asarray(y.values, np.float64)


def _times(a: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(nf.matmul(a, x[:, None], "float64")[:, 0])


def _norm(x: NDArray[np.float64]) -> float:
    squares = (x * x).tolist()
    return math.sqrt(math.fsum(squares)) if all(map(math.isfinite, squares)) else math.inf


def checks(rows: Sequence[Row]) -> list[Check]:
    """Well below the limit it converges, in few steps; far beyond it the first solution has no digit."""
    found = []
    for row in rows:
        name = f"{row['format']}, condition 2^{row['log2_condition']}"
        if number(row, "condition_u") <= 2.0**-4:
            found.append(at_most(f"{name}: error at the end", number(row, "error"), _DONE, _CARSON))
            steps = math.inf if row["steps"] is None else number(row, "steps")
            allowed = math.ceil(40.0 / -float(nf.log2(2.0 * number(row, "condition_u"), "float64"))) + 1
            found.append(at_most(f"{name}: steps", steps, float(allowed), _CARSON))
        elif number(row, "condition_u") >= 2.0**4:
            found.append(at_least(f"{name}: error of the first solution", number(row, "first"), 0.05, _CARSON))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """How far each format carries."""
    found = []
    for fmt in dict.fromkeys(str(row["format"]) for row in rows):
        good = [number(row, "log2_condition") for row in rows if row["format"] == fmt and row["steps"] is not None]
        if good:
            found.append(f"Factors in {fmt} lead to float64's accuracy up to a condition number of 2^{max(good):.0f}.")
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Steps, and the error of the first solution, against the condition number."""
    first = series_by(rows, "format", "log2_condition", "first")
    last = series_by(rows, "format", "log2_condition", "error")
    if not first:
        return []
    panels = [Panel("first solution", first), Panel("refined", last)]
    caption = (
        "Each bit of the condition number costs the first solution one; refinement restores all while any is left."
    )
    how = "Relative error of x; factors and triangular solves in the format, residuals in float64."
    x = "log2 of the condition number"
    return [Plot("errors", "Error before and after refinement", x, "relative error", panels, caption, how, log_x=False)]


STUDY = Study(
    name="iterative-refinement",
    title="Iterative refinement: 16-bit factors, float64 results",
    question="Up to which condition number do factors in a short format lead to a solution in float64?",
    method="A symmetric positive matrix of known condition number is factorised in the format; residuals are "
    "computed in float64 and solved with those factors until the solution is float64's.",
    sources=(
        "J. H. Wilkinson, Rounding errors in algebraic processes, 1963",
        "E. Carson, N. J. Higham, Accelerating the solution of linear systems by iterative refinement in three "
        "precisions, SIAM J. Sci. Comput. 40, 2018",
    ),
    see="A solver in 16 bits reaches float64's accuracy by refinement",
    seconds=4,
    params=Params(),
    small=Params(("bfloat16", "float16"), (1, 3), 8),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
