"""exp, log, tanh, sigmoid, erf and sums in float64 that are the same on every machine.

What losses, activations and drift are made of.

NumPy's own depend on the CPU: its exp, log and tanh choose among vector libraries and the C library's, its sums and
products (`sum`, `mean`, `dot`, `@`) add in an order that follows the width of a vector. Here everything is +, -, *, /
and the bits of float64, each of which IEEE 754 rounds in one way only, one array operation at a time, so that no
compiler can fuse two of them.

They are within 1 ulp (tanh, erf: 3), not correctly rounded as `nf.exp` is: that takes 0.2 microseconds a value in
float64, eight times as long as the rest of a step with 128 x 256 tanh units. Results that are rounded to a format of
p <= 24 afterwards are the correctly rounded ones but for some 2^-28 of them.

Forms and coefficients: FreeBSD's msun e_exp.c, e_log.c, s_tanh.c, s_erf.c (K. C. Ng and others; Sun Microsystems
1993).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps

import numpy as np
from numpy.typing import NDArray

#: float64 arrays, as the engine's annotations have them
Doubles = NDArray[np.floating]

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ONE_OVER_LN2 = 1.44269504088896338700
#: of r - r^2 P(r^2), by which exp(r) = 1 + 2 r / (2 - (r - r^2 P)); highest power first
_EXP = (
    4.13813679705723846039e-08,
    -1.65339022054652515390e-06,
    6.61375632143793436117e-05,
    -2.77777777770155933842e-03,
    1.66666666666666019037e-01,
)
#: of log(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)), s = f / (2 + f); highest power first
_LOG = (
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
    2.857142874366239149e-01,
    3.999999999940941908e-01,
    6.666666666666735130e-01,
)
ROOT_HALF = 0.7071067811865476
TWO_OVER_ROOT_PI = 1.1283791670955126
#: of erf, numerator and denominator, highest power first. |x| < 27/32: erf(x) = x + x P(x^2) / Q(x^2)
_ERF_NEAR = (
    (-2.37630166566501626084e-05, -5.77027029648944159157e-03, -2.84817495755985104766e-02,
     -3.25042107247001499370e-01, 1.28379167095512558561e-01),
    (-3.96022827877536812320e-06, 1.32494738004321644526e-04, 5.08130628187576562776e-03,
     6.50222499887672944485e-02, 3.97917223959155352819e-01, 1.0),
)  # fmt: skip
#: 27/32 <= |x| < 5/4: erf(1 + s) = _ERF_AT_ONE + P(s) / Q(s)
_ERF_MIDDLE = (
    (-2.16637559486879084300e-03, 3.54783043256182359371e-02, -1.10894694282396677476e-01,
     3.18346619901161753674e-01, -3.72207876035701323847e-01, 4.14856118683748331666e-01, -2.36211856075265944077e-03),
    (1.19844998467991074170e-02, 1.36370839120290507362e-02, 1.26171219808761642112e-01,
     7.18286544141962662868e-02, 5.40397917702171048937e-01, 1.06420880400844228286e-01, 1.0),
)  # fmt: skip
_ERF_AT_ONE = 8.45062911510467529297e-01
#: beyond: erf(x) = 1 - exp(-x^2 - 9/16 + P(1/x^2) / Q(1/x^2)) / x, up to x = 20/7 and from there on
_ERF_FAR = (
    (-9.81432934416914548592e+00, -8.12874355063065934246e+01, -1.84605092906711035994e+02,
     -1.62396669462573470355e+02, -6.23753324503260060396e+01, -1.05586262253232909814e+01,
     -6.93858572707181764372e-01, -9.86494403484714822705e-03),
    (-6.04244152148580987438e-02, 6.57024977031928170135e+00, 1.08635005541779435134e+02,
     4.29008140027567833386e+02, 6.45387271733267880336e+02, 4.34565877475229228821e+02, 1.37657754143519042600e+02,
     1.96512716674392571292e+01, 1.0),
)  # fmt: skip
_ERF_FARTHER = (
    (-4.83519191608651397019e+02, -1.02509513161107724954e+03, -6.37566443368389627722e+02,
     -1.60636384855821916062e+02, -1.77579549177547519889e+01, -7.99283237680523006574e-01,
     -9.86494292470009928597e-03),
    (-2.24409524465858183362e+01, 4.74528541206955367215e+02, 2.55305040643316442583e+03,
     3.19985821950859553908e+03, 1.53672958608443695994e+03, 3.25792512996573918826e+02, 3.03380607434824582924e+01,
     1.0),
)  # fmt: skip

#: values at a time, so that what is computed between stays in the cache
_PIECE = 8192


def _in_pieces(function: Callable[[Doubles], Doubles]) -> Callable[[Doubles], Doubles]:
    @wraps(function)
    def piecewise(x: Doubles) -> Doubles:
        if x.size <= _PIECE:
            return function(x)
        flat, out = x.reshape(-1), np.empty(x.size)
        for start in range(0, x.size, _PIECE):
            out[start : start + _PIECE] = function(flat[start : start + _PIECE])
        return out.reshape(x.shape)

    return piecewise


@_in_pieces
def exp(x: Doubles) -> Doubles:
    """e^x within 1 ulp; in subnormal results within 1 ulp of 2^-1074. NaN gives NaN.

    Examples
    --------
    >>> exp(np.array([0.0, 1.0, -np.inf, np.nan]))
    array([1.        , 2.71828183, 0.        ,        nan])
    """
    k, result = _exp_parts(np.maximum(np.minimum(x, 800.0), -800.0))
    result += 1.0
    half = np.floor(0.5 * k)  # in two steps: the power of two of either is a normal number
    result *= _power_of_two(half)
    result *= _power_of_two(k - half)
    return result


@_in_pieces
def log(x: Doubles) -> Doubles:
    """The natural logarithm within 1 ulp; -inf of zeros, NaN of negative numbers.

    Examples
    --------
    >>> log(np.array([1.0, 10.0, 0.0, np.inf]))
    array([0.        , 2.30258509,       -inf,        inf])
    """
    normal = (x >= 2.0**-1022) & (x < np.inf)
    if normal.all():
        return _log_of_normal(x, 0.0)
    tiny = (x > 0.0) & (x < 2.0**-1022)
    found = _log_of_normal(np.where(normal, x, np.where(tiny, x * 2.0**54, 1.0)), np.where(tiny, 54.0, 0.0))
    return np.where(normal | tiny, found, np.where(x == 0.0, -np.inf, np.where(x == np.inf, np.inf, np.nan)))


@_in_pieces
def tanh(x: Doubles) -> Doubles:
    """tanh(x) within 3 ulp, by expm1(-2 |x|); odd, -0 gives -0. NaN gives NaN.

    Examples
    --------
    >>> tanh(np.array([-0.0, 0.5, -np.inf]))
    array([-0.        ,  0.46211716, -1.        ])
    """
    size = np.abs(x)
    size *= -2.0
    k, less = _exp_parts(np.maximum(size, -80.0))
    scale = _power_of_two(k)
    less *= scale
    scale -= 1.0
    less += scale
    return np.copysign(less / (2.0 + less), x)


def sigmoid(x: Doubles) -> Doubles:
    """1 / (1 + exp(-x)), as (1 + tanh(x / 2)) / 2, which cannot overflow.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 + 0.5 * tanh(0.5 * x)


