"""Which tiled kernels may do a product: the conditions under which they give the bits of the plain one.

The families and the proofs stand in ``kernels/gemm/roundings.py`` and ``gemm/cut.py``. `candidates` says what an
accumulator allows at all, once; `Candidate.kind_for` (``candidate.py``) looks at the facts of the operands: products
must be exact in a lane where they are used so, sums stay in its range, results must not overflow (else they are
watched), c must lie on the grid where one hardware addition relies on it. Where no candidate fits, the plain kernel
does the work.

What each family does, of the orders sequential, blocked, pairwise and kahan (which formats: ``formats/lanes.py``):

    family               modes                                                sums
    _half, _native       nearest_even                                         the CPU's own format
    _narrow              nearest_even                                         short formats that do not overflow
    _direct              nearest_even, sequential and blocked                 the same, rounded by a lane first
    _cut                 toward_zero, nearest_away, stochastic, _a, _b        that the hardware rounds toward zero
    _stochastic          stochastic                                           p <= 16, or p <= 20 in float64 lanes
    _general             every deterministic mode                             p <= 22, or p <= 51 in float64 lanes
    _odd                 those that `_cut` has not, any operands              that two instructions round to odd
    _exact               every mode for the exact order                       as three float64 numbers

So stochastic_c, stochastic_equal and the order interleaved are the plain rule's in all formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ...formats.format import Format
from ...formats.lanes import (
    DOUBLE,
    LANES,
    SINGLE,
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
    native as gemm_native,
)
from ...kernels.gemm import (
    odd as gemm_odd,
)
from ...kernels.gemm import (
    roundings as gemm_roundings,
)
from ...kernels.gemm import (
    tiled as gemm_fast,
)
from ...kernels.gemm.bodies import Product, kind
from ...kernels.gemm.orders import Order
from ...kernels.gemm.shapes import HALF, NATIVE32, TILE32, TILE64
from ..accumulators import Accumulator
from .candidate import Candidate
from .constants import corrections, goes_to_odd
from .direct import DirectSums, suits

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
    families = (_native, _narrow, _stochastic, _odd, _general)
    narrow, wide = ([c for family in families for c in family(acc, order, bits)] for bits in (32, 64))
    single, double = (list(_direct(acc, order, bits)) for bits in (32, 64))
    first = [*_cut(acc), *double]
    wide = [*_on_grid(wide), *wide]
    return (*_half(acc, order), *_with_leftovers(single, narrow), *_with_leftovers(first, wide), *narrow, *wide)


def _with_leftovers(first: list[Candidate], others: list[Candidate]) -> list[Candidate]:
    """The first ones, and what does the tiles that they leave undone, if there are any and the shape is theirs."""
    return [*first, *(replace(c, leftover=True) for c in others if first and c.shape == first[0].shape)]


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
    shape = NATIVE32 if bits == 32 else TILE64

    def kernel(product: Product) -> Any:
        return gemm_fast.tiled_kernel("native", bits, order, product)

    free = Candidate(
        kernel(Product.EXACT), bits, shape, kind(order), exact=False, finite=False, no_negative_zero=False,
        unconditional=True,
    )  # fmt: skip
    if acc.order is Order.BLOCKED and not is_native(acc.result_format, LANES[bits], acc.rounding, acc.overflow):
        free = replace(free, finite=True, no_negative_zero=True, unconditional=False)
    if acc.product is None and acc.order is Order.SEQUENTIAL:
        yield replace(free, kernel=gemm_native.NATIVE[bits])
    elif acc.product is None:
        exact = order is Order.PAIRWISE
        yield replace(free, exact=exact, unconditional=free.unconditional and not exact)
    elif is_native(acc.product, LANES[bits], acc.rounding, acc.overflow):
        yield replace(free, kernel=kernel(Product.NATIVE), kind=kind(order, Product.NATIVE))
    elif has_narrow_grid(acc.product, LANES[bits]):
        top = limit(acc.product, LANES[bits])
        yield Candidate(kernel(Product.ROUNDED), bits, shape, kind(order, Product.ROUNDED), product_top=top)


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
    # nearest rounding of s + t moves s on the grid by at most 2 |t| (and takes c, where that is not on it, to at most 2
    # |c + t|), and a product to at most twice itself: |s| <= 4 T. So a block's sum is at most 4 times its terms, and
    # the sums of blocks are at most 8 T
    # (Kahan's and pairwise sums: see `kahan` and `pairwise` in ``kernels/gemm``)
    kahan, tree = order is Order.KAHAN, order is Order.PAIRWISE
    bound = limit(fmt, LANES[bits]) / (8 if kahan else 16 if tree else 4) if not tree or fmt.precision >= 5 else 0.0
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
    kernel = gemm_half.half16 if bits == 16 else gemm_fast.tiled_kernel("narrow", bits, order, form)
    watched = kind(order, form, watched=True)
    exact = _needs_exact_products(acc)
    yield Candidate(
        kernel,
        bits,
        {16: HALF, 32: TILE32, 64: TILE64}[bits],
        kind(order, form),
        watched,
        exact=exact,
        grid=grid,
        product_top=top,
        bound=bound,
        steps=steps,
    )


def _direct(acc: Accumulator, order: Order, bits: int) -> Iterator[Candidate]:
    """`_narrow` of exact products, without rounding to odd: half the work (``direct.py``).

    Where one instruction rounds in a direction, so that rounding to odd takes two, float64 lanes bring nothing.
    """
    own = is_native(acc.format, SINGLE, acc.rounding, acc.overflow)  # float32's sums are `_native`'s
    if acc.product is None and order is Order.SEQUENTIAL and suits(bits) and not own:
        direct, on_grid = DirectSums(acc.format, LANES[bits]), kind(order, Product.DIRECT_ON_GRID)
        unwatched, watched = (kind(order, Product.DIRECT, watched) for watched in (False, True))
        for c in _narrow(acc, order, bits):
            c = replace(
                c,
                kernel=gemm_fast.tiled_kernel("narrow", bits, order, Product.DIRECT),
                kind=unwatched,
                watched=watched,
                exact=True,
                grid=acc.format,
                direct=direct,
            )
            yield replace(c, on_grid=on_grid, watched_on_grid=watched, unit=direct.least)


def _needs_exact_products(acc: Accumulator) -> bool:
    """Whether the lane must hold the products.

    They are rounded, or added to one another, or an error is taken from them.
    """
    return acc.product is not None or acc.order is Order.PAIRWISE or not gemm_roundings.HAS_DIRECTED


def _cut(acc: Accumulator) -> Iterator[Candidate]:
    """Sums rounded toward zero by the hardware, then cut (``kernels/gemm/cut.py``)."""
    fmt, rounded = acc.format, acc.product is not None
    formats = (fmt, acc.product or fmt, acc.result_format)
    if not gemm_cut.HAS_TOWARD_ZERO or not all(can_cut(f, acc.rounding, acc.random_bits or 0) for f in formats):
        return
    drawn = acc.rounding.is_stochastic
    order = Order.BLOCKED if drawn and acc.order is Order.BLOCKED else _BODIES[acc.order]
    if acc.order is Order.EXACT or (
        drawn and acc.order is Order.SEQUENTIAL and rounded and all(map(has_code_grid, formats)) and not acc.random_bits
    ):
        return  # the latter: `Stochastic` is faster
    domains = gemm_cut.DOMAINS[order, rounded] if drawn else ()
    watched = gemm_cut.cut_kind(order, rounded)
    shared = Candidate(
        gemm_cut.cut_drawn64 if drawn else gemm_cut.cut64,
        64,
        TILE64,
        watched,
        watched,
        exact=acc.order is Order.PAIRWISE and not rounded,
        no_negative_zero=False,
        product_top=_product_top(acc),
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


def _on_grid(others: list[Candidate]) -> Iterator[Candidate]:
    """`_odd` of terms that are multiples of the format's least number, which is faster than the others."""
    return (replace(c, kind=-1, watched=-1) for c in others if c.kernel is gemm_odd.odd64)


