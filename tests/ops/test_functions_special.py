"""Special values of elementary functions, as a table; exact results; results beyond float64's range; named inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from every_mode import DETERMINISTIC

import nfloat as nf

INF, NAN = math.inf, math.nan

TABLE = [
    ("exp", (INF,), INF),
    ("exp", (-INF,), 0.0),
    ("exp", (-0.0,), 1.0),
    ("exp2", (-INF,), 0.0),
    ("expm1", (-0.0,), -0.0),
    ("expm1", (-INF,), -1.0),
    ("log", (0.0,), -INF),
    ("log", (-0.0,), -INF),
    ("log", (1.0,), 0.0),
    ("log", (-1.0,), NAN),
    ("log", (INF,), INF),
    ("log2", (0.0,), -INF),
    ("log10", (0.0,), -INF),
    ("log1p", (-1.0,), -INF),
    ("log1p", (-0.0,), -0.0),
    ("log1p", (-2.0,), NAN),
    ("sin", (INF,), NAN),
    ("sin", (-0.0,), -0.0),
    ("cos", (0.0,), 1.0),
    ("cos", (-INF,), NAN),
    ("tan", (-0.0,), -0.0),
    ("tan", (INF,), NAN),
    ("sinh", (-0.0,), -0.0),
    ("sinh", (-INF,), -INF),
    ("cosh", (-INF,), INF),
    ("cosh", (0.0,), 1.0),
    ("tanh", (-INF,), -1.0),
    ("tanh", (-0.0,), -0.0),
    ("arcsin", (-0.0,), -0.0),
    ("arcsin", (2.0,), NAN),
    ("arccos", (1.0,), 0.0),
    ("arccos", (-2.0,), NAN),
    ("arctan", (-0.0,), -0.0),
    ("erf", (INF,), 1.0),
    ("erf", (-0.0,), -0.0),
    ("sigmoid", (-INF,), 0.0),
    ("sigmoid", (INF,), 1.0),
    ("sigmoid", (0.0,), 0.5),
    ("softplus", (-INF,), 0.0),
    ("softplus", (INF,), INF),
    ("gelu", (-INF,), -0.0),
    ("gelu", (INF,), INF),
    ("gelu", (-0.0,), -0.0),
    ("power", (NAN, 0.0), 1.0),
    ("power", (1.0, NAN), 1.0),
    ("power", (0.0, -1.0), INF),
    ("power", (-0.0, -1.0), -INF),
    ("power", (-0.0, -2.0), INF),
    ("power", (-0.0, 3.0), -0.0),
    ("power", (-1.0, INF), 1.0),
    ("power", (-2.0, 0.5), NAN),
    ("power", (0.5, INF), 0.0),
    ("power", (-INF, 3.0), -INF),
    ("power", (INF, -2.0), 0.0),
    ("power", (2.0, -INF), 0.0),
    ("power", (-2.0, 3.0), -8.0),
    ("arctan2", (0.0, 1.0), 0.0),
    ("arctan2", (-0.0, 1.0), -0.0),
    ("arctan2", (0.0, 0.0), 0.0),
    ("arctan2", (-0.0, 0.0), -0.0),
    ("arctan2", (1.0, INF), 0.0),
    ("arctan2", (NAN, 1.0), NAN),
    ("arctan2", (1.0, NAN), NAN),
]
#: results that are multiples of pi / 4, in float16
ANGLES = [
    (("arctan", INF), 1.5703125),
    (("arctan", -INF), -1.5703125),
    (("arccos", 0.0), 1.5703125),
    (("arccos", -1.0), 3.140625),
    (("arctan2", 0.0, -0.0), 3.140625),
    (("arctan2", -0.0, -1.0), -3.140625),
    (("arctan2", 1.0, 0.0), 1.5703125),
    (("arctan2", -1.0, -0.0), -1.5703125),
    (("arctan2", INF, INF), 0.78515625),
    (("arctan2", INF, -INF), 2.35546875),
    (("arctan2", -INF, -INF), -2.35546875),
    (("arctan2", -2.0, -INF), -3.140625),
    (("arctan2", INF, 3.0), 1.5703125),
]


def _same(got: float, wanted: float) -> bool:
    return (math.isnan(got) and math.isnan(wanted)) or (
        got == wanted and math.copysign(1, got) == math.copysign(1, wanted)
    )


@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "float32", "float64"])
def test_special_values_are_exact_in_every_mode(fmt: str) -> None:
    for name, operands, wanted in TABLE:
        function, arrays = getattr(nf, name), [np.full(40, v, np.float32) for v in operands]
        assert _same(float(function(*operands, fmt, "stochastic", seed=1)), wanted), f"{name}{operands} {fmt}"
        for mode in DETERMINISTIC:
            assert _same(float(function(*operands, fmt, mode)), wanted), f"{name}{operands} {mode} {fmt}"
            assert all(_same(float(v), wanted) for v in function(*arrays, fmt, mode)), (
                f"{name}{operands} {mode} {fmt}, array"
            )


@pytest.mark.parametrize("case", ANGLES, ids=lambda c: str(c[0]))
def test_angles(case: tuple) -> None:
    (name, *operands), wanted = case
    assert getattr(nf, name)(*operands, "float16") == wanted


def test_where_zero_has_no_sign() -> None:
    assert nf.log(-0.0, "binary8p4se") == -INF
    assert nf.arctan2(-0.0, -1.0, "binary8p3se") == 3.0
    assert math.copysign(1, nf.sin(-0.0, "binary8p4se")) == 1.0


def test_named_inputs_that_other_tools_get_wrong() -> None:
    assert nf.exp(0.0226898193359375, "float16") == 1.0224609375
    assert nf.exp(np.float32(0.0226898193359375), "float16") == np.float32(1.0224609375)


@pytest.mark.parametrize("mode", DETERMINISTIC, ids=str)
def test_exact_results_in_every_mode(mode: str) -> None:
    assert nf.log2(2.0**-14, "float16", mode) == -14
    assert nf.exp2(-24.0, "float16", mode) == 2.0**-24
    assert nf.log10(1000.0, "bfloat16", mode) == 3
    assert nf.power(1.5, 3.0, "float8_e3m4", mode) == 3.375
    assert nf.power(2.25, 1.5, "float16", mode) == 3.375
    assert nf.power(-8.0, -3.0, "float16", mode) == -(2.0**-9)
    assert nf.power(4.0, 0.25, "float64", mode) == nf.sqrt(2.0, "float64", mode)


@pytest.mark.parametrize("mode", DETERMINISTIC, ids=str)
def test_first_powers_are_roundings(mode: str) -> None:
    x = np.random.default_rng(3).standard_normal(5000) * 1000
    for fmt in ("float16", "float32"):
        assert np.array_equal(nf.power(x, 1.0, fmt, mode), nf.round(x, fmt, mode))
        assert np.array_equal(nf.power(x.astype(np.float32), 1, fmt, mode), nf.round(x.astype(np.float32), fmt, mode))
    assert np.array_equal(
        nf.power(x, 1.0, "bfloat16", "stochastic", seed=4), nf.round(x, "bfloat16", "stochastic", seed=4)
    )


def test_results_beyond_float64_and_below_it() -> None:
    assert nf.exp(1000.0, "float16") == INF
    assert nf.exp(1000.0, "float64", "toward_zero") == np.finfo(float).max
    assert nf.exp(1e300, "float64") == INF
    assert nf.exp(-1e300, "float64", "toward_positive") == 5e-324
    assert nf.exp(-745.5, "float64") == 0.0
    assert nf.exp(-1000.0, "bfloat16", "toward_positive") == nf.bfloat16.smallest_subnormal
    assert nf.gelu(-1000.0, "bfloat16", "toward_negative") == -nf.bfloat16.smallest_subnormal
    assert nf.sigmoid(-1e30, "float64", "to_odd") == 5e-324
    assert nf.power(1e200, 1e200, "float8_e4m3fn", overflow="saturate") == 448
    assert nf.power(-1e200, 3.0, "float64", "toward_positive") == -np.finfo(float).max
    assert nf.arctan2(1e-300, 1e300, "float64", "toward_positive") == 5e-324


def test_results_that_touch_a_number_without_reaching_it() -> None:
    below, above = "toward_zero", "toward_positive"
    assert nf.tanh(30.0, "float16", below) == 1 - 2.0**-11
    assert nf.sigmoid(200.0, "float32", below) == 1 - 2.0**-24
    assert nf.erf(7.0, "float64", below) == 1 - 2.0**-53
    assert nf.cos(2.0**-60, "float16", below) == 1 - 2.0**-11
    assert nf.cosh(2.0**-60, "float16", above) == 1 + 2.0**-10
    assert nf.exp(-(2.0**-200), "float16", below) == 1 - 2.0**-11
    assert nf.exp(2.0**-1074, "float64", above) == 1 + 2.0**-52
    assert nf.softplus(300.0, "float16", above) == 300.25
    assert nf.expm1(-1000.0, "bfloat16", below) == -(1 - 2.0**-8)
    for name, side in (
        ("sin", below),
        ("tanh", below),
        ("arctan", below),
        ("tan", above),
        ("sinh", above),
        ("arcsin", above),
        ("log1p", below),
    ):
        x = 2.0**-40
        got = getattr(nf, name)(x, "bfloat16", side)
        assert got == (x - 2.0**-48 if side == below else x + 2.0**-47), name
    assert nf.gelu(2.0**-300, "float64", above) == 2.0**-301 * (1 + 2.0**-52)


def test_every_precision_is_rounded_correctly() -> None:
    import gmpy2

    with gmpy2.context(precision=53):
        assert nf.exp(0.1, "float64") == float(gmpy2.exp(gmpy2.mpfr(0.1)))
        assert nf.sin(1e22, "float64") == float(gmpy2.sin(gmpy2.mpfr(1e22)))
        assert nf.power(1.1, 33.3, "float64") == float(gmpy2.mpfr(1.1) ** gmpy2.mpfr(33.3))


@pytest.mark.parametrize("fmt", ["float64", "e11m45", "e6m40", "float32", "float16"])
def test_arctan2_is_told_the_sign_of_a_zero(fmt):
    """-0 and 0 are equal, so that what is kept for one argument must not be given for the other."""
    for _ in range(2):
        nf.testing.assert_bits_equal(nf.arctan2([0.0, -0.0], -1.0, fmt), nf.arctan2([5e-324, -5e-324], -1.0, fmt))
        assert nf.arctan2(-0.0, -1.0, fmt) == -nf.arctan2(0.0, -1.0, fmt) < 0
        nf.testing.assert_bits_equal(nf.arctan2([0.0, -0.0], 1.0, fmt), np.array([0.0, -0.0]))
