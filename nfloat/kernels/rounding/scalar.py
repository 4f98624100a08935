"""THE rounding: the one function that decides what rounding means. Everything else is proven equal to it.

``round_value(x, spec, random)`` takes a float64, the constants of ``formats/spec.py`` and a random word (it never
draws). The steps: NaN, infinity and zero by table; |x| = m 2^q with an integer m; the grid's spacing at x is 2^t with
t = max(floor(log2 |x|), emin) - (p - 1); m is cut at t, the cut-off bits decide up or down (`rounds_up`); then overflow
and the flush to zero on the rounded value. Integers only: no step of it can round a second time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ...formats.rounding import Rounding, unknown_mode
from ...formats.spec import SpecField
from ..bits import exponent_field, float64_as_int64, floor_log2, greater, lesser, power_of_two
from ..jit import device

_NEAREST_EVEN = Rounding.NEAREST_EVEN.tag
_NEAREST_AWAY = Rounding.NEAREST_AWAY.tag
_NEAREST_ZERO = Rounding.NEAREST_ZERO.tag
_TOWARD_ZERO = Rounding.TOWARD_ZERO.tag
_TOWARD_POSITIVE = Rounding.TOWARD_POSITIVE.tag
_TOWARD_NEGATIVE = Rounding.TOWARD_NEGATIVE.tag
_STOCHASTIC = Rounding.STOCHASTIC.tag
_STOCHASTIC_B = Rounding.STOCHASTIC_B.tag
_STOCHASTIC_C = Rounding.STOCHASTIC_C.tag
_STOCHASTIC_EQUAL = Rounding.STOCHASTIC_EQUAL.tag
_NEAREST = (_NEAREST_EVEN, _NEAREST_AWAY, _NEAREST_ZERO)
_COIN = np.uint64(1 << 63)
#: the modes that `rounds_up` has a rule for: any other must not reach it
RULES = (
    Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY, Rounding.NEAREST_ZERO, Rounding.TOWARD_ZERO, Rounding.TOWARD_POSITIVE,
    Rounding.TOWARD_NEGATIVE, Rounding.TO_ODD, Rounding.STOCHASTIC, Rounding.STOCHASTIC_A, Rounding.STOCHASTIC_B,
    Rounding.STOCHASTIC_C, Rounding.STOCHASTIC_EQUAL,
)  # fmt: skip
for _mode in Rounding:
    if _mode not in RULES:
        raise unknown_mode(_mode, "kernels/rounding/scalar.py")


class Spec(NamedTuple):
    """The constants' vector, unpacked into registers."""

    precision: int
    emin: int
    mode: int
    random_bits: int
    max: float
    min: float
    over: float
    under_min: float
    pos_inf: float
    neg_inf: float
    pos_zero: float
    neg_zero: float
    tiny_pos: float
    tiny_neg: float
    flush_output: float
    flush_input: float
    parity_bias: int
    draws: bool


_P, _EMIN, _MODE, _BITS = (
    SpecField.PRECISION.value,
    SpecField.EMIN.value,
    SpecField.MODE.value,
    SpecField.RANDOM_BITS.value,
)
_MAX, _PARITY, _DRAWS = SpecField.MAX.value, SpecField.PARITY_BIAS.value, SpecField.DRAWS.value


@device
def load_spec(w):
    """Unpack the vector made by ``formats.spec.rounding_spec``, before a loop."""
    m = _MAX
    return Spec(int(w[_P]), int(w[_EMIN]), int(w[_MODE]), int(w[_BITS]), w[m], w[m + 1], w[m + 2], w[m + 3], w[m + 4],
                w[m + 5],
                w[m + 6], w[m + 7], w[m + 8], w[m + 9], w[m + 10], w[m + 11], int(w[_PARITY]),
                w[_DRAWS] != 0.0)  # fmt: skip


@device
def fraction_bits(remainder, shift, n):
    """floor(rest 2^n / 2^shift) for rest < 2^min(shift, 53), n <= 64, as uint64: the first n bits of the fraction."""
    if n >= shift:
        return np.uint64(remainder) << np.uint64(n - shift)
    return np.uint64(remainder) >> np.uint64(lesser(shift - n, 63))


@device
def nearest_even_bits(remainder, shift, n):
    """rest 2^n / 2^shift rounded to the nearest integer, ties to even, as uint64."""
    head = fraction_bits(remainder, shift, n)
    cut = shift - n
    if 0 < cut < 62:
        tail = remainder & ((1 << cut) - 1)
        half = 1 << (cut - 1)
        if tail > half or (tail == half and head & np.uint64(1) == np.uint64(1)):
            head += np.uint64(1)
    return head