def _odd(acc: Accumulator, order: Order, bits: int) -> Iterator[Candidate]:
    """Sums of products that the lane need not hold, rounded to odd and then cut (``kernels/gemm/odd.py``)."""
    formats = (acc.format, acc.product or acc.format, acc.result_format)
    if bits != 64 or not gemm_cut.HAS_TOWARD_ZERO or not all(goes_to_odd(f, acc.rounding) for f in formats):
        return
    rounded = acc.product is not None
    if not rounded and (gemm_roundings.HAS_DIRECTED or order is Order.PAIRWISE):
        return  # `_general` takes any operands, or pairs of products are added, which the lane must hold
    first = order is Order.SEQUENTIAL and not rounded and acc.rounding.facts.symmetric
    any_ = kind(order, Product.ROUNDED if rounded else Product.EXACT, watched=True)
    yield Candidate(
        gemm_odd.odd64 if first else gemm_odd.odd64_other,
        64,
        TILE64,
        any_,
        any_,
        gemm_odd.ON_GRID if first else -1,
        gemm_odd.ON_GRID if first else -1,
        exact=False,
        no_negative_zero=False,
        product_top=_product_top(acc),
        unit=acc.format.emin - acc.format.precision + 1,
    )


def _product_top(acc: Accumulator) -> float:
    """What |a b| and c may be where sums are cut: rounded products are not watched."""
    return _ROOM if acc.product is None else min(_ROOM, limit(acc.product, DOUBLE))


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
    form = Product.EXACT if acc.product is None else Product.ROUNDED
    kernel, shape = gemm_fast.tiled_kernel("general", bits, order, form), TILE32 if bits == 32 else TILE64
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
