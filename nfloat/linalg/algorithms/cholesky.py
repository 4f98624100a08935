"""`cholesky`: the lower triangular factor of a symmetric positive definite matrix, every operation rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ArgumentError
from ...formats.names import FormatLike
from ...formats.rounding import OverflowLike, RoundingLike
from ...streams import SeedLike
from .calculation import begin, check_matrix


def cholesky(
    a: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Any:
    """l with l l^T near a: Cholesky's algorithm in outer products. Arguments as of `lu`; a's upper part is not read.

    l_kk = R(sqrt(a_kk)), l_ik = R(a_ik / l_kk), a_ij = R(a_ij - R(l_ik l_jk)) for all i >= j > k (Golub and Van Loan,
    4th ed., algorithm 4.2.2).

    Raises
    ------
    ArgumentError
        If a pivot is not positive: a is not positive definite, or not in this arithmetic.
    FormatError, RoundingError, SeedError, ShapeError
        Each names the argument.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.linalg.cholesky([[4.0, 1.0], [1.0, 3.0]], "float16").tolist()
    [[2.0, 0.0], [0.5, 1.658203125]]
    """
    c = begin("cholesky", (("a", a),), fmt, rounding, overflow, random_bits, seed)
    (m,) = c.values
    check_matrix("cholesky", "a", m, square=True)
    m = np.tril(m)
    for k in range(m.shape[0]):
        if not m[k, k] > 0.0:
            raise ArgumentError(f"cholesky: a is not positive definite in this arithmetic: pivot {k} is {m[k, k]}")
        m[k, k] = c.sqrt(m[k, k])
        if k + 1 < m.shape[0]:
            m[k + 1 :, k] = c.divide(m[k + 1 :, k], m[k, k])
            m[k + 1 :, k + 1 :] = np.tril(c.minus_products(m[k + 1 :, k + 1 :], m[k + 1 :, k], m[k + 1 :, k]))
    return c.result(m)
