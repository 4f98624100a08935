"""Elementary functions: accept an approximation where its rounding is certain (Ziv's test), say where it is not.

y is an approximation of f(x) in float64 with |y - f(x)| <= eps |y| / 2. Every rounding is monotonic, the stochastic
ones too for a given random word; so if y (1 - eps) and y (1 + eps) round to the same number, f(x) does. What is
undecided, the caller computes more precisely (``ops/leading_bits.py``) and hands to `round_leading`.

Results that are exact special values (NaN, zeros, infinities, f(0)) are told from underflow and overflow by `Traits`,
which also know some numbers that f(x) lies strictly beside. The same test in lanes, for results that need none of this,
is in ``arithmetic/functions_lanes.py``.
"""

from __future__ import annotations

import math
from enum import IntFlag

import numpy as np

from ..bits import float64_as_int64, int64_as_float64
from ..jit import device, kernel
from ..rng import word64
from ..rounding.arrays import SPEC
from ..rounding.scalar import load_spec, round_value
from .wide import round_exact, wide_value


class Traits(IntFlag):
    """What is known of a function f besides y: what special results mean, which numbers f(x) lies strictly beside."""

    #: y is exact at x = 0
    EXACT_AT_ZERO = 1
    #: y = 0 at finite x != 0 may be an underflow
    UNDERFLOWS = 2
    #: y = inf at finite x may be an overflow
    OVERFLOWS = 4
    #: |f| < |x|
    WITHIN_X = 8
    #: |f| > |x| for |x| < 1
    BEYOND_X = 16
    #: f > x
    GREATER_THAN_X = 32
    #: f < x
    LESS_THAN_X = 64
    #: |f| < 1
    WITHIN_ONE = 128
    #: f > 1 where x > 0, f < 1 where x < 0
    BESIDE_ONE = 256
    #: |f| > 1
    BEYOND_ONE = 512
    #: f > 1/2 where x > 0, f < 1/2 where x < 0
    BESIDE_HALF = 1024
    #: f > -1
    ABOVE_MINUS_ONE = 2048


_EXACT_AT_ZERO = int(Traits.EXACT_AT_ZERO)
_UNDERFLOWS = int(Traits.UNDERFLOWS)
_OVERFLOWS = int(Traits.OVERFLOWS)
_WITHIN_X, _BEYOND_X = int(Traits.WITHIN_X), int(Traits.BEYOND_X)
_GREATER_THAN_X, _LESS_THAN_X = int(Traits.GREATER_THAN_X), int(Traits.LESS_THAN_X)
_WITHIN_ONE = int(Traits.WITHIN_ONE)
_BESIDE_ONE = int(Traits.BESIDE_ONE)
_BEYOND_ONE = int(Traits.BEYOND_ONE)
_BESIDE_HALF, _ABOVE_MINUS_ONE = int(Traits.BESIDE_HALF), int(Traits.ABOVE_MINUS_ONE)
#: between these an approximation's relative bound holds with room to spare
_LEAST, _GREATEST = 2.0**-1000, 2.0**1000


@device
def is_exact(x, y, traits):
    """Whether y is f(x) itself: a special value, not an approximation."""
    if y != y or (x == 0.0 and traits & _EXACT_AT_ZERO):
        return True
    if math.isinf(x) and (y == 0.0 or abs(y) == 1.0 or math.isinf(y)):
        return True
    return (y == 0.0 and not traits & _UNDERFLOWS) or (math.isinf(y) and not traits & _OVERFLOWS)


@device
def cut(low, high, c, beyond):
    """0 < low..high without c and what lies on its wrong side: for values known to lie beyond c, or within.

    Such a value lies beyond c by less than a float64 step too, so the new end must round as everything between c and
    its neighbour does: of these two the one with an odd last bit, which is no number and no midpoint where p <= 51.
    """
    if low <= c <= high:
        if beyond:
            low = int64_as_float64(float64_as_int64(c) | 1)
        else:
            high = int64_as_float64((float64_as_int64(c) - 1) | 1)
    return low, high


@device
def interval(x, y, eps, traits):
    """(low, high) around |f(x)|, given |y| a normal number."""
    low, high = abs(y) * (1.0 - eps), abs(y) * (1.0 + eps)
    c, positive = abs(x), x > 0.0
    if positive == (y > 0.0) and c > 0.0:
        if traits & _WITHIN_X or traits & (_LESS_THAN_X if positive else _GREATER_THAN_X):
            low, high = cut(low, high, c, False)
        if (traits & _BEYOND_X and c < 1.0) or traits & (_GREATER_THAN_X if positive else _LESS_THAN_X):
            low, high = cut(low, high, c, True)
    if traits & _ABOVE_MINUS_ONE and y < 0.0:
        low, high = cut(low, high, 1.0, False)
    if traits & (_WITHIN_ONE | _BEYOND_ONE | _BESIDE_ONE):
        low, high = cut(low, high, 1.0, traits & _BEYOND_ONE != 0 or (traits & _BESIDE_ONE != 0 and positive))
    if traits & _BESIDE_HALF:
        low, high = cut(low, high, 0.5, positive)
    return low, high


@device
def out_of_range(a, spec):
    """Whether a magnitude is so far beyond a format's numbers that any such one gives the same result."""
    return (a < _LEAST and spec.emin - spec.precision > -900) or (a > _GREATEST and spec.max < 2.0**900)


@kernel(f"int64(float64[::1], float64[::1], int64[::1], float64[::1], float64, int64, int64[::1], {SPEC}, int64)")
def ziv_plain(x, y, number, out, eps, traits, undecided, spec_array, key):
    """out[i] = f(x[i]) rounded by the plain rule where y[i] decides it; the other indices go to `undecided`; how many.

    number[i] is the element's number in its array, from which its random bits are made.
    """
    spec, count = load_spec(spec_array), 0
    stochastic = spec.draws
    # see `cut`: a stochastic mode's bounds lie between float64 numbers, those of a long format on odd ones
    known = 0 if stochastic or spec.precision > 51 else traits
    for i in range(y.size):
        random = word64(number[i], key) if stochastic else np.uint64(0)
        v, a = y[i], abs(y[i])
        low = high = a
        decided = is_exact(x[i], v, traits)
        if not decided:
            if _LEAST <= a <= _GREATEST:
                low, high = interval(x[i], v, eps, known)
                decided = True
            elif out_of_range(a, spec):
                low = high = _LEAST if a < _LEAST else _GREATEST
                decided = True
        r = round_value(math.copysign(low, v), spec, random)
        if decided and float64_as_int64(r) == float64_as_int64(round_value(math.copysign(high, v), spec, random)):
            out[i] = r
        else:
            undecided[count] = i
            count += 1
    return count


@kernel(
    f"void(boolean[::1], uint64[::1], uint64[::1], boolean[::1], int64[::1], int64[::1], float64[::1], {SPEC}, int64)"
)
def round_leading(negative, hi, lo, more, q, number, out, spec_array, key):
    """out[i] = (-1)^negative (hi 2^64 + lo + s) 2^q rounded, 0 < s < 1 where `more`, else s = 0."""
    spec = load_spec(spec_array)
    for i in range(out.size):
        random = word64(number[i], key) if spec.draws else np.uint64(0)
        out[i] = round_exact(wide_value(negative[i], hi[i], lo[i], more[i], q[i]), spec, random)
