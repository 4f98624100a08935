"""`exp` ... `power`: elementary functions, correctly rounded in every format, mode and policy.

Every function has the contract of `add`: the exact real result on the given values, rounded once. It is kept for
every precision. What differs is the cost: up to p = 24 a value takes about as long as in float64; from p = 40 on more
and more values need whole numbers of 256 bits, and in float64 (p = 53) nearly all do, at some 0.05 ms each.

``evaluate.py`` says how; ``approximations.py`` lists the float64 forms and their error bounds. To add a function: a
row in ``approximations.py``, a form in ``bigreal.py`` (its exact results and limits in ``leading_bits.py``) and a line
at the end of this file.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from numpy.typing import ArrayLike

from ..formats.names import FormatLike
from ..formats.rounding import OverflowLike, RoundingLike
from ..streams import SeedLike
from .direct_results import direct_function
from .evaluate import evaluate
from .operands import Result, rounded_once

_DOC = """{formula}, correctly rounded to a format.

Parameters
----------
x : array_like
    Real numbers, taken as they are: nothing rounds them to the format first.
fmt, rounding, overflow, random_bits, seed
    As in `round`. Element i (in C order of the result) uses the random bits of counter i. Where an operand is a
    FloatArray they may all be left out: then the result is a FloatArray too, of its format and way of rounding.

Returns
-------
ndarray or scalar
    float32 if the format fits it and no operand is wider than float32 (Python numbers do not count), else float64.

Raises
------
FormatError, RoundingError, SeedError, ArgumentError, ShapeError
    Each names the argument, its value and what is allowed.

Notes
-----
The exact real result is rounded once, in every mode, for every precision (fast up to p = 24). NaN gives NaN.
{notes}

