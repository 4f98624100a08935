"""Numbers as ticks on a line, a row for each format; a number between its two neighbours.

What is drawn is given: values, names, colours. An axis has the round numbers of ``ticks``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .svg import frame, line, text, width_of

_WIDTH, _ROW = 760.0, 34.0
#: Okabe and Ito's vermilion, for what is being looked at
_MARK = "#d55e00"


class Row(NamedTuple):
    """One format's numbers within the picture; None where they are too many for ticks of their own."""

    name: str
    values: Sequence[float] | None
    colour: str
    note: str = ""


class Mark(NamedTuple):
    """A number that is shown in every row, and what it is called."""

    value: float
    name: str


def number_line_svg(rows: Sequence[Row], low: float, high: float, marks: Sequence[Mark] = ()) -> str:
    """Rows of ticks over a common axis from `low` to `high`; marks go through all rows."""
    left = max(width_of(row.name, 11) for row in rows) + 16
    right = max((width_of(row.note, 9) for row in rows), default=0.0) + 14
    top = 18.0 if marks else 6.0
    bottom = top + _ROW * len(rows)

    def place(value: float) -> float:
        return left + (_WIDTH - left) * (value - low) / (high - low)

    body = []
    for number, row in enumerate(rows):
        y = top + _ROW * (number + 0.6)
        body += [text(left - 10, y + 4, row.name, anchor="end"), _ticks(row, y, place(low), place(high), place)]
        body += [text(_WIDTH + 8, y + 4, row.note, anchor="start", size=9)] if row.note else []
    for mark in marks:
        x = place(mark.value)
        body += [line(x, top, x, bottom, colour=_MARK, more='stroke-dasharray="3 2"'), text(x, 11, mark.name)]
    body.append(line(place(low), bottom + 4, place(high), bottom + 4, more='stroke-opacity=".5"'))
    for value in ticks(low, high):
        body += [line(place(value), bottom + 4, place(value), bottom + 8, more='stroke-opacity=".5"')]
        body += [text(place(value), bottom + 19, f"{value:g}", size=9)]
    desc = "; ".join(f"{r.name}: {'dense' if r.values is None else f'{len(r.values)} numbers'}" for r in rows)
    title = f"numbers of {', '.join(row.name for row in rows)} from {low:g} to {high:g}"
    return frame("".join(body), round(_WIDTH + right), bottom + 24, title=title, desc=desc)


def _ticks(row: Row, y: float, start: float, end: float, place: object) -> str:
    """The line of a row with a tick for each number, or a band where there are too many."""
    if row.values is None:
        return f'<rect x="{start:g}" y="{y - 7:g}" width="{end - start:g}" height="14" fill="{row.colour}"/>'
    assert callable(place)
    path = "".join(f"M{place(value):.5g} {y - 8:g}v16" for value in row.values)
    base = line(start, y, end, y, more='stroke-opacity=".25"')
    return f'{base}<path d="{path}" stroke="{row.colour}" stroke-width="1.6"/>'


def between_svg(below: str, above: str, share: float, name: str, results: Sequence[tuple[str, bool]]) -> str:
    """A number at `share` of the way from the one neighbour to the other, and which one each rounding takes.

    `results` are names of roundings, and whether each goes to the upper neighbour.
    """
    start, end, y = 150.0, 610.0, 46.0
    x = start + (end - start) * share
    middle = (start + end) / 2
    down = [mode for mode, up in results if not up]
    up = [mode for mode, goes_up in results if goes_up]
    height = y + 40 + 13 * max(len(down), len(up))
    body = [line(start - 60, y, end + 60, y, more='stroke-opacity=".4"')]
    body += [line(at, y - 10, at, y + 10, more='stroke-width="2"') for at in (start, end)]
    body += [line(middle, y - 5, middle, y + 5, more='stroke-opacity=".5"'), text(middle, y + 17, "halfway", size=9)]
    body += [f'<circle cx="{x:.5g}" cy="{y:g}" r="5" fill="{_MARK}"/>', text(x, y - 16, name)]
    body += [text(start, y + 24, below), text(end, y + 24, above)]
    body += [text(start, y + 38 + 13 * i, mode, size=9) for i, mode in enumerate(down)]
    body += [text(end, y + 38 + 13 * i, mode, size=9) for i, mode in enumerate(up)]
    desc = f"to {below}: {', '.join(down) or 'none'}; to {above}: {', '.join(up) or 'none'}"
    title = f"{name} between {below} and {above}, {share:.3g} of the way"
    return frame("".join(body), _WIDTH, height, title=title, desc=desc)


def ticks(low: float, high: float, most: int = 9) -> list[float]:
    """Round numbers within a range: multiples of 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> ticks(0.0, 7.0), ticks(-0.1, 0.1, most=5)
    ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [-0.1, -0.05, 0.0, 0.05, 0.1])
    """
    least = (high - low) / most
    power = 10.0 ** math.floor(math.log10(least))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= least * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{k * step:.12g}") for k in range(first, last + 1)]
