"""THE rule of blocks: scales and elements, exact until one rounding each, for every format and every number.

amax is the block's greatest finite magnitude. A power-of-two scale compares amax with powers of two by its own bits;
the scale amax / M and the element x / (s t) are quotients to 118 bits and a sticky one (``arithmetic/results.py``),
rounded by ``rounding/scalar.py``. M t and s t are exact: `BlockFormat` sees to it.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from ...formats.spec import CodeField
from ..arithmetic.results import exact_fma, exact_quotient
from ..arithmetic.wide import round_exact
from ..bits import float64_as_int64, floor_log2, greater, lesser, power_of_two
from ..jit import device, kernel
from ..rng import word64
from ..rounding.arrays import SPEC
from ..rounding.codes import CODES, encode_value
from ..rounding.scalar import load_spec


class ScaleField(IntEnum):
    """Places in the vector of a scale's constants (float64)."""

    #: 1 for a power of two, 0 for amax / M
    POWER = 0
    #: added to the 52 fraction bits of amax: a carry is one binade up
    ADD = 1
    #: E, the exponent of the largest element
    TOP = 2
    #: M, the largest element (4 for the second scale of four over six)
    LARGEST = 3
    #: the least and the greatest positive scale
    LEAST = 4
    GREATEST = 5
    #: 1 if infinities and NaNs make a block NaN, or NaNs alone
    INFINITE_IS_NAN = 6
    NAN_IS_NAN = 7


#: bits of a block's state: it holds NaNs, infinities
HAS_NAN, HAS_INFINITY = 1, 2

_POWER, _ADD, _TOP, _LARGEST = (f.value for f in list(ScaleField)[:4])
_LEAST, _GREATEST, _INFINITE, _NAN = (f.value for f in list(ScaleField)[4:])
_NAN_CODE = CodeField.NAN_CODE.value
_FRACTION = (1 << 52) - 1


@device
def scale_exponent(amax, c):
    """floor(log2 amax) - E, or one more: for amax > 0 finite."""
    exponent = floor_log2(amax)
    # the fraction of amax, also where it is a subnormal number
    normal = amax if exponent >= -1022 else amax * 18014398509481984.0  # 2^54
    fraction = float64_as_int64(normal) & _FRACTION
    return exponent - int(c[_TOP]) + ((fraction + int(c[_ADD])) >> 52)


@device
def power_scale(amax, c):
    """2^`scale_exponent`, clamped to the scales there are."""
    if amax == 0.0:
        return c[_LEAST]
    exponent = lesser(greater(scale_exponent(amax, c), -1074), 1023)
    return lesser(greater(power_of_two(exponent), c[_LEAST]), c[_GREATEST])


@device
def is_nan_block(state, c):
    """Whether the policy makes a block of this state NaN."""
    return (state & HAS_NAN != 0 and c[_NAN] != 0.0) or (state != 0 and c[_INFINITE] != 0.0)


@device
def scale_of(amax, state, t, c, spec, random):
    """The scale of a block: NaN if the policy says so."""
    if is_nan_block(state, c):
        return math.nan
    if amax == 0.0 or t == 0.0:
        return c[_LEAST] if c[_POWER] != 0.0 else spec.pos_zero
    if c[_POWER] == 0.0:
        return round_exact(exact_quotient(amax, c[_LARGEST] * t, False), spec, random)
    if t == 1.0:
        return power_scale(amax, c)
    # of a quotient the rules of powers need 53 bits and whether more follow; toward zero, the last bit says that
    return power_scale(to_odd(amax, t), c)


@device
def to_odd(x, y):
    """x / y of positive numbers, rounded to odd; x / y and all between must be normal numbers."""
    q = x / y
    bits = float64_as_int64(q)
    rest = exact_fma(q, y, -x, 0)
    if rest.is_special or bits & 1 == 1:  # exact, or odd already
        return q
    # the error is negative where q is too small
    return np.nextafter(q, math.inf) if rest.negative else np.nextafter(q, 0.0)


