"""Special values of arithmetic, a table: IEEE 754-2019 clauses 6, 7 and 9.2, P3109 v4.0 where zero has no sign."""

from __future__ import annotations

import math

import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf

INF, NAN = math.inf, math.nan

IEEE = [
    # operation, operands, nearest_even, toward_negative (None: the same)
    ("add", (INF, -INF), NAN, None),
    ("add", (INF, 1.0), INF, None),
    ("add", (NAN, INF), NAN, None),
    ("add", (1.0, -1.0), 0.0, -0.0),
    ("add", (0.0, -0.0), 0.0, -0.0),
    ("add", (-0.0, -0.0), -0.0, None),
    ("subtract", (-0.0, 0.0), -0.0, None),
    ("subtract", (2.0, 2.0), 0.0, -0.0),
    ("subtract", (INF, INF), NAN, None),
    ("multiply", (0.0, INF), NAN, None),
    ("multiply", (-0.0, 3.0), -0.0, None),
    ("multiply", (-INF, 2.0), -INF, None),
    ("multiply", (NAN, 0.0), NAN, None),
    ("divide", (1.0, 0.0), INF, None),
    ("divide", (1.0, -0.0), -INF, None),
    ("divide", (-1.0, 0.0), -INF, None),
    ("divide", (0.0, 0.0), NAN, None),
    ("divide", (INF, INF), NAN, None),
    ("divide", (-3.0, INF), -0.0, None),
    ("divide", (INF, 0.0), INF, None),
    ("add", (-0.0, 0.0), 0.0, -0.0),
    ("subtract", (0.0, 0.0), 0.0, -0.0),
    ("subtract", (-0.0, -0.0), 0.0, -0.0),
    ("subtract", (0.0, -0.0), 0.0, None),
    ("subtract", (INF, -INF), INF, None),
    ("multiply", (-INF, 0.0), NAN, None),
    ("multiply", (-INF, -INF), INF, None),
    ("multiply", (-0.0, -0.0), 0.0, None),
    ("divide", (-0.0, 5.0), -0.0, None),
    ("divide", (-0.0, -0.0), NAN, None),
    ("divide", (-INF, -0.0), INF, None),
    ("divide", (0.0, NAN), NAN, None),
    ("fma", (INF, 0.0, NAN), NAN, None),
    ("fma", (0.0, INF, NAN), NAN, None),
    ("fma", (0.0, -INF, INF), NAN, None),
    ("fma", (INF, 0.0, 1.0), NAN, None),
    ("fma", (-INF, 1.0, INF), NAN, None),
    ("fma", (INF, 2.0, INF), INF, None),
    ("fma", (1.0, 1.0, NAN), NAN, None),
    ("fma", (0.0, 5.0, 0.0), 0.0, None),
    ("fma", (0.0, -5.0, 0.0), 0.0, -0.0),
    ("fma", (0.0, -5.0, 1.5), 1.5, None),
    ("fma", (INF, 1.0, -INF), NAN, None),
    ("fma", (2.0, 3.0, -6.0), 0.0, -0.0),
    ("fma", (-0.0, 3.0, -0.0), -0.0, None),
    ("fma", (-0.0, 3.0, 0.0), 0.0, -0.0),
    ("fma", (2.0, 3.0, INF), INF, None),
    ("sqrt", (-0.0,), -0.0, None),
    ("sqrt", (-1.0,), NAN, None),
    ("sqrt", (INF,), INF, None),
    ("sqrt", (-INF,), NAN, None),
    ("sqrt", (0.0,), 0.0, None),
    ("sqrt", (NAN,), NAN, None),
    ("reciprocal", (0.0,), INF, None),
    ("reciprocal", (NAN,), NAN, None),
    ("reciprocal", (-0.0,), -INF, None),
    ("reciprocal", (-INF,), -0.0, None),
    ("rsqrt", (0.0,), INF, None),
    ("rsqrt", (-0.0,), -INF, None),
    ("rsqrt", (INF,), 0.0, None),
    ("rsqrt", (-1.0,), NAN, None),
    ("hypot", (INF, NAN), INF, None),
    ("hypot", (NAN, 1.0), NAN, None),
    ("hypot", (-0.0, -0.0), 0.0, None),
    ("hypot", (-INF, 1.0), INF, None),
    ("remainder", (1.0, 0.0), NAN, None),
    ("remainder", (INF, 1.0), NAN, None),
    ("remainder", (-1.0, INF), INF, None),
    ("remainder", (1.0, INF), 1.0, None),
    ("remainder", (-4.0, 2.0), 0.0, None),
    ("remainder", (4.0, -2.0), -0.0, None),
    ("fmod", (-4.0, 2.0), -0.0, None),
    ("fmod", (-1.0, INF), -1.0, None),
    ("remainder", (0.0, -3.0), -0.0, None),
    ("remainder", (-0.0, 3.0), 0.0, None),
    ("remainder", (NAN, 1.0), NAN, None),
    ("remainder", (1.0, -INF), -INF, None),
    ("fmod", (5.0, 0.0), NAN, None),
    ("fmod", (-0.0, 3.0), -0.0, None),
    ("fmod", (INF, 2.0), NAN, None),
    ("ieee_remainder", (INF, 2.0), NAN, None),
    ("ieee_remainder", (1.0, 0.0), NAN, None),
    ("ieee_remainder", (-3.0, INF), -3.0, None),
    ("ieee_remainder", (-0.0, 2.0), -0.0, None),
    ("ieee_remainder", (5.0, 2.0), 1.0, None),
    ("ieee_remainder", (3.0, 2.0), -1.0, None),
    ("ieee_remainder", (1.0, 2.0), 1.0, None),
    ("ieee_remainder", (-4.0, 2.0), -0.0, None),
]

