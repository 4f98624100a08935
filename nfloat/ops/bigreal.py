"""Elementary functions of dyadic numbers to any precision, in Python integers.

What decides a rounding when float64 cannot.

A number is m 2^e with integers m and e. Every function takes one (or two) and a working precision w and returns (v,
q): its value is v 2^q with an error of less than 2 units, `ERROR` 2^q. ("In fixed point" below means in units of
2^-w.)

Inside, `_GUARD` more bits are carried. Each step of a series or a reduction is off by a unit or two of those, there
are fewer than 2^16 steps at the precisions in use, and nothing amplifies an error by more than 2^12: together less
than a unit of the result, and cutting the guard bits off is another.

Domains, exact results, limits and the choice of precision are in ``leading_bits.py``; this file may assume finite
arguments where the function is defined and moderate: |x| < 1500 for the exponential family, < 50 for erf and gelu.
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

#: bound on the error of every result, in units of its last place
ERROR = 2
_GUARD = 40


def _fixed(m: int, e: int, w: int) -> int:
    """m 2^e in fixed point."""
    shift = e + w
    return m << shift if shift >= 0 else m >> -shift


def _drop(v: int, q: int) -> tuple[int, int]:
    """v 2^q without the guard bits."""
    return v >> _GUARD, q + _GUARD


# ------------------------------------------------------------ constants
def _inverse_series(n: int, w: int, sign: int) -> int:
    """atanh(1/n) (sign = 1) or atan(1/n) (sign = -1) in fixed point."""
    power = (1 << w) // n
    total = 0
    k = 1
    square = n * n
    while power:
        total += power // k if k % 4 == 1 or sign > 0 else -(power // k)
        power //= square
        k += 2
    return total


@lru_cache(maxsize=256)
def _ln2(w: int) -> int:
    """ln 2 = 18 atanh(1/26) - 2 atanh(1/4801) + 8 atanh(1/8749) in fixed point."""
    u = w + 16
    return (18 * _inverse_series(26, u, 1) - 2 * _inverse_series(4801, u, 1) + 8 * _inverse_series(8749, u, 1)) >> 16


@lru_cache(maxsize=256)
def _pi(w: int) -> int:
    """pi = 16 atan(1/5) - 4 atan(1/239) in fixed point (Machin)."""
    u = w + 16
    return (16 * _inverse_series(5, u, -1) - 4 * _inverse_series(239, u, -1)) >> 16


def pi(w: int) -> tuple[int, int]:
    """pi."""
    return _pi(w), -w


# ------------------------------------------------------------ exponential family
def _exp_small(t: int, w: int) -> int:
    """e^t for |t| < 1, both in fixed point: Taylor's series at t 2^-12, squared twelve times, with 24 bits to spare."""
    u = w + 24
    r = t << 12
    term = 1 << u
    total = 1 << u
    k = 1
    while term not in (0, -1):  # a negative number shifted right ends at -1
        term = ((term * r) >> u) // k
        total += term
        k += 1
    for _ in range(12):
        total = (total * total) >> u
    return total >> 24


def _exp_fixed(t: int, w: int) -> tuple[int, int]:
    """(v, n) with e^t = v 2^(n - w), for t in fixed point."""
    half = _ln2(w) >> 1
    n = (t + half) // _ln2(w)
    r = (t << 16) - n * _ln2(w + 16)
    return _exp_small(r >> 16, w), n


def exp(m: int, e: int, w: int) -> tuple[int, int]:
    """e^x."""
    w += _GUARD
    v, n = _exp_fixed(_fixed(m, e, w), w)
    return _drop(v, n - w)


def exp2(m: int, e: int, w: int) -> tuple[int, int]:
    """2^x: the integer part is exact."""
    w += _GUARD
    t = _fixed(m, e, w)
    n = (t + (1 << (w - 1))) >> w
    return _drop(_exp_small(((t - (n << w)) * _ln2(w)) >> w, w), n - w)


def expm1(m: int, e: int, w: int) -> tuple[int, int]:
    """e^x - 1."""
    w += _GUARD
    v, n = _exp_fixed(_fixed(m, e, w), w)
    if n >= 0:
        return _drop(v - _fixed(1, 0, w - n), n - w)
    return _drop((v >> -n) - (1 << w), -w)


