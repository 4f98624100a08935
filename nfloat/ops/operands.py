"""The operands of an operation: several array-likes brought to one carrier and one shape, as NumPy would.

The carrier of the result is float32 if the format fits it and every operand is float16 or float32 (Python numbers do
not count, as in NumPy's promotion), else float64. Values are never rounded on the way in: where a Python number is
not a float32 value, the operation is computed in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, FormatError, ShapeError
from ..formats.names import FormatLike
from ..formats.rounding import OverflowLike, RoundingLike
from ..kernels.arithmetic.operations import Operation
from ..streams import SeedLike
from .arguments import LARGE, as_carrier
from .memory import check_size
from .rounder import Rounder, rounder

Result = NDArray[np.floating] | np.floating
#: the method by which a FloatArray carries out an operation on itself and others: (operation, operands) -> FloatArray
HOOK = "__nfloat_operation__"

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


@dataclass(frozen=True, slots=True)
class Operands:
    """Flat contiguous arrays of one dtype, each with `size` elements or a single one; the result's shape and dtype."""

    arrays: tuple[NDArray[np.floating], ...]
    shape: tuple[int, ...]
    size: int
    dtype: np.dtype
    is_scalar: bool

    def restore(self, flat: NDArray[np.floating]) -> Result:
        """The result in its shape; a scalar where every operand was one."""
        out = flat.reshape(self.shape)
        return out[()] if self.is_scalar else out


def gather(named: Sequence[tuple[str, ArrayLike]], *, single: bool) -> Operands:
    """The operands (name, value) of an operation in a format that float32 carries or not (`single`).

    Raises
    ------
    ArgumentError
        If one is not real numbers that float64 holds.
    ShapeError
        If the shapes do not broadcast.
    """
    carriers = [as_carrier(value, name, single=single) for name, value in named]
    result, computed = _dtypes([value for _, value in named], carriers)
    shape = _common_shape(named, carriers)
    if prod(shape) > LARGE:
        check_size(" and ".join(name for name, _ in named) + ": a result", shape, computed.itemsize)
    arrays = tuple(_flat(c, computed, shape) for c in carriers)
    is_scalar = not shape and not any(isinstance(value, np.ndarray) for _, value in named)
    return Operands(arrays, shape, prod(shape), result, is_scalar)


def rounded_once(
    carry_out: Callable[[Any, tuple[NDArray[np.floating], ...], int, Rounder, int], NDArray[np.floating]],
    operation: Operation | str,
    named: Sequence[tuple[str, ArrayLike]],
    fmt: FormatLike | None,
    rounding: RoundingLike,
    overflow: OverflowLike | None,
    random_bits: int | None,
    seed: SeedLike | None,
) -> Result:
    """An operation on operands (name, value), rounded to a format, or as a FloatArray among them says.

    `carry_out` does it on (operation, flat arrays, size, rounder, key).
    """
    if fmt is None:
        return of_the_operands(operation, named, rounding, overflow, random_bits, seed)
    how = rounder(fmt, rounding, overflow, random_bits)
    key = how.key(seed)
    with np.errstate(invalid="ignore"):  # a signalling NaN would warn
        operands = gather(named, single=how.single)
        flat = carry_out(operation, operands.arrays, operands.size, how, key)
        return operands.restore(flat.astype(operands.dtype, copy=False))


def of_the_operands(
    operation: Operation | str,
    named: Sequence[tuple[str, ArrayLike]],
    rounding: RoundingLike,
    overflow: OverflowLike | None,
    random_bits: int | None,
    seed: SeedLike | None,
) -> Any:
    """The result of an operation without `fmt`: a FloatArray among the operands says how it is rounded.

    Raises
    ------
    FormatError
        If there is none.
    ArgumentError
        If the way of rounding is given beside it.
    """
    first = next((value for _, value in named if hasattr(type(value), HOOK)), None)
    if first is None:
        names = " or ".join(name for name, _ in named)
        raise FormatError(f"fmt: there is none; name a format, or pass a FloatArray as {names}: nf.array(x, 'float16')")
    given = {"overflow": overflow, "random_bits": random_bits, "seed": seed}
    if rounding != "nearest_even":
        given["rounding"] = rounding
    said = [f"{key}={value!r}" for key, value in given.items() if value is not None]
    if said:
        raise ArgumentError(f"{', '.join(said)} goes with fmt; a FloatArray rounds in its own way: a.replace(...)")
    return getattr(first, HOOK)(operation, [value for _, value in named])


def _dtypes(values: list[ArrayLike], carriers: list[NDArray[np.floating]]) -> tuple[np.dtype, np.dtype]:
    """(dtype of the result, dtype to compute in)."""
    weak = [c for value, c in zip(values, carriers, strict=True) if type(value) in (int, float, bool)]
    strong = [c.dtype for value, c in zip(values, carriers, strict=True) if type(value) not in (int, float, bool)]
    if not strong or _FLOAT64 in strong:
        return _FLOAT64, _FLOAT64
    return _FLOAT32, _FLOAT32 if all(_fits(c, _FLOAT32) for c in weak) else _FLOAT64


def _fits(c: NDArray[np.floating], dtype: np.dtype) -> bool:
    """Whether a Python number survives in a narrower carrier."""
    with np.errstate(over="ignore"):
        narrow = c.astype(dtype)
    return bool(np.all((narrow == c) | (c != c)))


def _common_shape(named: Sequence[tuple[str, ArrayLike]], carriers: list[NDArray[np.floating]]) -> tuple[int, ...]:
    first = carriers[0].shape
    if len(carriers) == 1 or all(c.shape == first for c in carriers[1:]):
        return first
    try:
        return np.broadcast_shapes(*(c.shape for c in carriers))
    except RuntimeError:
        raise ShapeError(f"{named[0][0]} has {len(first)} dimensions; NumPy broadcasts at most 32 of them") from None
    except ValueError:
        shapes = ", ".join(f"{name} {c.shape}" for (name, _), c in zip(named, carriers, strict=True))
        raise ShapeError(f"the shapes do not broadcast: {shapes}") from None


def _flat(c: NDArray[np.floating], dtype: np.dtype, shape: tuple[int, ...]) -> NDArray[np.floating]:
    if c.dtype is not dtype:
        c = c.astype(dtype, copy=False)
    if c.ndim == 1 and c.shape == shape:
        return c
    if c.size != 1 and c.shape != shape:
        c = np.array(np.broadcast_to(c, shape), order="C")
    return c.reshape(-1)
