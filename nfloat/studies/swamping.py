"""Swamping: long sums that lose their terms; chunks and stochastic rounding against that; how the error grows.

n numbers of mean 1 are summed in the format. Nearest-even stalls near 2^p to 2^(p+2) and all further terms are lost.
Sums in chunks put that off: the sum of chunk sums stalls in turn at `chunk` times the length, unless it is wider
(FABsum). The error of a sum that has not stalled grows as n u at worst, as sqrt(n) u where rounding errors are random
(stochastic: guaranteed with high probability), and not at all with n for FABsum.

Sources: Wang et al. 2018 (1-6-9 and chunks); Connolly, Higham and Mary 2021 (stochastic); Blanchard, Higham and Mary
2020 (FABsum). The ratios were first computed with an independent float64 model that rounds explicitly.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import nfloat as nf

from .checks import Check, at_least, at_most, within
from .plots import Panel, Plot, Series
from .rows import Row, Value, distinct, points, where
from .samples import DISTRIBUTIONS, draw, mean_and_sd
from .study import Study, check_counts, check_formats, check_names

_MODEL = "independent float64 model"

#: name -> what the accumulator is, beside its format
METHODS: MappingProxyType[str, dict[str, Any]] = MappingProxyType({
    "nearest": {},
    "stochastic": {"rounding": "stochastic"},
    "chunk32": {"order": "blocked", "block": 32},
    "chunk64": {"order": "blocked", "block": 64},
    "fabsum32": {"order": "blocked", "block": 32, "promote": "float32"},
    "fabsum128": {"order": "blocked", "block": 128, "promote": "float32"},
})  # fmt: skip

_LENGTHS = (2048, 4096, 8192, 16_384, 65_536)

#: (format, method) -> computed / exact at each of _LENGTHS
RATIOS = {
    ("e6m9", "nearest"): (0.999, 0.920, 0.497, 0.250, 0.0626),
    ("e6m9", "stochastic"): (0.998, 1.007, 1.014, 1.003, 0.997),
    ("e6m9", "chunk32"): (1.000, 1.001, 1.001, 0.998, 0.994),
    ("e6m9", "chunk64"): (1.000, 1.000, 1.000, 1.000, 1.000),
    ("float16", "nearest"): (1.000, 0.998, 0.918, 0.501, 0.125),
    ("bfloat16", "nearest"): (0.499, 0.250, 0.125, 0.063, 0.016),
    ("bfloat16", "chunk32"): (1.001, 1.001, 0.999, 0.983, 0.250),
    ("bfloat16", "chunk64"): (0.999, 1.001, 1.001, 0.999, 0.500),
}

#: (format, method, n) -> mean |error| / sum of U(0, 1), in u, and the share by which the mean of a few sums may be off
GROWTH = {
    ("float16", "nearest", 1000): (6.8, 0.4), ("float16", "nearest", 10_000): (1.2e3, 0.1), ("float16", "nearest", 100_000): (2.0e3, 0.1),
    ("bfloat16", "nearest", 1000): (124, 0.1), ("bfloat16", "nearest", 10_000): (243, 0.1), ("bfloat16", "nearest", 100_000): (255, 0.1),
    ("float16", "stochastic", 1000): (6.4, 0.5), ("float16", "stochastic", 10_000): (37, 0.5), ("float16", "stochastic", 100_000): (31, 0.5),
    ("bfloat16", "stochastic", 1000): (7.0, 0.5), ("bfloat16", "stochastic", 10_000): (13, 0.5), ("bfloat16", "stochastic", 100_000): (10.5, 0.5),
}  # fmt: skip


@dataclass(frozen=True)
class Params:
    """The curve (formats, methods, lengths, sums of each) and the growth law (the same)."""

    formats: tuple[str, ...] = ("e6m9", "float16", "bfloat16")
    methods: tuple[str, ...] = ("nearest", "stochastic", "chunk32", "chunk64")
    n: tuple[int, ...] = _LENGTHS
    repeats: int = 10
    growth_formats: tuple[str, ...] = ("float16", "bfloat16")
    growth_methods: tuple[str, ...] = ("nearest", "stochastic", "fabsum32", "fabsum128")
    growth_n: tuple[int, ...] = (1000, 10_000, 100_000)
    growth_repeats: int = 40

    def __post_init__(self) -> None:
        check_formats(self, "formats", "growth_formats")
        check_names(self, "methods", METHODS)
        check_names(self, "growth_methods", METHODS)
        check_counts(self, "n", "repeats", "growth_n", "growth_repeats")


@dataclass(frozen=True)
class Cell:
    """`repeats` sums of `n` numbers each."""

    data: str
    format: str
    method: str
    n: int
    repeats: int


def cells(params: Params) -> Iterator[Cell]:
    """The curve on data of mean 1, then the growth law on positive and on symmetric data."""
    for fmt in params.formats:
        for method in params.methods:
            for n in params.n:
                yield Cell("mean_one", fmt, method, n, params.repeats)
    for data in ("positive", "symmetric"):
        for fmt in params.growth_formats:
            for method in params.growth_methods:
                for n in params.growth_n:
                    yield Cell(data, fmt, method, n, params.growth_repeats)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Mean and spread of computed / exact, and the mean |error| over the sum of absolute values, in u."""
    stream = nf.Stream(seed).child("swamping", cell.data, cell.n)
    x = nf.round(draw(cell.data, (cell.repeats, cell.n), stream), cell.format)
    acc = nf.Accumulator(cell.format, **METHODS[cell.method])
    sums = nf.sum(x, acc, axis=1, seed=stream.child(cell.format, cell.method)).tolist()
    exact = [math.fsum(row) for row in x]
    total = [math.fsum(abs(row)) for row in x]
    ratios = [s / e for s, e in zip(sums, exact, strict=True)]
    u = nf.get_format(cell.format).eps / 2
    errors = [abs(s - e) / t / u for s, e, t in zip(sums, exact, total, strict=True)]
    ratio, sd = mean_and_sd(ratios)
    return {"ratio": ratio, "ratio_sd": sd, "error_u": statistics.fmean(errors)}


