"""Selecting from a study's rows.

A row has the study's name, the seed, the cell's coordinates, then what was measured, in the same order in every row of
a study; ``nfloat/runs/rows.py`` keeps it as a line of JSON.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..runs.rows import Row, Value


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
