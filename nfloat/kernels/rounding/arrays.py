"""Array loops that round: the plain one, correct for everything, and the fast ones over ``rounding/vector.py``.

A fast kernel takes the blocks whose values are finite and below its family's limit; overflow is selected in the fast
path. From a block that is refused the form with special values goes on for a while, which knows infinities and NaN too;
what it refuses (extreme values) goes to the plain rule. One form for both would cost common arrays a tenth.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from ...formats.rounding import Rounding
from ..bits import lesser
from ..jit import device, kernel
from ..lanes import Lanes, Value
from ..rng import Words, element_word, section_end, section_keys
from . import vector
from .constants import draw32, draw64, infinities, overflow, range32, range64
from .scalar import load_spec, round_value
from .streaming import DRAWN, PART, QUICK, STREAM, Constants, either, stream
from .vector import DETERMINISTIC, Doubt

SPEC = "Array(float64, 1, 'C', readonly=True)"
_STOCHASTIC = Rounding.STOCHASTIC.tag
_STOCHASTIC_A, _STOCHASTIC_B = Rounding.STOCHASTIC_A.tag, Rounding.STOCHASTIC_B.tag
_TOWARD_ZERO = Rounding.TOWARD_ZERO.tag


@device
def round_range(x, out, start, stop, spec, words):
    """The plain rule on x[start:stop]."""
    stochastic = spec.draws
    while start < stop:
        end = section_end(words, start, stop)
        keys = section_keys(words, start)
        for i in range(start, end):
            random = element_word(i, keys) if stochastic else np.uint64(0)
            out[i] = round_value(np.float64(x[i]), spec, random)
        start = end


@kernel(
    f"void(float32[::1], float32[::1], {SPEC}, int64, int64)", f"void(float64[::1], float64[::1], {SPEC}, int64, int64)"
)
def round_plain(x, out, spec_array, key, first):
    """out[i] = x[i] rounded; x[0] is number `first` of its array, by which it gets its random bits."""
    round_range(x, out, 0, x.size, load_spec(spec_array), Words(key, first))


def _magnitude(v: Lanes, x: Value) -> Value:
    return v.builder.and_(v.as_int(x), v.magnitude_mask)


def _over(v: Lanes, x: Value, k: Constants) -> Value:
    """Lanes (folded) above the largest number, in their sign bit; others cannot exceed it, since it is on the grid.

    For unsigned formats: lanes that are not zero. In 64-bit lanes, perhaps one that only comes near.
    """
    b = v.builder
    greatest = v.fold(_magnitude(v, x), lambda low, high: v.greater_code("umax", low, high))
    return b.or_(greatest, b.sub(v.fold(k.largest, lambda low, _: low), greatest))


def _store(v: Lanes, r: Value, target: Value) -> Value:
    v.store(r, target)
    return ir.Constant(ir.IntType(1), 1)


def _finish(
    v: Lanes, x: Value, r: Value, target: Value, k: Constants, with_special: bool, doubt: Doubt | None = None
) -> Value:
    """Store r; the selects of overflow are kept out of the common way.

    Done unless a lane is in doubt or beyond the limit: then nothing is stored, since x may lie in the same memory.
    """
    b = v.builder
    other = _over(v, x, k)
    if doubt is not None:
        other = b.or_(other, doubt.possible(v))

    def select() -> Value:
        chosen, inside = vector.select_overflow(v, r, *k.overflow), b.icmp_signed("<", _magnitude(v, x), k.limit)
        if with_special:
            special, chosen = vector.select_special(v, x, chosen, k.positive, k.negative)
            inside = b.or_(special, inside)
        done = v.all(inside)
        if doubt is not None:
            done = b.and_(done, b.not_(v.any(doubt.lanes(v))))
        with b.if_then(done):
            v.store(chosen, target)
        return done

    return either(v, v.some_negative(other), select, lambda: _store(v, r, target))


def _whole(mode: Rounding, negative_zero: bool = True, with_special: bool = False):
    """A block of the narrow family by the form that knows all its numbers."""

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        if not mode.is_stochastic:
            return _finish(v, x, vector.round_narrow(v, x, k.grid, mode), target, k, with_special)
        r, doubt = vector.stochastic_narrow(
            v, x, k.grid, random_word(v, index, k, mode), negative_zero=negative_zero, tail=tail_bits(k, mode)
        )
        return _finish(v, x, r, target, k, with_special, doubt)

    return body


def _normal(mode: Rounding):
    """A block of the narrow family by a shorter form, where all lanes are normal numbers of the format."""
    other = _whole(mode)

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        b = v.builder
        above = b.sub(_magnitude(v, x), k.grid.lowest)
        normal = v.at_most(above, b.sub(k.largest, k.grid.lowest))
        random = random_word(v, index, k, mode) if mode.is_stochastic else None
        if mode is Rounding.NEAREST_EVEN:
            cut = vector.nearest_even_normal(v, x, k.grid)
        else:
            cut = vector.round_same(v, x, k.grid, mode, random, tail_bits(k, mode))
        return either(v, normal, lambda: _store(v, cut, target), lambda: other(v, x, target, index, k))

    return body


def _quick(negative_zero: bool):
    """A block of the narrow family by `stochastic`, refused unless all its lanes are within the range and sure.

    It is done in parts, each stored in any case, before that is known; who does a refused block reads it from x, which
    is another array. The words of the second part from here on are begun before a part is finished: in the order of
    the code, which LLVM keeps, one part's operations fill the time that the multiplications of others take.
    """

    def body(v: Lanes, source: Value, target: Value, index: Value, k: Constants) -> Value:
        b, starts = v.builder, range(0, QUICK, PART)
        words: list[Value] = []
        greatest = v.fold(v.word(0), v.greater_halves)
        for start in starts:
            soon = starts[len(words) : start // PART + _AHEAD + 1]
            words += [random_word(v, index, k, Rounding.STOCHASTIC, later) for later in soon]
            place = ir.Constant(ir.IntType(64), start)
            x = v.load(b.gep(source, [place]))
            r, code = vector.stochastic_short(v, x, k.grid, words[start // PART], negative_zero=negative_zero)
            v.store(r, b.gep(target, [place]))
            greatest = v.greater_halves(greatest, v.fold(code, v.greater_halves))
        bound = v.fold(vector.short_bound(v, k.grid, k.largest), lambda low, _: low)
        return b.not_(v.some(b.icmp_unsigned("!=", v.greater_halves(greatest, bound), bound)))

    return body


def same_body(mode: Rounding, with_special: bool):
    """A block of the family with the lane's own exponent range."""

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        random = random_word(v, index, k, mode) if mode.is_stochastic else None
        return _finish(v, x, vector.round_same(v, x, k.grid, mode, random, tail_bits(k, mode)), target, k, with_special)

    return body


