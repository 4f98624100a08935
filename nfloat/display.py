"""`explain`: what one number becomes in a format, under every rounding that needs no random bits.

Pictures of bits stand in ``formats/picture.py``, what a rounding gives in ``ops``: nothing here computes either a
second time. Formats that are described only (``formats/wide.py``) have neighbours, codes and bits, no rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from .formats import picture
from .formats.format import Format
from .formats.names import FormatLike, get_format
from .formats.picture import BitField
from .formats.rounding import Rounding


def bit_fields(fmt: FormatLike, code: int) -> tuple[BitField, ...]:
    """The parts of a code, most significant first (``formats/picture.py``)."""
    return picture.bit_fields(get_format(fmt), code)


def bit_text(fmt: FormatLike, code: int) -> str:
    """The bits of a code with a space between its parts."""
    return picture.bit_text(get_format(fmt), code)


def bit_svg(fmt: FormatLike, code: int | None = None) -> str:
    """One box per bit, coloured by part; filled with the bits of `code`, or empty."""
    return picture.bit_svg(get_format(fmt), code)


def format_html(fmt: FormatLike) -> str:
    """A format's card for a notebook."""
    return picture.format_html(get_format(fmt))


def special_values(fmt: FormatLike) -> str:
    """Which special values a format has, in words."""
    return picture.special_values(get_format(fmt))


@dataclass(frozen=True)
class Outcome:
    """What one rounding mode makes of a number: value, code, error; `error_ulp` in gaps between its neighbours.

    `code` is None for a NaN in a format that has none; `error_ulp` where there is no gap to measure with (an overflow).
    """

    rounding: str
    value: float
    code: int | None
    bits: str
    error: float
    error_ulp: float | None


@dataclass(frozen=True)
class Explanation:
    """What a number becomes in a format.

    `below` and `above` are the neighbours on the grid (equal if the number is on it, or beyond the range and
    saturated); `share_up` is the probability with which stochastic rounding goes to `above`; None where one of the two
    is not finite.
    """

    value: float
    format: Format
    below: float
    above: float
    share_up: float | None
    outcomes: tuple[Outcome, ...]


def explain(value: float, fmt: FormatLike) -> Explanation:
    """What the float64 number `value` becomes in `fmt` under every rounding mode that needs no random bits.

    Examples
    --------
    >>> e = explain(0.1, "bfloat16")
    >>> e.below, e.above, e.outcomes[0].value, e.outcomes[0].bits
    (0.099609375, 0.10009765625, 0.10009765625, '0 01111011 1001101')
    """
    from .ops.rounding import round as round_to  # loads the compiler, which the pictures above do not need

    fmt = get_format(fmt)
    below, above = float(round_to(value, fmt, "toward_negative")), float(round_to(value, fmt, "toward_positive"))
    exact = all(map(math.isfinite, (value, below, above)))
    gap = Fraction(above) - Fraction(below) if exact else None
    share = float((Fraction(value) - Fraction(below)) / gap) if gap else (0.0 if exact else None)
    modes = [mode for mode in Rounding if not mode.is_stochastic]
    return Explanation(float(value), fmt, below, above, share, tuple(_outcome(value, fmt, mode, gap) for mode in modes))


def _outcome(value: float, fmt: Format, mode: Rounding, gap: Fraction | None) -> Outcome:
    from .ops.codes import encode
    from .ops.rounding import round as round_to

    result = float(round_to(value, fmt, mode))
    has_code = fmt.has_nan or not math.isnan(result)
    code = int(encode(value, fmt, mode)) if has_code else None
    bits = "" if code is None else bit_text(fmt, code)
    if not (math.isfinite(value) and math.isfinite(result)):
        return Outcome(mode.value, result, code, bits, result - value, None)
    error = Fraction(result) - Fraction(value)
    in_ulp = float(error / gap) if gap else (0.0 if error == 0 else None)
    return Outcome(mode.value, result, code, bits, float(error), in_ulp)
