"""`matmul_bound`: what |computed - exact| of a product cannot exceed, or not but for a stated chance, by element.

A priori: from the operands and the accumulator alone. The formulas of the orders and their proofs stand in
``bound_orders.py``, assertions that use them in ``nfloat.testing``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import AccumulatorError, ArgumentError
from .accumulators import Accumulator, AccumulatorLike, as_accumulator
from .bound_orders import SOURCE_AT_RANDOM, SOURCES, Floats, Terms, power_of_two, step_of, sum_bound
from .matmul import matmul
from .operands import as_operand


@dataclass(frozen=True, eq=False)
class Bound:
    """A bound on |error|, element by element; np.asarray gives the numbers.

    Attributes
    ----------
    values : ndarray, shape (..., m, n)
        Infinite where nothing can be said: an operand is not finite, or an overflow cannot be excluded.
    formula : str
        How it was derived, with its constants.
    source : str
        Who proved it.
    """

    values: Floats
    formula: str
    source: str

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype) if copy or dtype is not None else self.values


def matmul_bound(
    a: ArrayLike, b: ArrayLike, acc: AccumulatorLike, c: ArrayLike | None = None, *, failure: float | None = None
) -> Bound:
    """A bound on |nf.matmul(a, b, acc, c) - (c + a b)| for each element.

    Parameters
    ----------
    a : array_like, shape (..., m, k)
    b : array_like, shape (..., k, n)
        As in `nf.matmul`; the bound is about these very numbers, so round them first where the product is formed with
        `inputs=`.
    acc : Accumulator or Format or str
        As in `nf.matmul`, matrix units apart.
    c : array_like, optional
        What the sums start with.
    failure : float, optional
        None: a bound that always holds. Else one that holds for an element with probability 1 - `failure`, if rounding
        errors are random: proven for stochastic rounding, a model for nearest.

    Returns
    -------
    Bound
        ``.values`` (float64), ``.formula``, ``.source``.

    Raises
    ------
    AccumulatorError
        If `acc` is a matrix unit: its model is exact to the bit, and results are compared bit by bit.
    ArgumentError
        If `failure` is not between 0 and 1.
    ShapeError
        If shapes do not fit.

    Notes
    -----
    Infinite where an overflow cannot be excluded: of a partial sum it is only known that its magnitude is at most
    T = |c| + sum |a_k b_k| plus its error. So it is for formats without negative numbers or without zero.

    Examples
    --------
    >>> import numpy as np
    >>> from nfloat.linalg.bounds import matmul_bound
    >>> bound = matmul_bound(np.ones((1, 64)), np.ones((64, 1)), "float16")
    >>> round(float(bound.values[0, 0]), 4), bound.formula
    (2.0, 'min(n u (T + w), T + u w), n = 64, u = 2^-11, w = 2^-14')
    """
    how = as_accumulator(acc)
    if not isinstance(how, Accumulator):
        raise AccumulatorError(
            f"acc={how!s} is a matrix unit and has no bound: its model is exact, so compare bits with nf.matmul"
        )
    if failure is not None and not 0.0 < failure < 1.0:
        raise ArgumentError(f"failure={failure!r} must lie between 0 and 1, or be None for a bound that always holds")
    operands = _Operands.of(a, b, c)
    with np.errstate(invalid="ignore", over="ignore"):
        values, formula = _bound(how, operands, failure)
        values = values * (1 + (operands.terms.k + 64) * 2.0**-52)  # what float64 lost in evaluating it
    values = np.where(np.isnan(values), np.inf, values)
    return Bound(values, formula, SOURCES[how.order] if failure is None else SOURCE_AT_RANDOM)


class _Operands(NamedTuple):
    """What the bounds need of a, b and c: the magnitudes of the terms, and the largest of a single product."""

    terms: Terms
    product: float

    @classmethod
    def of(cls, a: ArrayLike, b: ArrayLike, c: ArrayLike | None) -> _Operands:
        x, y = (np.asarray(as_operand(v, name), np.float64) for v, name in ((a, "a"), (b, "b")))
        start = None if c is None else np.asarray(as_operand(c, "c"), np.float64)
        k = x.shape[-1] if x.ndim else 0
        with np.errstate(invalid="ignore", over="ignore"):
            # float64 loses at most k 2^-52 of the sum, and products below its range
            s = np.asarray(matmul(np.abs(x), np.abs(y), "float64")) * (1 + k * 2.0**-52) + k * 2.0**-1022
            t = s if start is None else s + np.abs(start)
            exact = np.abs(np.asarray(matmul(x, y, "float64", start))) + (k + 1) * 2.0**-52 * t
            product = float(np.max(np.abs(x), initial=0.0)) * float(np.max(np.abs(y), initial=0.0))
        # a product of no terms is still one rounding, of c
        return cls(Terms(s, t, exact, max(k, 1), start is not None and bool(np.any(start))), product)


def _bound(acc: Accumulator, x: _Operands, failure: float | None) -> tuple[Floats, str]:
    """The products' errors, then the sums'."""
    terms = x.terms
    deviations = None if failure is None else math.sqrt(2 * math.log(4 * (terms.k + 1) / failure))
    if acc.product is None:
        return sum_bound(acc, terms, deviations)
    step = step_of(acc.product, acc)
    lost = step.u * terms.s + terms.k * step.u * step.w
    lost = np.where(np.minimum(terms.s, x.product) > step.top, np.inf, lost)
    rounded = terms._replace(s=terms.s + lost, t=terms.t + lost, exact=terms.exact + lost)
    error, formula = sum_bound(acc, rounded, deviations)
    of_products = f"e = u' S + k u' w', u' = {power_of_two(step.u)}, w' = {power_of_two(step.w)} (products)"
    return error + lost, f"{of_products}; plus, with T + e for T, {formula}"
