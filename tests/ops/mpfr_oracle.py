"""MPFR (gmpy2) as an oracle.

The exact result of a function, as the float64 number that every rounding to p <= 51 treats alike.

`rounded_to_odd` computes at 320 bits (gelu at 160) toward zero and keeps 53 of them, the last one set if anything
follows. What the format of float64 would overflow or underflow is clamped far beyond every format in these tests.
`as_float64` rounds to a format itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import gmpy2
import numpy as np
from gmpy2 import mpfr

BITS = 320


def _context(bits: int = BITS) -> gmpy2.context:
    return gmpy2.context(precision=bits, round=gmpy2.RoundToZero, emin=-(10**9), emax=10**9)


def _sigmoid(x: mpfr) -> mpfr:
    return 1 - mpfr(2) ** -200 if x > 200 else 1 / (1 + gmpy2.exp(-x))


def _softplus(x: mpfr) -> mpfr:
    if x < -1000:
        return mpfr(2) ** -1300
    return x + mpfr(2) ** -170 if x > 200 else gmpy2.log1p(gmpy2.exp(x))


@cache
def _normal_tail(x: mpfr, bits: int) -> mpfr:
    """The normal distribution above x >= 0, to so many bits: most of what `_gelu` takes, once for x and -x."""
    return gmpy2.erfc(x / gmpy2.sqrt(mpfr(2))) / 2


def _gelu(x: mpfr) -> mpfr:
    if x > 20:
        return x - mpfr(2) ** -200
    if x < -60:
        return -(mpfr(2) ** -2000)
    tail = _normal_tail(abs(x), gmpy2.get_context().precision)
    return x * (tail if x < 0 else 1 - tail)


UNARY: dict[str, Callable[[mpfr], mpfr]] = {
    "exp": gmpy2.exp,
    "exp2": gmpy2.exp2,
    "expm1": gmpy2.expm1,
    "log": gmpy2.log,
    "log2": gmpy2.log2,
    "log10": gmpy2.log10,
    "log1p": gmpy2.log1p,
    "sin": gmpy2.sin,
    "cos": gmpy2.cos,
    "tan": gmpy2.tan,
    "sinh": gmpy2.sinh,
    "cosh": gmpy2.cosh,
    "tanh": gmpy2.tanh,
    "arcsin": gmpy2.asin,
    "arccos": gmpy2.acos,
    "arctan": gmpy2.atan,
    "erf": gmpy2.erf,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "gelu": _gelu,
}
BINARY: dict[str, Callable[[mpfr, mpfr], mpfr]] = {"power": lambda x, y: x**y, "arctan2": gmpy2.atan2}


def _floor_remainder(x: mpfr, y: mpfr) -> mpfr:
    r = gmpy2.fmod(x, y)
    return r + y if r != 0 and (r < 0) != (y < 0) else gmpy2.copy_sign(r, y if r == 0 else r)


#: functions of two arguments
PAIRWISE: dict[str, Callable[[mpfr, mpfr], mpfr]] = BINARY | {
    "hypot": gmpy2.hypot,
    "remainder": _floor_remainder,
    "fmod": gmpy2.fmod,
    "ieee_remainder": gmpy2.remainder,
}
#: operations by MPFR's own functions, and how many operands they have
ARITHMETIC: dict[str, tuple[int, Callable[..., mpfr]]] = {
    "add": (2, lambda x, y: x + y),
    "subtract": (2, lambda x, y: x - y),
    "multiply": (2, lambda x, y: x * y),
    "divide": (2, lambda x, y: x / y),
    "fma": (3, gmpy2.fma),
    "sqrt": (1, gmpy2.sqrt),
    "reciprocal": (1, lambda x: 1 / x),
    "rsqrt": (1, gmpy2.rec_sqrt),
    "hypot": (2, gmpy2.hypot),
}
FLOAT64 = {"precision": 53, "emin": -1022, "emax": 1023}
FLOAT32 = {"precision": 24, "emin": -126, "emax": 127}
#: the modes that MPFR has
MODES = {
    "nearest_even": gmpy2.RoundToNearest,
    "toward_zero": gmpy2.RoundToZero,
    "toward_positive": gmpy2.RoundUp,
    "toward_negative": gmpy2.RoundDown,
}


def _odd(z: mpfr) -> float:
    """53 bits of z, rounded to odd; z.rc tells whether z itself is exact."""
    if gmpy2.is_nan(z):
        return math.nan
    if (z == 0 and z.rc == 0) or gmpy2.is_infinite(z):
        return float(z)
    sign = -1.0 if gmpy2.is_signed(z) else 1.0
    if abs(z) > 1e300 or abs(z) < 1e-300:  # MPFR's own underflow included
        return sign * (1e300 if abs(z) > 1 else 1e-300)
    m, e = z.as_mantissa_exp()
    a, e = abs(int(m)) << 60 | (z.rc != 0), int(e) - 60
    cut = a.bit_length() - 53
    return sign * math.ldexp(a >> cut | (a & ((1 << cut) - 1) != 0), e + cut)


#: still far more than 53, where MPFR takes long
_FEWER_BITS = {"gelu": 160}
#: f(-x) is f(x) times this
_MIRRORED = dict.fromkeys(("cos", "cosh"), 1.0) | dict.fromkeys(
    ("sin", "tan", "sinh", "tanh", "arcsin", "arctan", "erf"), -1.0
)


def rounded_to_odd(name: str, *operands: np.ndarray) -> np.ndarray:
    """The function at every element, exact or rounded to odd at 53 bits; finite operands with finite results."""
    if name not in _MIRRORED:
        return _each(name, *operands)
    x = np.asarray(operands[0], float)
    magnitudes, places = np.unique(np.abs(x), return_inverse=True)
    return np.where(np.signbit(x), _MIRRORED[name], 1.0) * _each(name, magnitudes)[places]


def _each(name: str, *operands: np.ndarray) -> np.ndarray:
    function = UNARY.get(name) or PAIRWISE[name]
    with _context(_FEWER_BITS.get(name, BITS)):
        return np.array(
            [
                _odd(function(*map(mpfr, row)))
                for row in zip(*(np.asarray(o, float).tolist() for o in operands), strict=True)
            ]
        )


def leading(name: str, *operands: float) -> tuple[bool, int, int, bool] | float | None:
    """A function of numbers as a `Result` of ``nfloat.testing.exact_cut``: 320 bits and whether more follow.

    None for zeros and infinities.
    """
    if any(x == 0 or math.isinf(x) for x in operands) or (name == "log1p" and operands[0] == -1):
        return None
    with _context():
        z = (UNARY.get(name) or PAIRWISE[name])(*map(mpfr, operands))
    if gmpy2.is_nan(z) or gmpy2.is_infinite(z) or (z == 0 and z.rc == 0):
        return float(z)
    if z == 0:
        return gmpy2.is_signed(z), 1, -5000, True
    m, e = z.as_mantissa_exp()
    # what a form above puts beside a dyadic number stands for all of the distance to it
    return m < 0, abs(int(m)), int(e), z.rc != 0


def _exponents(rng: np.random.Generator, n: int, top: int) -> np.ndarray:
    """Four ranges of n each: the whole one, the middle, around the square root of underflow, small."""
    ranges = ((-top, top), (-40, 40), (-top // 2 - 60, -top // 2 + 20), (-9, 9))
    return np.concatenate([rng.integers(low, high, n) for low, high in ranges])


def hard_operands(rng: np.random.Generator, count: int, *, single: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Operands over the whole range, near cancellation (fma's by an ulp), around underflow, and of few bits (ties)."""
    n, top = count // 4, 120 if single else 1000
    x, y = (np.ldexp(1 + rng.random(4 * n), _exponents(rng, n, top)) for _ in "xy")
    y[n : n + n // 2] = -x[n : n + n // 2] * (1 + rng.integers(-3, 4, n // 2) * 2.0 ** (-23 if single else -52))
    few = slice(3 * n, 4 * n)
    x[few], y[few] = np.round(x[few] * 2.0**12) / 2.0**12, np.round(y[few] * 2.0**14) / 2.0**14
    x, y = x * rng.choice([-1.0, 1.0], 4 * n), y * rng.choice([-1.0, 1.0], 4 * n)
    if single:
        x, y = _single(x), _single(y)
    with np.errstate(all="ignore"):
        z = -x * y
    z[::3] = rng.permutation(x)[::3]
    z[1::9] *= 2.0 ** rng.integers(-110, 3, z[1::9].size)  # sums that end far below or just at the product's last bit
    z = _single(z) if single else z
    keep = np.isfinite(z)
    return x[keep], y[keep], z[keep]


def _single(v: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return v.astype(np.float32).astype(np.float64)


def as_float64(
    function: Callable[..., mpfr],
    *operands: np.ndarray,
    precision: int,
    emin: int,
    emax: int,
    rounding: int = gmpy2.RoundToNearest,
) -> np.ndarray:
    """An IEEE format's own arithmetic, by precision and exponents of normal numbers.

    Subnormals and overflow included.
    """
    with gmpy2.context(precision=53):  # made here, so that the format's precision does not round them
        rows = [tuple(map(mpfr, row)) for row in zip(*(np.asarray(o, float).tolist() for o in operands), strict=True)]
    with gmpy2.context(
        precision=precision, round=rounding, emin=emin - precision + 2, emax=emax + 1, subnormalize=True
    ):
        return np.array([float(function(*row)) for row in rows])


def near_right_angles(bits: int, exponents: range) -> np.ndarray:
    """Numbers m 2^e, m < 2^bits, next to multiples of pi/2.

    M a denominator of 2^e 2/pi's continued fraction, or some of it.
    """
    found = []
    for e in exponents:
        with gmpy2.context(precision=max(e, 0) + 400):
            ratio, before, m = gmpy2.exp2(mpfr(e)) * 2 / gmpy2.const_pi(), 1, 0
            while True:
                digit = int(gmpy2.floor(ratio))
                before, m = m, digit * m + before
                if m >> bits:
                    break
                if m.bit_length() > 2 * bits // 3:
                    found.append(math.ldexp(m * ((2**bits - 1) // m), e))
                ratio = 1 / (ratio - digit)
    return np.array(found)
