"""Block formats: how much noise a shared scale leaves, in dB, for three kinds of data.

A block of 32 (MX) or 16 (NVFP4) shares one scale. The signal-to-quantisation-noise ratio says how well: 6.02 dB are a
bit. NVFP4's finer scale beats MXFP4 by 1.6 to 4 dB; inside a block of such data E3M2 is as good as E5M2.

Sources: OCP Microscaling Formats 1.0; Rouhani et al. 2023; NVIDIA's NVFP4 2025. The table was first computed with an
independent float64 model that rounds explicitly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, between, within
from .plots import Panel, Plot, Series
from .samples import draw
from .selection import distinct, number, where
from .study import Study, check_counts, check_names

#: data -> format -> SQNR in dB
EXPECTED = {
    "normal": {
        "mxfp8_e4m3": 30.64, "mxfp8_e5m2": 25.35, "mxfp6_e2m3": 30.94, "mxfp4": 18.79, "mxint8": 41.66, "nvfp4": 20.44,
        "float8_e4m3fn": 31.54, "bfloat16": 55.58,
    },
    "laplace": {
        "mxfp8_e4m3": 29.94, "mxfp8_e5m2": 25.20, "mxfp6_e2m3": 30.28, "mxfp4": 17.92, "mxint8": 40.00, "nvfp4": 20.65,
        "float8_e4m3fn": 31.52, "bfloat16": 55.62,
    },
    "student t3": {
        "mxfp8_e4m3": 29.32, "mxfp8_e5m2": 25.09, "mxfp6_e2m3": 29.10, "mxfp4": 17.02, "mxint8": 37.93, "nvfp4": 20.92,
        "float8_e4m3fn": 31.59, "bfloat16": 55.43,
    },
}  # fmt: skip
FORMATS = (*EXPECTED["normal"], "mxfp6_e3m2")


@dataclass(frozen=True)
class Params:
    """Kinds of data, formats, numbers of each."""

    data: tuple[str, ...] = tuple(EXPECTED)
    formats: tuple[str, ...] = FORMATS
    samples: int = 2**20

    def __post_init__(self) -> None:
        check_names(self, "data", EXPECTED)
        check_names(self, "formats", FORMATS)
        check_counts(self, "samples")


@dataclass(frozen=True)
class Cell:
    """Numbers of one kind in one format."""

    data: str
    format: str
    samples: int


def cells(params: Params) -> Iterator[Cell]:
    """Every format for every kind of data."""
    for data in params.data:
        for fmt in params.formats:
            yield Cell(data, fmt, params.samples)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """The signal-to-quantisation-noise ratio in dB."""
    x = _samples(cell.data, cell.samples, nf.Stream(seed).child("block-sqnr", cell.data))
    noise, signal = _squares(_rounded(x, cell.format) - x), _squares(x)
    return {"sqnr_db": 10 * float(nf.log10(signal / noise, "float64")) if noise else math.inf}


def _samples(data: str, count: int, stream: nf.Stream) -> Any:
    """Random numbers: Laplace by the logarithm of a uniform one, Student's t as a normal over a root of squares."""
    if data == "normal":
        return draw("normal", (count,), stream)
    if data == "laplace":
        u = draw("symmetric", (count,), stream)
        return np.sign(u) * -nf.log1p(-np.abs(u), "float64")
    x = draw("normal", (4, count), stream)
    return x[0] / np.sqrt((x[1] * x[1] + x[2] * x[2] + x[3] * x[3]) / 3.0)


def _rounded(x: Any, name: str) -> Any:
    """The numbers as the format holds them; FP8 with one scale for all, a float32 as a framework has it."""
    if name in nf.BLOCK_FORMATS:
        return nf.round(x, nf.BLOCK_FORMATS[name])
    if name == "float8_e4m3fn":
        scale = float(nf.round(float(np.abs(x).max()) / nf.get_format(name).max, "float32"))
        return scale * nf.round(x / scale, name, overflow="saturate")
    return nf.round(x, name)


def _squares(x: Any) -> float:
    return math.fsum((x * x).tolist())


def checks(rows: Sequence[Row]) -> list[Check]:
    """The table (within 0.15 dB; 0.4 for heavy tails), and what holds between formats."""
    found = []
    if not rows or number(rows[0], "samples") < 2**20:
        return []
    for row in rows:
        value = EXPECTED[str(row["data"])].get(str(row["format"]))
        if value is not None:
            off = 0.4 if row["data"] == "student t3" else 0.15
            found.append(
                within(f"{row['data']}, {row['format']}: dB", number(row, "sqnr_db"), value, MODEL, absolute=off)
            )
    for data in distinct(rows, "data"):
        db = {str(row["format"]): number(row, "sqnr_db") for row in where(rows, data=data)}
        if {"nvfp4", "mxfp4"} <= set(db):
            gain = db["nvfp4"] - db["mxfp4"]
            found.append(between(f"{data}: NVFP4 above MXFP4 in dB", gain, 1.6, 4.1, MODEL))
        if {"mxfp6_e3m2", "mxfp8_e5m2"} <= set(db):
            same = db["mxfp6_e3m2"] - db["mxfp8_e5m2"]
            found.append(within(f"{data}: MX E3M2 above E5M2 in dB", same, 0.0, MODEL, absolute=0.4))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """Best and worst per kind of data."""
    found = []
    for data in distinct(rows, "data"):
        ranked = sorted(where(rows, data=data), key=lambda row: -number(row, "sqnr_db"))
        told = ", ".join(f"{row['format']} {number(row, 'sqnr_db'):.1f}" for row in ranked)
        found.append(f"{data.capitalize()} data, in dB: {told}.")
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """dB by kind of data, a line per format."""
    kinds = distinct(rows, "data")
    lines = [
        Series(fmt, [(kinds.index(str(row["data"])) + 1.0, number(row, "sqnr_db")) for row in where(rows, format=fmt)])
        for fmt in distinct(rows, "format")
    ]
    if not lines:
        return []
    caption = f"Kinds of data from left to right: {', '.join(kinds)}. Heavy tails cost a shared scale most."
    how = "Signal over quantisation noise of random numbers, in dB."
    title, y = "Noise of block formats", "SQNR in dB"
    return [Plot("sqnr", title, "kind of data", y, [Panel("", lines)], caption, how, log_x=False, log_y=False)]


STUDY = Study(
    name="block-sqnr",
    title="Block formats: signal over quantisation noise",
    question="How much precision does a scale that is shared by 16 or 32 numbers leave?",
    method="A million random numbers, normal, Laplace and Student's t with three degrees of freedom, are rounded to "
    "each format along one axis.",
    sources=(
        "OCP Microscaling Formats (MX) Specification 1.0, 2023",
        "B. Rouhani et al., Microscaling data formats for deep learning, 2023 (arXiv:2310.10537)",
        "NVIDIA, Pretraining large language models with NVFP4, 2025 (arXiv:2509.25149)",
    ),
    see="NVFP4 is 1.6 to 4 dB above MXFP4",
    seconds=22,
    params=Params(),
    small=Params(("normal", "student t3"), ("mxfp4", "nvfp4"), 2**10),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
