"""From an array to scales and elements: greatest magnitudes, the tensor scale, scales, then values or codes.

An array is done in pieces that stay in the second cache, each by magnitudes, scales and elements in turn, by the lanes where they know
the format and by the rule elsewhere. Where a scale depends on more than its piece (a tensor scale, tiles), magnitudes come first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError, RepresentationError
from ...formats.blocks import BlockFormat, FourOverSix, Nonfinite
from ...formats.lanes import DOUBLE, SINGLE
from ...formats.names import get_format
from ...formats.rounding import Overflow, Rounding
from ...formats.spec import rounding_spec
from ...kernels.arithmetic.operations import Operation
from ...kernels.arithmetic.results import compute_plain
from ...kernels.blocks import loops, rule
from ...kernels.blocks import scales as fast
from ...streams import SeedLike, Stream, as_key
from ..codes import code_dtype
from .layout import Layout, Piece
from .plan import BlockPlan

_FLOAT32 = rounding_spec(get_format("float32"), Rounding.NEAREST_EVEN, Overflow.SATURATE)
#: elements of a piece
_PIECE = 1 << 16


@dataclass(frozen=True)
class Quantised:
    """Values or codes in the array's shape, scales (float64) in theirs, and the tensor scale (1.0 where there is none)."""

    out: NDArray
    scales: NDArray[np.float64]
    tensor_scale: float


@dataclass(frozen=True)
class Magnitudes:
    """Greatest finite magnitudes and states of the blocks of every row; those of tiles stand in each of their rows."""

    amax: NDArray[np.float64]
    state: NDArray[np.uint8]


@dataclass(frozen=True)
class Job:
    """What the pieces have in common."""

    plan: BlockPlan
    layout: Layout
    x: NDArray[np.floating]
    out: NDArray
    key: int
    order: NDArray[np.int64]

    @property
    def power(self) -> bool:
        """Whether the lanes' power form does the elements."""
        return self._possible and (SINGLE if self.x.itemsize == 4 else DOUBLE) in self.plan.power_lanes

    @property
    def quotient(self) -> bool:
        """Whether the lanes' quotient form does."""
        return self._possible and self.plan.quotient_lanes

    @property
    def _possible(self) -> bool:
        return self.order.size == 0 and self.out.itemsize in (1, self.x.itemsize) and (self.out.dtype.kind == "f" or self.out.itemsize == 1)


def quantise(a: NDArray[np.floating], plan: BlockPlan, layout: Layout, seed: SeedLike | None, *, to_codes: bool) -> Quantised:
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
    x, f = layout.seen(a), plan.format
    key = _signed(as_key(seed)) if plan.rounding.is_stochastic else 0
    dtype = code_dtype(f.element) if to_codes else x.dtype
    out = np.empty(x.size, np.uint32 if dtype == np.uint16 else dtype)
    job = Job(plan, layout, x, out, key, layout.counters() if plan.rounding.is_stochastic else np.empty(0, np.int64))
    ahead = f.tensor_scale or f.is_tile or not layout.axes or f.scale_rounding.is_stochastic or plan.second is not None
    if not ahead and f.nonfinite is not Nonfinite.RAISE:
        return _in_pieces(job, dtype)
    found = _magnitudes(job)
    if f.nonfinite is Nonfinite.RAISE and found.state.any():
        _refuse_nonfinite(a)
    t = tensor_scale(f, float(found.amax.max(initial=0.0)))
    if f.scale_rounding.is_stochastic or plan.second is not None:
        scales, products = _whole_scales(job, found, t, _scale_key(plan, seed))
    else:
        scales, products = np.empty(found.amax.size), None
    for piece in _pieces(layout):
        _piece(job, piece, _part(found, piece), t, scales, products)
    tops = scales if products is not None else layout.tops(scales)
    return Quantised(_restored(job, dtype), layout.scales(tops), t)


