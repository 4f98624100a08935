"""Pictures of one code, by a format's name: what ``nfloat/pictures`` draws of a format."""

from __future__ import annotations

from ..formats.names import FormatLike, get_format
from ..pictures import bits, format_cards
from ..pictures.bits import BitField


def bit_fields(fmt: FormatLike, code: int) -> tuple[BitField, ...]:
    """The parts of a code, most significant first.

    Examples
    --------
    >>> [part.bits for part in bit_fields("e4m3fn", 0x7E)]
    ['0', '1111', '110']
    """
    return bits.bit_fields(get_format(fmt), code)


def bit_text(fmt: FormatLike, code: int) -> str:
    """The bits of a code with a space between its parts.

    Examples
    --------
    >>> bit_text("bf16", 0x3F80)
    '0 01111111 0000000'
    """
    return bits.bit_text(get_format(fmt), code)


def bit_svg(fmt: FormatLike, code: int | None = None) -> str:
    """One box per bit, coloured by part; filled with the bits of `code`, or empty.

    Examples
    --------
    >>> bit_svg("fp4").count("<rect")
    3
    """
    return bits.bit_svg(get_format(fmt), code)


def format_html(fmt: FormatLike) -> str:
    """A format's card for a notebook.

    Examples
    --------
    >>> "65504" in format_html("fp16")
    True
    """
    return format_cards.format_html(get_format(fmt))


def special_values(fmt: FormatLike) -> str:
    """Which special values a format has, in words.

    Examples
    --------
    >>> special_values("e4m3fnuz")
    'NaN, subnormals'
    """
    return format_cards.special_values(get_format(fmt))
