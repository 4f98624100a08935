"""float32 and float64 arithmetic against MPFR, on hard cases: plain rule, lanes and the hardware's operations."""

from __future__ import annotations

import math

import gmpy2
import numpy as np
import pytest
from mpfr_oracle import as_float64

import nfloat as nf

FLOAT64 = {"precision": 53, "emin": -1022, "emax": 1023}
FLOAT32 = {"precision": 24, "emin": -126, "emax": 127}
MODES = {
    "nearest_even": gmpy2.RoundToNearest,
    "toward_zero": gmpy2.RoundToZero,
    "toward_positive": gmpy2.RoundUp,
    "toward_negative": gmpy2.RoundDown,
}
MPFR = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "sqrt": gmpy2.sqrt,
    "reciprocal": lambda x: 1 / x,
    "rsqrt": gmpy2.rec_sqrt,
    "hypot": gmpy2.hypot,
    "fma": gmpy2.fma,
}
ARITY = dict.fromkeys(MPFR, 2) | {"sqrt": 1, "reciprocal": 1, "rsqrt": 1, "fma": 3}
COUNT = 6000


def _hard(rng: np.random.Generator, single: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Operands over the whole range, near cancellation (fma's by an ulp), around underflow, and of few bits (ties)."""
    n, top = COUNT // 4, 120 if single else 1000
    x = np.ldexp(
        1 + rng.random(4 * n),
        np.concatenate(
            [
                rng.integers(-top, top, n),
                rng.integers(-40, 40, n),
                rng.integers(-top // 2 - 60, -top // 2 + 20, n),
                rng.integers(-9, 9, n),
            ]
        ),
    )
    y = np.ldexp(
        1 + rng.random(4 * n),
        np.concatenate(
            [
                rng.integers(-top, top, n),
                rng.integers(-40, 40, n),
                rng.integers(-top // 2 - 60, -top // 2 + 20, n),
                rng.integers(-9, 9, n),
            ]
        ),
    )
    y[n : n + n // 2] = -x[n : n + n // 2] * (1 + rng.integers(-3, 4, n // 2) * 2.0 ** (-23 if single else -52))
    few = slice(3 * n, 4 * n)
    x[few], y[few] = np.round(x[few] * 2.0**12) / 2.0**12, np.round(y[few] * 2.0**14) / 2.0**14
    x, y = x * rng.choice([-1.0, 1.0], 4 * n), y * rng.choice([-1.0, 1.0], 4 * n)
    if single:
        with np.errstate(over="ignore"):
            x, y = (v.astype(np.float32).astype(np.float64) for v in (x, y))
    with np.errstate(all="ignore"):
        z = -x * y
        z[::3] = rng.permutation(x)[::3]
        z = z.astype(np.float32).astype(np.float64) if single else z
    keep = np.isfinite(z)
    return x[keep], y[keep], z[keep]


def _equal(got: np.ndarray, wanted: np.ndarray, what: str) -> None:
    same = (got == wanted) & (np.signbit(got) == np.signbit(wanted)) | (np.isnan(got) & np.isnan(wanted))
    assert same.all(), f"{what}: {np.flatnonzero(~same)[:5]} of {same.size}: {got[~same][:3]}, MPFR {wanted[~same][:3]}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", MPFR)
def test_float64_equals_mpfr(name: str, mode: str) -> None:
    operands = _hard(np.random.default_rng(5), single=False)[: ARITY[name]]
    operands = tuple(np.abs(o) for o in operands) if name in ("sqrt", "rsqrt") else operands
    wanted = as_float64(MPFR[name], *operands, **FLOAT64, rounding=MODES[mode])
    _equal(getattr(nf, name)(*operands, "float64", mode), wanted, name)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", MPFR)
def test_float32_equals_mpfr_from_both_carriers(name: str, mode: str) -> None:
    operands = _hard(np.random.default_rng(6), single=True)[: ARITY[name]]
    operands = tuple(np.abs(o) for o in operands) if name in ("sqrt", "rsqrt") else operands
    wanted = as_float64(MPFR[name], *operands, **FLOAT32, rounding=MODES[mode])
    _equal(getattr(nf, name)(*operands, "float32", mode), wanted, name)
    narrow = getattr(nf, name)(*(o.astype(np.float32) for o in operands), "float32", mode)
    assert narrow.dtype == np.float32
    _equal(narrow.astype(np.float64), wanted, name)


@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "e8m20", "e11m40"])
@pytest.mark.parametrize("name", MPFR)
def test_operands_that_the_format_does_not_hold_are_not_rounded_first(name: str, fmt: str) -> None:
    f = nf.get_format(fmt)
    rng = np.random.default_rng(7)
    operands = tuple(np.ldexp(1 + rng.random(1500), rng.integers(-12, 12, 1500)) for _ in range(ARITY[name]))
    if name == "add":  # ties of the format, decided by the last bits of a float64 operand
        operands = (
            nf.round(operands[0], fmt),
            operands[0] * 0 + 2.0**-40 + np.spacing(operands[0]) * 2.0 ** (52 - f.precision),
        )
    for mode, rounding in MODES.items():
        wanted = as_float64(MPFR[name], *operands, precision=f.precision, emin=f.emin, emax=f.emax, rounding=rounding)
        _equal(getattr(nf, name)(*operands, fmt, mode), wanted, f"{name} {mode}")


def test_remainders_are_exact_then_rounded_once() -> None:
    x, y, _ = _hard(np.random.default_rng(8), single=False)
    with np.errstate(all="ignore"):
        _equal(nf.fmod(x, y, "float64"), np.fmod(x, y), "fmod")
        _equal(nf.remainder(x, y, "float64"), np.remainder(x, y), "remainder")
        _equal(nf.fmod(x, y, "float16", "to_odd"), nf.round(np.fmod(x, y), "float16", "to_odd"), "fmod")
    _equal(
        nf.ieee_remainder(x, y, "float64"),
        np.array([math.remainder(a, b) for a, b in zip(x, y, strict=True)]),
        "ieee_remainder",
    )
    assert (
        nf.remainder(-(2.0**-80), 1.0, "float64", "toward_zero") == 1 - 2.0**-53
    )  # not a float64 number before it is rounded