def _in_pieces(job: Job, dtype: np.dtype) -> Quantised:
    """Magnitudes, scales and elements of one piece after the other."""
    layout = job.layout
    scales = np.empty(layout.outer * layout.count * layout.inner)
    for piece in _pieces(layout):
        _piece(job, piece, _piece_magnitudes(job, piece), 1.0, scales, None)
    return Quantised(_restored(job, dtype), layout.scales(scales), 1.0)


def _restored(job: Job, dtype: np.dtype) -> NDArray:
    return job.layout.restored(job.out).astype(dtype, copy=False)


def _pieces(layout: Layout) -> list[Piece]:
    if not layout.axes:
        return [Piece(0, layout.n, 0, 1, layout.n)]
    return list(layout.pieces(_PIECE)) if layout.n * layout.inner * layout.outer > _PIECE else _whole(layout)


def _whole(layout: Layout) -> list[Piece]:
    elements = layout.n * layout.inner * layout.outer
    return [Piece(0, elements, 0, layout.outer * layout.count * layout.inner, layout.n)] if elements else []


# ---------------------------------------------------------------- magnitudes and scales
def _magnitudes(job: Job) -> Magnitudes:
    """Those of all blocks."""
    layout = job.layout
    blocks = layout.outer * layout.count * layout.inner if layout.axes else 1
    amax, state = np.zeros(blocks), np.zeros(blocks, np.uint8)
    for piece in _pieces(layout):
        found = _piece_magnitudes(job, piece)
        amax[piece.first : piece.last], state[piece.first : piece.last] = found.amax, found.state
    amax, state = layout.fold(amax, np.maximum), layout.fold(state, np.bitwise_or)
    return Magnitudes(layout.spread(amax), layout.spread(state))


def _piece_magnitudes(job: Job, piece: Piece) -> Magnitudes:
    layout, blocks = job.layout, piece.last - piece.first
    x, amax, state = job.x[piece.start : piece.stop], np.zeros(blocks), np.zeros(blocks, np.uint8)
    if layout.inner == 1:
        loops.maxima_rows(x, piece.n, layout.size, amax, state)
    else:
        loops.maxima_columns(x, piece.n, layout.inner, layout.size, amax, state)
    return Magnitudes(amax, state)


def _part(found: Magnitudes, piece: Piece) -> Magnitudes:
    return Magnitudes(found.amax[piece.first : piece.last], found.state[piece.first : piece.last])


def tensor_scale(f: BlockFormat, amax: float) -> float:
    """float32(amax / (M bound)), saturated; 1.0 where the format has none."""
    if not f.tensor_scale:
        return 1.0
    out, x, y = np.empty(1), np.array([amax]), np.array([f.element.max * f.largest_scale])
    compute_plain(int(Operation.DIVIDE), x, y, x, out, 0, False, _FLOAT32, 0)
    return float(out[0])


def _scale_key(plan: BlockPlan, seed: SeedLike | None) -> int:
    """The key of the scales' random bits: those of the stream's child "scales"."""
    if not plan.format.scale_rounding.is_stochastic:
        return 0
    as_key(seed)  # names a seed that is missing
    stream = seed if isinstance(seed, Stream) else Stream(seed)  # type: ignore[arg-type]
    return _signed(stream.child("scales").key)


def _signed(key: int) -> int:
    return key - 2**64 if key >= 2**63 else key