def checks(rows: Sequence[Row]) -> list[Check]:
    """Ratios within 0.02 (stochastic: 0.05); the growth law's errors; no growth for FABsum and for symmetric data."""
    found = []
    for (fmt, method), ratios in RATIOS.items():
        for n, ratio in zip(_LENGTHS, ratios, strict=True):
            for row in where(rows, data="mean_one", format=fmt, method=method, n=n):
                off = 0.05 if method == "stochastic" else 0.02
                found.append(
                    within(f"{fmt} {method}, n = {n}: sum / exact", _f(row["ratio"]), ratio, _MODEL, absolute=off)
                )
    for (fmt, method, n), (error, off) in GROWTH.items():
        for row in where(rows, data="positive", format=fmt, method=method, n=n):
            found.append(within(f"{fmt} {method}, n = {n}: error / u", _f(row["error_u"]), error, _MODEL, relative=off))
    for row in rows:
        found += _flat(row)
    return found


def _flat(row: Row) -> list[Check]:
    """What must not grow with n."""
    name = f"{row['format']} {row['method']}, {row['data']}, n = {row['n']}: error / u"
    if row["data"] == "symmetric" and not str(row["method"]).startswith("fabsum"):
        return [at_least(name, _f(row["error_u"]), 0.1, _MODEL), at_most(name, _f(row["error_u"]), 0.7, _MODEL)]
    if row["data"] == "positive" and str(row["method"]).startswith("fabsum"):
        return [at_most(name, _f(row["error_u"]), 0.8, "Blanchard, Higham, Mary 2020: no growth with n")]
    return []


