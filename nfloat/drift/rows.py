"""What is written: one row per (recipe, step, layer, tensor, metric), as JSON Lines.

A row is a plain dict with the keys of `ROW_KEYS`, in that order. ``rows.jsonl`` holds nothing that differs between
two runs of the same configuration: no time, no duration, no version (those stand in ``provenance.json``).

`layer` is the layer's place in the model ("0", "2", as in ``model.parameters()``) or `MODEL` for the model as a
whole; `step` counts the updates done before the measurement, so weights have rows up to ``steps`` and gradients up to
``steps - 1``.

| tensor | metrics |
|---|---|
| loss (of the model) | batch_loss, batch_loss_gap, train_loss, train_loss_gap, test_error; if scaled: scale, skipped |
| weight, bias; weights (of the model) | path_distance, stagnation |
| weight.grad, bias.grad | relative_error, cosine |
| weights.grad (of the model) | the same, and error_from.<place> (``attribution.py``) |
| activation, activation.grad, gemm.x, weight.copy, weight.update, ... | underflow, overflow |

JSON knows no infinities: a value that is not finite is written as the string "inf", "-inf" or "nan", which both
Python's and SQL's float conversion read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypedDict

from ..errors import ArgumentError

#: `layer` of what concerns the model as a whole
MODEL = "model"

#: the metric of the last row of a recipe: where it stands at the last step, the recipe is complete
LAST_METRIC = "test_error"

ROW_KEYS = ("recipe", "step", "layer", "tensor", "metric", "value")


class Row(TypedDict):
    """One measurement."""

    recipe: str
    step: int
    layer: str
    tensor: str
    metric: str
    value: float


def to_line(row: Row) -> str:
    """A row as one line of JSON, without the line end; floats keep every bit.

    Examples
    --------
    >>> to_line({"recipe": "tf32", "step": 3, "layer": "0", "tensor": "weight", "metric": "m", "value": 0.1})
    '{"recipe":"tf32","step":3,"layer":"0","tensor":"weight","metric":"m","value":0.1}'
    """
    value = row["value"]
    if not math.isfinite(value):
        row = {**row, "value": str(float(value))}  # type: ignore[typeddict-item]
    return json.dumps(row, separators=(",", ":"), allow_nan=False)


def from_line(line: str) -> Row:
    """The row of a line.

    Raises
    ------
    ArgumentError
        If the line is not JSON or is no row.
    """
    try:
        row = json.loads(line)
        if tuple(row) != ROW_KEYS:
            raise ValueError
        row["value"] = float(row["value"])
    except (ValueError, TypeError, AttributeError):
        raise ArgumentError(
            f"line={line[:80]!r} is not a row: expected an object with the keys {', '.join(ROW_KEYS)}"
        ) from None
    return row


def read_rows(path: Path) -> list[Row]:
    """All rows of a file; a last line that an interruption cut short is left out.

    Raises
    ------
    ArgumentError
        If there is no such file, or a line other than the last is no row; the message names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise ArgumentError(f"{path}: cannot be read ({error.strerror}); expected the rows of a drift run") from None
    return list(_parse(path, lines))


def _parse(path: Path, lines: list[str]) -> Iterator[Row]:
    # text after the last line end is what an interrupted write left
    for number, line in enumerate(lines[:-1], start=1):
        try:
            yield from_line(line)
        except ArgumentError as error:
            raise ArgumentError(f"{path}, line {number}: {error}") from None


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a whole file of rows."""
    path.write_text("".join(to_line(row) + "\n" for row in rows), encoding="utf-8", newline="\n")


class Key(NamedTuple):
    """What a series of rows has in common: all but step and value."""

    recipe: str
    layer: str
    tensor: str
    metric: str


def by_series(rows: Iterable[Row]) -> dict[Key, list[tuple[int, float]]]:
    """Rows grouped into series of (step, value), in the order in which they stand.

    Examples
    --------
    >>> rows = [{"recipe": "a", "step": s, "layer": "0", "tensor": "w", "metric": "m", "value": s / 2} for s in (0, 10)]
    >>> by_series(rows)[Key("a", "0", "w", "m")]
    [(0, 0.0), (10, 5.0)]
    """
    series: dict[Key, list[tuple[int, float]]] = {}
    for row in rows:
        key = Key(row["recipe"], row["layer"], row["tensor"], row["metric"])
        series.setdefault(key, []).append((row["step"], row["value"]))
    return series
