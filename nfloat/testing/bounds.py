"""`assert_allclose_bound`: sums, norms, softmax and layer norm within what their arithmetic allows, not a guessed rtol.

Each is written as it is computed, every operation rounded to the accumulator's result format, on intervals
(``intervals.py``), its sums bounded by `matmul_bound` or, with `by="probable"`, by Azuma's inequality
(``likely.py``):

sum          sum x
norm         sqrt(sum x^2)
softmax      e / sum e, e = exp(x - max x)
layer_norm   (x - m) / sqrt(v + eps), m = sum x / n, v = sum (x - m)^2 / n; then times `weight`, plus `bias`

A bound that zeros would pass is no test, and fails as one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, ShapeError, as_integer, as_number, nearest_names
from ..formats.names import FormatLike, get_format
from ..linalg.accumulators import Accumulator, AccumulatorLike, as_accumulator
from ..linalg.bound_orders import Step, step_of
from ..linalg.bounds import check_confidence, matmul_bound
from . import failures
from .arrays import as_double
from .asserts import ulp
from .intervals import Doubles, Interval
from .likely import likely_error


class ErrorBound(NamedTuple):
    """What a result may be: between `low` and `high` (unknown where NaN), `exact` among it; how that was derived."""

    low: Doubles
    high: Doubles
    exact: Doubles
    formula: str


class _Arithmetic(NamedTuple):
    """How a formula is computed: its sums, one rounding of anything else, functions that are off by some ulp more."""

    acc: Accumulator
    step: Step
    function_ulp: float
    chance: float | None

    def rounded(self, x: Interval) -> Interval:
        return x.rounded(self.step)

    def function(self, x: Interval) -> Interval:
        """After a library's exp or sqrt: off by so many ulp (half of one: rounded once)."""
        return x.rounded(self.step._replace(u=self.step.u * max(1.0, 2 * self.function_ulp)))

    def total(self, x: Interval) -> Interval:
        """The sum over the last axis, which stays with length 1."""
        size = x.magnitude.reshape(-1, x.magnitude.shape[-1])
        bound = np.asarray(matmul_bound(size, np.ones((size.shape[1], 1)), self.acc.replace(product=None)))
        if self.chance is not None:
            near = likely_error(size, np.ones((size.shape[1], 1)), self.acc.replace(product=None), None, self.chance)
            bound = bound if near is None else np.fmin(near, bound)
        error = np.where(np.isinf(bound), np.nan, bound).reshape(*x.low.shape[:-1], 1)
        low, high = (end.sum(axis=-1, keepdims=True) for end in x.ends)
        return Interval(low, high).off_by(error + size.sum(axis=1).reshape(error.shape) * size.shape[1] * 2.0**-52)


def _sum(x: Interval, by: _Arithmetic, _: Options) -> Interval:
    return by.total(x)


def _norm(x: Interval, by: _Arithmetic, _: Options) -> Interval:
    squares = x.squared() if by.acc.product is None else x.squared().rounded(step_of(by.acc.product, by.acc))
    return by.function(by.total(squares).rising(np.sqrt, 0.0))


def _softmax(x: Interval, by: _Arithmetic, _: Options) -> Interval:
    top = Interval(*(end.max(axis=-1, keepdims=True) for end in x.ends))
    powers = by.function(by.rounded(x - top).rising(np.exp))
    powers = Interval(np.maximum(powers.low, 0.0), powers.high)
    return by.rounded(powers / by.total(powers))


def _layer_norm(x: Interval, by: _Arithmetic, options: Options) -> Interval:
    n = Interval.of(np.array(float(x.low.shape[-1])))
    centred = by.rounded(x - by.rounded(by.total(x) / n))
    squares = centred.squared() if by.acc.product is None else centred.squared().rounded(by.step)
    variance = by.rounded(by.rounded(by.total(squares) / n) + Interval.of(np.array(options.eps)))
    result = by.rounded(centred / by.function(variance.rising(np.sqrt, 0.0)))
    if options.weight is not None:
        result = by.rounded(result * Interval.of(options.weight))
    return result if options.bias is None else by.rounded(result + Interval.of(options.bias))


class Options(NamedTuple):
    """What a layer norm has besides."""

    eps: float
    weight: Doubles | None
    bias: Doubles | None


_FUNCTIONS: dict[str, Callable[[Interval, _Arithmetic, Options], Interval]] = {
    "sum": _sum,
    "norm": _norm,
    "softmax": _softmax,
    "layer_norm": _layer_norm,
}
#: those that have one result for a line
_FOLDED = ("sum", "norm")


