"""From checked operands to bits: the tiling of a product, packing, the kernel over tiles, on one thread or several.

`Job` says which kernel and which numbers; ``units/jobs.py`` makes one for each kind of arithmetic. The result never
depends on the threads: each tile is computed by one of them, and no tile reads another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.jit import entry_point
from ...kernels.units.chain_plain import chain_elements
from ...kernels.units.pack import code_columns, code_rows, pack_columns, pack_rows
from ...kernels.units.tile import WIDTH, UnitCall
from ...ops.threads import over_ranges, thread_count
from .operands import UnitOperands

NO_SCALES = np.empty(0)

#: exponent codes: emin, bias, code of zero
Code = tuple[int, int, int]


def as_it_is(x: NDArray[Any]) -> NDArray[Any]:
    """What happens to operands that need nothing."""
    return x


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One kernel call; equal to itself alone.

    Attributes
    ----------
    kernel : callable
        Computes tiles; see ``kernels/units/tile.py``.
    bits, data_bits, rows : int
        Width of its lanes, width of packed operands if another, rows of a tile.
    order : ndarray
        Which k comes when.
    call : dict
        The kernel's integers.
    code_a, code_b : tuple, optional
        Exponent codes beside the operands, where the kernel reads them.
    factor : float
        What `a` is multiplied by when packed.
    scale_step, scale_repeat : int
        k per packed scale, and how many of them share one given scale.
    prepare, prepare_c : callable
        What happens to operands and to C before (flushing).
    nan_tile : int
        If not negative, results that are NaN are computed again by ``kernels/units/chain_plain.py`` with this tile.
    """

    kernel: Callable[..., None]
    bits: int
    rows: int
    order: NDArray[np.int64]
    call: dict[UnitCall, int]
    data_bits: int = 0
    code_a: Code | None = None
    code_b: Code | None = None
    factor: float = 1.0
    scale_step: int = 0
    scale_repeat: int = 1
    prepare: Callable[[NDArray[Any]], NDArray[Any]] = as_it_is
    prepare_c: Callable[[NDArray[Any]], NDArray[Any]] = as_it_is
    nan_tile: int = -1

    @property
    def lanes(self) -> int:
        """Columns of a panel."""
        return WIDTH if self.bits == 32 else WIDTH // 2

    @property
    def data(self) -> type:
        """What packed operands are."""
        return np.float32 if (self.data_bits or self.bits) == 32 else np.float64


