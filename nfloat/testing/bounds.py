"""Rigorous bounds on the error of a product of matrices, for every accumulator, and the assertion built on them.

`matmul_bound` answers "how far may the computed result be from the exact one", element by element, from the operands and the
accumulator alone; `assert_matmul` holds a result against it. A tolerance so derived is neither too loose to see a wrong rounding mode
nor so tight that another order of summation fails.

The model. One rounding of x gives x (1 + d) + e with |d| <= u and |e| <= eta: u = 2^-p for the nearest modes, 2^(1-p) for all others
(directed, to odd, stochastic); eta = half (or all) of the least positive number, more where the format flushes. Products have u_p and
eta_p of their own, or none. S is the sum of the |terms|, |c| included. Everything is bounded without "+ O(u^2)".

sequential, nearest    n u S + ((1+u)^n - 1)/u eta: Rump, BIT 52, 2012, and Jeannerod and Rump, SIMAX 34, 2013. Their induction needs
                       only that a rounding errs by at most u |s + x| and at most |x|, which holds for an exact product x too.
sequential, else       term k passes through n - k + 1 roundings: |t_k| ((1+u)^(n-k+1) - 1); Higham, Accuracy and Stability, 2002, ch. 4
pairwise               ceil(log2 n) + 1 roundings a term: ((1+u)^depth - 1) S; Higham, ch. 4
blocked                the two bounds, one inside the other; Blanchard, Higham and Mary, SISC 42, 2020
kahan                  2 u S + terms in n u^2, solved for below; Kahan 1965, Goldberg, Computing Surveys 23, 1991, theorem 8
exact                  u |exact result| + eta
rounded products       add u_p S + n eta_p, and the rest acts on S (1 + u_p) + n eta_p

The probabilistic companion replaces the number of roundings n on a path by lambda sqrt(n): with the errors taken as independent of
mean zero, exp(lambda sqrt(n) u + n u^2 / (1 - u)) - 1 holds with probability 1 - 2 exp(-lambda^2 (1 - u)^2 / 2); Higham and Mary, SISC 41,
2019. For stochastic rounding it needs no assumption; Connolly, Higham and Mary, SISC 43, 2021. Truncating modes have none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import AccumulatorError, ArgumentError
from ..formats.format import Format
from ..formats.rounding import Rounding
from ..linalg.accumulators import Accumulator, AccumulatorLike, Order, as_accumulator
from ..linalg.matmul import matmul
from ..linalg.operands import as_operand

Floats = NDArray[np.float64]
_NEAREST = (Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY, Rounding.NEAREST_ZERO)
#: covers the rounding of the bounds' own evaluation in float64
_SLACK = 1 + 2.0**-30


class MatmulBound(np.ndarray):
    """A bound on |computed - exact|, element by element; inf where an overflow cannot be excluded.

    Attributes
    ----------
    formula, source : str
        How it was derived, and from where.
    probable : ndarray or None
        The probabilistic companion, which each element keeps with probability `confidence`; None where there is none.
    confidence : float
        Of `probable`, for one element.
    """

    formula: str
    source: str
    probable: Floats | None
    confidence: float

    def __array_finalize__(self, parent: Any) -> None:
        for name, default in (("formula", ""), ("source", ""), ("probable", None), ("confidence", math.nan)):
            setattr(self, name, getattr(parent, name, default))


@dataclass(frozen=True)
class _Errors:
    """u and eta of one kind of rounding."""

    u: float
    eta: float

    def power(self, n: float) -> float:
        """(1 + u)^n - 1."""
        with np.errstate(over="ignore"):
            return float(np.expm1(n * math.log1p(self.u)))

    def underflows(self, n: float) -> float:
        """What n roundings' eta add up to, each growing by (1 + u) in the later ones."""
        return self.eta * (self.power(n) / self.u if self.u * n < 700 else math.inf)


def _errors(fmt: Format | None, mode: Rounding) -> _Errors:
    if fmt is None:
        return _Errors(0.0, 0.0)
    nearest = mode in _NEAREST
    eta = fmt.smallest_subnormal * (0.5 if nearest and fmt.has_subnormals else 1.0)
    return _Errors(2.0**-fmt.precision * (1 if nearest else 2), max(eta, fmt.smallest_normal if fmt.flushes_input else 0.0))


