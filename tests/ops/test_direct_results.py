"""The short way from a call to a kernel gives the bits of the long one, for every size, mode and special value."""

import itertools

import numpy as np
import pytest

import nfloat as nf
from nfloat.kernels.arithmetic.operations import Operation
from nfloat.ops import direct_results
from nfloat.ops.compute import PIECE, compute
from nfloat.ops.evaluate import evaluate
from nfloat.ops.operands import rounded_once
from nfloat.ops.rounder import rounder

RNG = np.random.default_rng(18)
FORMATS = [
    "float16",
    "bfloat16",
    "float8_e4m3fn",
    "float8_e5m2fnuz",
    "binary8p3se",
    "float32",
    "e8m20",
    "e11m30",
    "fixed16.8",
]
MODES = ["nearest_even", "nearest_away", "toward_zero", "toward_positive", "toward_negative", "to_odd"]
OPERATIONS = [Operation.ADD, Operation.SUBTRACT, Operation.MULTIPLY, Operation.DIVIDE]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 65504.0, 448.0, 2.0**-24, 2.0**-149, 1e38]


def operands(size, dtype, shape=None):
    pair = RNG.standard_normal((2, size)) * 2.0 ** RNG.integers(-12, 12, (2, size))
    pair[RNG.random((2, size)) < 0.15] = RNG.choice(SPECIAL)
    return [x.astype(dtype).reshape(shape or (size,)) for x in pair]


def same(x, y):
    assert type(x) is type(y) and x.dtype == y.dtype and x.shape == y.shape
    assert np.array_equal(x, y, equal_nan=True) and np.array_equal(np.signbit(x[x == x]), np.signbit(y[y == y]))


@pytest.mark.parametrize(("fmt", "dtype"), list(itertools.product(FORMATS, (np.float32, np.float64))), ids=str)
def test_operations(fmt, dtype):
    for op, mode in itertools.product(OPERATIONS, MODES):
        function = getattr(nf, op.name.lower())
        for size, shape in ((0, None), (1, None), (7, None), (16, None), (33, None), (12, (3, 4))):
            x, y = operands(size, dtype, shape)
            long_way = rounded_once(compute, op, (("x", x), ("y", y)), fmt, mode, None, None, None)
            same(function(x, y, fmt, mode), long_way)


@pytest.mark.parametrize("mode", MODES)
def test_it_is_taken(mode):
    x, y = RNG.uniform(1, 2, (2, 10)).astype(np.float32)
    for op in OPERATIONS:
        assert direct_results.direct_result(op, x, y, "float16", mode, None) is not None
        assert direct_results.direct_result(op, 1.5, 1.25, "bfloat16", mode, None) is not None
    assert direct_results.direct_function("exp", x, "float16", mode, None) is not None
    how = rounder("float16", "nearest_even", None, None)
    assert direct_results.direct_members(Operation.ADD, nf.round(x, "float16"), nf.round(y, "float16"), how) is not None


def test_numbers():
    for x, y in itertools.product([0.1, -0.0, 0.0, np.inf, np.nan, 1e300, 3.0], repeat=2):
        with np.errstate(all="ignore"):
            for fmt, op in itertools.product(("float16", "float64", "e5m7"), OPERATIONS):
                found = getattr(nf, op.name.lower())(float(x), float(y), fmt)
                wanted = rounded_once(
                    compute, op, (("x", float(x)), ("y", float(y))), fmt, "nearest_even", None, None, None
                )
                assert type(found) is np.float64 and (found == wanted or (found != found and wanted != wanted))
                assert found != found or np.signbit(found) == np.signbit(wanted)


@pytest.mark.parametrize("fmt", FORMATS)
def test_members_and_numbers_beside_them(fmt):
    for size in (1, 5, 16, 40):
        x, y = (nf.array(z, fmt) for z in operands(size, np.float64))
        for op in OPERATIONS:
            ufunc = getattr(np, op.name.lower())
            same(
                ufunc(x, y).values,
                rounded_once(compute, op, (("x", x), ("y", y)), fmt, "nearest_even", None, None, None),
            )
            number = nf.array(0.3, fmt)
            assert np.array_equal(ufunc(x, 0.3).values, ufunc(x, number).values, equal_nan=True)
            assert np.array_equal(ufunc(0.3, x).values, ufunc(number, x).values, equal_nan=True)
    grid = nf.array(np.ones((3, 5)), fmt)
    assert (grid + grid).shape == (3, 5)


@pytest.mark.parametrize("fmt", ["float16", "bfloat16", "float8_e4m3fnuz"])
@pytest.mark.parametrize("left_over", [0, 5])
def test_large_arrays_of_members(fmt, left_over):
    size = PIECE + 32 + left_over
    numbers = RNG.standard_normal((2, size)) * 2.0 ** RNG.integers(-12, 12, (2, size))
    for place in RNG.integers(0, size, 40):
        numbers[:, place] = RNG.choice(SPECIAL, 2)
    numbers[:, :3] = numbers[:, -1:] = 2.0**-100  # products of bfloat16 that kernels hand back, at either end
    x, y = nf.round(numbers.astype(np.float32), fmt)
    pieces = [slice(i, min(i + 1000, size)) for i in range(0, size, 1000)]
    for op in OPERATIONS:
        found = direct_results.direct_members(op, x, y, rounder(fmt, "nearest_even", None, None))
        ufunc = getattr(np, op.name.lower())
        same(found, np.concatenate([ufunc(nf.array(x[at], fmt), nf.array(y[at], fmt)).values for at in pieces]))


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sin", "exp2", "log1p"])
def test_functions(name):
    for fmt, mode in itertools.product(FORMATS[:5], MODES):
        how = rounder(fmt, mode, None, None)
        for size in (1, 10, 16, 37):
            x = np.abs(operands(size, np.float32)[0])
            same(getattr(nf, name)(x, fmt, mode), evaluate(name, (x,), size, how, 0))


def test_arguments_are_looked_at_all_the_same():
    x = np.ones(3, np.float32)
    for call in (
        lambda: nf.add(x, x, "float17"), lambda: nf.add(x, x, "float16", "nearest"), lambda: nf.exp(x, ["float16"]),
        lambda: nf.add(x, x, "float16", overflow="no"), lambda: nf.add(x, x, "float16", "stochastic"),
        lambda: nf.add(x, x, ["float16"]), lambda: nf.add(x, np.ones(4, np.float32), "float16"),
    ):  # fmt: skip
        with pytest.raises(nf.NFloatError):
            call()
    assert not np.shares_memory(nf.add(x, x, "float16"), x)
