"""Exact results of arithmetic on float64 numbers, in Python's integers.

What the sweep of formats at random compares with.

One function an operation, each as the definition reads; NaN, infinities and zeros are IEEE 754-2019's (clauses 6 and
9.2) and, in formats whose zero has no sign, P3109 v4.0's. It shares nothing with ``kernels/arithmetic/results.py``. A
result is a `Result` of ``exact_cut.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..formats.format import Format
from .exact_cut import CANCELLED, Result

#: quotients and roots are given to so many bits at least, and whether more follow: 53 of a number, 64 of the fraction,
#: some more
_BITS = 132


def _parts(x: float) -> tuple[int, int]:
    """(m, q) with x = m 2^q."""
    m, e = math.frexp(x)
    return int(m * 2**53), e - 53


def _whole(m: int, q: int) -> Result:
    return (m < 0, abs(m), q, False) if m else CANCELLED


def _signed_zero(negative: bool) -> float:
    return -0.0 if negative else 0.0


def _negative(x: float) -> bool:
    return math.copysign(1.0, x) < 0


def _added(m: int, q: int, y: float) -> Result:
    m2, q2 = _parts(y)
    low = min(q, q2)
    return _whole((m << (q - low)) + (m2 << (q2 - low)), low)


def _add(x: float, y: float, unsigned_zero: bool) -> Result:
    if not (math.isfinite(x) and math.isfinite(y)):
        return x + y
    if x == 0 and y == 0:
        return _signed_zero(_negative(x)) if _negative(x) == _negative(y) else CANCELLED
    return _added(*_parts(x), y)


def _subtract(x: float, y: float, unsigned_zero: bool) -> Result:
    return _add(x, 0.0 if unsigned_zero and y == 0 else -y, unsigned_zero)


def _multiply(x: float, y: float, unsigned_zero: bool) -> Result:
    if not (math.isfinite(x) and math.isfinite(y)) or x == 0 or y == 0:
        return x * y
    (m, q), (m2, q2) = _parts(x), _parts(y)
    return _whole(m * m2, q + q2)


def _fma(x: float, y: float, z: float, unsigned_zero: bool) -> Result:
    product = _multiply(x, y, unsigned_zero)
    if product is CANCELLED:  # of two numbers, no product is
        return CANCELLED
    if not isinstance(product, tuple):
        return _add(product, z, unsigned_zero)
    if not math.isfinite(z):
        return z
    negative, m, q, _ = product
    return _added(-m if negative else m, q, z)


def _divide(x: float, y: float, unsigned_zero: bool) -> Result:
    negative = _negative(x) != _negative(y)
    if math.isnan(x) or math.isnan(y) or (x == 0 and y == 0) or (math.isinf(x) and math.isinf(y)):
        return math.nan
    if y == 0:
        return math.nan if unsigned_zero else -math.inf if negative else math.inf
    if math.isinf(x):
        return -math.inf if negative else math.inf
    if x == 0 or math.isinf(y):
        return _signed_zero(negative)
    (m, q), (m2, q2) = _parts(abs(x)), _parts(abs(y))
    n, rest = divmod(m << _BITS, m2)
    return negative, n, q - _BITS - q2, rest != 0


def _root(m: int, q: int) -> Result:
    """The square root of m 2^q > 0."""
    up = 2 * _BITS + (q & 1)
    n = math.isqrt(m << up)
    return False, n, (q - up) // 2, n * n != m << up


def _sqrt(x: float, unsigned_zero: bool) -> Result:
    if math.isnan(x) or x == 0 or x == math.inf:
        return x
    return math.nan if x < 0 else _root(*_parts(x))


def _rsqrt(x: float, unsigned_zero: bool) -> Result:
    if x == 0:
        return math.nan if unsigned_zero else math.copysign(math.inf, x)
    if math.isnan(x) or x < 0:
        return math.nan
    if math.isinf(x):
        return 0.0
    m, q = _parts(x)
    up = 2 * _BITS + 106 + (q & 1)  # 1/sqrt(m 2^q) = sqrt(2^up / m) 2^-((q + up) / 2)
    n, rest = divmod(1 << up, m)
    root = math.isqrt(n)
    return False, root, -(q + up) // 2, rest != 0 or root * root != n


def _hypot(x: float, y: float, unsigned_zero: bool) -> Result:
    if (math.isnan(x) or math.isnan(y)) and (unsigned_zero or not (math.isinf(x) or math.isinf(y))):
        return math.nan
    if math.isinf(x) or math.isinf(y):
        return math.inf
    if x == 0 and y == 0:
        return 0.0
    (m, q), (m2, q2) = _parts(x), _parts(y)
    low = min(q, q2)
    return _root((m << (q - low)) ** 2 + (m2 << (q2 - low)) ** 2, 2 * low)


def _remainder_by(quotient: Callable[[int, int], int], zero_of_divisor: bool) -> Callable[[float, float, bool], Result]:
    """x - n y, n the quotient rounded to an integer; a zero has the sign of y or of x."""

    def remainder(x: float, y: float, unsigned_zero: bool) -> Result:
        if math.isnan(x) or math.isnan(y) or math.isinf(x) or y == 0:
            return math.nan
        sign = _negative(y if zero_of_divisor else x)
        if x == 0:
            return _signed_zero(sign)
        if math.isinf(y):
            return y if zero_of_divisor and (x < 0) != (y < 0) else _whole(*_parts(x))
        (m, q), (m2, q2) = _parts(x), _parts(y)
        low = min(q, q2)
        m, m2 = m << (q - low), m2 << (q2 - low)
        rest = m - quotient(m, m2) * m2
        return _whole(rest, low) if rest else _signed_zero(sign)

    return remainder


def _truncated(m: int, m2: int) -> int:
    return abs(m) // abs(m2) * (1 if (m < 0) == (m2 < 0) else -1)


def _nearest(m: int, m2: int) -> int:
    n, rest = divmod(abs(m), abs(m2))
    n += 2 * rest > abs(m2) or (2 * rest == abs(m2) and n % 2 == 1)
    return n if (m < 0) == (m2 < 0) else -n


#: name -> (number of operands, exact result of them and of whether zeros have no sign)
EXACT: dict[str, tuple[int, Callable[..., Result]]] = {
    "add": (2, _add),
    "subtract": (2, _subtract),
    "multiply": (2, _multiply),
    "divide": (2, _divide),
    "fma": (3, _fma),
    "sqrt": (1, _sqrt),
    "reciprocal": (1, lambda x, unsigned_zero: _divide(1.0, x, unsigned_zero)),
    "rsqrt": (1, _rsqrt),
    "hypot": (2, _hypot),
    "remainder": (2, _remainder_by(lambda m, m2: m // m2, True)),
    "fmod": (2, _remainder_by(_truncated, False)),
    "ieee_remainder": (2, _remainder_by(_nearest, False)),
}


def has_unsigned_zero(fmt: Format) -> bool:
    """Whether a zero has no sign that an operation could see.

    The format has a NaN for what would hang on it (P3109, FNUZ).
    """
    return fmt.has_nan and not fmt.has_negative_zero


def as_operand(x: float, fmt: Format) -> float:
    """An operand as the format's arithmetic sees it.

    Small ones flushed where inputs are, zeros without sign where there is none.
    """
    if fmt.flushes_input and abs(x) < fmt.smallest_normal:
        x = math.copysign(0.0, x)
    return 0.0 if x == 0 and has_unsigned_zero(fmt) else x


def exact_result(name: str, fmt: Format, *operands: float) -> Result:
    """The exact result of an operation of ``ops/arithmetic.py`` in a format."""
    return EXACT[name][1](*(as_operand(x, fmt) for x in operands), has_unsigned_zero(fmt))
