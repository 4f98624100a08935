"""What digests are made of.

Operands that are the same everywhere (whole numbers and powers of two only), and the digest itself.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

import nfloat as nf

#: a named digest: what it is called, and how to compute it
Named = tuple[str, Callable[[], str]]


def generator(*name: object) -> np.random.Generator:
    """PCG64 from a name; only `integers` and `random` of it are used here, which are whole-number arithmetic."""
    return np.random.default_rng(zlib.crc32(" ".join(map(str, name)).encode()))


def digest(*parts: Any) -> str:
    """SHA-256 over arrays (type, shape, bits; every NaN is one NaN, the two zeros differ), bytes and text."""
    h = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            part = part.encode()
        if not isinstance(part, bytes):
            x = np.asarray(part)
            if x.dtype.kind == "f":
                x = np.where(np.isnan(x), np.array(np.nan, x.dtype), x)
            part = f"{x.dtype.str}{x.shape}".encode() + np.ascontiguousarray(x).tobytes()
        h.update(len(part).to_bytes(8, "little") + part)
    return h.hexdigest()


def moderate(rng: np.random.Generator, shape: tuple[int, ...], reach: int = 12, dtype: Any = np.float64) -> np.ndarray:
    """Signed numbers of 24 random bits with exponents within `reach` of 0; a twelfth are zeros of either sign."""
    whole = rng.integers(-(2**24), 2**24, shape)
    x = np.ldexp(whole.astype(np.float64), rng.integers(-reach, reach + 1, shape) - 24)
    return np.where(rng.integers(0, 12, shape) == 0, np.copysign(0.0, x), x).astype(dtype)


def words(rng: np.random.Generator, count: int, dtype: Any) -> np.ndarray:
    """Numbers of random bits: every exponent, subnormal numbers, infinities and NaN among them."""
    size = np.dtype(dtype).itemsize
    x = rng.integers(0, 256**size - 1, count, dtype=f"u{size}", endpoint=True).view(dtype)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.5], dtype)
    return np.concatenate([x, special])


def near(fmt: nf.Format, rng: np.random.Generator, count: int) -> np.ndarray:
    """Numbers about a format's own: its values, midpoints between neighbours, and what lies a bit beside those."""
    e = rng.integers(max(fmt.emin - fmt.precision - 2, -1074), min(fmt.emax + 3, 1024), count)
    step = 2 ** min(fmt.precision + 1, 52)
    x = np.ldexp(rng.integers(step, 2 * step, count).astype(np.float64) / step, e.astype(np.int32))
    x = np.concatenate([x, np.nextafter(x, 0.0), np.nextafter(x, np.inf)])
    return np.concatenate([x, -x])


def of_format(fmt: nf.Format | str, rng: np.random.Generator, shape: tuple[int, ...], reach: int = 6) -> np.ndarray:
    """Moderate numbers, in the format."""
    return np.asarray(nf.round(moderate(rng, shape, reach, np.float32), fmt, overflow="saturate"))
