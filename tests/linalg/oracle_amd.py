"""AMD matrix cores in plain Python: see ``unit_oracle.py``."""

from __future__ import annotations

import math
from fractions import Fraction

from oracle_numbers import (
    EMIN,
    add32,
    aligned_total,
    exponent,
    flush,
    padded,
    pow2,
    products,
    rounded,
    special_sum,
    times32,
)


def exact_dot(a, b, c, u, mutation):
    a, b = padded(a, u.arithmetic.step), padded(b, u.arithmetic.step)
    for k in range(0, len(a), u.arithmetic.step):
        c = exact_step(a[k : k + u.arithmetic.step], b[k : k + u.arithmetic.step], c, mutation)
    return c


def exact_step(a, b, c, mutation):
    special = special_sum(a, b, c)
    if special is not None:
        return special
    each = [Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True)]
    if mutation == "aligned to 24 bits":
        each = [v for v in [*each, Fraction(c)] if v]
        return rounded(aligned_total([(v, exponent(v)) for v in each], -(10**6), 24), "even")
    if mutation == "rounded sums":
        for v in each:
            c = add32(c, rounded(v, "even"))
        return c
    if mutation == "late c":
        return add32(rounded(sum(each), "even"), c)
    total = sum(each) + Fraction(c)
    if total == 0:
        negative = all(math.copysign(1, x * y) < 0 for x, y in zip(a, b, strict=True)) and math.copysign(1, c) < 0
        return -0.0 if negative and not any(each) and c == 0 else 0.0
    return rounded(total, "zero" if mutation == "truncated output" else "even")


def flushed_dot(a, b, c, u, mutation):
    keep = mutation == "kept subnormals"

    def ftz(x, emin=-126, sign=True):
        return x if keep else flush(x, emin, sign)

    a, b, c = [ftz(x, EMIN[u.a], False) for x in a], [ftz(x, EMIN[u.b], False) for x in b], ftz(c, -126, False)
    width = u.arithmetic.step
    a, b = padded(a, width), padded(b, width)
    if mutation == "late c":
        late, c = c, 0.0
    for k in range(0, len(a), width):
        p = [ftz(times32(x, y)) for x, y in zip(a[k : k + width], b[k : k + width], strict=True)]
        if mutation == "sequential":
            for v in p:
                c = ftz(add32(c, v))
            continue
        if mutation == "fused products":
            for x, y in zip(a[k : k + width], b[k : k + width], strict=True):
                c = rounded(Fraction(x) * Fraction(y) + Fraction(c), "even") if math.isfinite(x * y + c) else x * y + c
            continue
        while len(p) > 1:
            p = [ftz(add32(p[i], p[i + 1])) for i in range(0, len(p), 2)]
        c = ftz(add32(c, p[0]))
    return add32(c, late) if mutation == "late c" else c


def floored_dot(a, b, c, u, mutation):
    s = u.arithmetic
    for k in range(0, len(a), s.step):
        c = floored_step(a[k : k + s.step], b[k : k + s.step], c, u, s, mutation)
    return c


def truncated_products(a, b, u, fraction, mutation):
    """(sum of the products truncated below their greatest exponent, that exponent or None if all are zero)."""
    terms = products(a, b, EMIN[u.a], EMIN[u.b])
    if mutation == "normalised products":
        terms = [(v, exponent(v)) for v, _ in terms]
    if not terms:
        return Fraction(0), None
    return aligned_total(terms, -(10**6), fraction, mutation), max(e for _, e in terms)


def floor_to(x: Fraction, e: int, fraction: int) -> Fraction:
    return math.floor(x / pow2(e - fraction)) * pow2(e - fraction)


def floored_step(a, b, c, u, s, mutation):
    large = [math.isfinite(x * y) and abs(x * y) >= 2.0**128 for x, y in zip(a, b, strict=True)]
    special = special_sum([x * math.inf if o else x for x, o in zip(a, large, strict=True)], b, c)
    if special is not None:
        return special
    if mutation == "early c":
        a, b, c = [*a, c], [*b, 1.0], 0.0
    if s.halves:
        (t0, e0), (t1, e1) = (truncated_products(a[i::2], b[i::2], u, s.fraction, mutation) for i in (0, 1))
        known = [e for e in (e0, e1) if e is not None]
        top = max(known) if known else None
        total = sum(floor_to(t, top, s.fraction) for t in (t0, t1)) if known else Fraction(0)
    else:
        total, top = truncated_products(a, b, u, s.fraction, mutation)
    ec = exponent(Fraction(c), -126) if c else -126
    e = ec if top is None else max(top, ec)
    total = floor_to(total, e, s.result_fraction + 1)
    own = floor_to(Fraction(c), e, s.fraction)
    if mutation == "truncated c":
        own = math.trunc(Fraction(c) / pow2(e - s.fraction)) * pow2(e - s.fraction)
    if s.halves and ec < e - s.fraction - 1:
        own = Fraction(0)
    v = total + own
    if v == 0:
        return 0.0
    v = floor_to(v, exponent(v, -126), s.result_fraction)
    return rounded(v, "zero" if mutation == "truncated output" else "even")


def fused(x: float, y: float, c: float) -> float:
    """x y + c rounded once."""
    return rounded(Fraction(x) * Fraction(y) + Fraction(c), "even") if math.isfinite(x * y + c) else x * y + c
