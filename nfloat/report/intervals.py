"""Means with their intervals, one line per name: the axis is linear near zero and logarithmic beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .charts import INK, fitting, room, to_svg


@dataclass(frozen=True)
class Span:
    """A relative change, its interval, and the size below which a change would not have been seen."""

    name: str
    middle: float
    low: float
    high: float
    blind: float
    colour: str


def interval_chart(slug: str, spans: Sequence[Span], *, x_label: str) -> str:
    """The spans from top to bottom, in per cent."""
    sizes = [abs(100.0 * value) for span in spans for value in (span.low, span.high, span.middle) if value]
    # a power of ten at or below the least size, so that no interval is squeezed to a point; five decades at most
    least, greatest = 10.0, max(sizes, default=1.0)
    while sizes and least > max(min(sizes), greatest * 1e-4):
        least /= 10.0

    def draw(figure: Any) -> None:
        height = figure.get_size_inches()[1]
        left = room([span.name for span in spans], 0.16)
        axes = figure.add_axes((left, 0.55 / height, 0.97 - left, 1.0 - 0.65 / height))
        axes.axvline(0.0, color=INK, linewidth=0.8)
        for row, span in enumerate(spans):
            low, middle, high, blind = (100.0 * v for v in (span.low, span.middle, span.high, span.blind))
            axes.barh(row, 2.0 * blind, left=-blind, height=0.72, color=span.colour, alpha=0.15)
            axes.plot((low, high), (row, row), color=span.colour, linewidth=2.0)
            axes.plot(middle, row, marker="o", color=span.colour, markersize=5.5, linestyle="none")
        axes.set_xscale("symlog", linthresh=least)
        axes.set_yticks(range(len(spans)), [fitting(span.name) for span in spans])
        axes.set_ylim(len(spans) - 0.5, -0.5)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:+g}" if value else "0")
        axes.set(xlabel=x_label)
        axes.grid(True, axis="x")

    return to_svg(slug, (9.2, 0.75 + 0.3 * len(spans)), draw)