def _exp_and_inverse(m: int, e: int, w: int) -> tuple[int, int, int]:
    """(a, b, q) with e^|x| = a 2^q and e^-|x| = b 2^q."""
    v, n = _exp_fixed(_fixed(abs(m), e, w), w)
    return v, ((1 << (2 * w)) // v) >> (2 * n), n - w


def sinh(m: int, e: int, w: int) -> tuple[int, int]:
    """(e^x - e^-x) / 2."""
    a, b, q = _exp_and_inverse(m, e, w + _GUARD)
    return _drop(a - b if m > 0 else b - a, q - 1)


def cosh(m: int, e: int, w: int) -> tuple[int, int]:
    """(e^x + e^-x) / 2."""
    a, b, q = _exp_and_inverse(m, e, w + _GUARD)
    return _drop(a + b, q - 1)


def tanh(m: int, e: int, w: int) -> tuple[int, int]:
    """(e^x - e^-x) / (e^x + e^-x)."""
    w += _GUARD
    a, b, _ = _exp_and_inverse(m, e, w)
    return _drop(((a - b if m > 0 else b - a) << w) // (a + b), -w)


def sigmoid(m: int, e: int, w: int) -> tuple[int, int]:
    """1 / (1 + e^-x), to w bits of the result also where that is small."""
    w += _GUARD
    v, n = _exp_fixed(_fixed(-abs(m), e, w), w)
    whole = (1 << w) + (v >> -n)
    return _drop((1 << (2 * w)) // whole, -w) if m > 0 else _drop((v << w) // whole, n - w)


def softplus(m: int, e: int, w: int) -> tuple[int, int]:
    """ln(1 + e^x)."""
    w += _GUARD
    v, n = _exp_fixed(_fixed(-abs(m), e, w), w)
    rest = _log_fixed((1 << w) + (v >> -n), -w, w)
    return _drop(rest + _fixed(max(m, 0), e, w), -w)


# ------------------------------------------------------------ logarithms
def _log_fixed(m: int, e: int, w: int) -> int:
    """ln(m 2^e) in fixed point: 2 atanh((f - 1) / (f + 1)), f the significand in sqrt(1/2)..sqrt(2), plus exponent."""
    b = m.bit_length()
    if m * m < 1 << (2 * b - 1):
        b -= 1
    t = ((m - (1 << b)) << w) // (m + (1 << b))
    square = (t * t) >> w
    total = 0
    k = 1
    while t not in (0, -1):
        total += t // k
        t = (t * square) >> w
        k += 2
    return 2 * total + (e + b) * _ln2(w)


def log(m: int, e: int, w: int) -> tuple[int, int]:
    """ln x."""
    w += _GUARD
    return _drop(_log_fixed(m, e, w), -w)


def log2(m: int, e: int, w: int) -> tuple[int, int]:
    """ln x / ln 2."""
    w += _GUARD
    return _drop((_log_fixed(m, e, w) << w) // _ln2(w), -w)


def log10(m: int, e: int, w: int) -> tuple[int, int]:
    """ln x / ln 10."""
    w += _GUARD
    return _drop((_log_fixed(m, e, w) << w) // _log_fixed(10, 0, w), -w)


def log1p(m: int, e: int, w: int) -> tuple[int, int]:
    """ln(1 + x); 1 + x is dyadic too."""
    return log(m + (1 << -e), e, w) if e < 0 else log((m << e) + 1, 0, w)


def power(m: int, e: int, m2: int, e2: int, w: int) -> tuple[int, int]:
    """x^y = e^(y ln x) for x > 0."""
    w += _GUARD
    wide = w + max(m2.bit_length() + e2, 0) // 64 * 64 + 64
    t = _fixed(m2 * _log_fixed(m, e, wide), e2 - wide, w)
    v, n = _exp_fixed(t, w)
    return _drop(v, n - w)


# ------------------------------------------------------------ circular functions
def _sine_cosine(m: int, e: int, w: int) -> tuple[int, int, int]:
    """(sin r, cos r, n) in fixed point, x = n pi/2 + r with |r| <= pi/4 (or a little more)."""
    wide = w + max(m.bit_length() + e, 0) // 64 * 64 + 80  # few different ones, so that pi is at hand
    right_angle, x = _pi(wide) >> 1, _fixed(m, e, wide)
    n = (2 * x + right_angle) // (2 * right_angle)
    r = (x - n * right_angle) >> (wide - w)
    square = (r * r) >> w
    sine = 0
    cosine = 0
    term = 1 << w
    k = 0
    while term not in (0, -1):
        cosine += term
        odd = ((term * r) >> w) // (k + 1)
        sine += odd
        term = -((term * square) >> w) // ((k + 1) * (k + 2))
        k += 2
    return sine, cosine, n & 3


def sin(m: int, e: int, w: int) -> tuple[int, int]:
    """sin x."""
    w += _GUARD
    s, c, n = _sine_cosine(m, e, w)
    return _drop((s, c, -s, -c)[n], -w)


def cos(m: int, e: int, w: int) -> tuple[int, int]:
    """cos x."""
    w += _GUARD
    s, c, n = _sine_cosine(m, e, w)
    return _drop((c, -s, -c, s)[n], -w)


def tan(m: int, e: int, w: int) -> tuple[int, int]:
    """sin x / cos x; where the cosine is small, its error counts more: the unit of the result is chosen accordingly."""
    w += _GUARD
    s, c, n = _sine_cosine(m, e, w)
    s, c = ((s, c), (c, -s))[n & 1]
    large = max(2 * (w - abs(c).bit_length()), 0)
    return _drop((s << w) // c >> large, large - w)


def circle_point(k: int, n: int, w: int) -> tuple[int, int, int]:
    """(c, s, q): cos and sin of 2 pi k / n are c 2^q and s 2^q, exactly so at the quarters."""
    if 4 * k % n == 0:
        c, s = ((1, 0), (0, 1), (-1, 0), (0, -1))[4 * k // n % 4]
        return c, s, 0
    angle = 2 * _pi(w + _GUARD) * (k % n) // n
    (s, q), (c, _) = sin(angle, -w - _GUARD, w), cos(angle, -w - _GUARD, w)
    return c, s, q


def arctan_ratio(n: int, d: int, w: int) -> tuple[int, int]:
    """atan(n / d) for n, d > 0."""
    w += _GUARD
    return _drop(_arctan_fixed(n, d, w), -w)


def _arctan_fixed(n: int, d: int, w: int) -> int:
    """atan(n / d) in fixed point: pi/2 - atan(d / n) above 1; three halvings of the angle, then the series."""
    if n > d:
        return (_pi(w) >> 1) - _arctan_fixed(d, n, w)
    t, one = (n << w) // d, 1 << w
    for _ in range(3):
        t = (t << w) // (one + isqrt((one << w) + t * t))
    square = (t * t) >> w
    total = 0
    k = 1
    while t:
        total += t // k if k % 4 == 1 else -(t // k)
        t = (t * square) >> w
        k += 2
    return total << 3


def _cosine_of_arcsine(x: int, w: int) -> int:
    """sqrt(1 - x^2) in fixed point."""
    one = 1 << w
    return isqrt((one - x) * (one + x))


def arcsin(m: int, e: int, w: int) -> tuple[int, int]:
    """asin x = atan(x / sqrt(1 - x^2)), of the sign of x."""
    w += _GUARD
    x = _fixed(abs(m), e, w)
    a = _arctan_fixed(x, _cosine_of_arcsine(x, w), w)
    return _drop(a if m > 0 else -a, -w)


def arccos(m: int, e: int, w: int) -> tuple[int, int]:
    """acos x = atan(sqrt(1 - x^2) / x) for x > 0, pi minus that of -x below."""
    w += _GUARD
    x = _fixed(abs(m), e, w)
    a = _arctan_fixed(_cosine_of_arcsine(x, w), x, w) if x else _pi(w) >> 1
    return _drop(a if m >= 0 else _pi(w) - a, -w)


# ------------------------------------------------------------ error function
def _normal_part(x: int, u: int, w: int) -> int:
    """e^(-u/2) sum of x u^k / (1 3 5 ... (2k + 1)) in fixed point; no cancellation, all terms are positive."""
    term, total, k = x, 0, 1
    while term:
        total += term
        k += 2
        term = ((term * u) >> w) // k
    v, n = _exp_fixed(-(u >> 1), w)
    return (total * v) >> (w - n)


def erf(m: int, e: int, w: int) -> tuple[int, int]:
    """2/sqrt(pi) times the series at u = 2 x^2."""
    w += _GUARD
    part = _normal_part(_fixed(abs(m), e, w), _fixed(2 * m * m, 2 * e, w), w)
    v = (2 * part << w) // isqrt(_pi(w) << w)
    return _drop(v if m > 0 else -v, -w)


def gelu(m: int, e: int, w: int) -> tuple[int, int]:
    """x Phi(x), Phi(x) = 1/2 + 1/sqrt(2 pi) times the series at u = x^2, of the sign of x."""
    w += _GUARD
    part = (_normal_part(_fixed(abs(m), e, w), _fixed(m * m, 2 * e, w), w) << w) // isqrt(2 * _pi(w) << w)
    phi = (1 << (w - 1)) + (part if m > 0 else -part)
    return _drop(_fixed(m * phi, e - w, w), -w)
