"""From an array to scales and elements: greatest magnitudes, the tensor scale, scales, then values or codes.

An array is done in pieces that stay in the second cache, each by magnitudes, scales and elements in turn, by the
lanes where they know the format and by the rule elsewhere. Where a scale depends on more than its piece (a tensor
scale, tiles), magnitudes come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
from ...kernels.blocks.pieces import block_maxima, fused_blocks, power_pieces, quotient_pieces, short_pieces
from ...kernels.blocks.rule import ScaleField
from ...kernels.blocks.walks import WIDTH
from ...streams import SeedLike, Stream, as_key
from ..codes import code_dtype
from .layout import Layout
from .plan import BlockPlan

_FLOAT32 = rounding_spec(get_format("float32"), Rounding.NEAREST_EVEN, Overflow.SATURATE)
#: elements of a piece
_PIECE = 1 << 18
_NO_ORDER = np.empty(0, np.int64)


@dataclass(frozen=True)
class Quantised:
    """Values or codes in the array's shape, scales (float64) in theirs, and the tensor scale (1.0 if there is none)."""

    out: NDArray[Any]
    scales: NDArray[np.float64]
    tensor_scale: float


@dataclass(frozen=True)
class BlockJob:
    """An array as kernels see it, what it becomes, and what is known of its blocks.

    `state`: whether blocks (of every row; those of tiles stand in each of their rows) hold more than finite numbers.
    `scales`: first their greatest finite magnitudes, then the scales in the place of these.
    """

    plan: BlockPlan
    layout: Layout
    x: NDArray[np.floating]
    out: NDArray[Any]
    key: int
    order: NDArray[np.int64]
    state: NDArray[np.uint8]
    scales: NDArray[np.float64]

    @property
    def in_lanes(self) -> bool:
        """Whether lanes may do it: elements have their own numbers as counters, results the type of x or one byte."""
        return self.order.size == 0 and (self.out.dtype == self.x.dtype or self.out.itemsize == 1)

    @property
    def powers_in_lanes(self) -> bool:
        """Whether the power form does it."""
        return self.in_lanes and (24 if self.x.itemsize == 4 else 53) in self.plan.power_lanes


def quantise(
    a: NDArray[np.floating], plan: BlockPlan, layout: Layout, seed: SeedLike | None, *, to_codes: bool
) -> Quantised:
    """The values or codes of a carrier array, and its scales.

    Raises
    ------
    ArgumentError
        If an element is not finite and the format's policy refuses that.
    RepresentationError
        If a NaN has no code, neither as an element nor as a scale.
    SeedError
        If random bits are needed and there is no seed.
    """
    job, f = _job(a, plan, layout, seed, to_codes), plan.format
    stochastic_scales = f.scale_rounding.is_stochastic
    ahead = (
        f.tensor_scale or f.is_tile or stochastic_scales or plan.second is not None or f.nonfinite is Nonfinite.RAISE
    )
    t = 1.0
    if ahead or not (
        job.powers_in_lanes or (job.in_lanes and plan.quotient and plan.quotient_scales and a.itemsize == 4)
    ):
        _find_magnitudes(job)
        ahead = True
        if f.nonfinite is Nonfinite.RAISE and job.state.any():
            _refuse_nonfinite(a)
        t = tensor_scale(f, float(job.scales.max(initial=0.0)))
    todo = np.empty(job.scales.size, np.uint8)
    if job.powers_in_lanes and not stochastic_scales:
        _powers(job, todo, ahead)
    else:
        _quotients(job, todo, ahead, t, seed)
    if todo.any():
        _by_the_rule(job, todo, t)
    dtype = code_dtype(f.element) if to_codes else job.out.dtype
    return Quantised(layout.restored(job.out).astype(dtype, copy=False), layout.scales(layout.tops(job.scales)), t)


def _job(a: NDArray[np.floating], plan: BlockPlan, layout: Layout, seed: SeedLike | None, to_codes: bool) -> BlockJob:
    x, stochastic = layout.seen(a), plan.rounding.is_stochastic
    blocks = layout.outer * layout.count * layout.inner if layout.axes else 1
    dtype = x.dtype if not to_codes else np.uint8 if plan.format.element.bits <= 8 else np.uint64
    key = signed(as_key(seed)) if stochastic else 0
    order = layout.counters() if stochastic else _NO_ORDER
    return BlockJob(plan, layout, x, np.empty(x.size, dtype), key, order, np.zeros(blocks, np.uint8), np.zeros(blocks))


