"""Scales of many blocks at a time: powers of two by integer arithmetic, quotients by float64 division and lanes.

The plain rule (``blocks/rule.py``) does what `todo` marks, and scales that neither of these knows.

A quotient amax / (M t) rounded to float64 and then to the scale's p bits is rounded as if once where amax has 24
bits: let g be what the second rounding decides at, of p + 1 bits. If amax = g M t, the quotient is g, exactly. If
not, both are multiples of the smaller one's last place, so they differ by 2^-(bits of M t + p + 1) of themselves at
least; that is more than 2^-52, and float64's rounding, which is monotonic and leaves g alone, stays on the same side
of it.
"""

from __future__ import annotations

import math

import numpy as np

from ..bits import float64_as_int64, int64_as_float64
from ..jit import device, kernel
from ..rounding.arrays import SPEC, narrow_range64
from ..rounding.scalar import load_spec
from .rule import ScaleField, is_nan_block

_ADD, _TOP, _LARGEST = ScaleField.ADD.value, ScaleField.TOP.value, ScaleField.LARGEST.value
_LEAST, _GREATEST = ScaleField.LEAST.value, ScaleField.GREATEST.value
#: 1 / d is within an ulp, and no product with it under- or overflows
_SMALL, _LARGE = 2.0**-400, 2.0**400
#: the same in float32, and e d2 is a normal number
_SHORT_SMALL, _SHORT_LARGE = 2.0**-60, 2.0**60
CONSTANTS = "Array(float64, 1, 'C', readonly=True)"


@device
def scale_limits(spec, c, single):
    """The integers of ``fused.Limit`` for float32 or float64 lanes.

    k may be from where the unit is a normal number of the lane to where C of the largest element is finite, amax to
    where its own C is.
    """
    digits, emin, emax, bias = (24, -126, 127, 127) if single else (53, -1022, 1023, 1023)
    top = np.int64(c[_TOP])
    least, greatest = float64_as_int64(c[_LEAST]) >> 52, float64_as_int64(c[_GREATEST]) >> 52
    low, high = emin + 1 - (spec.emin - spec.precision + 1), emax - digits + spec.precision - top
    cut = emax - digits + spec.precision
    add = np.int64(c[_ADD])
    # what stands below float32's last bit is 1s (ceil, rceil) or 0s: the numbers that carry are the same
    return (
        add >> 29 if single else add,
        top,
        least - 1023 + bias,
        greatest - 1023 + bias,
        low + bias,
        high + bias,
        cut + bias,
    )


@kernel(
    f"void(float64[::1], uint8[::1], {CONSTANTS}, {SPEC}, float64[::1], int32[:, ::1], uint8[::1])",
    f"void(float64[::1], uint8[::1], {CONSTANTS}, {SPEC}, float64[::1], int64[:, ::1], uint8[::1])",
)
def power_scales(amax, state, c, words, scales, shifts, todo):
    """scales[b] = 2^k, or NaN where the policy says so; shifts[0, b] = k in the place of a lane's exponent.

    todo[b]: lanes cannot do the block.
    They can if every constant of theirs (``rounding/vector.py``) is a normal number: the unit, and C for the greatest
    number.
    """
    spec, fraction, single = load_spec(words), 23 if shifts.itemsize == 4 else 52, shifts.itemsize == 4
    add, top, least, greatest, low, high, cut = scale_limits(spec, c, single)
    # of float64 numbers, whose exponents are biased by 1023
    bias = 127 if single else 1023
    add, least, greatest = np.int64(c[_ADD]), least - bias + 1023, greatest - bias + 1023
    low, high, cut = low - bias, high - bias, cut - bias + 1023
    for b in range(amax.size):
        bits = float64_as_int64(amax[b])
        k = min(max(((bits + add) >> 52) - top, least), greatest)
        scales[b] = int64_as_float64(k << 52)
        k = k - 1023 if bits != 0 else np.int64(0)  # a zero is on every grid
        shifts[0, b] = k << fraction
        todo[b] = (state[b] != 0) | ((k < low) & (bits != 0)) | (k > high) | ((bits >> 52) > cut)
    _set_nan_blocks(state, c, scales)


@kernel(f"void(float64[::1], uint8[::1], float64, {CONSTANTS}, {SPEC}, float64[::1], float64[::1])")
def quotient_scales(amax, state, t, c, words, room, scales):
    """scales[b] = amax[b] / (M t) rounded, in `amax` itself if need be.

    For float32 magnitudes, t > 0 and scales of the narrow family.
    """
    spec, divisor = load_spec(words), c[_LARGEST] * t
    for b in range(amax.size):
        room[b] = amax[b] / divisor
    narrow_range64(room, room, scales, 0, amax.size, spec, 0, False)
    _set_nan_blocks(state, c, scales)


@device
def _set_nan_blocks(state, c, scales):
    """The scales that the policy makes NaN."""
    for b in range(state.size):
        if state[b] != 0 and is_nan_block(state[b], c):
            scales[b] = math.nan


@kernel("void(float64[::1], float64, uint8[::1], float64[:, ::1], uint8[::1])")
def reciprocals(scales, t, state, pairs, todo):
    """pairs[:, b] = 1 / d and d = scale t; todo[b]: lanes cannot do the block."""
    for b in range(scales.size):
        d = scales[b] * t
        in_range = (state[b] == 0) & (d >= _SMALL) & (d <= _LARGE)
        pairs[0, b] = 1.0 / d if in_range else 0.0
        pairs[1, b] = d if in_range else 0.0
        todo[b] = not in_range


@kernel("void(float64[::1], float64, uint8[::1], float32[:, ::1], uint8[::1])")
def short_reciprocals(scales, t, state, parts, todo):
    """parts[:, b] = 1 / d, d and its rest, as float32 numbers, d = scale t; todo[b]: lanes cannot do the block."""
    for b in range(scales.size):
        d = scales[b] * t
        in_range = (state[b] == 0) & (d >= _SHORT_SMALL) & (d <= _SHORT_LARGE)
        d = d if in_range else 1.0
        head = np.float32(d)
        parts[0, b], parts[1, b], parts[2, b] = np.float32(1.0 / d), head, np.float32(d - np.float64(head))
        todo[b] = not in_range
