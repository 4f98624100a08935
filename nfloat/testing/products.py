"""`assert_matmul`: a product of matrices held against what its arithmetic can give, not against a guessed tolerance.

Three judges, from strict to wide:

prediction   the result itself, bit for bit or within so many ulp (`predict_matmul`)
probable     a bound that errors at random keep with a stated probability, for all elements together (Azuma's by the
             partial sums, ``likely.py``, or Higham and Mary's); for rounding to nearest the error that this very data
             makes in `nf.matmul` is added, since there correlated data (sums that stagnate) breaks the model of
             independent errors
bound        the rigorous bound of any data, and of any kernel of that format and order (`matmul_bound`)

A bound that a matrix of zeros would pass is no test, and fails as one. What a failure says is put together in
``product_reports.py``.

Sources: Higham and Mary, SIAM J. Sci. Comput. 41, 2019; Connolly, Higham and Mary, ibid. 43, 2021; the bounds' own
stand in ``nfloat/linalg/bound_orders.py``.
"""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import AccumulatorError, ArgumentError
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..kernels.gemm.orders import Order
from ..linalg.accumulators import Accumulator, AccumulatorLike, as_accumulator
from ..linalg.bound_orders import step_of
from ..linalg.bounds import check_confidence, matmul_bound
from ..linalg.matmul import matmul
from ..linalg.operands import input_formats
from ..linalg.units.sums import IntegerSum
from ..streams import SeedLike
from .arrays import as_values
from .asserts import far_in_ulp
from .likely import likely_error
from .predict import predict_matmul
from .product_reports import Product, beyond_text, no_test_text, prediction_text, too_many_ulp_text

JUDGES = ("prediction", "probable", "bound")
Doubles = NDArray[np.float64]


def assert_matmul(
    actual: Any,
    a: Any,
    b: Any,
    accumulator: AccumulatorLike,
    c: Any = None,
    *,
    by: str | None = None,
    max_ulp: float = 0,
    confidence: float = 0.999,
    split_k: int = 1,
    promote: FormatLike | int | None = None,
    inputs: FormatLike | tuple[FormatLike, FormatLike] | None = None,
    output: FormatLike | None = None,
    seed: SeedLike | None = None,
) -> None:
    """Fail unless `actual` is a @ b + c as that accumulator computes it.

    Parameters
    ----------
    actual : array_like
        What another implementation computed: values of any kind of array (``arrays.py``).
    a, b, c : array_like
        The operands, just as that implementation was given them.
    accumulator : Accumulator or Format or Unit or str
        How it is meant to sum.
    by : {"prediction", "probable", "bound"}, optional
        Who judges; see the module. None: the prediction, but "probable" where it needs a `seed` and has none.
    max_ulp : float
        Of the prediction: how far elements may be from it, in ulp of the result's format. 0: the same bits, signs of
        zeros too.
    confidence : float
        Of "probable": the probability with which a right product passes, all elements together.
    split_k, promote, inputs, output, seed
        As in `predict_matmul`.

    Raises
    ------
    AssertionError
        With the worst element in decimal, hex and bits, its error taken apart (rounded products, order of the sum, last
        rounding), and a line that reproduces it. An element whose bound is infinite (it may overflow) is accepted.
    AccumulatorError, ShapeError, ArgumentError
        As in `nf.matmul`.

    Examples
    --------
    >>> import numpy as np
    >>> import nfloat as nf
    >>> a = nf.round(np.linspace(0, 1, 64).reshape(8, 8), "float16")
    >>> nf.testing.assert_matmul(nf.matmul(a, a, "float16"), a, a, "float16")
    >>> nf.testing.assert_matmul(a @ a, a, a, "float16", by="bound")
    """
    __tracebackhide__ = True
    how = as_accumulator(accumulator)
    if by is None:
        by = "probable" if isinstance(how, Accumulator) and how.stochastic and seed is None else "prediction"
    if not isinstance(by, str) or by not in JUDGES:
        raise ArgumentError(f"by={by!r} must be one of {', '.join(map(repr, JUDGES))}")
    if not isinstance(max_ulp, Real) or not 0 <= max_ulp < 2**1023:
        raise ArgumentError(f"max_ulp={max_ulp!r} must be a number >= 0")
    check_confidence(confidence)
    parts = None if isinstance(split_k, int) and split_k == 1 else split_k
    options: dict[str, Any] = {"split_k": parts, "promote": promote}
    options |= {"inputs": inputs, "output": output, "seed": seed}
    given = {key: value for key, value in options.items() if value is not None}
    product = Product(as_values(actual, "actual"), a, b, None if c is None else as_values(c, "c"), how, given)
    if by == "prediction":
        _predicted(product, max_ulp)
    else:
        _bounded(product, by, max_ulp, confidence)


def result_format(product: Product) -> Format | None:
    """The format whose ulp is meant: of the output, else of the result; None for integers."""
    if product.options.get("output") is not None:
        return get_format(product.options["output"], "output")
    if isinstance(product.how, Accumulator):
        return product.how.result_format
    return None if isinstance(product.how.arithmetic, IntegerSum) else get_format(product.how.output)


