"""Charts as inline SVG: lines over steps, and ranges per category.

Static, no script, the same bytes for the same data. Lines on several panels stand in ``panels.py``.

Everything that is not data is drawn in the colour of the page's text, so a chart follows a dark or light page. Series
differ in colour, dash and mark (``palette.py``) and by their label at the line's end.

matplotlib is used through its object interface, never through pyplot: no global state, no display.
"""

from __future__ import annotations

import io
import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import MissingExtraError
from .wording import share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: of the length of an axis: how far apart the marks on a line are
_EVERY = 0.12

# stand-ins that no data uses: turned into the page's own colours afterwards
INK, _FAINT = "#010203", "#040506"
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.size": 9.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": _FAINT,
    "grid.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.6,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 9.5,
}


@dataclass(frozen=True)
class Line:
    """A named series of points.

    Points whose y cannot be drawn (not finite; not positive on a log axis) are left out. A `band` is the (x, low, high)
    within which other runs of that name lie.
    """

    label: str
    points: Sequence[tuple[float, float]]
    colour: str
    dash: Any = "solid"
    mark: str = "o"
    band: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True)
class Range:
    """A middle value and the span around it, in one category (a row of the chart) and one group (a marker)."""

    category: str
    group: str
    middle: float
    low: float
    high: float
    colour: str


@dataclass(frozen=True)
class Bars:
    """A panel of horizontal bars: one value per category, None where there is none."""

    title: str
    values: Sequence[float | None]
    colours: Sequence[str] = field(default=())


def in_percent(value: float, _: object = None) -> str:
    """A share on an axis, as tables have it.

    Examples
    --------
    >>> in_percent(0.01), in_percent(2.0)
    ('1 %', '200 %')
    """
    return f"{100 * value:.4g} %"


def _few(value: float, _: object = None) -> str:
    """Numbers between powers of ten, where these are too few: 2, 3 and 5 times each, in few letters."""
    return f"{value:g}" if f"{value:.0e}"[0] in "235" else ""


#: of a chart's width: a letter of its text, and the most that names may take
_LETTER, _NAMES = 0.0088, 0.45


def room(names: Sequence[str], least: float) -> float:
    """The part of a chart's width that the longest of the names takes; longer ones than fit are cut by `fitting`.

    Examples
    --------
    >>> room(["bf16-pure"], 0.16), room(["bf16-mixed+activation_gradients=float8_e4m3fn"], 0.16)
    (0.16, 0.416)
    """
    return min(_NAMES, max(least, round(0.02 + _LETTER * max(map(len, names), default=0), 4)))


def fitting(name: str, width: float = _NAMES) -> str:
    """The name, without its middle where it is longer than a part of the chart's width.

    Examples
    --------
    >>> fitting("bf16-mixed+weights=float8_e4m3fn:stochastic", 0.2)
    'bf16-mixed…stochastic'
    """
    most = int((width - 0.01) / _LETTER)
    return name if len(name) <= most else f"{name[: most // 2]}…{name[len(name) - most // 2 :]}"


def line_chart(
    slug: str, lines: Sequence[Line], *, x_label: str, y_label: str, log: bool = True, percent: bool = False
) -> str:
    """Lines over a shared x axis, each named at its right end; shares in per cent if `percent`."""

    def draw(figure: Any) -> None:
        left = 0.115  # ticks in per cent are long, and those of small losses
        names = room([line.label for line in lines], 0.17) if any(len(line.label) > _SHORT for line in lines) else 0.17
        axes = figure.add_axes((left, 0.12, 1.0 - names - left, 0.84))
        ends = []
        for line in lines:
            points = [(x, y) for x, y in line.points if math.isfinite(y) and (y > 0 or not log)]
            if points:
                style = {"color": line.colour, "linestyle": line.dash, "marker": line.mark, "markersize": 3.5}
                axes.plot(*zip(*points, strict=True), **style, markevery=_EVERY)
                ends.append((points[-1], line))
            band = [(x, low, high) for x, low, high in line.band if math.isfinite(high - low) and (low > 0 or not log)]
            if band:
                axes.fill_between(*zip(*band, strict=True), color=line.colour, alpha=0.18, linewidth=0)
        if log:
            axes.set_yscale("log")
            low, high = axes.get_ylim()
            axes.yaxis.set_minor_formatter(_few if high < 50.0 * low else "")
        axes.set(xlabel=x_label, ylabel=y_label)
        if percent:
            axes.yaxis.set_major_formatter(in_percent)
        axes.grid(True, axis="y")
        axes.margins(x=0)
        name_ends(axes, ends)

    return to_svg(slug, (9.2, 4.3), draw)