P3109 = [
    ("divide", (1.0, 0.0), NAN),
    ("divide", (0.0, 0.0), NAN),
    ("divide", (INF, 0.0), NAN),
    ("divide", (1.0, INF), 0.0),
    ("divide", (INF, -2.0), -INF),
    ("reciprocal", (0.0,), NAN),
    ("reciprocal", (-0.0,), NAN),
    ("reciprocal", (INF,), 0.0),
    ("reciprocal", (-INF,), 0.0),
    ("rsqrt", (0.0,), NAN),
    ("hypot", (INF, NAN), NAN),
    ("hypot", (-INF, 2.0), INF),
    ("multiply", (-1.0, 0.0), 0.0),
    ("multiply", (0.0, INF), NAN),
    ("add", (1.0, -1.0), 0.0),
    ("subtract", (INF, INF), NAN),
    ("sqrt", (-1.0,), NAN),
    ("fma", (INF, 0.0, NAN), NAN),
    ("add", (224.0, 224.0), INF),
    ("add", (INF, -INF), NAN),
    ("add", (-0.0, -0.0), 0.0),
    ("multiply", (INF, -1.0), -INF),
    ("multiply", (-0.0, 5.0), 0.0),
    ("divide", (-1.0, 0.0), NAN),
    ("divide", (NAN, 0.0), NAN),
    ("divide", (INF, INF), NAN),
    ("divide", (0.0, -INF), 0.0),
    ("fma", (INF, 1.0, -INF), NAN),
    ("fma", (2.0, 3.0, -6.0), 0.0),
    ("fma", (0.0, -1.0, 0.0), 0.0),
    ("sqrt", (INF,), INF),
    ("sqrt", (-0.0,), 0.0),
    ("rsqrt", (INF,), 0.0),
    ("rsqrt", (-0.0,), NAN),
    ("rsqrt", (-1.0,), NAN),
    ("hypot", (NAN, INF), NAN),
    ("log", (0.0,), -INF),
    ("log", (-1.0,), NAN),
    ("exp", (-INF,), 0.0),
    ("exp2", (INF,), INF),
]
#: a rounded result beyond the range, and one below it, in every mode: float16's largest number is 65504, its least
#: 2^-24
DIRECTED = [
    # operation, operands; nearest_even, nearest_away, nearest_zero, toward_zero, toward_positive, toward_negative,
    # to_odd
    ("add", (65504.0, 32.0), (INF, INF, INF, 65504.0, INF, 65504.0, 65504.0)),
    ("add", (65504.0, 16.0), (INF, INF, 65504.0, 65504.0, INF, 65504.0, 65504.0)),
    ("add", (65504.0, 15.0), (65504.0, 65504.0, 65504.0, 65504.0, INF, 65504.0, 65504.0)),
    ("multiply", (-60000.0, 2.0), (-INF, -INF, -INF, -65504.0, -65504.0, -INF, -65504.0)),
    ("fma", (300.0, 300.0, -1.0), (INF, INF, INF, 65504.0, INF, 65504.0, 65504.0)),
    ("divide", (1.0, 0.0), (INF,) * 7),
    ("add", (INF, -1.0), (INF,) * 7),
    ("multiply", (2.0**-24, 0.5), (0.0, 2.0**-24, 0.0, 0.0, 2.0**-24, 0.0, 2.0**-24)),
    ("multiply", (-(2.0**-24), 0.5), (-0.0, -(2.0**-24), -0.0, -0.0, -0.0, -(2.0**-24), -(2.0**-24))),
    ("divide", (2.0**-24, -3.0), (-0.0, -0.0, -0.0, -0.0, -0.0, -(2.0**-24), -(2.0**-24))),
    ("subtract", (1.0, 2.0**-40), (1.0, 1.0, 1.0, 1 - 2.0**-11, 1.0, 1 - 2.0**-11, 1 - 2.0**-11)),
]
#: the columns of the table above
MODES = ["nearest_even", "nearest_away", "nearest_zero", "toward_zero", "toward_positive", "toward_negative", "to_odd"]
#: formats that lack something: what a division by zero, an overflow and a negative result become
LACKING = [
    # format, 1/0, max + max, 1 - 2, 0/0
    ("float8_e4m3fn", NAN, NAN, -1.0, NAN),
    ("float8_e4m3fnuz", NAN, NAN, -1.0, NAN),
    ("float8_e5m2fnuz", NAN, NAN, -1.0, NAN),
    ("float6_e3m2fn", 28.0, 28.0, -1.0, NAN),
    ("float4_e2m1fn", 6.0, 6.0, -1.0, NAN),
    ("int8", 127.0, 127.0, -1.0, NAN),
    ("float8_e8m0fnu", NAN, NAN, NAN, NAN),
    ("binary8p4se", NAN, INF, -1.0, NAN),
    ("binary8p4sf", NAN, 240.0, -1.0, NAN),
    ("binary8p4ue", NAN, INF, NAN, NAN),
    ("binary8p4uf", NAN, None, NAN, NAN),
]


