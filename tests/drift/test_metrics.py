"""The measures against numbers worked out by hand, and where they do not exist."""

import math

import numpy as np
import pytest

import nfloat as nf
from nfloat.drift import metrics, tensors

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("value", "reference", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([3.0, 4.0], [0.0, 0.0], INF),
        ([0.0, 0.0], [0.0, 0.0], None),
        ([0.0, 0.0], [3.0, 4.0], 1.0),
        ([6.0, 8.0], [3.0, 4.0], 1.0),
        (np.float32([0.5]), np.float64([1.0]), 0.5),
    ],
)
def test_relative_error(value, reference, expected):
    assert metrics.relative_error(value, reference) == expected


def test_distances_carry_nan_and_infinity():
    assert math.isnan(metrics.relative_error([NAN, 1.0], [1.0, 1.0]))
    assert metrics.relative_error([INF, 1.0], [1.0, 1.0]) == INF
    assert math.isnan(metrics.path_distance([NAN], [1.0], [0.0]))


def test_cosine():
    assert metrics.cosine([1.0, 1.0], [-2.0, -2.0]) == pytest.approx(-1.0, abs=1e-15)
    assert metrics.cosine([0.0], [1.0]) is None
    assert metrics.cosine([3.0, 4.0], [4.0, 3.0]) == 0.96


def test_path_distance_needs_a_path():
    assert metrics.path_distance([1.0], [2.0], [2.0]) is None
    assert metrics.path_distance([5.0, 4.0], [5.0, 7.0], [1.0, 4.0]) == 0.6


def test_underflow_counts_non_zero_numbers_only():
    assert metrics.underflow([1e-9, -1e-9, 0.0, 2.0], [0.0, -0.0, 0.0, 2.0]) == 2 / 3
    assert metrics.underflow([0.0, -0.0], [0.0, 0.0]) is None


def test_overflow_sees_infinity_nan_and_saturation():
    before = np.array([1.0, 500.0, -500.0, 448.0, 460.0, INF])
    assert metrics.overflow(before, np.array([1.0, INF, -INF, 448.0, 448.0, INF]), 448.0) == 3 / 5
    assert metrics.overflow(before, np.array([1.0, NAN, NAN, 448.0, 448.0, INF]), 448.0) == 3 / 5
    assert metrics.overflow([INF], [INF], 448.0) is None


def test_stagnation_is_about_weights_that_should_have_moved():
    before, after = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.5, 3.0, 4.0])
    assert metrics.stagnation(before, after, np.array([1.0, 1.0, 1.0, 0.0])) == 2 / 3
    assert metrics.stagnation(before, after, np.zeros(4)) is None


def test_a_stochastic_rounding_has_no_bias_and_truncation_has():
    x = np.random.default_rng(0).standard_normal(20_000)
    fmt = nf.get_format("bfloat16")
    _, fair = tensors.bias(x, nf.round(x, fmt, "stochastic", seed=1), fmt)
    mean, biased = tensors.bias(abs(x), nf.round(abs(x), fmt, "toward_zero"), fmt)
    assert abs(fair) < 4.0
    assert biased < -100 and mean == pytest.approx(-0.5, abs=0.01)


def test_noise_of_a_rounding_is_that_of_its_bits():
    """6.02 dB a bit: 10 log10(12 * 2^(2p - 2) / E(2^(2e) / x²))."""
    x = np.random.default_rng(0).uniform(1.0, 2.0, 50_000)
    found = {p: tensors.sqnr(x, nf.round(x, f"e8m{p - 1}")) for p in (4, 8, 11)}
    for p, decibels in found.items():
        assert decibels == pytest.approx(10 * np.log10(12 * 4.0 ** (p - 1) * 7 / 3), abs=0.1)


def test_the_quality_of_descent_and_updates_below_half_an_ulp():
    before, step = np.full(4, 1.0), np.array([2.0**-10, 2.0**-9, 2.0**-8, 2.0**-7])
    after = nf.round(before + step, "bfloat16")
    assert metrics.below_half_ulp(step, before, nf.get_format("bfloat16")) == 0.5
    assert metrics.descent_quality(step, before, before + step) == 1.0
    # the last alone moved: the third, half a gap, is a tie and goes to even
    assert metrics.descent_quality(step, before, after) == 2.0**-14 / float(np.sum(step**2))
    assert metrics.descent_quality(step, before, before) == 0.0
    assert metrics.descent_quality(0.0 * step, before, before) is None


def test_paths_that_part_exponentially():
    assert metrics.growth_rate([(n, 1e-6 * 2.0**n) for n in range(9)]) == pytest.approx(np.log(2.0))
    assert metrics.growth_rate([(0, 0.0), (1, 1.0)]) is None