@device
def element_of(x, d, spec, random):
    """x / d rounded once to an element; a zero of x's sign where d is 0."""
    if x != x or d != d:
        return math.nan
    if d == 0.0:
        return spec.neg_zero if math.copysign(1.0, x) < 0.0 else spec.pos_zero
    if spec.flush_input > 0.0 and math.isfinite(x):
        short = exact_fma(spec.flush_input, d, -abs(x), 0)
        if (not short.is_special and not short.negative) or x == 0.0:
            x = math.copysign(0.0, x)
    return round_exact(exact_quotient(x, d, False), spec, random)


@kernel(f"void(float64[::1], uint8[::1], float64, Array(float64, 1, 'C', readonly=True), {SPEC}, int64, float64[::1])")
def block_scales(amax, state, t, c, words, key, scales):
    """scales[b] of every block."""
    spec = load_spec(words)
    for b in range(amax.size):
        random = word64(b, key) if spec.draws else np.uint64(0)
        scales[b] = scale_of(amax[b], state[b], t, c, spec, random)


_PLACES = "int64, int64, int64, float64[::1], float64, int64[::1], int64[::1]"


@device
def _counter(order, i):
    """Whose random bits element i draws: those of order[i], or of i where there is none; of order[0] + i if alone."""
    if order.size > 1:
        return order[i]
    return order[0] + i if order.size == 1 else i


@kernel(
    f"void(float32[::1], float32[::1], {_PLACES}, {SPEC}, int64)",
    f"void(float64[::1], float64[::1], {_PLACES}, {SPEC}, int64)",
)
def block_values(x, out, n, inner, size, scales, t, blocks, order, words, key):
    """out[i] = element times d of x[i] in the given blocks; element i draws from its `_counter`."""
    spec, count = load_spec(words), -(-n // size)
    for number in blocks:
        o, b, j = number // inner // count, number // inner % count, number % inner
        d = scales[number] * t
        for k in range(b * size, lesser((b + 1) * size, n)):
            i = (o * n + k) * inner + j
            random = word64(_counter(order, i), key) if spec.draws else np.uint64(0)
            out[i] = element_of(np.float64(x[i]), d, spec, random) * d


@kernel(
    f"int64(float32[::1], uint8[::1], {_PLACES}, {SPEC}, {CODES}, int64)",
    f"int64(float64[::1], uint8[::1], {_PLACES}, {SPEC}, {CODES}, int64)",
    f"int64(float32[::1], uint64[::1], {_PLACES}, {SPEC}, {CODES}, int64)",
    f"int64(float64[::1], uint64[::1], {_PLACES}, {SPEC}, {CODES}, int64)",
)
def block_codes(x, out, n, inner, size, scales, t, blocks, order, words, c, key):
    """out[i] = code of the element of x[i] in the given blocks, 0 in NaN blocks.

    Returns the index of the first NaN that has no code, or -1.
    """
    spec, count, missing = load_spec(words), -(-n // size), -1
    for number in blocks:
        o, b, j = number // inner // count, number // inner % count, number % inner
        d = scales[number] * t
        for k in range(b * size, lesser((b + 1) * size, n)):
            i = (o * n + k) * inner + j
            random = word64(_counter(order, i), key) if spec.draws else np.uint64(0)
            e = element_of(np.float64(x[i]), d, spec, random) if d == d else 0.0
            if e != e and c[_NAN_CODE] == -1 and missing < 0:
                missing = i
            out[i] = encode_value(e, c) if d == d else 0
    return missing


@kernel(
    f"void(float32[::1], float64[::1], boolean, {_PLACES}, {SPEC}, int64)",
    f"void(float64[::1], float64[::1], boolean, {_PLACES}, {SPEC}, int64)",
)
def block_errors(x, errors, squared, n, inner, size, scales, t, blocks, order, words, key):
    """errors[b] = sum of |x - element d|, or of its square, over a block, each operation in float64, in order."""
    spec, count = load_spec(words), -(-n // size)
    for number in blocks:
        o, b, j = number // inner // count, number // inner % count, number % inner
        total, d = 0.0, scales[number] * t
        for k in range(b * size, lesser((b + 1) * size, n)):
            i = (o * n + k) * inner + j
            random = word64(_counter(order, i), key) if spec.draws else np.uint64(0)
            error = np.float64(x[i]) - element_of(np.float64(x[i]), d, spec, random) * d
            if math.isfinite(error):
                total += error * error if squared else abs(error)
        errors[number] = total
