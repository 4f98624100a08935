"""`RoundedValues`: values of a format with the arithmetic they take part in; the data under FloatArray, and its rules.

What may meet in an operation (`operand`):

* FloatArrays of the same format, rounding and overflow policy; others raise, and the message names the cast;
* numbers of any kind (Python's, NumPy's, fractions, decimals, arrays without dimensions), and lists of them: constants
  of a formula, each rounded to the format to nearest-even first, once, from its exact value;
* arrays whose dtype has numbers of the format only (``dtypes.py``: booleans, float16 beside float32, ml_dtypes' own);
  other arrays raise, whatever is in them, and the message names the cast.

Comparisons are exact and take arrays of any dtype and format as they are; numbers and lists are rounded first there
too, so ``a == 0.1`` is true where the format's 0.1 stands. Assignment rounds whatever is assigned. None of this
depends on the data.

Random bits (`fresh_stream`): an operation draws from a stream derived from its name and the streams of its operands,
and its result carries that stream on. So bits depend on the operands and the way they were made, not on the time or
the order of calls: ``a + b`` is the same twice, and ``a + b`` and ``a + c`` draw different bits if b and c were made
from different seeds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, RoundingError, SeedError, as_integer
from ..formats.format import Format
from ..formats.rounding import Overflow, Rounding
from ..ops import arithmetic as operations
from ..ops.arguments import as_carrier
from ..ops.exact_numbers import rounded_numbers
from ..ops.rounder import Rounder, rounder
from ..streams import Stream
from .dtypes import is_within, spelled


@dataclass(frozen=True)
class Arithmetic:
    """How results are rounded: format, mode, policy, random bits."""

    format: Format
    rounding: Rounding = Rounding.NEAREST_EVEN
    overflow: Overflow | None = None
    random_bits: int | None = None

    @cached_property
    def rounder(self) -> Rounder:
        """The constants and kernels of this way of rounding."""
        return rounder(self.format, self.rounding, self.overflow, self.random_bits)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled without its plan, whose constants and kernels belong to a process."""
        return Arithmetic, (self.format, self.rounding, self.overflow, self.random_bits)

    def describe(self) -> str:
        """The arguments of `array` that give it."""
        parts = [f"format={self.format.name!r}", f"rounding={self.rounding.value!r}"]
        if self.overflow is not None:
            parts.append(f"overflow={self.overflow.value!r}")
        if self.random_bits is not None:
            parts.append(f"random_bits={self.random_bits}")
        return ", ".join(parts)


@lru_cache(maxsize=1024, typed=True)
def shared_arithmetic(
    fmt: Format, rounding: Rounding, overflow: Overflow | None, random_bits: int | None
) -> Arithmetic:
    """One object for each arithmetic, so that arrays of the same one are known by it."""
    return Arithmetic(fmt, rounding, overflow, random_bits)


class RoundedValues:
    """Values that a format holds, in a float32 carrier if it fits one, else in float64."""

    __slots__ = ("__weakref__", "_arithmetic", "_stream", "_values")

    def __init__(self, values: NDArray[np.floating], arithmetic: Arithmetic, stream: Stream | None) -> None:
        if arithmetic.rounding.is_stochastic and stream is None:
            raise SeedError(
                f"seed=None: rounding={arithmetic.rounding.value!r} needs seed=<int> or seed=nf.Stream(...)"
            )
        self._values = values
        self._arithmetic = arithmetic
        self._stream = stream if arithmetic.rounding.is_stochastic else None

    def like(self, values: NDArray[np.floating] | np.floating, stream: Stream | None = None) -> Any:
        """Other values of the same format, with the same arithmetic."""
        return type(self)(np.asarray(values), self._arithmetic, stream or self._stream)

    def made(self, values: NDArray[np.floating]) -> Any:
        """`like`, for results whose carrier is right and whose rounding draws nothing."""
        new = object.__new__(type(self))
        new._values, new._arithmetic, new._stream = values, self._arithmetic, None
        return new

    def key(self, stream: Stream | None) -> int:
        """The key of a stream's random bits; 0 where none are drawn."""
        return self._arithmetic.rounder.key(stream)


def carrier(arithmetic: Arithmetic) -> np.dtype:
    """The dtype in which values of the format are kept."""
    return np.dtype(np.float32 if arithmetic.rounder.single else np.float64)


def fresh_stream(name: str, *operands: Any) -> Stream | None:
    """The stream of an operation's result: derived from the operation's name and the operands' streams."""
    streams = [a._stream for a in operands if isinstance(a, RoundedValues) and a._stream is not None]
    if not streams:
        return None
    return Stream(streams[0].child(name, *(s.key for s in streams[1:])).key)


