"""Which tiled kernels may do a product: the conditions under which they give the bits of the plain one.

The families and the proofs stand in ``kernels/gemm/roundings.py`` and ``gemm/cut.py``. `candidates` says what an
accumulator allows at all, once; `Candidate.kind_for` looks at the facts of the operands: products must be exact in a
lane where they are used so, sums stay in its range, results must not overflow (else they are watched), c must lie on
the grid where one hardware addition relies on it. Where no candidate fits, the plain kernel does the work.

What each family does, of the orders sequential, blocked, pairwise and kahan (which formats: ``formats/lanes.py``):

    family               modes                                                sums
    _half, _native       nearest_even                                         the CPU's own format
    _narrow              nearest_even                                         short formats that do not overflow
    _cut                 toward_zero, nearest_away, stochastic, _a, _b        with a rounding of its own (AVX-512)
    _stochastic          stochastic                                           p <= 16, or p <= 20 in float64 lanes
    _general             every deterministic mode                             p <= 22, or p <= 51 in float64 lanes
    _exact               every mode for the exact order                       as three float64 numbers

So stochastic_c, stochastic_equal and the order interleaved are the plain rule's in all formats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from ...formats.format import Format
from ...formats.lanes import (
    DOUBLE,
    LANES,
    can_cut,
    has_code_grid,
    has_general_grid,
    has_narrow_grid,
    is_native,
    is_whole,
    limit,
    room,
)
from ...formats.rounding import Rounding
from ...kernels.gemm import (
    cut as gemm_cut,
)
from ...kernels.gemm import (
    exact as gemm_exact,
)
from ...kernels.gemm import (
    half as gemm_half,
)
from ...kernels.gemm import (
    half_pack,
)
from ...kernels.gemm import (
    roundings as gemm_roundings,
)
from ...kernels.gemm import (
    tiled as gemm_fast,
)
from ...kernels.gemm.bodies import Product, kind
from ...kernels.gemm.orders import Order
from ...kernels.gemm.tile import HALF, NATIVE32, TILE32, TILE64, Shape
from ..accumulators import Accumulator
from .constants import corrections
from .facts import Facts

#: whose bodies do an order's sums in tiles; an order that is not here is the plain rule's
_BODIES = {
    Order.EXACT: Order.EXACT,
    Order.SEQUENTIAL: Order.SEQUENTIAL,
    Order.BLOCKED: Order.SEQUENTIAL,
    Order.KAHAN: Order.KAHAN,
    Order.PAIRWISE: Order.PAIRWISE,
}
_INF = float("inf")
#: products and c stay below this where sums grow in the lane itself; a factor of 2^33 is left for their number
_ROOM = 2.0**990
#: sums in `Stochastic`'s lanes: their errors, times 2^(31 + p - 24) <= 2^23, must not overflow
_SCALED = 2.0**96
#: a bound below this is kept by no operands: products of float64 numbers below 2^-1022 may have been rounded to
#: anything smaller
_LEAST_ROOM = 2.0**-1021
#: the greatest number of a lane
_TOP = {16: 65504.0, 32: 2.0**128 - 2.0**104, 64: 2.0**1023 * (2 - 2.0**-52)}


class Problem(NamedTuple):
    """What is known of the operands of a product; `norms` gives a bound on every sum |a_k b_k| when asked."""

    a: Facts
    b: Facts
    c: Facts
    k: int
    norms: Callable[[], float]

    def sums_within(self, bound: float) -> bool:
        """Whether |c| + sum |a_k b_k| <= bound, both sides in float64.

        Right but for the last bit, where none of it underflows.
        """
        room = bound - self.c.top
        return room >= _LEAST_ROOM and (self.k * self.a.top * self.b.top <= room or self.norms() <= room)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tiled kernel that may suit an accumulator, and what it asks of the operands.

    `exact`: products are numbers of the lane; `finite`: no infinity, no NaN; `no_negative_zero` and `grid`: for c;
    `product_top`: for |a b| and c; `bound`: for |c| + sum |a b|, beyond which `watched` (if there is one) does it;
    `drawn`: formats of results that may be rounded away from zero step by step (stochastic), whose growth `bound` does
    not count; `steps`: for k, beyond which `watched` does it; `on_grid`, `watched_on_grid`: the bodies for products and
    c that are multiples of 2^unit; `domains`: of random words; `leftover`: it does only what others of its shape left
    undone.
    """

    kernel: Any
    bits: int
    shape: Shape
    kind: int
    watched: int = -1
    on_grid: int = -1
    watched_on_grid: int = -1
    exact: bool = True
    finite: bool = True
    no_negative_zero: bool = True
    grid: Format | None = None
    product_top: float = _INF
    bound: float = _INF
    drawn: tuple[Format, ...] = ()
    domains: tuple[int, ...] = ()
    unit: int = 0
    steps: float = _INF
    leftover: bool = False
    #: whether any operands of the lane's own dtype are right
    unconditional: bool = False

    @property
    def name(self) -> str:
        """The kernel's."""
        return str(self.kernel.py_func.__name__)

    def kind_for(self, p: Problem) -> int:
        """The body to run, or -1."""
        a, b, c = p.a, p.b, p.c
        bits, lane = self.bits, LANES[self.bits]
        if not all(f.fits(lane.digits, lane.least, _TOP[bits]) for f in (a, b, c)):
            return -1
        if self.exact and (
            a.digits + b.digits > lane.digits or a.quantum + b.quantum < lane.least or a.top * b.top >= 2.0**-lane.emin
        ):
            return -1
        if (self.finite and not (a.finite and b.finite and c.finite)) or (self.no_negative_zero and c.negative_zero):
            return -1
        if (
            (self.grid is not None and not c.on_grid_of(self.grid))
            or a.top * b.top > self.product_top
            or c.top > self.product_top
        ):
            return -1
        return self._by_bound(p)

    def _by_bound(self, p: Problem) -> int:
        bound = bound_before_growth(self.bound, self.drawn, p.k) if self.drawn else self.bound
        on_grid = self.on_grid >= 0 and min(p.a.quantum + p.b.quantum, p.c.quantum) >= self.unit
        kind, watched = (self.on_grid, self.watched_on_grid) if on_grid else (self.kind, self.watched)
        return kind if p.k <= self.steps and (bound == _INF or p.sums_within(bound)) else watched


