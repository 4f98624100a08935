"""AMD's matrix cores: CDNA1 (`ExactSum`), CDNA2 (`FlushedTree`), CDNA3 (`FlooredSum`).

The rules stand in ``linalg.units.sums``.

CDNA1, float64 lanes: products are exact; TwoSum keeps every error. The errors of the products' tree add up exactly (for
float16 all are multiples of 2^-48 below 2^-15; bfloat16 has only one), so that the sum with C is one of three numbers,
rounded to odd and then once to float32. As a rule all errors are zero, which one test finds out.

CDNA2, float32 lanes: operands come flushed; float32 arithmetic, and one select a result.

CDNA3, float64 lanes: as NVIDIA's passes (``units/steps.py``) without C, then C joins by floors. `a` comes times 2^896,
so that exactly the products of 2^128 and more overflow. Integers stay below 2^53 throughout.
"""

from __future__ import annotations

from functools import partial

from ..jit import kernel
from ..lanes import Value
from ..to_odd import sum3_to_odd, two_sum
from .steps import accumulate, apart, exponent64, greatest, larger, power64, steps
from .tile import UnitCall, UnitTile, flushed, unit_signature, unit_walk

#: rows of a tile, the exponent that CDNA3's `a` comes scaled by, the exponent of no product
ROWS, LIFT, NONE = 4, 896, -600


# CDNA1 ---------------------------------------------------------------------------------------------------------------


def _exact(t: UnitTile, width: int) -> None:
    b, v, e = t.builder, t.v, t.e

    def run(at_a: Value, at_b: Value, c: list[Value]) -> list[Value]:
        columns = [t.vector(t.b, b.add(at_b, t.zero.type(k * v.count))) for k in range(width)]
        out = []
        for r, own in enumerate(c):
            p = [b.fmul(t.row(t.a, b.add(at_a, t.zero.type(k * t.rows)), r), x) for k, x in enumerate(columns)]
            total, error = _tree(t, p)
            s, last = two_sum(v, total, own)
            nothing = b.and_(_zero(t, error), _zero(t, last))
            exact = partial(lambda s: s, s)
            out.append(t.when(v.all(nothing), exact, partial(_three, t, s, last, error)))
        return [b.fpext(b.fptrunc(x, e.float), v.float) for x in out]

    steps(t, run)


def _tree(t: UnitTile, p: list[Value]) -> tuple[Value, Value]:
    """The products' sum, pair by pair, and the sum of all errors."""
    b = t.builder
    errors: list[Value] = []
    while len(p) > 1:
        pairs = [two_sum(t.v, p[i], p[i + 1]) for i in range(0, len(p), 2)]
        p, errors = [s for s, _ in pairs], errors + [x for _, x in pairs]
    total = errors[0]
    for x in errors[1:]:
        total = b.fadd(total, x)
    return p[0], total


def _zero(t: UnitTile, x: Value) -> Value:
    return t.builder.fcmp_ordered("==", x, t.v.number(0.0))


def _three(t: UnitTile, s: Value, last: Value, error: Value) -> Value:
    """error + (s + last) to odd; s itself where there is nothing to add (a zero keeps its sign) or it is special."""
    b, v = t.builder, t.v
    nothing = b.and_(_zero(t, error), _zero(t, last))
    finite = b.fcmp_ordered("<", v.magnitude(s), v.number(float("inf")))
    return b.select(b.and_(finite, b.not_(nothing)), sum3_to_odd(v, s, last, error), s)


# CDNA2 ---------------------------------------------------------------------------------------------------------------


def _flushed_tree(t: UnitTile, width: int) -> None:
    b, v = t.builder, t.v

    def run(at_a: Value, at_b: Value, c: list[Value]) -> list[Value]:
        columns = [t.vector(t.b, b.add(at_b, t.zero.type(k * v.count))) for k in range(width)]
        out = []
        for r, own in enumerate(c):
            p = [
                flushed(v, b.fmul(t.row(t.a, b.add(at_a, t.zero.type(k * t.rows)), r), x))
                for k, x in enumerate(columns)
            ]
            while len(p) > 1:
                p = [flushed(v, b.fadd(p[i], p[i + 1])) for i in range(0, len(p), 2)]
            out.append(flushed(v, b.fadd(own, p[0])))
        return out

    steps(t, run)


# CDNA3 ---------------------------------------------------------------------------------------------------------------


