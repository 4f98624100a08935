"""Array loops that round to the formats that ``rounding/arrays.py`` leaves.

Those that flush, those with float64's exponents, those of one bit.

A format that flushes is its twin that does not, with a step before (inputs below the smallest normal number count as
zero) and one after (rounded numbers below it become zero). So a piece of the array that stays in the first cache is
copied through the first step, rounded where it lies, and goes through the second. A number of the format stays as it is
when it is rounded once more: the blocks in which a stream repeats itself may hold what is rounded already. A block that
is refused may hold anything; the plain rule starts from the array itself.

A format of one bit has powers of two alone. Between two of them its rounding is the cutting of ``vector.round_same``;
which of the two is even is the last bit of the exponent's code, or (without a zero: E8M0) each is odd, like every
significand of 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from llvmlite import ir

from ...formats.rounding import Rounding
from ..bits import float32_as_int32, float64_as_int64, greater, lesser, power_of_two
from ..jit import device, kernel
from ..lanes import Lanes, Value
from ..rng import Words, section_end
from . import vector
from .arrays import (
    BODIES,
    SPEC,
    drawn_range32,
    drawn_range64,
    mode_form,
    narrow_range32,
    narrow_range64,
    round_range,
    same_range32,
)
from .bodies import random_word, same_body, tail_bits
from .constants import draw32, draw64, infinities, overflow, range32, range64, within
from .scalar import load_spec
from .streaming import STREAM, Constants, inner_lanes, stream

_NEAREST_EVEN, _NEAREST_AWAY = Rounding.NEAREST_EVEN.tag, Rounding.NEAREST_AWAY.tag
_TOWARD_ZERO, _TO_ODD = Rounding.TOWARD_ZERO.tag, Rounding.TO_ODD.tag
_BLOCK32, _BLOCK64 = STREAM[32], STREAM[64]
#: elements that go through the steps together
_PIECE = 2048

_same64 = stream(64, {m.tag: same_body(m, True) for m in BODIES})


# ------------------------------------------------------------------ formats that flush
class FlushFields(NamedTuple):
    """Magnitudes below `lowest`, as bits, become zero, of their sign where `sign` is the sign bit."""

    lowest: int
    sign: int


def _step(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
    """A block through the step that `FlushFields` describes."""
    b, bits = v.builder, v.as_int(x)
    small = b.icmp_unsigned("<", b.and_(bits, v.magnitude_mask), k.lowest)
    v.store(v.as_float(v.where(small, b.and_(bits, k.sign), bits)), target)
    return ir.Constant(ir.IntType(1), 1)


_step32, _step64 = stream(32, {0: _step}), stream(64, {0: _step})


@device
def _flush32(x, out, i, stop, least, signed):
    """out[i:stop] = x[i:stop], but zero for magnitudes below `least`, of their sign if `signed`."""
    sign = np.int64(0x80000000) if signed else np.int64(0)
    i = _step32(x, out, i, stop, 0, (FlushFields(np.int64(float32_as_int32(np.float32(least))), sign),))
    for j in range(i, stop):
        out[j] = x[j] if not abs(x[j]) < least else math.copysign(np.float32(0.0), x[j]) if signed else np.float32(0.0)


@device
def _flush64(x, out, i, stop, least, signed):
    """`_flush32` of float64 numbers."""
    sign = np.int64(-0x8000000000000000) if signed else np.int64(0)
    i = _step64(x, out, i, stop, 0, (FlushFields(float64_as_int64(least), sign),))
    for j in range(i, stop):
        out[j] = x[j] if not abs(x[j]) < least else math.copysign(0.0, x[j]) if signed else 0.0


@kernel(f"void(float32[::1], float32[::1], {SPEC}, int64, int64)")
def round_steps32(x, out, spec_array, key, first):
    """out[i] = x[i] rounded in steps: the families of ``rounding/vector.py`` in float32 lanes, and float32 itself."""
    spec, words, n = load_spec(spec_array), Words(key, first), x.size
    signed = np.signbit(spec.neg_zero)
    for i in range(0, n, _PIECE):
        stop = lesser(i + _PIECE, n)
        _flush32(x, out, i, stop, spec.flush_input, True)
        # of float32 itself nothing is cut: its form is toward_zero's, in every mode
        if spec.emin == -126 and signed and (spec.mode != _NEAREST_EVEN or spec.precision == 24):
            same_range32(x, out, out, i, stop, spec, words, True, 0)
        elif spec.emin == -126 and signed:
            same_range32(x, out, out, i, stop, spec, words, True, None)
        elif spec.draws:
            drawn_range32(x, out, out, i, stop, spec, words, True)
        elif spec.mode != _NEAREST_EVEN:
            narrow_range32(x, out, out, i, stop, spec, words, True, 0)
        else:
            narrow_range32(x, out, out, i, stop, spec, words, True, None)
        _flush32(out, out, i, stop, spec.flush_output, signed)


@kernel(f"void(float64[::1], float64[::1], {SPEC}, int64, int64)")
def round_steps64(x, out, spec_array, key, first):
    """The same in float64 lanes, formats with float64's exponents among them."""
    spec, words, n = load_spec(spec_array), Words(key, first), x.size
    signed = np.signbit(spec.neg_zero)
    for i in range(0, n, _PIECE):
        stop = lesser(i + _PIECE, n)
        _flush64(x, out, i, stop, spec.flush_input, True)
        if spec.emin == -1022 and signed:
            _same_range(x, out, i, stop, spec, words)
        elif spec.draws:
            drawn_range64(x, out, out, i, stop, spec, words, True)
        elif spec.mode == _NEAREST_EVEN:
            narrow_range64(x, out, out, i, stop, spec, words, True, None)
        else:
            narrow_range64(x, out, out, i, stop, spec, words, True, 0)
        _flush64(out, out, i, stop, spec.flush_output, signed)


