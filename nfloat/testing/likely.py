"""How far a product is from the exact one, but for a stated chance, by the partial sums of the very data.

An addition is exact but for its rounding, so the error of a sum in any order is the sum of its roundings. Each of
these lies in an interval as long as the gap at the number that is rounded, and where their means are zero (stochastic
rounding: a theorem; to nearest: a model) Azuma's inequality bounds their sum by sqrt(ln(2 N / d) / 2 sum of gap^2),
with N partial sums and a chance d for all of them. The numbers that are rounded are the exact partial sums, as far off
as the bound itself says so far. This is sharper than a bound by sum |a_k b_k| (Higham and Mary) by about the square
root of the number of terms wherever signs vary.

Kahan's order, exact sums, and modes whose errors have a mean of their own are not bounded here.

Sources: Azuma, Tohoku Math. J. 19, 1967; Hoeffding, J. Am. Stat. Assoc. 58, 1963; Ipsen and Zhou, SIAM J. Matrix Anal.
Appl. 41, 2020; Hallman and Ipsen, Numer. Math. 155, 2023; Connolly, Higham and Mary, SIAM J. Sci. Comput. 43, 2021.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels.gemm.orders import Order
from ..linalg.accumulators import Accumulator
from ..linalg.bound_orders import Step, errs_at_random, step_of

Doubles = NDArray[np.float64]
#: numbers that are looked at together
_PIECE = 1 << 20


class Node(NamedTuple):
    """A partial sum: its exact value, the sum of squared gaps below it, and of what the mean may be off by."""

    value: Doubles
    squares: Doubles
    bias: Doubles


class Odds(NamedTuple):
    """Roundings of one kind, and the factor of the square root."""

    step: Step
    factor: float

    def rounded(self, node: Node) -> Node:
        """The node after one rounding; infinite where it may lie beyond the format."""
        reach = np.abs(node.value) + np.sqrt(self.factor * node.squares) + node.bias
        gap = (2 * self.step.u if self.step.bias == 0 else self.step.u) * np.maximum(reach, self.step.w)
        gap = np.where(reach > self.step.top, np.inf, gap)
        return Node(node.value, node.squares + gap * gap, node.bias + gap * (self.step.bias or 0.0))

    def added(self, x: Node, y: Node) -> Node:
        """x + y, rounded."""
        return self.rounded(Node(x.value + y.value, x.squares + y.squares, x.bias + y.bias))


def likely_error(x: Doubles, y: Doubles, acc: Accumulator, c: Doubles | None, chance: float) -> Doubles | None:
    """What |computed - exact| of each element exceeds with at most that chance; None where errors are not random.

    Parameters
    ----------
    x, y : ndarray, shapes (..., m, k) and (..., k, n), or (k,)
    c : ndarray, optional
        Broadcasts to the result's shape.
    chance : float
        Of one element.

    Examples
    --------
    >>> import nfloat as nf
    >>> signs = np.resize([1.0, -1.0], 256)
    >>> round(float(likely_error(signs, np.ones(256), nf.Accumulator("float16"), None, 1e-6)), 3)
    0.036
    """
    if not errs_at_random(acc) or step_of(acc.format, acc).bias is None:
        return None
    shape = np.shape(np.matmul(x, y))
    rows, columns = np.atleast_2d(x), y[:, None] if y.ndim == 1 else y
    stack = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    full = (*stack, rows.shape[-2], columns.shape[-1])
    start = np.zeros(full) if c is None else np.broadcast_to(c, shape).reshape(full)
    left, right = (np.broadcast_to(z, (*stack, *z.shape[-2:])) for z in (rows, columns))
    out = np.zeros(full)
    some = max(1, _PIECE // max(1, columns.shape[-1] * rows.shape[-1]))
    factor = math.log(2 * (2 * rows.shape[-1] + 2) / chance) / 2
    for place in np.ndindex(*stack):
        for i in range(0, full[-2], some):
            piece = slice(i, i + some)
            out[(*place, piece)] = _of_matrices(left[place][piece], right[place], start[(*place, piece)], acc, factor)
    return out.reshape(shape)


def _of_matrices(x: Doubles, y: Doubles, c: Doubles, acc: Accumulator, factor: float) -> Doubles:
    with np.errstate(over="ignore", invalid="ignore"):
        terms = [_node(np.multiply.outer(x[:, k], y[k])) for k in range(x.shape[1])]
        if acc.product is not None:
            of_products = Odds(step_of(acc.product, acc), factor)
            terms = [of_products.rounded(term) for term in terms]
        node = _sum(terms, _node(c), acc, Odds(step_of(acc.format, acc), factor), factor)
        error = (np.sqrt(factor * node.squares) + node.bias) * (1 + (x.shape[1] + 64) * 2.0**-52)
    return np.where(np.isnan(error), np.inf, error)


def _node(value: Doubles) -> Node:
    nothing = np.zeros_like(value)
    return Node(value, nothing, nothing)


def _sum(terms: list[Node], c: Node, acc: Accumulator, odds: Odds, factor: float) -> Node:
    """The terms in the accumulator's order."""
    zero = _node(np.zeros_like(c.value))
    if not terms:
        return odds.rounded(c)
    if acc.order is Order.SEQUENTIAL:
        return _in_turn(terms, c, odds)
    if acc.order is Order.BLOCKED:
        size = acc.terms
        blocks = [_in_turn(terms[i : i + size], zero, odds) for i in range(0, len(terms), size)]
        return _in_turn(blocks, c, Odds(step_of(acc.result_format, acc), factor))
    if acc.order is Order.INTERLEAVED:
        terms = [_in_turn(terms[lane :: acc.terms], zero, odds) for lane in range(min(acc.terms, len(terms)))]
    while len(terms) > 1:
        pairs = [odds.added(x, y) for x, y in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
    return odds.added(terms[0], c)


def _in_turn(terms: list[Node], start: Node, odds: Odds) -> Node:
    for term in terms:
        start = odds.added(start, term)
    return start
