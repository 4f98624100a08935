"""NVIDIA's FP4 step with block scales (`linalg.units.sums.GroupedSum`): four groups of 16 products, and C.

A group's sum p is exact in float32 (a multiple of 1/4, |p| <= 576); times both scales it is exact in float64, and so is
the aligned sum of the four groups and C (|total| < 2^49 units of 2^(E - 35)). Scales come one per group, whatever their
block.
"""

from __future__ import annotations

from ..jit import kernel
from ..lanes import Value
from .steps import block_scales, exponent64, larger, power64, steps, truncated64
from .tile import UnitCall, UnitTile, unit_signature, unit_walk

#: rows of a tile, products of a group, groups of a step
ROWS, GROUP, GROUPS = 4, 16, 4


def _group(t: UnitTile, at_a: Value, at_b: Value) -> tuple[list[Value], list[Value]]:
    """Per row, the sum of a group's products and the bits of all of them (is there one that is not zero?)."""
    b, e = t.builder, t.e

    def body(i: Value, *carried: Value) -> list[Value]:
        out = list(carried)
        vb = t.vector(t.b, b.add(at_b, t.mul(i, e.count)))
        for r in range(t.rows):
            product = b.fmul(t.row(t.a, b.add(at_a, t.mul(i, t.rows)), r), vb)
            out[r] = b.fadd(out[r], product)
            out[t.rows + r] = b.or_(out[t.rows + r], b.and_(e.as_int(product), e.magnitude_mask))
        return out

    start = [e.number(0.0)] * t.rows + [e.word(0)] * t.rows
    both = t.loop(t.builder.add(t.zero, t.zero.type(GROUP)), start, body)
    return both[: t.rows], both[t.rows :]


def _scaled_group(t: UnitTile, at_a: Value, at_b: Value, clamp: Value) -> tuple[list[Value], list[Value]]:
    """Per row, a group's scaled sum and its scales' exponent (the clamp where all products, or a scale, are zero)."""
    b, v, e = t.builder, t.v, t.e
    sums, bits = _group(t, at_a, at_b)
    factors, shifts = block_scales(t, at_a, at_b, t.zero.type(GROUP))
    values, exponents = [], []
    for r in range(t.rows):
        values.append(b.fmul(b.fpext(sums[r], v.float), factors[r]))
        counts = b.and_(b.icmp_unsigned("!=", bits[r], e.word(0)), b.fcmp_unordered("!=", factors[r], v.number(0.0)))
        exponents.append(b.select(counts, shifts[r], clamp))
    return values, exponents


def _grouped(t: UnitTile) -> None:
    b, e = t.builder, t.e
    clamp = t.call32(UnitCall.CLAMP)
    fraction = t.call32(UnitCall.FRACTION)
    emin_c = t.call32(UnitCall.EMIN_C)

    def run(at_a: Value, at_b: Value, c: list[Value]) -> list[Value]:
        top = [exponent64(t, x, emin_c, clamp) for x in c]
        terms = [c]
        for g in range(GROUPS):
            oa, ob = t.zero.type(g * GROUP * t.rows), t.zero.type(g * GROUP * e.count)
            values, exponents = _scaled_group(t, b.add(at_a, oa), b.add(at_b, ob), clamp)
            terms.append(values)
            top = larger(t, top, exponents)
        out = []
        for r in range(t.rows):
            scale = power64(t, b.sub(fraction, top[r]))
            total = t.v.number(0.0)
            for values in terms:
                total = b.fadd(total, t.unary("trunc", b.fmul(values[r], scale)))
            out.append(truncated64(t, b.fmul(total, power64(t, b.sub(top[r], fraction)))))
        return out

    steps(t, run)


_tile = unit_walk(_grouped, 64, ROWS)


@kernel(unit_signature(32))
def grouped(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last):
    """FP4 operands in float32, float64 lanes."""
    _tile(a, ea, b, eb, sa, sb, out, call, item_a, item_b, first, last)
