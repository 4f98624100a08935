"""The chart of exponents: a strip per tensor, darker where more of its numbers lie, under the ranges of formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .charts import INK, to_svg

#: the colour of the strips
_STRIP = "#3b83c7"


class Span(NamedTuple):
    """A format's range, as exponents: of its least number, its least normal number and its largest."""

    name: str
    least: int
    least_normal: int
    largest: int


def exponent_chart(slug: str, strips: Mapping[str, Mapping[int, float]], spans: Sequence[Span]) -> str:
    """One strip per tensor (name -> exponent -> share), the spans above them on the same axis."""
    drawn = [exponent for shares in strips.values() for exponent in shares]
    low, high = min(drawn) - 2, max(drawn) + 3

    def draw(figure: Any) -> None:
        rows = len(spans) + len(strips)
        longest = max(map(len, (*(span.name for span in spans), *strips)))
        left = min(0.45, max(0.24, 0.02 + 0.0088 * longest))
        axes = figure.add_axes((left, 0.55 / _height(rows), 0.98 - left, 1.0 - 0.65 / _height(rows)))
        for row, span in enumerate(spans):
            _draw_span(axes, row, span, low, high)
        for row, shares in enumerate(strips.values(), start=len(spans)):
            top = max(shares.values(), default=1.0)
            for exponent, share in shares.items():
                axes.barh(row, 1.0, left=exponent, height=0.72, color=_STRIP, alpha=0.12 + 0.88 * share / top)
        axes.axhline(len(spans) - 0.5, color=INK, linewidth=0.6)
        axes.set(xlim=(low, high), ylim=(rows - 0.5, -0.5), xlabel="exponent: 2^k to 2^(k+1)")
        axes.set_yticks(range(rows), [*(span.name for span in spans), *strips])
        axes.grid(True, axis="x")
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)

    return to_svg(slug, (9.2, _height(len(spans) + len(strips))), draw)


def _draw_span(axes: Any, row: int, span: Span, low: int, high: int) -> None:
    """A thick line over the normal numbers, a thin one over the subnormal ones; cut at the edges of the chart."""
    for start, end, width in ((span.least, span.least_normal, 1.2), (span.least_normal, span.largest + 1, 4.0)):
        start, end = max(start, low), min(end, high)
        if start < end:
            axes.plot((start, end), (row, row), color=INK, linewidth=width, solid_capstyle="butt")


def _height(rows: int) -> float:
    return 0.75 + 0.27 * rows