def error_bound(
    function: str,
    x: Any,
    accumulator: AccumulatorLike,
    *,
    axis: int = -1,
    by: str = "bound",
    confidence: float = 0.999,
    function_ulp: float = 0.5,
    eps: float = 1e-5,
    weight: Any = None,
    bias: Any = None,
    output: FormatLike | None = None,
) -> ErrorBound:
    """Between what a sum, norm, softmax or layer norm lies that is computed in this arithmetic.

    Parameters
    ----------
    function : {"sum", "norm", "softmax", "layer_norm"}
        See the module for what is rounded.
    x : array_like
        The input, as the implementation was given it.
    accumulator : Accumulator or Format or str
        How sums are formed; all other results are rounded to its result format. `product` is where squares are.
    axis : int
        Along which it goes.
    by : {"bound", "probable"}
        Whether sums keep a rigorous bound, or one with probability `confidence`, all of them together.
    function_ulp : float
        How far exp and sqrt may be off, in ulp; 0.5: correctly rounded.
    eps, weight, bias
        Of a layer norm; along the last axis, after `axis` has been moved there.
    output : Format or str, optional
        The result is rounded to it once more.

    Returns
    -------
    ErrorBound
        low, high, exact (the formula in float64) and formula.

    Raises
    ------
    ArgumentError, AccumulatorError, ShapeError
        Each names the argument.

    Examples
    --------
    >>> import nfloat as nf
    >>> bound = error_bound("softmax", [0.0, 1.0, 2.0], "float16")
    >>> bool(np.all((bound.low <= bound.exact) & (bound.exact <= bound.high)))
    True
    >>> float((bound.high - bound.low).max()) < 0.01
    True
    """
    if not isinstance(function, str) or function not in _FUNCTIONS:
        raise ArgumentError(f"function={function!r} is none of these; {nearest_names(str(function), _FUNCTIONS)}")
    acc = as_accumulator(accumulator)
    if not isinstance(acc, Accumulator):
        raise ArgumentError(f"accumulator={acc.name!r}: a matrix unit sums products alone; give an accumulator")
    off = as_number(function_ulp)
    if off is None or not off >= 0.5:
        raise ArgumentError(f"function_ulp={function_ulp!r} must be a number of ulp, 0.5 (correctly rounded) or more")
    check_confidence(confidence)
    if not isinstance(by, str) or by not in ("bound", "probable"):
        raise ArgumentError(f"by={by!r} must be 'bound' or 'probable'")
    lines = _lines(x, axis)
    sums = max(1, lines.size // lines.shape[-1]) * (2 if function == "layer_norm" else 1)
    chance = None if by == "bound" else (1 - confidence) / sums
    options = _options(function, eps, weight, bias, lines.shape[-1])
    step = step_of(acc.result_format, acc)
    with np.errstate(invalid="ignore", over="ignore"):
        found = _FUNCTIONS[function](Interval.of(lines), _Arithmetic(acc, step, off, chance), options)
        if output is not None:
            found = found.rounded(step_of(get_format(output, "output"), Accumulator(get_format(output, "output"))))
        exact = _exactly(function, lines, options)
    low, high, middle = (_placed(end, axis, np.ndim(x), function) for end in (found.low, found.high, exact))
    judged = "" if chance is None else f", sums with confidence {confidence:g}"
    formula = f"intervals of {function}, every result rounded to {acc.result_format.name}{judged}"
    return ErrorBound(low, high, middle, formula)


def _options(function: str, eps: Any, weight: Any, bias: Any, size: int) -> Options:
    """What a layer norm has besides; refused for the others."""
    least = as_number(eps)
    if least is None or not 0 <= least < np.inf:
        raise ArgumentError(f"eps={eps!r} must be a number >= 0")
    given = [None if y is None else as_double(y, name) for name, y in (("weight", weight), ("bias", bias))]
    for name, y in zip(("weight", "bias"), given, strict=True):
        if y is not None and function != "layer_norm":
            raise ArgumentError(f"{name}: {function} has none; it is of function='layer_norm'")
        if y is not None and y.shape not in ((), (size,)):
            raise ShapeError(f"{name} {y.shape} must be a number, or {size} of them, one for each element of a line")
    return Options(least, *given)


def _lines(x: Any, axis: int) -> Doubles:
    """The input with the axis last."""
    array = as_double(x, "x")
    number = as_integer(axis)
    if number is None or array.ndim == 0 or not -array.ndim <= number < array.ndim or array.shape[number] == 0:
        raise ShapeError(f"axis={axis!r} is not an axis with elements of x {array.shape}")
    if not np.isfinite(array).all():
        raise ArgumentError("x: an element is infinite or NaN; there is no error to bound")
    return np.moveaxis(array, number, -1)


def _placed(end: Doubles, axis: int, ndim: int, function: str) -> Doubles:
    return end[..., 0] if function in _FOLDED else np.moveaxis(end, -1, axis % ndim)


def _exactly(function: str, x: Doubles, options: Options) -> Doubles:
    """The formula in float64, last axis kept."""
    if function == "sum":
        return x.sum(axis=-1, keepdims=True)
    if function == "norm":
        return np.sqrt((x * x).sum(axis=-1, keepdims=True))
    if function == "softmax":
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)
    centred = x - x.mean(axis=-1, keepdims=True)
    result = centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + options.eps)
    result = result if options.weight is None else result * options.weight
    return result if options.bias is None else result + options.bias