def matmul_bound(
    a: ArrayLike, b: ArrayLike, accumulator: AccumulatorLike, c: ArrayLike | None = None, *, confidence: float = 0.999
) -> MatmulBound:
    """How far ``nf.matmul(a, b, accumulator, c)`` may be from the exact a @ b + c.

    Parameters
    ----------
    a : array_like, shape (..., m, k)
    b : array_like, shape (..., k, n)
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

    Notes
    -----
    The formulas and their sources stand in the module's documentation.

    Examples
    --------
    >>> import numpy as np
    >>> from nfloat.testing import matmul_bound
    >>> bound = matmul_bound(np.ones((1, 100)), np.ones((100, 1)), "bfloat16")
    >>> float(bound[0, 0]) >= 100 * 2.0**-8 * 100, bound.formula
    (True, 'n u S + ((1+u)^n - 1)/u eta')
    """
    acc = as_accumulator(accumulator)
    if not isinstance(acc, Accumulator):
        raise AccumulatorError(f"accumulator={acc.name!r} is a matrix unit: a bit-exact model; compare with nf.matmul(a, b, {acc.name!r}) itself")
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence={confidence!r} must be in (0, 1)")
    arrays = [np.asarray(as_operand(x, name), np.float64) for x, name in ((a, "a"), (b, "b"), (0.0 if c is None else c, "c"))]
    for x, name in zip(arrays, "abc", strict=True):
        if not np.isfinite(x).all():
            raise ArgumentError(f"{name}: an element is infinite or NaN; there is no error to bound")
    n = arrays[0].shape[-1]
    total = (np.abs(arrays[0]) @ np.abs(arrays[1]) + np.abs(arrays[2])) * (1 + (n + 8) * 2.0**-52)
    exact = _exactly(arrays, total.shape) if acc.order is Order.EXACT else total
    bound, formula, source = _bound(acc, n, total, exact)
    limit = min(f.max for f in (acc.format, acc.product or acc.format, acc.result_format))
    least = max(f.min for f in (acc.format, acc.product or acc.format, acc.result_format))
    reach = 4 * (total + bound) if acc.order is Order.KAHAN else total + bound
    result = np.where(reach <= min(limit, -least), bound * _SLACK, np.inf).view(MatmulBound)
    result.formula, result.source, result.confidence = formula, source, confidence
    result.probable = _probable(acc, n, total, confidence)
    return result


