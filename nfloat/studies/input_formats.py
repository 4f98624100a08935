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

import numpy as np
from numpy.typing import NDArray

import nfloat as nf

from .checks import Check, within
from .plots import Panel, Plot, Series
from .rows import Row, Value, distinct, points, where
from .samples import draw
from .study import Study, check_counts, check_formats

_MODEL = "independent float64 model"
_BITS = "3 bits: 2³"

#: format -> (relative Frobenius error of the product, SQNR of the operands in dB or None)
EXPECTED: dict[str, tuple[float, float | None]] = {
    "bfloat16": (2.35e-3, 55.6), "tfloat32": (2.94e-4, 73.7), "float16": (2.94e-4, 73.7), "float8_e4m3fn": (3.77e-2, None),
    "float8_e5m2": (7.45e-2, None), "float32": (3.6e-8, None),
}  # fmt: skip


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
    """Relative Frobenius error (of all products as one), and the signal-to-quantisation-noise ratio of the format in
    dB.
    """
    stream = nf.Stream(seed).child("input-formats")
    a = draw("normal", (cell.repeats, cell.size, cell.k), stream.child(cell.k, "a"))
    b = draw("normal", (cell.repeats, cell.k, cell.size), stream.child(cell.k, "b"))
    exact = nf.matmul(a, b, "float64")
    error = nf.matmul(a, b, "float64", inputs=cell.format) - exact
    x = draw("normal", (_SAMPLES,), stream.child("cast"))
    noise = _norm(nf.round(x, cell.format) - x)
    return {
        "frobenius": _norm(error) / _norm(exact),
        "sqnr_db": 20 * math.log10(_norm(x) / noise) if noise else math.inf,
    }


def _norm(x: NDArray[np.floating]) -> float:
    return math.sqrt(math.fsum((x * x).ravel()))


def checks(rows: Sequence[Row]) -> list[Check]:
    """Errors and SQNR; bfloat16 over tfloat32 is 8.00 within 1 % at every length; tfloat32 equals float16."""
    found = []
    for row in rows:
        fmt, k = str(row["format"]), row["k"]
        error, sqnr = EXPECTED.get(fmt, (None, None))
        if error is not None:
            found.append(within(f"{fmt}, K = {k}: Frobenius", _f(row["frobenius"]), error, _MODEL, relative=0.02))
        if sqnr is not None:
            found.append(within(f"{fmt}, K = {k}: SQNR in dB", _f(row["sqnr_db"]), sqnr, _MODEL, absolute=0.1))
    return found + _ratios(rows)


def _ratios(rows: Sequence[Row]) -> list[Check]:
    found = []
    for k in distinct(rows, "k"):
        at = {str(row["format"]): row for row in where(rows, k=k)}
        if {"bfloat16", "tfloat32"} <= set(at):
            bf16, tf32 = at["bfloat16"], at["tfloat32"]
            found.append(
                within(
                    f"bfloat16 / tfloat32, K = {k}",
                    _f(bf16["frobenius"]) / _f(tf32["frobenius"]),
                    8.0,
                    _BITS,
                    relative=0.01,
                )
            )
            a_bit = (_f(tf32["sqnr_db"]) - _f(bf16["sqnr_db"])) / 3
            found.append(within(f"SQNR a bit in dB, K = {k}", a_bit, 20 * math.log10(2), "20 log10(2)", relative=0.01))
        if {"float16", "tfloat32"} <= set(at):
            ratio = _f(at["float16"]["frobenius"]) / _f(at["tfloat32"]["frobenius"])
            found.append(within(f"float16 / tfloat32, K = {k}", ratio, 1.0, "same precision", relative=0.01))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """The factor of eight."""
    ratios = [check.measured for check in _ratios(rows) if check.figure.startswith("bfloat16 / tfloat32")]
    if not ratios:
        return []
    return [
        f"Rounding the operands to bfloat16 costs {min(ratios):.2f} to {max(ratios):.2f} times the error of tfloat32, at every length: tfloat32 has bfloat16's "
        "range and float16's precision."
    ]


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Error against length: flat lines."""
    series = [Series(str(fmt), points(rows, "k", "frobenius", format=fmt)) for fmt in distinct(rows, "format")]
    if not series:
        return []
    spread = [
        max(y for _, y in s.points) / min(y for _, y in s.points) - 1 for s in series if all(y > 0 for _, y in s.points)
    ]
    caption = f"The error does not depend on the length: no format's changes by more than {100 * max(spread, default=0.0):.1g} %. "
    caption += "What does count is the precision, a factor of two a bit."
    how = "Normal matrices rounded to the format, summed in float64; ||error|| / ||exact||."
    return [
        Plot(
            "length",
            "Error of a product by input format",
            "length K",
            "relative Frobenius error",
            [Panel("", series)],
            caption,
            how,
        )
    ]


def _f(value: Value) -> float:
    return float(value)  # type: ignore[arg-type]


STUDY = Study(
    name="input-formats",
    title="bfloat16, tfloat32 and float16 as input formats",
    question="How much of a product's accuracy is lost by rounding its operands?",
    method="Normal matrices are rounded to each format and multiplied with float64 sums, so that rounding the operands is the only error.",
    sources=(
        "NVIDIA, Accelerating AI training with NVIDIA TF32 tensor cores, 2021",
        "P. Micikevicius et al., FP8 formats for deep learning, 2022 (arXiv:2209.05433)",
    ),
    params=Params(),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