def _predicted(product: Product, max_ulp: float) -> None:
    """Against `predict_matmul`."""
    __tracebackhide__ = True
    desired = np.asarray(_predict(product), np.float64)
    got = _same_shape(product, desired)
    f = result_format(product)
    differs = (got.view(np.int64) != desired.view(np.int64)) & ~(np.isnan(got) & np.isnan(desired))
    if max_ulp == 0 and not differs.any():
        return
    far = differs.astype(float) if f is None else far_in_ulp(got, desired, f, equal_nan=True)
    if max_ulp and f is not None and desired.any() and _zeros_pass(desired, f, max_ulp):
        raise AssertionError(too_many_ulp_text(product, f, max_ulp))
    wrong = differs if max_ulp == 0 else ~(far <= max_ulp)
    if wrong.any():
        raise AssertionError(prediction_text(product, got, desired, far, wrong, f, max_ulp))


def _zeros_pass(desired: Doubles, f: Format, max_ulp: float) -> bool:
    return bool((far_in_ulp(np.zeros_like(desired), desired, f, equal_nan=True) <= max_ulp).all())


def _predict(product: Product) -> Any:
    if product.blocks:  # a block-scaled unit wants elements and scales, not values
        other = sorted(set(product.options) - {"output", "seed"})
        if other:
            raise ArgumentError(f"{other[0]}: not for block arrays; give values (dequantize), or name a unit's options")
        return matmul(product.a, product.b, product.how, product.c, **product.options)
    return predict_matmul(product.a, product.b, product.how, c=product.c, **product.options)


class Allowed(NamedTuple):
    """What a judge allows: |actual - exact|, by which formula, and by whom."""

    error: Doubles
    formula: str


def _bounded(product: Product, by: str, max_ulp: float, confidence: float) -> None:
    """Against a bound around the exact product."""
    __tracebackhide__ = True
    how = product.how
    if not isinstance(how, Accumulator):
        raise AccumulatorError(f"by={by!r}: {how.name} is modelled to the bit and has no bound; use by='prediction'")
    if max_ulp or {"split_k", "promote"} & set(product.options):
        raise ArgumentError(
            f"by={by!r}: max_ulp, split_k and promote go with by='prediction'; split-K is order='blocked' here"
        )
    x, y = product.operands(input_formats(product.options["inputs"]) if "inputs" in product.options else None)
    exact = np.asarray(matmul(x, y, Accumulator(get_format("float64"), order=Order.EXACT), product.c))
    got = _same_shape(product, exact)
    allowed = allowance(x, y, how, product.c, exact, by, confidence, product.options.get("output"))
    if exact.any() and bool((np.abs(exact) <= allowed.error).all()):
        raise AssertionError(no_test_text(product, exact, allowed.error, allowed.formula, by))
    error = np.abs(got - exact)
    wrong = ~((error <= allowed.error) | np.isinf(allowed.error))
    if wrong.any():
        f = get_format(product.options.get("output", how.result_format))
        options = {"by": by} if by == "bound" else {"by": by, "confidence": confidence}
        raise AssertionError(beyond_text(product, got, exact, allowed.error, wrong, allowed.formula, f, options))


def allowance(
    x: Doubles,
    y: Doubles,
    acc: Accumulator,
    c: Any,
    exact: Doubles,
    by: str,
    confidence: float,
    output: FormatLike | None = None,
) -> Allowed:
    """What a judge allows of each element; see the module."""
    chance = (1 - confidence) / max(exact.size, 1)
    bound = matmul_bound(x, y, acc, c, confidence=1 - chance)
    allowed, formula = np.asarray(bound), f"{bound.formula} ({bound.source})"
    near = likely_error(x, y, acc, c, chance) if by == "probable" else None
    if near is not None and bound.probable is not None:
        likely = np.fmin(near, np.asarray(bound.probable))
        if not acc.stochastic:  # the model's error on this data, which correlation cannot make greater than it is
            likely = likely + np.abs(np.asarray(matmul(x, y, acc, c), np.float64) - exact)
        allowed = np.where(np.isnan(likely), allowed, np.fmin(likely, allowed))
        formula = (
            f"Azuma's of the partial sums, or {bound.probable_formula}; confidence {confidence:g} for all elements"
        )
    if output is not None:
        last = step_of(get_format(output, "output"), Accumulator(get_format(output, "output")))
        whole = np.abs(exact) + allowed
        allowed = np.where(whole > last.top, np.inf, allowed + last.u * np.maximum(whole, last.w))
    return Allowed(allowed + np.abs(exact) * 2.0**-52, formula)  # the reference itself is rounded once


def _same_shape(product: Product, desired: Doubles) -> Doubles:
    __tracebackhide__ = True
    got = np.asarray(product.actual, np.float64)
    if got.shape != desired.shape:
        raise AssertionError(f"actual has shape {got.shape}, a @ b has {desired.shape}")
    return got
