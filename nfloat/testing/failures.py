"""What a failed assertion says.

How many elements, the worst one in decimal, hex and bits, its neighbours, how to reproduce it.

Text only; ``asserts.py`` decides. Values are Python floats here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..display import bit_text
from ..errors import NFloatError
from ..formats.format import Format
from ..formats.names import get_format
from ..ops.codes import encode
from ..ops.rounding import round as round_to


def share(bad: NDArray[np.bool_]) -> str:
    """How many of all elements, as ``3 of 1024 elements (0.293 %)``."""
    count = int(np.count_nonzero(bad))
    return f"{count} of {bad.size} element{'s' if bad.size != 1 else ''} ({100 * count / bad.size:.3g} %)"


def place(index: int, shape: tuple[int, ...]) -> str:
    """Where a flat index is, as ``element (3, 17)``; nothing for a scalar."""
    where = tuple(int(i) for i in np.unravel_index(index, shape))
    return f"element {where[0] if len(where) == 1 else where}" if shape else "the value"


def value_line(label: str, value: float, fmt: Format | None) -> str:
    """A value in decimal, as hex float and, if the format has it, in bits."""
    text = f"  {label:<8} {value!r:<24} {value.hex():<22}"
    return f"{text} {bits(value, fmt)}".rstrip() if fmt is not None else text.rstrip()


def bits(value: float, fmt: Format) -> str:
    """The bit fields of a number of the format; else that it is none."""
    try:
        same = float(round_to(value, fmt, "toward_zero", overflow="saturate_finite"))
        if same == value or (math.isnan(value) and fmt.has_nan):
            return bit_text(fmt, int(encode(value, fmt, overflow="saturate_finite")))
    except NFloatError:
        pass
    return f"(not a {fmt.name} number)"


def neighbours(value: float, fmt: Format) -> str:
    """The numbers of the format next to a value: strictly below and above it."""
    if not math.isfinite(value):
        return ""
    below = float(round_to(np.nextafter(value, -math.inf), fmt, "toward_negative", overflow="saturate_finite"))
    above = float(round_to(np.nextafter(value, math.inf), fmt, "toward_positive", overflow="saturate_finite"))
    return f"  neighbours of desired on the grid: {below!r}, {above!r}"


def argument(value: float) -> str:
    """A value as Python source that has every bit of it."""
    return f"float.fromhex({value.hex()!r})" if math.isfinite(value) else f"float({str(value)!r})"


def format_argument(fmt: Format) -> str:
    """A format as Python source: its name where that finds it, else its constructor."""
    try:
        named = get_format(fmt.name) == fmt
    except NFloatError:
        named = False
    return repr(fmt.name) if named else f"nf.{fmt!r}"
