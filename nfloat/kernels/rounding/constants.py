"""What a loop over lanes knows of a format, by name: tuples of run-time numbers, so that a new format compiles nothing.

A kernel makes such tuples once before its loop (or where random subkeys change) and hands them, in a tuple of tuples,
to a run or a stream (``streaming.py``), whose bodies find every field in every lane as an attribute of `Constants`.
"Bits" are those of the lane's float, as an integer. Kernels with constants of their own have tuples of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...formats.rounding import Rounding
from ..bits import float32_as_int32, float64_as_int64, greater, lesser
from ..jit import device
from ..rng import section_keys

_STOCHASTIC_B = Rounding.STOCHASTIC_B.tag


class RangeFields(NamedTuple):
    """The grid (``vector.Grid``), and which magnitudes need no second look."""

    lowest: int  # bits of 2^emin
    offset: int
    unit_offset: int
    drop: int
    sign: int
    limit: int  # magnitudes from here on, as bits, are not rounded in lanes
    magnitude_mask: int  # with the sign bit for unsigned formats, so that negative values are beyond `largest`
    inner_from: int  # magnitudes m with m - inner_from <= inner_span, unsigned, neither overflow nor need a longer form
    inner_span: int
    largest: int  # bits of the greatest magnitude that cannot overflow: the largest number; 0 if unsigned


class NearestFields(NamedTuple):
    """What ``vector.nearest_even_scaled`` asks for, as bits, and which magnitudes it rounds within the range."""

    lowest: int  # of 2^emin
    scale: int
    sign: int  # the sign bit if the format has -0, else 0
    bound: int  # the greatest of those magnitudes


class OverflowFields(NamedTuple):
    """What lies beyond the range, and what it becomes."""

    max: float
    over: float
    min: float
    under: float


class InfinityFields(NamedTuple):
    """What the carrier's infinities become."""

    positive: float
    negative: float


class DrawFields(NamedTuple):
    """The random words of a section of 2^32 elements, and what a mode takes of each."""

    key_low: int
    key_high: int
    twin_low: int  # subkeys of the second half of a 64-bit word
    twin_high: int
    taken: int  # stochastic_a, _b, _c: the bits taken of a word,
    half: int  # set in it,
    tail: int  # and how many bits of the value are rounded away before


@device
def overflow(spec):
    """`OverflowFields` of a format."""
    return OverflowFields(spec.max, spec.over, spec.min, spec.under_min)


@device
def infinities(spec):
    """`InfinityFields` of a format."""
    return InfinityFields(spec.pos_inf, spec.neg_inf)


@device
def range32(spec, normal_only):
    """`RangeFields` in float32 lanes; with `normal_only`, inner magnitudes are those of normal numbers."""
    p = spec.precision
    lowest = (spec.emin + 127) << 23
    top = np.int64(float32_as_int32(np.float32(spec.max)))
    low = lowest if normal_only else np.int64(0)
    return RangeFields(
        lowest,
        ((24 - p) << 23) | 0x400000,
        (1 - p) << 23,
        24 - p,
        np.int64(0x80000000) if np.signbit(spec.neg_zero) else np.int64(0),
        lesser((255 - 24 + p) << 23, 0x7F800000),
        np.int64(0x7FFFFFFF) if spec.min < 0.0 else np.int64(0xFFFFFFFF),
        low,
        top - low,
        top if spec.min < 0.0 else np.int64(0),
    )


@device
def nearest32(spec):
    """`NearestFields` in float32 lanes, for signed formats of ``vector.py``'s families and p <= 22."""
    r = range32(spec, False)
    return NearestFields(r.lowest, 0x3F800000 + r.offset, r.sign, lesser(r.largest, r.limit - 1))


@device
def range64(spec):
    """`RangeFields` in float64 lanes."""
    p = spec.precision
    top = float64_as_int64(spec.max)
    return RangeFields(
        (spec.emin + 1023) << 52,
        ((53 - p) << 52) | (1 << 51),
        (1 - p) << 52,
        53 - p,
        np.int64(-0x8000000000000000) if np.signbit(spec.neg_zero) else np.int64(0),
        lesser(2047 - 53 + p, 2047) << 52,
        np.int64(0x7FFFFFFFFFFFFFFF) if spec.min < 0.0 else np.int64(-1),
        np.int64(0),
        top,
        top if spec.min < 0.0 else np.int64(0),
    )


@device
def within(r, low, high):
    """A `RangeFields` whose inner magnitudes are those from `low` to `high`, as bits."""
    return RangeFields(
        r.lowest, r.offset, r.unit_offset, r.drop, r.sign, r.limit, r.magnitude_mask, low, high - low, r.largest
    )


@device
def _halves(keys):
    return np.int64(keys & np.uint64(0xFFFFFFFF)), np.int64(keys >> np.uint64(32))


@device
def draw32(spec, words, i):
    """`DrawFields` of 32-bit words, from element i on; all 0 where the mode draws nothing."""
    if not spec.draws:
        zero = np.int64(0)
        return DrawFields(zero, zero, zero, zero, zero, zero, zero)
    bits = lesser(spec.random_bits, 32)
    half = (1 << 31) >> bits if spec.mode == _STOCHASTIC_B and bits < 32 else 0
    low, high = _halves(section_keys(words, i)[0])
    return DrawFields(
        low,
        high,
        np.int64(0),
        np.int64(0),
        np.int64(0x100000000 - (1 << (32 - bits))),
        np.int64(half),
        np.int64(greater(24 - spec.precision - bits, 0)),
    )


@device
def draw64(spec, words, i):
    """`DrawFields` of 64-bit words, from element i on."""
    bits = spec.random_bits if 0 < spec.random_bits < 64 else 64
    taken = np.int64(-1) << (64 - bits) if bits < 64 else np.int64(-1)
    half = np.int64(1) << (63 - bits) if spec.mode == _STOCHASTIC_B else np.int64(0)
    keys, twin = section_keys(words, i)
    (low, high), (twin_low, twin_high) = _halves(keys), _halves(twin)
    return DrawFields(low, high, twin_low, twin_high, taken, half, np.int64(greater(53 - spec.precision - bits, 0)))
