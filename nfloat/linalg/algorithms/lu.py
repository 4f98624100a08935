"""`lu`, `solve`, `inv`, `det`: Gaussian elimination with partial pivoting, every operation rounded.

Outer products (Golub and Van Loan, Matrix Computations, 4th ed., algorithm 3.4.1; LAPACK's getf2): in step k the
element of greatest magnitude in column k (the first of several) comes into row k, then l_ik = R(a_ik / a_kk) and a_ij =
R(a_ij - R(l_ik a_kj)) for all i, j > k. Any order of the loops gives the same bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import as_truth
from ...formats.names import FormatLike
from ...formats.rounding import OverflowLike, RoundingLike
from ...streams import SeedLike
from .calculation import Calculation, Floats, begin, check_matrix, check_right_side
from .refinement import refined
from .triangular import check_diagonal, solve_lower, solve_upper


class Factors(NamedTuple):
    """L and U in one matrix (the diagonal is U's), the row of `a` in each of its rows, and the permutation's sign."""

    packed: Floats
    rows: NDArray[np.intp]
    sign: int


def factorise(c: Calculation, a: Floats) -> Factors:
    """The factors of a matrix (m, n). A column without a pivot is passed over: what is below it is 0 already."""
    a, rows, sign = a.copy(), np.arange(a.shape[0]), 1
    for k in range(min(a.shape)):
        pivot = k + int(np.argmax(np.abs(a[k:, k])))
        if pivot != k:
            a[[k, pivot]], rows[[k, pivot]], sign = a[[pivot, k]], rows[[pivot, k]], -sign
        if k + 1 == a.shape[0] or a[k, k] == 0.0:
            continue
        a[k + 1 :, k] = c.divide(a[k + 1 :, k], a[k, k])
        if k + 1 < a.shape[1]:
            a[k + 1 :, k + 1 :] = c.minus_products(a[k + 1 :, k + 1 :], a[k + 1 :, k], a[k, k + 1 :])
    return Factors(a, rows, sign)


def substitute(c: Calculation, factors: Factors, b: Floats) -> Floats:
    """x with a x = b, from a's factors; b has shape (n, k)."""
    check_diagonal("solve", factors.packed)
    return solve_upper(c, factors.packed, solve_lower(c, factors.packed, b[factors.rows], unit=True))


def lu(
    a: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    p_indices: bool = False,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> tuple[Any, Any, Any]:
    """Permutation, unit lower and upper triangular factor: LU with partial pivoting, every operation rounded.

    Parameters
    ----------
    a : array_like or FloatArray, shape (m, n)
        A FloatArray says how operations are rounded; other arrays go with `fmt` and are rounded to it first, to
        nearest-even.
    fmt, rounding, overflow, random_bits, seed
        As in `nf.round`.
    p_indices : bool
        Give the permutation as indices, ``a = L[p] U``, as scipy.linalg.lu does.

    Returns
    -------
    p : shape (m, m), or indices of shape (m,)
    l : shape (m, min(m, n))
    u : shape (min(m, n), n)
        With ``p @ l @ u`` near a. FloatArrays if `a` is one.

    Raises
    ------
    FormatError, RoundingError, SeedError, ArgumentError, ShapeError
        Each names the argument.

    Notes
    -----
    The algorithm is spelled out at the head of the module. NaN counts as the greatest magnitude, as in np.argmax.

    Examples
    --------
    >>> import nfloat as nf
    >>> p, l, u = nf.linalg.lu([[1.0, 2.0], [3.0, 4.0]], "float16")
    >>> l.tolist(), u.tolist()
    ([[1.0, 0.0], [0.333251953125, 1.0]], [[3.0, 4.0], [0.0, 0.6669921875]])
    """
    c = begin("lu", (("a", a),), fmt, rounding, overflow, random_bits, seed)
    (m,) = c.values
    by_indices = as_truth(p_indices, "p_indices")
    check_matrix("lu", "a", m)
    packed, rows, _ = factorise(c, m)
    size = min(m.shape)
    lower = np.tril(packed[:, :size], -1) + c.unit_matrix(m.shape[0])[:, :size]
    places = np.argsort(rows)
    p = places if by_indices else c.result(c.unit_matrix(m.shape[0])[places])
    return p, c.result(lower), c.result(np.triu(packed[:size]))


def solve(
    a: ArrayLike,
    b: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    refinements: int = 0,
    factor: FormatLike | None = None,
    residual: FormatLike | None = None,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Any:
    """x with a x = b: LU with partial pivoting, two substitutions, iterative refinement; every operation rounded.

    Parameters
    ----------
    a : array_like or FloatArray, shape (n, n)
    b : array_like or FloatArray, shape (n,) or (n, k)
    fmt, rounding, overflow, random_bits, seed
        As in `lu`.
    refinements : int
        Steps of iterative refinement: r = b - a x, d from a d = r by the same factors, x = R(x + d)
        (``refinement.py``).
    factor : Format or str, optional
        The format of the factors and both substitutions, a rounded to it; None: the same.
    residual : Format or str, optional
        The format in which r is computed, rounded once more to `fmt`; None: the same. Three precisions as in Carson and
        Higham, SIAM J. Sci. Comput. 40, 2018.

    Returns
    -------
    ndarray or FloatArray, shape of b

    Raises
    ------
    ArgumentError
        If a pivot is 0.
    FormatError, RoundingError, SeedError, ShapeError
        Each names the argument.

    Examples
    --------
    >>> import nfloat as nf
    >>> a, b = [[4.0, 1.0], [1.0, 3.0]], [1.0, 2.0]
    >>> nf.linalg.solve(a, b, "float16")
    array([0.09094238, 0.63623047])
    >>> nf.linalg.solve(a, b, "float32", factor="float16", residual="float64", refinements=3)
    array([0.09090909, 0.63636363])
    """
    c = begin("solve", (("a", a), ("b", b)), fmt, rounding, overflow, random_bits, seed)
    m, right = c.values
    check_matrix("solve", "a", m, square=True)
    check_right_side("solve", m, right)
    x = refined(c, m, right.reshape(m.shape[0], -1), factorise, substitute, factor, residual, refinements)
    return c.result(x.reshape(right.shape))


def inv(
    a: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Any:
    """The inverse: LU with partial pivoting, and `solve` for each column of the unit matrix. Arguments as of `lu`.

    Raises
    ------
    ArgumentError
        If a pivot is 0.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.linalg.inv([[4.0, 1.0], [1.0, 3.0]], "float8_e4m3fn").tolist()
    [[0.28125, -0.09375], [-0.09375, 0.375]]
    """
    c = begin("inv", (("a", a),), fmt, rounding, overflow, random_bits, seed)
    (m,) = c.values
    check_matrix("inv", "a", m, square=True)
    return c.result(substitute(c, factorise(c, m), c.unit_matrix(m.shape[0])))


def det(
    a: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Any:
    """The determinant: LU with partial pivoting, the pivots multiplied in turn, and the permutation's sign.

    Arguments as of `lu`.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.linalg.det([[4.0, 1.0], [1.0, 3.0]], "float8_e4m3fn")
    np.float64(11.0)
    """
    c = begin("det", (("a", a),), fmt, rounding, overflow, random_bits, seed)
    (m,) = c.values
    check_matrix("det", "a", m, square=True)
    packed, _, sign = factorise(c, m)
    found = c.round(1.0)
    for k, pivot in enumerate(np.diagonal(packed)):
        found = c.multiply(found, pivot) if k else pivot
    return c.result(found if sign > 0 else -found)
