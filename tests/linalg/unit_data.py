"""Operands for the unit tests: every regime in which a model can go wrong, in the unit's own formats."""

from __future__ import annotations

import numpy as np
import unit_oracle

import nfloat as nf

#: "any": codes drawn uniformly, a few infinities and NaNs; "tiny": powers of two around the least numbers; "same": one binade
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
        x = np.asarray(nf.decode(codes.astype(np.uint8 if f.bits <= 8 else np.uint16 if f.bits <= 16 else np.uint32), f))
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
        out |= {"scale_a": scales(unit, rng, (len(a), count), regime), "scale_b": scales(unit, rng, (count, b.shape[1]), regime)}
    return out


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