@lru_cache(maxsize=256)
def ascending(k: int, step: int) -> NDArray[np.int64]:
    """0 .. k - 1, then -1 (a zero) up to a multiple of `step`. The same array for all: nobody writes to it."""
    order = np.full(max(-(-k // step), 1) * step, -1, np.int64)
    order[:k] = np.arange(k)
    return order


class Tiling(NamedTuple):
    """What a job does with a product of some size: kernels, tiles and panels of one item, the kernel's integers."""

    kernel: Callable[..., None]
    to_tiles: Callable[..., None]
    to_panels: Callable[..., None]
    tiles: int
    panels: int
    call: NDArray[np.int64]
    code_a: NDArray[np.int32]
    code_b: NDArray[np.int32]


@lru_cache(maxsize=1024)
def tiling_of(job: Job, m: int, n: int, itemsize: int) -> Tiling:
    """The tiling of m rows and n columns of operands of so many bytes. Nobody writes to its arrays."""
    tiles, panels = -(-m // job.rows), -(-n // job.lanes)
    wide = 2 if itemsize == 8 else int(job.data is np.float64)
    code_a, code_b = (np.array(code or (), np.int32) for code in (job.code_a, job.code_b))
    to_tiles, to_panels = entry_point(pack_rows, wide), entry_point(pack_columns, wide)
    call = call_of(job, tiles, panels)
    return Tiling(entry_point(job.kernel), to_tiles, to_panels, tiles, panels, call, code_a, code_b)


def run(job: Job, x: UnitOperands, threads: int | None) -> NDArray[Any]:
    """The results, (batch, m, n)."""
    m, k, n = x.a.shape[1], x.a.shape[2], x.b.shape[2]
    batch = x.item_a.size
    if k == 0 or m == 0 or n == 0 or batch == 0:
        return np.zeros((batch, m, n), x.a.dtype) if x.c is None else job.prepare_c(x.c).copy()
    tiling = tiling_of(job, m, n, x.a.itemsize)
    tiles, panels = tiling.tiles, tiling.panels
    count = thread_count(threads, batch * m * n * k, batch * tiles)
    given, x = x, prepared(job, x)
    out = _start(x, (batch, tiles * job.rows, panels * job.lanes))
    operands = packed(job, tiling, x, count)
    scales = _packed_scales(job, x, tiles, panels)
    flat = out.reshape(-1)
    work = 10 * job.rows * panels * job.lanes * k  # the slowest unit is ten times as slow as sums in lanes
    kernel, last = tiling.kernel, (tiling.call, x.item_a, x.item_b)
    over_ranges(lambda i, j: kernel(*operands, *scales, flat, *last, i, j), batch * tiles, count, work)
    result = out if out.shape == (batch, m, n) else np.ascontiguousarray(out[:, :m, :n])
    if job.nan_tile >= 0:
        _again(job.nan_tile, given, result)
    return result


def prepared(job: Job, x: UnitOperands) -> UnitOperands:
    """Operands as the kernel takes them: flushed, where the job says so."""
    if job.prepare is as_it_is and job.prepare_c is as_it_is:
        return x
    return x._replace(a=job.prepare(x.a), b=job.prepare(x.b), c=None if x.c is None else job.prepare_c(x.c))


def _again(tile: int, x: UnitOperands, result: NDArray[Any]) -> None:
    """Compute the elements that are NaN by the plain form."""
    which = np.argwhere(np.isnan(result))
    if which.size:
        c = np.zeros((0, 0, 0), np.float32) if x.c is None else np.ascontiguousarray(x.c)
        chain_elements(x.a, x.b, c, result, x.item_a, x.item_b, np.ascontiguousarray(which), tile)


def call_of(job: Job, tiles: int, panels: int) -> NDArray[np.int64]:
    """The kernel's integers."""
    call = np.zeros(UnitCall.COUNT, np.int64)
    for key, value in job.call.items():
        call[key] = value
    call[UnitCall.TILES], call[UnitCall.PANELS], call[UnitCall.ROWS], call[UnitCall.LANES] = (
        tiles,
        panels,
        job.rows,
        job.lanes,
    )
    call[UnitCall.A_SIZE], call[UnitCall.B_SIZE] = job.order.size * job.rows, job.order.size * job.lanes
    if job.scale_step:
        blocks = job.order.size // job.scale_step
        call[UnitCall.SA_SIZE], call[UnitCall.SB_SIZE] = blocks * job.rows, blocks * job.lanes
    return call


def _start(x: UnitOperands, shape: tuple[int, int, int]) -> NDArray[Any]:
    """The padded result with C in it, or zeros."""
    if x.c is not None and x.c.shape == shape:
        return np.array(x.c, order="C")
    out = np.zeros(shape, x.a.dtype)
    if x.c is not None:
        out[:, : x.c.shape[1], : x.c.shape[2]] = x.c
    return out


def packed(
    job: Job, tiling: Tiling, x: UnitOperands, threads: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """a and its exponent codes by tiles, b and its by panels; no codes where the kernel reads none."""
    count_a, count_b = x.a.shape[0] * tiling.tiles, x.b.shape[0] * tiling.panels
    size_a, size_b = count_a * job.rows * job.order.size, count_b * job.lanes * job.order.size
    a, b = np.empty(size_a, job.data), np.empty(size_b, job.data)
    ea, eb = np.empty(size_a if job.code_a else 0, np.int16), np.empty(2 * size_b if job.code_b else 0, np.int16)

    def rows(i: int, j: int) -> None:
        tiling.to_tiles(x.a, job.order, job.rows, tiling.tiles, job.factor, a, i, j)
        if job.code_a:
            entry_point(code_rows)(x.a, job.order, job.rows, tiling.tiles, tiling.code_a, ea, i, j)

    def columns(i: int, j: int) -> None:
        tiling.to_panels(x.b, job.order, job.lanes, tiling.panels, b, i, j)
        if job.code_b:
            entry_point(code_columns)(x.b, job.order, job.lanes, tiling.panels, tiling.code_b, eb, i, j)

    over_ranges(rows, count_a, min(threads, count_a))
    over_ranges(columns, count_b, min(threads, count_b))
    return a, ea, b, eb


def _packed_scales(
    job: Job, x: UnitOperands, tiles: int, panels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scales as [tile][block][rows] and [panel][block][lanes]; padding is 1."""
    if not job.scale_step or x.scale_a is None or x.scale_b is None:
        return NO_SCALES, NO_SCALES
    blocks = job.order.size // job.scale_step
    sa = np.ones((x.a.shape[0], tiles * job.rows, blocks))
    sb = np.ones((x.b.shape[0], blocks, panels * job.lanes))
    given_a, given_b = np.repeat(x.scale_a, job.scale_repeat, 2), np.repeat(x.scale_b, job.scale_repeat, 1)
    sa[:, : x.a.shape[1], : given_a.shape[2]] = given_a[:, :, :blocks]
    sb[:, : given_b.shape[1], : x.b.shape[2]] = given_b[:, :blocks]
    packed_a = sa.reshape(-1, tiles, job.rows, blocks).transpose(0, 1, 3, 2)
    packed_b = sb.reshape(-1, blocks, panels, job.lanes).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(packed_a).reshape(-1), np.ascontiguousarray(packed_b).reshape(-1)