@device
def _same_range(x, out, i, stop, spec, words):
    """out[i:stop] = x[i:stop] rounded, for formats with float64's exponents; `out` holds x already, flushed."""
    form = mode_form(spec) if spec.precision < 53 else _TOWARD_ZERO
    while i < stop:
        constants = (range64(spec), draw64(spec, words, i), overflow(spec), infinities(spec))
        i = _same64(out, out, i, section_end(words, i, stop), form, constants)
        round_range(x, out, i, lesser(i + _BLOCK64, stop), spec, words)
        i += _BLOCK64


# ------------------------------------------------------------------ formats of one bit
class PowerFields(NamedTuple):
    """Of a format of one bit, beside its `RangeFields` and `DrawFields`."""

    zero: int  # the magnitude of a zero, or none of any number, where there is no zero
    parity: int  # what makes the last bit of the exponent's code that of the lane's


def _powers(mode: Rounding):
    """A block of numbers within the range, or zero; others are refused."""

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        b = v.builder
        zero = b.icmp_unsigned("==", b.and_(v.as_int(x), v.magnitude_mask), k.zero)
        random = random_word(v, index, k, mode) if mode.is_stochastic else None
        odd = v.as_float(b.add(v.as_int(x), k.parity))
        cut = b.sub(v.as_int(vector.round_same(v, odd, k.grid, mode, random, tail_bits(k, mode))), k.parity)
        v.store(v.as_float(v.where(zero, b.and_(v.as_int(x), k.sign), cut)), target)
        return v.all(b.or_(zero, inner_lanes(v, x, k)))

    return body


_powers32, _powers64 = (stream(bits, {m.tag: _powers(m) for m in BODIES}) for bits in (32, 64))


@device
def _power_form(spec):
    """The body's tag: where every number is odd, a tie goes away from zero, and to_odd is toward zero."""
    if spec.parity_bias < 0 and spec.mode == _NEAREST_EVEN:
        return _NEAREST_AWAY
    if spec.parity_bias < 0 and spec.mode == _TO_ODD:
        return _TOWARD_ZERO
    return mode_form(spec)


@device
def _least(spec, emin):
    """The least magnitude that stays at least a normal number of format and lane."""
    return greater(greater(power_of_two(greater(spec.emin, emin)), spec.flush_input), spec.flush_output)


@device
def _parity(spec, bit):
    """`bit`, one in the exponent's field, if the format's biases and the lane's (which is odd) differ in parity."""
    return bit if spec.parity_bias >= 0 and spec.parity_bias & 1 == 0 else np.int64(0)


@device
def _zero(spec):
    return np.int64(0) if spec.pos_zero == 0.0 else np.int64(-1)


@kernel(f"void(float32[::1], float32[::1], {SPEC}, int64, int64)")
def round_powers32(x, out, spec_array, key, first):
    """out[i] = x[i] rounded to a format of one bit, in float32 lanes."""
    spec, words, n = load_spec(spec_array), Words(key, first), x.size
    i = 0
    form, low = _power_form(spec), np.int64(float32_as_int32(np.float32(_least(spec, -126))))
    inner = within(range32(spec, False), low, np.int64(float32_as_int32(np.float32(spec.max))))
    powers = PowerFields(_zero(spec), _parity(spec, np.int64(1 << 23)))
    while i < n:
        constants = (inner, draw32(spec, words, i), powers)
        i = _powers32(x, out, i, section_end(words, i, n), form, constants)
        round_range(x, out, i, lesser(i + _BLOCK32, n), spec, words)
        i += _BLOCK32


@kernel(f"void(float64[::1], float64[::1], {SPEC}, int64, int64)")
def round_powers64(x, out, spec_array, key, first):
    """out[i] = x[i] rounded to a format of one bit, in float64 lanes."""
    spec, words, n = load_spec(spec_array), Words(key, first), x.size
    i = 0
    form, low = _power_form(spec), float64_as_int64(_least(spec, -1022))
    inner = within(range64(spec), low, float64_as_int64(spec.max))
    powers = PowerFields(_zero(spec), _parity(spec, np.int64(1 << 52)))
    while i < n:
        constants = (inner, draw64(spec, words, i), powers)
        i = _powers64(x, out, i, section_end(words, i, n), form, constants)
        round_range(x, out, i, lesser(i + _BLOCK64, n), spec, words)
        i += _BLOCK64