@_in_pieces
def erf(x: Doubles) -> Doubles:
    """The error function within 3 ulp; odd. NaN gives NaN.

    Examples
    --------
    >>> erf(np.array([-np.inf, 0.0, 1.0]))
    array([-1.        ,  0.        ,  0.84270079])
    """
    size = np.abs(x)
    result = np.array(x)
    near = size < 0.84375
    if near.all():
        return result + result * _ratio(_ERF_NEAR, result * result)
    inner = np.where(near, result, 0.0)
    np.copyto(result, inner + inner * _ratio(_ERF_NEAR, inner * inner), where=near)
    for place, values in _erf_beyond(size):
        result[place] = np.copysign(values, x[place])
    return result


def _erf_beyond(size: Doubles) -> Iterator[tuple[NDArray[np.bool_], Doubles]]:
    """(where, erf) of the parts from 27/32 on; erf is 1 from 6 on."""
    ends = (0.84375, 1.25, 20.0 / 7.0, 6.0)
    for low, high, form in zip(ends[:-1], ends[1:], (_ERF_MIDDLE, _ERF_FAR, _ERF_FARTHER), strict=True):
        place = (size >= low) & (size < high)
        v = size[place]
        if form is _ERF_MIDDLE:
            yield place, _ERF_AT_ONE + _ratio(form, v - 1.0)
            continue
        head = v.view(np.int64) & -0x100000000  # the high half: its square is exact
        z = head.view(np.float64)
        tail = exp(-z * z - 0.5625) * exp((z - v) * (z + v) + _ratio(form, 1.0 / (v * v)))
        yield place, 1.0 - tail / v
    place = size >= ends[-1]
    yield place, np.ones(np.count_nonzero(place))


