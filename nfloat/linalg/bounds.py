"""`matmul_bound`: what |computed - exact| of a product cannot exceed, element by element, for every accumulator.

A priori: from the operands and the accumulator alone. The formulas of the orders and their proofs stand in
``bound_orders.py``, the assertion that uses them in ``nfloat.testing``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import AccumulatorError, ArgumentError, as_number
from ..ops.functions import log
from ..ops.memory import check_size
from .accumulators import Accumulator, AccumulatorLike, as_accumulator
from .bound_orders import SOURCE_AT_RANDOM, SOURCES, Floats, Terms, errs_at_random, power_of_two, step_of, sum_bound
from .matmul import matmul
from .operands import as_operand


class MatmulBound(np.ndarray):
    """A bound on |computed - exact|, element by element; inf where an overflow cannot be excluded.

    Attributes
    ----------
    formula, source : str
        How it was derived, with its constants, and who proved it.
    probable : ndarray or None
        The probabilistic companion, nowhere greater, which each element keeps with probability `confidence`: proven for
        stochastic rounding, a model for nearest (it fails where sums stagnate). None where errors are not random.
    confidence : float
        Of `probable`, for one element.
    probable_formula, probable_source : str
        The same for the companion.
    """

    formula: str
    source: str
    probable: Floats | None
    confidence: float
    probable_formula: str
    probable_source: str

    def __array_finalize__(self, parent: Any) -> None:
        for name in ("formula", "source", "probable_formula", "probable_source"):
            setattr(self, name, getattr(parent, name, ""))
        self.probable, self.confidence = getattr(parent, "probable", None), getattr(parent, "confidence", math.nan)


def matmul_bound(
    a: ArrayLike,
    b: ArrayLike,
    accumulator: AccumulatorLike,
    c: ArrayLike | None = None,
    *,
    confidence: float = 0.999,
) -> MatmulBound:
    """How far ``nf.matmul(a, b, accumulator, c)`` may be from the exact a @ b + c.

    Parameters
    ----------
    a : array_like, shape (..., m, k)
    b : array_like, shape (..., k, n)
        As in `nf.matmul`; the bound is about these very numbers, so round them first where the product is formed with
        `inputs=`.
    accumulator : Accumulator or Format or str
        Not a matrix unit: those are bit-exact models, so compare with ``nf.matmul(a, b, unit)`` itself.
    c : array_like, optional
        What the sums start with.
    confidence : float
        Probability with which one element keeps the probabilistic companion.

    Returns
    -------
    MatmulBound, shape (..., m, n)
        An array of bounds, with `formula`, `source` and the probabilistic companion `probable` beside it.

    Raises
    ------
    AccumulatorError
        If `accumulator` is a matrix unit or no accumulator.
    ArgumentError
        If an operand is not finite, or `confidence` is not in (0, 1).
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
    >>> round(float(bound[0, 0]), 4), bound.formula
    (2.0, 'min(n u (T + w), T + u w), n = 64, u = 2^-11, w = 2^-14')
    """
    acc = as_accumulator(accumulator)
    if not isinstance(acc, Accumulator):
        raise AccumulatorError(
            f"accumulator={acc.name!r} is a matrix unit: its model is exact, so compare bits with nf.matmul"
        )
    check_confidence(confidence)
    operands = _Operands.of(a, b, c)
    values, formula = _bound(acc, operands, None)
    result = values.view(MatmulBound)
    result.formula, result.source, result.confidence = formula, SOURCES[acc.order], confidence
    if errs_at_random(acc):
        deviations = math.sqrt(2 * float(log(4 * (operands.terms.k + 1) / (1 - confidence), "float64")))
        result.probable, result.probable_formula = _bound(acc, operands, deviations)
        result.probable_source = SOURCE_AT_RANDOM
    return result


def check_confidence(confidence: Any) -> None:
    """Refuse what is no probability between 0 and 1.

    Raises
    ------
    ArgumentError
    """
    number = as_number(confidence)
    if number is None or not 0.0 < number < 1.0:
        raise ArgumentError(f"confidence={confidence!r} must be in (0, 1)")


class _Operands(NamedTuple):
    """What the bounds need of a, b and c: the magnitudes of the terms, and the largest of a single product."""

    terms: Terms
    product: float

    @classmethod
    def of(cls, a: ArrayLike, b: ArrayLike, c: ArrayLike | None) -> _Operands:
        x, y = _finite(a, "a"), _finite(b, "b")
        start = None if c is None else _finite(c, "c")
        k = x.shape[-1] if x.ndim else 0
        # float64 loses at most k 2^-52 of the sum, and products below its range
        s = np.asarray(matmul(np.abs(x), np.abs(y), "float64")) * (1 + k * 2.0**-52) + k * 2.0**-1022
        total = np.abs(np.asarray(matmul(x, y, "float64", start)))  # refuses a c that does not fit
        t = s if start is None else s + np.abs(start)
        exact = total + (k + 1) * 2.0**-52 * t
        product = float(np.max(np.abs(x), initial=0.0)) * float(np.max(np.abs(y), initial=0.0))
        # a product of no terms is still one rounding, of c
        return cls(Terms(s, t, exact, max(k, 1), start is not None and bool(np.any(start))), product)


def _finite(x: ArrayLike, name: str) -> NDArray[np.float64]:
    given = as_operand(x, name)
    check_size(name, given.shape, 24)  # its float64 form, and what is computed from that
    array = np.asarray(given, np.float64)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name}: an element is infinite or NaN; there is no error to bound")
    return array


def _bound(acc: Accumulator, x: _Operands, deviations: float | None) -> tuple[Floats, str]:
    """The products' errors, then the sums', and what float64 lost in evaluating them."""
    with np.errstate(invalid="ignore", over="ignore"):
        error, formula = _products_and_sums(acc, x, deviations)
        error = (
            error * (1 + (x.terms.k + 64) * 2.0**-52) + 64 * 2.0**-1074
        )  # the latter: below float64's normal numbers
    return np.where(np.isnan(error), np.inf, error), formula


def _products_and_sums(acc: Accumulator, x: _Operands, deviations: float | None) -> tuple[Floats, str]:
    terms = x.terms
    if acc.product is None:
        return sum_bound(acc, terms, deviations)
    step = step_of(acc.product, acc)
    lost = step.u * terms.s + terms.k * step.u * step.w
    lost = np.where(np.minimum(terms.s, x.product) > step.top, np.inf, lost)
    rounded = terms._replace(s=terms.s + lost, t=terms.t + lost, exact=terms.exact + lost)
    error, formula = sum_bound(acc, rounded, deviations)
    of_products = f"e = u' S + k u' w', u' = {power_of_two(step.u)}, w' = {power_of_two(step.w)} (products)"
    return error + lost, f"{of_products}; plus, with T + e for T, {formula}"