def bound_before_growth(bound: float, formats: tuple[Format, ...], k: int) -> float:
    """What T = |c| + sum |a_k b_k| may be, so that k sums and k products, each rounded up, end below `bound`.

    A rounding takes |x| to at most g |x| + h, g = 1 + 2^(1 - p) and h the least number (a unit is at most 2^(1 - p) |x|
    in the normal range, and h below). So |s_k| <= g (|s_(k-1)| + g |a_k b_k| + h) + h, and |s_k| <= g^(k + 1) (T + 2 k
    h); log2 g < 1.5 2^(1 - p).
    """
    growth = 1.5 * (k + 1) * max(2.0 ** (1 - f.precision) for f in formats)
    least = max(2.0 ** (f.emin - f.precision + 1) for f in formats)
    return bound * 2.0**-growth - 2 * k * least if growth < 200 else 0.0


@lru_cache(maxsize=1024)
def candidates(acc: Accumulator) -> tuple[Candidate, ...]:
    """The kernels that may do an accumulator's sums, fastest first.

    A later one does what an earlier one leaves undone.
    """
    order = _BODIES.get(acc.order)
    if order is None:
        return ()
    if order is Order.EXACT:
        return tuple(_exact(acc))
    families = (_native, _narrow, _stochastic, _general)
    narrow, wide = ([c for family in families for c in family(acc, order, bits)] for bits in (32, 64))
    cut = list(_cut(acc))
    leftover = [replace(c, leftover=True) for c in wide if cut and c.shape == cut[0].shape]
    return (*_half(acc, order), *cut, *leftover, *narrow, *wide)


def _promotes(acc: Accumulator, bits: int) -> bool:
    if acc.order is not Order.BLOCKED:
        return True
    fmt = acc.result_format
    return is_native(fmt, LANES[bits], acc.rounding, acc.overflow) or (
        has_narrow_grid(fmt, LANES[bits]) and acc.rounding is Rounding.NEAREST_EVEN
    )


