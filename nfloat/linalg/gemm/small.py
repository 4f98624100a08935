"""Products by the first kernel that is right for the operands: what the way there costs is paid once for a shape.

The CPU's own sums, if there are few, are one call that packs as well (`_as_stack`). Of all others, what depends on
shapes, layouts and the accumulator alone is kept in a `Plan`, and its `Scratch` by every thread. Whatever does not fit
(work that several threads or Ctrl-C would care for; other dtypes; gaps between elements, but for the CPU's own sums;
random words; half lanes; tiles that a kernel leaves to the next one, or may not do) goes the general way of
``dispatch.py``, with the same bits.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.gemm.many import stack_sums
from ...kernels.gemm.pack import pack
from ...kernels.jit import entry_point
from ...ops.memory import aligned
from ...ops.rounder import Rounded, Rounder
from ...ops.threads import NATIVE, WORK_PER_THREAD
from ..accumulators import Accumulator
from ..panels import pack_panels
from .candidate import Candidate, Problem
from .dispatch import CHUNK, LANE, NO_WORDS, PACK, multiply, tile_call, tile_constants
from .facts import Facts, survey_all, survey_tiles
from .native_windows import does
from .route import candidates
from .stacks import in_one_call

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
#: products of more multiplications go the general way: those of kernels that ask something of the operands; of the
#: CPU's own sums, which would not be given a second thread either
_MOST, _MOST_NATIVE = 1 << 22, 2 * NATIVE * WORK_PER_THREAD - 1
#: products of no more multiplications are not asked whether narrower lanes hold their operands: that takes longer
MOST_WIDENED = 1 << 17
#: the CPU's own sums of no more multiplications are one call, of a kernel that packs as well
_MOST_JOINED = 1 << 20
#: bytes of columns from which they are packed into memory that is not kept, and how many scratches a thread keeps
_MOST_KEPT, _PLANS = 1 << 21, 64


class _Later:
    """A kernel's entry point, compiled at its first call: a plan is made for operands that may never need it."""

    __slots__ = ("_index", "_kernel", "_run")

    def __init__(self, kernel: Any, index: int = 0) -> None:
        self._kernel, self._index = kernel, index
        self._run: Callable[..., None] | None = None

    def __call__(self, *arguments: Any) -> None:
        run = self._run
        if run is None:
            run = self._run = entry_point(self._kernel, self._index)
        run(*arguments)


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """How products of one accumulator, shape and layout are done."""

    candidate: Candidate
    #: whether it is right for any operands of `operands`
    unconditional: bool
    #: of the operands, of the lanes that they are packed into, and of the product
    operands: np.dtype[Any]
    dtype: np.dtype[Any]
    result: np.dtype[Any]
    pack: Callable[..., None]
    product: Callable[..., None]
    height: int
    width: int
    tiles: int
    panels: int
    terms: int
    #: ranges of tiles whose packed rows stay in the second cache
    ranges: tuple[tuple[int, int], ...]
    packed_rows: int
    packed_columns: int
    calls: tuple[NDArray[np.int64], NDArray[np.int64]]
    constants: NDArray[np.int64]


class Scratch(NamedTuple):
    """What a product packs its operands into; it may hold anything."""

    rows: NDArray[Any]
    columns: NDArray[Any]
    status: NDArray[np.uint8]


class _Kept(threading.local):
    """The scratch of each plan that a thread has used: no product of another thread writes into it.

    Plans share the buffers: what is packed is of no use to the next product, and what is written again and again stays
    in the cache.
    """

    def __init__(self) -> None:
        self.scratch: dict[Plan, Scratch] = {}
        self._rows, self._columns = aligned(0), aligned(0)

    def made(self, plan: Plan) -> Scratch:
        """A new one."""
        size, dtype = plan.dtype.itemsize, plan.dtype
        if plan.packed_columns * size > _MOST_KEPT:
            columns = aligned(plan.packed_columns * size)
        else:
            columns = self._columns = _at_least(self._columns, plan.packed_columns * size)
        self._rows = _at_least(self._rows, plan.packed_rows * size)
        found = Scratch(self._rows.view(dtype), columns.view(dtype), np.zeros((plan.tiles, plan.panels), np.uint8))
        if columns is self._columns:
            if len(self.scratch) >= _PLANS:
                self.scratch.clear()
            self.scratch[plan] = found
        return found


