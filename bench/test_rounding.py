"""Rounding and codes against a copy of the same float32 array."""

from __future__ import annotations

import numpy as np
import pytest

import nfloat as nf

SIZES = {"2^22": 1 << 22, "2^14": 1 << 14}


def _array(size: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(size).astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "fmt", ["float16", "bfloat16", "tfloat32", "float8_e4m3fn", "float8_e5m2", "float4_e2m1fn", "e6m5"]
)
def test_nearest_even(ratio, fmt, size):
    x = _array(SIZES[size])
    ratio(lambda: nf.round(x, fmt), lambda: np.copy(x), 1.2 if size == "2^22" else 1.5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["toward_zero", "toward_negative", "nearest_away", "to_odd"])
def test_directed(ratio, mode, size):
    x = _array(SIZES[size])
    ratio(lambda: nf.round(x, "float8_e5m2", mode), lambda: np.copy(x), 1.4 if size == "2^22" else 2.2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "float8_e4m3fn"])
def test_stochastic(ratio, fmt, size):
    x = _array(SIZES[size])
    ratio(lambda: nf.round(x, fmt, "stochastic", seed=1), lambda: np.copy(x), 1.6 if size == "2^22" else 3.0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "float8_e4m3fn"])
def test_encode(ratio, fmt, size):
    x = _array(SIZES[size])
    ratio(lambda: nf.encode(x, fmt), lambda: np.copy(x), 1.4 if size == "2^22" else 2.2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "float8_e4m3fn"])
def test_decode(ratio, fmt, size):
    x = _array(SIZES[size])
    codes = nf.encode(x, fmt)
    ratio(lambda: nf.decode(codes, fmt), lambda: np.copy(x), 1.4 if size == "2^22" else 2.2)
