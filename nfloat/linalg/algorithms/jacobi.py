"""`eigh`: eigenvalues and eigenvectors of a symmetric matrix by Jacobi's rotations, every operation rounded.

A sweep rotates every pair (p, q) once. The pairs come in the n - 1 rounds of a round-robin tournament (Brent and Luk,
SIAM J. Sci. Stat. Comput. 6, 1985; Golub and Van Loan, 4th ed., section 8.5.4): those of a round are disjoint and
rotated together. A pair's rotation (section 8.5.2) is, each operation rounded: h = (a_qq - a_pp) / (a_pq + a_pq), t =
1 / (|h| + sqrt(1 + h h)) with h's sign, c = 1 / sqrt(1 + t t), s = t c; where a_pq is 0, c = 1 and s = 0. Then of every
pair's columns the p-th becomes R(R(c x_p) - R(s x_q)) and the q-th R(R(s x_p) + R(c x_q)), likewise the rows (of a
alone), and a_pp = R(a_pp - R(t a_pq)), a_qq = R(a_qq + R(t a_pq)), a_pq = 0 with the elements of before. The upper
triangle is copied to the lower one after each round.

It ends after the first sweep that does not lessen the sum of the squares above the diagonal (in float64, the sum
exact), whose result is dropped, or where that is 0.
"""

from __future__ import annotations

from math import fsum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...formats.names import FormatLike
from ...formats.rounding import OverflowLike, RoundingLike
from ...streams import SeedLike
from .calculation import Calculation, Floats, begin, check_matrix

Places = NDArray[np.intp]


class Eigh(NamedTuple):
    """As np.linalg.eigh's: eigenvalues ascending, eigenvectors in the columns."""

    eigenvalues: Any
    eigenvectors: Any


def eigh(
    a: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Eigh:
    """Eigenvalues, ascending, and eigenvectors of a symmetric matrix: Jacobi's method in round-robin order.

    Arguments as of `lu`; of a the lower triangle is read, as np.linalg.eigh does. The algorithm is spelled out at the
    head of the module.

    Raises
    ------
    FormatError, RoundingError, SeedError, ArgumentError, ShapeError
        Each names the argument.

    Examples
    --------
    >>> import nfloat as nf
    >>> w, v = nf.linalg.eigh([[2.0, 1.0], [1.0, 2.0]], "float16")
    >>> w.tolist(), v.tolist()
    ([1.0, 3.0], [[0.70703125, 0.70703125], [-0.70703125, 0.70703125]])
    """
    c = begin("eigh", (("a", a),), fmt, rounding, overflow, random_bits, seed)
    (m,) = c.values
    check_matrix("eigh", "a", m, square=True)
    m, v = _mirrored(m.T), c.unit_matrix(m.shape[0])
    left = _beside_the_diagonal(m)
    while left > 0.0:
        last = m, v
        for p, q in rounds(m.shape[0]):
            m, v = _rotated(c, m, v, p, q)
        before, left = left, _beside_the_diagonal(m)
        if not left < before:
            m, v = last
            break
    w = np.diagonal(m)
    order = np.argsort(w, kind="stable")
    return Eigh(c.result(w[order]), c.result(v[:, order]))


def rounds(n: int) -> list[tuple[Places, Places]]:
    """The pairs p < q of each round: players 0..n-1 (and a pause where n is odd), the first keeping its seat.

    Examples
    --------
    >>> [list(zip(p.tolist(), q.tolist())) for p, q in rounds(4)]
    [[(0, 3), (1, 2)], [(0, 2), (1, 3)], [(0, 1), (2, 3)]]
    """
    seats = list(range(n + n % 2))
    found = []
    for _ in range(len(seats) - 1):
        half = len(seats) // 2
        pairs = zip(seats[:half], reversed(seats[half:]), strict=True)
        met = sorted((min(pair), max(pair)) for pair in pairs if max(pair) < n)
        found.append((np.array([p for p, _ in met], np.intp), np.array([q for _, q in met], np.intp)))
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return found


def _rotated(c: Calculation, a: Floats, v: Floats, p: Places, q: Places) -> tuple[Floats, Floats]:
    """(a, v) after the rotations of one round."""
    app, aqq, apq = a[p, p], a[q, q], a[p, q]
    tangent, cosine, sine = _rotation(c, app, aqq, apq)
    a, v = _columns(c, a, p, q, cosine, sine), _columns(c, v, p, q, cosine, sine)
    a = _columns(c, a.T, p, q, cosine, sine).T
    step = c.multiply(tangent, apq)
    a[p, p], a[q, q], a[p, q] = c.subtract(app, step), c.add(aqq, step), 0.0
    return _mirrored(a), v


def _rotation(c: Calculation, app: Floats, aqq: Floats, apq: Floats) -> tuple[Floats, Floats, Floats]:
    """(t, c, s) of each pair."""
    idle = apq == 0.0
    one = c.round(1.0)
    h = c.divide(c.subtract(aqq, app), c.add(apq, apq))
    root = c.sqrt(c.add(one, c.multiply(h, h)))
    t = np.copysign(c.divide(one, c.add(np.abs(h), root)), h)
    t = np.where(idle, np.zeros_like(t), t)
    cosine = c.divide(one, c.sqrt(c.add(one, c.multiply(t, t))))
    return t, cosine, c.multiply(t, cosine)


def _columns(c: Calculation, a: Floats, p: Places, q: Places, cosine: Floats, sine: Floats) -> Floats:
    x, y = a[:, p], a[:, q]
    a = a.copy()
    a[:, p] = c.subtract(c.multiply(cosine, x), c.multiply(sine, y))
    a[:, q] = c.add(c.multiply(sine, x), c.multiply(cosine, y))
    return a


def _mirrored(a: Floats) -> Floats:
    """The symmetric matrix of the upper triangle."""
    return np.triu(a) + np.triu(a, 1).T


def _beside_the_diagonal(a: Floats) -> float:
    """The sum of the squares above the diagonal; 0 where it is not finite, so that nothing goes on."""
    above = a[np.triu_indices(a.shape[0], 1)].astype(np.float64)
    with np.errstate(over="ignore"):
        squares = above * above
    return fsum(squares.tolist()) if np.isfinite(squares).all() else 0.0
