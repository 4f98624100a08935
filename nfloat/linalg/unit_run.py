"""From checked operands to bits: the plan of a call, packing, and the kernel over its tiles, on one thread or several.

`Job` says which kernel and which numbers; ``unit_jobs.py`` makes one for each kind of arithmetic. The result never depends on the
threads: each tile is computed by one of them, and no tile reads another.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from ..kernels.units_pack import pack_columns, pack_rows
from ..kernels.units_tile import WIDTH, Plan
from .unit_operands import Floats, Operands

#: exponent codes: emin, shift, bias, code of zero
Code = tuple[int, int, int, int]

#: below this many multiplications one thread does it all
_SMALL = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Job:
    """One kernel call: the kernel, its carrier, the order it takes k in, and the numbers of its plan."""

    kernel: Callable[..., None]
    bits: int
    rows: int
    order: NDArray[np.int64]
    plan: dict[Plan, int]
    code_a: Code | None = None
    code_b: Code | None = None
    factor: float = 1.0
    scale_step: int = 0
    prepare_c: Callable[[Floats], Floats] = field(default=lambda c: c)

    @property
    def lanes(self) -> int:
        """Columns of a panel."""
        return WIDTH if self.bits == 32 else WIDTH // 2


def thread_count(threads: int | None) -> int:
    """How many threads to use: `threads`, or as many as the process may use.

    Raises
    ------
    ArgumentError
        If `threads` is not a positive integer or None.
    """
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(threads, bool) or not hasattr(threads, "__index__") or threads < 1:
        raise ArgumentError(f"threads={threads!r} must be a positive integer, or None for all")
    return int(threads)


def ascending(k: int, step: int) -> NDArray[np.int64]:
    """0 .. k - 1, then -1 (a zero) up to a multiple of `step`."""
    order = np.full(max(-(-k // step), 1) * step, -1, np.int64)
    order[:k] = np.arange(k)
    return order


def _in_ranges(pool: ThreadPoolExecutor | None, count: int, parts: int, call: Callable[[int, int], Any]) -> None:
    """call(first, last) over consecutive ranges of 0 .. count - 1."""
    if pool is None or count < 2:
        call(0, count)
        return
    edges = np.linspace(0, count, min(parts, count) + 1).astype(int)
    for done in [pool.submit(call, int(i), int(j)) for i, j in zip(edges[:-1], edges[1:], strict=True)]:
        done.result()


def run(job: Job, x: Operands, threads: int) -> Floats:
    """The results, (batch, m, n)."""
    m, k, n = x.a.shape[1], x.a.shape[2], x.b.shape[2]
    batch = x.item_a.size
    if k == 0 or m == 0 or n == 0 or batch == 0:
        return np.zeros((batch, m, n), np.float32) if x.c is None else x.c.copy()
    if threads < 2 or batch * m * n * k < _SMALL:
        return _run(job, x, None, 1)
    with ThreadPoolExecutor(threads) as pool:
        return _run(job, x, pool, threads)


def _run(job: Job, x: Operands, pool: ThreadPoolExecutor | None, threads: int) -> Floats:
    m, n, batch = x.a.shape[1], x.b.shape[2], x.item_a.size
    tiles, panels = -(-m // job.rows), -(-n // job.lanes)
    plan = _plan(job, tiles, panels, x)
    out = _start(job, x, (batch, tiles * job.rows, panels * job.lanes))
    packed = _packed(job, x, tiles, panels, pool, threads)
    scales = _packed_scales(job, x, tiles, panels)
    flat = out.reshape(-1)

    def call(first: int, last: int) -> None:
        job.kernel(*packed, *scales, flat, plan, x.item_a, x.item_b, first, last)

    _in_ranges(pool, batch * tiles, threads, call)
    return out if out.shape == (batch, m, n) else np.ascontiguousarray(out[:, :m, :n])


def _plan(job: Job, tiles: int, panels: int, x: Operands) -> NDArray[np.int64]:
    plan = np.zeros(Plan.COUNT, np.int64)
    for key, value in job.plan.items():
        plan[key] = value
    plan[Plan.TILES], plan[Plan.PANELS], plan[Plan.ROWS], plan[Plan.LANES] = tiles, panels, job.rows, job.lanes
    plan[Plan.A_SIZE], plan[Plan.B_SIZE] = job.order.size * job.rows, job.order.size * job.lanes
    if job.scale_step:
        blocks = job.order.size // job.scale_step
        plan[Plan.SA_SIZE], plan[Plan.SB_SIZE] = blocks * job.rows, blocks * job.lanes
    return plan


def _start(job: Job, x: Operands, shape: tuple[int, int, int]) -> Floats:
    """The padded result with C in it, or zeros."""
    if x.c is None:
        return np.zeros(shape, np.float32)
    c = job.prepare_c(x.c)
    if c.shape == shape:
        return c.copy()
    out = np.zeros(shape, np.float32)
    out[:, : c.shape[1], : c.shape[2]] = c
    return out


def _packed(
    job: Job, x: Operands, tiles: int, panels: int, pool: ThreadPoolExecutor | None, threads: int
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    dtype = np.float32 if job.bits == 32 else np.float64
    sizes = x.a.shape[0] * tiles * job.rows * job.order.size, x.b.shape[0] * panels * job.lanes * job.order.size
    a, b = (np.empty(size, dtype) for size in sizes)
    ea, eb = (np.empty(size if job.code_a else 0, np.int32) for size in sizes)
    code_a, code_b = (np.array(code or (0, 0, 0, 0), np.int32) for code in (job.code_a, job.code_b))
    _in_ranges(pool, x.a.shape[0] * tiles, threads,
               lambda i, j: pack_rows(x.a, job.order, job.rows, tiles, job.factor, a, ea, code_a, i, j))  # fmt: skip
    _in_ranges(pool, x.b.shape[0] * panels, threads,
               lambda i, j: pack_columns(x.b, job.order, job.lanes, panels, b, eb, code_b, i, j))  # fmt: skip
    return a, ea, b, eb


def _packed_scales(job: Job, x: Operands, tiles: int, panels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scales as [tile][block][rows] and [panel][block][lanes]; padding is 1."""
    if not job.scale_step or x.scale_a is None or x.scale_b is None:
        return np.empty(0), np.empty(0)
    blocks = job.order.size // job.scale_step
    sa = np.ones((x.a.shape[0], tiles * job.rows, blocks))
    sb = np.ones((x.b.shape[0], blocks, panels * job.lanes))
    sa[:, : x.a.shape[1], : x.scale_a.shape[2]] = x.scale_a
    sb[:, : x.scale_b.shape[1], : x.b.shape[2]] = x.scale_b
    sa = sa.reshape(-1, tiles, job.rows, blocks).transpose(0, 1, 3, 2)
    sb = sb.reshape(-1, blocks, panels, job.lanes).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(sa).reshape(-1), np.ascontiguousarray(sb).reshape(-1)
