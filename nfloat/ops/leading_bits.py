"""Elementary functions of float64 numbers to 128 bits for certain: what is left when float64 cannot decide a rounding.

`leading_bits(name, x, y)` gives the leading 128 bits of the result and whether anything follows them, which is all that
a rounding asks for (``kernels/arithmetic/wide.py``). Three cases:

exact
    The results that are dyadic numbers. By Lindemann's theorem (and Siegel and Shidlovskii's for erf) the
    exponential, circular and error functions have them at their zero or fixed point only; logarithms and powers have
    the algebraic ones.
near
    Results that differ from a dyadic number by less than 2^-130 of it, in a direction known from the series' next
    term. Likewise results beyond all formats, above 2^1100 or below 2^-1200, where only that is needed.
else
    ``bigreal.py`` at 256, 512, 1024 ... bits, until the error bound leaves no doubt about 128 of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from math import isqrt
from typing import NamedTuple

from . import bigreal


class Leading(NamedTuple):
    """(-1)^negative (N + s) 2^q, 0 <= s < 1, s > 0 iff `more`; N < 2^128 has 126 bits or more, or is all there is."""

    negative: bool
    N: int
    more: bool
    q: int


def _split(x: float) -> tuple[int, int]:
    """(m, e) with x = m 2^e, m odd or 0."""
    n, d = x.as_integer_ratio()
    if n == 0:
        return 0, 0
    low = (n & -n).bit_length() - 1
    return n >> low, low - d.bit_length() + 1


def _dyadic(m: int, e: int) -> Leading:
    """m 2^e itself."""
    a = abs(m)
    cut = max(a.bit_length() - 128, 0)
    return Leading(m < 0, a >> cut, a & ((1 << cut) - 1) != 0, e + cut)


def _near(x: float, outward: bool) -> Leading:
    """A number that differs from x by almost nothing, larger in magnitude or smaller."""
    m, e = _split(x)
    up = 127 - abs(m).bit_length()
    return Leading(m < 0, (abs(m) << up) - (not outward), True, e - up)


def _tiny(negative: bool) -> Leading:
    return Leading(negative, 1, True, -3000)


def _huge(negative: bool) -> Leading:
    return Leading(negative, 1, True, 3000)


def leading_bits(name: str, x: float, y: float = 0.0) -> Leading:
    """The leading bits of function `name` at x (arctan2: of y/x's angle; power: x^y), for a finite non-zero result.

    Infinite arguments are taken for arctan and arctan2 alone; elsewhere their results are special values.
    """
    return _kept(name, x, y, math.copysign(1.0, x), math.copysign(1.0, y))


@lru_cache(maxsize=1 << 14)
def _kept(name: str, x: float, y: float, *signs: float) -> Leading:
    """`leading_bits`, kept for the next time; the signs tell -0 from 0, which are equal keys."""
    if name == "power":
        return _power(x, y)
    if name == "arctan2":
        return _arctan2(x, y)
    if name == "arctan":
        return _arctan2(x, 1.0)
    known = (_LIMITS[name](x) if name in _LIMITS else None) or _exact(name, x)
    if known is not None:
        return known
    m, e = _split(x)
    return _enclose(lambda w: getattr(bigreal, name)(m, e, w))


def _enclose(function: Callable[[int], tuple[int, int]]) -> Leading:
    for w in (256 << k for k in range(8)):
        v, q = function(w)
        a = abs(v)
        cut = a.bit_length() - 127
        low, high = a - bigreal.ERROR, a + bigreal.ERROR
        if cut > 2 and low >> cut == high >> cut:
            return Leading(v < 0, low >> cut, True, q + cut)
    raise ArithmeticError("a zero or dyadic result that certain() does not know as one")


# ------------------------------------------------------------ exact results
def _exact(name: str, x: float) -> Leading | None:
    """The result at x if it is dyadic, zero arguments and results apart."""
    if x == 0.0:
        at_zero = {"exp": 1.0, "exp2": 1.0, "cos": 1.0, "cosh": 1.0, "sigmoid": 0.5}
        return _dyadic(*_split(at_zero[name])) if name in at_zero else None
    if name == "exp2" and x == math.floor(x):
        return _dyadic(1, int(x))
    if name == "log2" and _split(x)[0] == 1:
        return _dyadic(_split(x)[1], 0)
    if name == "log10" and x >= 10.0 and x in _POWERS_OF_TEN:
        return _dyadic(_POWERS_OF_TEN.index(x), 0)
    return None


#: those that float64 holds
_POWERS_OF_TEN = [float(10**k) for k in range(23)]


def _exact_power(x: float, y: float) -> tuple[int, int] | None:
    """(m, e) of x^y for x > 0 if it is dyadic and not too long to write down."""
    m, e = _split(x)
    n, s = _split(y)
    while s < 0:  # y = n / 2^-s with n odd: x must have that many square roots
        root = isqrt(m)
        if root * root != m or e % 2 or (m == 1 and e == 0):
            return (1, 0) if m == 1 and e == 0 else None
        m = root
        e = e // 2
        s = s + 1
    n <<= s
    if m == 1:
        return 1, e * n
    return (m**n, e * n) if 0 < n * m.bit_length() <= 8192 else None


# ------------------------------------------------------------ limits
def _odd(x: float, outward: bool) -> Leading | None:
    """f(x) = x -+ x^3 / c ..."""
    return _near(x, outward) if abs(x) < 2.0**-100 else None


def _exponential(x: float, largest: float, least: float) -> Leading | None:
    if abs(x) < 2.0**-140:
        return _near(1.0, x > 0.0) if x else None
    return _huge(False) if x > largest else _tiny(False) if x < least else None


def _hyperbolic(x: float, near_zero: Leading | None, negative: bool) -> Leading | None:
    return near_zero or (_huge(negative) if abs(x) > 800.0 else None)


def _expm1(x: float) -> Leading | None:
    if abs(x) < 2.0**-140:
        return _near(x, x > 0.0)
    return _huge(False) if x > 800.0 else _near(-1.0, False) if x < -100.0 else None


def _sigmoid(x: float) -> Leading | None:
    if abs(x) < 2.0**-140:
        return _near(0.5, x > 0.0) if x else None
    return _near(1.0, False) if x > 100.0 else _tiny(False) if x < -900.0 else None


def _softplus(x: float) -> Leading | None:
    return _near(x, True) if x > 100.0 else _tiny(False) if x < -900.0 else None


def _gelu(x: float) -> Leading | None:
    if abs(x) < 2.0**-140:
        half = _near(x, x > 0.0)
        return half._replace(q=half.q - 1)
    return _near(x, False) if x > 15.0 else _tiny(True) if x < -42.0 else None


def _erf(x: float) -> Leading | None:
    if abs(x) >= 2.0**-100:
        return _near(math.copysign(1.0, x), False) if abs(x) > 12.0 else None
    m, e = _split(x)  # 2 x / sqrt(pi), less 2^-200 of it; 400 bits leave room for the significand's 53
    v = (2 * abs(m) << 800) // isqrt(bigreal.pi(400)[0] << 400)
    cut = v.bit_length() - 127
    return Leading(m < 0, v >> cut, True, e - 400 + cut)


_LIMITS: dict[str, Callable[[float], Leading | None]] = {
    "exp": lambda x: _exponential(x, 800.0, -900.0),
    "exp2": lambda x: _exponential(x, 1100.0, -1300.0),
    "expm1": _expm1,
    "log1p": lambda x: _near(x, x < 0.0) if abs(x) < 2.0**-140 else None,
    "sin": lambda x: _odd(x, False),
    "tan": lambda x: _odd(x, True),
    "cos": lambda x: _near(1.0, False) if 0.0 < abs(x) < 2.0**-100 else None,
    "arcsin": lambda x: _odd(x, True),
    "sinh": lambda x: _hyperbolic(x, _odd(x, True), x < 0.0),
    "cosh": lambda x: _hyperbolic(x, _near(1.0, True) if 0.0 < abs(x) < 2.0**-100 else None, False),
    "tanh": lambda x: _odd(x, False) or (_near(math.copysign(1.0, x), False) if abs(x) > 60.0 else None),
    "erf": _erf,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "gelu": _gelu,
}


# ------------------------------------------------------------ two arguments
def _power(x: float, y: float) -> Leading:
    """x^y for finite x != 0, y != 0; negative x with an integer y."""
    negative = x < 0.0 and y % 2.0 == 1.0
    x = abs(x)
    size = y * math.log2(x) if x != 1.0 else 0.0
    if abs(size) > 1200.0:
        return _huge(negative) if size > 0.0 else _tiny(negative)
    exact = _exact_power(x, y)
    if exact is not None:
        return _dyadic(*exact)._replace(negative=negative)
    if abs(size) < 2.0**-140:
        above = (x > 1.0) == (y > 0.0)  # `size` may have underflowed
        return _near(1.0, above)._replace(negative=negative)
    arguments = (*_split(x), *_split(y))
    return _enclose(lambda w: bigreal.power(*arguments, w))._replace(negative=negative)


def _arctan2(y: float, x: float) -> Leading:
    """The angle of the point (x, y), y != 0 or x < 0."""
    negative = math.copysign(1.0, y) < 0.0
    if math.isinf(x) or math.isinf(y) or x == 0.0 or y == 0.0:
        return _pi_multiple(_eighths(abs(y), x))._replace(negative=negative)
    (n, e), (d, e2) = _split(abs(y)), _split(abs(x))
    e -= e2
    if x > 0.0 and n.bit_length() + e - d.bit_length() < -100:  # y/x, less 2^-200 of it
        quotient, rest = divmod(n << 200, d)
        cut = quotient.bit_length() - 127
        below = quotient - (rest == 0)
        return Leading(negative, below >> cut, True, e - 200 + cut)
    n, d = (n << e, d) if e >= 0 else (n, d << -e)

    def angle(w: int) -> tuple[int, int]:
        v, q = bigreal.arctan_ratio(n, d, w)
        return (v, q) if x > 0.0 else (bigreal.pi(w)[0] - v, q)

    return _enclose(angle)._replace(negative=negative)


def _eighths(y: float, x: float) -> int:
    """The angle in quarters of pi where an argument is zero or infinite, y >= 0; angles of zero are not asked for."""
    if math.isinf(x) and math.isinf(y):
        return 1 if x > 0.0 else 3
    return 2 if math.isinf(y) or (x == 0.0 and y != 0.0) else 4


def _pi_multiple(quarters: int) -> Leading:
    def value(w: int) -> tuple[int, int]:
        v, q = bigreal.pi(w + 4)
        return quarters * v >> 2, q

    return _enclose(value)
