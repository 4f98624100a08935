"""Which tiled kernel may do a product: the conditions under which it gives the bits of the plain one.

The families and the proofs stand in ``kernels/gemm_lanes.py``. What is decided here, from the facts of the operands:
products are exact in a lane, sums cannot leave its range, results cannot overflow (else they are watched), c lies on the grid
where one hardware addition relies on it. Where no family fits, the plain kernel does the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..formats.format import Format
from ..formats.rounding import Rounding
from ..kernels import gemm_fast
from ..kernels.gemm_orders import Order as TileOrder, Product, kind
from ..kernels.gemm_tile import NATIVE32, TILE32, TILE64, Shape
from .accumulators import Accumulator, Order
from .facts import Facts
from .lane_constants import (
    EMIN,
    LEAST,
    PRECISION,
    has_code_grid,
    has_general_grid,
    has_narrow_grid,
    is_lane,
    is_native,
    limit,
)

_ORDERS = {Order.SEQUENTIAL: TileOrder.SEQUENTIAL, Order.BLOCKED: TileOrder.SEQUENTIAL, Order.KAHAN: TileOrder.KAHAN, Order.PAIRWISE: TileOrder.PAIRWISE}
#: sums of many products stay below 2^this in `General`'s lanes; a factor of 2^30 is left for their number
_ROOM = {32: 96, 64: 990}


@dataclass(frozen=True, slots=True)
class Route:
    """A kernel, its lanes and tile, the body's number, and whether its tiles may come back undone."""

    kernel: Any
    bits: int
    shape: Shape
    kind: int
    stochastic: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """A product to be done: the accumulator and what is known of its operands. `norms` gives a bound on sum |a_k b_k| when asked."""

    acc: Accumulator
    a: Facts
    b: Facts
    c: Facts
    k: int
    norms: Callable[[], float]

    def fits_lanes(self, bits: int) -> bool:
        """Whether the lanes can hold the operands."""
        top = 2.0**127 * (2 - 2.0**-23) if bits == 32 else 2.0**1023 * (2 - 2.0**-52)
        return all(f.fits(PRECISION[bits], LEAST[bits], top) for f in (self.a, self.b, self.c))

    def exact_products(self, bits: int) -> bool:
        """Whether every finite product is a number of the lane."""
        a, b = self.a, self.b
        return a.digits + b.digits <= PRECISION[bits] and a.quantum + b.quantum >= LEAST[bits] and a.top * b.top < 2.0 ** -EMIN[bits]

    @property
    def finite(self) -> bool:
        return self.a.finite and self.b.finite and self.c.finite

    @property
    def formats(self) -> tuple[Format, Format, Format]:
        """Of sum, product and promotion."""
        acc = self.acc
        return acc.format, acc.product or acc.format, acc.result_format

    def sums_within(self, bound: float) -> bool:
        """Whether |c| + sum |a_k b_k| <= bound."""
        room = bound - self.c.top
        return self.k * self.a.top * self.b.top <= room or (room > 0 and self.norms() <= room)


def routes(problem: Problem) -> Iterator[Route]:
    """The kernels that may do it, fastest first; a later one does what an earlier one leaves undone."""
    order = _ORDERS.get(problem.acc.order)
    if order is None:
        return
    for bits in (32, 64):
        if problem.fits_lanes(bits):
            for family in (_native, _narrow, _stochastic, _general):
                route = family(problem, order, bits)
                if route is not None:
                    yield route


def _product(problem: Problem, bits: int) -> Product | None:
    """How a lane forms the products of sums in its own format or in the narrow family; None: it cannot."""
    fmt, acc = problem.acc.product, problem.acc
    if fmt is None:
        return Product.EXACT
    if is_native(fmt, bits, acc.rounding, acc.overflow):
        return Product.EXACT if problem.exact_products(bits) else Product.NATIVE
    below = problem.a.top * problem.b.top <= limit(fmt, bits)
    return Product.ROUNDED if has_narrow_grid(fmt, bits) and problem.exact_products(bits) and below and problem.finite else None


