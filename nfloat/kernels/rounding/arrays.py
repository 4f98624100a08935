"""Array loops that round: the plain one, correct for everything, and the fast ones over ``rounding/vector.py``.

A fast kernel takes the blocks whose values are finite and below its family's limit; overflow is selected in the fast
path. From a block that is refused the careful form goes on for a while, which knows infinities and NaN too; what it
refuses (extreme values) goes to the plain rule. One form for both would cost common arrays a tenth.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from ...formats.rounding import Rounding
from ..bits import float32_as_int32, float64_as_int64
from ..jit import device, kernel
from ..rng import paired_words, subkeys, twin_subkeys
from . import vector
from .scalar import load_spec, round_value
from .streaming import STREAM, Constants, either, stream
from .vector import DETERMINISTIC, Lanes, Value

WORDS = "Array(float64, 1, 'C', readonly=True)"
_STOCHASTIC_A, _STOCHASTIC_B = Rounding.STOCHASTIC_A.tag, Rounding.STOCHASTIC_B.tag
_TOWARD_ZERO = Rounding.TOWARD_ZERO.tag


@device
def round_range(x, out, start, stop, spec, key):
    """The plain rule on x[start:stop]; random bits of element i from (key, i)."""
    stochastic = spec.draws
    while start < stop:
        section = start >> 32  # the random words' subkeys change every 2^32 elements
        end, keys, twin = min(stop, (section + 1) << 32), subkeys(key, section), twin_subkeys(key, section)
        for i in range(start, end):
            random = paired_words(np.uint64(i & 0xFFFFFFFF), keys, twin) if stochastic else np.uint64(0)
            out[i] = round_value(np.float64(x[i]), spec, random)
        start = end


@kernel(f"void(float32[::1], float32[::1], {WORDS}, int64)", f"void(float64[::1], float64[::1], {WORDS}, int64)")
def round_plain(x, out, words, key):
    """out[i] = x[i] rounded."""
    round_range(x, out, 0, x.size, load_spec(words), key)


#: run-time integers of the streams, after those of ``streaming.Constants``: the largest magnitude (as bits) that is
#: easy, and what stochastic_a, _b and _c take of a random word, set in it, and round away before
_EASY, _TAKEN, _SET, _TAIL = 11, 12, 13, 14
#: and, in float64 lanes, where a word has 64 bits: the subkeys of its second half
_TWIN = slice(15, 17)


def _magnitude(v: Lanes, x: Value) -> Value:
    return v.builder.and_(v.as_int(x), v.magnitude_mask)


def _over(v: Lanes, x: Value, k: Constants) -> Value:
    """Lanes (folded) above the largest number; the others, rounded, cannot exceed it, since it is on the grid.

    For unsigned formats: lanes that are not zero.
    """
    greatest = v.fold(_magnitude(v, x), lambda low, high: v.call("umax", low, high))
    return v.builder.icmp_unsigned(">", greatest, v.fold(k.integers[_EASY], lambda low, _: low))


def _store(v: Lanes, r: Value, target: Value) -> Value:
    v.store(r, target)
    return ir.Constant(ir.IntType(1), 1)


def _finish(
    v: Lanes, x: Value, r: Value, target: Value, k: Constants, careful: bool, unsure: Value | None = None
) -> Value:
    """Store r; the selects of overflow are kept out of the common way.

    Done unless a lane is unsure or beyond the limit.
    """
    b = v.builder
    other = _over(v, x, k)
    doubt = None if unsure is None else v.fold(unsure, b.or_)

    def select() -> Value:
        chosen, inside = vector.select_overflow(v, r, *k.floats[:4]), b.icmp_signed("<", _magnitude(v, x), k.limit)
        if careful:
            special, chosen = vector.select_special(v, x, chosen, *k.floats[4:6])
            inside = b.or_(special, inside)
        v.store(chosen, target)
        inside = v.all(inside)
        return inside if unsure is None else b.and_(inside, b.not_(v.any(unsure)))

    return either(v, v.some(other if doubt is None else b.or_(other, doubt)), select, lambda: _store(v, r, target))


def _whole(mode: Rounding, negative_zero: bool = True, careful: bool = False):
    """A block of the narrow family by the form that knows all its numbers."""

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        if not mode.is_stochastic:
            return _finish(v, x, vector.round_narrow(v, x, k.grid, mode), target, k, careful)
        r, unsure = vector.stochastic_narrow(
            v, x, k.grid, random_word(v, index, k, mode), negative_zero=negative_zero, tail=tail_bits(k, mode)
        )
        return _finish(v, x, r, target, k, careful, unsure)

    return body


def _normal(mode: Rounding):
    """A block of the narrow family by cutting bits off, where all lanes are normal numbers of the format."""
    other = _whole(mode)

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        b = v.builder
        above = b.sub(_magnitude(v, x), k.grid.lowest)
        normal = b.icmp_unsigned("<=", above, b.sub(k.integers[_EASY], k.grid.lowest))
        random = random_word(v, index, k, mode) if mode.is_stochastic else None
        cut = vector.round_same(v, x, k.grid, mode, random, tail_bits(k, mode))
        return either(v, v.all(normal), lambda: _store(v, cut, target), lambda: other(v, x, target, index, k))

    return body


def same_body(mode: Rounding, careful: bool):
    """A block of the family with the lane's own exponent range."""

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        random = random_word(v, index, k, mode) if mode.is_stochastic else None
        return _finish(v, x, vector.round_same(v, x, k.grid, mode, random, tail_bits(k, mode)), target, k, careful)

    return body


