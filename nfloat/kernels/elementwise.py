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
from .streaming import DETERMINISTIC, Constants, either, is_easy, run, within_limit
from .vector import Lanes, Value

WORDS = "Array(float64, 1, 'C', readonly=True)"
_STOCHASTIC = Rounding.STOCHASTIC.tag
_NEAREST_EVEN = Rounding.NEAREST_EVEN.tag


@device
def round_range(x, out, start, stop, spec, key):  # noqa: ANN001, ANN201
    """The plain rule on x[start:stop]; random bits of element i from (key, i)."""
    stochastic = spec.mode >= _STOCHASTIC
    for i in range(start, stop):
        random = word64(i, key) if stochastic else np.uint64(0)
        out[i] = round_value(np.float64(x[i]), spec, random)


@kernel(f"void(float32[::1], float32[::1], {WORDS}, uint64)", f"void(float64[::1], float64[::1], {WORDS}, uint64)")
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


def _narrow(mode: Rounding):  # noqa: ANN202
    """A block of the narrow family: lanes that are all normal numbers of the format are cut, others take the magic form.

    Nearest-even needs no cut: its magic form is as short, so all but overflow is easy.
    """

    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        x = v.load(pointers[0])

        def easy() -> Value:
            form = vector.nearest_even_narrow(v, x, k.grid) if mode is Rounding.NEAREST_EVEN else vector.round_same(v, x, k.grid, mode)
            return _store(v, form, pointers[1])

        return either(v, is_easy(v, x, k), easy, lambda: _general(v, x, vector.round_narrow(v, x, k.grid, mode), pointers[1], k))

    return body


def _same(mode: Rounding):  # noqa: ANN202
    """A block of the family with the lane's own exponent range."""

    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        x = v.load(pointers[0])
        random = _random(v, index, k) if mode is Rounding.STOCHASTIC else None
        r = vector.round_same(v, x, k.grid, mode, random)
        return either(v, is_easy(v, x, k), lambda: _store(v, r, pointers[1]), lambda: _general(v, x, r, pointers[1], k))

    return body


def _random(v: Lanes, index: Value, k: Constants) -> Value:
    """The random words of a block's elements: counters are the low 32 bits of the element numbers."""
    counters = v.builder.add(v.splat(v.builder.trunc(index, v.scalar_int)), v.iota())
    return v.random_word(counters, *k.keys)


def _stochastic_narrow(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
    x = v.load(pointers[0])
    random = _random(v, index, k)

    def general() -> Value:
        r, unsure = vector.stochastic_narrow(v, x, k.grid, random)
        return v.builder.and_(_general(v, x, r, pointers[1], k), v.builder.not_(v.any(unsure)))

    def easy() -> Value:
        return _store(v, vector.round_same(v, x, k.grid, Rounding.STOCHASTIC, random), pointers[1])

    return either(v, is_easy(v, x, k), easy, general)


_run_narrow32 = run(32, {m.tag: _narrow(m) for m in DETERMINISTIC} | {_STOCHASTIC: _stochastic_narrow})
_run_same32 = run(32, {m.tag: _same(m) for m in (*DETERMINISTIC, Rounding.STOCHASTIC)})
_run_narrow64 = run(64, {m.tag: _narrow(m) for m in DETERMINISTIC})


@device
def constants32(spec, keys, all_easy):  # noqa: ANN001, ANN201
    """The integer constants of a float32 run, in the order of ``streaming.Constants``; the last two are the subkeys.

    `all_easy`: every magnitude up to the largest number is easy, else only the normal numbers. A rounded value of an easy
    one cannot exceed the largest number, since that is on the grid.
    """
    p = spec.precision
    sign = 0x80000000 if np.signbit(spec.neg_zero) else 0
    limit = min((255 - 24 + p) << 23, 0x7F800000)
    mask = 0x7FFFFFFF if spec.min < 0.0 else 0xFFFFFFFF
    low = 0 if all_easy else (spec.emin + 127) << 23
    span = float32_as_int32(np.float32(spec.max)) - low
    return ((spec.emin + 127) << 23, ((24 - p) << 23) | 0x400000, (1 - p) << 23, 24 - p, sign, limit, mask, low, span,
            np.int64(keys & np.uint64(0xFFFFFFFF)), np.int64(keys >> np.uint64(32)))  # fmt: skip


@device
def constants64(spec, all_easy):  # noqa: ANN001, ANN201
    """The integer constants of a float64 run."""
    p = spec.precision
    sign = np.int64(-0x8000000000000000) if np.signbit(spec.neg_zero) else np.int64(0)
    limit = min(2047 - 53 + p, 2047) << 52
    mask = np.int64(0x7FFFFFFFFFFFFFFF) if spec.min < 0.0 else np.int64(-1)
    low = 0 if all_easy else (spec.emin + 1023) << 52
    span = float64_as_int64(spec.max) - low
    return ((spec.emin + 1023) << 52, ((53 - p) << 52) | (1 << 51), (1 - p) << 52, 53 - p, sign, limit, mask, low, span)


@device
def overflow_constants(spec):  # noqa: ANN001, ANN201
    """The float constants of a run: what lies beyond the range, and what it becomes."""
    return (spec.max, spec.over, spec.min, spec.under_min)


@kernel(f"void(float32[::1], float32[::1], {WORDS}, uint64)")
def round_narrow32(x, out, words, key):  # noqa: ANN001, ANN201
    """out[i] = x[i] rounded, for formats of the narrow family in float32 lanes."""
    spec, n, i = load_spec(words), x.size, 0
    floats, all_easy = overflow_constants(spec), spec.mode == _NEAREST_EVEN
    while i < n:
        section = i >> 32  # the random words' subkeys change every 2^32 elements
        integers = constants32(spec, subkeys(key, section), all_easy)
        i = _run_narrow32((x, out), i, min(n, (section + 1) << 32), spec.mode, integers, floats)
        round_range(x, out, i, min(i + 16, n), spec, key)
        i += 16


@kernel(f"void(float32[::1], float32[::1], {WORDS}, uint64)")
def round_same32(x, out, words, key):  # noqa: ANN001, ANN201
    """out[i] = x[i] rounded, for formats with float32's exponent range."""
    spec, n, i = load_spec(words), x.size, 0
    floats = overflow_constants(spec)
    while i < n:
        section = i >> 32
        integers = constants32(spec, subkeys(key, section), True)
        i = _run_same32((x, out), i, min(n, (section + 1) << 32), spec.mode, integers, floats)
        round_range(x, out, i, min(i + 16, n), spec, key)
        i += 16


@kernel(f"void(float64[::1], float64[::1], {WORDS}, uint64)")
def round_narrow64(x, out, words, key):  # noqa: ANN001, ANN201
    """out[i] = x[i] rounded by a deterministic mode, for formats of the narrow family in float64 lanes."""
    spec, n, i = load_spec(words), x.size, 0
    integers, floats = constants64(spec, spec.mode == _NEAREST_EVEN), overflow_constants(spec)
    while i < n:
        i = _run_narrow64((x, out), i, n, spec.mode, integers, floats)
        round_range(x, out, i, min(i + 8, n), spec, key)
        i += 8
