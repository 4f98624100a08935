"""Array loops that round: the plain one, correct for everything, and the fast ones over ``rounding/vector.py``.

A fast kernel takes the blocks whose values are finite and below its family's limit; overflow is selected in the fast
path. From a block that is refused the form with special values goes on for a while, which knows infinities and NaN too;
what it refuses (extreme values) goes to the plain rule. One form for both would cost common arrays a tenth.
"""

from __future__ import annotations

import numpy as np

from ...formats.rounding import Rounding
from ..bits import lesser
from ..jit import device, kernel
from ..rng import Words, element_word, section_end, section_keys
from .bodies import normal, quick, same_body, whole
from .constants import draw32, draw64, infinities, overflow, range32, range64
from .scalar import load_spec, round_value
from .streaming import DRAWN, PART, QUICK, STREAM, stream
from .vector import DETERMINISTIC

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

#: what a mode's tag becomes in the form with special values
_WAYS = ((0, False), (WITH_SPECIAL, True))


def _narrow(modes):
    """Forms of the narrow family in float32 lanes."""
    return stream(
        32,
        {
            **{m.tag + _NORMAL: normal(m) for m in modes},
            **{m.tag + way: whole(m, with_special=with_special) for m in modes for way, with_special in _WAYS},
        },
    )


#: nearest-even's loops, and those of the other deterministic modes: what a kernel does not need it does not compile
_EVEN = (Rounding.NEAREST_EVEN,)
_OTHERS = tuple(mode for mode in DETERMINISTIC if mode not in _EVEN)
_even32, _narrow32 = _narrow(_EVEN), _narrow(_OTHERS)
_drawn32 = stream(
    32,
    {
        **{m.tag + _NORMAL: normal(m) for m in _DRAWN},
        **{m.tag + way: whole(m, with_special=with_special) for m in _DRAWN for way, with_special in _WAYS},
        **{m.tag + _UNSIGNED_ZERO + way: whole(m, False, with_special) for m in _DRAWN for way, with_special in _WAYS},
    },
    count=DRAWN,
)
_quick32 = stream(32, {_STOCHASTIC: quick(True), _STOCHASTIC + _UNSIGNED_ZERO: quick(False)}, count=QUICK, part=PART)
_even_same32, _same32, _drawn_same32 = (
    stream(32, {m.tag + way: same_body(m, with_special) for m in modes for way, with_special in _WAYS}, count=count)
    for modes, count in ((_EVEN, STREAM[32]), (_OTHERS, STREAM[32]), (_DRAWN, DRAWN))
)
_even64, _narrow64 = (
    stream(64, {m.tag + way: whole(m, with_special=with_special) for m in modes for way, with_special in _WAYS})
    for modes in (_EVEN, _OTHERS)
)
_drawn64 = stream(
    64,
    {
        m.tag + zero + way: whole(m, zero == 0, with_special)
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
def narrow_range32(x, source, out, i, stop, spec, words, always, other):
    """out[i:stop] = x[i:stop] rounded by a deterministic mode, for formats of the narrow family in float32 lanes.

    `source` is what the lanes read: x, or `out` itself, which then holds something that rounds to the same. `always`:
    the form with special values does it all, as it must in the latter case: a block that is refused may hold anything.
    `other`: None for nearest-even, whose loops alone are compiled then; a number for the other modes.
    """
    constants, with_special = (range32(spec, False), overflow(spec), infinities(spec)), always
    usual = spec.mode + _NORMAL if spec.emin <= _NORMAL_EMIN and np.signbit(spec.neg_zero) else spec.mode
    while i < stop:
        end = _end(words, i, stop, with_special and not always)
        form = spec.mode + WITH_SPECIAL if with_special else usual
        if other is None:
            i = _even32(source, out, i, end, form, constants)
        else:
            i = _narrow32(source, out, i, end, form, constants)
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
def same_range32(x, source, out, i, stop, spec, words, always, other):
    """The same by any mode (`other`: any but nearest-even), for formats with float32's exponent range.

    float32 itself (of which nothing is cut, in any mode) among them.
    """
    form, with_special = mode_form(spec) if spec.precision < 24 else _TOWARD_ZERO, always
    while i < stop:
        constants = (range32(spec, False), draw32(spec, words, i), overflow(spec), infinities(spec))
        end = _end(words, i, stop, with_special and not always)
        now = form + WITH_SPECIAL if with_special else form
        if other is None:
            i = _even_same32(source, out, i, end, now, constants)
        elif spec.draws and form != _TOWARD_ZERO:
            i = _drawn_same32(source, out, i, end, now, constants)
        else:
            i = _same32(source, out, i, end, now, constants)
        if with_special and i < end:
            round_range(x, out, i, lesser(i + DRAWN, stop), spec, words)
            i += DRAWN
        with_special = always or i < end


@device
def narrow_range64(x, source, out, i, stop, spec, words, always, other):
    """out[i:stop] = x[i:stop] rounded by a deterministic mode, for formats of the narrow family in float64 lanes."""
    constants, with_special = (range64(spec), overflow(spec), infinities(spec)), always
    while i < stop:
        end = _end(words, i, stop, with_special and not always)
        form = spec.mode + WITH_SPECIAL if with_special else spec.mode
        if other is None:
            i = _even64(source, out, i, end, form, constants)
        else:
            i = _narrow64(source, out, i, end, form, constants)
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
    """`narrow_range32` of an array, by another mode than nearest-even."""
    narrow_range32(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False, 0)


@kernel(f"void(float32[::1], float32[::1], {SPEC}, int64, int64)")
def round_even32(x, out, spec_array, key, first):
    """`narrow_range32` of an array, to nearest-even."""
    narrow_range32(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False, None)


@kernel(f"void(float32[::1], float32[::1], {SPEC}, int64, int64)")
def round_drawn32(x, out, spec_array, key, first):
    """`drawn_range32` of an array."""
    drawn_range32(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False)


@kernel(f"void(float32[::1], float32[::1], {SPEC}, int64, int64)")
def round_same32(x, out, spec_array, key, first):
    """`same_range32` of an array, by another mode than nearest-even."""
    same_range32(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False, 0)


@kernel(f"void(float32[::1], float32[::1], {SPEC}, int64, int64)")
def round_even_same32(x, out, spec_array, key, first):
    """`same_range32` of an array, to nearest-even."""
    same_range32(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False, None)


@kernel(f"void(float64[::1], float64[::1], {SPEC}, int64, int64)")
def round_narrow64(x, out, spec_array, key, first):
    """`narrow_range64` of an array, by another mode than nearest-even."""
    narrow_range64(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False, 0)


@kernel(f"void(float64[::1], float64[::1], {SPEC}, int64, int64)")
def round_even64(x, out, spec_array, key, first):
    """`narrow_range64` of an array, to nearest-even."""
    narrow_range64(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False, None)


@kernel(f"void(float64[::1], float64[::1], {SPEC}, int64, int64)")
def round_drawn64(x, out, spec_array, key, first):
    """`drawn_range64` of an array."""
    drawn_range64(x, x, out, 0, x.size, load_spec(spec_array), Words(key, first), False)


#: the kernels that are nearest-even's in place of those for the other modes
EVEN = {round_narrow32: round_even32, round_same32: round_even_same32, round_narrow64: round_even64}