def _native(acc: Accumulator, order: Order, bits: int) -> Iterator[Candidate]:
    """The hardware's sums.

    Fused ones are right for any operands; in pairwise, products must be exact to be added to one another.
    """
    if not is_native(acc.format, LANES[bits], acc.rounding, acc.overflow) or not _promotes(acc, bits):
        return
    kernel, shape = (gemm_fast.native32, NATIVE32) if bits == 32 else (gemm_fast.native64, TILE64)
    free = Candidate(
        kernel, bits, shape, kind(order), exact=False, finite=False, no_negative_zero=False, unconditional=True
    )
    if acc.order is Order.BLOCKED and not is_native(acc.result_format, LANES[bits], acc.rounding, acc.overflow):
        free = replace(free, finite=True, no_negative_zero=True, unconditional=False)
    if acc.product is None:
        exact = order is Order.PAIRWISE
        yield replace(free, exact=exact, unconditional=free.unconditional and not exact)
    elif is_native(acc.product, LANES[bits], acc.rounding, acc.overflow):
        yield replace(free, kind=kind(order, Product.NATIVE))
    elif has_narrow_grid(acc.product, LANES[bits]):
        top = limit(acc.product, LANES[bits])
        yield Candidate(kernel, bits, shape, kind(order, Product.ROUNDED), product_top=top)


def _half(acc: Accumulator, order: Order) -> Iterator[Candidate]:
    """Sums in half lanes, for operands that are float16 numbers: float16 by the hardware, and formats of p <= 5."""
    if not half_pack.HAS_HALF or order is Order.PAIRWISE or acc.order is Order.BLOCKED:
        return
    formats = [f for f in (acc.format, acc.product) if f is not None]
    if all(is_native(f, LANES[16], acc.rounding, acc.overflow) for f in formats):
        body = kind(order, Product.EXACT if acc.product is None else Product.NATIVE)
        yield Candidate(
            gemm_half.half16, 16, HALF, body, exact=False, finite=False, no_negative_zero=False, unconditional=True
        )
    yield from _narrow(acc, order, 16)


def _narrow(acc: Accumulator, order: Order, bits: int) -> Iterator[Candidate]:
    fmt, product = acc.format, acc.product
    if acc.rounding is not Rounding.NEAREST_EVEN or not has_narrow_grid(fmt, LANES[bits]) or not _promotes(acc, bits):
        return
    kernel, shape = {16: (gemm_half.half16, HALF), 32: (gemm_fast.narrow32, TILE32), 64: (gemm_fast.narrow64, TILE64)}[
        bits
    ]
    # nearest rounding of s + t moves s on the grid by at most 2 |t| (and takes c, where that is not on it, to at most 2
    # |c + t|), and a product to at most twice itself: |s| <= 4 T. So a block's sum is at most 4 times its terms, and
    # the sums of blocks are at most 8 T
    # (Kahan's sums: see `kahan` in ``kernels/gemm/bodies.py``)
    one_by_one, kahan = order is not Order.PAIRWISE, order is Order.KAHAN
    bound = limit(fmt, LANES[bits]) / (8 if kahan else 4) if one_by_one else _INF
    if acc.order is Order.BLOCKED and not is_native(acc.result_format, LANES[bits], acc.rounding, acc.overflow):
        bound = min(bound, limit(acc.result_format, LANES[bits]) / 8)
    steps = 0.0 if kahan and fmt.precision < 5 else 0.08 * 4.0**fmt.precision if kahan else _INF
    form = Product.EXACT
    grid = fmt if kahan else None
    top = _INF
    if product is not None and not is_native(product, LANES[bits], acc.rounding, acc.overflow):
        if not has_narrow_grid(product, LANES[bits]) or not _grid_within(product, fmt):
            return
        form = Product.ROUNDED
        grid = fmt
        top = limit(product, LANES[bits])
    watched = kind(order, form, watched=True) if one_by_one else -1
    exact = _needs_exact_products(acc)
    yield Candidate(
        kernel,
        bits,
        shape,
        kind(order, form),
        watched,
        exact=exact,
        grid=grid,
        product_top=top,
        bound=bound,
        steps=steps,
    )


def _needs_exact_products(acc: Accumulator) -> bool:
    """Whether the lane must hold the products.

    They are rounded, or added to one another, or an error is taken from them.
    """
    return acc.product is not None or acc.order is Order.PAIRWISE or not gemm_roundings.HAS_DIRECTED


