"""The statistics of verdicts: against published tables, and by drawing samples whose truth is known."""

import math

import numpy as np
import pytest

from nfloat.drift.inference import CONFIDENCE, POWER, change, interval, log_of


def test_interval_by_the_table_of_t():
    """Student's two-sided 1 % point at 4 degrees of freedom is 4.604 (any table)."""
    found = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    error = math.sqrt(2.5 / 5)
    assert (found.mean, CONFIDENCE) == (3.0, 0.99)
    assert found.low == pytest.approx(3.0 - 4.604 * error, abs=1e-3)
    assert found.high == pytest.approx(3.0 + 4.604 * error, abs=1e-3)


def test_several_comparisons_share_the_confidence():
    """Ten comparisons at 1 %: the 0.1 % point, 8.610."""
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    one, ten = interval(values), interval(values, 10)
    assert ten.low == pytest.approx(3.0 - 8.610 * math.sqrt(0.5), abs=1e-3)
    assert ten.p_value == pytest.approx(10 * one.p_value)
    assert ten.detectable > one.detectable


@pytest.mark.parametrize(("values", "side"), [([1.0, 1.1, 0.9], 1), ([-1.0, -1.1, -0.9], -1), ([1.0, -1.1, 0.2], 0)])
def test_side(values, side):
    assert interval(values).side == side


def test_where_there_is_no_spread_the_interval_is_a_point():
    assert interval([0.5, 0.5])[:4] == (0.5, 0.5, 0.5, 0.0)
    assert interval([0.0, 0.0])[:4] == (0.0, 0.0, 0.0, 1.0)
    assert interval([0.5]) is None
    assert interval([]) is None


def test_wrong_as_often_as_it_says_and_powerful_as_it_says():
    """4000 samples of five: without an effect 1 % are told from zero, with the detectable one 80 %."""
    samples = np.random.default_rng(5).standard_normal((4000, 5))
    typical = interval([-1.0, 1.0, -1.0, 1.0, 0.0])  # standard deviation 1
    told = [interval(list(sample)).side != 0 for sample in samples]
    found = [interval(list(sample + typical.detectable)).side == 1 for sample in samples]
    assert np.mean(told) == pytest.approx(1.0 - CONFIDENCE, abs=0.005)
    assert np.mean(found) == pytest.approx(POWER, abs=0.025)


def test_logarithms_of_ratios():
    assert change(log_of(3.0) - log_of(2.0)) == pytest.approx(0.5)
    assert log_of(0.0) == pytest.approx(-744.44, abs=0.01)
    assert math.isfinite(change(5000.0))
