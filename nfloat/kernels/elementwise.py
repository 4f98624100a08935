"""Array loops that round: the plain one, correct for everything, and the fast ones over ``vector.py``.

A fast kernel takes the blocks whose values are finite and below its family's limit, and gives the others to the plain
rule; overflow is selected in the fast path, so only NaN, infinities and extreme values are slow.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from ..formats.rounding import Rounding
from . import vector
from .bits import float32_as_int32, float64_as_int64
from .jit import device, kernel
from .rng import subkeys, word64
from .scalar import load_spec, round_value
from .streaming import DETERMINISTIC, Constants, easy_lanes, either, is_easy, run, within_limit
from .vector import Lanes, Value

WORDS = "Array(float64, 1, 'C', readonly=True)"
_STOCHASTIC = Rounding.STOCHASTIC.tag


@device
def round_range(x, out, start, stop, spec, key):  # noqa: ANN001, ANN201
    """The plain rule on x[start:stop]; random bits of element i from (key, i)."""
    stochastic = spec.mode >= _STOCHASTIC
    for i in range(start, stop):
        random = word64(i, key) if stochastic else np.uint64(0)
        out[i] = round_value(np.float64(x[i]), spec, random)


@kernel(f"void(float32[::1], float32[::1], {WORDS}, int64)", f"void(float64[::1], float64[::1], {WORDS}, int64)")
def round_plain(x, out, words, key):  # noqa: ANN001, ANN201
    """out[i] = x[i] rounded."""
    round_range(x, out, 0, x.size, load_spec(words), key)


def _general(v: Lanes, x: Value, r: Value, target: Value, k: Constants) -> Value:
    """Overflow selected, stored; done unless a lane is beyond the family's limit."""
    v.store(vector.select_overflow(v, r, *k.floats[:4]), target)
    return within_limit(v, x, k)


def _store(v: Lanes, r: Value, target: Value) -> Value:
    v.store(r, target)
    return ir.Constant(ir.IntType(1), 1)


def _narrow(mode: Rounding, small: bool):  # noqa: ANN202
    """A block of the narrow family, its overflow kept out of the common way.

    Cutting bits off is the shortest form but knows only normal numbers of the format. A `small` format, among whose numbers
    subnormal ones are common, takes the form that knows both from the start; others take it for blocks that need it.
    """

    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        x = v.load(pointers[0])
        random = _random(v, index, k) if mode is Rounding.STOCHASTIC else None
        easy = easy_lanes(v, x, k, from_zero=small)

        def whole() -> tuple[Value, Value]:
            """The form that knows all numbers of the format, and the lanes it is sure of."""
            if mode is Rounding.STOCHASTIC:
                r, unsure = vector.stochastic_narrow(v, x, k.grid, random)
                return r, v.builder.not_(unsure)
            return vector.round_narrow(v, x, k.grid, mode), v.every_lane

        def general() -> Value:
            r, sure = whole()
            return v.builder.and_(_general(v, x, r, pointers[1], k), v.all(sure))

        if not small:
            return either(v, v.all(easy), lambda: _store(v, vector.round_same(v, x, k.grid, mode, random), pointers[1]), general)
        r, sure = whole()
        return either(v, v.all(v.builder.and_(easy, sure)), lambda: _store(v, r, pointers[1]), general)

    return body


def _same(mode: Rounding):  # noqa: ANN202
    """A block of the family with the lane's own exponent range."""

    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        x = v.load(pointers[0])
        random = _random(v, index, k) if mode is Rounding.STOCHASTIC else None
        r = vector.round_same(v, x, k.grid, mode, random)
        return either(v, is_easy(v, x, k, from_zero=True), lambda: _store(v, r, pointers[1]), lambda: _general(v, x, r, pointers[1], k))

    return body


def _random(v: Lanes, index: Value, k: Constants) -> Value:
    """The random words of a block's elements: counters are the low 32 bits of the element numbers."""
    counters = v.builder.add(v.splat(v.builder.trunc(index, v.scalar_int)), v.iota())
    return v.random_word(counters, *k.keys)


_MODES = (*DETERMINISTIC, Rounding.STOCHASTIC)
#: added to a mode's tag: the form for small formats
_SMALL = 16
#: formats with a larger emin count as small
_SMALL_EMIN = -12