def _bound(acc: Accumulator, n: int, total: Floats, exact: Floats) -> tuple[Floats, str, str]:
    """(bound, formula, source) for n terms of the sum of magnitudes `total`."""
    sums, products = _errors(acc.format, acc.rounding), _errors(acc.product, acc.rounding)
    computed = total * (1 + products.u) + n * products.eta  # the sum of the |terms| that are really added
    of_products = products.u * total + n * products.eta
    if acc.order is Order.EXACT:
        return of_products + sums.u * (np.abs(exact) * (1 + 2.0**-50) + of_products) + sums.eta, "u |exact| + eta", "one rounding"
    if acc.order is Order.PAIRWISE:
        depth = max(n - 1, 0).bit_length() + 1
        return of_products + sums.power(depth) * computed + sums.underflows(n + 1), "((1+u)^(ceil(log2 n)+1) - 1) S + n eta'", "Higham 2002, ch. 4"
    if acc.order is Order.KAHAN:
        return of_products + _kahan(sums, n, computed), "2 u S + O(n u^2) S, solved", "Kahan 1965; Goldberg 1991, theorem 8"
    if acc.order is Order.SEQUENTIAL:
        rest, formula, source = _sequential(acc.rounding, sums, n, computed)
        return of_products + rest, formula, source
    inner, formula, source = _sequential(acc.rounding, sums, min(acc.block, n), computed)
    inner = inner + (n / acc.block) * sums.underflows(acc.block)
    outer, *_ = _sequential(acc.rounding, _errors(acc.result_format, acc.rounding), -(-n // acc.block), computed + inner)
    return of_products + inner + outer, f"{formula}, of blocks and of their sums", f"{source}; Blanchard, Higham and Mary 2020"


def _sequential(mode: Rounding, errors: _Errors, n: int, total: Floats) -> tuple[Floats, str, str]:
    small = errors.underflows(n)
    if mode in _NEAREST:
        return n * errors.u * total + small, "n u S + ((1+u)^n - 1)/u eta", "Rump 2012; Jeannerod and Rump 2013"
    return errors.power(n) * total + small, "((1+u)^n - 1) S + ((1+u)^n - 1)/u eta", "Higham 2002, ch. 4"


def _exactly(arrays: list[Floats], shape: tuple[int, ...]) -> Floats:
    """a @ b + c with one rounding to float64."""
    a, b, c = arrays
    return np.asarray(matmul(a, b, Accumulator("float64", order="exact"), np.broadcast_to(c, shape)))


def _kahan(errors: _Errors, n: int, total: Floats) -> Floats:
    """A fixed point of the inequalities that one step obeys, with u and eta for every rounding.

    z = s - e is the compensated sum. From y = R(x - e), t = R(s + y), d = R(t - s), e' = R(d - y) follow, with f the greatest |e|, m the
    greatest |s + y| and q the sum of the |y|: |e'| <= (1+u)(u (|y| + u m) + u m + 2 eta) + eta, and z' = z + x + r with
    |r| <= u (|x| + |e|) + u^2 m + u (1+u) (|y| + u m) + 4 eta. The sums of these over n steps are iterated until nothing grows.
    """
    u, eta = errors.u, errors.eta
    f = error = np.zeros_like(total)
    for _ in range(200):
        q = (1 + u) * (total + n * f) + n * eta
        m = total + error + f + (1 + u) * (total + f) + eta
        new_f = (1 + u) * (u * ((1 + u) * (total + f) + eta + u * m) + u * m + 2 * eta) + eta
        new_error = u * (total + n * f) + n * u * u * m + u * (1 + u) * (q + n * u * m) + 4 * n * eta * (1 + u) ** 2
        new_f, new_error = new_f * (1 + 1e-9), new_error * (1 + 1e-9)
        if (new_f <= f * (1 + 1e-9)).all() and (new_error <= error * (1 + 1e-9)).all():
            return error + f
        f, error = np.maximum(f, new_f), np.maximum(error, new_error)
        if not np.isfinite(error).all():
            break
    return np.full_like(total, np.inf)


def _probable(acc: Accumulator, n: int, total: Floats, confidence: float) -> Floats | None:
    """The probabilistic companion."""
    if acc.rounding not in _NEAREST and not acc.rounding.is_stochastic:
        return None
    fmt = acc.result_format if acc.order is Order.BLOCKED else acc.format
    inner = min(acc.block or n, n)
    depths = {
        Order.SEQUENTIAL: [(acc.format, n)],
        Order.PAIRWISE: [(acc.format, max(n - 1, 0).bit_length() + 1)],
        Order.BLOCKED: [(acc.format, inner), (fmt, -(-n // (acc.block or 1)))],
        Order.KAHAN: [(acc.format, 2), (acc.format, 1)],
        Order.EXACT: [(acc.format, 1)],
    }[acc.order]
    if acc.product is not None:
        depths = [(acc.product, 1), *depths]
    bound = np.zeros_like(total)
    for one, roundings in depths:
        errors = _errors(one, acc.rounding)
        scale = math.sqrt(2 * math.log(2 / (1 - confidence))) / (1 - errors.u)
        exponent = scale * math.sqrt(roundings) * errors.u + roundings * errors.u**2 / (1 - errors.u)
        bound = bound + math.expm1(min(exponent, 700.0)) * (total + bound) + errors.underflows(min(roundings, n))
    return bound


def assert_matmul(actual: ArrayLike, a: ArrayLike, b: ArrayLike, accumulator: AccumulatorLike, c: ArrayLike | None = None) -> None:
    """Fail unless `actual` is a @ b + c within what the accumulator's roundings allow (`matmul_bound`), order of summation kept.

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
        Naming the worst element, its error, the bound and the bound's formula.
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
        np.testing.assert_array_equal(got, np.asarray(matmul(a, b, acc, c), np.float64), err_msg=f"not what {acc.name} computes")
        return
    exact = np.asarray(matmul(np.asarray(a, np.float64), np.asarray(b, np.float64), Accumulator("float64", order="exact"), c))
    if got.shape != exact.shape:
        raise AssertionError(f"actual has shape {got.shape}, a @ b has {exact.shape}")
    bound = matmul_bound(a, b, acc, c)
    allowed = np.asarray(bound) + np.abs(exact) * 2.0**-52  # the reference itself is rounded once
    error = np.abs(got - exact)
    wrong = ~((error <= allowed) | (np.asarray(bound) == np.inf))
    if wrong.any():
        ratio = np.where(wrong, np.nan_to_num(error / np.maximum(allowed, 5e-324), nan=np.inf), 0.0)
        place = np.unravel_index(int(np.argmax(ratio)), got.shape)
        raise AssertionError(
            f"{int(wrong.sum())} of {got.size} elements are beyond the bound of {acc!r}; worst at {tuple(int(i) for i in place)}: "
            f"actual {got[place]!r}, exact {exact[place]!r}, |error| {error[place]:.3g} > bound {allowed[place]:.3g} ({bound.formula}; {bound.source})"
        )
