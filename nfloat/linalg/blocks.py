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
from ..kernels.blocks.outside import add_scaled
from ..kernels.jit import entry_point
from ..ops.arithmetic import fma
from ..ops.blocks.layout import as_layout
from ..ops.threads import over_ranges, thread_count
from .gemm.facts import survey
from .operands import matmul_operands, matmul_shapes, start_operand
from .units.unit import Unit


def is_block_scaled(unit: Any) -> bool:
    """Whether an accumulator is a unit that takes block scales."""
    return isinstance(unit, Unit) and getattr(unit.arithmetic, "scale_block", 0) > 0


def scaled_outside(
    a: BlockArray,
    b: BlockArray,
    c: ArrayLike | None,
    unit: Unit,
    multiply: Callable[[ArrayLike, ArrayLike], Any],
    threads: int | None = None,
) -> NDArray[np.float32]:
    """c + the sum over blocks of k, in order, of (a block's product of elements) times scale, in float32.

    Each block's scale is the product of both sides', rounded; the unit (`multiply`: of two arrays) gives a block's
    product from +0; times the scale it is added in one fused multiply-add. So DeepSeek-V3's GEMM (arXiv 2412.19437,
    section 3.3.2; DeepGEMM) has it with blocks of 128, and FP8 scaled by tensor or by row with one block, whose scale
    is the GEMM's alpha.

    Raises
    ------
    ArgumentError, ShapeError
        If an operand has fewer than two axes, blocks do not run along k, or shapes (c's, too) do not fit.
    """
    found = {0, a.shape[-1] if a.ndim else 0, *_edges(a, "a", a.ndim - 1), *_edges(b, "b", b.ndim - 2)}
    edges = tuple(sorted(found))
    elements_a, elements_b = a.elements, b.elements
    full, _ = matmul_shapes(a.shape, b.shape)
    total = np.zeros(full, np.float32) if c is None else np.array(np.broadcast_to(start_operand(c, full), full))
    with np.errstate(all="ignore"):
        d_a, d_b = (x.products.astype(np.float32) for x in (a, b))
        walk = _in_one_walk(elements_a, elements_b, (d_a, d_b), edges, total, unit, threads)
        if walk is not None:
            return walk
        for first, last in pairwise(edges):
            rows, columns = d_a[..., first : first + 1], d_b[..., first : first + 1, :]
            part = np.asarray(multiply(elements_a[..., first:last], elements_b[..., first:last, :]))
            if part.dtype == total.dtype == np.float32:
                _add_scaled(part, rows, columns, total, threads)
            else:
                total = np.asarray(fma(part, rows * columns, total, "float32"))
    return np.asarray(total, np.float32)


def _in_one_walk(
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    scales: tuple[NDArray[np.float32], NDArray[np.float32]],
    edges: tuple[int, ...],
    total: NDArray[np.floating],
    unit: Unit,
    threads: int | None,
) -> NDArray[np.float32] | None:
    """`scaled_outside` where the unit can sum all blocks in one walk over its tiles; else None."""
    from .units.names import say_if_single_source  # units are loaded where they are used
    from .units.operands import unit_operands
    from .units.outside import Scaled, scaled_sums, walks

    if total.dtype != np.float32 or total.size == 0 or len(edges) < 2 or not walks(unit):
        return None
    say_if_single_source(unit)
    x = unit_operands(matmul_operands(a, b, None, None), unit, (None, None))
    *stack, m, n = total.shape
    starts, batch = list(edges[:-1]), x.item_a.size
    rows = np.moveaxis(np.broadcast_to(scales[0][..., starts], (*stack, m, len(starts))), -1, 0)
    columns = np.moveaxis(np.broadcast_to(scales[1][..., starts, :], (*stack, len(starts), n)), -2, 0)
    columns = columns.reshape(len(starts), -1, n)[:, :batch]  # one b for all of a stack: one taller a
    job = Scaled(x, edges, rows.reshape(len(starts), batch, -1), columns)
    found = scaled_sums(job, unit, total.reshape(batch, -1, n), threads)
    return None if found is None else found.reshape(total.shape)


def _add_scaled(
    part: NDArray[np.float32],
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    total: NDArray[np.float32],
    threads: int | None,
) -> None:
    """total = fma(part, rows * columns, total), of arrays (..., m, n), (..., m, 1), (..., 1, n)."""
    if total.size == 0:
        return
    *stack, m, n = total.shape
    each = np.ascontiguousarray(np.broadcast_to(rows[..., 0], (*stack, m))).reshape(-1)
    across = np.ascontiguousarray(np.broadcast_to(columns[..., 0, :], (*stack, n))).reshape(-1, n)
    parts, sums, kernel = part.reshape(-1, n), total.reshape(-1, n), entry_point(add_scaled)
    over_ranges(
        lambda first, last: kernel(parts, each, across, sums, m, first, last),
        len(sums),
        thread_count(threads, total.size, len(sums)),
    )


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
    held = _held_by_float32(x)
    if held is not None:
        return held
    values = x.dequantize(np.float64)
    with np.errstate(all="ignore"):
        single = values.astype(np.float32)
    return single if np.array_equal(single, values, equal_nan=True) else values


def _held_by_float32(x: BlockArray) -> NDArray[np.float32] | None:
    """The values, formed in float32, where that is sure to hold them.

    Let elements have p digits and be multiples of 2^q up to M, and the products d of scales and tensor scale have r
    digits and be multiples of 2^s up to D. Then element times d has at most p + r digits (p, where r = 1: a power of
    two), is a multiple of 2^(q + s) and at most M D: a number of float32 if **p + r <= 24, q + s >= -149 and M D <
    2^128**.
    """
    d, e = x.scales.astype(np.float64) * x.tensor_scale, x.format.element
    facts = survey(np.ascontiguousarray(d).reshape(-1))
    digits = e.precision + (facts.digits if facts.digits > 1 else 0)
    least, top = facts.quantum + e.emin - e.precision + 1, facts.top * max(e.max, -e.min)
    elements = x.elements
    if not (elements.dtype == np.float32 and facts.finite and digits <= 24 and least >= -149 and top < 2.0**128):
        return None
    with np.errstate(invalid="ignore"):  # an infinite element over a scale of 0
        for part in _row_parts(x):
            own = x[part]
            d = (own.scales.astype(np.float64) * own.tensor_scale).astype(np.float32)
            elements[part] *= as_layout(own.shape, own.format, own.axis).broadcast(d)
    return elements


def _row_parts(x: BlockArray) -> list[Any]:
    """Parts along the first axis that are whole blocks, of a size that stays in the second cache."""
    layout = as_layout(x.shape, x.format, x.axis)
    if not (layout.axes and x.ndim and x.size):
        return [...]
    size = dict(zip(layout.axes, layout.sizes, strict=True)).get(0, 1)
    rows = size * max(1, _PART * x.shape[0] // (x.size * size))
    return [slice(first, first + rows) for first in range(0, x.shape[0], rows)]


#: elements whose scales are spread over them at a time
_PART = 1 << 14


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