_run_narrow32 = run(32, {m.tag + small * _SMALL: _narrow(m, bool(small)) for m in _MODES for small in (0, 1)})
_run_same32 = run(32, {m.tag: _same(m) for m in _MODES})
_run_narrow64 = run(64, {m.tag: _narrow(m, small=True) for m in DETERMINISTIC})


@device
def constants32(spec, keys, normal_only):  # noqa: ANN001, ANN201
    """The integer constants of a float32 run, in the order of ``streaming.Constants``; the last two are the subkeys.

    Easy are magnitudes up to the largest number (rounded, they cannot exceed it, since it is on the grid); with `normal_only`
    not those below the smallest normal number.
    """
    p = spec.precision
    sign = 0x80000000 if np.signbit(spec.neg_zero) else 0
    limit = min((255 - 24 + p) << 23, 0x7F800000)
    mask = 0x7FFFFFFF if spec.min < 0.0 else 0xFFFFFFFF
    low = (spec.emin + 127) << 23 if normal_only else 0
    span = float32_as_int32(np.float32(spec.max)) - low
    return ((spec.emin + 127) << 23, ((24 - p) << 23) | 0x400000, (1 - p) << 23, 24 - p, sign, limit, mask, low, span,
            np.int64(keys & np.uint64(0xFFFFFFFF)), np.int64(keys >> np.uint64(32)))  # fmt: skip


@device
def constants64(spec):  # noqa: ANN001, ANN201
    """The integer constants of a float64 run."""
    p = spec.precision
    sign = np.int64(-0x8000000000000000) if np.signbit(spec.neg_zero) else np.int64(0)
    limit = min(2047 - 53 + p, 2047) << 52
    mask = np.int64(0x7FFFFFFFFFFFFFFF) if spec.min < 0.0 else np.int64(-1)
    return ((spec.emin + 1023) << 52, ((53 - p) << 52) | (1 << 51), (1 - p) << 52, 53 - p, sign, limit, mask, 0, float64_as_int64(spec.max))


@device
def overflow_constants(spec):  # noqa: ANN001, ANN201
    """The float constants of a run: what lies beyond the range, and what it becomes."""
    return (spec.max, spec.over, spec.min, spec.under_min)


@kernel(f"void(float32[::1], float32[::1], {WORDS}, int64)")
def round_narrow32(x, out, words, key):  # noqa: ANN001, ANN201
    """out[i] = x[i] rounded, for formats of the narrow family in float32 lanes."""
    spec, n, i = load_spec(words), x.size, 0
    floats, small = overflow_constants(spec), spec.emin > _SMALL_EMIN
    form = spec.mode + _SMALL if small else spec.mode
    while i < n:
        section = i >> 32  # the random words' subkeys change every 2^32 elements
        integers = constants32(spec, subkeys(key, section), not small)
        i = _run_narrow32((x, out), i, min(n, (section + 1) << 32), form, integers, floats)
        round_range(x, out, i, min(i + 16, n), spec, key)
        i += 16


@kernel(f"void(float32[::1], float32[::1], {WORDS}, int64)")
def round_same32(x, out, words, key):  # noqa: ANN001, ANN201
    """out[i] = x[i] rounded, for formats with float32's exponent range."""
    spec, n, i = load_spec(words), x.size, 0
    floats = overflow_constants(spec)
    while i < n:
        section = i >> 32
        integers = constants32(spec, subkeys(key, section), False)
        i = _run_same32((x, out), i, min(n, (section + 1) << 32), spec.mode, integers, floats)
        round_range(x, out, i, min(i + 16, n), spec, key)
        i += 16


@kernel(f"void(float64[::1], float64[::1], {WORDS}, int64)")
def round_narrow64(x, out, words, key):  # noqa: ANN001, ANN201
    """out[i] = x[i] rounded by a deterministic mode, for formats of the narrow family in float64 lanes."""
    spec, n, i = load_spec(words), x.size, 0
    integers, floats = constants64(spec), overflow_constants(spec)
    while i < n:
        i = _run_narrow64((x, out), i, n, spec.mode, integers, floats)
        round_range(x, out, i, min(i + 8, n), spec, key)
        i += 8
