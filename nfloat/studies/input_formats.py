"""bfloat16, tfloat32, float16 as input formats of a product: three bits are a factor of eight, at any length.

Normal matrices are rounded to the format and multiplied with float64 sums, so that rounding the operands is the only
error. tfloat32 is an input mode of matrix units: operands rounded, products exact, sums in float32; storage stays
float32.

Sources: NVIDIA's TF32 post 2021 (what the mode is); SQNR of a uniform relative error: 6.02 dB a bit. The figures
were first computed with an independent float64 model that rounds explicitly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, within
from .plots import Panel, Plot, series_by
from .samples import draw
from .selection import number, where
from .study import Study, check_counts, check_formats

_EIGHT = "bfloat16 / tfloat32"

#: format -> (relative Frobenius error of the product, SQNR of the operands in dB or None)
EXPECTED: dict[str, tuple[float, float | None]] = {
    "bfloat16": (2.35e-3, 55.6),
    "tfloat32": (2.94e-4, 73.7),
    "float16": (2.94e-4, 73.7),
    "float8_e4m3fn": (3.77e-2, None),
    "float8_e5m2": (7.45e-2, None),
    "float32": (3.6e-8, None),
}

#: numbers whose rounding gives the SQNR
_SAMPLES = 2**18


@dataclass(frozen=True)
class Params:
    """Formats, lengths, the size of the results and the number of products."""

    formats: tuple[str, ...] = tuple(EXPECTED)
    k: tuple[int, ...] = (64, 256, 1024)
    size: int = 256
    repeats: int = 4

    def __post_init__(self) -> None:
        check_formats(self, "formats")
        check_counts(self, "k", "size", "repeats")


@dataclass(frozen=True)
class Cell:
    """`repeats` products (size, k) @ (k, size)."""

    format: str
    k: int
    size: int
    repeats: int


def cells(params: Params) -> Iterator[Cell]:
    """Every format at every length."""
    for fmt in params.formats:
        for k in params.k:
            yield Cell(fmt, k, params.size, params.repeats)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Relative Frobenius error (of all products as one), and the format's signal-to-quantisation-noise ratio in dB."""
    stream = nf.Stream(seed).child("input-formats")
    a = draw("normal", (cell.repeats, cell.size, cell.k), stream.child(cell.k, "a"))
    b = draw("normal", (cell.repeats, cell.k, cell.size), stream.child(cell.k, "b"))
    exact = nf.matmul(a, b, "float64")
    error = nf.matmul(a, b, "float64", inputs=cell.format) - exact
    x = _cast(seed)
    noise = _norm(nf.round(x, cell.format) - x)
    return {
        "frobenius": _norm(error) / _norm(exact),
        "sqnr_db": 20 * float(nf.log10(_norm(x) / noise, "float64")) if noise else math.inf,
    }


@lru_cache(maxsize=1)
def _cast(seed: int) -> NDArray[np.float64]:
    """What every cell casts: the same numbers, so drawn once."""
    return draw("normal", (_SAMPLES,), nf.Stream(seed).child("input-formats").child("cast"))


def _norm(x: NDArray[np.floating]) -> float:
    return math.sqrt(math.fsum((x * x).ravel().tolist()))


def checks(rows: Sequence[Row]) -> list[Check]:
    """Errors and SQNR; bfloat16 over tfloat32 is 8.00 within 1 % at every length; tfloat32 equals float16."""
    found = []
    for row in rows:
        error, sqnr = EXPECTED.get(str(row["format"]), (None, None))
        name = f"{row['format']}, K = {row['k']}"
        if error is not None:
            found.append(within(f"{name}: Frobenius", number(row, "frobenius"), error, MODEL, relative=0.02))
        if sqnr is not None:
            found.append(within(f"{name}: SQNR in dB", number(row, "sqnr_db"), sqnr, MODEL, absolute=0.1))
    for k in dict.fromkeys(row["k"] for row in rows):
        found += _ratios(where(rows, k=k))
    return found


def _ratios(rows: Sequence[Row]) -> list[Check]:
    """What holds between formats at one length."""
    error = {str(row["format"]): number(row, "frobenius") for row in rows}
    sqnr = {str(row["format"]): number(row, "sqnr_db") for row in rows}
    at, found = f"K = {rows[0]['k']}", []
    if {"bfloat16", "tfloat32"} <= set(error):
        ratio = error["bfloat16"] / error["tfloat32"]
        found.append(within(f"{_EIGHT}, {at}", ratio, 8.0, "3 bits: 2³", relative=0.01))
        a_bit = (sqnr["tfloat32"] - sqnr["bfloat16"]) / 3
        found.append(
            within(f"SQNR a bit in dB, {at}", a_bit, 20 * float(nf.log10(2, "float64")), "20 log10(2)", relative=0.01)
        )
    if {"float16", "tfloat32"} <= set(error):
        ratio = error["float16"] / error["tfloat32"]
        found.append(within(f"float16 / tfloat32, {at}", ratio, 1.0, "same precision", relative=0.01))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """The factor of eight."""
    ratios = [check.measured for check in checks(rows) if check.figure.startswith(_EIGHT)]
    if not ratios:
        return []
    return [
        f"Rounding the operands to bfloat16 costs {min(ratios):.2f} to {max(ratios):.2f} times the error of tfloat32, "
        "at every length: tfloat32 has bfloat16's range and float16's precision."
    ]


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Error against length: flat lines."""
    series = series_by(rows, "format", "k", "frobenius")
    if not series:
        return []
    ranges = [[y for _, y in line.points if y > 0] for line in series]
    spread = max((max(of) / min(of) - 1 for of in ranges if of), default=0.0)
    caption = f"The error does not depend on the length: no format's changes by more than {100 * spread:.1g} %. "
    caption += "What counts is the precision: a factor of two a bit."
    how = "Normal matrices rounded to the format, summed in float64; ||error|| / ||exact||."
    title, y_label = "Error of a product by input format", "relative Frobenius error"
    return [Plot("length", title, "length K", y_label, [Panel("", series)], caption, how)]


STUDY = Study(
    name="input-formats",
    title="bfloat16, tfloat32 and float16 as input formats",
    question="How much of a product's accuracy is lost by rounding its operands?",
    method="Normal matrices are rounded to each format and multiplied with float64 sums, so that rounding the operands "
    "is the only error.",
    sources=(
        "NVIDIA, Accelerating AI training with NVIDIA TF32 tensor cores, 2021",
        "P. Micikevicius et al., FP8 formats for deep learning, 2022 (arXiv:2209.05433)",
    ),
    see="bfloat16 inputs err eight times as much as tfloat32's, whatever K",
    seconds=8,
    params=Params(),
    small=Params(("bfloat16", "tfloat32"), k=(16, 32), size=16, repeats=1),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
