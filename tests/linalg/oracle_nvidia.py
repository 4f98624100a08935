"""NVIDIA tensor cores in plain Python: see ``unit_oracle.py``."""

from __future__ import annotations

import math
from fractions import Fraction

from oracle_numbers import EMIN, aligned_total, exponent, half, padded, products, rounded, special_sum


def nvidia_output(x: Fraction, output: str, mutation: str = "") -> float:
    how = "even" if mutation == "nearest output" else "zero"
    if output == "truncate 24":
        r = rounded(x, how)
    elif output == "truncate 14":
        r = rounded(x, how, 14)
    else:
        r = half(x, "zero" if mutation == "nearest output" else "even")
    return r + 0.0  # a zero result is +0


def aligned_step(a, b, c, u, s, scale=(1.0, 1.0), mutation=""):
    if any(math.isnan(x) for x in scale):
        return math.nan
    special = special_sum(a, b, c)
    if special is not None:
        return special
    factor = Fraction(scale[0]) * Fraction(scale[1])
    shift = exponent(factor)
    least = (-14, -14) if s.pairs_apart else (EMIN[u.a], EMIN[u.b])  # FP8 turned into FP16 first
    terms = [(v * factor, e + shift) for v, e in products(a, b, *least)]
    if mutation == "normalised products":
        terms = [(v, exponent(v)) for v, _ in terms]
    own = [(Fraction(c), exponent(Fraction(c), EMIN[u.output]))] if c != 0 else []
    if mutation == "late c":
        total = aligned_total(terms, s.clamp, s.fraction) + Fraction(c)
    else:
        total = aligned_total(terms + own, s.clamp, s.fraction, mutation)
    return nvidia_output(total, s.output.value, mutation)


def pairs_apart(x: list, block: int) -> list:
    """Within each block: the elements with k mod 4 in {0, 1}, then those with k mod 4 in {2, 3}."""
    x = padded(x, block)
    return [
        x[i + k] for i in range(0, len(x), block) for rest in (0, 2) for k in range(block) if k % 4 - rest in (0, 1)
    ]


def aligned_dot(a, b, c, u, scales, mutation):
    s = u.arithmetic
    if s.pairs_apart:
        a, b = pairs_apart(a, 2 * s.step), pairs_apart(b, 2 * s.step)
    main, c = (c, 0.0) if s.promote else (None, c)
    for k in range(0, len(a), s.step):
        if main is not None and k and k % s.promote == 0:
            main, c = separate_add(main, c, u.output), 0.0
        scale = (scales[0][k // s.scale_block], scales[1][k // s.scale_block]) if s.scale_block else (1.0, 1.0)
        c = aligned_step(a[k : k + s.step], b[k : k + s.step], c, u, s, scale, mutation)
    return c if main is None else separate_add(main, c, u.output)


def separate_add(x: float, y: float, output: str) -> float:
    if not (math.isfinite(x) and math.isfinite(y)):
        return x + y
    total = Fraction(x) + Fraction(y)
    if total == 0:
        return x + y
    return half(total) if output == "float16" else rounded(total, "even")


def grouped_dot(a, b, c, u, scales, mutation):
    s = u.arithmetic
    for k in range(0, len(a), s.step):
        c = grouped_step(a, b, c, k, s, scales, mutation)
    return c


def grouped_step(a, b, c, k0, s, scales, mutation):
    terms = []
    for k in range(k0, min(k0 + s.step, len(a)), s.group):
        sa, sb = (abs(x[k // s.scale_block]) for x in scales)
        if math.isnan(sa) or math.isnan(sb):
            return math.nan
        each = [Fraction(x) * Fraction(y) for x, y in zip(a[k : k + s.group], b[k : k + s.group], strict=True)]
        if not any(each) or sa == 0 or sb == 0:
            continue
        e = sum(exponent(Fraction(x), EMIN[s.scale_format]) for x in (sa, sb))
        v = sum(each) * Fraction(sa) * Fraction(sb)
        terms.append((v, exponent(v) if v and mutation == "normalised groups" else e))
    if not math.isfinite(c):
        return c
    own = [(Fraction(c), exponent(Fraction(c), -126))] if c != 0 else []
    if mutation == "late c":
        return nvidia_output(aligned_total(terms, s.clamp, s.fraction) + Fraction(c), "truncate 24")
    return nvidia_output(aligned_total(terms + own, s.clamp, s.fraction, mutation), "truncate 24", mutation)
