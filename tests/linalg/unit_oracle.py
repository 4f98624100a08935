"""Matrix units in plain Python and exact fractions: what the compiled models are compared with.

Nothing is shared with ``nfloat.kernels`` and nothing here is fast. Every function reads like the description of the
instruction it models; a value is a Python float (which holds every operand, sum and result exactly) or, where the choice of
a NaN matters (Intel), a float32 bit pattern. `dot` takes a `Unit` for its numbers and chooses the function.

`mutation` changes one feature of a model on purpose ("floor alignment", "late c", ...). The mutation tests show that each such
change is seen by the test data; see `MUTATIONS`.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction

EMIN = {
    "float32": -126, "bfloat16": -126, "tfloat32": -126, "float16": -14, "float8_e5m2": -14, "float8_e4m3fn": -6,
    "float6_e2m3fn": 0, "float6_e3m2fn": -2, "float4_e2m1fn": 0, "float8_e4m3fnuz": -7, "float8_e5m2fnuz": -15,
    "float8_e8m0fnu": -127, "float64": -1022,
}  # fmt: skip

MUTATIONS = {
    "AlignedSum": ("floor alignment", "nearest alignment", "one bit more", "one bit less", "normalised products",
                   "late c", "nearest output"),
    "GroupedSum": ("floor alignment", "one bit more", "one bit less", "normalised groups", "late c", "nearest output"),
    "ExactSum": ("aligned to 24 bits", "rounded sums", "late c", "truncated output"),
    "FlushedTree": ("kept subnormals", "sequential", "late c", "fused products"),
    "FlooredSum": ("floor alignment", "nearest alignment", "one bit more", "one bit less", "normalised products",
                   "early c", "truncated c", "truncated output"),
    "FmaChain": ("rounded products", "ascending", "late c", "truncated output"),
    "EvenOddChains": ("rounded products", "ascending", "early c", "truncated output"),
    "PairSum": ("nearest output", "odd output", "sequential", "early c", "late c"),
}  # fmt: skip


def bits_of(x: float) -> int:
    return struct.unpack("<I", struct.pack("<f", x))[0]


def float_of(bits: int) -> float:
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def pow2(e: int) -> Fraction:
    return Fraction(2) ** e


def exponent(x: Fraction, emin: int = -(10**6)) -> int:
    """floor(log2|x|), not below emin; x is dyadic and not 0."""
    return max(abs(x.numerator).bit_length() - x.denominator.bit_length(), emin)


def to_integer(x: Fraction, how: str) -> int:
    """x to an integer: toward zero, floor, to nearest with ties to even, or to odd."""
    if how == "zero":
        return math.trunc(x)
    if how == "floor":
        return math.floor(x)
    if how == "odd":
        return math.trunc(x) if x.denominator == 1 or math.trunc(x) & 1 else math.trunc(x) + (1 if x > 0 else -1)
    return round(x)


def rounded(x: Fraction, how: str, precision: int = 24, emin: int = -126, emax: int = 127) -> float:
    """x rounded once to a binary format; at and beyond 2^(emax + 1) infinity, whatever `how`."""
    if x == 0:
        return 0.0
    quantum = pow2(exponent(x, emin) - precision + 1)
    r = to_integer(x / quantum, how) * quantum
    if abs(r) >= pow2(emax + 1):
        return math.copysign(math.inf, x)
    return float(r) if r else math.copysign(0.0, x)


def half(x: Fraction, how: str = "even") -> float:
    return rounded(x, how, 11, -14, 15)


def add32(x: float, y: float, how: str = "even") -> float:
    """float32 addition as IEEE 754 has it; x and y are float32 values."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return x + y
    return rounded(Fraction(x) + Fraction(y), how) if x + y != 0 else x + y


