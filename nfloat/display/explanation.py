"""`explain`: what one number becomes in a format, under every rounding that needs no random bits.

Pictures stand in ``nfloat/pictures``, what a rounding gives in ``ops``: nothing here computes either a second time.
Formats that are described only (``formats/wide.py``) have neighbours, codes and bits, no rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from ..cards import card, table
from ..errors import ArgumentError, as_number
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..formats.rounding import Rounding
from ..pictures.bits import bit_svg, bit_text, meaning
from ..pictures.lines import between_svg


@dataclass(frozen=True)
class Outcome:
    """What one rounding mode makes of a number: value, code, error; `error_ulp` in gaps between its neighbours.

    `code` is None for a NaN in a format that has none; `error_ulp` where there is no gap to measure with (an overflow).

    Examples
    --------
    >>> first = explain(0.1, "bfloat16").outcomes[0]
    >>> first.rounding, first.value, hex(first.code), first.error_ulp
    ('nearest_even', 0.10009765625, '0x3dcd', 0.19999999999998863)
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

    Examples
    --------
    >>> e = explain(0.1, "bfloat16")
    >>> e, round(e.share_up, 3)
    (Explanation(0.1, 'bfloat16': between, nearest 0.10009765625), 0.8)
    """

    value: float
    format: Format
    below: float
    above: float
    share_up: float | None
    outcomes: tuple[Outcome, ...]

    @property
    def place(self) -> str:
        """Where the number lies: "on the grid", "beyond the range", or "between" two numbers of the format."""
        if self.below != self.above:
            return "between"
        return "on the grid" if self.below == self.value else "beyond the range"

    def bit_picture(self) -> str:
        """The bits of what nearest-even gives, and how they are read; empty where it has no code."""
        first = self.outcomes[0]
        if first.code is None:
            return ""
        return f"{bit_svg(self.format, first.code)}<br><code>{meaning(self.format, first.code)}</code>"

    def between_picture(self) -> str:
        """The number between its neighbours, with the roundings that take each; empty where there is no gap."""
        if self.place != "between" or self.share_up is None:
            return ""
        modes = [(item.rounding, item.value == self.above) for item in self.outcomes]
        return between_svg(f"{self.below!r}", f"{self.above!r}", self.share_up, f"{self.value!r}", modes)

    def __repr__(self) -> str:
        near = self.outcomes[0].value
        return f"Explanation({self.value!r}, {self.format.name!r}: {self.place}, nearest {near!r})"

    def _repr_html_(self) -> str:
        rows = [(o.rounding, f"{o.value!r}", o.bits, f"{o.error:+.3e}") for o in self.outcomes]
        body = table(("rounding", "result", "bits", "error"), rows)
        picture = f"<br>{self.bit_picture()}<br>{self.between_picture()}{body}"
        return card(f"{self.value!r} in {self.format.name}", (), picture=picture)


def explain(value: float, fmt: FormatLike) -> Explanation:
    """What the float64 number `value` becomes in `fmt` under every rounding mode that needs no random bits.

    Raises
    ------
    ArgumentError
        If `value` is no number that float64 holds.
    FormatError
        If `fmt` names no format.

    Examples
    --------
    >>> e = explain(0.1, "bfloat16")
    >>> e.below, e.above, e.outcomes[0].value, e.outcomes[0].bits
    (0.099609375, 0.10009765625, 0.10009765625, '0 01111011 1001101')
    """
    from ..ops.rounding import round as round_to  # loads the compiler, which the pictures above do not need

    number = as_number(value)
    if number is None or (number != value and not math.isnan(number)):
        raise ArgumentError(f"value={value!r} must be a number that float64 holds")
    value, fmt = number, get_format(fmt)
    below, above = float(round_to(value, fmt, "toward_negative")), float(round_to(value, fmt, "toward_positive"))
    exact = all(map(math.isfinite, (value, below, above)))
    gap = Fraction(above) - Fraction(below) if exact else None
    share = float((Fraction(value) - Fraction(below)) / gap) if gap else (0.0 if exact else None)
    modes = [mode for mode in Rounding if not mode.is_stochastic]
    return Explanation(float(value), fmt, below, above, share, tuple(_outcome(value, fmt, mode, gap) for mode in modes))


def _outcome(value: float, fmt: Format, mode: Rounding, gap: Fraction | None) -> Outcome:
    from ..ops.codes import encode
    from ..ops.rounding import round as round_to

    result = float(round_to(value, fmt, mode))
    has_code = fmt.has_nan or not math.isnan(result)
    code = int(encode(value, fmt, mode)) if has_code else None
    bits = "" if code is None else bit_text(fmt, code)
    if not (math.isfinite(value) and math.isfinite(result)):
        return Outcome(mode.value, result, code, bits, result - value, None)
    error = Fraction(result) - Fraction(value)
    in_ulp = float(error / gap) if gap else (0.0 if error == 0 else None)
    return Outcome(mode.value, result, code, bits, float(error), in_ulp)