def random_word(v: Lanes, index: Value, k: Constants, mode: Rounding) -> Value:
    """The random words of a block's elements: counters are the low 32 bits of the element numbers.

    stochastic_a with N bits is stochastic with a word of which N bits are taken; _b sets the next one, halfway between
    two numbers of N bits. A word has more bits than a lane can show of a fraction, so that those beyond 32 cannot
    matter where the form is sure.
    """
    b, lanes = v.builder, Lanes(v.builder, v.count)
    counters = b.add(lanes.splat(b.trunc(index, lanes.scalar_int)), lanes.iota())
    if v.bits == 32:
        word = v.random_word(counters, *k.keys)
    else:
        head, tail = (
            lanes.random_word(counters, *(b.trunc(x, lanes.int) for x in keys)) for keys in (k.keys, k.integers[_TWIN])
        )
        word = b.or_(b.shl(b.zext(head, v.int), v.word(32)), b.zext(tail, v.int))
    return word if mode is Rounding.STOCHASTIC else b.or_(b.and_(word, k.integers[_TAKEN]), k.integers[_SET])


def tail_bits(k: Constants, mode: Rounding) -> Value | None:
    """What stochastic_c rounds away before: the `tail` of the vector forms."""
    return k.integers[_TAIL] if mode is Rounding.STOCHASTIC_C else None


#: the stochastic modes that add their bits below the unit (STOCHASTIC_A stands for _B too); others are left to the
#: plain rule
_DRAWN = (Rounding.STOCHASTIC, Rounding.STOCHASTIC_A, Rounding.STOCHASTIC_C)
BODIES = (*DETERMINISTIC, *_DRAWN)
#: the modes that these loops know; the others are the plain rule's
MODES = (*BODIES, Rounding.STOCHASTIC_B)
#: added to a mode's tag: the form that takes blocks of normal numbers first; the one for formats without -0
_NORMAL, _UNSIGNED_ZERO = 16, 32
#: added to these: the careful form
CAREFUL = 64
#: formats with a larger emin have subnormal numbers among common data
_NORMAL_EMIN = -12

#: what a mode's tag becomes in the careful form
_WAYS = ((0, False), (CAREFUL, True))
_narrow32 = stream(
    32,
    {
        **{m.tag + _NORMAL: _normal(m) for m in BODIES},
        **{m.tag + way: _whole(m, careful=careful) for m in BODIES for way, careful in _WAYS},
        **{m.tag + _UNSIGNED_ZERO + way: _whole(m, False, careful) for m in _DRAWN for way, careful in _WAYS},
    },
)
_same32 = stream(32, {m.tag + way: same_body(m, careful) for m in BODIES for way, careful in _WAYS})
_narrow64 = stream(64, {m.tag + way: _whole(m, careful=careful) for m in DETERMINISTIC for way, careful in _WAYS})
_drawn64 = stream(
    64,
    {
        m.tag + zero + way: _whole(m, zero == 0, careful)
        for m in _DRAWN
        for zero in (0, _UNSIGNED_ZERO)
        for way, careful in _WAYS
    },
)
#: elements that the careful form goes on for
_AWHILE = 1024
_BLOCK32, _BLOCK64 = STREAM[32], STREAM[64]