@device
def stochastic_up(remainder, shift, mode, n, random):
    """Whether the fraction rest / 2^shift plus n random bits carries (P3109 v4.0, StochasticA/B/C).

    `random` is a 64-bit word; its top n bits are R. stochastic is variant A with n = 64. x + R >= 2^n is tested as
    x > 2^n - 1 - R, which cannot overflow. stochastic_equal looks at the first bit alone.
    """
    if mode == _STOCHASTIC_EQUAL:
        return np.uint64(random) >= _COIN
    if mode == _STOCHASTIC:
        return fraction_bits(remainder, shift, 64) > ~np.uint64(random)
    missing = (~np.uint64(random)) >> np.uint64(64 - n)
    if mode == _STOCHASTIC_B:
        return fraction_bits(remainder, shift, n + 1) > missing + missing
    if mode == _STOCHASTIC_C:
        return nearest_even_bits(remainder, shift, n) > missing
    return fraction_bits(remainder, shift, n) > missing  # STOCHASTIC_A: there is no other (see `RULES`)


@device
def rounds_up(kept, remainder, shift, negative, even, spec, random):
    """Whether |x| = (kept + rest / 2^shift) units, rest > 0, becomes kept + 1 (else kept).

    The whole of a rounding mode.
    """
    mode = spec.mode
    if spec.draws:
        return stochastic_up(remainder, shift, mode, spec.random_bits, random)
    if mode in _NEAREST:
        half = 1 << lesser(shift - 1, 62)
        if remainder != half or shift > 63:
            return remainder > half
        return mode == _NEAREST_AWAY or (mode == _NEAREST_EVEN and not even)
    if mode == _TOWARD_ZERO:
        return False
    if mode == _TOWARD_POSITIVE:
        return not negative
    if mode == _TOWARD_NEGATIVE:
        return negative
    return even  # TO_ODD: there is no other (see `RULES`)


@device
def round_magnitude(a, negative, spec, random):
    """a > 0 finite, rounded to the grid as if the exponent had no upper end; inf beyond float64's range."""
    exponent = floor_log2(a)
    field = exponent_field(a)
    m = float64_as_int64(a) & 0xFFFFFFFFFFFFF
    if field > 0:
        m |= 1 << 52
    unit = greater(exponent, spec.emin) - (spec.precision - 1)
    shift = unit - (greater(field, 1) - 1075)
    if shift <= 0:
        return a
    kept = m >> lesser(shift, 63)
    remainder = m - (kept << lesser(shift, 63))
    if remainder == 0:
        return a
    return round_cut(kept, remainder, shift, exponent, unit, negative, spec, random)


@device
def round_cut(kept, remainder, shift, exponent, unit, negative, spec, random):
    """The magnitude (kept + rest / 2^shift) 2^unit, whose floor(log2) is `exponent`, rounded to the grid 2^unit.

    shift <= 63 and rest >= 0; or, for stochastic alone, shift = 64 and rest is the word of the fraction, bit 63
    included.
    """
    even = kept & 1 == 0
    if spec.parity_bias >= 0 and kept > 0:
        even = (exponent + spec.parity_bias) & 1 == 0
    if remainder != 0 and rounds_up(kept, remainder, shift, negative, even, spec, random):
        kept += 1
    if unit > 971:  # 2^1024 is beyond float64; the product would still be right, the power alone would not
        return float(kept) * power_of_two(971) * power_of_two(unit - 971)
    return float(kept) * power_of_two(unit)


@device
def round_value(x, spec, random):
    """x rounded once to the format, mode and policy of `spec`; `random` is a 64-bit word, used by stochastic modes."""
    if x != x:
        return x
    negative = math.copysign(1.0, x) < 0.0
    a = abs(x)
    if a == math.inf:
        return spec.neg_inf if negative else spec.pos_inf
    if a < spec.flush_input:
        a = 0.0
    if a == 0.0:
        return spec.neg_zero if negative else spec.pos_zero
    return within_range(round_magnitude(a, negative, spec, random), negative, spec)


@device
def within_range(r, negative, spec):
    """The rounded magnitude r with its sign, after the flush to zero and the overflow policy."""
    if r == 0.0 or r < spec.flush_output:
        return spec.tiny_neg if negative else spec.tiny_pos
    if negative:
        return spec.under_min if -r < spec.min else -r
    if r > spec.max:
        return spec.over
    return r
