"""Lines on one or several pairs of axes: what ``charts.py`` draws over steps, over any quantity, side by side.

One panel: names at the lines' ends. Several: one key above all, shared scales, so that panels can be compared. A
thin line was computed rather than measured (a bound, an exact curve): it has the colour of the measured line of the
same name, or that of the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .charts import INK, Line, name_ends, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: panels beside each other
_COLUMNS = 3
#: up to so many values of x are the axis' ticks
_TICKS = 8


@dataclass(frozen=True)
class Lines:
    """What stands on one panel: thick lines, and thin ones."""

    title: str
    thick: Sequence[Line]
    thin: Sequence[Line] = ()


def panel_chart(
    slug: str, panels: Sequence[Lines], *, x_label: str, y_label: str, log_x: bool = True, log_y: bool = True
) -> str:
    """The panels as one SVG."""
    if len(panels) == 1:
        return _single(slug, panels[0], x_label, y_label, log_x, log_y)
    columns = min(len(panels), _COLUMNS)
    rows = -(-len(panels) // columns)
    width, key = 9.2, 0.35
    height = key + rows * 2.9

    def draw(figure: Any) -> None:
        first = None
        for place, panel in enumerate(panels):
            row, column = divmod(place, columns)
            left, step = 0.075, 0.925 / columns
            bottom = (height - key - (row + 1) * 2.9 + 0.55) / height
            box = (left + column * step, bottom, step - 0.025, 2.1 / height)
            axes = figure.add_axes(box, sharex=first, sharey=first)
            first = first or axes
            _draw(axes, panel, log_x, log_y)
            axes.set_title(panel.title, loc="left", fontsize=8.5)
            axes.set_xlabel(x_label if row == rows - 1 else "")
            axes.set_ylabel(y_label if column == 0 else "")
            axes.tick_params(labelleft=column == 0)
        _key(figure, panels)

    return to_svg(slug, (width, height), draw)


def _single(slug: str, panel: Lines, x_label: str, y_label: str, log_x: bool, log_y: bool) -> str:
    def draw(figure: Any) -> None:
        axes = figure.add_axes((0.085, 0.12, 0.69, 0.84))
        ends = _draw(axes, panel, log_x, log_y)
        axes.set(xlabel=x_label, ylabel=y_label)
        name_ends(axes, ends)

    return to_svg(slug, (9.2, 4.6), draw)


def _draw(axes: Axes, panel: Lines, log_x: bool, log_y: bool) -> list[tuple[tuple[float, float], Line]]:
    """All lines of a panel, and where those end that have names."""
    axes.set_xscale("log" if log_x else "linear")
    axes.set_yscale("log" if log_y else "linear")
    ends = []
    for line in (*panel.thin, *panel.thick):
        points = [p for p in line.points if _drawable(p[0], log_x) and _drawable(p[1], log_y)]
        if not points:
            continue
        if line in panel.thin:
            axes.plot(*zip(*points, strict=True), color=line.colour, linestyle=line.dash, linewidth=0.8)
        else:
            style = {"color": line.colour, "linestyle": line.dash, "marker": "o", "markersize": 3}
            axes.plot(*zip(*points, strict=True), **style)
        if line.colour == INK or line in panel.thick:
            ends.append((points[-1], line))
    axes.grid(True, axis="y")
    _ticks(axes, panel, log_x)
    return ends


def _drawable(value: float, log: bool) -> bool:
    return math.isfinite(value) and (value > 0 or not log)


def _ticks(axes: Axes, panel: Lines, log_x: bool) -> None:
    """The measured places as ticks, where they are few."""
    places = sorted({x for line in panel.thick for x, _ in line.points})
    if log_x and 1 < len(places) <= _TICKS:
        axes.set_xticks(places, [_short(x) for x in places])
        axes.minorticks_off()


def _short(x: float) -> str:
    """A length as a tick: thousands as k.

    Examples
    --------
    >>> _short(256), _short(16384), _short(100_000), _short(0.5)
    ('256', '16k', '100k', '0.5')
    """
    if x >= 1000:
        return f"{x / (1024 if x % 1024 == 0 else 1000):g}k"
    return f"{x:g}"


def _key(figure: Any, panels: Sequence[Lines]) -> None:
    """The names of all lines, above the panels."""
    from matplotlib.lines import Line2D

    lines = {line.label: line for panel in panels for line in panel.thick}
    guides = {line.label: line for panel in panels for line in panel.thin if line.label not in lines}
    handles = [Line2D([], [], color=of.colour, linestyle=of.dash, label=name) for name, of in lines.items()]
    handles += [
        Line2D([], [], color=of.colour, linestyle=of.dash, linewidth=0.8, label=name) for name, of in guides.items()
    ]
    place = {"loc": "upper left", "bbox_to_anchor": (0.06, 1.0), "ncols": min(len(handles), 6)}
    figure.legend(handles=handles, frameon=False, borderpad=0, handlelength=2.2, columnspacing=1.4, **place)