@device
def constants32(spec, keys, normal_only):
    """The integer constants of a float32 run, in the order of ``streaming.Constants``; the last two are the subkeys.

    Easy are magnitudes up to the largest number (rounded, they cannot exceed it, since it is on the grid); with
    `normal_only` not those below the smallest normal number.
    """
    p = spec.precision
    sign = 0x80000000 if np.signbit(spec.neg_zero) else 0
    limit = min((255 - 24 + p) << 23, 0x7F800000)
    mask = 0x7FFFFFFF if spec.min < 0.0 else 0xFFFFFFFF
    low = (spec.emin + 127) << 23 if normal_only else 0
    span = float32_as_int32(np.float32(spec.max)) - low
    return (
        (spec.emin + 127) << 23,
        ((24 - p) << 23) | 0x400000,
        (1 - p) << 23,
        24 - p,
        sign,
        limit,
        mask,
        low,
        span,
        np.int64(keys & np.uint64(0xFFFFFFFF)),
        np.int64(keys >> np.uint64(32)),
    )


@device
def constants64(spec):
    """The integer constants of a float64 run."""
    p = spec.precision
    sign = np.int64(-0x8000000000000000) if np.signbit(spec.neg_zero) else np.int64(0)
    limit = min(2047 - 53 + p, 2047) << 52
    mask = np.int64(0x7FFFFFFFFFFFFFFF) if spec.min < 0.0 else np.int64(-1)
    return (
        (spec.emin + 1023) << 52,
        ((53 - p) << 52) | (1 << 51),
        (1 - p) << 52,
        53 - p,
        sign,
        limit,
        mask,
        0,
        float64_as_int64(spec.max),
    )


@device
def overflow_constants(spec):
    """The float constants of a run: what lies beyond the range, and what it becomes."""
    return (spec.max, spec.over, spec.min, spec.under_min)


@device
def stream_floats(spec):
    """The float constants of a stream: those of overflow, and what infinities become."""
    return overflow_constants(spec) + (spec.pos_inf, spec.neg_inf)  # noqa: RUF005


@device
def stream_constants32(spec, keys):
    """The integer constants of a float32 stream: `constants32`, and the largest magnitude that is easy."""
    easy = float32_as_int32(np.float32(spec.max)) if spec.min < 0.0 else 0
    return constants32(spec, keys, False) + (np.int64(easy),)  # noqa: RUF005 (Numba has no starred tuples)


@device
def word_constants32(spec):
    """What stochastic_a, _b and _c take of a 32-bit word, set in it, and round away before it is added."""
    bits = min(spec.random_bits, 32)
    half = (1 << 31) >> bits if spec.mode == _STOCHASTIC_B and bits < 32 else 0
    return (np.int64(0x100000000 - (1 << (32 - bits))), np.int64(half), np.int64(max(24 - spec.precision - bits, 0)))


@device
def mode_form(spec):
    """The tag of a mode's body."""
    return _STOCHASTIC_A if spec.mode == _STOCHASTIC_B else spec.mode


@device
def _zero_form(spec):
    mode = mode_form(spec)
    return mode + _UNSIGNED_ZERO if spec.draws and not np.signbit(spec.neg_zero) else mode


@device
def narrow32(x, source, out, i, stop, spec, key, always):
    """out[i:stop] = x[i:stop] rounded, for formats of the narrow family in float32 lanes.

    `source` is what the lanes read: x, or `out` itself, which then holds something that rounds to the same. `always`:
    the careful form does it all, as it must in the latter case: a block that is refused may hold anything.
    """
    floats, form, careful = stream_floats(spec), _zero_form(spec), always
    usual = form + _NORMAL if spec.emin <= _NORMAL_EMIN and np.signbit(spec.neg_zero) else form
    while i < stop:
        section = i >> 32
        keys = subkeys(key, section) if spec.draws else np.uint64(0)
        integers = stream_constants32(spec, keys) + word_constants32(spec)
        end = _end(i, stop, careful and not always)
        i = _narrow32(source, out, i, end, form + CAREFUL if careful else usual, integers, floats)
        if careful and i < end:
            round_range(x, out, i, min(i + _BLOCK32, stop), spec, key)
            i += _BLOCK32
        careful = always or i < end


