"""The assertions: what passes, what fails; a failure says the worst element, its bits and how to get it."""

import math

import numpy as np
import pytest

import nfloat as nf
from nfloat.testing import assert_bits_equal, assert_representable, assert_ulp, assert_unbiased, ulp

INF, NAN = math.inf, math.nan


def failure(function, *args, **kwargs):
    with pytest.raises(AssertionError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


# ---------------------------------------------------------------- ulp
@pytest.mark.parametrize(
    ("x", "fmt", "expected"),
    [
        (1.0, "bfloat16", 2.0**-7),
        (-1.99, "bfloat16", 2.0**-7),
        (2.0, "bfloat16", 2.0**-6),
        (0.0, "bfloat16", 2.0**-133),
        (1e-300, "float16", 2.0**-24),
        (448.0, "float8_e4m3fn", 32.0),
        (3.7, "int8", 1.0),
        (0.0, "int8", 1.0),
        (100.0, "fixed16.8", 2.0**-8),
        (0.0, "float8_e8m0fnu", 2.0**-127),
        (4.0, "float8_e8m0fnu", 4.0),
        (2.0**-30, "dlfloat16", 2.0**-39),
        (5e-324, "float64", 5e-324),
    ],
)
def test_ulp(x, fmt, expected):
    assert ulp(x, fmt) == expected


def test_ulp_of_what_has_none():
    assert np.isnan(ulp([INF, -INF, NAN], "float16")).all()
    assert ulp(np.ones((2, 3), np.float32), "float16").shape == (2, 3)


# ---------------------------------------------------------------- assert_ulp
@pytest.mark.parametrize(
    ("actual", "desired", "fmt", "max_ulp"),
    [
        (1.0, 1.0, "float16", 0),
        (1.0078125, 1.0, "bfloat16", 1),
        ([1.0, NAN], [1.0, NAN], "float16", 0),
        ([INF, -INF], [INF, -INF], "float16", 0),
        (0.0, -0.0, "float16", 0),
        ([1.0, 1.0], 1.0, "float16", 0),
        (INF, 1e39, "bfloat16", 1),
        (6.0, 1e9, "float4_e2m1fn", 0),
        (NAN, 500.0, "float8_e4m3fn", 0),
        (1.0, 1.0 + 2.0**-9, "bfloat16", 0.5),
        (448.0, 460.0, "float8_e4m3fn", 0.5),
        (np.float32(1), np.float64(1), "float16", 0),
        ([], [], "float16", 0),
        (2.0**-24, 0.0, "float16", 1),
        (3e38, 3e38 * (1 + 2.0**-10), "bfloat16", 1.5),
    ],
)
def test_ulp_passes(actual, desired, fmt, max_ulp):
    assert_ulp(actual, desired, fmt, max_ulp)


@pytest.mark.parametrize(
    ("actual", "desired", "fmt", "max_ulp"),
    [
        (1.015625, 1.0, "bfloat16", 1),
        (1.0 + 2.0**-7, 1.0, "bfloat16", 0.99),
        (NAN, 1.0, "float16", 100),
        (1.0, NAN, "float16", 100),
        (INF, 65504.0, "float16", 100),
        (65504.0, INF, "float16", 100),
        (INF, -INF, "float16", 100),
        (1.0, 1e39, "bfloat16", 1e9),
        (448.0, 500.0, "float8_e4m3fn", 1),
        (4.0, 1e9, "float4_e2m1fn", 0),
        (1.0, -1.0, "float16", 1),
        (2.0**-23, 0.0, "float16", 1),
    ],
)
def test_ulp_fails(actual, desired, fmt, max_ulp):
    failure(assert_ulp, actual, desired, fmt, max_ulp)
    failure(assert_ulp, [1.0, actual], [1.0, desired], fmt, max_ulp)


def test_nan_can_be_refused():
    assert_ulp(NAN, NAN, "float16")
    failure(assert_ulp, NAN, NAN, "float16", equal_nan=False)


def test_ulp_failure_text():
    desired = np.ones((4, 8))
    actual = desired.copy()
    actual[2, 3], actual[0, 0] = 1.0234375, 1.015
    text = failure(assert_ulp, actual, desired, "bfloat16")
    assert text == (
        "2 of 32 elements (6.25 %) differ by more than 1 ulp of bfloat16\n"
        "worst is element (2, 3): 3 ulp; 1 ulp here is 0.0078125\n"
        "  actual   1.0234375                0x1.0600000000000p+0   0 01111111 0000011\n"
        "  desired  1.0                      0x1.0000000000000p+0   0 01111111 0000000\n"
        "  neighbours of desired on the grid: 0.99609375, 1.0078125\n"
        "reproduce: nf.testing.assert_ulp(float.fromhex('0x1.0600000000000p+0'), "
        "float.fromhex('0x1.0000000000000p+0'), 'bfloat16', max_ulp=1)"
    )


@pytest.mark.parametrize(
    "fmt", ["bfloat16", nf.Format(name="mine", precision=3, emin=-3, emax=3), "float4_e2m1fn", "float8_e8m0fnu"]
)
@pytest.mark.parametrize(
    ("actual", "desired"), [(1.0, 3.0), (NAN, 1.0), (INF, 1.0), (1.1, 3.3), (-1e300, 2.0), (1.0, 1e9)]
)
def test_the_reproduction_line_reproduces(fmt, actual, desired):
    text = failure(assert_ulp, [actual], [desired], fmt, 0.25)
    line = text.splitlines()[-1].removeprefix("reproduce: ")
    again = failure(eval, line, {"nf": nf})
    assert again.splitlines()[2:4] == text.splitlines()[2:4]


def test_bad_arguments_are_not_failures():
    with pytest.raises(nf.ArgumentError, match="max_ulp"):
        assert_ulp(1.0, 1.0, "float16", -1)
    with pytest.raises(nf.FormatError):
        assert_ulp(1.0, 1.0, "float17")
    with pytest.raises(nf.ArgumentError, match="actual"):
        assert_ulp("one", 1.0, "float16")
    assert "shapes differ: actual (2,), desired (3,)" in failure(assert_ulp, [1, 2], [1, 2, 3], "float16")


def test_ml_dtypes_arrays_and_numpys_float16():
    """numpy.testing.assert_array_max_ulp fails on these (ml_dtypes#56)."""
    import ml_dtypes

    a = np.array([1.0, 1.5], ml_dtypes.bfloat16)
    assert_ulp(a, a, "bfloat16", 0)
    assert_ulp(np.float16([1.0]), np.float32([1.0]), "float16", 0)


# ---------------------------------------------------------------- assert_representable
@pytest.mark.parametrize(
    ("x", "fmt"),
    [
        ([0.5, 448.0, NAN, -0.0], "float8_e4m3fn"),
        ([INF, -INF, 2.0**-24], "float16"),
        ([127, -128], "int8"),
        ([6.0, -0.0], "float4_e2m1fn"),
        ([], "float16"),
        (2.0**-127, "float8_e8m0fnu"),
    ],
)
def test_representable(x, fmt):
    assert_representable(x, fmt)


@pytest.mark.parametrize(
    ("x", "fmt"),
    [
        (449.0, "float8_e4m3fn"),
        (INF, "float8_e4m3fn"),
        (NAN, "float4_e2m1fn"),
        (-0.0, "binary8p3se"),
        (0.0, "float8_e8m0fnu"),
        (-1.0, "binary8p3ue"),
        (2.0**-25, "float16"),
        (0.1, "float32"),
        (-129, "int8"),
        (2.0**-31, "dlfloat16"),
        (1e300, "bfloat16"),
    ],
)
def test_not_representable(x, fmt):
    text = failure(assert_representable, [[1.0, x]], fmt)
    assert "1 of 2 elements (50 %)" in text and "element (0, 1)" in text and f"not numbers of {fmt}" in text
    failure(eval, text.splitlines()[-1].removeprefix("reproduce: "), {"nf": nf})


# ---------------------------------------------------------------- assert_bits_equal
@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([0.0, NAN], [0.0, -NAN]),
        (np.float32([1.5]), np.float64([1.5])),
        (np.uint8([1]), np.uint16([1])),
        ([], []),
        ([1.0, 1.0], 1.0),
        (2, 2),
    ],
)
def test_bits_equal(a, b):
    assert_bits_equal(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([0.0], [-0.0]),
        ([1.0], [1.0 + 2.0**-52]),
        (np.uint8([1]), np.uint8([2])),
        ([NAN], [1.0]),
        ([1.0], [NAN]),
        ([1.0], [1.0, 1.0]),
    ],
)
def test_bits_differ(a, b):
    failure(assert_bits_equal, a, b)


