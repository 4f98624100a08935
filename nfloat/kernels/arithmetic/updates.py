"""The update of a parameter in one pass: its step, a factor times a direction, rounded; its sum with the weights, too.

All numbers but the direction are of one format, R is its rounding, and the product is the carrier's own:

    u = R(factor d);  out = R(w + u)                                                       step_short, step_drawn
    y = R(R(factor d) - rest);  out = R(w + y);  rest = R(R(out - w) - y)                   step_compensated

Lanes take the blocks in which nothing overflows; the plain rule takes the others and the ragged end. For nearest-even
and p <= 11 the hardware's sum of two numbers of the format may be rounded again (``arithmetic/short.py`` says why). A
stochastic sum is formed in float64 lanes, as in ``rounding/sums.py``, and draws the word of its element's number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...formats.rounding import Rounding
from ..bits import lesser
from ..jit import device, kernel
from ..lanes import Lanes, Value
from ..rng import Words, element_word, section_end, section_keys
from ..rounding import vector
from ..rounding.arrays import SPEC, mode_form
from ..rounding.bodies import random_word, tail_bits
from ..rounding.constants import draw64, overflow, range32, range64
from ..rounding.scalar import load_spec, round_value
from ..rounding.streaming import BLOCK, Constants, inner_lanes, run
from ..rounding.sums import widened

_NARROW, _SAME = 0, 1
_BLOCK32, _BLOCK64 = BLOCK[32], BLOCK[64]
_DRAWN = (Rounding.STOCHASTIC, Rounding.STOCHASTIC_A, Rounding.STOCHASTIC_C)
_Rounded = Callable[[Lanes, Value, Constants], Value]


class StepFields(NamedTuple):
    """What a direction is multiplied by."""

    factor: float


@kernel(
    "void(float32[::1], float32[::1], float32, float32[::1])", "void(float64[::1], float64[::1], float64, float64[::1])"
)
def step_native(w, d, factor, out):
    """out[i] = w[i] + factor d[i], product and sum rounded by the hardware."""
    for i in range(w.size):
        out[i] = w[i] + factor * d[i]


def _narrow(v: Lanes, x: Value, k: Constants) -> Value:
    return vector.nearest_even_narrow(v, x, k.grid)


def _same(v: Lanes, x: Value, k: Constants) -> Value:
    return vector.round_same(v, x, k.grid, Rounding.NEAREST_EVEN)


def _inside(v: Lanes, k: Constants, *values: Value) -> Value:
    """Whether no lane of any of them overflows."""
    found = v.every_lane
    for x in values:
        found = v.builder.and_(found, inner_lanes(v, x, k, from_zero=True))
    return v.all(found)


def _short(rounded: _Rounded):
    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        b, w = v.builder, v.load(pointers[0])
        z = b.fmul(k.factor, v.load(pointers[1]))
        s = b.fadd(w, rounded(v, z, k))
        v.store(rounded(v, s, k), pointers[2])
        return _inside(v, k, z, s)

    return body


def _compensated(rounded: _Rounded):
    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        b, w = v.builder, v.load(pointers[0])
        z = b.fmul(k.factor, v.load(pointers[1]))
        wanted = b.fsub(rounded(v, z, k), v.load(pointers[2]))
        y = rounded(v, wanted, k)
        s = b.fadd(w, y)
        after = rounded(v, s, k)
        moved = b.fsub(after, w)
        left = b.fsub(rounded(v, moved, k), y)
        v.store(after, pointers[3])
        v.store(rounded(v, left, k), pointers[4])
        return _inside(v, k, z, wanted, s, moved, left)

    return body


def _drawn(mode: Rounding):
    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        b, single = v.builder, Lanes(v.builder, v.count)
        product = b.fmul(b.fptrunc(k.factor, single.float), single.load(pointers[1]))
        z = b.fpext(product, v.float)
        s = b.fadd(widened(v, pointers[0]), vector.nearest_even_narrow(v, z, k.grid))
        word = random_word(v, index, k, mode)
        r, doubt = vector.stochastic_narrow(v, s, k.grid, word, negative_zero=True, tail=tail_bits(k, mode))
        single.store(b.fptrunc(vector.select_overflow(v, r, *k.overflow), single.float), pointers[2])
        inside = b.icmp_signed("<", b.and_(v.as_int(s), v.magnitude_mask), k.limit)
        inside = b.and_(inside, inner_lanes(v, z, k, from_zero=True))
        return v.all(b.and_(inside, b.not_(doubt.lanes(v))))

    return body


_run_short = run(32, {_NARROW: _short(_narrow), _SAME: _short(_same)})
_run_compensated = run(32, {_NARROW: _compensated(_narrow), _SAME: _compensated(_same)})
_run_drawn = run(64, {m.tag: _drawn(m) for m in _DRAWN})


@device
def _form(spec):
    return _SAME if spec.emin == -126 else _NARROW


@device
def _nearest(x, spec):
    return round_value(x, spec, np.uint64(0))


@kernel(f"void(float32[::1], float32[::1], float32, float32[::1], {SPEC})")
def step_short(w, d, factor, out, spec_array):
    """A step to nearest-even, in formats of p <= 11 whose numbers float32 lanes round."""
    spec = load_spec(spec_array)
    constants = (range32(spec, False), StepFields(np.float64(factor)))
    i, n = 0, w.size
    while i < n:
        i = _run_short((w, d, out), i, n, _form(spec), constants)
        for j in range(i, lesser(i + _BLOCK32, n)):
            out[j] = _nearest(np.float64(w[j]) + _nearest(np.float64(factor * d[j]), spec), spec)
        i += _BLOCK32


@kernel(f"void(float32[::1], float32[::1], float32, float32[::1], float32[::1], float32[::1], {SPEC})")
def step_compensated(w, d, factor, rest, out, left, spec_array):
    """The same with what rounding lost: `rest` of the steps before, `left` of this one."""
    spec = load_spec(spec_array)
    constants = (range32(spec, False), StepFields(np.float64(factor)))
    i, n = 0, w.size
    while i < n:
        i = _run_compensated((w, d, rest, out, left), i, n, _form(spec), constants)
        for j in range(i, lesser(i + _BLOCK32, n)):
            y = _nearest(_nearest(np.float64(factor * d[j]), spec) - np.float64(rest[j]), spec)
            after = _nearest(np.float64(w[j]) + y, spec)
            out[j] = after
            left[j] = _nearest(_nearest(after - np.float64(w[j]), spec) - y, spec)
        i += _BLOCK32


@kernel(f"void(float32[::1], float32[::1], float32, float32[::1], {SPEC}, {SPEC}, int64, int64)")
def step_drawn(w, d, factor, out, step_spec, spec_array, key, first):
    """A step to nearest-even (`step_spec`) whose sum with the weights is rounded by a stochastic mode.

    Formats have -0, and float64 lanes round them. w[0] is number `first` of its array.
    """
    step, spec, words = load_spec(step_spec), load_spec(spec_array), Words(key, first)
    fields = StepFields(np.float64(factor))
    i = 0
    while i < w.size:
        stop, keys = section_end(words, i, w.size), section_keys(words, i)
        constants = (range64(spec), draw64(spec, words, i), overflow(spec), fields)
        i = _run_drawn((w, d, out), i, stop, mode_form(spec), constants)
        for j in range(i, lesser(i + _BLOCK64, stop)):
            u = _nearest(np.float64(factor * d[j]), step)
            out[j] = round_value(np.float64(w[j]) + u, spec, element_word(j, keys))
        i += _BLOCK64
