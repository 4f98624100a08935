"""What a study shows, as data: `Plot`, its panels and their series. How it is drawn is decided in ``page.py``.

A study stands before the report in the house, so it says which points belong together, what the axes mean and what to
conclude (the caption, computed from the points), and knows neither colours nor a plotting library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..runs.rows import Row
from .selection import distinct, points


@dataclass(frozen=True)
class Series:
    """Points under one name.

    A guide (a bound, an exact curve) is drawn thin and grey: it was computed, not measured.
    """

    label: str
    points: Sequence[tuple[float, float]]
    guide: bool = False


@dataclass(frozen=True)
class Panel:
    """Series on one pair of axes."""

    title: str
    series: Sequence[Series]


@dataclass(frozen=True)
class Plot:
    """Panels that share what their axes mean; both axes logarithmic unless said.

    Attributes
    ----------
    slug : str
        A short name, unique in its study.
    title, x_label, y_label : str
    panels : sequence of Panel
        In the order of reading.
    caption : str
        What to conclude, computed from the points.
    how : str
        How the points were computed.
    log_x, log_y : bool
    """

    slug: str
    title: str
    x_label: str
    y_label: str
    panels: Sequence[Panel]
    caption: str
    how: str
    log_x: bool = True
    log_y: bool = True


def series_by(rows: Sequence[Row], key: str, x: str, y: str) -> list[Series]:
    """A series of (x, y) for every word in a column, in the order in which they come.

    Examples
    --------
    >>> rows = [{"order": "kahan", "k": k, "error": 1.0} for k in (16, 64)]
    >>> series_by(rows, "order", "k", "error")
    [Series(label='kahan', points=[(16.0, 1.0), (64.0, 1.0)], guide=False)]
    """
    return [Series(name, points(rows, x, y, **{key: name})) for name in distinct(rows, key)]


def growth(series: Sequence[Series]) -> str:
    """By what factor each series grows from its first point to its last, in words.

    Examples
    --------
    >>> growth([Series("naive", [(1, 2.0), (9, 613.0)]), Series("exact", [(1, 0.0), (9, 0.0)])])
    'naive × 310'
    """
    return ", ".join(f"{label} × {float(f'{factor:.2g}'):g}" for label, factor in _factors(series).items())


def greatest_growth(series: Sequence[Series]) -> float:
    """The greatest of these factors; 1 where there is none."""
    return max(_factors(series).values(), default=1.0)


def _factors(series: Sequence[Series]) -> dict[str, float]:
    ends = {line.label: (line.points[0][1], line.points[-1][1]) for line in series if len(line.points) > 1}
    return {label: last / first for label, (first, last) in ends.items() if first > 0}
