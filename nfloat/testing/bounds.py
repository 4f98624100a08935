"""`assert_matmul`.

A product of matrices held against what its accumulator's roundings allow, not against a guessed tolerance.

A tolerance so derived is neither too loose to see a wrong rounding mode nor so tight that another order of summation
fails. The bound itself is `matmul_bound` of ``nfloat/linalg/bounds.py``, formulas and sources beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..formats.names import get_format
from ..kernels.gemm.orders import Order
from ..linalg.accumulators import Accumulator, AccumulatorLike, as_accumulator
from ..linalg.bounds import matmul_bound
from ..linalg.matmul import matmul
from ..linalg.operands import as_operand


def assert_matmul(
    actual: ArrayLike, a: ArrayLike, b: ArrayLike, accumulator: AccumulatorLike, c: ArrayLike | None = None
) -> None:
    """Fail unless `actual` is a @ b + c within what the accumulator's roundings allow (`matmul_bound`).

    Parameters
    ----------
    actual : array_like
        What another implementation computed.
    a, b, c : array_like
        The operands, just as that implementation was given them (already rounded to its input formats).
    accumulator : Accumulator or Format or str
        How it is meant to sum; for a matrix unit the result must be the model's, bit for bit.

    Raises
    ------
    AssertionError
        Naming the worst element, its error, the bound and the bound's formula. An element whose bound is infinite (it
        may overflow) is accepted.
    AccumulatorError, ShapeError, ArgumentError
        As in `nf.matmul`.

    Examples
    --------
    >>> import numpy as np
    >>> import nfloat as nf
    >>> a = nf.round(np.linspace(0, 1, 64).reshape(8, 8), "float16")
    >>> nf.testing.assert_matmul(nf.matmul(a, a, "float16"), a, a, "float16")
    """
    acc = as_accumulator(accumulator)
    got = np.asarray(as_operand(actual, "actual"), np.float64)
    if not isinstance(acc, Accumulator):
        np.testing.assert_array_equal(
            got, np.asarray(matmul(a, b, acc, c), np.float64), err_msg=f"not what {acc.name} computes"
        )
        return
    x, y = (np.asarray(as_operand(given, name), np.float64) for given, name in ((a, "a"), (b, "b")))
    exact = np.asarray(matmul(x, y, Accumulator(get_format("float64"), order=Order.EXACT), c))
    if got.shape != exact.shape:
        raise AssertionError(f"actual has shape {got.shape}, a @ b has {exact.shape}")
    bound = matmul_bound(x, y, acc, c)
    allowed = np.asarray(bound) + np.abs(exact) * 2.0**-52  # the reference itself is rounded once
    error = np.abs(got - exact)
    wrong = ~((error <= allowed) | np.isinf(allowed))
    if wrong.any():
        ratio = np.where(wrong, np.nan_to_num(error / np.maximum(allowed, 5e-324), nan=np.inf), 0.0)
        place = tuple(int(i) for i in np.unravel_index(int(np.argmax(ratio)), got.shape))
        raise AssertionError(
            f"{int(wrong.sum())} of {got.size} elements are beyond the bound of {acc!r}; worst at {place}: actual "
            f"{float(got[place])!r}, "
            f"exact {float(exact[place])!r}, |error| {error[place]:.3g} > {allowed[place]:.3g} = {bound.formula} "
            f"({bound.source})"
        )