def findings(rows: Sequence[Row]) -> list[str]:
    """Where each format stalls, what repairs it and how far."""
    found = []
    for fmt in distinct(where(rows, data="mean_one"), "format"):
        stalls = [
            n for n, ratio in points(rows, "n", "ratio", data="mean_one", format=fmt, method="nearest") if ratio < 0.95
        ]
        if stalls:
            found.append(
                f"A nearest-even sum of numbers of mean 1 in {fmt} has lost more than 5 % at n = {stalls[0]:.0f}."
            )
    for row in where(rows, data="mean_one", format="bfloat16", method="chunk32", n=65_536):
        found.append(
            f"Chunks of 32 whose sums are added in bfloat16 too only put it off: at n = {row['n']} the sum is {_f(row['ratio']):.2f} of the exact one. "
            "A wide second level (FABsum) or a tree is needed."
        )
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Two pictures: the curve, and the growth law with its bounds."""
    return [plot for plot in (_curve(rows), _growth(rows)) if plot]


def _curve(rows: Sequence[Row]) -> Plot | None:
    there = where(rows, data="mean_one")
    panels = []
    for fmt in distinct(there, "format"):
        series = [Series(str(m), points(there, "n", "ratio", format=fmt, method=m)) for m in distinct(there, "method")]
        panels.append(Panel(str(fmt), series))
    if not panels:
        return None
    end = max(int(row["n"]) for row in there)  # type: ignore[arg-type]
    finite = [row for row in where(there, n=end) if math.isfinite(_f(row["ratio"]))]
    last = sorted(finite, key=lambda row: abs(_f(row["ratio"]) - 1))
    caption = f"At n = {end}, {last[0]['format']} with {last[0]['method']} is nearest to the exact sum ({_f(last[0]['ratio']):.3f} of it), "
    caption += f"{last[-1]['format']} with {last[-1]['method']} farthest ({_f(last[-1]['ratio']):.3f})."
    how = f"{DISTRIBUTIONS['mean_one']}, rounded to the format and summed in it; means of several sums."
    return Plot("curve", "Computed sum over exact sum", "numbers summed, n", "computed / exact", panels, caption, how)


def _growth(rows: Sequence[Row]) -> Plot | None:
    there = where(rows, data="positive")
    panels = []
    for fmt in distinct(there, "format"):
        ns = sorted({_f(row["n"]) for row in where(there, format=fmt)})
        series = [
            Series(str(m), points(there, "n", "error_u", format=fmt, method=m)) for m in distinct(there, "method")
        ]
        guides = [
            Series("n u", [(n, n) for n in ns], guide=True),
            Series("√n u", [(n, math.sqrt(n)) for n in ns], guide=True),
        ]
        panels.append(Panel(str(fmt), [*guides, *series]))
    if not panels:
        return None
    how = f"{DISTRIBUTIONS['positive']}; mean |error| over the sum, in units of u. Thin: n u (worst case) and √n u (errors at random)."
    return Plot("growth", "How the error grows", "numbers summed, n", "error / u", panels, _growth_caption(there), how)


def _growth_caption(rows: Sequence[Row]) -> str:
    """By what factor each method's error grows from the shortest sum to the longest."""
    parts = []
    fmt = distinct(rows, "format")[0]
    for method in distinct(rows, "method"):
        of = points(rows, "n", "error_u", format=fmt, method=method)
        if len(of) > 1 and of[0][1] > 0:
            parts.append(f"{method} {of[-1][1] / of[0][1]:.2g}")
    ns = [int(row["n"]) for row in rows]  # type: ignore[arg-type]
    return (
        f"From n = {min(ns)} to {max(ns)} the error in {fmt} is multiplied by: {', '.join(parts)}."
        if parts
        else f"Errors in {fmt}."
    )


def _f(value: Value) -> float:
    return float(value)  # type: ignore[arg-type]


STUDY = Study(
    name="swamping",
    title="Swamping, chunks and stochastic rounding",
    question="How long may a sum be before its terms are lost, and what do chunks and stochastic rounding change?",
    method="Random numbers are rounded to the format and summed in it: one after the other (nearest-even, stochastic), in chunks whose "
    "sums are added in the same format, and in chunks whose sums are added in float32 (FABsum).",
    sources=(
        "N. Wang et al., Training deep neural networks with 8-bit floating point numbers, NeurIPS 2018 (arXiv:1812.08011)",
        "M. P. Connolly, N. J. Higham, T. Mary, Stochastic rounding and its probabilistic backward error analysis, SIAM J. Sci. Comput. 43, 2021",
        "P. Blanchard, N. J. Higham, T. Mary, A class of fast and accurate summation algorithms, SIAM J. Sci. Comput. 42, 2020",
    ),
    params=Params(),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
