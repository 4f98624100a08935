"""What a study shows, as data: `Plot`, its panels and their series. How it is drawn is decided in ``nfloat.report``.

A study stands before the report in the house, so it says which points belong together, what the axes mean and what to
conclude (the caption, computed from the points), and knows neither colours nor a plotting library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """Points under one name. A guide (a bound, an exact curve) is drawn thin and grey: it was computed, not
    measured.
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
