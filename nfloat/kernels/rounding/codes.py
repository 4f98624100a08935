"""Between values and codes: the plain rule, correct for every format, and its array loops."""

from __future__ import annotations

import math

import numpy as np

from ...formats.spec import CodeField
from ..bits import exponent_field, float64_as_int64, floor_log2, greater, power_of_two
from ..jit import device, kernel
from ..rng import word64
from .arrays import SPEC
from .scalar import load_spec, round_value

_P, _EMIN, _FIRST, _MAX = (
    CodeField.PRECISION.value,
    CodeField.EMIN.value,
    CodeField.FIRST_FIELD.value,
    CodeField.MAX_CODE.value,
)
_INF, _NAN, _SIGN = CodeField.INF_CODE.value, CodeField.NAN_CODE.value, CodeField.SIGN_SHIFT.value
_TWOS, _NAN_AT_ZERO = CodeField.TWOS_COMPLEMENT.value, CodeField.NAN_AT_NEGATIVE_ZERO.value
_LAST_ZERO = CodeField.LAST_ZERO_CODE.value


@device
def magnitude_code(a, c):
    """The magnitude code of a finite a > 0 that the format holds: its significand, counted from the lowest binade."""
    # two's complement has one unit for all, also for the negative number that is one power of two beyond the others
    exponent = c[_EMIN] if c[_TWOS] == 1 else greater(floor_log2(a), c[_EMIN])
    field = exponent_field(a)
    m = float64_as_int64(a) & 0xFFFFFFFFFFFFF
    if field > 0:
        m |= 1 << 52
    # a = m 2^(field - 1075) = significand 2^(exponent - p + 1); exact, since the format holds a
    shift = exponent - c[_P] + 1 - (greater(field, 1) - 1075)
    significand = m >> shift if shift >= 0 else m << -shift
    if c[_TWOS] == 1:
        return significand
    # one below the smallest normal number has exponent emin and no implicit bit, so the same formula holds for it
    return ((exponent - c[_EMIN] + c[_FIRST]) << (c[_P] - 1)) + significand - (1 << (c[_P] - 1))


@device
def encode_value(v, c):
    """The code of a value that the format holds, as int64.

    NaN and infinity included; -1 for a NaN that does not exist.
    """
    if v != v:
        return c[_NAN]
    negative = math.copysign(1.0, v) < 0.0
    a = abs(v)
    if a == math.inf:
        code = c[_INF]
    elif a == 0.0:
        code = 0
    else:
        code = magnitude_code(a, c)
    if not negative:
        return code
    if c[_TWOS] == 1:
        return -code & ((2 << c[_SIGN]) - 1)
    return code | (1 << c[_SIGN]) if code > 0 or c[_NAN_AT_ZERO] == 0 else code


@device
def decode_code(code, c):
    """The value of a code (int64, only the format's low bits set)."""
    sign = c[_SIGN]
    negative = sign >= 0 and (code >> sign) & 1 == 1
    magnitude = code & ((1 << sign) - 1) if sign >= 0 else code
    if c[_TWOS] == 1:
        return float(code - (2 << sign) if negative else code) * power_of_two(c[_EMIN] - c[_P] + 1)
    if negative and magnitude == 0 and c[_NAN_AT_ZERO] == 1:
        return math.nan
    if magnitude > c[_MAX]:
        if magnitude != c[_INF]:
            return math.nan
        return -math.inf if negative else math.inf
    value = magnitude_value(magnitude, c)
    return -value if negative else value


@device
def magnitude_value(magnitude, c):
    """The value of a finite magnitude code."""
    if magnitude <= c[_LAST_ZERO]:
        return 0.0
    p = c[_P]
    field = magnitude >> (p - 1)
    fraction = magnitude & ((1 << (p - 1)) - 1)
    if field == 0 and c[_FIRST] == 1:
        return float(fraction) * power_of_two(c[_EMIN] - p + 1)
    exponent = field - c[_FIRST] + c[_EMIN]
    unit = exponent - p + 1
    significand = float(fraction + (1 << (p - 1)))
    if unit > 971:
        return significand * power_of_two(971) * power_of_two(unit - 971)
    return significand * power_of_two(unit)


CODES = "Array(int64, 1, 'C', readonly=True)"
_PAIRS = [
    ("float32", "uint8"),
    ("float32", "uint16"),
    ("float32", "uint32"),
    ("float64", "uint8"),
    ("float64", "uint16"),
    ("float64", "uint32"),
    ("float64", "uint64"),
]


@kernel(*(f"int64({value}[::1], {code}[::1], {SPEC}, {CODES}, int64, int64)" for value, code in _PAIRS))
def encode_plain(x, out, spec_array, c, key, first):
    """out[i] = code of x[i] rounded; returns the first index of a NaN that has no code, or -1.

    x[0] is number `first` of its array.
    """
    spec = load_spec(spec_array)
    stochastic = spec.draws
    unencodable = -1
    for i in range(x.size):
        random = word64(first + i, key) if stochastic else np.uint64(0)
        v = round_value(np.float64(x[i]), spec, random)
        if v != v and c[_NAN] == -1 and unencodable < 0:
            unencodable = i
        out[i] = encode_value(v, c)
    return unencodable


@kernel(*(f"void({code}[::1], {value}[::1], {CODES})" for value, code in _PAIRS))
def decode_plain(codes, out, c):
    """out[i] = value of codes[i]."""
    for i in range(codes.size):
        out[i] = decode_code(np.int64(codes[i]), c)