def test_bits_failure_shows_the_fields():
    assert "1 00000 0000000000" in failure(assert_bits_equal, [0.0], [-0.0], "float16")
    assert "56 = 0x38 = 1.0" in failure(assert_bits_equal, np.uint8([56]), np.uint8([57]), "float8_e4m3fn")
    assert "worst is element 1: 256 ulp" in failure(assert_bits_equal, [0.0, 2.0], [-0.0, 2.5], "float16")


# ---------------------------------------------------------------- assert_unbiased
def samples(x, n, how="stochastic"):
    return np.stack(
        [nf.round(x, "bfloat16", how, seed=nf.Stream(1).child(i) if how == "stochastic" else None) for i in range(n)]
    )


EXACT = np.array([[1.001, 2.3, -0.7], [1.0, 1e-5, -3.14159]])


def test_stochastic_rounding_is_unbiased():
    assert_unbiased(samples(EXACT, 2000), EXACT, "bfloat16")


def test_nearest_is_biased():
    text = failure(assert_unbiased, samples(EXACT, 500, "nearest_even"), EXACT, "bfloat16")
    assert "biased mean in bfloat16, n = 500" in text and "Hoeffding" in text and "below" in text
    with pytest.raises(AssertionError, match="biased mean"):
        eval(text.splitlines()[-1].removeprefix("reproduce: "), {"nf": nf})


def test_a_small_common_bias_is_found_in_many_elements():
    """Each element alone is within its bound; all together are not."""
    x = np.full(4000, 1 + 2.0**-9)
    s = samples(x, 40)
    s[np.random.default_rng(0).random(s.shape) < 0.05] = 1.0
    assert "together" in failure(assert_unbiased, s, x, "bfloat16")
    assert_unbiased(samples(x, 40), x, "bfloat16")


def test_strays_and_bad_arguments():
    assert "neighbours of exact" in failure(assert_unbiased, [[1.5]], [1.001], "bfloat16")
    assert_unbiased([[np.nan, np.inf]], [np.nan, np.inf], "bfloat16")
    for s, x in (([1.0], [1.0]), (1.0, 1.0), (np.ones((2, 3)), np.ones(2)), (np.ones((0, 2)), np.ones(2))):
        with pytest.raises(nf.ArgumentError, match="samples"):
            assert_unbiased(s, x, "bfloat16")
    with pytest.raises(nf.ArgumentError, match="false_alarm"):
        assert_unbiased([[1.0]], [1.0], "bfloat16", false_alarm=0)