def special_sum(a: list[float], b: list[float], c: float) -> float | None:
    """NaN or an infinity if the exact sum a.b + c is one by IEEE 754's rules, else None."""
    terms = [c]
    for x, y in zip(a, b, strict=True):
        if math.isnan(x) or math.isnan(y) or (math.isinf(x) and y == 0) or (math.isinf(y) and x == 0):
            return math.nan
        if math.isinf(x) or math.isinf(y):
            terms.append(math.copysign(1.0, x) * math.copysign(1.0, y) * math.inf)
    if any(math.isnan(t) for t in terms) or (math.inf in terms and -math.inf in terms):
        return math.nan
    return next((t for t in terms if math.isinf(t)), None)


def products(a: list[float], b: list[float], emin_a: int, emin_b: int) -> list[tuple[Fraction, int]]:
    """(exact product, exponent of a + exponent of b) of each product that is not zero: not normalised."""
    pairs = [(Fraction(x), Fraction(y)) for x, y in zip(a, b, strict=True) if x != 0 and y != 0]
    return [(x * y, exponent(x, emin_a) + exponent(y, emin_b)) for x, y in pairs]


# NVIDIA --------------------------------------------------------------------------------------------------------------


def nvidia_output(x: Fraction, output: str, mutation: str = "") -> float:
    how = "even" if mutation == "nearest output" else "zero"
    if output == "truncate 24":
        r = rounded(x, how)
    elif output == "truncate 14":
        r = rounded(x, how, 14)
    else:
        r = half(x, "zero" if mutation == "nearest output" else "even")
    return r + 0.0  # a zero result is +0


def aligned_total(terms: list[tuple[Fraction, int]], clamp: int, fraction: int, mutation: str = "") -> Fraction:
    """The terms truncated toward zero to `fraction` bits below the greatest exponent, and summed."""
    how = {"floor alignment": "floor", "nearest alignment": "even"}.get(mutation, "zero")
    fraction += {"one bit more": 1, "one bit less": -1}.get(mutation, 0)
    if not terms:
        return Fraction(0)
    unit = pow2(max(max(e for _, e in terms), clamp) - fraction)
    return sum(to_integer(v / unit, how) for v, _ in terms) * unit


def aligned_step(a, b, c, u, s, scale=(1.0, 1.0), mutation=""):
    if any(math.isnan(x) for x in scale):
        return math.nan
    special = special_sum(a, b, c)
    if special is not None:
        return special
    factor = Fraction(scale[0]) * Fraction(scale[1])
    shift = exponent(factor)
    terms = [(v * factor, e + shift) for v, e in products(a, b, EMIN[u.a], EMIN[u.b])]
    if mutation == "normalised products":
        terms = [(v, exponent(v)) for v, _ in terms]
    own = [(Fraction(c), exponent(Fraction(c), EMIN[u.output]))] if c != 0 else []
    if mutation == "late c":
        total = aligned_total(terms, s.clamp, s.fraction) + Fraction(c)
    else:
        total = aligned_total(terms + own, s.clamp, s.fraction, mutation)
    return nvidia_output(total, s.output.value, mutation)


def pairs_apart(x: list, block: int = 32) -> list:
    """Within each block of 32: the elements with k mod 4 in {0, 1}, then those with k mod 4 in {2, 3}."""
    x = padded(x, block)
    return [x[i + k] for i in range(0, len(x), block) for rest in (0, 2) for k in range(block) if k % 4 - rest in (0, 1)]


def aligned_dot(a, b, c, u, scales, mutation):
    s = u.arithmetic
    if s.pairs_apart:
        a, b = pairs_apart(a), pairs_apart(b)
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


# AMD -----------------------------------------------------------------------------------------------------------------


def padded(x: list, width: int) -> list:
    """x with zeros up to a multiple of `width`."""
    return [*x, *[0.0] * (-len(x) % width)]


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


def flush(x: float, emin: int = -126, keep_sign: bool = True) -> float:
    return (math.copysign(0.0, x) if keep_sign else 0.0) if abs(x) < 2.0**emin else x


