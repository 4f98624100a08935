"""Arithmetic of short numbers: operands that are numbers of a format with p <= 11, to nearest-even, in float32 lanes.

The hardware's float32 result is rounded a second time, and that is innocuous. With 24 >= 2 p + 2 a sum, quotient or
root of p-bit numbers that is not a number of p + 1 bits differs from every such number by more than the float32
rounding moves it, so the first rounding neither makes nor passes a midpoint; products are exact (Figueroa, ACM SIGNUM
Newsletter 30(3), 1995). That holds on the coarser grid of subnormal results too, which sums reach only exactly. It
fails where float32 itself underflows:

* narrow formats (unit above 2^-126): such a result is below half of the least number, and becomes zero either way;
* formats with float32's exponent range: products and quotients below 2^-126 are refused, unless an operand is zero.

``arithmetic/results_lanes.py`` is for all other operands, modes and precisions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from llvmlite import ir

from ...formats.rounding import Rounding
from ..jit import kernel
from ..lanes import Lanes, Value
from ..rounding import vector
from ..rounding.arrays import SPEC
from ..rounding.constants import infinities, overflow, range32
from ..rounding.scalar import load_spec
from ..rounding.streaming import Constants, either, is_inner, run
from .operations import Operation

_NEAREST_EVEN = Rounding.NEAREST_EVEN
#: formats with a larger emin have subnormal numbers among the common ones, so one form does both
_SMALL_EMIN = -12
#: added to an operation's number
_SMALL, _SAME = 16, 32

_FORMS: dict[Operation, Callable[..., Value]] = {
    Operation.ADD: lambda v, x, y: v.builder.fadd(x, y),
    Operation.SUBTRACT: lambda v, x, y: v.builder.fsub(x, y),
    Operation.MULTIPLY: lambda v, x, y: v.builder.fmul(x, y),
    Operation.DIVIDE: lambda v, x, y: v.builder.fdiv(x, y),
    Operation.SQRT: lambda v, x, y: v.call("sqrt", x),
    Operation.RECIPROCAL: lambda v, x, y: v.builder.fdiv(v.number(1.0), x),
}
_MAY_UNDERFLOW = (Operation.MULTIPLY, Operation.DIVIDE, Operation.RECIPROCAL)
#: operations that have a form here
IN_SHORT = frozenset(_FORMS)


class QuotientFields(NamedTuple):
    """What a division by zero adds to the infinity that is its result: NaN where a zero has no sign, else 0."""

    by_zero: float


def _store(v: Lanes, r: Value, target: Value) -> Value:
    v.store(r, target)
    return ir.Constant(ir.IntType(1), 1)


def _is_infinite(v: Lanes, x: Value) -> Value:
    return v.builder.icmp_signed("==", v.builder.and_(v.as_int(x), v.magnitude_mask), v.exponent_mask)


def _exact_infinity(v: Lanes, op: Operation, x: Value, y: Value, z: Value) -> tuple[Value, Value]:
    """(lanes whose infinity is the exact result and no overflow, lanes that divide by zero)."""
    b = v.builder
    by_zero = v.as_int(v.number(0.0))
    zero_divisor = {Operation.DIVIDE: y, Operation.RECIPROCAL: x}.get(op)
    nothing = b.icmp_unsigned("!=", by_zero, by_zero)
    divides = nothing if zero_divisor is None else b.fcmp_ordered("==", zero_divisor, v.number(0.0))
    return b.and_(_is_infinite(v, z), b.or_(divides, b.or_(_is_infinite(v, x), _is_infinite(v, y)))), divides


def _general(
    v: Lanes, op: Operation, operands: tuple[Value, Value, Value], r: Value, target: Value, k: Constants
) -> Value:
    """Overflow, infinities and NaN selected on the rounded values r of z, stored; done unless z overflowed float32."""
    b = v.builder
    x, y, z = operands
    infinite, divides = _exact_infinity(v, op, x, y, z)
    nan = b.fcmp_unordered("uno", z, z)
    magnitude = b.and_(v.as_int(z), v.magnitude_mask)
    r = vector.select_overflow(v, r, *k.overflow)
    infinity = v.where(b.fcmp_ordered(">", z, v.number(0.0)), k.positive, k.negative)
    infinity = v.where(divides, b.fadd(infinity, k.by_zero), infinity)
    v.store(v.where(nan, z, v.where(infinite, infinity, r)), target)
    return v.all(b.or_(b.icmp_signed("<", magnitude, k.limit), b.or_(nan, infinite)))


def _narrow(op: Operation, small: bool):
    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        x, y = v.load(pointers[0]), v.load(pointers[1])
        z = _FORMS[op](v, x, y)
        form = vector.nearest_even_narrow if small else lambda v, z, g: vector.round_same(v, z, g, _NEAREST_EVEN)
        return either(
            v,
            is_inner(v, z, k, from_zero=small),
            lambda: _store(v, form(v, z, k.grid), pointers[2]),
            lambda: _general(v, op, (x, y, z), vector.nearest_even_narrow(v, z, k.grid), pointers[2], k),
        )

    return body


def _in_range(v: Lanes, op: Operation, x: Value, y: Value, z: Value) -> Value:
    """Whether every result is a normal float32 number (or beyond) or comes from a zero operand."""
    b = v.builder
    x, y, z = (b.and_(v.as_int(a), v.magnitude_mask) for a in (x, y, z))
    smallest = {
        Operation.MULTIPLY: lambda: v.call("umin", x, y),
        Operation.DIVIDE: lambda: x,
        Operation.RECIPROCAL: lambda: v.word(1),
    }
    zero = b.icmp_unsigned("==", smallest[op](), v.word(0))
    return v.all(b.or_(b.icmp_unsigned(">=", z, v.word(1 << 23)), zero))


def _same(op: Operation):
    def body(v: Lanes, pointers: list[Value], index: Value, k: Constants) -> Value:
        x, y = v.load(pointers[0]), v.load(pointers[1])
        z = _FORMS[op](v, x, y)
        may_underflow = op in _MAY_UNDERFLOW
        r = vector.round_same(v, z, k.grid, _NEAREST_EVEN)

        def general() -> Value:
            done = _general(v, op, (x, y, z), r, pointers[2], k)
            return v.builder.and_(done, _in_range(v, op, x, y, z)) if may_underflow else done

        # inner are normal numbers; where nothing can underflow, smaller ones too (and the top binade is not)
        return either(v, is_inner(v, z, k, from_zero=not may_underflow), lambda: _store(v, r, pointers[2]), general)

    return body


_BODIES = {
    **{int(op): _narrow(op, small=False) for op in _FORMS},
    **{int(op) + _SMALL: _narrow(op, small=True) for op in _FORMS},
    **{int(op) + _SAME: _same(op) for op in _FORMS},
}
_run = run(32, _BODIES)


@kernel(f"int64(int64, float32[::1], float32[::1], float32[::1], int64[::1], boolean, {SPEC})")
def nearest_short(op, x, y, out, refused, unsigned_zero, spec_array):
    """out[i] = op(x[i], y[i]) to nearest-even; `refused` gets the first elements of blocks of 16 not done; how many."""
    spec = load_spec(spec_array)
    i = 0
    n = out.size
    count = 0
    same, small = spec.emin == -126, spec.emin > _SMALL_EMIN
    form = op + _SAME if same else op + _SMALL if small else op
    by_zero = QuotientFields(np.nan if unsigned_zero else 0.0)
    constants = (range32(spec, not small), overflow(spec), infinities(spec), by_zero)
    while i < n:
        i = _run((x, y, out), i, n, form, constants)
        if i < n:
            refused[count] = i
            count += 1
            i += 16
    return count
