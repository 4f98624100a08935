"""Codes taken apart and drawn: one box per bit, coloured by what it says.

`bit_fields` takes a code apart; `bit_text` and `bit_svg` show it, `meaning` reads it as a formula; `layouts_svg` puts
formats under each other. What a code means is decided in ``formats/format.py``; nothing here computes it a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import ArgumentError
from .described import Described
from .svg import box, frame, line, text, width_of

#: fill colours of the boxes (Okabe and Ito's colour-blind-safe palette), with dark text on each
FIELD_COLOURS = {
    "sign": "#e69f00",
    "exponent": "#56b4e9",
    "significand": "#66c2a5",
    "integer": "#56b4e9",
    "fraction": "#66c2a5",
}


class BitField(NamedTuple):
    """A run of bits of a code with one meaning."""

    name: str
    bits: str


def bit_fields(fmt: Described, code: int) -> tuple[BitField, ...]:
    """The parts of a code, most significant first: sign, exponent, significand; or sign, integer, fraction.

    Parts of no bits are left out.

    Raises
    ------
    ArgumentError
        If the code is not an integer of at most the format's bits.

    Examples
    --------
    >>> from nfloat import FORMATS
    >>> [tuple(part) for part in bit_fields(FORMATS["bfloat16"], 0x3DCD)]
    [('sign', '0'), ('exponent', '01111011'), ('significand', '1001101')]
    """
    if isinstance(code, bool) or not isinstance(code, int) or not 0 <= code < 2**fmt.bits:
        raise ArgumentError(f"code={code!r} must be an integer in 0..2^{fmt.bits} - 1 for {fmt.name}")
    text = f"{code:0{fmt.bits}b}"
    parts, at = [], 0
    for name, width in _layout(fmt):
        if width:
            parts.append(BitField(name, text[at : at + width]))
        at += width
    return tuple(parts)


def bit_text(fmt: Described, code: int) -> str:
    """The bits of a code with a space between its parts.

    Examples
    --------
    >>> from nfloat import get_format
    >>> bit_text(get_format("float8_e4m3fn"), 0x1D), bit_text(get_format("fixed8.4"), 0x18)
    ('0 0011 101', '0 001 1000')
    """
    return " ".join(part.bits for part in bit_fields(fmt, code))


def bit_svg(fmt: Described, code: int | None = None) -> str:
    """One box per bit, coloured by part, widths to scale; filled with the bits of `code`, or empty.

    Text outside the boxes is in the colour of the page's text, so the picture works on dark pages.
    """
    title = f"bits of {fmt.name}" + ("" if code is None else f": {bit_text(fmt, code)}")
    size = _box(fmt.bits)
    body, width = boxes(fmt, code, 0, 2, size)
    return frame(body, width, 38, title=title, desc=widths(fmt), size=size * 0.7)


def layouts_svg(rows: Iterable[tuple[Described, int | None, str]]) -> str:
    """Formats under each other, each with the bits of a code (or empty) and a note behind them."""
    rows = list(rows)
    left = max(width_of(fmt.name, 11) for fmt, _, _ in rows) + 14
    size = _box(max(fmt.bits for fmt, _, _ in rows))
    right, body = left, []
    for place, (fmt, code, note) in enumerate(rows):
        y = 2 + 42 * place
        cells, end = boxes(fmt, code, left, y, size)
        body += [text(left - 10, y + 14, fmt.name, anchor="end", size=11), cells]
        body += [text(end + 6, y + 14, note, anchor="start", size=11)] if note else []
        right = max(right, end + 6 + width_of(note, 11))
    title = "bits of " + ", ".join(fmt.name for fmt, _, _ in rows)
    desc = "; ".join(f"{fmt.name}: {widths(fmt)}" for fmt, _, _ in rows)
    return frame("".join(body), round(right) + 4, 42 * len(rows), title=title, desc=desc, size=size * 0.7)


def meaning(fmt: Described, code: int) -> str:
    """A code read as a formula, from its parts.

    Examples
    --------
    >>> from nfloat import FORMATS, get_format
    >>> meaning(FORMATS["bfloat16"], 0x3DCD), meaning(FORMATS["float8_e4m3fn"], 0x83)
    ('+ 2^(123 - 127) x 1.6015625', '- 2^-6 x 0.375')
    >>> meaning(get_format("fixed8.4"), 0x98), meaning(FORMATS["float16"], 0xFC00), meaning(FORMATS["float64"], 0)
    ('-104 x 2^-4', '- infinity', '+ 0')
    """
    parts = {part.name: int(part.bits, 2) for part in bit_fields(fmt, code)}
    if fmt.twos_complement:
        return f"{code - (code >> (fmt.bits - 1) << fmt.bits)} x 2^{-fmt.bias}"
    magnitude = code - (parts.get("sign", 0) << fmt.bits >> 1)
    sign = "- " if parts.get("sign") else "+ "
    if magnitude > fmt.max_code or (fmt.has_nan and code == fmt.nan_code):
        return f"{sign}infinity" if magnitude == fmt.inf_code else "NaN"
    if magnitude == 0 and fmt.has_zero:
        return f"{sign}0"
    field, fraction = parts.get("exponent", 0), parts.get("significand", 0) / 2.0 ** (fmt.precision - 1)
    if field == 0 and fmt.bias == 1 - fmt.emin:  # subnormal, whatever arithmetic makes of those
        return f"{sign}2^{fmt.emin} x {fraction!r}"
    return f"{sign}2^({field} - {fmt.bias}) x {1.0 + fraction!r}"


def _layout(fmt: Described) -> Sequence[tuple[str, int]]:
    """Names and widths of a code's parts."""
    if fmt.twos_complement:
        fraction = min(max(fmt.bias, 0), fmt.bits - 1)
        return ("sign", 1), ("integer", fmt.bits - 1 - fraction), ("fraction", fraction)
    sign, exponent = int(fmt.signed), fmt.exponent_bits
    # a few numbers of one binade have fewer bits than their significands
    return ("sign", sign), ("exponent", exponent), ("significand", fmt.bits - sign - exponent)


def widths(fmt: Described) -> str:
    """How many bits each part has, in words."""
    return ", ".join(f"{name} {width}" for name, width in _layout(fmt) if width)


def _box(bits: int) -> int:
    """The width of a bit's box where there are so many."""
    return 16 if bits <= 32 else 10


def boxes(fmt: Described, code: int | None, x: float, y: float, size: int) -> tuple[str, float]:
    """The boxes of a code, and where they end."""
    cells = []
    for name, bits in bit_fields(fmt, code or 0):
        cells.append(_part(name, bits if code is not None else " " * len(bits), x, y, size))
        x += size * len(bits) + 4
    return "".join(cells), x


def _part(name: str, bits: str, x: float, y: float, size: int) -> str:
    """The boxes of one part, and its name under them where there is room."""
    width = size * len(bits)
    cells = [box(x, y, width, 20, FIELD_COLOURS[name])]
    for place, bit in enumerate(bits):
        left = x + place * size
        if place:
            cells.append(line(left, y, left, y + 20, colour="#fff", more='stroke-width=".6"'))
        if bit.strip():
            cells.append(text(left + size / 2, y + 14, bit, colour="#000"))
    label = name if width >= 6.5 * len(name) else name[0]
    return "".join(cells) + text(x + width / 2, y + 32, label, size=9)
