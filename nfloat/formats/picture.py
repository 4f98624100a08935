"""Pictures of bits, as text and as SVG, and a format's card. Strings only, no JavaScript, no Numba.

`bit_fields` takes a code apart; `bit_text` and `bit_svg` show it; `format_html` is a format's card for a notebook. What
a code means is decided in ``format.py``: nothing here computes it a second time.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ..cards import card
from ..errors import ArgumentError

#: fill colours of the boxes (Okabe and Ito's colour-blind-safe palette), with dark text on each
FIELD_COLOURS = {
    "sign": "#e69f00",
    "exponent": "#56b4e9",
    "significand": "#66c2a5",
    "integer": "#56b4e9",
    "fraction": "#66c2a5",
}


class Described(Protocol):
    """What a picture needs of a `Format`, which has a card made of this."""

    @property
    def exponent_bits(self) -> int: ...
    @property
    def bias(self) -> int: ...
    @property
    def max(self) -> float: ...
    @property
    def smallest_normal(self) -> float: ...
    @property
    def smallest_subnormal(self) -> float: ...
    @property
    def has_inf(self) -> bool: ...
    @property
    def has_nan(self) -> bool: ...
    @property
    def has_negative_zero(self) -> bool: ...
    @property
    def has_subnormals(self) -> bool: ...
    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def bits(self) -> int: ...
    @property
    def precision(self) -> int: ...
    @property
    def emin(self) -> int: ...
    @property
    def emax(self) -> int: ...
    @property
    def signed(self) -> bool: ...
    @property
    def twos_complement(self) -> bool: ...


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
    box = 16 if fmt.bits <= 32 else 10
    cells, x = [], 0
    for name, bits in bit_fields(fmt, code or 0):
        shown = bits if code is not None else " " * len(bits)
        cells.append(_part_svg(name, shown, x, box))
        x += box * len(bits) + 4
    label = html.escape(f"bits of {fmt.name}" + ("" if code is None else f": {bit_text(fmt, code)}"), quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" width="{x}" height="38" '
        f'viewBox="0 0 {x} 38" font-family="monospace" font-size="{box * 0.7:.1f}" text-anchor="middle">'
        f"{''.join(cells)}</svg>"
    )


def format_html(fmt: Described) -> str:
    """A format's card: name, bit layout, range, precision, special values, source."""
    facts = (
        ("bits", fmt.bits), ("precision", f"{fmt.precision} bits"), ("exponents", f"{fmt.emin} .. {fmt.emax}"),
        ("largest", f"{fmt.max:.17g}"), ("smallest normal", f"{fmt.smallest_normal:.17g}"),
        ("smallest", f"{fmt.smallest_subnormal:.17g}"), ("special values", special_values(fmt)),
    )  # fmt: skip
    return card(fmt.name, facts, picture=f"<br>{bit_svg(fmt)}", note=fmt.source)


def special_values(fmt: Described) -> str:
    """Which special values a format has, in words.

    Examples
    --------
    >>> from nfloat import float16, float4_e2m1fn
    >>> special_values(float16), special_values(float4_e2m1fn)
    ('infinities, NaN, -0, subnormals', '-0, subnormals')
    """
    has = {
        "infinities": fmt.has_inf,
        "NaN": fmt.has_nan,
        "-0": fmt.has_negative_zero,
        "subnormals": fmt.has_subnormals and not fmt.twos_complement,
    }
    return ", ".join(name for name, there in has.items() if there) or "none"


def _layout(fmt: Described) -> Sequence[tuple[str, int]]:
    """Names and widths of a code's parts."""
    if fmt.twos_complement:
        fraction = min(max(fmt.bias, 0), fmt.bits - 1)
        return ("sign", 1), ("integer", fmt.bits - 1 - fraction), ("fraction", fraction)
    return ("sign", int(fmt.signed)), ("exponent", fmt.exponent_bits), ("significand", fmt.precision - 1)


def _part_svg(name: str, bits: str, x: int, box: int) -> str:
    """The boxes of one part, and its name under them where there is room."""
    width = box * len(bits)
    cells = [f'<rect x="{x}" y="2" width="{width}" height="20" rx="2" fill="{FIELD_COLOURS[name]}"/>']
    for place, bit in enumerate(bits):
        left = x + place * box
        if place:
            cells.append(f'<path d="M{left} 2v20" stroke="#fff" stroke-width=".6"/>')
        if bit.strip():
            cells.append(f'<text x="{left + box / 2:g}" y="16" fill="#000">{bit}</text>')
    label = name if width >= 6.5 * len(name) else name[0]
    cells.append(f'<text x="{x + width / 2:g}" y="34" font-size="9" fill="currentColor">{label}</text>')
    return "".join(cells)
