"""Slopes of each run, their mean and Student's interval."""

import numpy as np
import pytest
import scipy  # its parts load when they are first asked for

from nfloat.studies.laws import power, slope


def rows(law, runs=4, xs=(1, 2, 4, 8)):
    return [{"run": run, "x": x, "y": law(run, x)} for run in range(runs) for x in xs]


def test_exact_laws():
    found = slope(rows(lambda run, x: (run + 1) * 2.0 ** (-0.75 * x)), "x", "y")
    assert found == pytest.approx((-0.75, -0.75, -0.75))
    found = power(rows(lambda run, x: 3.0 * x**1.5), "x", "y")
    assert found == pytest.approx((1.5, 1.5, 1.5))


def test_interval_is_students_at_99_percent():
    slopes = [-1.0, -0.5, -0.7, -0.2]
    found = slope(rows(lambda run, x: 2.0 ** (slopes[run] * x)), "x", "y")
    low, high = scipy.stats.t.interval(0.99, 3, np.mean(slopes), scipy.stats.sem(slopes))
    assert found == pytest.approx((np.mean(slopes), low, high))


def test_too_little_to_tell():
    assert slope(rows(lambda run, x: 1.0, runs=2), "x", "y") is None
    assert slope(rows(lambda run, x: 1.0, xs=(1,)), "x", "y") is None
    assert slope(rows(lambda run, x: 0.0), "x", "y") is None
    assert slope([], "x", "y") is None
