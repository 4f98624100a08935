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
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, at_most, between, within
from .plots import Panel, Plot, Series, growth, series_by
from .samples import DISTRIBUTIONS, draw, mean_and_sd
from .selection import distinct, number, points, where
from .study import Study, check_counts, check_formats, check_names

#: name -> what the accumulator is, beside its format
METHODS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "nearest": {},
        "stochastic": {"rounding": "stochastic"},
        "chunk32": {"order": "blocked", "block": 32},
        "chunk64": {"order": "blocked", "block": 64},
        "fabsum32": {"order": "blocked", "block": 32, "promote": "float32"},
        "fabsum128": {"order": "blocked", "block": 128, "promote": "float32"},
    }
)

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

#: format -> mean |error| / sum of U(0, 1) to nearest, in u, at each length
GROWTH_LENGTHS = (1000, 10_000, 100_000)
GROWTH = {"float16": (6.8, 1.2e3, 2.0e3), "bfloat16": (124, 243, 255)}


@dataclass(frozen=True)
class Params:
    """The curve (formats, methods, lengths, sums of each) and the growth law (the same)."""

    formats: tuple[str, ...] = ("e6m9", "float16", "bfloat16")
    methods: tuple[str, ...] = ("nearest", "stochastic", "chunk32", "chunk64")
    n: tuple[int, ...] = _LENGTHS
    repeats: int = 10
    growth_formats: tuple[str, ...] = ("float16", "bfloat16")
    growth_methods: tuple[str, ...] = ("nearest", "stochastic", "fabsum32", "fabsum128")
    growth_n: tuple[int, ...] = GROWTH_LENGTHS
    growth_repeats: int = 100

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
    key = cell.data, cell.format, cell.n, cell.repeats, seed
    acc = nf.Accumulator(cell.format, **METHODS[cell.method])
    stream = _stream(cell.data, cell.n, seed).child(cell.format, cell.method)
    sums = nf.sum(_numbers(*key), acc, axis=1, seed=stream).tolist()
    exact, total = _exact(*key)
    ratio, sd = mean_and_sd([s / e for s, e in zip(sums, exact, strict=True)])
    u = nf.get_format(cell.format).eps / 2
    errors = [abs(s - e) / t / u for s, e, t in zip(sums, exact, total, strict=True)]
    return {"ratio": ratio, "ratio_sd": sd, "error_u": statistics.fmean(errors)}


def _stream(data: str, n: int, seed: int) -> nf.Stream:
    return nf.Stream(seed).child("swamping", data, n)


def _numbers(data: str, fmt: str, n: int, repeats: int, seed: int) -> NDArray[np.floating]:
    return np.asarray(nf.round(draw(data, (repeats, n), _stream(data, n, seed)), fmt))


@lru_cache(maxsize=8)
def _exact(data: str, fmt: str, n: int, repeats: int, seed: int) -> tuple[list[float], list[float]]:
    """The exact sum of each row and of its magnitudes: every method adds the same numbers."""
    rows = _numbers(data, fmt, n, repeats, seed).tolist()
    return [math.fsum(row) for row in rows], [math.fsum(map(abs, row)) for row in rows]


def checks(rows: Sequence[Row]) -> list[Check]:
    """Ratios within 0.02 (stochastic: 0.05); the growth law's errors; no growth for FABsum and for symmetric data."""
    found = []
    for (fmt, method), ratios in RATIOS.items():
        off = 0.05 if method == "stochastic" else 0.02
        for n, ratio in zip(_LENGTHS, ratios, strict=True):
            for row in where(rows, data="mean_one", format=fmt, method=method, n=n):
                name = f"{fmt} {method}, n = {n}: sum / exact"
                found.append(within(name, number(row, "ratio"), ratio, MODEL, absolute=off))
    for fmt, errors in GROWTH.items():
        for n, error in zip(GROWTH_LENGTHS, errors, strict=True):
            for row in where(rows, data="positive", format=fmt, method="nearest", n=n):
                # a sum that stalls is off by as much every time; one that does not is off by chance
                off = 0.1 if error > 100 else 0.5
                found.append(within(_error_of(row), number(row, "error_u"), error, MODEL, relative=off))
    for row in where(rows, data="positive", method="stochastic"):
        # of a mean of |normal| values, four standard deviations
        error, off = _stochastic_error(row), 3.1 / math.sqrt(number(row, "repeats"))
        found.append(within(_error_of(row), number(row, "error_u"), error, "variance f (1 − f) gap²", relative=off))
    return found + _flat(rows)


def _stochastic_error(row: Row) -> float:
    """Mean |error| / sum of n numbers of U(0, 1), in u, from the variance of stochastic rounding.

    A sum between 2^e and 2^(e+1) has gaps of g = 2 u 2^e; a term x takes it a fraction f = x / g of a gap further
    (modulo 1), and the variance of rounding that is f (1 - f) g^2: on average over x, g / 2 - 1 / 3 where g >= 1, else
    g^2 / 6.
    """
    u, n = nf.get_format(str(row["format"])).eps / 2, int(number(row, "n"))
    variance = 0.0
    for e in range((n - 1).bit_length()):
        gap = 2 * u * 2.0**e
        terms = max(min(n, 2.0 ** (e + 2)) - 2.0 ** (e + 1), 0.0)
        variance += terms * (gap / 2 - 1 / 3 if gap >= 1 else gap * gap / 6)
    return math.sqrt(2 / math.pi * variance) / (n / 2) / u


