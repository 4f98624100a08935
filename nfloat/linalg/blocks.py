"""Products of block arrays: what a matrix unit takes of them, and what any other accumulator does.

A block-scaled unit gets elements and scales apart, as the hardware does, and gives what it gives to the last bit; the
tensor scales are applied to its result, as a GEMM's alpha. Any other unit gets the elements, block by block of k; the
scales are applied outside it, to each block's sum, in float32 (`scaled_outside`). An `Accumulator` gets the dequantised
operands: element times scale times tensor scale, exact (in float32 where that holds them all, else in float64), so its
sums are those of these numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..blocks.array import BlockArray
from ..errors import ArgumentError, FormatError, ShapeError
from ..formats.names import get_format
from ..ops.arithmetic import fma
from .units.unit import Unit


def is_block_scaled(unit: Any) -> bool:
    """Whether an accumulator is a unit that takes block scales."""
    return isinstance(unit, Unit) and getattr(unit.arithmetic, "scale_block", 0) > 0


def scaled_outside(
    a: BlockArray, b: BlockArray, c: ArrayLike | None, multiply: Callable[[ArrayLike, ArrayLike], Any]
) -> NDArray[np.float32]:
    """c + the sum over blocks of k, in order, of (a block's product of elements) times scale, in float32.

    Each block's scale is the product of both sides', rounded; `multiply` gives a block's product from +0; times the
    scale it is added in one fused multiply-add. So DeepSeek-V3's GEMM (arXiv 2412.19437, section 3.3.2; DeepGEMM) has
    it with blocks of 128, and FP8 scaled by tensor or by row with one block, whose scale is the GEMM's alpha.

    Raises
    ------
    ShapeError
        If an operand has fewer than two axes, or blocks do not run along k.
    """
    edges = {0, a.shape[-1] if a.ndim else 0, *_edges(a, "a", a.ndim - 1), *_edges(b, "b", b.ndim - 2)}
    elements_a, elements_b = a.elements, b.elements
    with np.errstate(all="ignore"):
        d_a, d_b = (x.products.astype(np.float32) for x in (a, b))
        total = np.float32(0.0) if c is None else np.asarray(c)
        for first, last in pairwise(sorted(edges)):
            scale = d_a[..., first : first + 1] * d_b[..., first : first + 1, :]
            part = multiply(elements_a[..., first:last], elements_b[..., first:last, :])
            total = fma(part, scale, total, "float32")
        if np.ndim(total) == 0:  # no k
            total = np.broadcast_to(total, (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))
    return np.asarray(total, np.float32)


def _edges(x: BlockArray, argument: str, along: int) -> range:
    """Where blocks of k begin."""
    own = x.axis if isinstance(x.axis, tuple) else (x.axis,)
    if x.ndim < 2 or (x.axis is not None and along not in own):
        raise ShapeError(
            f"{argument}: blocks must run along k, axis {along} of two or more, not along axis {x.axis} of {x.shape}"
        )
    sizes = x.format.sizes
    size = None if sizes is None else sizes[own.index(along)] if x.format.is_tile else sizes[1]
    return range(0, x.shape[along], size or max(x.shape[along], 1))


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
