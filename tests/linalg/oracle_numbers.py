"""Exact numbers for the plain unit models: exponents, one rounding, float32 bit patterns."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

EMIN = {
    "float32": -126,
    "bfloat16": -126,
    "tfloat32": -126,
    "float16": -14,
    "float8_e5m2": -14,
    "float8_e4m3fn": -6,
    "float6_e2m3fn": 0,
    "float6_e3m2fn": -2,
    "float4_e2m1fn": 0,
    "float8_e4m3fnuz": -7,
    "float8_e5m2fnuz": -15,
    "float8_e8m0fnu": -127,
    "float64": -1022,
}


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


def padded(x: list, width: int) -> list:
    """x with zeros up to a multiple of `width`."""
    return [*x, *[0.0] * (-len(x) % width)]


def flush(x: float, emin: int = -126, keep_sign: bool = True) -> float:
    return (math.copysign(0.0, x) if keep_sign else 0.0) if abs(x) < 2.0**emin else x


def times32(x: float, y: float, how: str = "even") -> float:
    if not (math.isfinite(x) and math.isfinite(y)) or x == 0 or y == 0:
        return x * y
    return rounded(Fraction(x) * Fraction(y), how)


def aligned_total(terms: list[tuple[Fraction, int]], clamp: int, fraction: int, mutation: str = "") -> Fraction:
    """The terms truncated toward zero to `fraction` bits below the greatest exponent, and summed."""
    how = {"floor alignment": "floor", "nearest alignment": "even"}.get(mutation, "zero")
    fraction += {"one bit more": 1, "one bit less": -1}.get(mutation, 0)
    if not terms:
        return Fraction(0)
    unit = pow2(max(max(e for _, e in terms), clamp) - fraction)
    return sum(to_integer(v / unit, how) for v, _ in terms) * unit
