"""From an array to scales and elements: greatest magnitudes, the tensor scale, scales, then values or codes.

An array is done in pieces that stay in the second cache, each by magnitudes, scales and elements in turn, by the
lanes where they know the format and by the rule elsewhere. Where a scale depends on more than its piece (a tensor
scale, tiles), magnitudes come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError, RepresentationError
from ...formats.blocks import BlockFormat, FourOverSix, Nonfinite
from ...formats.names import get_format
from ...formats.rounding import Overflow, Rounding
from ...formats.spec import rounding_spec
from ...kernels.arithmetic.operations import Operation
from ...kernels.arithmetic.results import compute_plain
from ...kernels.blocks import rule
from ...kernels.blocks.magnitudes import block_maxima
from ...kernels.blocks.pieces import fused_blocks, power_pieces, quotient_piece
from ...kernels.blocks.rule import ScaleField
from ...kernels.blocks.scales import known_divisors, quotient_scales
from ...kernels.blocks.walks import WIDTH
from ...streams import SeedLike, as_key, as_stream
from ..codes import code_dtype
from ..threads import over_ranges, thread_count
from .layout import Layout
from .plan import BlockPlan

_FLOAT32 = rounding_spec(get_format("float32"), Rounding.NEAREST_EVEN, Overflow.SATURATE)
#: elements of a piece that stays in the second cache, and of one that need not
_PIECE, _LONG = 1 << 17, 1 << 19
#: elements that the rule does in one call of a kernel, in a fraction of a second, so that Ctrl-C is heard in between
_BY_RULE = 1 << 21
#: what an element costs, in the units of ``ops/threads.py``
_WORK = 4
_NO_ORDER = np.empty(0, np.int64)


class Excerpt(NamedTuple):
    """What a part of an array has to know of the whole: its first element's number, the whole's greatest magnitude."""

    number: int = 0
    amax: float | None = None


#: a part that is the whole
WHOLE = Excerpt()


@dataclass(frozen=True)
class Quantised:
    """Values or codes in the array's shape, scales (float64) in theirs, and the tensor scale (1.0 if there is none)."""

    out: NDArray[Any]
    scales: NDArray[np.float64]
    tensor_scale: float


@dataclass(frozen=True)
class BlockJob:
    """An array as kernels see it, what it becomes, and what is known of its blocks.

    `number`: of the array's first element, by which it draws random bits. `amax`, `state`: the blocks' greatest finite
    magnitudes, and whether they hold more than finite numbers; `given`: whether
    that is known before scales are made. What is said of a tile stands in each of its rows.
    """

    plan: BlockPlan
    layout: Layout
    x: NDArray[np.floating]
    out: NDArray[Any]
    key: int
    order: NDArray[np.int64]
    amax: NDArray[np.floating]
    state: NDArray[np.uint8]
    scales: NDArray[np.float64]
    todo: NDArray[np.uint8]
    threads: int | None
    number: int
    given: bool = False

    @property
    def in_lanes(self) -> bool:
        """Whether lanes may do it: elements have their own numbers as counters, results the type of x or one byte."""
        return self.order.size == 0 and (self.out.dtype == self.x.dtype or self.out.itemsize == 1)

    @property
    def powers_in_lanes(self) -> bool:
        """Whether the power form does it."""
        return self.in_lanes and (24 if self.x.itemsize == 4 else 53) in self.plan.power_lanes

    def in_pieces(self, task: Callable[[NDArray[np.int64]], object]) -> None:
        """Do the task for all pieces of the array, on one thread or several."""
        pieces = self.layout.pieces(_PIECE if not self.given else _LONG)
        if self.number:
            pieces = pieces + np.array([0, 0, 0, 0, 0, self.number])
        count = thread_count(self.threads, _WORK * self.x.size, len(pieces))
        if len(pieces):
            over_ranges(lambda first, last: task(pieces[first:last]), len(pieces), count)


def quantise(
    a: NDArray[np.floating],
    plan: BlockPlan,
    layout: Layout,
    seed: SeedLike | None,
    *,
    to_codes: bool,
    threads: int | None = None,
    part: Excerpt = WHOLE,
) -> Quantised:
    """The values or codes of a carrier array, or of a `part` of one, and its scales.

    Raises
    ------
    ArgumentError
        If an element is not finite and the format's policy refuses that.
    RepresentationError
        If a NaN has no code, neither as an element nor as a scale.
    SeedError
        If random bits are needed and there is no seed.
    """
    job, f, t = _job(a, plan, layout, seed, to_codes, threads, part.number), plan.format, 1.0
    powers = job.powers_in_lanes and not f.scale_rounding.is_stochastic
    by_pieces = powers or (job.in_lanes and plan.quotient and plan.quotient_scales)
    if f.tensor_scale or f.is_tile or f.nonfinite is Nonfinite.RAISE or not by_pieces:
        job = _with_magnitudes(job)
        if f.nonfinite is Nonfinite.RAISE and job.state.any():
            _refuse_nonfinite(a)
        t = tensor_scale(f, float(job.amax.max(initial=0.0)) if part.amax is None else part.amax)
    if powers:
        _powers(job)
    else:
        _quotients(job, t, seed)
    if job.todo.any():
        _by_the_rule(job, t)
    dtype = code_dtype(f.element) if to_codes else job.out.dtype
    return Quantised(layout.restored(job.out).astype(dtype, copy=False), layout.scales(layout.tops(job.scales)), t)