def _ratio(form: tuple[tuple[float, ...], tuple[float, ...]], x: Doubles) -> Doubles:
    return _polynomial(form[0], x) / _polynomial(form[1], x)


def sums(x: Doubles, axis: int = -1) -> Doubles:
    """Sums along an axis, one element after the other: the last of the running sums, whose order nobody can choose.

    Examples
    --------
    >>> sums(np.array([[1e16, 1.0, -1e16], [1e16, -1e16, 1.0]]))
    array([0., 1.])
    """
    if x.shape[axis] == 0:
        return np.zeros(x.shape[:axis] + x.shape[axis:][1:])
    return np.add.accumulate(x, axis=axis, dtype=np.float64).take(-1, axis)


def halved_sums(x: Doubles, axes: Sequence[int]) -> Doubles:
    """Sums along axes, which stay as axes of one element: the first half added to the second until one is left.

    The middle one of an odd number is added to the first sum. Axes are summed in the order given. A quarter of the time
    of `sums`, and the order is as fixed.

    Examples
    --------
    >>> halved_sums(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), (1,))
    array([[15.]])
    """
    for axis in axes:
        before = (slice(None),) * (axis % x.ndim)
        if x.shape[axis] == 0:
            x = np.zeros((*x.shape[: len(before)], 1, *x.shape[len(before) + 1 :]))
        while (count := x.shape[axis]) > 1:
            half = count // 2
            pairs = x[*before, :half] + x[*before, half : 2 * half]
            if count % 2:
                pairs[*before, :1] += x[*before, count - 1 :]
            x = pairs
    return x


def total(x: Doubles) -> float:
    """The sum of all elements, in C order.

    Examples
    --------
    >>> total(np.array([[1.0, 2.0], [3.0, 4.0]]))
    10.0
    """
    return float(sums(np.ravel(x)))


def _log_of_normal(x: Doubles, lift: Doubles | float) -> Doubles:
    """ln(x 2^-lift) of positive normal numbers."""
    words = x.view(np.int64)
    k = (words >> 52) - 1022
    words = words & 0x000FFFFFFFFFFFFF
    words |= 0x3FE0000000000000
    m = words.view(np.float64)  # in [1/2, 1)
    small = m < ROOT_HALF
    k -= small
    # doubled where it is small: in [sqrt(1/2), sqrt(2))
    f = np.add(m, m, out=m, where=small)
    f -= 1.0
    exponent = k - lift
    s = f / (2.0 + f)
    z, square = s * s, 0.5 * f * f
    high, low = exponent * _LN2_HIGH, exponent * _LN2_LOW
    return high - ((square - (s * (square + z * _polynomial(_LOG, z)) + low)) - f)


def _exp_parts(x: Doubles) -> tuple[Doubles, Doubles]:
    """(k, e^r - 1) with x = k ln 2 + r, abs(r) <= ln(2) / 2."""
    k = np.rint(x * _ONE_OVER_LN2)
    high, low = x - k * _LN2_HIGH, k * _LN2_LOW
    r = high - low
    square = r * r
    square *= _polynomial(_EXP, square)
    c = r - square
    r *= c
    r /= np.subtract(2.0, c, out=c)
    low -= r
    high -= low
    return k, high


def _polynomial(coefficients: tuple[float, ...], x: Doubles) -> Doubles:
    """By Horner, highest power first; the first operation makes the array that the others write into."""
    y = x * coefficients[0]
    for c in coefficients[1:-1]:
        y += c
        y *= x
    y += coefficients[-1]
    return y


def _power_of_two(k: Doubles) -> Doubles:
    """2^k for whole k in -1022..1023 (of NaN: some power), by the exponent field."""
    with np.errstate(invalid="ignore"):
        words = k.astype(np.int64)
    words += 1023
    words <<= 52
    return words.view(np.float64)
