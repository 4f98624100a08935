"""exp, log, tanh, sigmoid, erf, normal_cdf in float64: the same bits on every machine; sums one after the other.

What they promise, and why they are not the correctly rounded ones, stands in ``nfloat/nn/elementary.py``. Everything is
+, -, *, / and bits, in the order in which it is written, and without a branch: all forms are computed and one is taken,
so that LLVM finds lanes in every loop. Whole numbers are rounded to, and taken out of a float, by adding 1.5 2^52.

Forms and coefficients: FreeBSD's msun e_exp.c, e_log.c, s_tanh.c, s_erf.c (K. C. Ng and others; Sun Microsystems 1993).
"""

from __future__ import annotations

import math

import numpy as np

from ..bits import float32_as_int32, float64_as_int64, greater, int64_as_float64, lesser
from ..jit import device, kernel
from . import halves

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ONE_OVER_LN2 = 1.44269504088896338700
_ROOT_HALF = 0.7071067811865476
#: a sum with it has the units of a whole number for its last bits
_WHOLE = 6755399441055744.0
_WHOLE_BITS = 0x4338000000000000
_FRACTION, _HALF_BITS = 0x000FFFFFFFFFFFFF, 0x3FE0000000000000


@device
def _polynomial3(x, a, b, c):
    return (x * a + b) * x + c


@device
def _polynomial5(x, a, b, c, d, e):
    return (_polynomial3(x, a, b, c) * x + d) * x + e


@device
def _polynomial7(x, a, b, c, d, e, f, g):
    return (_polynomial5(x, a, b, c, d, e) * x + f) * x + g


@device
def _whole(x):
    """x rounded to a whole number, abs(x) < 2^51."""
    return (x + _WHOLE) - _WHOLE


@device
def _power_of_two(k):
    """2^k for whole k in -1022..1023; of NaN, some number."""
    return int64_as_float64((float64_as_int64(k + _WHOLE) - _WHOLE_BITS + 1023) << 52)


@device
def _exp_parts(x):
    """(k, e^r - 1) with x = k ln 2 + r, abs(r) <= ln(2) / 2: 1 + 2 r / (2 - (r - r^2 P(r^2))) is e^r."""
    k = _whole(x * _ONE_OVER_LN2)
    high, low = x - k * _LN2_HIGH, k * _LN2_LOW
    r = high - low
    square = r * r
    c = r - square * _polynomial5(
        square, 4.13813679705723846039e-08, -1.65339022054652515390e-06, 6.61375632143793436117e-05,
        -2.77777777770155933842e-03, 1.66666666666666019037e-01,
    )  # fmt: skip
    return k, high - (low - (r * c) / (2.0 - c))


@device
def exp_value(x):
    """e^x within 1 ulp; in subnormal results within 1 ulp of 2^-1074."""
    x = 800.0 if x > 800.0 else x
    x = -800.0 if x < -800.0 else x
    k, less = _exp_parts(x)
    half = _whole(0.5 * k - 0.25)  # rounded down; in two steps, since the power of two of either is a normal number
    return (less + 1.0) * _power_of_two(half) * _power_of_two(k - half)


@device
def tanh_value(x):
    """tanh(x) within 3 ulp, by expm1(-2 |x|)."""
    size = -2.0 * abs(x)
    k, less = _exp_parts(-80.0 if size < -80.0 else size)
    scale = _power_of_two(k)
    less = less * scale + (scale - 1.0)
    return math.copysign(less / (2.0 + less), x)


@device
def sigmoid_value(x):
    """1 / (1 + e^-x) within 3 ulp, as e^x / (1 + e^x) where x < 0: small results are not what is left of 1/2."""
    power = exp_value(-abs(x))
    return (power if x < 0.0 else 1.0) / (1.0 + power)