def _job(
    a: NDArray[np.floating], plan: BlockPlan, layout: Layout, seed: SeedLike | None, to_codes: bool,
    threads: int | None, number: int,
) -> BlockJob:  # fmt: skip
    x, stochastic = layout.seen(a), plan.rounding.is_stochastic
    blocks = layout.outer * layout.count * layout.inner if layout.axes else 1
    dtype = x.dtype if not to_codes else np.uint8 if plan.format.element.bits <= 8 else np.uint64
    key = signed(as_key(seed)) if stochastic else 0
    order = layout.counters() if stochastic else _NO_ORDER
    amax, scales = np.empty(blocks, x.dtype), np.empty(blocks)
    state, todo = np.zeros(blocks, np.uint8), np.empty(blocks, np.uint8)
    return BlockJob(plan, layout, x, np.empty(x.size, dtype), key, order, amax, state, scales, todo, threads, number)


# ---------------------------------------------------------------- in lanes
def _powers(job: BlockJob) -> None:
    """Scales that are powers of two, and the elements over them."""
    plan, layout, width = job.plan, job.layout, WIDTH[8 * job.x.itemsize]
    if job.x.size == 0:
        job.scales[:], job.todo[:] = plan.scale[ScaleField.LEAST], 0
    elif (
        not job.given
        and layout.inner == 1
        and job.number + job.x.size < 2**32
        and layout.n % width == layout.size % width == 0
    ):
        job.in_pieces(
            lambda pieces: fused_blocks(job.x, job.out, pieces, layout.size, plan.scale, plan.words, plan.codes,
                                        job.key, job.scales, job.todo)
        )  # fmt: skip
    else:
        kind = np.int32 if job.x.itemsize == 4 else np.int64

        def task(pieces: NDArray[np.int64]) -> None:
            shifts = np.empty((1, _blocks(pieces)), kind)
            power_pieces(job.x, job.out, pieces, layout.inner, layout.size, job.given, job.amax, job.state,
                         plan.scale, plan.words, plan.codes, job.key, shifts, job.scales, job.todo)  # fmt: skip

        job.in_pieces(task)


def _quotients(job: BlockJob, t: float, seed: SeedLike | None) -> None:
    """Any scales: made in pieces where lanes know them, else before; elements by lanes, or left to the rule."""
    plan = job.plan
    in_lanes = job.in_lanes and plan.quotient and job.x.size > 0
    known = not (in_lanes and plan.quotient_scales and not job.layout.is_folded and t > 0.0)
    if known:
        _whole_scales(job, t, scale_key(plan, seed))
    if not in_lanes:
        job.todo[:] = 1
        return
    if plan.short and job.x.itemsize == 4:
        _quotients_in(np.float32, job, t, known)
        # what is beyond these lanes is the rule's, a hundred times as slow, or all is done by the others
        if np.count_nonzero(job.todo) * 100 <= job.todo.size:
            return
    _quotients_in(np.float64, job, t, known)


def _quotients_in(kind: type, job: BlockJob, t: float, known: bool) -> None:
    """The quotient form in lanes of float64, or the short one of float32."""
    plan, layout = job.plan, job.layout

    def task(pieces: NDArray[np.int64]) -> None:
        single = kind is np.float32
        parts: NDArray[np.floating] = np.empty(
            (4 if single else 3, max(_blocks(pieces), WIDTH[32 if single else 64])), kind
        )
        for piece in pieces:
            first, last = piece[2], piece[3]
            amax, state = job.amax[first:last], job.state[first:last]
            scales, todo = job.scales[first:last], job.todo[first:last]
            if not job.given:
                block_maxima(job.x, piece[None], layout.inner, layout.size, job.amax, job.state)
            if known:
                known_divisors(amax, state, t, plan.scale, scales, parts, todo)
            else:
                quotient_scales(amax, state, t, plan.scale, plan.scale_words, scales, parts, todo)
            quotient_piece(job.x, job.out, piece, layout.inner, layout.size, parts, plan.words, plan.codes, job.key,
                           job.todo)  # fmt: skip

    job.in_pieces(task)


def _blocks(pieces: NDArray[np.int64]) -> int:
    """The most blocks that a piece has."""
    return int((pieces[:, 3] - pieces[:, 2]).max(initial=0))


