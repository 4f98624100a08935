"""Chains of fused multiply-adds: float32 and float64 units, Intel's VDPBF16PS and AMX TDPBF16PS; and Intel's NaN rules.

The tiles run the hardware's own FMA. Units that flush have two forms. Plain: where no operand is NaN and every sum is a
multiple of 2^-126 or more, nothing can be tiny, so nothing is flushed. Flushed: results below 2^-126 become signed
zeros; a result of exactly 2^-126 may stem from a value that is tiny after rounding with unbounded exponent (below
2^-126 - 2^-151), so that its element is made a NaN; and every NaN is then computed again by ``units/chain_plain.py``,
since which NaN comes out follows no order that vector code could keep.
"""

from __future__ import annotations

from functools import partial

from ..jit import kernel
from ..lanes import Value
from .tile import UnitCall, UnitTile, flushed, unit_signature, unit_walk

#: rows of a tile: enough chains side by side to hide an FMA's latency
ROWS = 8


def _fma(t: UnitTile, x: Value, y: Value, z: Value, marks: Value | None) -> tuple[Value, Value | None]:
    """x y + z rounded once; with `marks` flushed, and marked where that is not certain."""
    b, v = t.builder, t.v
    r = v.call("fma", x, y, z)
    if marks is None:
        return r, None
    marks = b.or_(marks, b.sext(b.fcmp_ordered("==", v.magnitude(r), v.number(2.0**-126)), v.int))
    return flushed(v, r), marks


def _chain(
    t: UnitTile, at_a: Value, at_b: Value, count: Value, stride: int, start: list[Value], marks: list[Value]
) -> tuple[list[Value], list[Value]]:
    """`count` multiply-adds onto `start`, each `stride` k after the last; `marks` is empty where nothing is flushed."""
    b = t.builder

    def body(i: Value, *carried: Value) -> list[Value]:
        k = t.mul(i, stride)
        x = t.vector(t.b, b.add(at_b, t.mul(k, t.v.count)))
        sums, seen = list(carried[: t.rows]), list(carried[t.rows :])
        for r in range(t.rows):
            a = t.row(t.a, b.add(at_a, t.mul(k, t.rows)), r)
            sums[r], mark = _fma(t, a, x, sums[r], seen[r] if seen else None)
            if mark is not None:
                seen[r] = mark
        return sums + seen

    after = t.loop(count, [*start, *marks], body)
    return after[: t.rows], after[t.rows :]


def _one_chain(t: UnitTile, flush: bool) -> None:
    marks = [t.v.word(0)] * t.rows if flush else []
    sums, marks = _chain(t, t.at_a, t.at_b, t.call(UnitCall.STEPS), 1, t.load_out(), marks)
    t.store_out(_marked(t, sums, marks))


def _even_odd(t: UnitTile, flush: bool) -> None:
    """D = C + (even + odd) per step (a tile of k). Near 2^-126 a sum of two is exact, so only FMAs are marked."""
    b, v = t.builder, t.v
    step = t.call(UnitCall.STEP)
    count = b.lshr(step, t.one)
    zeros = [v.number(0.0)] * t.rows

    def body(i: Value, *carried: Value) -> list[Value]:
        c, marks = list(carried[: t.rows]), list(carried[t.rows :])
        k = b.mul(i, step)
        at_a, at_b = b.add(t.at_a, t.mul(k, t.rows)), b.add(t.at_b, t.mul(k, v.count))
        even, marks = _chain(t, at_a, at_b, count, 2, zeros, marks)
        odd, marks = _chain(
            t, b.add(at_a, t.zero.type(t.rows)), b.add(at_b, t.zero.type(v.count)), count, 2, zeros, marks
        )
        for x in (odd, c):  # even + odd, then C + that
            even = [flushed(v, b.fadd(p, q)) if flush else b.fadd(p, q) for p, q in zip(even, x, strict=True)]
        return even + marks

    after = t.loop(t.call(UnitCall.STEPS), [*t.load_out(), *([v.word(0)] * t.rows if flush else [])], body)
    t.store_out(_marked(t, after[: t.rows], after[t.rows :]))


def _marked(t: UnitTile, sums: list[Value], marks: list[Value]) -> list[Value]:
    """The sums, NaN where marked."""
    b, v = t.builder, t.v
    if not marks:
        return sums
    nan = v.number(float("nan"))
    return [b.select(b.icmp_unsigned("!=", m, v.word(0)), nan, x) for x, m in zip(sums, marks, strict=True)]


_tile32 = unit_walk(partial(_one_chain, flush=False), 32, ROWS)
_tile32_flushed = unit_walk(partial(_one_chain, flush=True), 32, ROWS)
_tile64 = unit_walk(partial(_one_chain, flush=False), 64, ROWS)
_tile_even_odd = unit_walk(partial(_even_odd, flush=False), 32, ROWS)
_tile_even_odd_flushed = unit_walk(partial(_even_odd, flush=True), 32, ROWS)


@kernel(unit_signature(32))
def chain32(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """float32 FMA chain, nothing flushed."""
    _tile32(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(32))
def chain32_flushed(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """float32 FMA chain that flushes."""
    _tile32_flushed(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(32))
def even_odd(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """AMX, nothing to flush."""
    _tile_even_odd(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(32))
def even_odd_flushed(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """AMX."""
    _tile_even_odd_flushed(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)


@kernel(unit_signature(64, "float64"))
def chain64(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """float64 FMA chain."""
    _tile64(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)
