"""Every number of short formats through every elementary function, every deterministic mode, against MPFR at 320 bits.

The suite takes 8-bit formats and strides of float16, bfloat16 and tfloat32; ``bench/exhaustive.py functions`` takes
every number.
"""

from __future__ import annotations

import numpy as np
import pytest
from every_mode import FAMILIES
from mpfr_oracle import BINARY, UNARY, rounded_to_odd

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.testing.grid import Grid, prepare, round_grid
from nfloat.testing.sweep import differs

DETERMINISTIC = [m for m in Rounding if not m.is_stochastic]
SHORT = [
    "float8_e5m2",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "binary8p4se",
    "binary8p1uf",
    "float8_e8m0fnu",
    "float4_e2m1fn",
    "int8",
]


def _numbers(fmt: nf.Format, stride: int = 1) -> np.ndarray:
    x = np.asarray(nf.decode(np.arange(0, 2**fmt.bits, stride), fmt))
    return x[np.isfinite(x)]


def _defined(name: str, x: np.ndarray) -> np.ndarray:
    """Where the function is defined and has no pole."""
    inside = {
        "log": x > 0,
        "log2": x > 0,
        "log10": x > 0,
        "log1p": x > -1,
        "arcsin": np.abs(x) <= 1,
        "arccos": np.abs(x) <= 1,
    }
    return x[inside.get(name, np.ones(x.shape, bool))]


def _check(name: str, x: np.ndarray, fmt: nf.Format, modes: list[Rounding] = DETERMINISTIC) -> None:
    z = rounded_to_odd(name, x)
    grid = Grid(fmt)
    n = prepare(z, grid)
    for mode in modes:
        wanted, got = round_grid(z, n, fmt, mode, None), getattr(nf, name)(x, fmt, mode)
        bad = np.flatnonzero(differs(got, wanted))
        assert bad.size == 0, (
            f"{name} {mode} {fmt.name}: {bad.size} of {x.size}, at {x[bad[:3]]}: {got[bad[:3]]}, MPFR {wanted[bad[:3]]}"
        )


@pytest.mark.sampled(30)
@pytest.mark.parametrize("fmt", SHORT)
@pytest.mark.parametrize("name", UNARY)
def test_all_numbers_of_short_formats(name: str, fmt: str) -> None:
    f = nf.get_format(fmt)
    _check(name, _defined(name, _numbers(f)), f)


@pytest.mark.parametrize("name", UNARY)
def test_float16(name: str, whole: bool) -> None:
    _check(name, _defined(name, _numbers(nf.float16, 3 if whole else 13)), nf.float16)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("fmt", ["bfloat16", "tfloat32"])
@pytest.mark.parametrize("name", UNARY)
def test_formats_with_a_wide_exponent(name: str, fmt: str) -> None:
    f = nf.get_format(fmt)
    _check(name, _defined(name, _numbers(f, 5 if f.bits == 16 else 101)), f)


@pytest.mark.parametrize("name", UNARY)
def test_random_float32_numbers(name: str) -> None:
    rng = np.random.default_rng(17)
    x = np.concatenate(
        [
            rng.standard_normal(1500),
            np.ldexp(rng.uniform(1, 2, 1500), rng.integers(-30, 7, 1500)),
            rng.uniform(-1, 1, 500),
        ]
    )
    _check(
        name,
        _defined(name, x.astype(np.float32)),
        nf.float32,
        [mode for mode in FAMILIES if not mode.is_stochastic],
    )


@pytest.mark.parametrize("fmt", ["float8_e4m3fn", "binary8p3se", "float6_e3m2fn"])
@pytest.mark.parametrize("name", BINARY)
def test_pairs_of_short_formats(name: str, fmt: str) -> None:
    f = nf.get_format(fmt)
    x = _numbers(f)
    x, y = (v.reshape(-1) for v in np.meshgrid(x, x))
    keep = (x != 0) & (y != 0) & ((x > 0) | (y == np.floor(y)) | (name == "arctan2"))
    x, y = x[keep][::7], y[keep][::7]
    z = rounded_to_odd(name, x, y)
    n = prepare(z, Grid(f))
    for mode in DETERMINISTIC:
        wanted, got = round_grid(z, n, f, mode, None), getattr(nf, name)(x, y, f, mode)
        bad = np.flatnonzero(differs(got, wanted))
        assert bad.size == 0, (
            f"{name} {mode}: {bad.size}, at {x[bad[:3]]}, {y[bad[:3]]}: {got[bad[:3]]}, MPFR {wanted[bad[:3]]}"
        )


@pytest.mark.parametrize("name", UNARY)
def test_arrays_of_the_format_take_their_results_from_a_table_that_agrees(name: str) -> None:
    ufunc = getattr(np, name, None)
    if ufunc is None:
        from nfloat.ops.rounder import rounder
        from nfloat.ops.tables import evaluate_members

        how = rounder("float16", "nearest_even", None, None)
        x = np.tile(nf.decode(np.arange(2**16), "float16"), 2)
        got = evaluate_members(name, (x,), x.size, how, 0)
    else:
        x = np.tile(nf.decode(np.arange(2**16), "float16"), 2)
        with np.errstate(invalid="ignore"):
            got = np.asarray(ufunc(nf.array(x, "float16")))
    assert not differs(got, getattr(nf, name)(x, "float16")).any()