def _by_the_rule(job: BlockJob, t: float) -> None:
    """The blocks that lanes do not know."""
    plan, layout = job.plan, job.layout
    size, scales, todo = _short_blocks(job)
    shifted = job.number and plan.rounding.is_stochastic and not job.order.size
    order = np.array([job.number]) if shifted else job.order
    for blocks in _by_rule(np.flatnonzero(todo), size):
        where = (layout.n, layout.inner, size, scales, t, blocks, order, plan.words)
        if job.out.dtype.kind == "f":
            rule.block_values(job.x, job.out, *where, job.key)
        elif rule.block_codes(job.x, job.out, *where, plan.codes, job.key) >= 0:
            f = plan.format
            raise RepresentationError(
                f"x holds NaN, which neither elements ({f.element.name}) nor scales ({f.scale.name}) of {f.name} can "
                "say"
            )


def _short_blocks(job: BlockJob) -> tuple[int, NDArray[np.float64], NDArray[np.uint8]]:
    """Size, scales and `todo` of blocks that one call of a kernel can do: longer ones are cut, with their scale."""
    layout = job.layout
    if layout.count != 1 or layout.n <= _BY_RULE:
        return layout.size, job.scales, job.todo
    parts, shape = -(-layout.n // _BY_RULE), (layout.outer, 1, layout.inner)
    scales = np.repeat(job.scales.reshape(shape), parts, axis=1).ravel()
    return _BY_RULE, scales, np.repeat(job.todo.reshape(shape), parts, axis=1).ravel()


def _by_rule(blocks: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """Blocks of that size, as many together as one call of a kernel does."""
    step = max(1, _BY_RULE // max(1, size))
    for start in range(0, blocks.size, step):
        yield blocks[start : start + step]


# ---------------------------------------------------------------- magnitudes and scales
def _with_magnitudes(job: BlockJob) -> BlockJob:
    """The job with the greatest magnitudes and the states of all blocks."""
    layout, amax = job.layout, job.amax
    if job.x.size == 0:
        amax[:] = 0.0
    job.in_pieces(lambda pieces: block_maxima(job.x, pieces, layout.inner, layout.size, amax, job.state))
    if layout.is_folded:
        amax[:] = layout.spread(layout.fold(amax, np.maximum))
        if job.state.any():
            job.state[:] = layout.spread(layout.fold(job.state, np.bitwise_or))
    return replace(job, given=True)


def tensor_scale(f: BlockFormat, amax: float) -> float:
    """float32(amax / (M bound)), saturated; 1.0 where the format has none."""
    if not f.tensor_scale:
        return 1.0
    out, x, y = np.empty(1), np.array([amax]), np.array([f.element.max * f.largest_scale])
    compute_plain(int(Operation.DIVIDE), x, y, x, out, 0, False, _FLOAT32, 0)
    return float(out[0])


def scale_key(plan: BlockPlan, seed: SeedLike | None) -> int:
    """The key of the scales' random bits: those of the stream's child "scales"."""
    if not plan.format.scale_rounding.is_stochastic:
        return 0
    as_key(seed)  # names a seed that is missing
    stream = as_stream(seed)
    return signed(stream.child("scales").key)


def signed(key: int) -> int:
    """A key as the signed integer that kernels take."""
    return key - 2**64 if key >= 2**63 else key


def _whole_scales(job: BlockJob, t: float, key: int) -> None:
    """Scales of all blocks by the rule; scale number b, in C order, draws from counter b."""
    layout = job.layout
    six = _scales_by_the_rule(job, t, key, job.plan.scale)
    if job.plan.second is not None:
        four = _scales_by_the_rule(job, t, key, job.plan.second)
        better = _error(job, layout.spread(four), t) < _error(job, layout.spread(six), t)
        six = np.where(better, four, six)
    job.scales[:] = layout.spread(six)


def _scales_by_the_rule(job: BlockJob, t: float, key: int, constants: NDArray[np.float64]) -> NDArray[np.float64]:
    """One a block, as kernels see them."""
    plan, layout = job.plan, job.layout
    amax, state = (layout.scales(layout.tops(one)).reshape(-1) for one in (job.amax, job.state))
    scales = np.empty(amax.size)
    rule.block_scales(amax.astype(np.float64), state, t, constants, plan.scale_words, key, scales)
    return layout.flat_scales(scales.reshape(layout.scale_shape))


def _error(job: BlockJob, scales: NDArray[np.float64], t: float) -> NDArray[np.float64]:
    """The error of every block that four over six compares."""
    layout, errors = job.layout, np.empty(scales.size)
    squared = job.plan.format.four_over_six is FourOverSix.MSE
    for blocks in _by_rule(np.arange(errors.size), layout.size):
        where = (layout.n, layout.inner, layout.size, scales, t, blocks, job.order, job.plan.words)
        rule.block_errors(job.x, errors, squared, *where, job.key)
    return layout.fold(errors, np.add)


def _refuse_nonfinite(a: NDArray[np.floating]) -> None:
    """Name the first element that is not finite."""
    where = tuple(int(i) for i in np.unravel_index(int(np.argmin(np.isfinite(a))), a.shape))
    raise ArgumentError(
        f"x{f': element {where}' if where else ''} is {a[where]!r}; nonfinite='raise' refuses infinities and NaN"
    )
