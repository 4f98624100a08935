"""What a failed assertion says.

How many elements, the worst one in decimal, hex and bits, its neighbours, how to reproduce it.

Text only; ``asserts.py`` decides. Values are Python floats here.
"""

from __future__ import annotations

import base64
import math
import zlib
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, NFloatError, check_kind
from ..formats.format import Format
from ..formats.names import get_format
from ..linalg.accumulators import Accumulator
from ..ops.codes import decode, encode
from ..ops.rounding import round as round_to
from ..pictures.bits import bit_text

if TYPE_CHECKING:
    from ..linalg.units.unit import Unit

#: so many numbers stand in a line of reproduction as they are, and so many characters of packed ones
_INLINE, _LONGEST = 32, 4000


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


def code_line(label: str, code: int, fmt: Format | None) -> str:
    """A code as a number, in hex and, if it is one of a format, the value and the bits that it stands for."""
    text = f"  {label:<8} {code} = {code:#x}"
    if fmt is None or not 0 <= code <= fmt.max_code:
        return text
    return f"{text} = {float(decode(np.uint64(code), fmt))!r:<24} {bit_text(fmt, code)}"


def bits(value: float, fmt: Format) -> str:
    """The bit fields of a number of the format; else that it is none."""
    try:
        same = float(round_to(value, fmt, "toward_zero", overflow="saturate_finite"))
        if same == value or (math.isnan(value) and fmt.has_nan):
            return bit_text(fmt, int(encode(value, fmt, overflow="saturate_finite")))
    except NFloatError:
        pass
    return f"(not a {fmt.name} number)"


def beside(actual: float, wanted: float, fmt: Format | None, label: str = "desired") -> list[str]:
    """Two values one below the other, and the numbers of the format next to what is wanted."""
    lines = [value_line("actual", actual, fmt), value_line(label, wanted, fmt)]
    return lines if fmt is None else [*lines, *filter(None, [neighbours(wanted, fmt, label)])]


def neighbours(value: float, fmt: Format, label: str = "desired") -> str:
    """The numbers of the format next to a value: strictly below and above it."""
    if not math.isfinite(value):
        return ""
    below = float(round_to(np.nextafter(value, -math.inf), fmt, "toward_negative", overflow="saturate_finite"))
    above = float(round_to(np.nextafter(value, math.inf), fmt, "toward_positive", overflow="saturate_finite"))
    return f"  neighbours of {label} on the grid: {below!r}, {above!r}"


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


def source(value: object) -> str:
    """The value of a keyword as Python source."""
    if isinstance(value, Format):
        return format_argument(value)
    numbers = numbers_argument(np.asarray(value, np.float64)) if isinstance(value, (np.ndarray, list, tuple)) else None
    return numbers or repr(value)


def accumulator_argument(acc: Accumulator | Unit) -> str:
    """An accumulator as Python source; a unit by its name."""
    if not isinstance(acc, Accumulator):
        return repr(acc.name)
    parts = [format_argument(acc.format)]
    for field in fields(acc)[1:]:
        value = getattr(acc, field.name)
        if value is not None and value != field.default:
            shown = format_argument(value) if isinstance(value, Format) else repr(getattr(value, "value", value))
            parts.append(f"{field.name}={shown}")
    return parts[0] if len(parts) == 1 else f"nf.Accumulator({', '.join(parts)})"


def numbers_argument(x: NDArray[np.floating]) -> str | None:
    """A short array as Python source that has every bit of it; longer ones packed; None where that is too long.

    Examples
    --------
    >>> numbers_argument(np.array([[1.0, 0.1]]))
    "[[float.fromhex('0x1.0000000000000p+0'), float.fromhex('0x1.999999999999ap-4')]]"
    >>> bool((unpacked(packed(np.ones((2, 50)))) == 1).all())
    True
    """
    if x.size <= _INLINE:
        return _listed(x)
    text = packed(x)
    return f"nf.testing.unpacked({text!r})" if len(text) <= _LONGEST else None


def _listed(x: NDArray[np.floating]) -> str:
    return argument(float(x)) if x.ndim == 0 else f"[{', '.join(_listed(np.asarray(part)) for part in x)}]"


def packed(x: NDArray[np.floating]) -> str:
    """Numbers as a line of text: shape, then the float64 bytes, compressed, in base 85."""
    data = np.ascontiguousarray(x, np.float64)
    bytes_of = data.view(np.uint8).reshape(-1, 8).T.tobytes()  # like bytes together: they are often alike
    return f"{'x'.join(map(str, data.shape))}:{base64.b85encode(zlib.compress(bytes_of, 9)).decode()}"


def unpacked(text: str) -> NDArray[np.float64]:
    """The numbers that a failure's line of reproduction holds.

    Raises
    ------
    ArgumentError
        If the text is not one of `packed`.

    Examples
    --------
    >>> unpacked(packed(np.array([[1.0, 2.0]])))
    array([[1., 2.]])
    """
    check_kind("text", text, str, "the text that a failure's line holds")
    shape, _, body = text.partition(":")
    try:
        data = np.frombuffer(zlib.decompress(base64.b85decode(body)), np.uint8).reshape(8, -1)
        return np.ascontiguousarray(data.T).view(np.float64).reshape([int(n) for n in shape.split("x")])
    except (ValueError, zlib.error) as error:
        raise ArgumentError(f"text: not numbers as a failure writes them ({error}); copy its whole line") from None
