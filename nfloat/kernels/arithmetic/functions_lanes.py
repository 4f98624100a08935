"""Ziv's test in SIMD lanes: round both ends of an approximation's interval, keep what agrees, mark the rest.

The test is that of ``arithmetic/functions.py``, whose plain rule takes the marked elements: those undecided, and those
whose y is out of the range where their bound holds. A zero y is taken as exact where the function does not underflow
(`Traits`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from llvmlite import ir

from ..bits import float32_as_int32, float64_as_int64
from ..jit import device, kernel
from ..lanes import Lanes, Value
from ..rounding import vector
from ..rounding.arrays import SPEC
from ..rounding.constants import overflow, range32, range64
from ..rounding.scalar import load_spec
from ..rounding.streaming import Constants, run
from ..rounding.vector import DETERMINISTIC
from .functions import Traits

_UNDERFLOWS = int(Traits.UNDERFLOWS)
#: from here on an approximation's relative bound holds with room to spare
_LEAST32, _LEAST64 = 2.0**-100, 2.0**-1000
#: added to a mode's tag: formats with float32's exponent range
_SAME = 16


class IntervalFields(NamedTuple):
    """Of an approximation y: where its bound holds, and the ends of its error's interval."""

    below: float  # factors of y
    above: float
    least: int  # magnitudes from here on, as bits, have the relative bound
    zero: int  # the magnitude of a zero that is exact, or none of any number


@device
def _interval(least, eps, traits):
    return IntervalFields(1.0 - eps, 1.0 + eps, least, np.int64(-1) if traits & _UNDERFLOWS else np.int64(0))


def _as_single(v: Lanes, r: Value) -> Value:
    """The bits of r in float32, which holds it."""
    narrow = v.builder.fptrunc(r, ir.VectorType(ir.FloatType(), v.count))
    return v.builder.bitcast(narrow, ir.VectorType(ir.IntType(32), v.count))


def _body(rounded: Callable[[Lanes, Value, Constants], Value], narrow: bool):
    """A block of results: pointers are y, the results (in float32 if `narrow`) and the marks."""

    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        b = v.builder
        y = v.load(pointers[0])
        low, high = rounded(v, b.fmul(y, k.below), k), rounded(v, b.fmul(y, k.above), k)
        r = vector.select_overflow(v, low, *k.overflow)
        v.store(_as_single(v, r) if narrow else r, pointers[1])
        size = b.and_(v.as_int(y), v.magnitude_mask)
        bounded = b.and_(b.icmp_signed(">=", size, k.least), b.icmp_signed("<", size, k.limit))
        same = b.icmp_signed("==", v.as_int(low), v.as_int(high))
        decided = b.and_(same, b.or_(bounded, b.icmp_signed("==", size, k.zero)))
        v.store(b.zext(b.not_(decided), ir.VectorType(ir.IntType(8), v.count)), pointers[2])
        return ir.Constant(ir.IntType(1), 1)

    return body


def _narrow(mode):
    return lambda v, x, k: vector.round_narrow(v, x, k.grid, mode)


def _same(mode):
    return lambda v, x, k: vector.round_same(v, x, k.grid, mode)


_run_double = run(64, {m.tag: _body(_narrow(m), narrow=False) for m in DETERMINISTIC})
_run_mixed = run(64, {m.tag: _body(_narrow(m), narrow=True) for m in DETERMINISTIC})
_run_single = run(
    32,
    {m.tag: _body(_narrow(m), narrow=False) for m in DETERMINISTIC}
    | {m.tag + _SAME: _body(_same(m), narrow=False) for m in DETERMINISTIC},
)


@kernel(f"void(float64[::1], float64[::1], boolean[::1], float64, int64, {SPEC})")
def ziv_double(y, out, marks, eps, traits, spec_array):
    """out[i] = f(x[i]) rounded where y[i] decides it, else marks[i]."""
    spec = load_spec(spec_array)
    constants = (range64(spec), overflow(spec), _interval(float64_as_int64(_LEAST64), eps, traits))
    marks[_run_double((y, out, marks), 0, y.size, spec.mode, constants) :] = True


@kernel(f"void(float64[::1], float32[::1], boolean[::1], float64, int64, {SPEC})")
def ziv_mixed(y, out, marks, eps, traits, spec_array):
    """`ziv_double` for results in float32."""
    spec = load_spec(spec_array)
    constants = (range64(spec), overflow(spec), _interval(float64_as_int64(_LEAST64), eps, traits))
    marks[_run_mixed((y, out, marks), 0, y.size, spec.mode, constants) :] = True


@kernel(f"void(float32[::1], float32[::1], boolean[::1], float64, int64, {SPEC})")
def ziv_single(y, out, marks, eps, traits, spec_array):
    """`ziv_double` for approximations and results in float32."""
    spec = load_spec(spec_array)
    least = np.int64(float32_as_int32(np.float32(_LEAST32)))
    constants = (range32(spec, False), overflow(spec), _interval(least, eps, traits))
    form = spec.mode + _SAME if spec.emin == -126 else spec.mode
    marks[_run_single((y, out, marks), 0, y.size, form, constants) :] = True