def _flat(rows: Sequence[Row]) -> list[Check]:
    """What must not grow with n: FABsum on positive data, naive sums on symmetric data."""
    found = []
    for row in where(rows, data="positive"):
        if str(row["method"]).startswith("fabsum"):
            found.append(at_most(_error_of(row), number(row, "error_u"), 1.0, "Blanchard, Higham, Mary 2020"))
    for method in ("nearest", "stochastic"):
        for row in where(rows, data="symmetric", method=method):
            found.append(between(_error_of(row), number(row, "error_u"), 0.1, 0.7, MODEL))
    return found


def _error_of(row: Row) -> str:
    return f"{row['format']} {row['method']}, {row['data']}, n = {row['n']}: error / u"


def findings(rows: Sequence[Row]) -> list[str]:
    """Where each format stalls, what repairs it and how far."""
    found = []
    for fmt in distinct(where(rows, data="mean_one"), "format"):
        curve = points(rows, "n", "ratio", data="mean_one", format=fmt, method="nearest")
        stalled = [n for n, ratio in curve if ratio < 0.95]
        if stalled:
            found.append(
                f"A nearest-even sum in {fmt} of numbers of mean 1 has lost more than 5 % at n = {stalled[0]:.0f}."
            )
    for row in where(rows, data="mean_one", format="bfloat16", method="chunk32", n=65_536):
        found.append(
            f"Chunks of 32 whose sums are added in bfloat16 too only put it off: at n = {row['n']} the sum is "
            f"{number(row, 'ratio'):.2f} of the exact one. A wide second level (FABsum) or a tree is needed."
        )
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Two pictures: the curve, and the growth law with its bounds."""
    curve, law = where(rows, data="mean_one"), where(rows, data="positive")
    return ([_curve(curve)] if curve else []) + ([_growth(law)] if law else [])


def _curve(rows: Sequence[Row]) -> Plot:
    panels = [
        Panel(fmt, series_by(where(rows, format=fmt), "method", "n", "ratio")) for fmt in distinct(rows, "format")
    ]
    end = max(number(row, "n") for row in rows)
    finite = [row for row in where(rows, n=int(end)) if math.isfinite(number(row, "ratio"))]
    ranked = sorted(finite, key=lambda row: abs(number(row, "ratio") - 1))
    ends = [f"{row['format']} with {row['method']} ({number(row, 'ratio'):.3f})" for row in ranked]
    caption = f"At n = {end:.0f} the nearest to the exact sum is {ends[0]}, the farthest {ends[-1]}." if ends else ""
    if len(finite) < len(where(rows, n=int(end))):
        caption += " Sums that overflow are not drawn."
    how = f"{DISTRIBUTIONS['mean_one']}, rounded to the format and summed in it; means of several sums."
    title = "Computed sum over exact sum"
    return Plot("curve", title, "numbers summed, n", "computed / exact", panels, caption.strip(), how)


def _growth(rows: Sequence[Row]) -> Plot:
    panels = []
    for fmt in distinct(rows, "format"):
        there = where(rows, format=fmt)
        ns = sorted({number(row, "n") for row in there})
        guides = [
            Series("n u", [(n, n) for n in ns], guide=True),
            Series("√n u", [(n, math.sqrt(n)) for n in ns], guide=True),
        ]
        panels.append(Panel(fmt, [*guides, *series_by(there, "method", "n", "error_u")]))
    ns = [int(number(row, "n")) for row in rows]
    caption = f"From n = {min(ns)} to {max(ns)} the errors change by: "
    caption += "; ".join(f"in {panel.title} {growth(panel.series[2:])}" for panel in panels)
    how = f"{DISTRIBUTIONS['positive']}; mean |error| over the sum, in units of u. "
    how += "Thin: n u (worst case) and √n u (errors at random)."
    title = "How the error grows"
    return Plot("growth", title, "numbers summed, n", "error / u", panels, caption + ".", how)


STUDY = Study(
    name="swamping",
    title="Swamping, chunks and stochastic rounding",
    question="How long may a sum be before its terms are lost, and what do chunks and stochastic rounding change?",
    method="Random numbers are rounded to the format and summed in it: one after the other (nearest-even, "
    "stochastic), in chunks whose sums are added in the same format, and in chunks whose sums are added in float32 "
    "(FABsum).",
    sources=(
        "N. Wang et al., Training deep neural networks with 8-bit floating point numbers, NeurIPS 2018 "
        "(arXiv:1812.08011)",
        "M. P. Connolly, N. J. Higham, T. Mary, Stochastic rounding and its probabilistic backward error analysis, "
        "SIAM J. Sci. Comput. 43, 2021",
        "P. Blanchard, N. J. Higham, T. Mary, A class of fast and accurate summation algorithms, SIAM J. Sci. "
        "Comput. 42, 2020",
    ),
    see="A bfloat16 sum of ones stalls at 256; chunks and stochastic rounding go on",
    seconds=29,
    params=Params(),
    small=Params(
        ("bfloat16",), ("nearest", "chunk32"), (512, 1024), 3, ("bfloat16",), ("nearest", "fabsum32"), (100, 1000), 3
    ),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