def _floored(t: UnitTile, halves: bool) -> None:
    b, e = t.builder, t.e
    step, fraction = t.call(UnitCall.STEP), t.call32(UnitCall.FRACTION)

    def run(at_a: Value, at_b: Value, c: list[Value]) -> list[Value]:
        tops = [apart(t, x) for x in greatest(t, at_a, at_b, step, t.splat16(t.zero.type(NONE)))]
        top = larger(t, *tops)
        tops = tops if halves else [top, top]
        # above 2^128 the sum is infinite anyhow, and the scale must stay a normal number
        powers = [[power64(t, b.sub(b.sub(fraction, _at_most_128(t, g)), e.word(LIFT))) for g in half] for half in tops]
        zeros = [t.v.number(0.0)] * t.rows
        sums = accumulate(
            t, at_a, at_b, step, (powers[0], powers[1]), zeros, lambda p, s: t.unary("trunc", b.fmul(p, s))
        )
        out = []
        for r in range(t.rows):
            parts = [x[r] for x in sums]
            if halves:
                parts = [_floor(t, x, b.sub(half[r], top[r])) for x, half in zip(parts, tops, strict=True)]
            out.append(_joined(t, b.fadd(*parts), top[r], c[r], fraction, halves))
        return out

    steps(t, run)


def _at_most_128(t: UnitTile, x: Value) -> Value:
    return t.e.call("smin", x, t.e.word(128))


def _floor(t: UnitTile, x: Value, exponent: Value) -> Value:
    """floor(x 2^exponent)."""
    return t.unary("floor", t.builder.fmul(x, power64(t, exponent)))


def _joined(t: UnitTile, total: Value, top: Value, c: Value, fraction: Value, halves: bool) -> Value:
    """The products' sum (in units of 2^(top - F)) and C, floored to a common unit, then once more, then rounded."""
    b, v, e = t.builder, t.v, t.e
    finer = b.add(b.sub(t.call32(UnitCall.KEPT), fraction), e.word(1))  # the sum's floor is so many bits finer than C's
    emin = e.word(-126)
    own_exponent = exponent64(t, c, emin, emin)
    level = e.call("smax", _at_most_128(t, top), own_exponent)
    kept = _floor(t, total, b.add(b.sub(_at_most_128(t, top), level), finer))
    own = _floor(t, c, b.sub(fraction, level))
    if halves:
        finite = b.fcmp_ordered("<", v.magnitude(c), v.number(float("inf")))
        dropped = b.and_(finite, b.icmp_signed("<", own_exponent, b.sub(b.sub(level, fraction), e.word(1))))
        own = b.select(dropped, v.number(0.0), own)
    value = b.fadd(kept, b.fmul(own, power64(t, finer)))
    value = b.fadd(b.fmul(value, power64(t, b.sub(b.sub(level, fraction), finer))), v.number(0.0))
    return b.fpext(b.fptrunc(_floor_own(t, value), e.float), v.float)


def _floor_own(t: UnitTile, x: Value) -> Value:
    """x floored to KEPT fraction bits of its own exponent (not below -126)."""
    b, v = t.builder, t.v
    kept = t.call(UnitCall.KEPT)
    low = v.splat(b.sub(b.shl(t.one, b.sub(t.zero.type(52), kept)), t.one))
    up = b.and_(b.ashr(v.as_int(x), v.word(63)), low)
    normal = v.as_float(b.and_(b.add(v.as_int(x), up), b.not_(low)))
    power = b.add(t.call32(UnitCall.KEPT), t.e.word(126))
    gradual = b.fmul(_floor(t, x, power), power64(t, b.neg(power)))
    return b.select(b.fcmp_ordered("<", v.magnitude(x), v.number(2.0**-126)), gradual, normal)


_tile_exact4 = unit_walk(partial(_exact, width=4), 64, ROWS)
_tile_exact2 = unit_walk(partial(_exact, width=2), 64, ROWS)
_tile_tree4 = unit_walk(partial(_flushed_tree, width=4), 32, ROWS)
_tile_tree2 = unit_walk(partial(_flushed_tree, width=2), 32, ROWS)
_tile_floored = unit_walk(partial(_floored, halves=False), 64, ROWS)
_tile_halves = unit_walk(partial(_floored, halves=True), 64, ROWS)


@kernel(unit_signature(64))
def exact4(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """CDNA1, four products a step."""
    _tile_exact4(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(64))
def exact2(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """CDNA1, two products a step."""
    _tile_exact2(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(32))
def tree4(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """CDNA2, four products a step."""
    _tile_tree4(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(32))
def tree2(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """CDNA2, two products a step."""
    _tile_tree2(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(64))
def floored(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """CDNA3, 16-bit and xf32 operands."""
    _tile_floored(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(64))
def floored_halves(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """CDNA3, FP8 operands: the first half of a step holds its even k."""
    _tile_halves(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)
