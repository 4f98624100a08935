"""Pictures of several formats: their bits, where their numbers lie, how far they reach and how finely.

Values come from nfloat's own codes, so a picture shows what a format computes with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from sys import float_info
from typing import Any

import numpy as np

from ..errors import ArgumentError, as_number, check_kind
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..ops.arguments import as_array
from ..pictures.bits import layouts_svg, meaning
from ..pictures.lines import Mark, Row, number_line_svg
from ..pictures.steps import Steps, precision_svg
from ..pictures.svg import Picture
from ..report.palette import styles

#: more numbers than these have no tick of their own
_TICKS = 500


def bits(value: float, *formats: FormatLike, rounding: str = "nearest_even") -> Picture:
    """The bits of a number in each format, read as a formula; under each other.

    Raises
    ------
    RepresentationError
        If a format has no code for what the number becomes (NaN in a format without).

    Examples
    --------
    >>> bits(0.1, "bf16", "e4m3fn")
    Picture('bits of bfloat16, float8_e4m3fn', 668 x 84)
    """
    from ..ops.codes import decode, encode  # loads the compiler

    check_kind("value", value, Real, "a number")
    rows: list[tuple[Format, int | None, str]] = []
    for fmt in _known(formats):
        code = int(encode(value, fmt, rounding))
        rows.append((fmt, code, f"{meaning(fmt, code)} = {float(decode(code, fmt))!r}"))
    return Picture(layouts_svg(rows))


def bit_layouts(*formats: FormatLike) -> Picture:
    """Which bits of each format are sign, exponent and significand, under each other.

    Examples
    --------
    >>> bit_layouts("fp16", "bf16", "tf32").svg.count("<rect")
    9
    """
    return Picture(layouts_svg([(fmt, None, f"{fmt.bits} bits") for fmt in _known(formats)]))


#: more than can be told apart
_MARKS = 1000


def number_line(
    *formats: FormatLike, low: float = 0.0, high: float | None = None, marks: Sequence[float] = ()
) -> Picture:
    """Every number of each format from `low` to `high`, as ticks; a band where they are more than a picture can show.

    Parameters
    ----------
    formats : Format or str
        One row each.
    low, high : float
        The ends of the line; `high` by default the largest number of the smallest format.
    marks : sequence of float
        Numbers to draw through all rows.

    Raises
    ------
    ArgumentError
        If `low` is not below `high`, or one of them is not finite.

    Examples
    --------
    >>> number_line("fp4", "e2m3", high=4.0, marks=[0.7])
    Picture('numbers of float4_e2m1fn, float6_e2m3fn from 0 to 4', 829 x 110)
    """
    known = _known(formats)
    for name, given in (("low", low), ("high", 0.0 if high is None else high)):
        check_kind(name, given, Real, "a number")
    drawn = as_array(marks, "marks", np.float64)
    if drawn.ndim != 1 or drawn.size > _MARKS or not np.isfinite(drawn).all():
        raise ArgumentError(f"marks must be a list of at most {_MARKS} finite numbers")
    high = min(fmt.max for fmt in known) if high is None else high
    first, last = as_number(low), as_number(high)  # of NumPy's types a difference may overflow
    if first is None or last is None or not -float_info.max <= first < last <= float_info.max:
        raise ArgumentError(f"low={low!r}, high={high!r}: both must be finite, and low less than high")
    style = styles(fmt.name for fmt in known)
    rows = []
    for fmt in known:
        values = values_between(fmt, first, last)
        note = "too many" if values is None else f"{len(values)} numbers"
        rows.append(Row(fmt.name, values, style[fmt.name].colour, note))
    return Picture(number_line_svg(rows, first, last, [Mark(float(x), f"{x:g}") for x in drawn]))


def ranges(*formats: FormatLike) -> Picture:
    """Precision over magnitude: how many significand bits each format has for a number of a size.

    A line begins at the least positive number, rises through the subnormal ones, and ends at the largest.

    Examples
    --------
    >>> ranges("fp16", "bf16", "e4m3fn")
    Picture('range and precision of formats', 783 x 300)
    """
    known = _known(formats)
    style = styles(fmt.name for fmt in known)
    lines = [Steps(f.name, _turns(f), style[f.name].colour, _dashes(style[f.name].dash)) for f in known]
    return Picture(precision_svg(lines))


def values_between(fmt: Format, low: float, high: float) -> list[float] | None:
    """The numbers of a format from `low` to `high`, ascending, -0 left out; None if they are more than 500.

    Examples
    --------
    >>> values_between(get_format("fp4"), -1.0, 2.0)
    [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0]
    """
    from ..ops.codes import decode, encode
    from ..ops.rounding import round as round_to

    if low > fmt.max or high < fmt.min:
        return []
    low = float(round_to(max(low, fmt.min), fmt, "toward_positive"))
    high = float(round_to(min(high, fmt.max), fmt, "toward_negative"))
    if not low <= high:
        return []
    if fmt.twos_complement:
        first, last = round(low / fmt.eps), round(high / fmt.eps)
        return None if last - first >= _TICKS else [k * fmt.eps for k in range(first, last + 1)]
    parts: list[float] = []
    for sign, least, most in ((-1.0, -high, -low), (1.0, low, high)):
        if most < 0.0 or (sign < 0.0 and not fmt.signed):
            continue
        start = int(encode(max(least, 0.0), fmt)) if fmt.has_zero or least > 0.0 else 0
        codes = range(start, int(encode(abs(most), fmt)) + 1)
        if len(codes) + len(parts) > _TICKS:
            return None
        parts += [sign * value for value in np.atleast_1d(decode(np.array(codes, dtype=np.uint64), fmt)).tolist()]
    return sorted({value + 0.0 for value in parts})


def _turns(fmt: Format) -> list[tuple[float, float]]:
    """Where a format's precision begins, turns and ends: (binary exponent, significand bits)."""
    least, most = math.log2(fmt.smallest_subnormal), math.log2(fmt.max)
    if fmt.twos_complement:
        return [(least, 1.0), (most, float(fmt.precision))]
    rise = [(least, 1.0)] if fmt.has_subnormals and fmt.precision > 1 else []
    return [*rise, (float(fmt.emin), float(fmt.precision)), (most, float(fmt.precision))]


def _dashes(dash: Any) -> str:
    """The palette's dash as SVG has it."""
    return "" if isinstance(dash, str) else " ".join(f"{2.5 * part:g}" for part in dash[1])


def _known(formats: Iterable[FormatLike]) -> list[Format]:
    """Formats by their names, at least one.

    Raises
    ------
    ArgumentError
        If there is none.
    """
    known = [get_format(fmt, "formats") for fmt in formats]
    if not known:
        raise ArgumentError("formats=() must name at least one format, as nf.display.ranges('fp16', 'bf16')")
    return known
