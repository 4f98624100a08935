"""Charts of a grid: `heat_chart`, a value over two axes, and `front_chart`, points of two quantities with their front.

The heat map's colours go from light to dark in one hue, so that they keep their order in grey; every cell says its
number, in the ink that can be read on it. The scale is logarithmic where all values are positive and span a decade.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .charts import INK, to_svg
from .palette import Style
from .wording import digits

#: light to dark, luminance falling evenly
_LIGHT, _DARK = (0xE8, 0xF1, 0xF8), (0x0B, 0x3C, 0x6F)


@dataclass(frozen=True)
class Point:
    """Something that costs `x` and is off by `y`; on the front where nothing is better in both."""

    label: str
    x: float
    y: float
    style: Style
    front: bool


def _short(value: float) -> str:
    return digits(float(f"{value:.3g}"))


def heat_chart(
    slug: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Mapping[tuple[str, str], float],
    *,
    x_label: str,
    y_label: str,
    text: Callable[[float], str] = _short,
) -> str:
    """A cell per row and column; one without a value stays empty, one whose value is not finite says so."""
    shades = _shades(list(values.values()))

    def draw(figure: Any) -> None:
        height = figure.get_size_inches()[1]
        left = min(0.45, 0.05 + 0.011 * max(map(len, rows)))
        axes = figure.add_axes((left, 0.6 / height, 0.97 - left, 1.0 - 0.75 / height))
        for (row, column), value in values.items():
            x, y, shade = columns.index(column), rows.index(row), shades(value)
            colour = "none" if shade is None else _mixed(shade)
            axes.bar(x, 1.0, bottom=y - 0.5, width=1.0, color=colour, edgecolor=INK, linewidth=0.3)
            ink = INK if shade is None else "#f8f8f8" if shade > 0.55 else "#101010"
            axes.text(x, y, text(value), ha="center", va="center", fontsize=8.0, color=ink)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5), xlabel=x_label, ylabel=y_label)
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.tick_params(length=0)

    return to_svg(slug, (9.2, 0.9 + 0.34 * len(rows)), draw)


def front_chart(slug: str, points: Sequence[Point], *, x_label: str, y_label: str) -> str:
    """The points, those of the front filled, named and joined."""
    log_y = all(point.y > 0 for point in points)

    def draw(figure: Any) -> None:
        axes = figure.add_axes((0.09, 0.13, 0.72, 0.83))
        axes.set_xscale("log")
        axes.set_yscale("log" if log_y else "linear")
        for point in points:
            face = point.style.colour if point.front else "none"
            style = {"marker": point.style.mark, "markersize": 6, "linestyle": "none"}
            axes.plot(point.x, point.y, color=point.style.colour, markerfacecolor=face, **style)
        front = sorted((point for point in points if point.front), key=lambda point: point.x)
        axes.plot([p.x for p in front], [p.y for p in front], color=INK, linewidth=0.8, drawstyle="steps-post")
        for point in front:
            place = {"xytext": (7, 4), "textcoords": "offset points", "fontsize": 8.0}
            axes.annotate(point.label, (point.x, point.y), color=point.style.colour, annotation_clip=False, **place)
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.grid(True)

    return to_svg(slug, (9.2, 4.4), draw)


def _shades(values: Sequence[float]) -> Any:
    """value -> 0 (light) to 1 (dark), None where it is not finite."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    log = low > 0 and high > 10 * low

    def shade(value: float) -> float | None:
        if not math.isfinite(value):
            return None
        if high == low:
            return 0.3
        return _octaves(value / low) / _octaves(high / low) if log else (value - low) / (high - low)

    return shade


def _octaves(ratio: float) -> float:
    """log2 of a ratio, straight between powers of two: the same on any machine, and in order."""
    mantissa, exponent = math.frexp(ratio)
    return exponent - 2 + 2 * mantissa


def _mixed(shade: float) -> str:
    """The colour of a shade."""
    return "#" + "".join(
        f"{round(light + (dark - light) * shade):02x}" for light, dark in zip(_LIGHT, _DARK, strict=True)
    )
