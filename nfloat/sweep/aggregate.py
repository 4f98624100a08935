"""What a page needs of a sweep's rows: values by pairs of axes, bands over seeds, the front of cost against value.

Rows pass by once; of each, one or two numbers are kept.
"""

from __future__ import annotations

import math
import statistics
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import ArgumentError, nearest_names
from ..runs.rows import Row, Value
from .grid import Grid

#: what repeats a cell rather than changing it
SEED = "seed"


class Shown(NamedTuple):
    """The axes and measures that a page shows; "" where there is none."""

    rows: str
    columns: str
    along: str
    value: str
    cost: str


class Band(NamedTuple):
    """Mean, least and greatest of a value at one place of the axis, over seeds and all that is not shown."""

    x: float
    mean: float
    low: float
    high: float


class Candidate(NamedTuple):
    """What one row of the front is of: the axes' values, mean cost, mean value; whether nothing is better in both."""

    name: str
    series: str
    cost: float
    value: float
    front: bool


@dataclass
class Aggregate:
    """Numbers by the values of the shown axes."""

    shown: Shown
    #: values by (row, column)
    pairs: dict[tuple[str, str], array[float]] = field(default_factory=dict)
    #: values by row's name and place on the axis
    lines: dict[str, dict[float, array[float]]] = field(default_factory=dict)
    #: (costs, values) by the values of all axes but the seed
    points: dict[tuple[str, str], tuple[array[float], array[float]]] = field(default_factory=dict)
    count: int = 0
    missing: int = 0

    def heat(self) -> dict[tuple[str, str], float]:
        """The median of each pair."""
        return {pair: statistics.median(values) for pair, values in self.pairs.items()}

    def bands(self) -> dict[str, list[Band]]:
        """Each row's band, along the axis; places with a value that is not finite are left out."""
        return {
            name: [
                Band(x, statistics.fmean(of), min(of), max(of))
                for x, of in sorted(places.items())
                if all(map(math.isfinite, of))
            ]
            for name, places in self.lines.items()
        }

    def candidates(self) -> list[Candidate]:
        """Every combination that has a finite cost and value, the front marked."""
        means = [
            (name, series, statistics.fmean(costs), statistics.fmean(values))
            for (name, series), (costs, values) in self.points.items()
            if all(map(math.isfinite, (*costs, *values)))
        ]
        best, front = math.inf, set()
        for name, series, cost, value in sorted(means, key=lambda one: (one[2], one[3])):
            if value < best:
                best = value
                front.add((name, series, cost, value))
        return [Candidate(*one, one in front) for one in means]


def shown(grid: Grid, first: Row) -> Shown:
    """What a grid's page shows: as its `page` says, else the axes with the most values.

    Raises
    ------
    ArgumentError
        If a measure is named that the rows do not have, or that is no number.
    """
    axes = [key for key in grid.varied if key != SEED]
    numeric = [key for key in axes if all(isinstance(value, int | float) for value in grid.axes[key])]
    words = [key for key in axes if key not in numeric]
    by_size = sorted(words, key=lambda key: -len(grid.axes[key])) or axes
    rows = grid.page.get("rows") or (by_size[0] if by_size else grid.task.keys[0])
    rest = [key for key in (*numeric, *words) if key != rows]
    columns = grid.page.get("columns") or (max(rest, key=lambda key: len(grid.axes[key])) if rest else "")
    along = columns if columns in numeric else next((key for key in numeric if key != rows), "")
    return Shown(
        rows,
        columns,
        along,
        _measure(grid, first, "value", grid.task.value),
        _measure(grid, first, "cost", grid.task.cost),
    )


def _measure(grid: Grid, row: Row, key: str, default: str) -> str:
    name = grid.page.get(key, default)
    measures = [name for name in row if name not in (*grid.task.keys, "key", "crc")]
    if name and name not in measures:
        raise ArgumentError(f"page.{key}={name!r} is no measure of the task; {nearest_names(name, measures)}")
    return name


def aggregate(grid: Grid, rows: Iterable[Row]) -> Aggregate | None:
    """All that the page needs; None without rows."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return None
    found = Aggregate(shown(grid, first))
    for row in _chain(first, rows):
        found.count += 1
        value = row.get(found.shown.value)
        if not isinstance(value, int | float):
            found.missing += 1
            continue
        _take(found, grid, row, float(value))
    return found


def _chain(first: Row, rows: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rows


def _take(found: Aggregate, grid: Grid, row: Row, value: float) -> None:
    of = found.shown
    name = said(row[of.rows])
    if of.columns:
        found.pairs.setdefault((name, said(row[of.columns])), array("d")).append(value)
    if of.along:
        x = row[of.along]
        assert isinstance(x, int | float)
        found.lines.setdefault(name, {}).setdefault(float(x), array("d")).append(value)
    cost = row.get(of.cost) if of.cost else None
    if isinstance(cost, int | float):
        costs, values = found.points.setdefault((_combination(grid, row), name), (array("d"), array("d")))
        costs.append(float(cost))
        values.append(value)


def _combination(grid: Grid, row: Mapping[str, Value]) -> str:
    """The values of all axes but the seed, in words."""
    axes: Sequence[str] = [key for key in grid.varied if key != SEED]
    return ", ".join(said(row[key]) if isinstance(row[key], str) else f"{key} {said(row[key])}" for key in axes)


def said(value: Value) -> str:
    """A coordinate as a name on a page."""
    if value == "":
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
