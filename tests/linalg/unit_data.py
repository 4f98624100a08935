"""Operands for the unit tests: every regime in which a model can go wrong, in the unit's own formats."""

from __future__ import annotations

import numpy as np
import unit_oracle

import nfloat as nf

#: "any": codes drawn uniformly, a few infinities and NaNs; "tiny": powers of two around the least numbers; "same": one
# binade
REGIMES = ("normal", "same", "wide", "tiny", "any")


def values(fmt: str, rng: np.random.Generator, shape: tuple[int, ...], regime: str) -> np.ndarray:
    """Values of a format, float32."""
    f = nf.get_format(fmt)
    if regime == "normal":
        x = rng.standard_normal(shape)
    elif regime == "same":
        x = (1.5 + 0.499 * rng.random(shape)) * rng.choice([1, 1, 1, -1], shape)
    elif regime == "tiny":
        e = rng.integers(f.emin - f.precision + 1, f.emin + 6, shape)
        x = rng.choice([-1, 0, 1, 1, -1], shape) * np.minimum(np.exp2(e.astype(float)), f.max)
    else:
        codes = rng.integers(0, 2**f.bits, shape, dtype=np.uint64).astype(np.uint32)
        x = np.asarray(
            nf.decode(codes.astype(np.uint8 if f.bits <= 8 else np.uint16 if f.bits <= 16 else np.uint32), f)
        )
        kept = np.isfinite(x) | ((regime == "any") & (rng.random(shape) < 0.03))
        return np.where(kept, x, 0).astype(np.float32)
    return np.asarray(nf.round(x, f, overflow="saturate"), np.float32)


def scales(unit, rng: np.random.Generator, shape: tuple[int, ...], regime: str) -> np.ndarray:
    """Block scales of a unit."""
    if unit.arithmetic.scale_format == "float8_e8m0fnu":
        x = np.exp2(rng.integers(*((-127, 128) if regime == "any" else (-3, 4)), shape).astype(float))
    else:
        x = np.abs(np.asarray(nf.decode(rng.integers(0, 127, shape).astype(np.uint8), "float8_e4m3fn"), np.float64))
        x[rng.random(shape) < 0.1] = 0
    if regime == "any":
        x[rng.random(shape) < 0.05] = np.nan
    return x


