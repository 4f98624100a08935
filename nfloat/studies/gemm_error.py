"""Error of a product against its length, for formats, orders and kinds of data, with the bounds drawn.

What each order of summation is worth: sequential sums lose up to n u on positive data, pairwise log2(n) u, blocks with
a wide second level b u, compensation a few u; on data of mean zero rounding errors cancel as the sums do. Errors are
measured against |A||B|, in units of u, and must never exceed the bounds of ``nfloat/linalg/bounds.py``.

Sources: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. 2002, ch. 4; Higham and Mary 2019 (errors at
random: sqrt(n) u); Connolly, Higham and Mary 2021 (stochastic rounding: the same, proven); Blanchard, Higham and
Mary 2020 (blocks).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import Check, at_least, at_most, shown
from .plots import Panel, Plot, greatest_growth, growth, series_by
from .samples import DISTRIBUTIONS, draw
from .selection import distinct, number, where
from .study import Study, check_counts, check_formats, check_names

#: name -> what the accumulator is, beside its format
ORDERS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "sequential": {},
        "stochastic": {"rounding": "stochastic"},
        "pairwise": {"order": "pairwise"},
        "blocked": {"order": "blocked", "block": 32, "promote": "float32"},
        "kahan": {"order": "kahan"},
        "exact": {"order": "exact"},
    }
)

#: the chance with which an element of a stochastic product may exceed the bound that is drawn for it
_FAILURE = 1e-6

#: from here on, rounding errors have piled up
_LONG = 1024

#: who says that an order's error stays within its bound
SOURCES = {
    "sequential": "Higham, ASNA, 4.2; Jeannerod, Rump 2013",
    "stochastic": "Connolly, Higham, Mary 2021",
    "pairwise": "Higham, ASNA, 4.2",
    "blocked": "Blanchard, Higham, Mary 2020",
    "kahan": "Higham, ASNA, 4.3",
    "exact": "one rounding",
}


@dataclass(frozen=True)
class Params:
    """Formats, orders, kinds of data and lengths; shape of the results."""

    formats: tuple[str, ...] = ("bfloat16", "float16", "float32")
    orders: tuple[str, ...] = tuple(ORDERS)
    data: tuple[str, ...] = ("positive", "normal", "outliers")
    k: tuple[int, ...] = (16, 64, 256, 1024, 4096, 16_384)
    size: int = 16

    def __post_init__(self) -> None:
        check_formats(self, "formats")
        check_names(self, "orders", ORDERS)
        check_names(self, "data", DISTRIBUTIONS)
        check_counts(self, "k", "size")


@dataclass(frozen=True)
class Cell:
    """One product (size, k) @ (k, size)."""

    data: str
    format: str
    order: str
    k: int
    size: int


def cells(params: Params) -> Iterator[Cell]:
    """Every order in every format on every data at every length."""
    for fmt in params.formats:
        for data in params.data:
            for order in params.orders:
                for k in params.k:
                    yield Cell(data, fmt, order, k, params.size)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Largest and mean |error| over |A||B| in u, the bound likewise, and the largest error over its own bound."""
    from ..linalg.bounds import matmul_bound  # here, so that listing the studies loads no compiler

    stream = nf.Stream(seed).child("gemm-error", cell.data, cell.k)
    a = nf.round(draw(cell.data, (cell.size, cell.k), stream.child("a")), cell.format)
    # an eighth, so that float16 does not overflow on the longest sums
    b = nf.round(draw(cell.data, (cell.k, cell.size), stream.child("b")) / 8, cell.format)
    acc = nf.Accumulator(cell.format, **ORDERS[cell.order])
    computed = nf.matmul(a, b, acc, seed=stream.child(cell.format, cell.order))
    exact = nf.Accumulator("float64", order="exact")
    error = np.abs(computed - nf.matmul(a, b, exact))
    # what errors are measured by: |A||B|; where that is 0, so is the error
    total = nf.matmul(np.abs(a), np.abs(b), exact)
    total = np.where(total == 0.0, 1.0, total)
    certain = matmul_bound(a, b, acc, confidence=1 - _FAILURE)
    bound = certain.probable if acc.stochastic and certain.probable is not None else np.asarray(certain)
    u = nf.get_format(cell.format).eps / 2
    relative = error / total / u
    return {
        "error_max": float(relative.max()),
        "error_mean": math.fsum(relative.ravel()) / relative.size,
        "bound": float((bound / total / u).max()),
        "error_over_bound": float((error / bound).max()),
    }


def checks(rows: Sequence[Row]) -> list[Check]:
    """No error beyond its bound; what order and compensation are worth on positive data."""
    found = []
    for fmt in distinct(rows, "format"):
        for data in distinct(rows, "data"):
            there = where(rows, format=fmt, data=data)
            for order in distinct(there, "order"):
                worst = max(number(row, "error_over_bound") for row in where(there, order=order))
                found.append(at_most(f"{fmt}, {data}, {order}: error / bound", worst, 1.0, SOURCES[order]))
        found += _gains(fmt, where(rows, format=fmt, data="positive"))
    return found