@device
def log_value(x):
    """ln(x) within 1 ulp: log(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)), s = f / (2 + f)."""
    tiny = x < 2.0**-1022
    words = float64_as_int64(x * 18014398509481984.0 if tiny else x)
    m = int64_as_float64((words & _FRACTION) | _HALF_BITS)  # in [1/2, 1)
    small = m < _ROOT_HALF
    f = (m + m if small else m) - 1.0
    exponent = float((words >> 52) - 1022 - (1 if small else 0) - (54 if tiny else 0))
    s = f / (2.0 + f)
    z, square = s * s, 0.5 * f * f
    rest = z * _polynomial7(
        z, 1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
        2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01,
    )  # fmt: skip
    found = exponent * _LN2_HIGH - ((square - (s * (square + rest) + exponent * _LN2_LOW)) - f)
    found = found if x < math.inf else x  # infinity and NaN stay
    found = found if x > 0.0 else math.nan
    found = found if x == x else x
    return found if x != 0.0 else -math.inf


@device
def _erf_near(x):
    """abs(x) < 27/32: x + x P(x^2) / Q(x^2)."""
    z = x * x
    over = _polynomial5(
        z, -2.37630166566501626084e-05, -5.77027029648944159157e-03, -2.84817495755985104766e-02,
        -3.25042107247001499370e-01, 1.28379167095512558561e-01,
    )  # fmt: skip
    under = z * _polynomial5(
        z, -3.96022827877536812320e-06, 1.32494738004321644526e-04, 5.08130628187576562776e-03,
        6.50222499887672944485e-02, 3.97917223959155352819e-01,
    ) + 1.0  # fmt: skip
    return x + x * (over / under)


@device
def _erf_middle(v):
    """27/32 <= v < 5/4: erf(1 + s) = erf(1), roughly, + P(s) / Q(s)."""
    s = v - 1.0
    over = _polynomial7(
        s, -2.16637559486879084300e-03, 3.54783043256182359371e-02, -1.10894694282396677476e-01,
        3.18346619901161753674e-01, -3.72207876035701323847e-01, 4.14856118683748331666e-01,
        -2.36211856075265944077e-03,
    )  # fmt: skip
    under = _polynomial7(
        s, 1.19844998467991074170e-02, 1.36370839120290507362e-02, 1.26171219808761642112e-01,
        7.18286544141962662868e-02, 5.40397917702171048937e-01, 1.06420880400844228286e-01, 1.0,
    )  # fmt: skip
    return 8.45062911510467529297e-01 + over / under


@device
def _erfc_far(v, beyond):
    """1 - erf(v), v >= 5/4: exp(-v^2 - 9/16 + P(1/v^2) / Q(1/v^2)) / v; `beyond`: from 20/7 on, other P and Q."""
    s = 1.0 / (v * v)
    over = s * _polynomial7(
        s, -9.81432934416914548592e+00, -8.12874355063065934246e+01, -1.84605092906711035994e+02,
        -1.62396669462573470355e+02, -6.23753324503260060396e+01, -1.05586262253232909814e+01,
        -6.93858572707181764372e-01,
    ) + -9.86494403484714822705e-03  # fmt: skip
    under = _polynomial3(
        s, _polynomial7(
            s, -6.04244152148580987438e-02, 6.57024977031928170135e+00, 1.08635005541779435134e+02,
            4.29008140027567833386e+02, 6.45387271733267880336e+02, 4.34565877475229228821e+02,
            1.37657754143519042600e+02,
        ), 1.96512716674392571292e+01, 1.0,
    )  # fmt: skip
    over_beyond = _polynomial7(
        s, -4.83519191608651397019e+02, -1.02509513161107724954e+03, -6.37566443368389627722e+02,
        -1.60636384855821916062e+02, -1.77579549177547519889e+01, -7.99283237680523006574e-01,
        -9.86494292470009928597e-03,
    )  # fmt: skip
    under_beyond = s * _polynomial7(
        s, -2.24409524465858183362e+01, 4.74528541206955367215e+02, 2.55305040643316442583e+03,
        3.19985821950859553908e+03, 1.53672958608443695994e+03, 3.25792512996573918826e+02, 3.03380607434824582924e+01,
    ) + 1.0  # fmt: skip
    ratio = over_beyond / under_beyond if beyond else over / under
    z = int64_as_float64(float64_as_int64(v) & -0x100000000)  # the high half: its square is exact
    tail = exp_value(-z * z - 0.5625) * exp_value((z - v) * (z + v) + ratio)
    return tail / v


