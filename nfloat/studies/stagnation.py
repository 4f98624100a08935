"""Naive sums that stop growing: the harmonic series, ones, many small terms; and what stochastic rounding does.

Terms 1/n are rounded to the format and added one by one in it. Sooner or later a term is below half the gap above the
running sum; nearest-even leaves the sum as it is from there on, for ever. Stochastic rounding has no such point, and
its mean is exact.

Both numbers in circulation are given: the *first term that no longer changes the sum* (513 in binary16) and the terms
that contributed (one less).

Sources: Malone 2013 (15.4037 in binary32); Higham's 2018 post "Half precision arithmetic: fp16 versus bfloat16"
(7.0859 and 5.0625); the other limits were first computed with an independent float64 model that rounds explicitly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, exactly, within
from .plots import Panel, Plot, Series, series_by
from .samples import mean_and_sd
from .selection import number, where
from .study import Study, check_counts, check_formats

_HIGHAM = "Higham 2018"
_MALONE = "Malone 2013"

#: format -> (limit of the harmonic series, first term that does not change it, who says so)
HARMONIC = {
    "float32": (15.403682708740234, 2_097_152, _MALONE),
    "tfloat32": (7.0859375, 513, MODEL),
    "float16": (7.0859375, 513, _HIGHAM),
    "e6m9": (6.40625, 257, MODEL),
    "bfloat16": (5.0625, 65, _HIGHAM),
    "float8_e4m3fn": (3.0, 9, MODEL),
    "float8_e5m2": (2.0, 5, MODEL),
    "float6_e2m3fn": (2.5, 7, MODEL),
    "float6_e3m2fn": (2.0, 5, MODEL),
    "float4_e2m1fn": (2.0, 4, MODEL),
}

#: format -> where a sum of ones stops: 2^p, for what comes next is a tie to even
ONES = {
    "float32": 2**24,
    "float16": 2**11,
    "tfloat32": 2**11,
    "bfloat16": 2**8,
    "e6m9": 2**10,
    "float8_e4m3fn": 16,
    "float8_e5m2": 8,
}

#: format -> 10 000 times 1e-4, added one by one
SMALL = {"float16": 0.25, "bfloat16": 0.03125}

#: (sum, format, terms) -> standard deviation of the stochastic sum
SPREAD = {
    ("harmonic", "bfloat16", 1024): 0.28,
    ("harmonic", "bfloat16", 65_536): 0.59,
    ("harmonic", "float16", 16_384): 0.144,
    ("drip", "bfloat16", 1001): 0.083,
}

_ROWS_AT_ONCE = 25


@dataclass(frozen=True)
class Params:
    """Formats of the sums that stop, and the stochastic sums: formats, numbers of terms, how often each is repeated."""

    formats: tuple[str, ...] = tuple(HARMONIC)
    stochastic_formats: tuple[str, ...] = ("bfloat16", "float16")
    stochastic_n: tuple[int, ...] = (1024, 16_384, 65_536)
    repeats: int = 300

    def __post_init__(self) -> None:
        # a sum of ones takes 2^p terms to stop
        check_formats(self, "formats", "stochastic_formats", precision=24)
        check_counts(self, "stochastic_n", "repeats")


@dataclass(frozen=True)
class Cell:
    """One sum: of `n` terms, or (None) until a term does not change it."""

    sum: str
    format: str
    rounding: str
    n: int | None
    repeats: int


def cells(params: Params) -> Iterator[Cell]:
    """Harmonic series, ones, small terms in every format; then the stochastic sums."""
    for fmt in params.formats:
        yield Cell("harmonic", fmt, "nearest_even", None, 1)
        yield Cell("ones", fmt, "nearest_even", None, 1)
        yield Cell("small", fmt, "nearest_even", 10_000, 1)
    for fmt in params.stochastic_formats:
        yield Cell("drip", fmt, "nearest_even", 1001, 1)
        yield Cell("drip", fmt, "stochastic", 1001, params.repeats)
        for n in params.stochastic_n:
            yield Cell("harmonic", fmt, "stochastic", n, params.repeats)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """The sum (of several: their mean), its standard deviation, the exact sum of the terms, and where it stopped."""
    if cell.n is None:
        limit, first = _until_it_stops(cell)
        return {"result": limit, "sd": None, "exact": None, "first_unchanged": first}
    terms = _terms(cell.sum, cell.format, 1, cell.n)
    mean, sd = mean_and_sd(_sums(cell, terms, seed))
    return {"result": mean, "sd": sd, "exact": math.fsum(terms), "first_unchanged": None}


def _terms(kind: str, fmt: str, first: int, count: int) -> NDArray[np.floating]:
    """Terms first .. first + count - 1, counted from 1, rounded to the format."""
    n = np.arange(first, first + count, dtype=np.float64)
    exact = {
        "harmonic": 1.0 / n,
        "ones": np.ones(count),
        "small": np.full(count, 1e-4),
        "drip": np.where(n == 1, 1.0, 1e-3),
    }[kind]
    return nf.round(exact, fmt)


def _until_it_stops(cell: Cell) -> tuple[float, int]:
    """The sum that the next term no longer changes, and that term's number."""
    total, first, count = 0.0, 1, 256
    while True:
        terms = _terms(cell.sum, cell.format, first, count)
        # the sum so far goes first: 0 + total is exact
        partial = nf.cumsum(np.concatenate(([total], terms)), nf.Accumulator(cell.format, rounding=cell.rounding))
        same = np.flatnonzero((partial[1:] == partial[:-1]) | np.isnan(partial[1:]))
        if same.size:
            return float(partial[same[0]]), first + int(same[0])
        total = float(partial[-1])
        first = first + count
        count = min(4 * count, 2**20)