def range_chart(slug: str, ranges: Sequence[Range], *, x_label: str) -> str:
    """Spans of shares on a log axis, in per cent: a row per category, a marker per group."""
    categories = list(dict.fromkeys(item.category for item in ranges))
    groups = list(dict.fromkeys(item.group for item in ranges))
    markers = dict(zip(groups, itertools.cycle("osD^vPX*<>ph"), strict=False))

    # groups of a category lie below each other; four of them fit into a line of the key
    row, key = max(0.36, 0.11 * len(groups)), 0.22 * -(-len(groups) // 4) + 0.1
    height = 0.65 + key + row * len(categories)

    def draw(figure: Any) -> None:
        left = room(categories, 0.16)
        axes = figure.add_axes((left, 0.55 / height, 0.97 - left, 1.0 - (0.55 + key) / height))
        for item in ranges:
            offset = (groups.index(item.group) - (len(groups) - 1) / 2) * 0.75 / max(len(groups), 1)
            y = categories.index(item.category) + offset
            axes.plot((item.low, item.high), (y, y), color=item.colour, linewidth=1.2)
            axes.plot(item.middle, y, marker=markers[item.group], color=item.colour, markersize=5.5, linestyle="none")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(in_percent)
        axes.set_yticks(range(len(categories)), map(fitting, categories))
        axes.set_ylim(len(categories) - 0.5, -0.5)
        axes.set(xlabel=x_label)
        axes.grid(True, axis="x")
        _name_markers(axes, markers, (0.0385 - left) / (0.97 - left))

    return to_svg(slug, (9.2, height), draw)


def bar_chart(slug: str, categories: Sequence[str], panels: Sequence[Bars], *, percent: bool = True) -> str:
    """Panels of horizontal bars beside each other, sharing categories and scale; each bar's value stands behind it."""
    height = 0.8 + 0.27 * len(categories)

    def draw(figure: Any) -> None:
        left = room(categories, 0.15)
        width = (0.99 - left) / len(panels)
        greatest = max((value for panel in panels for value in panel.values if value), default=0.0)
        for place, panel in enumerate(panels):
            axes = figure.add_axes((left + place * width, 0.04, width * 0.8, 0.96 - _TITLE_INCHES / height))
            values = [value or 0.0 for value in panel.values]
            axes.barh(range(len(categories)), values, color=panel.colours, height=0.62)
            axes.set_xlim(0.0, max(greatest, 1e-12) * 1.35)
            axes.set_ylim(len(categories) - 0.5, -0.5)
            axes.set_yticks(range(len(categories)), [fitting(name) if place == 0 else "" for name in categories])
            axes.set_xticks([])
            axes.tick_params(length=0)
            axes.spines["bottom"].set_visible(False)
            axes.set_title(fitting(panel.title, width), loc="left")
            for row, value in enumerate(panel.values):
                text = "–" if value is None else share(value) if percent else f"{value:.3g}"
                axes.annotate(
                    text, (values[row], row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5
                )

    return to_svg(slug, (9.2, height), draw)


def stack_chart(slug: str, categories: Sequence[str], parts: Sequence[Bars]) -> str:
    """One bar per category from 0 to 100 %, divided into named parts; a part of 8 % or more says its share."""

    def draw(figure: Any) -> None:
        height = figure.get_size_inches()[1]
        names = room(categories, 0.15)
        axes = figure.add_axes((names, 0.06, 0.98 - names, 1.0 - 0.06 - _KEY_INCHES / height))
        left = [0.0] * len(categories)
        for part in parts:
            values = [value or 0.0 for value in part.values]
            axes.barh(range(len(categories)), values, left=left, color=part.colours, height=0.62, label=part.title)
            for row, value in enumerate(values):
                if value >= 0.08:
                    axes.text(
                        left[row] + value / 2,
                        row,
                        share(value),
                        ha="center",
                        va="center",
                        fontsize=8.5,
                        color="#101010",
                    )
            left = [start + value for start, value in zip(left, values, strict=True)]
        axes.set(xlim=(0.0, 1.0), ylim=(len(categories) - 0.5, -0.5), xticks=[])
        axes.set_yticks(range(len(categories)), map(fitting, categories))
        axes.tick_params(length=0)
        axes.spines["bottom"].set_visible(False)
        place = ((0.0089 - names) / (0.98 - names), 1.0)
        key = {"loc": "lower left", "bbox_to_anchor": place, "ncols": 4, "handlelength": 1.0}
        axes.legend(frameon=False, borderpad=0, **key)

    return to_svg(slug, (9.2, 0.2 + _KEY_INCHES + 0.32 * len(categories)), draw)


#: room for two lines of a key above a chart, for a title; letters of a name for which there is always room
_KEY_INCHES, _TITLE_INCHES, _SHORT = 0.6, 0.27, 19


def name_ends(axes: Axes, ends: list[tuple[tuple[float, float], Line]]) -> None:
    """Write each line's name behind its end, moved apart where they would overlap."""
    if not ends:
        return
    axes.figure.canvas.draw()
    to_pixels = axes.transData.transform
    ends = sorted(ends, key=lambda end: end[0][1])
    places = spread([to_pixels(point)[1] for point, _ in ends], least=axes.figure.dpi * 0.165)
    for ((x, y), line), place in zip(ends, places, strict=True):
        offset = (place - to_pixels((x, y))[1]) * 72.0 / axes.figure.dpi
        axes.annotate(
            fitting(line.label),
            (x, y),
            xytext=(10, offset),
            textcoords="offset points",
            va="center",
            color=line.colour,
            arrowprops={"arrowstyle": "-", "color": line.colour, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 0},
            annotation_clip=False,
        )


def spread(places: list[float], least: float) -> list[float]:
    """Ascending places moved as little as need be, so that neighbours are `least` apart."""
    groups: list[list[float]] = []
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _low(groups[-1], least) - _high(groups[-2], least) < least:
            last = groups.pop()
            groups[-1].extend(last)
    return [_low(group, least) + least * i for group in groups for i in range(len(group))]


def _low(group: list[float], least: float) -> float:
    return math.fsum(group) / len(group) - least * (len(group) - 1) / 2


def _high(group: list[float], least: float) -> float:
    return _low(group, least) + least * (len(group) - 1)


def _name_markers(axes: Axes, markers: dict[str, str], left: float) -> None:
    """The key of the markers, above the chart."""
    for name, marker in markers.items():
        axes.plot([], [], marker=marker, color=INK, linestyle="none", markersize=5, label=name)
    axes.legend(loc="lower left", bbox_to_anchor=(left, 1.0), ncols=4, frameon=False, borderpad=0, handletextpad=0.2)


def to_svg(slug: str, size: tuple[float, float], draw: Callable[[Any], None]) -> str:
    """Draw into a figure and give its SVG element, with ids of its own and the page's colours."""
    try:
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("a report needs matplotlib: pip install 'nfloat[studies]'") from None
    buffer = io.StringIO()
    # the user's matplotlibrc must not change a byte
    settings: Any = {**dict(matplotlib.rcParamsDefault), **_STYLE, "svg.hashsalt": slug}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=size)
        FigureCanvasSVG(figure)
        draw(figure)
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    return _inline(buffer.getvalue(), slug)


def _inline(text: str, slug: str) -> str:
    """matplotlib's SVG as an element of a page: no XML header, no metadata, ids made unique, stand-ins replaced."""
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{slug}-", text)
    text = re.sub(
        r'^<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        r'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        r'viewBox="\1" aria-hidden="true">',
        text,
    )
    return text.replace(INK, "currentColor").replace(_FAINT, "var(--faint)").strip()