Examples
--------
>>> import nfloat as nf
>>> {example}
{shown}
"""


_apply = partial(rounded_once, evaluate)


def _unary(name: str, formula: str, notes: str, example: str, shown: str) -> Callable[..., Result]:
    """A public function of one argument; its documentation from the words given."""

    def function(
        x: ArrayLike,
        fmt: FormatLike | None = None,
        rounding: RoundingLike = "nearest_even",
        *,
        overflow: OverflowLike | None = None,
        random_bits: int | None = None,
        seed: SeedLike | None = None,
    ) -> Result:
        if fmt is not None and random_bits is None:
            out = direct_function(name, x, fmt, rounding, overflow)
            if out is not None:
                return out
        return _apply(name, (("x", x),), fmt, rounding, overflow, random_bits, seed)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DOC.format(formula=formula, notes=notes, example=example, shown=shown)
    return function


def arctan2(
    y: ArrayLike,
    x: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """The angle of the point (x, y), correctly rounded to a format.

    The contract is that of `exp`; the operands broadcast.

    Notes
    -----
    Signed zeros and infinities are IEEE 754-2019's (9.2.1): arctan2(-0, -1) is -pi rounded, arctan2(inf, inf) pi/4
    rounded. In formats whose zero has no sign, a zero counts as +0.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.arctan2(0.0, [-1.0, 1.0], "float16")
    array([3.140625, 0.      ])
    """
    return _apply("arctan2", (("y", y), ("x", x)), fmt, rounding, overflow, random_bits, seed)


def power(
    x: ArrayLike,
    y: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Result:
    """x^y, correctly rounded to a format. The contract is that of `exp`; the operands broadcast.

    Notes
    -----
    Special values are IEEE 754-2019's pow (9.2.1), which are C's and NumPy's: x^0 and 1^y are 1 even for NaN,
    negative x with a y that is no integer gives NaN, 0 to a negative power an infinity.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.power(3.0, [2.0, -1.0, 0.5], "float8_e4m3fn")
    array([9.     , 0.34375, 1.75   ])
    """
    return _apply("power", (("x", x), ("y", y)), fmt, rounding, overflow, random_bits, seed)


exp = _unary(
    "exp",
    "e^x",
    "exp(-inf) is 0.",
    'nf.exp(0.0226898193359375, "float16")',
    "np.float64(1.0224609375)",
)
exp2 = _unary(
    "exp2",
    "2^x",
    "Integer x gives powers of two exactly.",
    'nf.exp2([-3.0, 0.5], "float16")',
    "array([0.125    , 1.4140625])",
)
expm1 = _unary(
    "expm1",
    "e^x - 1",
    "expm1(-inf) is -1, expm1(-0) is -0.",
    'nf.expm1(2.0**-20, "float16", "toward_positive")',
    "np.float64(1.0132789611816406e-06)",
)
log = _unary(
    "log",
    "The natural logarithm of x",
    "log(0) is -inf (or what the overflow policy makes of that); negative x gives NaN.",
    'nf.log([1.0, 0.0, -1.0], "bfloat16")',
    "array([  0., -inf,  nan])",
)
log2 = _unary(
    "log2",
    "The logarithm of x to base 2",
    "log2(0) is -inf (or what the overflow policy makes of that); negative x gives NaN.",
    'nf.log2([8.0, 3.0], "float8_e4m3fn")',
    "array([3.   , 1.625])",
)
log10 = _unary(
    "log10",
    "The logarithm of x to base 10",
    "log10(0) is -inf (or what the overflow policy makes of that); negative x gives NaN.",
    'nf.log10([1000.0, 2.0], "bfloat16")',
    "array([3.        , 0.30078125])",
)
log1p = _unary(
    "log1p",
    "The natural logarithm of 1 + x",
    "log1p(-1) is -inf, x below that gives NaN; log1p(-0) is -0.",
    'nf.log1p(1.0, "float16")',
    "np.float64(0.693359375)",
)
sin = _unary(
    "sin",
    "The sine of x (radians)",
    "Infinite x gives NaN; sin(-0) is -0. Large x is reduced exactly.",
    'nf.sin([1.0, 1e22], "float16")',
    "array([ 0.84130859, -0.85205078])",
)
cos = _unary(
    "cos",
    "The cosine of x (radians)",
    "Infinite x gives NaN. Large x is reduced exactly.",
    'nf.cos([1.0, 1e22], "float16")',
    "array([0.54052734, 0.5234375 ])",
)
tan = _unary(
    "tan",
    "The tangent of x (radians)",
    "Infinite x gives NaN; tan(-0) is -0. Large x is reduced exactly.",
    'nf.tan(1.5703125, "float16")',
    "np.float64(2066.0)",
)
sinh = _unary(
    "sinh",
    "The hyperbolic sine of x",
    "sinh(-0) is -0.",
    'nf.sinh([1.0, 20.0], "float16")',
    "array([1.17480469,        inf])",
)
cosh = _unary(
    "cosh",
    "The hyperbolic cosine of x",
    "cosh of an infinity is inf.",
    'nf.cosh([1.0, 20.0], "float16", overflow="saturate")',
    "array([1.54296875e+00, 6.55040000e+04])",
)
tanh = _unary(
    "tanh",
    "The hyperbolic tangent of x",
    "tanh of an infinity is 1 with its sign; tanh(-0) is -0.",
    'nf.tanh([0.5, 20.0], "float16", "toward_zero")',
    "array([0.46191406, 0.99951172])",
)
arcsin = _unary(
    "arcsin",
    "The inverse sine of x, in [-pi/2, pi/2] before rounding",
    "abs(x) > 1 gives NaN; arcsin(-0) is -0.",
    'nf.arcsin([1.0, 1.5], "bfloat16")',
    "array([1.5703125,       nan])",
)
arccos = _unary(
    "arccos",
    "The inverse cosine of x, in [0, pi] before rounding",
    "abs(x) > 1 gives NaN; arccos(1) is +0.",
    'nf.arccos([-1.0, 1.0], "bfloat16")',
    "array([3.140625, 0.      ])",
)
arctan = _unary(
    "arctan",
    "The inverse tangent of x, in [-pi/2, pi/2] before rounding",
    "arctan of an infinity is pi/2 rounded, with its sign.",
    'nf.arctan([1.0, float("-inf")], "bfloat16")',
    "array([ 0.78515625, -1.5703125 ])",
)
erf = _unary(
    "erf",
    "The error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x",
    "erf of an infinity is 1 with its sign; erf(-0) is -0.",
    'nf.erf([0.5, 4.0], "float16")',
    "array([0.52050781, 1.        ])",
)
sigmoid = _unary(
    "sigmoid",
    "The logistic function 1 / (1 + e^-x)",
    "sigmoid(-inf) is 0, sigmoid(inf) is 1.",
    'nf.sigmoid([-10.0, 0.5], "bfloat16")',
    "array([4.5299530e-05, 6.2109375e-01])",
)
softplus = _unary(
    "softplus",
    "ln(1 + e^x)",
    "softplus(-inf) is 0, softplus(inf) is inf.",
    'nf.softplus([-10.0, 0.5], "bfloat16")',
    "array([4.5299530e-05, 9.7265625e-01])",
)
gelu = _unary(
    "gelu",
    "x Phi(x), Phi being the normal distribution function (the exact GELU, no approximation by tanh)",
    "gelu(-inf) is -0, the limit; gelu(-0) is -0.",
    'nf.gelu([-1.0, 0.5], "bfloat16")',
    "array([-0.15820312,  0.34570312])",
)
