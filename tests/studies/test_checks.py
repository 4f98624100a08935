"""Checks: limits and words agree; the edges belong to the interval; NaN lies in none."""

import math

import pytest

from nfloat.studies.checks import at_least, at_most, between, exactly, within


@pytest.mark.parametrize(
    ("make", "inside", "outside", "expected"),
    [
        (lambda x: exactly("f", x, 0.1, "s"), (0.1,), (math.nextafter(0.1, 1), 0.0), "0.1"),
        (lambda x: exactly("f", x, 2**24, "s"), (2.0**24,), (2.0**24 + 1,), "16777216"),
        (lambda x: within("f", x, 8.0, "s", relative=0.01), (7.92, 8.08), (7.9, 8.1), "8 ± 1 %"),
        (lambda x: within("f", x, -4.0, "s", absolute=0.5), (-4.5, -3.5), (-4.6, 3.5), "-4 ± 0.5"),
        (lambda x: between("f", x, 0.1, 0.7, "s"), (0.1, 0.7), (0.09, 0.71), "0.1 to 0.7"),
        (lambda x: at_most("f", x, 1.0, "s"), (1.0, -math.inf), (1.01, math.inf), "≤ 1"),
        (lambda x: at_least("f", x, 50.0, "s"), (50.0, math.inf), (49.9,), "≥ 50"),
    ],
)
def test_intervals(make, inside, outside, expected):
    assert all(make(x).ok for x in inside)
    assert not any(make(x).ok for x in (*outside, math.nan))
    assert make(inside[0]).expected == expected


def test_exact_figures_show_all_their_digits():
    assert exactly("f", 15.403682708740234, 15.403682708740234, "s").measured_text == "15.403682708740234"
    assert within("f", 15.403682708740234, 15.0, "s", absolute=1).measured_text == "15.4"
    assert exactly("f", math.nan, 1.0, "s").measured_text == "nan"