def _gains(fmt: str, positive: Sequence[Row]) -> list[Check]:
    """Against the sequential sum, at the longest length, which must be long enough for rounding errors to pile up."""
    k = max((int(number(row, "k")) for row in positive), default=0)
    if k < _LONG:
        return []
    at, found = _by_order(where(positive, k=k)), []
    for order in ("pairwise", "kahan", "blocked"):
        # a second level in float32 is no wider than float32
        if {"sequential", order} <= set(at) and (order, fmt) != ("blocked", "float32"):
            gain = at["sequential"] / at[order]
            found.append(at_least(f"{fmt}, positive, K = {k}: sequential / {order}", gain, 4.0, SOURCES[order]))
    if "kahan" in at:
        found.append(at_most(f"{fmt}, positive, K = {k}: kahan, error / u", at["kahan"], 4.0, SOURCES["kahan"]))
    return found


def _by_order(rows: Sequence[Row]) -> dict[str, float]:
    return {str(row["order"]): number(row, "error_max") for row in rows}


def findings(rows: Sequence[Row]) -> list[str]:
    """What the orders are worth at the longest length, and how near the errors come to their bounds."""
    k = max((int(number(row, "k")) for row in rows), default=0)
    found = []
    for fmt in distinct(rows, "format"):
        at = _by_order(where(rows, format=fmt, data="positive", k=k))
        if at:
            errors = ", ".join(f"{order} {shown(error)}" for order, error in at.items())
            found.append(f"{fmt}, positive data, K = {k}: the largest error over |A||B| is, in units of u, {errors}.")
    return [*found, _nearest(max(rows, key=lambda row: number(row, "error_over_bound")))] if rows else found


def _nearest(row: Row) -> str:
    share = number(row, "error_over_bound")
    which = f"{row['order']} in {row['format']} on {row['data']} data at K = {row['k']}"
    if share > 1:
        return f"An error exceeds its bound: {which}."
    return f"No error exceeds its bound; the nearest to it is {which} ({100 * share:.0f} % of it)."


def plots(rows: Sequence[Row]) -> list[Plot]:
    """One picture per format: a panel per kind of data, a line per order, its bound thin in the same colour."""
    return [_plot(fmt, where(rows, format=fmt)) for fmt in distinct(rows, "format")]


def _plot(fmt: str, rows: Sequence[Row]) -> Plot:
    panels = []
    for data in distinct(rows, "data"):
        there = where(rows, data=data)
        errors = series_by(there, "order", "k", "error_max")
        bounds = [replace(line, guide=True) for line in series_by(there, "order", "k", "bound")]
        panels.append(Panel(DISTRIBUTIONS[data], [*errors, *bounds]))
    how = f"Largest |error| of an element over |A||B|, in units of u = 2^-{nf.get_format(fmt).precision}; thin: the "
    how += "bound on it (stochastic: on all elements but one in a million)."
    return Plot(f"error-{fmt}", f"Error against length in {fmt}", "length K", "error / u", panels, _caption(rows), how)


def _caption(rows: Sequence[Row]) -> str:
    """How the errors change with the length: order by order on the first kind of data, at most on the others."""
    ks = [int(number(row, "k")) for row in rows]
    if min(ks) == max(ks):
        return f"Errors at K = {min(ks)}."
    first, *others = distinct(rows, "data")
    text = f"From K = {min(ks)} to {max(ks)} the largest errors on {first} data change by: "
    text += growth(series_by(where(rows, data=first), "order", "k", "error_max"))
    for data in others:
        lines = series_by(where(rows, data=data), "order", "k", "error_max")
        text += f"; on {data} data no order's changes by more than × {greatest_growth(lines):.2g}"
    return text + "."


STUDY = Study(
    name="gemm-error",
    title="Error of a product against its length",
    question="What is an order of summation worth, on which data, and how near do errors come to their bounds?",
    method="Random matrices are rounded to the format and multiplied by accumulators of that format, fused, in several "
    "orders, and compared with the exact product; the bounds are computed from the same matrices.",
    sources=(
        "N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, ch. 3 and 4",
        "C.-P. Jeannerod, S. M. Rump, Improved error bounds for inner products in floating-point arithmetic, SIAM J. "
        "Matrix Anal. Appl. 34, 2013",
        "N. J. Higham, T. Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci. Comput. 41, 2019",
        "P. Blanchard, N. J. Higham, T. Mary, A class of fast and accurate summation algorithms, SIAM J. Sci. Comput. "
        "42, 2020",
        "M. P. Connolly, N. J. Higham, T. Mary, Stochastic rounding and its probabilistic backward error analysis, "
        "SIAM J. Sci. Comput. 43, 2021",
    ),
    see="Errors stay below their bounds; what each order of a sum is worth",
    seconds=12,
    params=Params(),
    small=Params(("bfloat16",), k=(16, 64), size=4),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