def random_word(v: Lanes, index: Value, k: Constants, mode: Rounding, start: int = 0) -> Value:
    """The random words of a block's elements from its `start` on: counters are the low 32 bits of the element numbers.

    stochastic_a with N bits is stochastic with a word of which N bits are taken; _b sets the next one, halfway between
    two numbers of N bits. A word has more bits than a lane can show of a fraction, so that those beyond 32 cannot
    matter where the form is sure.
    """
    b, lanes = v.builder, Lanes(v.builder, v.count)
    counters = b.add(lanes.splat(b.trunc(index, lanes.scalar_int)), lanes.iota(start))
    if v.bits == 32:
        word = v.random_word(counters, k.key_low, k.key_high)
    else:
        head, tail = (
            lanes.random_word(counters, *(b.trunc(x, lanes.int) for x in keys))
            for keys in ((k.key_low, k.key_high), (k.twin_low, k.twin_high))
        )
        word = b.or_(b.shl(b.zext(head, v.int), v.word(32)), b.zext(tail, v.int))
    return word if mode is Rounding.STOCHASTIC else b.or_(b.and_(word, k.taken), k.half)


def tail_bits(k: Constants, mode: Rounding) -> Value | None:
    """What stochastic_c rounds away before: the `tail` of the vector forms."""
    return k.tail if mode is Rounding.STOCHASTIC_C else None


