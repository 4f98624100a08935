"""Fused sums in float64 lanes for operands whose exponents span little: one hardware operation, then the rounding.

Let every product of a tile be a multiple of 2^q (and c): then all sums are, however they are rounded, since a rounding goes to a
coarser power of two or changes nothing.

*Nearest-even, for p <= 17 and products below 2^(q + 53).* The hardware rounds x = s + a b to h, 53 bits. R(h) is R(x) unless h is a
midpoint m of the p-bit grid and x = m + d, 0 < |d| <= 2^(e - 53), 2^e <= |m|. One of s and a b then has bits below 2^(e - 52). If a b
has, it is less than 2^(e - 53 + 2p), so that s, a p-bit number and thus not m, lies nearer to m than the 2^(e - p) at least by which
p-bit numbers miss it: impossible for 3p < 53. If s has, |s| < 2^(e - 53 + p), and a b of at most 2p bits, if it is not m, misses it
by at least 2^(e - 2p), again too much (with w bits in products, 2p is w here: w + p <= 52). So a b = m, s = d, and 0 < |s| <= 2^-53 |a b| < 2^q: not a multiple of 2^q. The sums and
differences of Kahan's order have p-bit terms, for which 2p < 53 is enough (``gemm_lanes.py``).

*Kahan's sums need no watching* if |c| + sum |a b| = S is a quarter of the format's largest number at most, p >= 5 and k u^2 <= 0.08 for
u = 2^-p. Write t = s + y + d1, d = (t - s)(1 + d2), e = (d - y)(1 + d3), y = (a b - e)(1 + d4), each |di| <= u (|d1| <= u |t|), and M
for the greatest |s|. Then |e| <= 1.3 u M + 1.3 u |a b|, each step adds a b to s - e but for 2 u |e| + u |a b| + u |y| + 2.2 u^2 M at most,
so M <= S (1 + 8 u) + 5 k u^2 M + 1.3 u M <= 2.3 S, and y, d and e are smaller still.

Where moreover q is at least the exponent of the format's least number, results below the least normal number need no rounding: their
binade's finer grid holds them (`Fine`); nor can a zero be -0.
"""

from __future__ import annotations

import numpy as np

from .gemm_fast import begin, end, tile_signature
from .gemm_lanes import Constants, Narrow
from .gemm_orders import Order, kahan, sequential
from .gemm_tile import TILE64, Body, tile_intrinsic
from .jit import kernel
from .vector import Grid, Lanes, Value, nearest_even_narrow


class Short(Narrow):
    """Nearest-even of one hardware sum."""

    watched, light = False, True

    def fma(self, a: Value, b: Value, s: Value) -> Value:
        return nearest_even_narrow(self.v, self.v.call("fma", a, b, s), self._signed)


class Fine(Short):
    """`Short` without the grid's lower end."""

    def __init__(self, v: Lanes, constants: Constants) -> None:
        super().__init__(v, constants)
        g = self._unsigned
        self._signed = self._unsigned = Grid(None, g.offset, g.unit_offset, g.drop, g.sign)


def short_kind(order: Order, fine: bool, watched: bool = False) -> int:
    """The number of a body of `short64`."""
    return 4 * order + 2 * fine + watched


def _bodies() -> dict[int, Body]:
    """The bodies of `short64`."""
    table: dict[int, Body] = {}
    for total in (Short, Fine):
        table |= {short_kind(Order.SEQUENTIAL, total is Fine, w): sequential(total, None, w) for w in (False, True)}
        table[short_kind(Order.KAHAN, total is Fine)] = kahan(total)
    return table


_short64 = tile_intrinsic(64, TILE64, _bodies())
_R, _W = TILE64.rows, TILE64.width


@kernel(tile_signature("float64"))
def short64(a, b, out, first, last, plan, constants, status, row_words, column_words):  # noqa: ANN001, ANN201
    """Nearest-even, in tiles that are not marked beforehand."""
    scratch, k = np.empty(2 * _R * _W, np.float64), plan[1]
    for panel in range(status.shape[1]):
        for tile in range(first, last):
            if begin(out, scratch, tile, panel, plan, status, _R, _W):
                at_a, at_b = (tile - first) * k * _R, panel * k * _W
                over = _short64(plan[0], a, at_a, b, at_b, scratch, row_words, column_words, constants, k, plan[2])
                end(out, scratch, tile, panel, over, status, _R, _W)
