"""Scales of many blocks at a time: powers of two by integer arithmetic, quotients amax / (M t) in float64 lanes.

The plain rule (``blocks/rule.py``) does what `todo` marks, and scales that neither of these knows.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ...formats.rounding import Rounding
from ..bits import float32_as_int32, float64_as_int64, greater, int32_as_float32, int64_as_float64, lesser
from ..jit import device, kernel
from ..lanes import Lanes, Value
from ..rounding.arrays import SPEC
from ..rounding.scalar import load_spec
from ..rounding.vector import select_overflow
from .constants import grid_constants, mode_form
from .forms import LaneField, Shared
from .quotients import AROUND, Divisor, rounded_quotient
from .rule import ScaleField, is_nan_block
from .walks import WIDTH, by_mode, covering

_ADD, _TOP, _LARGEST = ScaleField.ADD.value, ScaleField.TOP.value, ScaleField.LARGEST.value
_LEAST, _GREATEST = ScaleField.LEAST.value, ScaleField.GREATEST.value
#: the least and the greatest d of float64 and of float32 lanes, and how many times d an element may be: no constant of
#: theirs over- or underflows, nor x - g d in ``quotients.py``
_LIMITS64, _LIMITS32 = (2.0**-400, 2.0**400, 2.0**400), (2.0**-80, 2.0**80, 2.0**60)
_WIDTH64 = WIDTH[64]
CONSTANTS = "Array(float64, 1, 'C', readonly=True)"
_I8, _I64 = ir.IntType(8), ir.IntType(64)
#: types of magnitudes and of the lanes that take the divisors
_DIVISORS = [("float32", "float32"), ("float32", "float64"), ("float64", "float64")]


@device
def scale_limits(spec, c, single):
    """The integers of ``fused.Limit`` for float32 or float64 lanes.

    k may be from where the unit is a normal number of the lane to where C of the largest element is finite, amax to
    where its own C is.
    """
    digits, emin, emax, bias = (24, -126, 127, 127) if single else (53, -1022, 1023, 1023)
    top = np.int64(c[_TOP])
    least, greatest = float64_as_int64(c[_LEAST]) >> 52, float64_as_int64(c[_GREATEST]) >> 52
    low, high = emin + 1 - (spec.emin - spec.precision + 1), emax - digits + spec.precision - top
    cut = emax - digits + spec.precision
    add = np.int64(c[_ADD])
    # what stands below float32's last bit is 1s (ceil, rceil) or 0s: the numbers that carry are the same
    return (
        add >> 29 if single else add,
        top,
        least - 1023 + bias,
        greatest - 1023 + bias,
        low + bias,
        high + bias,
        cut + bias,
    )


@device
def power_scales(amax, state, c, spec, scales, shifts, todo):
    """scales[b] = 2^k, or NaN where the policy says so; shifts[0, b] = k in the place of a lane's exponent.

    todo[b]: lanes cannot do the block.
    They can if every constant of theirs (``rounding/vector.py``) is a normal number: the unit, and C for the greatest
    number.
    """
    fraction, single = 23 if shifts.itemsize == 4 else 52, shifts.itemsize == 4
    add, top, least, greatest, low, high, cut = scale_limits(spec, c, single)
    # of float64 numbers, whose exponents are biased by 1023
    bias = 127 if single else 1023
    add, least, greatest = np.int64(c[_ADD]), least - bias + 1023, greatest - bias + 1023
    low, high, cut = low - bias, high - bias, cut - bias + 1023
    for b in range(amax.size):
        bits = float64_as_int64(np.float64(amax[b]))
        k = lesser(greater(((bits + add) >> 52) - top, least), greatest)
        scales[b] = int64_as_float64(k << 52)
        k = k - 1023 if bits != 0 else np.int64(0)  # a zero is on every grid
        shifts[0, b] = k << fraction
        todo[b] = ((k < low) & (bits != 0)) | (k > high) | ((bits >> 52) > cut)
    if any_special(state):
        _mark_special(state, c, scales, todo)


@device
def any_special(state):
    """Whether a block holds more than finite numbers."""
    most = np.uint8(0)
    for b in range(state.size):
        most |= state[b]
    return most != 0


@device
def _mark_special(state, c, scales, todo):
    """Blocks that do not hold finite numbers alone: NaN, where the policy says so, and left to the rule."""
    for b in range(state.size):
        if state[b] != 0:
            todo[b] = 1
            if is_nan_block(state[b], c):
                scales[b] = math.nan


# ------------------------------------------------------------------ quotients
@kernel(
    *(
        f"void({x}[::1], uint8[::1], float64, {CONSTANTS}, {SPEC}, float64[::1], {parts}[:, ::1], uint8[::1])"
        for x, parts in _DIVISORS
    )
)
def quotient_scales(amax, state, t, c, words, scales, parts, todo):
    """scales[b] = amax[b] / (M t), rounded once; parts[:, b]: the `Divisor` d = scales[b] t; todo[b]: as above.

    For t > 0 and scales of the narrow family.
    """
    d, spec = c[_LARGEST] * t, load_spec(words)
    limits = _LIMITS32 if parts.itemsize == 4 else _LIMITS64
    # beyond `most` scales saturate
    most = d * 4.0 * spec.max
    numbers = (t, most, _beside(1.0 / d, -AROUND), _beside(1.0 / d, AROUND), d, *limits)
    integers = grid_constants(spec, False)
    mode = mode_form(spec)
    count = amax.size
    if count >= _WIDTH64:
        _divisors(amax, scales, parts, todo, count, mode, numbers, integers)
    else:
        wide, wide_scales = np.zeros(_WIDTH64, amax.dtype), np.empty(_WIDTH64)
        wide_parts, wide_todo = np.empty((parts.shape[0], _WIDTH64), parts.dtype), np.empty(_WIDTH64, np.uint8)
        wide[:count] = amax
        _divisors(wide, wide_scales, wide_parts, wide_todo, _WIDTH64, mode, numbers, integers)
        scales[:], todo[:] = wide_scales[:count], wide_todo[:count]
        parts[:, :count] = wide_parts[:, :count]
    if any_special(state):
        _mark_special(state, c, scales, todo)


@intrinsic
def _divisors(typingctx, amax, scales, parts, todo, count, mode, numbers, integers):
    """`quotient_scales` in lanes, for `count` blocks, a vector at least."""

    def codegen(context, builder, sig, args):
        arrays = [context.make_array(t)(context, builder, a) for t, a in zip(sig.args[:4], args[:4], strict=True)]
        amax, scales, parts, todo = (a.data for a in arrays)
        v, columns = Lanes(builder, WIDTH[64], 64), cgutils.unpack_tuple(builder, arrays[2].shape)[1]
        t, most, low, high, head, *limits = (v.splat(n) for n in cgutils.unpack_tuple(builder, args[6]))
        shared = Shared(v, cgutils.unpack_tuple(builder, args[7]))
        own = Lanes(builder, v.count, sig.args[2].dtype.bitwidth)
        single = sig.args[0].dtype.bitwidth == 32

        def emit(mode: Rounding | None, _: bool) -> None:
            def vector(i: Value) -> None:
                narrow = Lanes(builder, v.count, 32 if single else 64)
                x = narrow.load(builder.gep(amax, [i]))
                x = builder.fpext(x, v.float) if single else x
                less = v.where(builder.fcmp_ordered("<", most, x), most, x)
                s = rounded_quotient(
                    v, less, Divisor(low, high, head), shared.grid(v), None if mode is not None else args[5]
                )
                top, bottom = (shared.limit(v, f) for f in (LaneField.TOP, LaneField.BOTTOM))
                s = select_overflow(v, s, top, top, bottom, bottom)
                v.store(s, builder.gep(scales, [i]))
                known = _store_divisor(v, own, s, t, x, limits, lambda part: builder.gep(
                    parts, [builder.add(builder.mul(columns, _I64(part)), i)]))  # fmt: skip
                v.store(builder.zext(builder.not_(known), ir.VectorType(_I8, v.count)), builder.gep(todo, [i]))

            covering(v, args[4], vector)

        by_mode(builder, args[5], emit, (Rounding.NEAREST_EVEN,), others=True)
        return context.get_dummy_value()

    return types.void(amax, scales, parts, todo, types.int64, types.int64, numbers, integers), codegen


def _store_divisor(v: Lanes, own: Lanes, s: Value, t: Value, x: Value, limits: list[Value], place) -> Value:
    """Store the parts of d = s t in lanes of their `own` width; returns where they may be used."""
    b, zero = v.builder, v.number(0.0)
    d = b.fmul(s, t)
    narrow = own.bits == 32
    head = b.fptrunc(d, own.float) if narrow else d
    reciprocal = own.as_int(b.fdiv(own.number(1.0), head))
    parts = [own.as_float(b.add(reciprocal, own.word(k))) for k in (-AROUND, AROUND)] + [head]
    if narrow:
        parts.append(b.fptrunc(b.fsub(d, b.fpext(head, v.float)), own.float))
    nothing = b.fcmp_ordered("==", d, zero)
    for number, part in enumerate(parts):
        own.store(own.where(nothing, own.number(0.0), part), place(number))
    small, large, many = limits
    inside = b.and_(b.fcmp_ordered(">=", d, small), b.fcmp_ordered("<=", d, large))
    return b.or_(nothing, b.and_(inside, b.fcmp_ordered("<=", x, b.fmul(d, many))))


@kernel(
    *(
        f"void({x}[::1], uint8[::1], float64, {CONSTANTS}, float64[::1], {parts}[:, ::1], uint8[::1])"
        for x, parts in _DIVISORS
    )
)
def known_divisors(amax, state, t, c, scales, parts, todo):
    """parts[:, b]: the `Divisor` d = scales[b] t; todo[b]: lanes cannot do the block."""
    small, large, many = _LIMITS32 if parts.itemsize == 4 else _LIMITS64
    for b in range(scales.size):
        d = scales[b] * t
        known = (d >= small) & (d <= large) & (amax[b] <= d * many)
        todo[b] = not (known | (d == 0.0))
        d = d if known else 0.0
        if parts.itemsize == 4:
            head = np.float32(d)
            reciprocal = np.float32(1.0) / (head if known else np.float32(1.0))
            parts[0, b] = _beside32(reciprocal, -AROUND) if known else np.float32(0.0)
            parts[1, b] = _beside32(reciprocal, AROUND) if known else np.float32(0.0)
            parts[2, b], parts[3, b] = head, np.float32(d - np.float64(head))
        else:
            reciprocal = 1.0 / (d if known else 1.0)
            parts[0, b] = _beside(reciprocal, -AROUND) if known else 0.0
            parts[1, b] = _beside(reciprocal, AROUND) if known else 0.0
            parts[2, b] = d
    if any_special(state):
        _mark_special(state, c, scales, todo)


@device
def _beside(x, ulps):
    """The number so many ulps further from 0 (both of one sign, normal)."""
    return int64_as_float64(float64_as_int64(x) + ulps)


@device
def _beside32(x, ulps):
    """The same of float32 numbers."""
    return int32_as_float32(np.int32(float32_as_int32(x) + np.int32(ulps)))
