"""What a number becomes in other formats: a line each, rounded to nearest-even."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from ..formats.catalog import FORMATS
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..pictures.bits import bit_text


@dataclass(frozen=True)
class Beside:
    """A number in one format: value, code and bits (None and "" for a NaN without a code), relative error.

    The relative error is None where there is nothing to compare: the number is 0, or one of the two is not finite.
    """

    format: Format
    value: float
    code: int | None
    bits: str
    relative_error: float | None


def beside(value: float, formats: Iterable[FormatLike] = ()) -> tuple[Beside, ...]:
    """What `value` becomes in each format, by default every named one.

    Examples
    --------
    >>> [(b.format.name, b.value) for b in beside(0.1, ["fp16", "e4m3fn", "fp4"])]
    [('float16', 0.0999755859375), ('float8_e4m3fn', 0.1015625), ('float4_e2m1fn', 0.0)]
    """
    from ..ops.codes import encode  # loads the compiler
    from ..ops.rounding import round as round_to

    rows = []
    for fmt in map(get_format, list(formats) or FORMATS.values()):
        result = float(round_to(value, fmt))
        code = int(encode(value, fmt)) if fmt.has_nan or not math.isnan(result) else None
        text = "" if code is None else bit_text(fmt, code)
        rows.append(Beside(fmt, result, code, text, _relative(value, result)))
    return tuple(rows)


def _relative(value: float, result: float) -> float | None:
    if not (math.isfinite(value) and math.isfinite(result)) or value == 0.0:
        return None
    return float((Fraction(result) - Fraction(value)) / abs(Fraction(value)))