def assert_allclose_bound(actual: Any, function: str, x: Any, accumulator: AccumulatorLike, **options: Any) -> None:
    """Fail unless `actual` is a sum, norm, softmax or layer norm of x as that arithmetic may compute it.

    Parameters
    ----------
    actual : array_like
        What another implementation computed, of any kind of array (``arrays.py``).
    function, x, accumulator, options
        As in `error_bound`.

    Raises
    ------
    AssertionError
        Naming the worst element, its interval, its neighbours on the grid and its distance in ulp, with a line that
        reproduces it; or saying that zeros would pass, so that this is no test.
    ArgumentError, AccumulatorError, ShapeError
        As in `error_bound`.

    Examples
    --------
    >>> import nfloat as nf
    >>> x = nf.round(np.linspace(-2, 2, 32), "float16")
    >>> assert_allclose_bound(nf.sum(x, "float16", axis=0), "sum", x, "float16")
    """
    __tracebackhide__ = True
    bound = error_bound(function, x, accumulator, **options)
    got = as_double(actual, "actual")
    if got.shape != bound.exact.shape:
        raise AssertionError(f"actual has shape {got.shape}, {function} of x has {bound.exact.shape}")
    known = ~(np.isnan(bound.low) | np.isnan(bound.high))
    if bound.exact.any() and bool((~known | ((bound.low <= 0) & (bound.high >= 0))).all()):
        raise AssertionError(
            f"no test: zeros would pass what {function} in {_name(accumulator)} allows\n  {bound.formula}\n"
            "take fewer terms, a wider accumulator, or by='probable'; or compare bits with nfloat's own result"
        )
    wrong = known & ~((bound.low <= got) & (got <= bound.high))
    if wrong.any():
        raise AssertionError(_text(got, bound, wrong, function, as_double(x, "x"), accumulator, options))


def _name(accumulator: AccumulatorLike) -> str:
    acc = as_accumulator(accumulator)
    plain = isinstance(acc, Accumulator) and acc == Accumulator(acc.format)
    return acc.format.name if plain and isinstance(acc, Accumulator) else repr(acc)


def _text(
    got: Doubles,
    bound: ErrorBound,
    wrong: NDArray[np.bool_],
    function: str,
    x: Doubles,
    accumulator: AccumulatorLike,
    options: dict[str, Any],
) -> str:
    with np.errstate(invalid="ignore"):
        off = np.maximum(bound.low - got, got - bound.high) / np.maximum(bound.high - bound.low, 5e-324)
    worst = int(np.argmax(np.where(wrong, np.where(np.isnan(off), np.inf, off), -1.0)))
    value, exact, low, high = (float(v.flat[worst]) for v in (got, bound.exact, bound.low, bound.high))
    acc = as_accumulator(accumulator)
    summed = acc.result_format if isinstance(acc, Accumulator) else acc.output
    f = get_format(options.get("output") or summed)
    far = abs(value - exact) / float(ulp(exact, f))
    return "\n".join(
        [
            f"{failures.share(wrong)} are beyond what {function} in {_name(accumulator)} allows",
            f"worst is {failures.place(worst, got.shape)}: not in [{low!r}, {high!r}], {far:.6g} ulp of {f.name} off",
            *failures.beside(value, exact, f, "exact"),
            f"  {bound.formula}",
            f"reproduce: {_again(got, bound, worst, function, x, acc, options)}",
        ]
    )


def _again(
    got: Doubles, bound: ErrorBound, worst: int, function: str, x: Doubles, acc: Any, options: dict[str, Any]
) -> str:
    """The worst element's line alone as a call; the user's own where that is too long, or zeros would pass of it."""
    how = failures.accumulator_argument(acc)
    more = "".join(f", {key}={failures.source(value)}" for key, value in options.items() if key != "axis")
    axis = options.get("axis", -1)
    place = [int(i) for i in np.unravel_index(worst, got.shape)]
    if function in _FOLDED:
        place.insert(axis % x.ndim, 0)
    line = tuple(slice(None) if i == axis % x.ndim else n for i, n in enumerate(place))
    own = tuple(n for n in line if not isinstance(n, slice)) if function in _FOLDED else line
    low, high = bound.low[own], bound.high[own]
    numbers = [failures.numbers_argument(np.asarray(y)) for y in (got[own], x[line])]
    if None in numbers or bool(((low <= 0) & (high >= 0)).all()):
        more = "".join(f", {key}={failures.source(value)}" for key, value in options.items())
        return f"nf.testing.assert_allclose_bound(actual, {function!r}, x, {how}{more})"
    return f"nf.testing.assert_allclose_bound({numbers[0]}, {function!r}, {numbers[1]}, {how}{more})"