#: the stochastic modes that add their bits below the unit (STOCHASTIC_A stands for _B too); others are left to the
#: plain rule
_DRAWN = (Rounding.STOCHASTIC, Rounding.STOCHASTIC_A, Rounding.STOCHASTIC_C)
BODIES = (*DETERMINISTIC, *_DRAWN)
#: the modes that these loops know; the others are the plain rule's
MODES = (*BODIES, Rounding.STOCHASTIC_B)
#: added to a mode's tag: the form that takes blocks of normal numbers first; the one for formats without -0
_NORMAL, _UNSIGNED_ZERO = 16, 32
#: added to these: the form with special values
WITH_SPECIAL = 64
#: formats with a larger emin have subnormal numbers among common data
_NORMAL_EMIN = -12

#: `stochastic` has a form that refuses (`vector.stochastic_short`)
_QUICK_PRECISION = 8
#: so many parts ahead of the one that is finished, its words are begun
_AHEAD = 2

#: what a mode's tag becomes in the form with special values
_WAYS = ((0, False), (WITH_SPECIAL, True))
_narrow32 = stream(
    32,
    {
        **{m.tag + _NORMAL: _normal(m) for m in DETERMINISTIC},
        **{m.tag + way: _whole(m, with_special=with_special) for m in DETERMINISTIC for way, with_special in _WAYS},
    },
)
_drawn32 = stream(
    32,
    {
        **{m.tag + _NORMAL: _normal(m) for m in _DRAWN},
        **{m.tag + way: _whole(m, with_special=with_special) for m in _DRAWN for way, with_special in _WAYS},
        **{m.tag + _UNSIGNED_ZERO + way: _whole(m, False, with_special) for m in _DRAWN for way, with_special in _WAYS},
    },
    count=DRAWN,
)
_quick32 = stream(32, {_STOCHASTIC: _quick(True), _STOCHASTIC + _UNSIGNED_ZERO: _quick(False)}, count=QUICK, part=PART)
_same32, _drawn_same32 = (
    stream(32, {m.tag + way: same_body(m, with_special) for m in modes for way, with_special in _WAYS}, count=count)
    for modes, count in ((DETERMINISTIC, STREAM[32]), (_DRAWN, DRAWN))
)
_narrow64 = stream(
    64, {m.tag + way: _whole(m, with_special=with_special) for m in DETERMINISTIC for way, with_special in _WAYS}
)
_drawn64 = stream(
    64,
    {
        m.tag + zero + way: _whole(m, zero == 0, with_special)
        for m in _DRAWN
        for zero in (0, _UNSIGNED_ZERO)
        for way, with_special in _WAYS
    },
)
#: elements that the form with special values goes on for
_AWHILE = 1024
_BLOCK64 = STREAM[64]


@device
def mode_form(spec):
    """The tag of a mode's body."""
    return _STOCHASTIC_A if spec.mode == _STOCHASTIC_B else spec.mode


@device
def _zero_form(spec):
    mode = mode_form(spec)
    return mode + _UNSIGNED_ZERO if spec.draws and not np.signbit(spec.neg_zero) else mode


@device
def narrow_range32(x, source, out, i, stop, spec, words, always):
    """out[i:stop] = x[i:stop] rounded by a deterministic mode, for formats of the narrow family in float32 lanes.

    `source` is what the lanes read: x, or `out` itself, which then holds something that rounds to the same. `always`:
    the form with special values does it all, as it must in the latter case: a block that is refused may hold anything.
    """
    constants, with_special = (range32(spec, False), overflow(spec), infinities(spec)), always
    usual = spec.mode + _NORMAL if spec.emin <= _NORMAL_EMIN and np.signbit(spec.neg_zero) else spec.mode
    while i < stop:
        end = _end(words, i, stop, with_special and not always)
        i = _narrow32(source, out, i, end, spec.mode + WITH_SPECIAL if with_special else usual, constants)
        if with_special and i < end:
            round_range(x, out, i, lesser(i + DRAWN, stop), spec, words)
            i += DRAWN
        with_special = always or i < end