# ---------------------------------------------------------------- in lanes
def _powers(job: BlockJob, todo: NDArray[np.uint8], ahead: bool) -> None:
    """Scales that are powers of two, and the elements over them."""
    plan, layout = job.plan, job.layout
    width = WIDTH[8 * job.x.itemsize]
    if not ahead and layout.inner == 1 and 0 < job.x.size < 2**32 and layout.n % width == layout.size % width == 0:
        fused_blocks(
            job.x, job.out, layout.n, layout.size, plan.scale, plan.words, plan.codes, job.key, job.scales, todo
        )
        return
    pieces = layout.pieces(_PIECE)
    shifts = np.empty(
        (1, int((pieces[:, 3] - pieces[:, 2]).max(initial=0))), np.int32 if job.x.itemsize == 4 else np.int64
    )
    todo[:] = 0
    power_pieces(job.x, job.out, pieces, layout.inner, layout.size, ahead, job.scales, job.state, plan.scale,
                 plan.words, plan.codes, job.key, shifts, job.scales, todo)  # fmt: skip
    if job.x.size == 0:
        job.scales[:] = plan.scale[ScaleField.LEAST]


def _quotients(job: BlockJob, todo: NDArray[np.uint8], ahead: bool, t: float, seed: SeedLike | None) -> None:
    """Any scales: made in pieces where lanes know them, else before; elements by lanes, or left to the rule."""
    plan, layout = job.plan, job.layout
    made = plan.quotient_scales and plan.second is None and t > 0.0 and job.x.itemsize == 4 and job.x.size > 0
    known = not (made and job.in_lanes and plan.quotient)
    if known:
        _whole_scales(job, t, scale_key(plan, seed))
    if not (job.in_lanes and plan.quotient):
        todo[:] = 1
        return
    pieces = layout.pieces(_PIECE)
    todo[:] = 0
    most = int((pieces[:, 3] - pieces[:, 2]).max(initial=0))
    pairs = np.empty((2, most))
    given = (job.x, job.out, pieces, layout.inner, layout.size, ahead, job.scales, job.state, plan.scale, plan.words,
             plan.scale_words, plan.codes, job.key, t, known)  # fmt: skip
    if plan.short and job.x.itemsize == 4:
        short_pieces(*given, pairs, np.empty((3, most), np.float32), job.scales, todo)
    else:
        quotient_pieces(*given, pairs, job.scales, todo)


def _by_the_rule(job: BlockJob, todo: NDArray[np.uint8], t: float) -> None:
    """The blocks that lanes do not know."""
    plan, layout = job.plan, job.layout
    where = (layout.n, layout.inner, layout.size, job.scales, t, np.flatnonzero(todo), job.order, plan.words)
    if job.out.dtype.kind == "f":
        rule.block_values(job.x, job.out, *where, job.key)
        return
    if rule.block_codes(job.x, job.out, *where, plan.codes, job.key) >= 0:
        f = plan.format
        raise RepresentationError(
            f"x holds NaN, which neither elements ({f.element.name}) nor scales ({f.scale.name}) of {f.name} can say"
        )


# ---------------------------------------------------------------- magnitudes and scales
def _find_magnitudes(job: BlockJob) -> None:
    """Greatest magnitudes (in `scales`) and states of all blocks."""
    layout = job.layout
    if job.x.size:
        block_maxima(job.x, layout.n, layout.inner, layout.size, job.scales, job.state)
    if layout.rows > 1:
        job.scales[:] = layout.spread(layout.fold(job.scales, np.maximum))
        job.state[:] = layout.spread(layout.fold(job.state, np.bitwise_or))


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
    stream = seed if isinstance(seed, Stream) else Stream(seed)  # type: ignore[arg-type]
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
    amax, state = (layout.scales(layout.tops(one)).reshape(-1) for one in (job.scales, job.state))
    scales = np.empty(amax.size)
    rule.block_scales(amax, state, t, constants, plan.scale_words, key, scales)
    return layout.flat_scales(scales.reshape(layout.scale_shape))


def _error(job: BlockJob, scales: NDArray[np.float64], t: float) -> NDArray[np.float64]:
    """The error of every block that four over six compares."""
    layout, errors = job.layout, np.empty(scales.size)
    squared = job.plan.format.four_over_six is FourOverSix.MSE
    every = np.arange(errors.size)
    rule.block_errors(
        job.x,
        errors,
        squared,
        layout.n,
        layout.inner,
        layout.size,
        scales,
        t,
        every,
        job.order,
        job.plan.words,
        job.key,
    )
    return layout.fold(errors, np.add)


def _refuse_nonfinite(a: NDArray[np.floating]) -> None:
    """Name the first element that is not finite."""
    where = tuple(int(i) for i in np.unravel_index(int(np.argmin(np.isfinite(a))), a.shape))
    raise ArgumentError(
        f"x{f': element {where}' if where else ''} is {a[where]!r}; nonfinite='raise' refuses infinities and NaN"
    )