def _same(got: float, wanted: float) -> bool:
    return (math.isnan(got) and math.isnan(wanted)) or (
        got == wanted and math.copysign(1, got) == math.copysign(1, wanted)
    )


@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "float8_e5m2", "float32", "float64", "e11m20"])
def test_ieee(fmt: str) -> None:
    for name, operands, nearest, downward in IEEE:
        for mode, wanted in (("nearest_even", nearest), ("toward_negative", nearest if downward is None else downward)):
            got = float(getattr(nf, name)(*operands, fmt, mode))
            assert _same(got, wanted), f"{name}{operands} {mode} in {fmt}: {got}, not {wanted}"
            # in lanes of both widths, and as numbers of the format
            for dtype in (np.float32, np.float64):
                arrays = [np.full(67, v, dtype) for v in operands]
                many = getattr(nf, name)(*arrays, fmt, mode)
                assert all(_same(float(v), wanted) for v in many), (
                    f"{name}{operands} {mode} in {fmt}, array: {many[0]}, not {wanted}"
                )


@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "float8_e5m2"])
def test_ieee_in_float_arrays(fmt: str) -> None:
    for name, operands, wanted, _ in IEEE:
        if not hasattr(np, name):
            name = {"fma": "multiply", "rsqrt": "sqrt", "ieee_remainder": "remainder"}[name]
            wanted = float(getattr(nf, name)(*operands[: 1 if name == "sqrt" else 2], fmt))
        arrays = [nf.array(np.full(40, v), fmt) for v in operands[: getattr(np, name).nin]]
        got = np.asarray(getattr(np, name)(*arrays))
        assert all(_same(float(v), wanted) for v in got), f"np.{name}{operands} in {fmt}: {got[0]}, not {wanted}"