def _whole_scales(job: Job, found: Magnitudes, t: float, key: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scales of all blocks by the rule, and their products in every row; scale number b, in C order, draws from counter b."""
    plan, layout = job.plan, job.layout
    amax, state = (layout.scales(layout.tops(one)).reshape(-1) for one in (found.amax, found.state))

    def by_the_rule(constants: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        scales, products = np.empty(amax.size), np.empty(amax.size)
        rule.block_scales(amax, state, t, constants, plan.scale_words, key, scales, products)
        own = layout.flat_scales(scales.reshape(layout.scale_shape))
        return own, layout.spread(own * t)

    six = by_the_rule(plan.scale)
    if plan.second is None:
        return six
    four = by_the_rule(plan.second)
    takes_four = _error(job, four[1]) < _error(job, six[1])
    scales = np.where(takes_four, four[0], six[0])
    return scales, layout.spread(scales * t)


def _error(job: Job, products: NDArray[np.float64]) -> NDArray[np.float64]:
    """The error of every block that four over six compares."""
    layout, errors = job.layout, np.empty(products.size)
    squared = job.plan.format.four_over_six is FourOverSix.MSE
    every = np.ones(errors.size, np.uint8)
    rule.block_errors(job.x, errors, squared, layout.n, layout.inner, layout.size, products, every, job.order, job.plan.words, job.key)
    return layout.fold(errors, np.add)


# ---------------------------------------------------------------- one piece
def _piece(
    job: Job, piece: Piece, found: Magnitudes, t: float, scales: NDArray[np.float64], products: NDArray[np.float64] | None
) -> None:
    """Scales (unless `products` has them) and elements of a piece."""
    plan, own = job.plan, scales[piece.first : piece.last]
    if products is None and job.power:
        shifts = np.empty((1, own.size), np.int32 if job.x.itemsize == 4 else np.int64)
        todo = np.empty(own.size, np.uint8)
        fast.power_scales(found.amax, found.state, plan.scale, plan.words, own, shifts, todo)
        _elements(job, piece, shifts, own, todo)
        return
    if products is not None:
        d = products[piece.first : piece.last]
    else:
        d = np.empty(own.size)
        if plan.quotient_scales and t > 0.0 and job.x.itemsize == 4:
            fast.quotient_scales(found.amax, found.state, t, plan.scale, plan.scale_words, 0, own, d)
        else:
            rule.block_scales(found.amax, found.state, t, plan.scale, plan.scale_words, 0, own, d)
    if not job.quotient:
        _elements(job, piece, None, d, np.ones(d.size, np.uint8))
        return
    pairs, todo = np.empty((2, d.size)), np.empty(d.size, np.uint8)
    fast.reciprocals(d, found.state, pairs, todo)
    _elements(job, piece, pairs, d, todo)


def _elements(job: Job, piece: Piece, scales: NDArray | None, products: NDArray[np.float64], todo: NDArray[np.uint8]) -> None:
    """The elements of a piece: in lanes over `scales`, then what is still to do by the rule."""
    plan, layout = job.plan, job.layout
    x, out, base = job.x[piece.start : piece.stop], job.out[piece.start : piece.stop], piece.start
    if scales is not None and base >> 32 == (piece.stop - 1) >> 32:
        loops.elements(x, out, piece.n, layout.inner, layout.size, scales, todo, plan.words, plan.codes, job.key, base)
    else:
        todo[:] = 1
    if not todo.any():
        return
    order = np.arange(base, piece.stop) if job.order.size == 0 and base and plan.rounding.is_stochastic else job.order[base : piece.stop]
    if job.out.dtype.kind == "f":
        rule.block_values(x, out, piece.n, layout.inner, layout.size, products, todo, order, plan.words, job.key)
        return
    missing = rule.block_codes(x, out, piece.n, layout.inner, layout.size, products, todo, order, plan.words, plan.codes, job.key)
    if missing >= 0:
        f = plan.format
        raise RepresentationError(f"x holds NaN, which neither elements ({f.element.name}) nor scales ({f.scale.name}) of {f.name} can say")


def _refuse_nonfinite(a: NDArray[np.floating]) -> None:
    """Name the first element that is not finite."""
    where = tuple(int(i) for i in np.unravel_index(int(np.argmin(np.isfinite(a))), a.shape))
    raise ArgumentError(f"x{f': element {where}' if where else ''} is {a[where]!r}; nonfinite='raise' refuses infinities and NaN")
