"""The operands of an operation: several array-likes brought to one carrier and one shape, as NumPy would.

The carrier of the result is float32 if the format fits it and every operand is float16 or float32 (Python numbers do
not count, as in NumPy's promotion), else float64. Values are never rounded on the way in: where a Python number is
not a float32 value, the operation is computed in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ShapeError
from .arguments import as_carrier

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


@dataclass(frozen=True, slots=True)
class Operands:
    """Flat contiguous arrays of one dtype, each with `size` elements or a single one; the result's shape and dtype."""

    arrays: tuple[NDArray[np.floating], ...]
    shape: tuple[int, ...]
    size: int
    dtype: np.dtype
    is_scalar: bool

    def restore(self, flat: NDArray[np.floating]) -> NDArray[np.floating] | np.floating:
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
    weak = [type(value) in (int, float, bool) for _, value in named]
    carriers = [as_carrier(value, name, single=single) for name, value in named]
    strong = [c.dtype for c, w in zip(carriers, weak, strict=True) if not w]
    result = _FLOAT32 if strong and all(d == _FLOAT32 for d in strong) else _FLOAT64
    computed = result if all(_fits(c, result) for c, w in zip(carriers, weak, strict=True) if w) else _FLOAT64
    shape = _common_shape(named, carriers)
    arrays = tuple(_flat(c, computed, shape) for c in carriers)
    is_scalar = not shape and not any(isinstance(value, np.ndarray) for _, value in named)
    return Operands(arrays, shape, int(np.prod(shape, dtype=np.int64)), result, is_scalar)


def _fits(c: NDArray[np.floating], dtype: np.dtype) -> bool:
    """Whether a Python number survives in a carrier."""
    if dtype == _FLOAT64:
        return True
    with np.errstate(over="ignore"):
        narrow = c.astype(dtype)
    return bool(np.all((narrow == c) | (c != c)))


def _common_shape(named: Sequence[tuple[str, ArrayLike]], carriers: list[NDArray[np.floating]]) -> tuple[int, ...]:
    if len(carriers) == 1 or all(c.shape == carriers[0].shape for c in carriers):
        return carriers[0].shape
    try:
        return np.broadcast_shapes(*(c.shape for c in carriers))
    except ValueError:
        shapes = ", ".join(f"{name} {c.shape}" for (name, _), c in zip(named, carriers, strict=True))
        raise ShapeError(f"the shapes do not broadcast: {shapes}") from None


def _flat(c: NDArray[np.floating], dtype: np.dtype, shape: tuple[int, ...]) -> NDArray[np.floating]:
    c = c.astype(dtype, copy=False)
    if c.size != 1 and c.shape != shape:
        c = np.array(np.broadcast_to(c, shape), order="C")
    return c.reshape(-1)
