"""`qr` and `lstsq`: Householder's reflections, every operation rounded.

Trefethen and Bau, Numerical Linear Algebra, algorithms 10.1 and 10.3. For column k, x = a[k:, k]: n = R(sqrt(x . x)),
v = x with v_0 = R(x_0 + n) (x_0 negative: R(x_0 - n)), v = R(v / R(sqrt(v . v))), and a[k:, k:] less R(v_i w_j), each
difference rounded, where w_j = R(2 (v . a[k:, j])). Inner products are s = R(s + R(x_i y_i)) from 0, i ascending. What
is below the diagonal counts as 0. Q is the unit matrix reflected likewise, the last reflection first. A column of zeros
is left as it is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ShapeError
from ...formats.names import FormatLike
from ...formats.rounding import OverflowLike, RoundingLike
from ...streams import SeedLike
from .calculation import Calculation, Floats, begin, check_matrix, check_right_side
from .triangular import check_diagonal, solve_upper


class LeastSquares(NamedTuple):
    """As np.linalg.lstsq's: x, the sums of squared residuals (empty unless m > n), the rank, and no singular values."""

    x: Any
    residuals: Any
    rank: int
    s: None


def reflect(c: Calculation, v: Floats, a: Floats) -> Floats:
    """a - 2 v (v . a)."""
    w = c.product(v, a)
    return c.minus_products(a, v, c.add(w, w))


def triangularise(c: Calculation, a: Floats) -> tuple[Floats, list[Floats | None]]:
    """R (m, n) and the reflections, None for a column that needs none."""
    a, reflections = a.copy(), []
    for k in range(min(a.shape[0] - 1, a.shape[1])):
        v = _reflection(c, a[k:, k])
        reflections.append(v)
        if v is not None:
            a[k:, k:] = reflect(c, v, a[k:, k:])
    return np.triu(a), reflections


def _reflection(c: Calculation, x: Floats) -> Floats | None:
    if not x.any():
        return None
    v, length = x.copy(), c.sqrt(c.sum_of_squares(x))
    v[0] = c.subtract(x[0], length) if x[0] < 0 else c.add(x[0], length)
    return np.asarray(c.divide(v, c.sqrt(c.sum_of_squares(v))))


def qr(
    a: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> tuple[Any, Any]:
    """q (m, min(m, n)) of orthonormal columns and upper triangular r, q r near a: Householder QR. Arguments as of `lu`.

    The algorithm is spelled out at the head of the module.

    Raises
    ------
    FormatError, RoundingError, SeedError, ArgumentError, ShapeError
        Each names the argument.

    Examples
    --------
    >>> import nfloat as nf
    >>> q, r = nf.linalg.qr([[3.0, 1.0], [4.0, 2.0]], "float16")
    >>> r.tolist()
    [[-5.0, -2.201171875], [0.0, 0.3994140625]]
    """
    c = begin("qr", (("a", a),), fmt, rounding, overflow, random_bits, seed)
    (m,) = c.values
    check_matrix("qr", "a", m)
    r, reflections = triangularise(c, m)
    size = min(m.shape)
    q = c.unit_matrix(m.shape[0])[:, :size].copy()
    for k in range(len(reflections) - 1, -1, -1):
        if (v := reflections[k]) is not None:
            q[k:] = reflect(c, v, q[k:])
    return c.result(q), c.result(r[:size])


def lstsq(
    a: ArrayLike,
    b: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> LeastSquares:
    """x with the least |a x - b|, for m >= n and full rank: Householder QR on a and b, substitution upwards.

    Parameters
    ----------
    a : array_like or FloatArray, shape (m, n)
    b : array_like or FloatArray, shape (m,) or (m, k)
    fmt, rounding, overflow, random_bits, seed
        As in `lu`.

    Returns
    -------
    LeastSquares
        (x, residuals, rank, s), as np.linalg.lstsq has them; s is None. The residuals are the sums of squares of what
        the reflections leave of b below row n.

    Raises
    ------
    ShapeError
        If m < n or b does not fit.
    ArgumentError
        If an element of r's diagonal is 0.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.linalg.lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 2.0, 2.0], "bfloat16").x
    array([1.171875, 0.5     ])
    """
    c = begin("lstsq", (("a", a), ("b", b)), fmt, rounding, overflow, random_bits, seed)
    m, right = c.values
    check_matrix("lstsq", "a", m)
    check_right_side("lstsq", m, right)
    rows, columns = m.shape
    if rows < columns:
        raise ShapeError(f"lstsq: a {m.shape} has fewer rows than columns, so that x is not determined; transpose it")
    r, reflections = triangularise(c, m)
    check_diagonal("lstsq", r)
    y = right.reshape(rows, -1).copy()
    for k, v in enumerate(reflections):
        if v is not None:
            y[k:] = reflect(c, v, y[k:])
    x = solve_upper(c, r[:columns], y[:columns])
    left = [c.sum_of_squares(column) for column in y[columns:].T] if rows > columns else []
    shape = right.shape[1:]
    return LeastSquares(c.result(x.reshape((columns, *shape))), c.result(np.array(left, c.dtype)), columns, None)