@device
def _end(i, stop, awhile):
    """How far a stream from i may go: to where the subkeys change, or for a while."""
    end = min(stop, ((i >> 32) + 1) << 32)
    return min(end, i + _AWHILE) if awhile else end


@device
def same32(x, source, out, i, stop, spec, key, always):
    """The same for formats with float32's exponent range.

    float32 itself (of which nothing is cut, in any mode) among them.
    """
    floats, form, careful = stream_floats(spec), mode_form(spec) if spec.precision < 24 else _TOWARD_ZERO, always
    while i < stop:
        section = i >> 32
        keys = subkeys(key, section) if spec.draws else np.uint64(0)
        integers = stream_constants32(spec, keys) + word_constants32(spec)
        end = _end(i, stop, careful and not always)
        i = _same32(source, out, i, end, form + CAREFUL if careful else form, integers, floats)
        if careful and i < end:
            round_range(x, out, i, min(i + _BLOCK32, stop), spec, key)
            i += _BLOCK32
        careful = always or i < end


@device
def narrow64(x, source, out, i, stop, spec, key, always):
    """out[i:stop] = x[i:stop] rounded by a deterministic mode, for formats of the narrow family in float64 lanes."""
    easy = float64_as_int64(spec.max) if spec.min < 0.0 else np.int64(0)
    integers = constants64(spec) + (0, 0, easy)  # noqa: RUF005 (no subkeys)
    floats, careful = stream_floats(spec), always
    while i < stop:
        end = _end(i, stop, careful and not always)
        i = _narrow64(source, out, i, end, spec.mode + CAREFUL if careful else spec.mode, integers, floats)
        if careful and i < end:
            round_range(x, out, i, min(i + _BLOCK64, stop), spec, key)
            i += _BLOCK64
        careful = always or i < end


@device
def _word_constants64(spec, twin):
    """`word_constants32` of a 64-bit word, and the subkeys of its second half."""
    bits = spec.random_bits if 0 < spec.random_bits < 64 else 64
    taken = np.int64(-1) << (64 - bits) if bits < 64 else np.int64(-1)
    half = np.int64(1) << (63 - bits) if spec.mode == _STOCHASTIC_B else np.int64(0)
    return (
        taken,
        half,
        np.int64(max(53 - spec.precision - bits, 0)),
        np.int64(twin & np.uint64(0xFFFFFFFF)),
        np.int64(twin >> np.uint64(32)),
    )


@device
def stream_constants64(spec, key, section):
    """The integer constants of a float64 stream that draws."""
    easy = float64_as_int64(spec.max) if spec.min < 0.0 else np.int64(0)
    keys, twin = subkeys(key, section), twin_subkeys(key, section)
    head = (np.int64(keys & np.uint64(0xFFFFFFFF)), np.int64(keys >> np.uint64(32)), easy)
    return constants64(spec) + head + _word_constants64(spec, twin)


@device
def drawn64(x, source, out, i, stop, spec, key, always):
    """out[i:stop] = x[i:stop] rounded by a stochastic mode, for formats of the narrow family in float64 lanes."""
    floats, form, careful = stream_floats(spec), _zero_form(spec), always
    while i < stop:
        end = _end(i, stop, careful and not always)
        i = _drawn64(
            source, out, i, end, form + CAREFUL if careful else form, stream_constants64(spec, key, i >> 32), floats
        )
        if careful and i < end:
            round_range(x, out, i, min(i + _BLOCK64, stop), spec, key)
            i += _BLOCK64
        careful = always or i < end


@kernel(f"void(float32[::1], float32[::1], {WORDS}, int64)")
def round_narrow32(x, out, words, key):
    """`narrow32` of an array."""
    narrow32(x, x, out, 0, x.size, load_spec(words), key, False)


@kernel(f"void(float32[::1], float32[::1], {WORDS}, int64)")
def round_same32(x, out, words, key):
    """`same32` of an array."""
    same32(x, x, out, 0, x.size, load_spec(words), key, False)


@kernel(f"void(float64[::1], float64[::1], {WORDS}, int64)")
def round_narrow64(x, out, words, key):
    """`narrow64` of an array."""
    narrow64(x, x, out, 0, x.size, load_spec(words), key, False)


@kernel(f"void(float64[::1], float64[::1], {WORDS}, int64)")
def round_drawn64(x, out, words, key):
    """`drawn64` of an array."""
    drawn64(x, x, out, 0, x.size, load_spec(words), key, False)
