"""Long products in narrow accumulators: what 14 bits lose at K = 4096, and what promotion every 128 terms wins.

Operands in E4M3, products exact, sums in 11, 14 or 24 significant bits, rounded to nearest or truncated, with or
without promotion of sums of 128 terms to float32; beside them the model of a Hopper tensor core, which aligns 32
products and the accumulator to the largest exponent and truncates. Truncation shrinks every sum of positive terms, so
its error grows with K.

Sources: DeepSeek-V3 technical report 2024 (about 14 bits are kept, "nearly 2 %" at K = 4096 for random matrices that
are not specified, promotion every 128). The 2 % lie between nearest and truncating; the figures here were first
computed with an independent float64 model that rounds explicitly, and no model is fitted to the 2 %.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, at_least, within
from .plots import Panel, Plot, growth, series_by
from .samples import DISTRIBUTIONS, draw
from .selection import distinct, number, where
from .study import Study, check_counts, check_names

_DEEPSEEK = "DeepSeek-V3 2024"
_HOPPER = "nvidia.hopper.wgmma.e4m3.f32"

#: name -> format, rounding and whether sums of 128 are promoted to float32; or the name of a matrix unit
ACCUMULATORS: MappingProxyType[str, tuple[str, str, bool] | str] = MappingProxyType(
    {
        "24 bits": ("float32", "nearest_even", False),
        "14 bits": ("e8m13", "nearest_even", False),
        "14 bits truncating": ("e8m13", "toward_zero", False),
        "14 bits promoted": ("e8m13", "nearest_even", True),
        "14 bits truncating promoted": ("e8m13", "toward_zero", True),
        "11 bits": ("tfloat32", "nearest_even", False),
        "bfloat16": ("bfloat16", "nearest_even", False),
        "Hopper": _HOPPER,
        "Hopper promoted": f"{_HOPPER}@promote=128",
    }
)

_K = 4096

#: accumulator -> max |error| / |exact| at K = 4096 on positive data
MAX_ERROR = {
    "14 bits": 0.0053,
    "14 bits truncating": 0.070,
    "14 bits promoted": 7.8e-5,
    "14 bits truncating promoted": 7.5e-4,
    "24 bits": 4e-7,
    "11 bits": 0.09,
    "bfloat16": 0.76,
    "Hopper": 0.070,
    "Hopper promoted": 5.7e-4,
}

#: accumulator -> relative Frobenius error at K = 4096 on normal data
FROBENIUS = {
    "14 bits": 9.8e-4,
    "14 bits truncating": 3.7e-2,
    "14 bits promoted": 1.1e-4,
    "14 bits truncating promoted": 4.7e-4,
}


@dataclass(frozen=True)
class Params:
    """Accumulators, distributions and lengths; shape of the results and number of products."""

    accumulators: tuple[str, ...] = tuple(ACCUMULATORS)
    data: tuple[str, ...] = ("positive", "normal")
    k: tuple[int, ...] = (256, 512, 1024, 2048, _K)
    size: int = 32
    repeats: int = 16

    def __post_init__(self) -> None:
        check_names(self, "accumulators", ACCUMULATORS)
        check_names(self, "data", DISTRIBUTIONS)
        check_counts(self, "k", "size", "repeats")


@dataclass(frozen=True)
class Cell:
    """`repeats` products (size, k) @ (k, size)."""

    data: str
    accumulator: str
    k: int
    size: int
    repeats: int


def cells(params: Params) -> Iterator[Cell]:
    """Every accumulator on every data at every length."""
    for data in params.data:
        for name in params.accumulators:
            for k in params.k:
                yield Cell(data, name, k, params.size, params.repeats)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Largest error of an element against the element, mean signed error, relative Frobenius error.

    Means over the products.
    """
    measured = [_errors(cell, nf.Stream(seed).child("long-gemm", cell.data, cell.k, i)) for i in range(cell.repeats)]
    largest, mean, frobenius = zip(*measured, strict=True)
    return {
        "max_error": statistics.fmean(largest),
        "mean_error": statistics.fmean(mean),
        "frobenius": statistics.fmean(frobenius),
    }


def _errors(cell: Cell, stream: nf.Stream) -> tuple[float, float, float]:
    a = nf.round(draw(cell.data, (cell.size, cell.k), stream.child("a")), "float8_e4m3fn")
    b = nf.round(draw(cell.data, (cell.k, cell.size), stream.child("b")), "float8_e4m3fn")
    # E4M3 products are multiples of 2^-18 below 2^18: their sum is exact in float64 for k < 2^17
    exact = nf.matmul(a, b, "float64")
    error = nf.matmul(a, b, _accumulator(cell.accumulator)) - exact
    relative = error / np.where(exact == 0.0, np.nan, np.abs(exact))
    known = relative[np.isfinite(relative)]
    return float(np.max(np.abs(known))), math.fsum(known) / known.size, _norm(error) / _norm(exact)