@device
def erf_value(x):
    """The error function within 3 ulp; odd; from 6 on it is 1."""
    v = abs(x)
    found = 1.0 - _erfc_far(v, v >= 20.0 / 7.0)
    middle, near = _erf_middle(v), _erf_near(x)
    found = middle if v < 1.25 else found
    found = math.copysign(1.0 if v >= 6.0 else found, x)
    found = near if v < 0.84375 else found
    return found if x == x else x


@device
def normal_cdf_value(x):
    """(1 + erf(x / sqrt(2))) / 2, by 1 - erf where x < 0: small results are not what is left of 1/2."""
    v = abs(x) * _ROOT_HALF
    v = 40.0 if v > 40.0 else v  # the share beyond is 0
    beyond = 0.5 * _erfc_far(v, v >= 20.0 / 7.0)
    beyond = beyond if v >= 1.25 else 0.5 - 0.5 * erf_value(v)
    found = beyond if x < 0.0 else 1.0 - beyond
    return found if x == x else x


_ARRAYS = "void(float64[::1], float64[::1])"


@kernel(_ARRAYS)
def exp_array(x, out):
    """out[i] = e^x[i]."""
    for i in range(x.size):
        out[i] = exp_value(x[i])


@kernel(_ARRAYS)
def log_array(x, out):
    """out[i] = ln(x[i])."""
    for i in range(x.size):
        out[i] = log_value(x[i])


@kernel(_ARRAYS)
def tanh_array(x, out):
    """out[i] = tanh(x[i])."""
    for i in range(x.size):
        out[i] = tanh_value(x[i])


@kernel(_ARRAYS)
def sigmoid_array(x, out):
    """out[i] = sigmoid(x[i])."""
    for i in range(x.size):
        out[i] = sigmoid_value(x[i])


@kernel(_ARRAYS)
def erf_array(x, out):
    """out[i] = erf(x[i])."""
    for i in range(x.size):
        out[i] = erf_value(x[i])


@kernel(_ARRAYS)
def normal_cdf_array(x, out):
    """out[i] = normal_cdf(x[i])."""
    for i in range(x.size):
        out[i] = normal_cdf_value(x[i])


@kernel("float64(float64[::1])")
def running_sum(x):
    """x[0] + x[1] + ..., one after the other; 0 of nothing."""
    if x.size == 0:
        return 0.0
    s = x[0]
    for i in range(1, x.size):
        s += x[i]
    return s


@kernel("void(float64[:, ::1], float64[::1])")
def halved_sums(x, out):
    """out[i] = the sum of row i by halves; rows have one element at least."""
    halves.halved_rows(x.reshape(-1), 0, x.shape[0], x.shape[1], out, np.empty(x.shape[1] // 2 + 1))


@kernel("void(float32[::1], float32[::1], float32[::1])", "void(float64[::1], float64[::1], float64[::1])")
def where_positive(x, y, out):
    """out[i] = y[i] where x[i] > 0, else +0."""
    for i in range(x.size):
        out[i] = y[i] if x[i] > 0 else x.dtype.type(0)


@device
def _is_finite(x):
    most, most64 = np.int32(0), np.int64(0)
    if x.itemsize == 4:
        for i in range(x.size):
            most = np.int32(greater(most, np.int32(float32_as_int32(np.float32(x[i])) & np.int32(0x7FFFFFFF))))
        return most < np.int32(0x7F800000)
    for i in range(x.size):
        most64 = greater(most64, float64_as_int64(np.float64(x[i])) & 0x7FFFFFFFFFFFFFFF)
    return most64 < (0x7FF << 52)


@kernel("boolean(float32[::1])", "boolean(float64[::1])")
def is_finite(x):
    """Whether no number is an infinity or NaN."""
    return _is_finite(x)


@kernel("boolean(float32[::1], float32, float32[::1])", "boolean(float64[::1], float64, float64[::1])")
def divided(x, divisor, out):
    """out[i] = x[i] / divisor; whether no quotient is an infinity or NaN."""
    finite = True
    for start in range(0, x.size, 4096):  # what was written is still near when it is looked at
        stop = lesser(x.size, start + 4096)
        for i in range(start, stop):
            out[i] = x[i] / divisor
        finite = finite and _is_finite(out[start:stop])
    return finite
