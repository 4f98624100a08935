"""Elementary functions in float64 and float32, with a bound on their error: the first step of each one.

NumPy and SciPy compute them. What is relied on is stated as `Approximation.error`, the largest relative error, and
leaves a wide margin: NumPy tests its functions to 4 ulp (2^-50 in float64, 2^-21 in float32;
``numpy/_core/tests/test_umath_accuracy.py``), C libraries reach 1 to 2.3 ulp (Zimmermann et al., Accuracy of
Mathematical Functions, 2024), Cephes' erf and erfc, which SciPy uses, 2^-51 and 2^-44.
``tests/ops/test_approximations.py`` measures all of them against exact values. A smaller error than stated changes no
result, and neither does another library on another machine: only what is certain is taken from here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..kernels.arithmetic.functions import Traits
from .leading_bits import leading_bits

Floats: TypeAlias = NDArray[np.float64]
Singles: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Approximation:
    """evaluate(*operands) -> y with |y - f| <= error |f| where y and f are normal; what special results mean.

    `extended`: the same in longdouble, with an error of `EXTENDED_ERROR`.
    `exact(*operands)`, for functions of two arguments: where y is exact. `single`, if there is one: the same in float32
    for |y| in 2^-100 .. 2^100, with an error of `single_error`.
    """

    evaluate: Callable[..., Floats]
    traits: Traits = Traits.EXACT_AT_ZERO
    error: float = 2.0**-47
    exact: Callable[..., NDArray[np.bool_]] | None = None
    single: Callable[..., Singles] | None = None
    single_error: float = 2.0**-20
    extended: Callable[..., NDArray[Any]] | None = None


def _circular(name: str) -> Callable[[Floats], Floats]:
    """A circular function whose small results of large arguments are not NumPy's.

    What reduces a large argument leaves an absolute error (2^-92 in Intel's library from 2^30 on), which is too much
    beside a multiple of pi/2. A result below 2^-20 is so rare there that it may take its time.
    """
    function = getattr(np, name)

    def evaluate(x: Floats) -> Floats:
        y = function(x)
        if x.size and x.max() < _LARGE and x.min() > -_LARGE:
            return y
        small = (np.abs(x) >= _LARGE) & ((np.abs(y) < _SMALL) | (np.abs(y) > 1 / _SMALL))
        for i in np.flatnonzero(small & np.isfinite(x)):
            z = leading_bits(name, float(x[i]))
            y[i] = math.ldexp(-z.N if z.negative else z.N, z.q)
        return y

    return evaluate


_LARGE, _SMALL = 2.0**20, 2.0**-20


def _sigmoid(x: Floats) -> Floats:
    from scipy.special import expit

    return expit(x)


def _erf(x: Floats) -> Floats:
    from scipy.special import erf

    return erf(x)


def _softplus(x: Floats) -> Floats:
    return np.logaddexp(x, 0.0)


def _plain_sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    return 1 / (1 + np.exp(-x))


def _plain_softplus(x: NDArray[Any]) -> NDArray[Any]:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _gelu(x: Floats) -> Floats:
    """x Phi(x), -0 at -inf. The rounded argument of erfc costs x^2 2^-53, and x > -39 where it counts."""
    from scipy.special import ndtr

    return np.where(x == -np.inf, -0.0, x * ndtr(x))


def _power(x: Floats, y: Floats) -> Floats:
    z, first = np.power(x, y), y == 1.0
    return np.where(first, x, z) if first.any() else z


def _power_is_exact(x: Floats, y: Floats) -> NDArray[np.bool_]:
    """First powers too: in directed modes each would have to be computed for certain."""
    return (y == 1.0) | (x == 0.0) | (np.abs(x) == 1.0) | (y == 0.0) | ~np.isfinite(x) | ~np.isfinite(y)


def _arctan2_is_exact(y: Floats, x: Floats) -> NDArray[np.bool_]:
    """The angle is zero: on the positive axis, or at its end."""
    zero = (y == 0.0) & ~np.signbit(x)
    return zero | np.isnan(y) | np.isnan(x) | (np.isposinf(x) & np.isfinite(y))


#: of the functions in longdouble; glibc states at most 5 units of 2^-63 for each of them (The GNU C Library, Errors in
#: Math Functions)
EXTENDED_ERROR = 2.0**-59

_T = Traits
_AT_ZERO, _UNDER, _OVER = _T.EXACT_AT_ZERO, _T.UNDERFLOWS, _T.OVERFLOWS

#: name -> its float64 form; the names are those of ``leading_bits.py`` and of the public functions
APPROXIMATIONS: dict[str, Approximation] = {
    "exp": Approximation(np.exp, _AT_ZERO | _UNDER | _OVER | _T.BESIDE_ONE, single=np.exp, extended=np.exp),
    "exp2": Approximation(np.exp2, _AT_ZERO | _UNDER | _OVER | _T.BESIDE_ONE, single=np.exp2, extended=np.exp2),
    "expm1": Approximation(
        np.expm1, _AT_ZERO | _OVER | _T.GREATER_THAN_X | _T.ABOVE_MINUS_ONE, single=np.expm1, extended=np.expm1
    ),
    "log": Approximation(np.log, single=np.log, extended=np.log),
    "log2": Approximation(np.log2, single=np.log2, extended=np.log2),
    "log10": Approximation(np.log10, single=np.log10, extended=np.log10),
    "log1p": Approximation(np.log1p, _AT_ZERO | _T.LESS_THAN_X, single=np.log1p, extended=np.log1p),
    "sin": Approximation(_circular("sin"), _AT_ZERO | _T.WITHIN_X | _T.WITHIN_ONE, single=np.sin, extended=np.sin),
    "cos": Approximation(_circular("cos"), _AT_ZERO | _T.WITHIN_ONE, single=np.cos, extended=np.cos),
    "tan": Approximation(_circular("tan"), _AT_ZERO | _T.BEYOND_X, single=np.tan, extended=np.tan),
    "sinh": Approximation(np.sinh, _AT_ZERO | _OVER | _T.BEYOND_X, single=np.sinh, extended=np.sinh),
    "cosh": Approximation(np.cosh, _AT_ZERO | _OVER | _T.BEYOND_ONE, single=np.cosh, extended=np.cosh),
    "tanh": Approximation(np.tanh, _AT_ZERO | _T.WITHIN_X | _T.WITHIN_ONE, single=np.tanh, extended=np.tanh),
    "arcsin": Approximation(np.arcsin, _AT_ZERO | _T.BEYOND_X, single=np.arcsin, extended=np.arcsin),
    "arccos": Approximation(np.arccos, _T(0), single=np.arccos, extended=np.arccos),
    "arctan": Approximation(np.arctan, _AT_ZERO | _T.WITHIN_X, single=np.arctan, extended=np.arctan),
    "erf": Approximation(_erf, _AT_ZERO | _T.WITHIN_ONE),
    "sigmoid": Approximation(
        _sigmoid, _AT_ZERO | _UNDER | _T.BESIDE_HALF | _T.WITHIN_ONE, single=_plain_sigmoid, extended=_plain_sigmoid
    ),
    "softplus": Approximation(_softplus, _UNDER | _T.GREATER_THAN_X, single=_plain_softplus, extended=_plain_softplus),
    "gelu": Approximation(_gelu, _AT_ZERO | _UNDER | _T.WITHIN_X, error=2.0**-39),
    "power": Approximation(_power, _AT_ZERO | _UNDER | _OVER, exact=_power_is_exact, extended=np.power),
    "arctan2": Approximation(np.arctan2, _AT_ZERO | _UNDER, exact=_arctan2_is_exact, extended=np.arctan2),
}