def _sums(cell: Cell, terms: NDArray[np.floating], seed: int) -> list[float]:
    """The sum, `repeats` times, each with random bits of its own."""
    acc = nf.Accumulator(cell.format, rounding=cell.rounding)
    stream = nf.Stream(seed).child("stagnation", cell.sum, cell.format, len(terms))
    sums: list[float] = []
    while len(sums) < cell.repeats:
        block = np.broadcast_to(terms, (min(_ROWS_AT_ONCE, cell.repeats - len(sums)), len(terms)))
        sums += map(float, nf.sum(block, acc, axis=1, seed=stream.child(len(sums))))
    return sums


def checks(rows: Sequence[Row]) -> list[Check]:
    """Limits to the bit; stochastic means within four standard errors of the exact sum."""
    found = []
    for row in where(rows, rounding="nearest_even"):
        found += _golden(row)
    for row in where(rows, rounding="stochastic"):
        found += _unbiased(row)
    return found


def _golden(row: Row) -> list[Check]:
    fmt, result = str(row["format"]), number(row, "result")
    if row["sum"] == "harmonic" and fmt in HARMONIC:
        limit, first, source = HARMONIC[fmt]
        stops = exactly(f"{fmt}: first term without effect", number(row, "first_unchanged"), first, source)
        return [exactly(f"{fmt}: limit of the harmonic sum", result, limit, source), stops]
    if row["sum"] == "ones" and fmt in ONES:
        return [exactly(f"{fmt}: a sum of ones stops at", result, ONES[fmt], "2^p: the next sum is a tie")]
    if row["sum"] == "small" and fmt in SMALL:
        return [exactly(f"{fmt}: 10 000 × 1e-4", result, SMALL[fmt], MODEL)]
    if row["sum"] == "drip" and fmt == "bfloat16":
        return [exactly(f"{fmt}: 1 + 1000 × 0.001", result, 1.0, MODEL)]
    return []


def _unbiased(row: Row) -> list[Check]:
    if row["sd"] is None:
        return []
    what = "1 + 1000 × 0.001" if row["sum"] == "drip" else f"{row['n']} harmonic terms"
    name = f"{row['format']}, {what}, stochastic"
    four = 4 * number(row, "sd") / math.sqrt(number(row, "repeats"))
    mean = within(f"{name}: mean", number(row, "result"), number(row, "exact"), "unbiased", absolute=four)
    spread = SPREAD.get((str(row["sum"]), str(row["format"]), int(number(row, "n"))))
    if spread is None or number(row, "repeats") < 100:
        return [mean]
    return [mean, within(f"{name}: sd", number(row, "sd"), spread, MODEL, relative=0.2)]


