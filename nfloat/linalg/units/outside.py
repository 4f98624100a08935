"""Products by blocks of k whose sums are scaled outside the unit: all blocks in one walk over tiles.

Operands are checked and packed once, not once for each block. A few tiles go through all blocks before the next ones:
a block's sums, from +0, stay in the cache until they are scaled and added (``kernels/blocks/outside.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.blocks.outside import add_scaled
from ...kernels.jit import entry_point
from ...kernels.units.tile import UnitCall
from ...ops.threads import over_ranges, thread_count
from .jobs import is_fast, job_of
from .operands import UnitOperands
from .run import NO_SCALES, Job, Tiling, call_of, packed, prepared, tiling_of
from .sums import Conversion, IntegerSum
from .unit import Unit

#: sums that are kept between two blocks: they fit the first two caches beside a block's panels
_KEPT = 1 << 15


class Scaled(NamedTuple):
    """A product whose blocks of k are scaled: by d_a (batch, m) and d_b (batch, n) for each block.

    Attributes
    ----------
    edges : tuple of int
        Where blocks begin, and k.
    rows, columns : ndarray, shapes (blocks, batch, m) and (blocks, batch, n)
        Scales of both sides.
    """

    x: UnitOperands
    edges: tuple[int, ...]
    rows: NDArray[np.float32]
    columns: NDArray[np.float32]


class _Blocks(NamedTuple):
    """The job that packs all of k, and for each block where it begins there and the job that sums it."""

    packing: Job
    each: tuple[tuple[int, Job], ...]


def walks(unit: Unit) -> bool:
    """Whether a unit's blocks can be summed in one walk: one chain of k each, and results in float32."""
    one_chain = unit.split_k == 1 and not unit.promote
    return one_chain and not isinstance(unit.arithmetic, Conversion | IntegerSum) and unit.output != "float64"


@lru_cache(maxsize=256)
def _blocks(unit: Unit, edges: tuple[int, ...], fast: bool) -> _Blocks | None:
    """The jobs of blocks, or None where one of them looks at its results again."""
    jobs = [job_of(unit, last - first, fast) for first, last in pairwise(edges)]
    if any(job.nan_tile >= 0 for job in jobs):
        return None
    orders = [np.where(job.order < 0, job.order, job.order + first) for job, first in zip(jobs, edges, strict=False)]
    starts = np.cumsum([0, *(order.size for order in orders)])
    return _Blocks(replace(jobs[0], order=np.concatenate(orders)), tuple(zip(starts.tolist(), jobs, strict=False)))


def scaled_sums(s: Scaled, unit: Unit, total: NDArray[np.float32], threads: int | None) -> NDArray[np.float32] | None:
    """total (batch, m, n) + the blocks' products times their scales, in order; None: this unit has no walk for that.

    Each is one fused multiply-add in float32, by the product of both sides' scales, rounded.
    """
    blocks = _blocks(unit, s.edges, is_fast(unit, s.x))
    if blocks is None:
        return None
    job, x, (batch, m, n) = blocks.packing, prepared(blocks.packing, s.x), total.shape
    tiling = tiling_of(job, m, n, x.a.itemsize)
    height, width = tiling.tiles * job.rows, tiling.panels * job.lanes
    count = thread_count(threads, total.size * x.a.shape[2], batch * tiling.tiles)
    sums = _padded(total, (batch, height, width))
    part = np.empty((batch * height, width), np.float32)
    scales = _padded(s.rows, (len(s.rows), batch, height)), _padded(s.columns, (len(s.columns), batch, width))
    calls = _calls(blocks, tiling, packed(job, tiling, x, count), x)
    few = max(1, _KEPT // (job.rows * width))

    def task(first: int, last: int) -> None:
        for start in range(first, last, few):
            end = min(start + few, last)
            lines = start * job.rows, end * job.rows
            for b, call in enumerate(calls):
                part[lines[0] : lines[1]] = 0.0
                tiling.kernel(*call[:6], part.reshape(-1), *call[6:], start, end)
                each, across = scales[0][b].reshape(-1), scales[1][b]
                entry_point(add_scaled)(part, each, across, sums.reshape(-1, width), height, *lines)

    over_ranges(task, batch * tiling.tiles, count, 10 * job.rows * width * x.a.shape[2])
    return sums if sums.shape == total.shape else np.ascontiguousarray(sums[:, :m, :n])


def _calls(
    blocks: _Blocks, tiling: Tiling, operands: tuple[NDArray[Any], ...], x: UnitOperands
) -> list[tuple[NDArray[Any], ...]]:
    """For each block what the kernel is given, but for `out` and tiles: what is packed, from where the block begins."""
    (a, ea, b, eb), packing = operands, blocks.packing
    calls: list[tuple[NDArray[Any], ...]] = []
    for start, job in blocks.each:
        call = call_of(job, tiling.tiles, tiling.panels)
        call[[UnitCall.A_SIZE, UnitCall.B_SIZE]] = packing.order.size * job.rows, packing.order.size * job.lanes
        at_a, at_b = start * job.rows, start * job.lanes
        given = a[at_a:], ea[at_a:], b[at_b:], eb[2 * at_b :], NO_SCALES, NO_SCALES
        calls.append((*given, call, x.item_a, x.item_b))
    return calls


def _padded(x: NDArray[np.float32], shape: Sequence[int]) -> NDArray[np.float32]:
    """x with zeros behind, contiguous."""
    if x.shape == tuple(shape):
        return np.ascontiguousarray(x)
    out = np.zeros(shape, np.float32)
    out[:, : x.shape[1], : x.shape[2]] = x
    return out
