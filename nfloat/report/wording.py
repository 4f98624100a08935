"""Numbers and names as they stand in a sentence or a cell: as many digits as say something, and no more."""

from __future__ import annotations

import math
from collections.abc import Sequence

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None) -> str:
    """A number in a sentence, to three digits; small ones as a power of ten.

    Examples
    --------
    >>> number(0.49026), number(1.23e-7), number(0.0), number(None)
    ('0.49', '1.2×10⁻⁷', '0', '–')
    """
    if value is None:
        return "–"
    if value == 0.0 or not math.isfinite(value):
        return f"{value:.0f}"
    if 0.01 <= abs(value) < 1e5:
        return f"{value:.3g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def loss(value: float | None) -> str:
    """A loss: four digits, trailing zeros too, so that two can be compared.

    Examples
    --------
    >>> loss(0.243), loss(float("inf")), loss(None)
    ('0.2430', 'inf', '–')
    """
    return "–" if value is None else f"{value:#.4g}"


def digits(value: float | None) -> str:
    """A number in a table of data: five digits.

    Examples
    --------
    >>> digits(0.4902611), digits(1.5e-07), digits(None)
    ('0.49026', '1.5e-07', '–')
    """
    return "–" if value is None else f"{value:.5g}"


def percent(value: float | None) -> str:
    """A share in a table of data, in per cent: five digits.

    Examples
    --------
    >>> percent(0.4902611), percent(1.5e-07), percent(float("nan")), percent(None)
    ('49.026 %', '1.5e-05 %', 'nan', '–')
    """
    if value is None or not math.isfinite(value):
        return digits(value)
    return f"{100.0 * value:.5g} %" if value else "0"


def share(value: float | None) -> str:
    """A share in per cent; what is not all is not called 100 %.

    Examples
    --------
    >>> share(0.7912), share(0.0), share(0.00412), share(0.9992), share(0.99999), share(2e-8)
    ('79 %', '0', '0.41 %', '99.9 %', '> 99.9 %', '< 0.001 %')
    """
    if value is None:
        return "–"
    hundredths = 100.0 * value
    if hundredths == 0.0 or not math.isfinite(hundredths):
        return f"{hundredths:.0f}"
    if abs(hundredths) < 0.001:
        return "< 0.001 %"
    if 99.5 <= hundredths < 100.0:
        return f"{hundredths:.1f} %" if hundredths < 99.95 else "> 99.9 %"
    return f"{hundredths:.0f} %" if abs(hundredths) >= 9.95 else f"{hundredths:#.2g} %"


def signed_share(value: float) -> str:
    """A relative difference in per cent, with its sign.

    Examples
    --------
    >>> signed_share(0.709), signed_share(-0.0104), signed_share(1e-9), signed_share(0.0)
    ('+71 %', '-1.0 %', '< 0.001 %', '0')
    """
    text = share(abs(value))
    if value == 0.0 or text.startswith("<") or math.isnan(value):
        return text
    return f"{'+' if value > 0 else '-'}{text}"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"