def findings(rows: Sequence[Row]) -> list[str]:
    """Where two formats stop and why; what stochastic rounding makes of it."""
    found = []
    for row in where(rows, sum="harmonic", rounding="nearest_even"):
        if row["format"] in ("float16", "bfloat16"):
            found.append(_why(str(row["format"]), number(row, "result"), int(number(row, "first_unchanged"))))
    for row in where(rows, sum="harmonic", rounding="stochastic", n=65_536):
        if row["sd"] is not None:
            found.append(
                f"Rounded stochastically, {row['n']} terms in {row['format']} come to {number(row, 'result'):.2f} on "
                f"average over {row['repeats']} sums (exact: {number(row, 'exact'):.2f}; standard deviation "
                f"{number(row, 'sd'):.2f})."
            )
    return found


def _why(fmt: str, limit: float, first: int) -> str:
    gap = nf.get_format(fmt).eps * 2.0 ** (math.frexp(limit)[1] - 1)
    return (
        f"In {fmt} the harmonic series converges, to {limit}: {first - 1} terms contribute, and term {first}, "
        f"{1 / first:.6f}, is less than half the gap of {gap:g} to the next number."
    )


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Each format's sum where it leaves the harmonic curve."""
    stopped = [row for row in where(rows, sum="harmonic", rounding="nearest_even") if row["first_unchanged"]]
    if not stopped:
        return []
    end = 4 * max(number(row, "first_unchanged") for row in stopped)
    lines = [Series("exact", [(2.0**i, _harmonic(2.0**i)) for i in range(math.frexp(end)[1])], guide=True)]
    for row in stopped:
        limit = number(row, "result")
        lines.append(Series(str(row["format"]), [(number(row, "first_unchanged"), limit), (end, limit)]))
    stochastic = series_by(where(rows, sum="harmonic", rounding="stochastic"), "format", "n", "result")
    lines += [Series(f"{line.label}, stochastic", line.points) for line in stochastic]
    how = "Terms 1/n rounded to the format, added one by one with nearest-even until one of them changes nothing."
    caption = _caption(stopped) + (" The means of stochastic sums stay on the curve." if stochastic else "")
    title = "Where the harmonic series stops"
    return [Plot("harmonic", title, "terms n", "sum", [Panel("", lines)], caption, how, log_y=False)]


def _caption(stopped: Sequence[Row]) -> str:
    ordered = sorted(stopped, key=lambda row: number(row, "first_unchanged"))
    terms = [
        f"{row['format']} after {number(row, 'first_unchanged') - 1:.0f} terms" for row in (ordered[0], ordered[-1])
    ]
    return (
        f"Every format leaves the exact curve where a term falls below half a gap, {terms[0]} first, {terms[1]} last; "
        "more terms change nothing."
    )


def _harmonic(n: float) -> float:
    """The n-th harmonic number, to 1e-8 and better from n = 8 on (Euler and Maclaurin)."""
    if n < 8:
        return math.fsum(1 / i for i in range(1, int(n) + 1))
    return float(nf.log(n, "float64")) + 0.5772156649015329 + 1 / (2 * n) - 1 / (12 * n * n) + 1 / (120 * n * n * n * n)


STUDY = Study(
    name="stagnation",
    title="Sums that stop growing",
    question="Where does a sum formed in a format stop growing, and does stochastic rounding keep it going?",
    method="Positive terms (1/n, 1, 1e-4) are rounded to the format and added one after the other in it, every sum "
    "rounded once. The same terms are then added with stochastic rounding, many times, and the mean is compared with "
    "the exact sum of those terms.",
    sources=(
        "D. Malone, To what does the harmonic series converge? Irish Math. Soc. Bulletin 71, 2013",
        "N. J. Higham, Half precision arithmetic: fp16 versus bfloat16, 2018",
        "M. P. Connolly, N. J. Higham, T. Mary, Stochastic rounding and its probabilistic backward error analysis, "
        "SIAM J. Sci. Comput. 43, 2021",
    ),
    see="Harmonic sum stops at 7.0859375 in float16, 5.0625 in bfloat16",
    seconds=5,
    params=Params(),
    small=Params(("bfloat16", "float8_e4m3fn"), stochastic_formats=("bfloat16",), stochastic_n=(64,), repeats=5),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
