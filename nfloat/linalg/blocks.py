"""Products of block arrays: what a matrix unit takes of them, and what any other accumulator does.

A block-scaled unit gets elements and scales apart, as the hardware does, and gives what it gives to the last bit; the
tensor scales are applied to its result, as a GEMM's alpha. Every other accumulator gets the dequantised operands:
element times scale times tensor scale, exact (in float32 where that holds them all, else in float64), so its sums are
those of these numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..blocks.array import BlockArray
from ..errors import ArgumentError, FormatError, ShapeError
from ..formats.names import get_format
from .units.unit import Unit


def is_block_scaled(unit: Any) -> bool:
    """Whether an accumulator is a unit that takes block scales."""
    return isinstance(unit, Unit) and getattr(unit.arithmetic, "scale_block", 0) > 0


def exact_values(x: ArrayLike) -> ArrayLike:
    """A block array's values, exact: float32 if that holds them, else float64; anything else as it is."""
    if not isinstance(x, BlockArray):
        return x
    values = x.dequantize(np.float64)
    with np.errstate(all="ignore"):
        single = values.astype(np.float32)
    return single if np.array_equal(single, values, equal_nan=True) else values


def unit_parts(
    x: ArrayLike | BlockArray, unit: Unit, argument: str
) -> tuple[NDArray[np.floating], NDArray[np.floating], float]:
    """Elements, scales and tensor scale as a block-scaled unit takes them.

    Raises
    ------
    ArgumentError, FormatError, ShapeError
        If `x` is no block array, or its blocks do not run along k, or are not the unit's.
    """
    if not isinstance(x, BlockArray):
        raise ArgumentError(
            f"{argument}: with a block-scaled unit both operands are block arrays, or plain with scale_a and scale_b"
        )
    arithmetic: Any = unit.arithmetic
    size, scale, f = arithmetic.scale_block, get_format(arithmetic.scale_format), x.format
    if f.block != size or f.scale != scale:
        raise FormatError(
            f"{argument}: {unit.name} takes blocks of {size} with {scale.name} scales, not {f.name} "
            f"(blocks of {f.block}, {f.scale.name})"
        )
    along = max(x.ndim - 1, 0) if argument == "a" else max(x.ndim - 2, 0)
    if x.axis != along:
        raise ShapeError(f"{argument}: blocks must run along k, which is axis {along} of {x.shape}, not axis {x.axis}")
    return x.elements, x.scales, x.tensor_scale


def scaled_result(result: NDArray[np.floating], alpha: float) -> NDArray[np.floating]:
    """A unit's result times float32(alpha), rounded once to float32."""
    with np.errstate(all="ignore"):
        return np.multiply(result, np.float32(alpha), dtype=np.float32)