def _promotes(problem: Problem, bits: int) -> bool:
    acc = problem.acc
    if acc.order is not Order.BLOCKED:
        return True
    fmt = acc.result_format
    return is_native(fmt, bits, acc.rounding, acc.overflow) or (has_narrow_grid(fmt, bits) and acc.rounding is Rounding.NEAREST_EVEN)


def _native(problem: Problem, order: TileOrder, bits: int) -> Route | None:
    acc = problem.acc
    if not is_native(acc.format, bits, acc.rounding, acc.overflow) or not _promotes(problem, bits):
        return None
    product = _product(problem, bits)
    if product is None or (product is Product.ROUNDED and problem.c.negative_zero):
        return None
    if product is Product.ROUNDED and bits == 64:
        return None
    if product is Product.EXACT and order is TileOrder.PAIRWISE and not problem.exact_products(bits):
        return None
    if bits == 32:
        return Route(gemm_fast.native32, 32, NATIVE32, kind(order, product))
    return Route(gemm_fast.native64, 64, TILE64, kind(order, product))


def _narrow(problem: Problem, order: TileOrder, bits: int) -> Route | None:
    acc = problem.acc
    fmt = acc.format
    if acc.rounding is not Rounding.NEAREST_EVEN or not has_narrow_grid(fmt, bits) or not _promotes(problem, bits):
        return None
    if not problem.exact_products(bits) or not problem.finite or problem.c.negative_zero:
        return None
    product = _product(problem, bits)
    if product is None or product is Product.NATIVE:
        return None
    if product is Product.ROUNDED and not (_grid_within(acc.product, fmt) and problem.c.on_grid_of(fmt)):
        return None
    if order is TileOrder.KAHAN and not problem.c.on_grid_of(fmt):
        return None
    # nearest rounding of s + t moves s on the grid by at most 2 |t|, and a product to at most twice itself
    bound = limit(fmt, bits) / 4
    watched = order is TileOrder.SEQUENTIAL and not problem.sums_within(bound)
    kernel, shape = (gemm_fast.narrow32, TILE32) if bits == 32 else (gemm_fast.narrow64, TILE64)
    return Route(kernel, bits, shape, kind(order, product, watched))


def _grid_within(inner: Format, outer: Format) -> bool:
    """Whether the numbers of one format are numbers of the other (but for the range above)."""
    return inner.precision <= outer.precision and inner.emin - inner.precision >= outer.emin - outer.precision


def _stochastic(problem: Problem, order: TileOrder, bits: int) -> Route | None:
    acc = problem.acc
    if bits != 32 or acc.rounding is not Rounding.STOCHASTIC or acc.order is not Order.SEQUENTIAL or not has_code_grid(acc.format):
        return None
    if not problem.finite or not problem.exact_products(32) or (acc.product is not None and not has_code_grid(acc.product)):
        return None
    # a rounding takes |x| to at most |x| (1 + 2^(1 - p)); scaled errors need 2^16 of room above that
    growth = (problem.k + 2) * 2.0 ** (1 - min(f.precision for f in problem.formats))
    if growth > 60 or not problem.sums_within(2.0 ** (96 - 1.5 * growth)):
        return None
    return Route(gemm_fast.stochastic32, 32, TILE32, kind(order, Product.EXACT if acc.product is None else Product.ROUNDED), stochastic=True)


def _general(problem: Problem, order: TileOrder, bits: int) -> Route | None:
    acc = problem.acc
    if acc.rounding.is_stochastic or not problem.exact_products(bits):
        return None
    lanes_do = [has_general_grid(f, bits) for f in problem.formats]
    lanes_do[2] = lanes_do[2] or is_native(acc.result_format, bits, acc.rounding, acc.overflow)
    room = 2.0 ** _ROOM[bits]
    if not all(lanes_do) or problem.a.top * problem.b.top > room or problem.c.top > room:
        return None
    if acc.product is not None and is_lane(acc.product, bits):
        return None
    product = Product.EXACT if acc.product is None else Product.ROUNDED
    kernel, shape = (gemm_fast.general32, TILE32) if bits == 32 else (gemm_fast.general64, TILE64)
    return Route(kernel, bits, shape, kind(order, product))
