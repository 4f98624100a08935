"""The order of a sum: batch invariance, split k, and what becomes of probabilities and of the chosen word.

A kernel that picks its order by the size of the batch, or splits k over more blocks when there are few rows, gives
other bits for the same row. Here one order gives the same bits for every batch; two orders differ, in float32 sums by
so little that the most probable word almost never changes, in 16-bit sums often.

Source: He et al. (Thinking Machines) 2025, Defeating nondeterminism in LLM inference, for the question. The limits are
counted: differences between orders are errors of rounding, a few units roundoff of the sum of absolute values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import Check, at_least, at_most, exactly
from .plots import Panel, Plot, series_by
from .samples import draw
from .selection import number, where
from .study import Study, check_counts, check_formats, check_names

_THINKING = "He et al. 2025"

#: order -> how k is summed: split into so many parts, each in order, their sums added in order
ORDERS = MappingProxyType({"batch": 1, "split 2": 2, "split 8": 8, "split 32": 32})


@dataclass(frozen=True)
class Params:
    """Formats of the sums, orders, lengths, rows and words."""

    formats: tuple[str, ...] = ("float32", "tfloat32", "float16", "bfloat16")
    orders: tuple[str, ...] = tuple(ORDERS)
    k: tuple[int, ...] = (512, 2048)
    rows: int = 256
    words: int = 64

    def __post_init__(self) -> None:
        check_formats(self, "formats", precision=24)
        check_names(self, "orders", ORDERS)
        check_counts(self, "k", "rows", "words")


@dataclass(frozen=True)
class Cell:
    """Logits of `rows` rows for `words` words, in one order against the plain one."""

    format: str
    order: str
    k: int
    rows: int
    words: int


def cells(params: Params) -> Iterator[Cell]:
    """Every order of every format at every length."""
    for fmt in params.formats:
        for order in params.orders:
            for k in params.k:
                yield Cell(fmt, order, k, params.rows, params.words)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Shares of logits and most probable words that differ, greatest difference, mean Kullback-Leibler divergence."""
    stream = nf.Stream(seed).child("reduction-order", cell.k, cell.rows, cell.words)
    a = nf.round(draw("normal", (cell.rows, cell.k), stream.child("a")), "bfloat16")
    b = nf.round(draw("normal", (cell.k, cell.words), stream.child("b")) / math.sqrt(cell.k), "bfloat16")
    plain = np.float64(nf.matmul(a, b, cell.format))
    other = _in_order(cell, a, b)
    return {
        "differing": _share(plain != other),
        "greatest": float(np.abs(plain - other).max()),
        "flips": _share(plain.argmax(axis=1) != other.argmax(axis=1)),
        "divergence": _divergence(plain, other),
    }


def _in_order(cell: Cell, a: Any, b: Any) -> Any:
    """The same logits another way: in batches of another size, or with k split."""
    parts = ORDERS[cell.order]
    if parts == 1:
        one_by_one = [nf.matmul(a[i : i + size], b, cell.format) for i, size in _batches(len(a))]
        return np.float64(np.concatenate(one_by_one))
    block = -(-cell.k // parts)
    return np.float64(nf.matmul(a, b, nf.Accumulator(cell.format, order="blocked", block=block)))


def _batches(rows: int) -> Iterator[tuple[int, int]]:
    """Starts and sizes 1, 2, 3, 5, 8, ... of batches."""
    start, size, following = 0, 1, 2
    while start < rows:
        yield start, size
        start, size, following = start + size, following, size + following


def _share(some: Any) -> float:
    return int(np.count_nonzero(some)) / some.size


def _divergence(plain: Any, other: Any) -> float:
    """Mean over rows of sum p log(p / q), p and q the softmax of the logits."""
    logs = []
    for logits in (plain, other):
        shifted = logits - logits.max(axis=1, keepdims=True)
        total = np.array([math.fsum(row) for row in nf.exp(shifted, "float64").tolist()])
        logs.append(shifted - nf.log(total, "float64")[:, None])
    terms = nf.exp(logs[0], "float64") * (logs[0] - logs[1])
    return math.fsum(terms.ravel().tolist()) / len(plain)


def checks(rows: Sequence[Row]) -> list[Check]:
    """One order, one result; two orders differ, by rounding errors and no more."""
    found = []
    for row in rows:
        name, u = f"{row['format']}, {row['order']}, k = {row['k']}", nf.get_format(str(row["format"])).eps / 2
        if row["order"] == "batch":
            found.append(
                exactly(f"{name}: share of logits that depend on the batch", number(row, "differing"), 0.0, _THINKING)
            )
            continue
        found.append(at_least(f"{name}: share of logits that differ", number(row, "differing"), 0.3, _THINKING))
        # both sums of k terms are off by at most k u times the sum of |terms|, by sqrt(k) u times the sums on average
        limit = 8 * math.sqrt(number(row, "k")) * u
        found.append(at_most(f"{name}: greatest difference", number(row, "greatest"), max(limit, 8 * u), "√k u"))
        if row["format"] == "float32":
            found.append(at_most(f"{name}: share of words that change", number(row, "flips"), 0.005, _THINKING))
            found.append(at_most(f"{name}: divergence", number(row, "divergence"), 1e-9, "(√k u)²"))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """How often the chosen word changes."""
    found = []
    if any(row["order"] == "batch" for row in rows):
        differs = max(number(row, "differing") for row in where(rows, order="batch"))
        found.append(f"In one order, at most {100 * differs:g} % of the logits depend on the size of the batch.")
    for row in where(rows, order="split 8"):
        found.append(
            f"Split into 8, sums in {row['format']} of length {row['k']} change {100 * number(row, 'differing'):.2g} % "
            f"of the logits and {100 * number(row, 'flips'):.2g} % of the most probable words."
        )
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Divergence against length."""
    panels = [
        Panel(order, series_by(where(rows, order=order), "format", "k", "divergence"))
        for order in dict.fromkeys(str(row["order"]) for row in rows)
    ]
    if not panels:
        return []
    caption = "One order gives one result; between orders the divergence is that of rounding, squared."
    how = "Mean Kullback-Leibler divergence of the softmax of logits summed in the named order against the plain one."
    return [Plot("divergence", "Divergence between two orders", "length k", "divergence", panels, caption, how)]


STUDY = Study(
    name="reduction-order",
    title="The order of a sum, and the word that is chosen",
    question="What changes when the same row is computed in another batch, or its sum is split?",
    method="Logits of random rows (bfloat16 operands, exact products) are summed in each format in order of k, in "
    "batches of all sizes, and in 2, 8 and 32 parts; their softmax and most probable word are compared.",
    sources=("H. He et al., Defeating nondeterminism in LLM inference, Thinking Machines Lab, 2025",),
    see="Split sums change most logits, and in float32 hardly a word",
    seconds=5,
    params=Params(),
    small=Params(("float32", "bfloat16"), ("batch", "split 2"), (32,), 8, 8),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
