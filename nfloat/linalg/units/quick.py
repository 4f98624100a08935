"""Products by a matrix unit without looking twice: what the way there costs is paid once for a shape.

As ``gemm/small.py`` does it for accumulators: a `UnitPlan` for what depends on the unit and shapes alone, and
its `UnitScratch` in every thread. Operands are packed first and looked at in their packed form, in one pass. What does
not fit (work for several threads; stacks; block scales; split k; operands that the unit's fast kernel does not take, or
that are not of its formats) gives None, and goes the general way of ``matmul.py``, which also finds the words for
mistakes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...formats.format import Format
from ...formats.names import get_format
from ...kernels.gemm.pack import pack
from ...kernels.jit import entry_point
from ...kernels.units.pack import scan_packed
from ...ops.rounder import Rounded, Rounder
from ...ops.threads import WORK_PER_THREAD
from ..panels import pack_panels
from .jobs import fast_job, is_fast
from .operands import NOTHING, Reach, UnitOperands, measure, reach_of
from .run import NO_SCALES, Job, Tiling, as_it_is, ascending, tiling_of
from .sums import AlignedSum, EvenOddChains, FmaChain
from .unit import Unit

#: larger ones may get a second thread, and are too long for Ctrl-C to wait
_MOST, _MOST_ALONE = 2 * WORK_PER_THREAD - 1, 1 << 27
#: bytes of a scratch that is kept, and how many of them a thread keeps
_MOST_KEPT, _PLANS = 1 << 22, 32
_FAST = (AlignedSum, FmaChain, EvenOddChains)
_SINGLE = np.dtype(np.float32)
_FIRST = np.zeros(1, np.int64)
_NO_CODES = np.zeros(0, np.int16)
_NO_CODE = np.zeros(3, np.int32)


class Side(NamedTuple):
    """How an operand is packed: by which function, how wide and how many, and the limits of its format."""

    pack: Callable[..., None]
    width: int
    pieces: int
    size: int
    limits: tuple[int, int, float, float]
    format: Format
    code: NDArray[np.int32]
    copies: int


@dataclass(frozen=True, eq=False, slots=True)
class UnitPlan:
    """How products of one unit and shape are done."""

    unit: Unit
    tiling: Tiling
    a: Side
    b: Side
    k: int
    padded: tuple[int, int]


class UnitScratch(NamedTuple):
    """Packed operands and their exponent codes; it may hold anything."""

    a: NDArray[np.float32]
    codes_a: NDArray[np.int16]
    b: NDArray[np.float32]
    codes_b: NDArray[np.int16]
    found: NDArray[np.int64]


class _Scratches(threading.local):
    """The scratch of each plan that a thread has used."""

    def __init__(self) -> None:
        self.scratch: dict[UnitPlan, UnitScratch] = {}

    def made(self, plan: UnitPlan) -> UnitScratch:
        """A new one."""
        found = UnitScratch(*_buffers(plan.a), *_buffers(plan.b), np.empty(5, np.int64))
        if sum(x.nbytes for x in found) <= _MOST_KEPT:
            if len(self.scratch) >= _PLANS:
                self.scratch.clear()
            self.scratch[plan] = found
        return found


def _buffers(side: Side) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """What an operand and its codes are packed into."""
    return np.empty(side.size, np.float32), np.empty(side.size * side.copies, np.int16)


_kept = _Scratches()


def quick_product(
    a: NDArray[Any],
    b: NDArray[Any],
    c: NDArray[Any] | None,
    unit: Unit,
    threads: int | None,
    rounded: Rounded = (None, None),
) -> NDArray[np.float32] | None:
    """a @ b + c for matrices of float32 as the unit computes it, or None; c is (n,) or (m, n).

    `rounded`: how a and b are rounded first, as in `small_product`.
    """
    one, other = a.flags, b.flags
    if not (one.forc and other.forc):  # Fortran's order, or C's
        return None
    plan = plan_of(unit, a.shape, b.shape, threads == 1)
    if plan is None or not (a.dtype is b.dtype is _SINGLE and one.aligned and other.aligned):
        return None
    if c is not None and (c.dtype is not _SINGLE or c.shape not in ((b.shape[1],), (a.shape[0], b.shape[1]))):
        return None
    scratch = _kept.scratch.get(plan) or _kept.made(plan)
    if a.shape[1] != plan.k:
        a, b = _longer(a, plan.k, 1), _longer(b, plan.k, 0)
    reach_a = _packed(plan.a, a.T, rounded[0], scratch.a, scratch.codes_a, scratch.found)
    reach_b = _packed(plan.b, b, rounded[1], scratch.b, scratch.codes_b, scratch.found)
    reach_c = NOTHING if c is None else _reach(c, unit)
    if reach_a is None or reach_b is None or reach_c is None:
        return None
    if not is_fast(unit, UnitOperands(a[np.newaxis], b[np.newaxis], c, _FIRST, _FIRST, reach_a, reach_b, reach_c)):
        return None
    return _done(plan, scratch, (a.shape[0], b.shape[1]), c)


def _longer(x: NDArray[Any], k: int, axis: int) -> NDArray[Any]:
    """An operand with zeros up to whole steps of k, in the order of its memory."""
    shape = (x.shape[0], k) if axis else (k, x.shape[1])
    longer = np.zeros(shape, x.dtype, "C" if x.flags.c_contiguous else "F")
    longer[: x.shape[0], : x.shape[1]] = x
    return longer


def _packed(
    side: Side,
    x: NDArray[Any],
    how: Rounder | None,
    out: NDArray[np.float32],
    codes: NDArray[np.int16],
    found: NDArray[np.int64],
) -> Reach | None:
    """Pack an operand, (k, .), round it and look at it; None if its format does not hold it."""
    pack_panels(side.pack, x, side.width, out, (0, side.pieces), how)
    entry_point(scan_packed)(out, *side.limits, side.code, side.copies, codes, found)
    reach, fits = reach_of(found, side.format)
    return reach if fits else None


def _reach(c: NDArray[Any], unit: Unit) -> Reach | None:
    """How far the starting values reach; None if the format of results does not hold them."""
    reach, fits = measure(np.ascontiguousarray(c), get_format(unit.output))
    return reach if fits else None


def _done(plan: UnitPlan, scratch: UnitScratch, shape: tuple[int, int], c: NDArray[Any] | None) -> NDArray[np.float32]:
    """The product of packed operands."""
    whole = shape == plan.padded
    out = np.empty(shape, _SINGLE) if whole and c is not None else np.zeros(plan.padded, _SINGLE)
    if c is not None:
        out[: shape[0], : shape[1]] = c
    a, codes_a, b, codes_b = scratch[:4]
    tiling = plan.tiling
    tiling.kernel(
        a, codes_a, b, codes_b, NO_SCALES, NO_SCALES, out.reshape(-1), tiling.call, _FIRST, _FIRST, 0, tiling.tiles
    )
    return out if whole else np.ascontiguousarray(out[: shape[0], : shape[1]])


@lru_cache(maxsize=1024)
def plan_of(unit: Unit, a: tuple[int, ...], b: tuple[int, ...], alone: bool) -> UnitPlan | None:
    """The plan of a product; None: the general way."""
    if len(a) != 2 or len(b) != 2 or a[1] != b[0] or 0 in (*a, *b):
        return None
    (m, k), n = a, b[1]
    if m * n * k > (_MOST_ALONE if alone else _MOST) or not _is_simple(unit):
        return None
    job = fast_job(unit, k)
    if not _is_plain(job, k):
        return None
    tiling = tiling_of(job, m, n, _SINGLE.itemsize)
    long, (format_a, format_b) = job.order.size, unit.formats
    code_a, code_b = tiling.code_a if job.code_a else _NO_CODE, tiling.code_b if job.code_b else _NO_CODE
    return UnitPlan(
        unit, tiling,
        Side(entry_point(pack), job.rows, tiling.tiles, tiling.tiles * long * job.rows, _limits(format_a),
             format_a, code_a, int(job.code_a is not None)),
        Side(entry_point(pack), job.lanes, tiling.panels, tiling.panels * long * job.lanes, _limits(format_b),
             format_b, code_b, 2 * (job.code_b is not None)),
        long, (tiling.tiles * job.rows, tiling.panels * job.lanes),
    )  # fmt: skip


def _is_simple(unit: Unit) -> bool:
    """Whether there is nothing around the instruction, nothing to be said, and an arithmetic that has a fast kernel."""
    alone = unit.split_k == 1 and not unit.promote and unit.confidence not in "CD"
    return alone and type(unit.arithmetic) in _FAST and not getattr(unit.arithmetic, "scale_block", 0)


def _is_plain(job: Job, k: int) -> bool:
    """Whether operands are packed as they are, k ascending, and results are final."""
    same = job.prepare is as_it_is and job.prepare_c is as_it_is and job.factor == 1.0 and job.nan_tile < 0
    in_order = np.array_equal(job.order, ascending(k, job.order.size))
    return same and in_order and not job.scale_step and job.data is np.float32 and job.bits == 32


def _limits(fmt: Format) -> tuple[int, int, float, float]:
    return fmt.precision, fmt.emin, fmt.min, fmt.max
