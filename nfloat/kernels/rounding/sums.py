"""Sums of two float32 arrays, rounded by a stochastic mode in one pass: formed in float64 lanes, stored as float32.

What it does is `round_drawn64` of the float64 sums; a random word is that of the element's number, as there. A format
is one that float32 holds. (Modes without random bits: ``arithmetic/short.py``, ``arithmetic/results_lanes.py``.)
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from ...formats.rounding import Rounding
from ..bits import lesser
from ..jit import kernel
from ..lanes import Lanes, Value
from ..rng import Words, element_word, section_end, section_keys
from . import vector
from .arrays import SPEC, mode_form
from .bodies import random_word, tail_bits
from .constants import draw64, overflow, range64
from .scalar import load_spec, round_value
from .streaming import BLOCK, Constants, run

_SINGLE = ir.FloatType()
#: added to a mode's tag: formats without -0
_UNSIGNED_ZERO = 32
_BLOCK = BLOCK[64]


def widened(v: Lanes, pointer: Value) -> Value:
    """A block of float32 numbers in float64 lanes."""
    b = v.builder
    narrow = b.load(b.bitcast(pointer, ir.VectorType(_SINGLE, v.count).as_pointer()), align=4)
    return b.fpext(narrow, ir.VectorType(ir.DoubleType(), v.count))


def _body(mode: Rounding, negative_zero: bool):
    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        b = v.builder
        s = b.fadd(widened(v, pointers[0]), widened(v, pointers[1]))
        word = random_word(v, index, k, mode)
        r, doubt = vector.stochastic_narrow(v, s, k.grid, word, negative_zero=negative_zero, tail=tail_bits(k, mode))
        r = b.fptrunc(vector.select_overflow(v, r, *k.overflow), ir.VectorType(_SINGLE, v.count))
        b.store(r, b.bitcast(pointers[2], ir.VectorType(_SINGLE, v.count).as_pointer()), align=4)
        inside = b.icmp_signed("<", b.and_(v.as_int(s), v.magnitude_mask), k.limit)
        return v.all(b.and_(inside, b.not_(doubt.lanes(v))))

    return body


_DRAWN = (Rounding.STOCHASTIC, Rounding.STOCHASTIC_A, Rounding.STOCHASTIC_C)
_run = run(64, {m.tag + zero: _body(m, zero == 0) for m in _DRAWN for zero in (0, _UNSIGNED_ZERO)})


@kernel(f"void(float32[::1], float32[::1], float32[::1], {SPEC}, int64, int64)")
def add_drawn32(x, y, out, spec_array, key, first):
    """out[i] = x[i] + y[i] rounded; x[0] is number `first` of its array."""
    spec, words = load_spec(spec_array), Words(key, first)
    form = mode_form(spec) if np.signbit(spec.neg_zero) else mode_form(spec) + _UNSIGNED_ZERO
    i = 0
    while i < x.size:
        stop, keys = section_end(words, i, x.size), section_keys(words, i)
        i = _run((x, y, out), i, stop, form, (range64(spec), draw64(spec, words, i), overflow(spec)))
        for j in range(i, lesser(i + _BLOCK, stop)):
            out[j] = round_value(np.float64(x[j]) + np.float64(y[j]), spec, element_word(j, keys))
        i += _BLOCK