def _cut(acc: Accumulator) -> Iterator[Candidate]:
    """Sums rounded toward zero by the hardware, then cut (``kernels/gemm/cut.py``)."""
    fmt, rounded = acc.format, acc.product is not None
    formats = (fmt, acc.product or fmt, acc.result_format)
    if not gemm_roundings.HAS_DIRECTED or not all(can_cut(f, acc.rounding, acc.random_bits or 0) for f in formats):
        return
    drawn = acc.rounding.is_stochastic
    order = Order.BLOCKED if drawn and acc.order is Order.BLOCKED else _BODIES[acc.order]
    if acc.order is Order.EXACT or (
        drawn and acc.order is Order.SEQUENTIAL and rounded and all(map(has_code_grid, formats)) and not acc.random_bits
    ):
        return  # the latter: `Stochastic` is faster
    domains = gemm_cut.DOMAINS[order, rounded] if drawn else ()
    watched = gemm_cut.cut_kind(order, rounded)
    top = _ROOM if acc.product is None else min(_ROOM, limit(acc.product, DOUBLE))  # products are not watched
    shared = Candidate(
        gemm_cut.cut_drawn64 if drawn else gemm_cut.cut64,
        64,
        TILE64,
        watched,
        watched,
        exact=acc.order is Order.PAIRWISE and not rounded,
        no_negative_zero=False,
        product_top=top,
        domains=domains,
    )
    if acc.order is Order.SEQUENTIAL and not rounded:
        kinds = [
            gemm_cut.cut_kind(order, False, on_grid, watched) for on_grid in (False, True) for watched in (False, True)
        ]
        growing = 4 if acc.rounding is Rounding.NEAREST_AWAY else 1
        shared = replace(
            shared,
            kind=kinds[0],
            watched=kinds[1],
            on_grid=kinds[2],
            watched_on_grid=kinds[3],
            unit=fmt.emin - fmt.precision + 1,
            bound=limit(fmt, DOUBLE) / growing,
            drawn=(fmt,) if drawn else (),
        )
    yield shared


def _grid_within(inner: Format, outer: Format) -> bool:
    """Whether the numbers of one format are numbers of the other (but for the range above)."""
    return inner.precision <= outer.precision and inner.emin - inner.precision >= outer.emin - outer.precision


def _stochastic(acc: Accumulator, order: Order, bits: int) -> Iterator[Candidate]:
    if acc.rounding is not Rounding.STOCHASTIC or acc.order is not Order.SEQUENTIAL:
        return
    formats = [f for f in (acc.format, acc.product) if f is not None]
    body = kind(order, Product.EXACT if acc.product is None else Product.ROUNDED)
    if bits == 32 and all(has_code_grid(f) for f in formats):
        # no result is watched: neither a product nor a sum may pass its format's largest number
        yield Candidate(
            gemm_fast.stochastic32,
            32,
            TILE32,
            body,
            no_negative_zero=False,
            bound=min(_SCALED, *(f.max for f in formats)),
            drawn=tuple(formats),
            domains=gemm_cut.DOMAINS[order, acc.product is not None],
        )
    if bits == 64 and all(has_general_grid(f, DOUBLE) and f.precision <= 20 for f in formats):
        yield Candidate(
            gemm_fast.stochastic64,
            64,
            TILE64,
            body,
            finite=False,
            no_negative_zero=False,
            product_top=min(room(f, DOUBLE) for f in formats),
            domains=gemm_cut.DOMAINS[order, acc.product is not None],
        )


def _general(acc: Accumulator, order: Order, bits: int) -> Iterator[Candidate]:
    if corrections(acc.rounding) is None or (acc.product is not None and is_whole(acc.product, LANES[bits])):
        return
    formats = [f for f in (acc.format, acc.product) if f is not None]
    if acc.order is Order.BLOCKED and not is_native(acc.result_format, LANES[bits], acc.rounding, acc.overflow):
        formats.append(acc.result_format)
    if not all(has_general_grid(f, LANES[bits]) for f in formats):
        return
    # what is added is c, a product (rounded: at most twice as large, or a least number), or the sum of a block
    top = min(room(f, LANES[bits]) for f in formats)
    if acc.format.max > top:
        return
    kernel, shape = (gemm_fast.general32, TILE32) if bits == 32 else (gemm_fast.general64, TILE64)
    form = Product.EXACT if acc.product is None else Product.ROUNDED
    exact = _needs_exact_products(acc)
    yield Candidate(
        kernel, bits, shape, kind(order, form), exact=exact, finite=False, no_negative_zero=False, product_top=top
    )


def _exact(acc: Accumulator) -> Iterator[Candidate]:
    """The exact sum in three float64 numbers.

    Partial sums may be anything, so only overflow of the greatest matters.
    """
    to_nearest = acc.rounding is Rounding.NEAREST_EVEN and is_whole(acc.format, DOUBLE)
    if acc.product is None and not acc.rounding.is_stochastic and (acc.format.precision <= 51 or to_nearest):
        yield Candidate(gemm_exact.exact64, 64, TILE64, kind(Order.EXACT), product_top=_ROOM)