def common(operands: list[Any], what: str) -> RoundedValues:
    """The first of the rounded operands, after checking that all of them have the same arithmetic.

    Raises
    ------
    FormatError, RoundingError
        If formats or ways of rounding are mixed.
    """
    rounded = [a for a in operands if isinstance(a, RoundedValues)]
    first = rounded[0]
    for other in rounded[1:]:
        if other._arithmetic == first._arithmetic:
            continue
        a, b = first._arithmetic, other._arithmetic
        if a.format != b.format:
            raise FormatError(
                f"{what}: formats {a.format.name!r} and {b.format.name!r} are mixed; cast one: "
                f"b.astype({_cast(a.format, 'a')}) or a.astype({_cast(b.format, 'b')})"
            )
        raise RoundingError(
            f"{what}: the same format with different arithmetic ({a.describe()}; {b.describe()}); "
            "choose one: b.replace(...)"
        )
    return first


def _cast(fmt: Format, owner: str) -> str:
    return spelled(fmt).replace("a.", f"{owner}.")


def operand(value: Any, first: RoundedValues, what: str) -> Any:
    """What an operand stands for: a carrier's array, or a number rounded to the format, as a constant in a formula is.

    Numbers are Python's, NumPy's and arrays without dimensions, and the elements of lists; of other arrays the dtype
    must have numbers of the format only.

    Raises
    ------
    FormatError
        If the dtype of an array with dimensions has other numbers too.
    ArgumentError
        If it is not real numbers.
    """
    if isinstance(value, RoundedValues):
        return value._values
    arithmetic = first._arithmetic
    if type(value) in (int, float, bool):
        return _number(value, arithmetic.format, what) if value else _number.__wrapped__(value, arithmetic.format, what)
    nearest = rounder(arithmetic.format, Rounding.NEAREST_EVEN, None, None)
    argument = f"an operand of {what}"
    if is_written_out(value):
        rounded = rounded_numbers(value, argument, nearest)
    else:
        array = as_carrier(value, argument, single=nearest.single)
        _check_dtype(np.asarray(value).dtype, arithmetic.format, what)
        rounded = nearest.apply(array, 0)
    return rounded.astype(carrier(arithmetic), copy=False) if rounded.ndim else float(rounded)


def is_written_out(value: Any) -> bool:
    """Whether this is a number, or lists of numbers: what a formula has constants of; no array with dimensions."""
    if isinstance(value, (list, tuple)):
        return all(is_written_out(item) for item in value)
    try:
        return np.ndim(value) == 0
    except Exception:  # what an object's own methods raise
        return False


def _check_dtype(dtype: np.dtype, fmt: Format, what: str) -> None:
    if is_within(dtype, fmt):
        return
    name = spelled(fmt)
    exact = f"; nf.{what}(a, x, {name}) computes with it as it is" if hasattr(operations, what) else ""
    raise FormatError(
        f"{what}: an array of {dtype} beside {fmt.name}: say its format, nf.array(x, {name}), which rounds it{exact}"
    )


@lru_cache(maxsize=1024, typed=True)
def _number(value: float, fmt: Format, what: str) -> float:
    """A Python number rounded to a format, kept for the next time; not for zeros, whose signs are equal keys."""
    nearest = rounder(fmt, Rounding.NEAREST_EVEN, None, None)
    return float(rounded_numbers(value, f"an operand of {what}", nearest))


def exactly(values: NDArray[np.floating], arithmetic: Arithmetic) -> NDArray[np.floating]:
    """Values brought to the format's carrier by a rounding that needs no random bits, where none could matter."""
    plain = (
        replace(arithmetic, rounding=Rounding.NEAREST_EVEN, random_bits=None)
        if arithmetic.rounding.is_stochastic
        else arithmetic
    )
    c = as_carrier(values, "values", single=plain.rounder.single)
    return plain.rounder.apply(c, 0).astype(carrier(arithmetic), copy=False)


def name_of(index: Any, shape: tuple[int, ...]) -> str:
    """A name for the elements an index selects: what it says, or a digest of it where it holds arrays.

    Integers are Python's, counted from the front where it is plain which axis they belong to, whatever they are given
    as.
    """
    parts = index if isinstance(index, tuple) else (index,)
    plain = all(isinstance(part, slice) or _integer(part) is not None for part in parts)
    parts = tuple(_place(part, shape[i] if plain and i < len(shape) else 0) for i, part in enumerate(parts))
    index = parts if isinstance(index, tuple) else parts[0]
    if not any(isinstance(part, (np.ndarray, list)) for part in parts):
        return repr(index)
    h = hashlib.blake2b(digest_size=16)
    for part in parts:
        h.update(np.asarray(part).tobytes() if isinstance(part, (np.ndarray, list)) else repr(part).encode())
    return h.hexdigest()


def _integer(part: Any) -> int | None:
    return None if isinstance(part, np.ndarray) else as_integer(part)


def _place(part: Any, size: int) -> Any:
    number = _integer(part)
    return part if number is None else number + size if number < 0 else number
