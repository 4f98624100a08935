"""Arithmetic and functions, every result rounded, against NumPy's float32 operation on the same values."""

from __future__ import annotations

import numpy as np
import pytest

import nfloat as nf

FORMATS = ["float16", "bfloat16", "float8_e4m3fn"]
SIZE = 1 << 22


def _values(fmt: str) -> np.ndarray:
    return np.abs(np.random.default_rng(0).standard_normal(SIZE).astype(np.float32)) + np.float32(0.01)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(("op", "at_most"), [("add", 1.3), ("multiply", 1.3), ("divide", 2.0)])
def test_two_float_arrays(ratio, op: str, at_most: float, fmt: str) -> None:
    x, y = nf.array(_values(fmt), fmt), nf.array(_values(fmt)[::-1], fmt)
    u, v = np.asarray(x).copy(), np.asarray(y).copy()
    f = getattr(np, op)
    ratio(lambda: f(x, y), lambda: f(u, v), at_most)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(("op", "at_most"), [("sqrt", 2.0), ("exp", 8.0), ("log", 8.0), ("tanh", 8.0), ("sin", 8.0)])
def test_one_float_array(ratio, op: str, at_most: float, fmt: str) -> None:
    x = nf.array(_values(fmt), fmt)
    u, f = np.asarray(x).copy(), getattr(np, op)
    ratio(lambda: f(x), lambda: f(u), at_most)


@pytest.mark.parametrize("mode", ["nearest_even", "toward_negative"])
@pytest.mark.parametrize(("op", "at_most"), [("add", 3.0), ("multiply", 3.0), ("divide", 3.0)])
def test_any_float32_values(ratio, op: str, at_most: float, mode: str) -> None:
    x, y = _values("float32"), _values("float32")[::-1].copy()
    f, native = getattr(nf, op), getattr(np, op)
    ratio(lambda: f(x, y, "float16", mode), lambda: native(x, y), at_most)


@pytest.mark.parametrize("fmt", ["float16", "float32"])
@pytest.mark.parametrize(("op", "at_most"), [("exp", 8.0), ("log", 8.0), ("tanh", 12.0)])
def test_functions_of_any_float32_values(ratio, op: str, at_most: float, fmt: str) -> None:
    x = _values("float32")
    f, native = getattr(nf, op), getattr(np, op)
    ratio(lambda: f(x, fmt), lambda: native(x), at_most)


@pytest.mark.parametrize("fmt", ["float16", "float32"])
def test_hypot(ratio, fmt: str) -> None:
    x, y = _values("float32"), _values("float32")[::-1].copy()
    ratio(lambda: nf.hypot(x, y, fmt), lambda: np.hypot(x, y), 10.0)


@pytest.mark.parametrize("fmt", ["float16", "float32"])
def test_fused(ratio, fmt: str) -> None:
    x, y = _values("float32"), _values("float32")[::-1].copy()
    ratio(lambda: nf.fma(x, y, x, fmt), lambda: x * y + x, 8.0)


@pytest.mark.parametrize(("op", "at_most"), [("add", 8.0), ("multiply", 8.0), ("divide", 8.0)])
def test_directed_modes_of_float32(ratio, op: str, at_most: float) -> None:
    x, y = _values("float32"), _values("float32")[::-1].copy()
    f, native = getattr(nf, op), getattr(np, op)
    ratio(lambda: f(x, y, "float32", "toward_positive"), lambda: native(x, y), at_most)


def test_plain_rule(ratio) -> None:
    """What a stochastic sum costs: the plain rule, one element at a time."""
    x = _values("float32")[: 1 << 18]
    ratio(lambda: nf.add(x, x, "float16", "stochastic", seed=0), lambda: np.add(x, x), 1000.0)
