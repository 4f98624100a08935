"""A kernel that may do a product, and what it asks of the operands: products that a lane holds, sums in its range.

Why each condition is enough stands where the arithmetic is (``kernels/gemm/roundings.py``, ``cut.py``, ``direct.py``);
which kernels an accumulator has, in ``route.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...formats.format import Format
from ...formats.lanes import LANES
from ...kernels.gemm.shapes import Shape
from .direct import DirectSums
from .facts import Facts

_INF = float("inf")
#: a bound below this is kept by no operands: products of float64 numbers below 2^-1022 may have been rounded to
#: anything smaller
_LEAST_ROOM = 2.0**-1021
#: the greatest number of a lane
_TOP = {16: 65504.0, 32: 2.0**128 - 2.0**104, 64: 2.0**1023 * (2 - 2.0**-52)}
#: bits of a lane -> its digits, the exponent of its least number, its greatest number, the first power beyond
_HELD = {bits: (lane.digits, lane.least, _TOP[bits], 2.0**-lane.emin) for bits, lane in LANES.items()}


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
    #: sums that the lane may round first: what must lie close together
    direct: DirectSums | None = None

    @property
    def name(self) -> str:
        """The kernel's."""
        return str(self.kernel.py_func.__name__)

    def may_lack_signs(self, p: Problem) -> bool:
        """Whether a sum that is zero may be one that should be -0."""
        return self.direct is not None and self.direct.may_lack_signs(*p[:3])

    def asks_tiles(self, p: Problem) -> bool:
        """Whether only tiles can tell if it is right."""
        return self.direct is not None and self.direct.asks_tiles(*p[:3])

    def kind_for(self, p: Problem) -> int:
        """The body to run, or -1."""
        a, b, c, _, _ = p
        if self.direct is not None and not self.direct.may(a, b, c):
            return -1
        digits, least, most, beyond = _HELD[self.bits]
        if a.digits > digits or b.digits > digits or c.digits > digits or a.top > most or b.top > most or c.top > most:
            return -1
        if a.quantum < least or b.quantum < least or c.quantum < least:
            return -1
        if self.exact and (a.digits + b.digits > digits or a.quantum + b.quantum < least or a.top * b.top >= beyond):
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
