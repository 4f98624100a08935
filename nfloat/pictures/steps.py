"""Lines over an axis of exponents: how many bits of a number a format keeps, from its least number to its largest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .lines import ticks
from .svg import frame, line, text, width_of

_WIDTH, _HEIGHT, _LEFT, _TOP = 640.0, 250.0, 44.0, 10.0


class Steps(NamedTuple):
    """One format's line: (exponent, bits) where it begins, turns and ends."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    dash: str = ""


def precision_svg(lines: Sequence[Steps]) -> str:
    """Significand bits over the binary exponent of the number, a line for each format, named at its right."""
    xs = [x for item in lines for x, _ in item.points]
    low, high, most = min(xs), max(xs), max(y for item in lines for _, y in item.points)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - low) / max(high - low, 1.0)
        return _LEFT + (_WIDTH - _LEFT) * across, _TOP + _HEIGHT * (1 - y / (most * 1.05))

    body = [_axes(low, high, most, place)]
    for number, item in enumerate(lines):
        path = "L".join(f"{x:.5g} {y:.5g}" for x, y in (place(*point) for point in item.points))
        dash = f' stroke-dasharray="{item.dash}"' if item.dash else ""
        body.append(f'<path d="M{path}" fill="none" stroke="{item.colour}" stroke-width="2.2"{dash}/>')
        y = _TOP + 12 + 17 * number
        style = f'stroke-width="2.2"{dash}'
        body.append(line(_WIDTH + 14, y - 4, _WIDTH + 40, y - 4, colour=item.colour, more=style))
        body.append(text(_WIDTH + 46, y, item.name, anchor="start"))
    width = _WIDTH + 56 + max(width_of(item.name, 11) for item in lines)
    height = max(_TOP + _HEIGHT + 40, _TOP + 20 + 17 * len(lines))
    desc = "; ".join(
        f"{item.name}: up to {max(y for _, y in item.points):g} bits, from 2^{item.points[0][0]:g} to "
        f"2^{item.points[-1][0]:g}" for item in lines
    )  # fmt: skip
    return frame("".join(body), round(width), height, title="range and precision of formats", desc=desc)


def _axes(low: float, high: float, most: float, place: object) -> str:
    assert callable(place)
    _, bottom = place(low, 0.0)
    parts = [line(_LEFT, bottom, _WIDTH, bottom, more='stroke-opacity=".5"')]
    for exponent in ticks(low, high):
        x, _ = place(exponent, 0.0)
        parts += [line(x, bottom, x, bottom + 4, more='stroke-opacity=".5"')]
        parts += [text(x, bottom + 16, f"2^{exponent:g}", size=9)]
    for bits in ticks(0.0, most, 6):
        _, y = place(low, bits)
        parts += [
            line(_LEFT, y, _WIDTH, y, more='stroke-opacity=".15"'),
            text(_LEFT - 6, y + 3, f"{bits:g}", anchor="end", size=9),
        ]
    parts.append(text(_LEFT - 34, _TOP + 4, "bits", anchor="start", size=9))
    parts.append(text((_LEFT + _WIDTH) / 2, bottom + 32, "magnitude of the number", size=9))
    return "".join(parts)