def _accumulator(name: str) -> nf.Accumulator | str:
    row = ACCUMULATORS[name]
    if isinstance(row, str):
        return row
    fmt, rounding, promoted = row
    how = {"order": "blocked", "block": 128, "promote": "float32"} if promoted else {}
    return nf.Accumulator(fmt, rounding=rounding, **how)


def _norm(x: NDArray[np.floating]) -> float:
    return math.sqrt(math.fsum((x * x).ravel()))


def checks(rows: Sequence[Row]) -> list[Check]:
    """Errors at K = 4096 within 10 %, and a fifty-fold gain by promotion."""
    positive, normal = where(rows, data="positive", k=_K), where(rows, data="normal", k=_K)
    found = []
    for name, error in MAX_ERROR.items():
        for row in where(positive, accumulator=name):
            figure = f"{name}: max |e| / |c|, positive"
            found.append(within(figure, number(row, "max_error"), error, MODEL, relative=0.1))
    for row in where(positive, accumulator="14 bits truncating"):
        found.append(within("14 bits truncating: mean e / c", number(row, "mean_error"), -0.066, MODEL, relative=0.1))
    for name, error in FROBENIUS.items():
        for row in where(normal, accumulator=name):
            figure = f"{name}: Frobenius, normal"
            found.append(within(figure, number(row, "frobenius"), error, MODEL, relative=0.1))
    return found + _gains(positive)


def _gains(positive: Sequence[Row]) -> list[Check]:
    at = _by_name(positive)
    found = []
    for name in ("14 bits", "14 bits truncating", "Hopper"):
        if {name, f"{name} promoted"} <= set(at):
            gain = at[name] / at[f"{name} promoted"]
            found.append(at_least(f"{name}: gain by promotion", gain, 50.0, _DEEPSEEK))
    return found


def _by_name(rows: Sequence[Row]) -> dict[str, float]:
    return {str(row["accumulator"]): number(row, "max_error") for row in rows}


def findings(rows: Sequence[Row]) -> list[str]:
    """The published figure, and what promotion does."""
    at = _by_name(where(rows, data="positive", k=_K))
    found = []
    if {"14 bits", "14 bits truncating"} <= set(at):
        found.append(
            f"With 14 bits, products of length {_K} are off by up to {100 * at['14 bits']:.2g} % rounded to nearest "
            f"and {100 * at['14 bits truncating']:.2g} % truncated; the nearly 2 % of DeepSeek-V3 lie between."
        )
    if {"Hopper", "Hopper promoted"} <= set(at):
        found.append(
            f"The model of Hopper's tensor core is off by {100 * at['Hopper']:.2g} %; adding sums of 128 in float32 "
            f"makes that {at['Hopper'] / at['Hopper promoted']:.0f} times less."
        )
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Error against length, by accumulator: a picture per distribution."""
    return [_plot(data, where(rows, data=data)) for data in distinct(rows, "data")]


def _plot(data: str, rows: Sequence[Row]) -> Plot:
    column = "max_error" if data == "positive" else "frobenius"
    what = "max |error| / |exact|" if data == "positive" else "||error|| / ||exact||"
    series = series_by(rows, "accumulator", "k", column)
    ks = [int(number(row, "k")) for row in rows]
    caption = f"From K = {min(ks)} to {max(ks)} the errors change by: {growth(series)}."
    if min(ks) == max(ks):
        caption = f"Errors at K = {min(ks)}."
    how = "Operands rounded to E4M3, exact products; errors against the exact product, means over several pairs of "
    how += "matrices."
    title = f"Error against length, {DISTRIBUTIONS[data]}"
    return Plot(f"length-{data}", title, "length K", what, [Panel("", series)], caption, how)


STUDY = Study(
    name="long-gemm",
    title="Long products in narrow accumulators",
    question="What does a narrow accumulator lose in a long product of FP8 matrices, and what does promotion win back?",
    method="E4M3 matrices are multiplied with exact products and sums of 11, 14 and 24 significant bits, rounded to "
    "nearest or truncated, with and without adding sums of 128 terms in float32, and by the bit-exact model of "
    "Hopper's WGMMA.",
    sources=("DeepSeek-AI, DeepSeek-V3 technical report, 2024 (arXiv:2412.19437)",),
    see="14-bit sums of 4096 are off by 0.5 to 7 %, promoted ones by 0.01 %",
    seconds=20,
    params=Params(),
    small=Params(("24 bits", "14 bits", "Hopper"), k=(128, 256), size=4, repeats=2),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