def _at_least(buffer: NDArray[np.uint8], nbytes: int) -> NDArray[np.uint8]:
    """The buffer, or one of twice as many bytes and more."""
    return buffer if buffer.size >= nbytes else aligned(max(-(-nbytes // 64) * 64, 2 * buffer.size))


_kept = _Kept()


def small_product(
    a: NDArray[Any], b: NDArray[Any], c: NDArray[Any] | None, acc: Accumulator, rounded: Rounded = (None, None)
) -> NDArray[np.floating] | None:
    """a @ b + c for matrices, or None where it is to go the general way; c is (n,) or (m, n).

    Or a @ b for stacks of small ones, one stack as large as the other. `rounded`: how a and b are rounded first, as
    `packed_rounding` allows: while they are packed, but for small products, whose kernel packs them itself.
    """
    if a.ndim > 2:
        return _stack(a, b, acc) if c is None and rounded == (None, None) else None
    if a.dtype is not b.dtype or (c is not None and a.dtype is not c.dtype):
        wider = _widened(a, b, c) if rounded == (None, None) else None
        return None if wider is None else small_product(*wider, acc)
    one, other = a.flags, b.flags
    run = _joined(acc, a.shape, b.shape, a.dtype)
    if run is not None and one.aligned and other.aligned:
        x, y = (a, b) if rounded[0] is rounded[1] is None else (_rounded(rounded[0], a), _rounded(rounded[1], b))
        return _as_stack(run, x, y, c)
    plans = plans_of(acc, a.shape, b.shape, a.itemsize)
    if not plans or not (one.aligned and other.aligned) or a.dtype is not plans[0].operands:
        return None
    if not (one.forc and other.forc):  # Fortran's order, or C's
        return None
    if c is not None and not _starts(c, a, b):
        return None
    plan = plans[0]
    if plan.unconditional:
        return _done(plan, a, b, c, plan.calls[c is not None], rounded)
    return None if rounded != (None, None) else _first(plans, a, b, c, acc)


def _widened(
    a: NDArray[Any], b: NDArray[Any], c: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None] | None:
    """Float32 and float64 operands of a few multiplications as float64 ones; None: others, and more of them."""
    given = [x.dtype for x in (a, b, c) if x is not None]
    if not a.ndim == b.ndim == 2 or a.size * b.shape[1] > MOST_WIDENED:
        return None
    if not all(one is _SINGLE or one is _DOUBLE for one in given):
        return None
    return np.asarray(a, _DOUBLE), np.asarray(b, _DOUBLE), None if c is None else np.asarray(c, _DOUBLE)


def _rounded(how: Rounder | None, x: NDArray[Any]) -> NDArray[Any]:
    """An operand rounded in an array of its own."""
    if how is None:
        return x
    if x.flags.farray:  # and not in C's order
        return how.apply(x.T, 0).T
    return how.apply(x if x.flags.carray else np.array(x, order="C"), 0)


def _starts(c: NDArray[Any], a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether the sums of a @ b may start with c, which is of their type."""
    return c.shape in ((b.shape[1],), (a.shape[0], b.shape[1]))


@lru_cache(maxsize=4096)
def _joined(
    acc: Accumulator, a: tuple[int, ...], b: tuple[int, ...], dtype: np.dtype[Any]
) -> Callable[..., None] | None:
    """The kernel that does a product of matrices in one call; None: there is none."""
    if len(a) != 2 or len(b) != 2 or a[1] != b[0] or not 0 < a[0] * a[1] * b[1] <= _MOST_JOINED:
        return None
    best = candidates(acc)[:1]
    if not best or not does(best[0]) or dtype != LANE[best[0].bits] or not dtype.isnative:
        return None
    return entry_point(stack_sums, 0 if dtype.itemsize == 4 else 1)


def _as_stack(
    run: Callable[..., None], a: NDArray[Any], b: NDArray[Any], c: NDArray[Any] | None
) -> NDArray[np.floating] | None:
    """A product as a stack of one: to pack apart would be two more calls, each as long as a small product."""
    out = np.empty((a.shape[0], b.shape[1]), a.dtype)
    if c is not None:
        if not _starts(c, a, b):
            return None
        out[...] = c
    run(a[None, None], b[None, None], out[None], 0, 1, 0 if c is None else 1)
    return out


def _stack(a: NDArray[Any], b: NDArray[Any], acc: Accumulator) -> NDArray[np.floating] | None:
    """The products of two stacks in the CPU's own sums, or None."""
    stack, (m, k), n = a.shape[:-2], a.shape[-2:], b.shape[-1]
    if stack != b.shape[:-2] or a.dtype is not b.dtype or not (a.flags.aligned and b.flags.aligned):
        return None
    plans = plans_of(acc, (m, k), b.shape[-2:], a.itemsize)
    if not plans or not plans[0].unconditional or not does(plans[0].candidate) or a.dtype is not plans[0].operands:
        return None
    if not 0 < math.prod(stack) * m * k * n <= _MOST_NATIVE:
        return None
    out = np.empty((*stack, m, n), a.dtype)
    return out if in_one_call(a, b, None, out, 1) else None


def _first(
    plans: tuple[Plan, ...], a: NDArray[Any], b: NDArray[Any], c: NDArray[Any] | None, acc: Accumulator
) -> NDArray[np.floating] | None:
    """The product by the first plan that is right for the operands; tiles that it leaves undone, the general way."""
    facts = survey_all(a, b, None if c is None else np.ascontiguousarray(c))
    way = _way(plans, *[f.in_its_binade() for f in facts], a.shape[1], c is not None)
    if way is None:
        return None
    result = _done(way.plan, a, b, c, way.call, close=way.close)
    if result is None:
        result = np.empty((a.shape[0], b.shape[1]), way.plan.result)
        multiply(a, b, None if c is None else np.broadcast_to(c, result.shape), result, acc, 0, 1)
    return result


class Way(NamedTuple):
    """A plan that is right for operands, what its kernel is asked to do, and which tiles it may do (None: all)."""

    plan: Plan
    call: NDArray[np.int64]
    close: Callable[..., NDArray[np.bool_]] | None = None


@lru_cache(maxsize=4096)
def _way(plans: tuple[Plan, ...], a: Facts, b: Facts, c: Facts, k: int, started: bool) -> Way | None:
    """The first plan that is right for all operands of which this much is known; to find it takes long, and is kept.

    Where that does not bound the sums, they are watched.
    """
    problem = Problem(a, b, c, k, lambda: math.inf)
    for plan in plans:
        if plan.unconditional:
            return Way(plan, plan.calls[started])
        best = plan.candidate
        kind = best.kind_for(problem)
        if kind >= 0:
            call = tile_call(kind, k, plan.terms, False, started, best.may_lack_signs(problem))
            asked = best.direct if best.asks_tiles(problem) else None
            return Way(plan, call, None if asked is None else partial(asked.close, c=c))
    return None


def _done(
    plan: Plan,
    a: NDArray[Any],
    b: NDArray[Any],
    c: NDArray[Any] | None,
    call: NDArray[np.int64],
    rounded: Rounded = (None, None),
    close: Callable[..., NDArray[np.bool_]] | None = None,
) -> NDArray[np.floating] | None:
    """The product, or None if a tile of it was left undone; `close` (None: all) tells which tiles may be done."""
    out = np.empty((a.shape[0], b.shape[1]), plan.dtype)
    if c is not None:
        out[...] = c
    scratch = _kept.scratch.get(plan) or _kept.made(plan)
    rows, columns, status = scratch
    pack_panels(plan.pack, b, plan.width, columns, (0, plan.panels), rounded[1])
    turned, k = a.T, a.shape[1]
    asked = None if close is None else survey_tiles(columns, k * plan.width, plan.panels)
    for first, last in plan.ranges:
        pack_panels(plan.pack, turned, plan.height, rows, (first, last), rounded[0])
        if close is not None and not close(survey_tiles(rows, k * plan.height, last - first), asked).all():
            return None
        plan.product(rows, columns, out, first, last, call, plan.constants, status, NO_WORDS, NO_WORDS)
    if not plan.unconditional and status.tobytes() != bytes(status.size):
        return None
    return out if plan.result is plan.dtype else out.astype(plan.result)


@lru_cache(maxsize=4096)
def plans_of(acc: Accumulator, a: tuple[int, ...], b: tuple[int, ...], itemsize: int) -> tuple[Plan, ...]:
    """The plans of a product, fastest first, of numbers of so many bytes, 4 or 8: a lane is as wide or wider.

    As many as there are before a kernel that is not for this way; none: the general way.
    """
    if len(a) != 2 or len(b) != 2 or a[1] != b[0] or 0 in (*a, *b) or itemsize not in (4, 8):
        return ()
    work = a[0] * a[1] * b[1]
    found = [one for one in candidates(acc) if one.bits >= 8 * itemsize or work > MOST_WIDENED]
    known = takewhile(lambda one: 16 != one.bits >= 8 * itemsize and not one.domains, found)
    return tuple(
        _plan(acc, one, a, b[1], itemsize)
        for one in takewhile(lambda one: work <= (_MOST_NATIVE if one.unconditional else _MOST), known)
        if not one.leftover
    )


def _plan(acc: Accumulator, best: Candidate, a: tuple[int, ...], n: int, itemsize: int) -> Plan:
    (m, k), height, width, dtype = a, best.shape.rows, best.shape.width, np.dtype(LANE[best.bits])
    single = itemsize == 4 and acc.result_format.fits_float32
    tiles, panels, size = -(-m // height), -(-n // width), dtype.itemsize
    some = min(tiles, max(1, CHUNK // (k * height)))
    return Plan(
        candidate=best, unconditional=best.unconditional and size == itemsize, operands=np.dtype(LANE[8 * itemsize]),
        dtype=dtype, result=np.dtype(LANE[32 if single else 64]),
        pack=_Later(pack, PACK[itemsize, size]), product=_Later(best.kernel),
        height=height, width=width, tiles=tiles, panels=panels, terms=acc.terms,
        ranges=tuple((at, min(tiles, at + some)) for at in range(0, tiles, some)),
        packed_rows=some * height * k, packed_columns=panels * k * width,
        calls=(tile_call(best.kind, k, acc.terms, False, False), tile_call(best.kind, k, acc.terms, False, True)),
        constants=tile_constants(acc, best.bits),
    )  # fmt: skip
