"""The measures against numbers worked out by hand, and where they do not exist."""

import math

import numpy as np
import pytest

from nfloat.drift import metrics

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
