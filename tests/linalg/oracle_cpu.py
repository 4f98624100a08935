"""Intel and Arm in plain Python: see ``unit_oracle.py``. Intel's functions work on float32 bit patterns."""

from __future__ import annotations

import math
from fractions import Fraction

from oracle_numbers import bits_of, float_of, flush, padded, pow2, rounded, special_sum

DEFAULT_NAN = 0xFFC00000


def is_nan(x: int) -> bool:
    return x & 0x7FFFFFFF > 0x7F800000


def quiet(x: int) -> int:
    return x | 0x00400000


def daz(x: int) -> int:
    return x if x & 0x7F800000 else x & 0x80000000


def ftz_bits(x: Fraction, how: str = "even") -> int:
    """x rounded to float32; flushed to a signed zero if it is tiny after rounding with unbounded exponent."""
    r = rounded(x, how, emin=-(10**6))
    return bits_of(flush(r))


def fma32(a: int, b: int, c: int, flushed: bool = True, how: str = "even") -> int:
    for x in (a, b, c):
        if is_nan(x):
            return quiet(x)
    fa, fb, fc = (float_of(daz(x) if flushed else x) for x in (a, b, c))
    special = special_sum([fa], [fb], fc)
    if special is not None:
        return DEFAULT_NAN if math.isnan(special) else bits_of(special)
    x = Fraction(fa) * Fraction(fb) + Fraction(fc)
    if x == 0:
        return bits_of(math.copysign(0.0, fa) * math.copysign(1.0, fb) + fc) if fa * fb == 0 else 0
    return ftz_bits(x, how) if flushed else bits_of(rounded(x, how))


def add32_bits(x: int, y: int, how: str = "even") -> int:
    return fma32(x, 0x3F800000, y, True, how)


def product_bits(x: int, y: int, flushed: bool) -> int:
    return fma32(x, y, 0x80000000, flushed)


def chain_dot(a, b, c, u, mutation):
    s = u.arithmetic
    if s.odd_first and mutation != "ascending":
        a, b = ([x for i in range(0, len(v), 2) for x in [*v[i : i + 2], 0][:2][::-1]] for v in (a, b))
    if not s.odd_first and mutation == "ascending":
        a, b = a[::-1], b[::-1]
    late = mutation == "late c"
    d = 0 if late else c
    how = "zero" if mutation == "truncated output" else "even"
    for x, y in zip(a, b, strict=True):
        if mutation == "rounded products":
            d = fma32(product_bits(x, y, s.flush), 0x3F800000, d, s.flush)
        else:
            d = fma32(x, y, d, s.flush, how)
    return add32_bits(c, d) if late else d


def even_odd_dot(a, b, c, u, mutation):
    tile = u.arithmetic.tile
    how = "zero" if mutation == "truncated output" else "even"
    for k in range(0, len(a), tile):
        ta, tb = a[k : k + tile], b[k : k + tile]
        if mutation == "ascending":
            for x, y in zip(ta, tb, strict=True):
                c = fma32(x, y, c)
            continue
        chains = [c if mutation == "early c" else 0, 0]
        for i, (x, y) in enumerate(zip(ta, tb, strict=True)):
            if mutation == "rounded products":
                x, y = product_bits(x, y, True), 0x3F800000
            chains[i % 2] = fma32(x, y, chains[i % 2], True, how)
        pair = add32_bits(chains[0], chains[1], how)
        c = pair if mutation == "early c" else add32_bits(c, pair, how)
    return c


def pair_dot(a, b, c, u, mutation):
    """c + (a0 b0 + a1 b1), pair after pair."""
    s = u.arithmetic
    how = {"nearest output": "even", "odd output": "odd"}.get(mutation, "odd" if s.to_odd else "even")
    ftz = flush if s.flush else (lambda x: x)
    a, b = ([ftz(x) for x in padded(v, 2)] for v in (a, b))
    late, c = (c, 0.0) if mutation == "late c" else (None, c)
    for k in range(0, len(a), 2):
        p = a[k : k + 2], b[k : k + 2]
        if mutation in ("sequential", "early c"):
            for i in (0, 1) if mutation == "sequential" else (1, 0):
                c = plus(c, times(p[0][i], p[1][i], how, s.flush), how, s.flush)
        elif s.to_odd:
            c = plus(c, plus(*(times(x, y, how, True) for x, y in zip(*p, strict=True)), how, True), how, True)
        else:
            c = plus(c, fused_pair(*p), how, False)
    return c if late is None else plus(c, late, how, s.flush)


def plus(x: float, y: float, how: str, flushed: bool) -> float:
    """One float32 addition; flushed before rounding, inputs and result."""
    x, y = (flush(x), flush(y)) if flushed else (x, y)
    if not (math.isfinite(x) and math.isfinite(y)) or x + y == 0:
        return x + y
    total = Fraction(x) + Fraction(y)
    return math.copysign(0.0, total) if flushed and abs(total) < pow2(-126) else rounded(total, how)


def times(x: float, y: float, how: str, flushed: bool) -> float:
    """One float32 multiplication; flushed before rounding."""
    if not (math.isfinite(x) and math.isfinite(y)) or 0 in (x, y):
        return x * y
    v = Fraction(x) * Fraction(y)
    return math.copysign(0.0, v) if flushed and abs(v) < pow2(-126) else rounded(v, how)


def fused_pair(a: list[float], b: list[float]) -> float:
    """a0 b0 + a1 b1 rounded once, nearest even."""
    special = special_sum(a, b, 0.0)
    if special is not None:
        return special
    total = sum(Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True))
    if total == 0 and not any(x and y for x, y in zip(a, b, strict=True)):
        return a[0] * b[0] + a[1] * b[1]
    return rounded(total, "even")