def times32(x: float, y: float, how: str = "even") -> float:
    if not (math.isfinite(x) and math.isfinite(y)) or x == 0 or y == 0:
        return x * y
    return rounded(Fraction(x) * Fraction(y), how)


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
                c = float_of(fma32(bits_of(x), bits_of(y), bits_of(c), False))
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


# Intel: on bit patterns ----------------------------------------------------------------------------------------------

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
        a, b = ([x for i in range(0, len(v), 2) for x in (v[i : i + 2] + [0])[:2][::-1]] for v in (a, b))
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


# Arm -----------------------------------------------------------------------------------------------------------------


def pair_dot(a, b, c, u, mutation):
    s = u.arithmetic
    how = "odd" if s.to_odd else "even"
    how = {"nearest output": "even", "odd output": "odd"}.get(mutation, how)
    a, b = padded(a, 2), padded(b, 2)
    ftz = flush if s.flush else (lambda x: x)
    a, b, late = [ftz(x) for x in a], [ftz(x) for x in b], c
    if mutation == "late c":
        c = 0.0

    def plus(x, y):
        x, y = ftz(x), ftz(y)
        if not (math.isfinite(x) and math.isfinite(y)) or x + y == 0:
            return x + y
        total = Fraction(x) + Fraction(y)
        return math.copysign(0.0, total) if s.flush and abs(total) < pow2(-126) else rounded(total, how)

    def times(x, y):
        if not (math.isfinite(x) and math.isfinite(y)) or x * y == 0 and (x == 0 or y == 0):
            return x * y
        v = Fraction(x) * Fraction(y)
        return math.copysign(0.0, v) if abs(v) < pow2(-126) else rounded(v, how)

    for k in range(0, len(a), 2):
        if mutation in ("sequential", "early c"):
            order = (k, k + 1) if mutation == "sequential" else (k + 1, k)
            for i in order:
                c = plus(c, times(a[i], b[i]))
        elif s.to_odd:
            c = plus(c, plus(times(a[k], b[k]), times(a[k + 1], b[k + 1])))
        else:
            c = plus(c, exact_step(a[k : k + 2], b[k : k + 2], 0.0, "") if any_nonzero(a, b, k) else signed_zero(a, b, k))
    return plus(c, late) if mutation == "late c" else c


def any_nonzero(a, b, k):
    return any(x and y for x, y in zip(a[k : k + 2], b[k : k + 2], strict=True)) or not all(
        math.isfinite(x) for x in a[k : k + 2] + b[k : k + 2]
    )


def signed_zero(a, b, k):
    return a[k] * b[k] + a[k + 1] * b[k + 1]


# All of them ---------------------------------------------------------------------------------------------------------

NAN = {"nvidia": 0x7FFFFFFF, "amd": 0x7FC00000, "arm": 0x7FC00000}


def dot(u, a, b, c, scales=None, mutation: str = "") -> int:
    """The float32 bit pattern that `u` computes for one row of `a`, one column of `b` (lists of floats) and `c`."""
    a, b, c = [float(x) for x in a], [float(x) for x in b], float(c)
    family = type(u.arithmetic).__name__
    if family in ("FmaChain", "EvenOddChains"):
        chain = chain_dot if family == "FmaChain" else even_odd_dot
        return chain([bits_of(x) for x in a], [bits_of(x) for x in b], bits_of(c), u, mutation)
    if family in ("AlignedSum", "GroupedSum"):
        d = (aligned_dot if family == "AlignedSum" else grouped_dot)(a, b, c, u, scales, mutation)
    else:
        by_family = {"ExactSum": exact_dot, "FlushedTree": flushed_dot, "FlooredSum": floored_dot, "PairSum": pair_dot}
        d = by_family[family](a, b, c, u, mutation)
    return NAN[u.vendor] if math.isnan(d) else bits_of(d)
