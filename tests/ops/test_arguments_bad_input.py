"""Whatever is given as an array, a format, a mode or a seed works, or raises an NFloatError that names the argument."""

import array
import decimal
import fractions
import re

import ml_dtypes
import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf


def _label(x):
    """A test id that is the same in every process: no memory addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(x))[:30]


SIGNALLING = np.array([0x7FF0000000000001], np.uint64).view(np.float64)
ELEMENTWISE = [nf.round, nf.encode]


@pytest.mark.parametrize(
    "x",
    [
        [1j], np.complex64([1]), "1.5", b"1.5", np.array(["1", "2"]), [1, "a"], None, [None], object(), {"a": 1}, {1.0},
        [[1], [1, 2]],
        np.array(["2020-01-01"], "M8[D]"), np.array([3], "m8[s]"), np.zeros(2, [("a", "f4")]),
        np.array([1, "a"], object), lambda: 1,
        fractions.Fraction(1, 3), decimal.Decimal("0.1"), [decimal.Decimal("0.1")],
        np.ma.array([1.0, 2.0], mask=[0, 1]), [np.array([1j])],
    ],
    ids=_label,
)  # fmt: skip
@in_one_test("function", ELEMENTWISE)
def test_what_is_not_real_numbers_is_refused_by_name(function, x):
    with pytest.raises(nf.ArgumentError, match="^x"):
        function(x, "float16")


@pytest.mark.parametrize(
    "x",
    [2**53 + 1, [2**53 + 1], [2**53 + 1, 0.5], [[0.5], [2**53 + 1]], (0.5, -(2**60) - 1), 2**70 + 1, [2**70 + 1],
     10**400, [10**400, 1.0],
     np.array([2**64 - 1], np.uint64), np.array([2**62 + 1]), np.array([2**70 + 1], object), [True, 2**53 + 1]],
    ids=_label,
)  # fmt: skip
def test_integers_that_float64_does_not_hold_are_refused(x):
    with pytest.raises(nf.ArgumentError, match="^x.*float64 value"):
        nf.round(x, "float64")


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (2**53, 2.0**53), ([2**70], [2.0**70]), ([2**63, -1], [2.0**63, -1.0]), (-(2**63), -(2.0**63)),
        ([2**53 + 2, 0.5], [2.0**53 + 2, 0.5]),
        (fractions.Fraction(1, 4), 0.25), (decimal.Decimal("0.5"), 0.5), ([True, False], [1.0, 0.0]),
        (np.array([1, 2.5], object), [1.0, 2.5]),
        (array.array("f", [1.5]), [1.5]), (memoryview(np.array([1.5])), [1.5]), (range(3), [0.0, 1.0, 2.0]),
        ((1, 2), [1.0, 2.0]),
        (np.ma.array([1.0, 2.0], mask=[0, 0]), [1.0, 2.0]), (np.longdouble(1.5), 1.5),
        (np.array([np.nan, np.inf], np.longdouble), [np.nan, np.inf]),
        ([1e300, 2.5], [1e300, 2.5]), (np.array([2**60], np.uint64), [2.0**60]),
    ],
    ids=_label,
)  # fmt: skip
def test_anything_array_like_of_real_numbers_works(x, expected):
    nf.testing.assert_bits_equal(nf.round(x, "float64"), expected)


@pytest.mark.parametrize("x", [np.longdouble(1) / 3, np.array([np.longdouble("1e4000")]), np.longdouble(2) ** 60 + 1])
def test_long_doubles_that_float64_does_not_hold_are_refused(x):
    if np.finfo(np.longdouble).nmant == 52:
        return  # long double is float64 on this platform
    with pytest.raises(nf.ArgumentError, match="^x"):
        nf.round(x, "float16")


@pytest.mark.parametrize(
    "dtype", ["int4", "uint4", "int2", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float6_e2m3fn", "float4_e2m1fn"]
)
def test_ml_dtypes_arrays_are_values(dtype):
    x = np.array([0, 1], getattr(ml_dtypes, dtype))
    nf.testing.assert_bits_equal(nf.round(x, "float16"), [0.0, 1.0])


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i2", "u4", "i8"])
def test_any_byte_order(order, kind):
    x = np.array([0, 1, 3], order + kind)
    y = nf.round(x, "bfloat16")
    assert y.dtype.isnative
    assert y.dtype == (np.float32 if kind in ("f2", "f4") else np.float64)
    nf.testing.assert_bits_equal(y, [0.0, 1.0, 3.0])
    nf.testing.assert_bits_equal(nf.encode(x, "bfloat16"), np.uint16([0, 0x3F80, 0x4040]))


@pytest.mark.parametrize("shape", [(), (0,), (1,), (0, 3), (3, 0, 2), (2, 3), (1, 1, 1, 1)])
def test_shapes_stay(shape):
    x = np.full(shape, 1.1, np.float32)
    for y in (nf.round(x, "float16"), nf.encode(x, "float16"), nf.decode(nf.encode(x, "float16"), "float16"),
              nf.unpack(nf.pack(nf.encode(x, "float4_e2m1fn"), "float4_e2m1fn"), "float4_e2m1fn", shape)):  # fmt: skip
        assert isinstance(y, np.ndarray)
        assert y.shape == shape


@pytest.mark.parametrize(
    "x", [1.1, 1, True, np.float16(1.1), np.float32(1.1), np.float64(1.1), np.int8(1), fractions.Fraction(1, 2)]
)
def test_a_scalar_gives_a_scalar(x):
    y = nf.round(x, "float16")
    assert isinstance(y, np.floating)
    assert y.dtype == (np.float32 if isinstance(x, (np.float16, np.float32)) else np.float64)
    code = nf.encode(x, "float16")
    assert isinstance(code, np.uint16)
    assert isinstance(nf.decode(code, "float16"), np.float32)
    assert isinstance(nf.decode(int(code), "float16"), np.float32)


@pytest.mark.parametrize(
    ("x", "fmt", "dtype"),
    [(np.float32([1]), "float16", np.float32), (np.float16([1]), "float32", np.float32),
     (np.float32([1]), "float64", np.float64),
     (np.float32([1]), "e9m3", np.float64), (np.float64([1]), "float16", np.float64), ([1.0], "float16", np.float64),
     ([], "float16", np.float64),
     (np.float32([1]), "e8m23", np.float32), (np.float32([1]), "fixed32.8", np.float64)],
)  # fmt: skip
def test_result_dtype(x, fmt, dtype):
    assert nf.round(x, fmt).dtype == dtype


def test_signalling_nans_pass_without_a_warning():
    with np.errstate(invalid="ignore"):
        narrow = SIGNALLING.astype(np.float32).view(np.uint32)
    single = np.array([0x7F800001], np.uint32).view(np.float32)
    for x in (
        SIGNALLING,
        single,
        np.repeat(SIGNALLING, 100),
        np.repeat(single, 100),
        np.array([0x7C01], np.uint16).view(np.float16),
    ):
        for fmt in ("float16", "bfloat16", "float64", "float32", "float8_e4m3fn"):
            assert np.isnan(nf.round(x, fmt)).all()
            assert np.isnan(nf.decode(nf.encode(x, fmt), fmt)).all()
    assert narrow[0] & 0x7F800000 == 0x7F800000


# ---------------------------------------------------------------- formats, modes, policies, seeds
@in_one_test("fmt", ["float17", "", "e1m3", "e12m3", "e5m0", "e5m53", "binary17p4se", "binary8p8se",
                                 "binary2p1sf", "binary8p9uf", "fixed1.0",
                                 "fixed55.0", "int1", "int64", "e06m9", "e6m09", "e02m1", "fixed16.08", "fixed16.-0",
                                 "int08", "binary08p4se", "e\u0666m9", "e6m9 m", ["float16"], None, 16, np.float16,
                                 np.dtype("f2"), b"float16"])  # fmt: skip
def test_unknown_formats(fmt):
    for call in (
        lambda: nf.round(1.0, fmt),
        lambda: nf.encode(1.0, fmt),
        lambda: nf.decode(1, fmt),
        lambda: nf.get_format(fmt),
        lambda: nf.finfo(fmt),
    ):
        with pytest.raises(nf.FormatError, match="fmt="):
            call()


def test_near_names_are_listed():
    with pytest.raises(nf.FormatError, match="'float16'"):
        nf.get_format("flaot16")
    with pytest.raises(nf.RoundingError, match="'nearest_even'"):
        nf.round(1.0, "float16", "nearest")


@pytest.mark.parametrize("mode", ["nearest", "RNE", "", None, 0, ["nearest_even"], 1.5])
def test_unknown_modes(mode):
    with pytest.raises(nf.RoundingError, match="rounding="):
        nf.round(1.0, "float16", mode)


@pytest.mark.parametrize("policy", ["clip", "", 0, ["nan"], True])
def test_unknown_policies(policy):
    with pytest.raises(nf.RoundingError, match="overflow="):
        nf.round(1.0, "float16", overflow=policy)


@pytest.mark.parametrize(
    ("fmt", "policy"),
    [
        ("float4_e2m1fn", "nan"),
        ("float4_e2m1fn", "infinity"),
        ("float8_e4m3fn", "infinity"),
        ("int8", "nan"),
        ("binary8p4sf", "infinity"),
    ],
)
def test_policies_that_the_format_cannot_follow(fmt, policy):
    for call in (nf.round, nf.encode):
        with pytest.raises(nf.RoundingError, match=f"overflow='{policy}'.*{fmt}"):
            call(1.0, fmt, overflow=policy)


@pytest.mark.parametrize("bits", [None, 0, -1, 61, 64, 8.0, "8", True, [8]])
def test_bad_random_bits(bits):
    nf.round(1.0, "float16", "stochastic_a", random_bits=8, seed=1)  # an equal number before must not let 8.0 pass
    with pytest.raises(nf.RoundingError, match="random_bits="):
        nf.round(1.0, "float16", "stochastic_a", random_bits=bits, seed=1)


@pytest.mark.parametrize("mode", ["nearest_even", "stochastic"])
def test_random_bits_where_they_mean_nothing(mode):
    with pytest.raises(nf.RoundingError, match="random_bits=8"):
        nf.round(1.0, "float16", mode, random_bits=8, seed=1)


@pytest.mark.parametrize("seed", [None, -1, 2**64, 1.5, "1", True, [1], np.float64(1)])
def test_bad_seeds(seed):
    for mode, bits in (("stochastic", None), ("stochastic_b", 3)):
        with pytest.raises(nf.SeedError, match="seed="):
            nf.round(1.0, "float16", mode, random_bits=bits, seed=seed)


@pytest.mark.parametrize(
    "seed", [0, 1, 2**64 - 1, np.int64(3), np.uint64(2**64 - 1), nf.Stream(3), nf.Stream(3).child("a", 1)]
)
def test_good_seeds(seed):
    assert nf.round(1.1, "float16", "stochastic", seed=seed) in (
        nf.round(1.1, "float16", side) for side in ("toward_zero", "toward_positive")
    )