@in_one_test("case", P3109)
def test_p3109(case: tuple) -> None:
    name, operands, wanted = case
    assert _same(float(getattr(nf, name)(*operands, "binary8p4se")), wanted)
    many = getattr(nf, name)(*(np.full(40, v, np.float32) for v in operands), "binary8p4se")
    assert all(_same(float(v), wanted) for v in many)


@pytest.mark.parametrize("case", DIRECTED, ids=lambda c: f"{c[0]}{c[1]}")
def test_both_ends_of_the_range_in_every_mode(case: tuple) -> None:
    name, operands, results = case
    for mode, wanted in zip(MODES, results, strict=True):
        assert _same(float(getattr(nf, name)(*operands, "float16", mode)), wanted), mode
        for dtype in (np.float32, np.float64):
            many = getattr(nf, name)(*(np.full(50, v, dtype) for v in operands), "float16", mode)
            assert all(_same(float(v), wanted) for v in many), mode


@pytest.mark.parametrize("case", LACKING, ids=lambda c: c[0])
def test_formats_that_lack_something(case: tuple) -> None:
    name, by_zero, beyond, below, nothing = case
    largest = nf.get_format(name).max
    for n in (1, 50):
        zero, one, two, top = (np.full(n, v, np.float32) for v in (0.0, 1.0, 2.0, largest))
        assert _same(float(nf.divide(one, zero, name)[0]), by_zero)
        assert _same(float(nf.add(top, top, name)[0]), largest if beyond is None else beyond)
        assert _same(float(nf.subtract(one, two, name)[0]), below)
        assert _same(float(nf.divide(zero, zero, name)[0]), nothing)


def test_infinite_results_follow_the_overflow_policy() -> None:
    assert nf.divide(1.0, 0.0, "float8_e4m3fn") != nf.divide(1.0, 0.0, "float8_e4m3fn")  # no infinity, so NaN
    assert nf.divide(-1.0, 0.0, "float8_e4m3fn", overflow="saturate") == -448.0
    assert nf.divide(1.0, 0.0, "float16", overflow="saturate_finite") == INF
    assert nf.divide(1.0, 0.0, "int8") == 127.0
    assert nf.log(0.0, "float16", "toward_zero") == -INF  # an infinite value is no overflow (7.4 does not apply)
    assert nf.add(60000.0, 60000.0, "float16", "toward_zero") == 65504.0
    assert nf.multiply(1e200, 1e200, "float64", "toward_zero") == np.finfo(float).max
    assert nf.fma(1e200, 1e200, -INF, "float64") == -INF


def test_operands_below_the_smallest_normal_number_count_as_zero_where_inputs_are_flushed() -> None:
    daz = nf.float16.replace(name="daz", subnormals="flush_input")
    tiny = 2.0**-20
    assert nf.multiply(tiny, 2.0**10, daz) == 0.0
    assert nf.divide(1.0, tiny, daz) == INF
    assert nf.fma(np.float32(tiny), np.float32(1), np.float32(1), daz, "toward_positive") == 1.0
    assert nf.multiply(2.0**-14, 0.5, daz) == 2.0**-15  # a result is no input
    assert math.copysign(1, nf.exp(-tiny, daz)) == 1.0
    assert nf.exp(-tiny, daz, "toward_negative") == 1.0