def problem(unit, seed: int, special: bool, k: int = 70) -> dict:
    """Operands of one GEMM: each row of a, each column of b and each element of c from a regime of its own."""
    rng = np.random.default_rng(seed)
    regimes = REGIMES if special else ("normal", "same")
    a = np.concatenate([values(unit.a, rng, (1, k), r) for r in regimes])
    b = np.concatenate([values(unit.b, rng, (k, 1), r) for r in regimes for _ in range(2)], axis=1)
    a[rng.random(a.shape) < 0.1] = 0
    c = None
    if seed % 3:
        c = np.stack([values(unit.output, rng, (b.shape[1],), r if special else "normal") for r in regimes])
    out = {"a": a, "b": b, "c": c}
    block = getattr(unit.arithmetic, "scale_block", 0)
    if block:
        count = -(-k // block)
        regime = "any" if special else "normal"
        out |= {
            "scale_a": scales(unit, rng, (len(a), count), regime),
            "scale_b": scales(unit, rng, (count, b.shape[1]), regime),
        }
    return out


def number(fmt, exponent: int, rng: np.random.Generator) -> float:
    """A random positive number of a format with about this exponent (a power of two among subnormals)."""
    e = min(max(exponent, fmt.emin - fmt.precision + 1), fmt.emax)
    x = 2.0**e * (1 + rng.integers(0, 2 ** (fmt.precision - 1)) / 2 ** (fmt.precision - 1))
    return float(nf.round(min(x, fmt.max), fmt, "toward_zero"))


def row(unit, rng: np.random.Generator, k: int) -> tuple[np.ndarray, np.ndarray, float]:
    """One dot product made to tell models apart: large terms that cancel, beside terms around their last kept bits.

    The large terms are two products, or a product and C. Below them stand a few products at about F bits distance;
    around 2^-126 where the formats reach so far. Three rows in ten are ordinary, tiny or drawn from all codes.
    """
    fa, fb, fc = *unit.formats, nf.get_format(unit.output)
    regime = rng.random()
    if regime < 0.3:
        kind = "normal" if regime < 0.2 else "tiny" if regime < 0.25 else "wide"
        return (
            values(unit.a, rng, (k,), kind),
            values(unit.b, rng, (k,), kind),
            float(values(unit.output, rng, (1,), kind)[0]),
        )
    a, b, c = np.zeros(k), np.zeros(k), 0.0
    spots = rng.permutation(k)
    s = unit.arithmetic
    kept = getattr(s, "fraction", 24)
    high = int(rng.integers(-4, 5)) + (fa.emax // 2 if fa.emax < 20 else 0)
    if fa.emin < -100 and rng.random() < 0.5:
        high = -63 if rng.random() < 0.8 else 63
    x, y = number(fa, high, rng), number(fb, high, rng)
    a[spots[0]], b[spots[0]] = x, y
    if rng.random() < 0.5:
        c = -float(nf.round(x * y, fc, "toward_zero", overflow="saturate"))
    elif k > 1:
        a[spots[1]], b[spots[1]] = -x, y
    for at in spots[2:7]:
        distance = int(rng.integers(kept - 4, kept + 5)) if rng.random() < 0.7 else int(rng.integers(0, 12))
        target = 2 * high - distance
        ea = int(np.clip(target // 2, fa.emin - fa.precision + 1, fa.emax))
        a[at] = number(fa, ea, rng) * rng.choice([-1, 1])
        b[at] = number(fb, target - ea, rng)
    if c == 0 and rng.random() < 0.5:
        c = float(
            nf.round(
                number(fc, 2 * high - int(rng.integers(0, kept + 4)), rng) * rng.choice([-1, 1]),
                fc,
                overflow="saturate",
            )
        )
    return a, b, c


def fp4_row(unit, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float, np.ndarray, np.ndarray]:
    """The same for FP4 with scales.

    C, or a second group, cancels a large group; another stands about F bits below its scales. One row in four has
    groups of like size instead.
    """
    values = np.array([0.5, 1, 1.5, 2, 3, 4, 6])
    a, b = np.zeros(64), np.zeros(64)
    sa, sb = np.ones(64 // unit.arithmetic.scale_block), np.ones(64 // unit.arithmetic.scale_block)
    a[:16], b[:16] = rng.choice(values, 16), rng.choice(values, 16)
    if rng.random() < 0.25:
        a, b = rng.choice(values, 64) * rng.choice([-1, 1], 64), rng.choice(values, 64)
        return (
            a,
            b,
            float(np.float32(rng.standard_normal())),
            2.0 ** rng.integers(-3, 4, sa.size),
            2.0 ** rng.integers(-3, 4, sb.size),
        )
    sa[0], sb[0] = (
        (448.0, 256.0 * rng.choice([1, 1.75])) if unit.arithmetic.scale_format != "float8_e8m0fnu" else (2.0**30, 1.0)
    )
    a[32], b[32], a[33], b[33] = rng.choice(values), rng.choice(values), -rng.choice(values), 0.5
    least = int(rng.integers(-18, -13)) if sa[0] == 448 else int(rng.integers(-9, -1))
    sa[len(sa) // 2], sb[len(sb) // 2] = 2.0 ** (least // 2), 2.0 ** (least - least // 2)
    if rng.random() < 0.5:
        return a, b, -float(np.float32((a[:16] @ b[:16]) * sa[0] * sb[0])), sa, sb
    a[16:32], b[16:32] = -a[:16], b[:16]
    sa[16 // unit.arithmetic.scale_block], sb[16 // unit.arithmetic.scale_block] = sa[0], sb[0]
    return a, b, 0.0, sa, sb


def plain(unit, operands: dict, mutation: str = "") -> np.ndarray:
    """The oracle's bit patterns for a problem."""
    a, b, c = operands["a"], operands["b"], operands["c"]
    out = np.zeros((a.shape[0], b.shape[1]), np.uint32)
    for i, j in np.ndindex(*out.shape):
        pair = (operands["scale_a"][i], operands["scale_b"][:, j]) if "scale_a" in operands else None
        out[i, j] = unit_oracle.dot(unit, a[i], b[:, j], 0.0 if c is None else c[i, j], pair, mutation)
    return out


def bits(x) -> np.ndarray:
    """float32 bit patterns."""
    return np.asarray(x, np.float32).view(np.uint32)


def from_hex(words, width: int = 8) -> np.ndarray:
    """float32 values from hexadecimal float32 (8 digits) or bfloat16 (4 digits) patterns."""
    return np.array([int(w, 16) << (32 - 4 * width) for w in words], np.uint32).view(np.float32)
