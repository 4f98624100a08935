"""Arithmetic in SIMD lanes.

Sums, differences, products, quotients and roots, *rounded to odd* in the carrier's own precision.

A second rounding of a value that was rounded to odd with at least two bits more gives what one rounding of the exact
value gives, in every deterministic mode (Boldo and Melquiond 2008). So one short loop per operation serves every
format of p <= 22 in float32 (p <= 51 in float64): what it stores is then rounded like any other array.

Each operation is the hardware's, whose error is recovered exactly: for a sum by Knuth's TwoSum, for the others as the
remainder x y - p, x - q y or x - s^2 by one fused multiply-add. Exact means that no step underflows or overflows; a
block in which that is not sure is refused, and its number stored for the plain rule (``arithmetic/results.py``).
"""

from __future__ import annotations

from collections.abc import Callable

from ..jit import kernel
from ..lanes import Lanes, Value
from ..rounding.streaming import run
from ..to_odd import to_odd, two_sum
from .operations import Operation


def _bits_of_power(v: Lanes, exponent: int) -> int:
    """The bits of 2^exponent."""
    return (exponent + 127) << 23 if v.bits == 32 else (exponent + 1023) << 52


def _safe_exponent(v: Lanes) -> int:
    """From 2^this on, a magnitude's remainder of twice the lane's digits (and some more) does not underflow."""
    return -76 if v.bits == 32 else -914


def _finite(v: Lanes, x: Value) -> Value:
    return v.builder.icmp_signed("<", v.builder.and_(v.as_int(x), v.magnitude_mask), v.exponent_mask)


def _safe_or_zero(v: Lanes, x: Value, zero: Value) -> Value:
    """Lanes where |x| is at least safe, or the integer vector `zero` is 0."""
    b = v.builder
    safe = b.icmp_signed(">=", b.and_(v.as_int(x), v.magnitude_mask), v.word(_bits_of_power(v, _safe_exponent(v))))
    return b.or_(safe, b.icmp_unsigned("==", zero, v.word(0)))


def _bits(v: Lanes, x: Value) -> Value:
    return v.builder.and_(v.as_int(x), v.magnitude_mask)


def _sum(v: Lanes, x: Value, y: Value) -> tuple[Value, Value]:
    """x + y to odd, and lanes where that is sure."""
    s, error = two_sum(v, x, y)
    return to_odd(v, s, error), _finite(v, s)


def _difference(v: Lanes, x: Value, y: Value) -> tuple[Value, Value]:
    return _sum(v, x, _negated(v, y))


def _sum_downward(v: Lanes, x: Value, y: Value) -> tuple[Value, Value]:
    """x + y as -((-x) + (-y)): the same number, and the zeros that toward_negative asks for (IEEE 754, 6.3)."""
    z, exact = _sum(v, _negated(v, x), _negated(v, y))
    return _negated(v, z), exact


def _difference_downward(v: Lanes, x: Value, y: Value) -> tuple[Value, Value]:
    return _sum_downward(v, x, _negated(v, y))


def _negated(v: Lanes, x: Value) -> Value:
    return v.as_float(v.builder.xor(v.as_int(x), v.sign_mask))


def _product(v: Lanes, x: Value, y: Value) -> tuple[Value, Value]:
    b = v.builder
    p = b.fmul(x, y)
    error = v.call("fma", x, y, _negated(v, p))
    zero = v.call("umin", _bits(v, x), _bits(v, y))
    return to_odd(v, p, error), b.and_(_finite(v, p), _safe_or_zero(v, p, zero))


def _quotient(v: Lanes, x: Value, y: Value) -> tuple[Value, Value]:
    """The remainder's exponent is x's less two lengths; where it is NaN (0 / inf), the quotient 0 stands."""
    b = v.builder
    q = b.fdiv(x, y)
    error = v.call("fma", _negated(v, q), y, x)
    sign = b.xor(v.as_int(error), v.as_int(y))
    exact = b.and_(_safe_or_zero(v, x, _bits(v, x)), _safe_or_zero(v, q, _bits(v, x)))
    return to_odd(v, q, error, sign), b.and_(_finite(v, q), exact)


def _root(v: Lanes, x: Value) -> tuple[Value, Value]:
    s = v.call("sqrt", x)
    error = v.call("fma", _negated(v, s), s, x)
    return to_odd(v, s, error), v.builder.and_(_finite(v, s), _safe_or_zero(v, x, _bits(v, x)))


def _body(form: Callable[..., tuple[Value, Value]], count: int):
    """A block of an operation with `count` operands; the last pointer is the target."""

    def body(v: Lanes, pointers: list[Value], index: Value, constants: object) -> Value:
        z, exact = form(v, *(v.load(p) for p in pointers[:count]))
        v.store(z, pointers[-1])
        return v.all(exact)

    return body


def _inverse(v: Lanes, x: Value) -> tuple[Value, Value]:
    return _quotient(v, v.number(1.0), x)


#: added to ADD and SUBTRACT: the form for toward_negative
DOWNWARD = 32

_BODIES = {
    int(Operation.ADD): _body(_sum, 2),
    int(Operation.SUBTRACT): _body(_difference, 2),
    int(Operation.ADD) + DOWNWARD: _body(_sum_downward, 2),
    int(Operation.SUBTRACT) + DOWNWARD: _body(_difference_downward, 2),
    int(Operation.MULTIPLY): _body(_product, 2),
    int(Operation.DIVIDE): _body(_quotient, 2),
    int(Operation.SQRT): _body(_root, 1),
    int(Operation.RECIPROCAL): _body(_inverse, 1),
}
#: operations that have a form in lanes
IN_LANES = frozenset(_BODIES)

_run32 = run(32, _BODIES)
_run64 = run(64, _BODIES)


@kernel("int64(int64, float32[::1], float32[::1], float32[::1], int64[::1])")
def to_odd32(op, x, y, out, refused):
    """out[i] = op(x[i], y[i]) to odd; `refused` gets the first elements of blocks of 16 not done; how many."""
    i, n, count = 0, out.size, 0
    while i < n:
        i = _run32((x, y, out), i, n, op, ())
        if i < n:
            refused[count] = i
            count += 1
            i += 16
    return count


@kernel("int64(int64, float64[::1], float64[::1], float64[::1], int64[::1])")
def to_odd64(op, x, y, out, refused):
    """`to_odd32` for float64, in blocks of 8."""
    i, n, count = 0, out.size, 0
    while i < n:
        i = _run64((x, y, out), i, n, op, ())
        if i < n:
            refused[count] = i
            count += 1
            i += 8
    return count