@device
def drawn_range32(x, source, out, i, stop, spec, words, always):
    """The same by a stochastic mode."""
    form, with_special = _zero_form(spec), always
    usual = form + _NORMAL if spec.emin <= _NORMAL_EMIN and np.signbit(spec.neg_zero) else form
    quick = usual == form and spec.mode == _STOCHASTIC and spec.precision <= _QUICK_PRECISION and spec.min < 0.0
    while i < stop:
        constants = (range32(spec, False), draw32(spec, words, i), overflow(spec), infinities(spec))
        end = _end(words, i, stop, with_special and not always)
        if quick and not with_special:
            i = _quick32(source, out, i, end, form, constants)
        else:
            i = _drawn32(source, out, i, end, form + WITH_SPECIAL if with_special else usual, constants)
        if with_special and i < end:
            round_range(x, out, i, lesser(i + DRAWN, stop), spec, words)
            i += DRAWN
        with_special = always or i < end


@device
def _end(words, i, stop, awhile):
    """How far a stream from i may go: to where the subkeys change, or for a while."""
    end = section_end(words, i, stop)
    return lesser(end, i + _AWHILE) if awhile else end


@device
def same_range32(x, source, out, i, stop, spec, words, always):
    """The same by any mode, for formats with float32's exponent range.

    float32 itself (of which nothing is cut, in any mode) among them.
    """
    form, with_special = mode_form(spec) if spec.precision < 24 else _TOWARD_ZERO, always
    while i < stop:
        constants = (range32(spec, False), draw32(spec, words, i), overflow(spec), infinities(spec))
        end = _end(words, i, stop, with_special and not always)
        now = form + WITH_SPECIAL if with_special else form
        if spec.draws and form != _TOWARD_ZERO:
            i = _drawn_same32(source, out, i, end, now, constants)
        else:
            i = _same32(source, out, i, end, now, constants)
        if with_special and i < end:
            round_range(x, out, i, lesser(i + DRAWN, stop), spec, words)
            i += DRAWN
        with_special = always or i < end


@device
def narrow_range64(x, source, out, i, stop, spec, words, always):
    """out[i:stop] = x[i:stop] rounded by a deterministic mode, for formats of the narrow family in float64 lanes."""
    constants, with_special = (range64(spec), overflow(spec), infinities(spec)), always
    while i < stop:
        end = _end(words, i, stop, with_special and not always)
        i = _narrow64(source, out, i, end, spec.mode + WITH_SPECIAL if with_special else spec.mode, constants)
        if with_special and i < end:
            round_range(x, out, i, lesser(i + _BLOCK64, stop), spec, words)
            i += _BLOCK64
        with_special = always or i < end


@device
def drawn_range64(x, source, out, i, stop, spec, words, always):
    """out[i:stop] = x[i:stop] rounded by a stochastic mode, for formats of the narrow family in float64 lanes."""
    form, with_special = _zero_form(spec), always
    while i < stop:
        end = _end(words, i, stop, with_special and not always)
        constants = (range64(spec), draw64(spec, words, i), overflow(spec), infinities(spec))
        i = _drawn64(source, out, i, end, form + WITH_SPECIAL if with_special else form, constants)
        if with_special and i < end:
            round_range(x, out, i, lesser(i + _BLOCK64, stop), spec, words)
            i += _BLOCK64
        with_special = always or i < end


@kernel(f"void(float32[::1], float32[::1], {SPEC}, int64, int64)")
def round_narrow32(x, out, spec_array, key, first):
    """`narrow_range32` of an array."""
    narrow_range32(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False)


@kernel(f"void(float32[::1], float32[::1], {SPEC}, int64, int64)")
def round_drawn32(x, out, spec_array, key, first):
    """`drawn_range32` of an array."""
    drawn_range32(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False)


@kernel(f"void(float32[::1], float32[::1], {SPEC}, int64, int64)")
def round_same32(x, out, spec_array, key, first):
    """`same_range32` of an array."""
    same_range32(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False)


@kernel(f"void(float64[::1], float64[::1], {SPEC}, int64, int64)")
def round_narrow64(x, out, spec_array, key, first):
    """`narrow_range64` of an array."""
    narrow_range64(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False)


@kernel(f"void(float64[::1], float64[::1], {SPEC}, int64, int64)")
def round_drawn64(x, out, spec_array, key, first):
    """`drawn_range64` of an array."""
    drawn_range64(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False)
