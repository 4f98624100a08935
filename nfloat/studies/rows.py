"""Rows: one per cell of a study's grid, a flat dict of numbers and words, kept as JSON Lines.

A row is the study's name, the seed, the cell's coordinates, then what was measured, in the same order in every row of a
study. It holds nothing that differs between two runs of the same plan (times and versions stand in
``provenance.json``), so any tool that reads JSON Lines can work with ``rows.jsonl``.

JSON knows no infinities: a number that is not finite is written as the string "inf", "-inf" or "nan".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from ..errors import ArgumentError

Value: TypeAlias = str | int | float | None
Row: TypeAlias = dict[str, Value]

_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def to_line(row: Row) -> str:
    """A row as one line of JSON, without the line end; floats keep every bit.

    Examples
    --------
    >>> to_line({"format": "float16", "n": 3, "limit": 0.1, "sd": float("nan")})
    '{"format":"float16","n":3,"limit":0.1,"sd":"nan"}'
    """
    safe = {key: str(v) if isinstance(v, float) and not math.isfinite(v) else v for key, v in row.items()}
    return json.dumps(safe, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def from_line(line: str) -> Row:
    """The row of a line.

    Raises
    ------
    ArgumentError
        If the line is no JSON object of numbers, words and nulls.
    """
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict) or not all(isinstance(v, str | int | float | None) for v in row.values()):
        raise ArgumentError(f"line={line[:80]!r} is not a row: expected a flat JSON object")
    return {key: _NOT_FINITE.get(v, v) if isinstance(v, str) else v for key, v in row.items()}


def read_rows(path: Path) -> list[Row]:
    """All rows of a file; a last line that an interruption cut short is left out.

    Raises
    ------
    ArgumentError
        If there is no such file, or a line other than the last is no row; the message names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ArgumentError(f"{path}: cannot be read ({reason}); expected the rows of a run") from None
    return list(_parse(path, lines[:-1]))


def _parse(path: Path, lines: Sequence[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        try:
            yield from_line(line)
        except ArgumentError as error:
            raise ArgumentError(f"{path}, line {number}: {error}") from None


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a whole file of rows."""
    path.write_text("".join(to_line(row) + "\n" for row in rows), encoding="utf-8", newline="\n")


def where(rows: Iterable[Row], **coordinates: Value) -> list[Row]:
    """The rows that have these values.

    Examples
    --------
    >>> where([{"n": 1, "x": 0.5}, {"n": 2, "x": 0.25}], n=2)
    [{'n': 2, 'x': 0.25}]
    """
    return [row for row in rows if all(row.get(key) == value for key, value in coordinates.items())]


def points(rows: Iterable[Row], x: str, y: str, **coordinates: Value) -> list[tuple[float, float]]:
    """(x, y) of the rows that have these values, by ascending x; rows without a y are left out."""
    found = [(row[x], row[y]) for row in where(rows, **coordinates)]
    return sorted((float(a), float(b)) for a, b in found if isinstance(a, int | float) and isinstance(b, int | float))


def number(row: Row, key: str) -> float:
    """A column of a row that holds a number there."""
    value = row[key]
    assert isinstance(value, int | float), f"{key} of {row} is no number"
    return float(value)


def distinct(rows: Iterable[Row], key: str) -> list[str]:
    """The words in a column, each once, in the order in which they come."""
    return list(dict.fromkeys(str(row[key]) for row in rows))
