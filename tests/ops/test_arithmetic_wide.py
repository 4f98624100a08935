"""float32 and float64 arithmetic against MPFR, on hard cases: plain rule, lanes and the hardware's operations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mpfr_oracle import ARITHMETIC, FLOAT32, FLOAT64, MODES, as_float64, hard_operands

import nfloat as nf

COUNT = 6000


def _equal(got: np.ndarray, wanted: np.ndarray, what: str) -> None:
    same = (got == wanted) & (np.signbit(got) == np.signbit(wanted)) | (np.isnan(got) & np.isnan(wanted))
    assert same.all(), f"{what}: {np.flatnonzero(~same)[:5]} of {same.size}: {got[~same][:3]}, MPFR {wanted[~same][:3]}"


def _hard(name: str, mode: str, seed: int, limits: dict) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Operands of an operation, and MPFR's results in a format of these limits."""
    arity, function = ARITHMETIC[name]
    operands = hard_operands(np.random.default_rng(seed), COUNT, single=limits is FLOAT32)[:arity]
    operands = tuple(np.abs(o) for o in operands) if name in ("sqrt", "rsqrt") else operands
    return operands, as_float64(function, *operands, **limits, rounding=MODES[mode])


@pytest.mark.sampled(12)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ARITHMETIC)
def test_float64_equals_mpfr(name: str, mode: str) -> None:
    operands, wanted = _hard(name, mode, 5, FLOAT64)
    _equal(getattr(nf, name)(*operands, "float64", mode), wanted, name)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ARITHMETIC)
def test_float32_equals_mpfr_from_both_carriers(name: str, mode: str) -> None:
    operands, wanted = _hard(name, mode, 6, FLOAT32)
    _equal(getattr(nf, name)(*operands, "float32", mode), wanted, name)
    narrow = getattr(nf, name)(*(o.astype(np.float32) for o in operands), "float32", mode)
    assert narrow.dtype == np.float32
    _equal(narrow.astype(np.float64), wanted, name)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "e8m20", "e11m40"])
@pytest.mark.parametrize("name", ARITHMETIC)
def test_operands_that_the_format_does_not_hold_are_not_rounded_first(name: str, fmt: str) -> None:
    f = nf.get_format(fmt)
    rng = np.random.default_rng(7)
    arity, function = ARITHMETIC[name]
    operands = tuple(np.ldexp(1 + rng.random(1500), rng.integers(-12, 12, 1500)) for _ in range(arity))
    if name == "add":  # ties of the format, decided by the last bits of a float64 operand
        operands = (
            nf.round(operands[0], fmt),
            operands[0] * 0 + 2.0**-40 + np.spacing(operands[0]) * 2.0 ** (52 - f.precision),
        )
    for mode, rounding in MODES.items():
        wanted = as_float64(function, *operands, precision=f.precision, emin=f.emin, emax=f.emax, rounding=rounding)
        _equal(getattr(nf, name)(*operands, fmt, mode), wanted, f"{name} {mode}")


def test_remainders_are_exact_then_rounded_once() -> None:
    x, y, _ = hard_operands(np.random.default_rng(8), COUNT, single=False)
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
