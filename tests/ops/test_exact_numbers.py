"""Numbers that float64 does not hold, rounded once: against rationals, in every deterministic mode."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.ops.exact_numbers import rounded_numbers
from nfloat.ops.rounder import rounder
from nfloat.testing.oracle import round_magnitude

FORMATS = ("float64", "float32", "bfloat16", "float8_e5m2", "e11m51", "fixed16.8")
MODES = [mode for mode in Rounding if not mode.is_stochastic]


def numbers(fmt):
    """Numbers within the range that lie near ties and far from them, and what a tie is with one bit far below."""
    f, tie = nf.get_format(fmt), Fraction(2) ** (1 - nf.get_format(fmt).precision) / 2
    around = [1 + tie, 1 + 3 * tie, 1 + tie + Fraction(1, 2**900), 1 + tie - Fraction(1, 2**900), Fraction(1, 3)]
    least = Fraction(f.smallest_subnormal)
    return [*around, *(least * part for part in (Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(4, 3)))]


@pytest.mark.parametrize("fmt", FORMATS)
def test_once_and_from_the_exact_value(fmt):
    f = nf.get_format(fmt)
    for mode in MODES:
        for x in numbers(fmt):
            for sign in (1, -1):
                found = float(rounded_numbers(sign * x, "x", rounder(fmt, mode, None, None)))
                exact = sign * round_magnitude(x, sign < 0, f, mode, None, 0)
                assert found == exact, (mode, sign * x)
                assert math.copysign(1, found) == sign or not f.has_negative_zero


@pytest.mark.parametrize("number", [10**400, Fraction(10) ** 400, Decimal("1e999999999"), np.longdouble("1e4000")])
def test_beyond_every_range(number):
    nearest, toward_zero = rounder("float64", "nearest_even", None, None), rounder("float16", "toward_zero", None, None)
    assert float(rounded_numbers(number, "x", nearest)) == np.inf
    assert float(rounded_numbers(number, "x", toward_zero)) == 65504


@pytest.mark.parametrize("number", [Fraction(-1, 10**400), Decimal("-1e-999999999"), np.longdouble("-1e-4000")])
def test_below_every_range(number):
    nearest, outward = rounder("float64", "nearest_even", None, None), rounder("float64", "toward_negative", None, None)
    assert math.copysign(1, float(rounded_numbers(number, "x", nearest))) == -1
    assert float(rounded_numbers(number, "x", nearest)) == 0
    assert float(rounded_numbers(number, "x", outward)) == -(2.0**-1074)


def test_kinds_shapes_and_what_is_no_number():
    how = rounder("float16", "nearest_even", None, None)
    mixed = [[Fraction(1, 3), 0.1, Decimal("0.1")], [2**53 + 1, float("nan"), np.longdouble(1) / 3]]
    found = rounded_numbers(mixed, "x", how)
    third, tenth = np.float16(1 / 3), np.float16(0.1)
    np.testing.assert_array_equal(found, [[third, tenth, tenth], [np.inf, np.nan, third]])
    for wrong in (["a"], [Fraction(1, 3), None], [1j], [Decimal("sNaN")]):
        with pytest.raises(nf.ArgumentError):
            rounded_numbers(wrong, "x", how)
    with pytest.raises(nf.ArgumentError, match="masked"):
        rounded_numbers(np.ma.array([2**60 + 1, 1], mask=[0, 1]), "x", how)


def test_a_tie_of_float64_is_not_rounded_twice():
    above = Fraction(1) + Fraction(1, 2**11) + Fraction(1, 2**80)  # float64 makes a tie of float16 of it
    assert nf.array(above, "float16").values == 1 + 2.0**-10
    assert (nf.array([1.0], "float16") * above).values == 1 + 2.0**-10


def test_stochastic_modes_draw_for_them():
    how = rounder("float16", "stochastic", None, None)
    low, high = np.float16(1 / 3), np.nextafter(np.float16(1 / 3), np.float16(1))
    found = rounded_numbers([Fraction(1, 3)] * 3000, "x", how, 7)
    share = (float(Fraction(1, 3) - Fraction(float(low)))) / float(high - low)
    assert set(found) == {low, high} and abs(float(np.mean(found == high)) - share) < 0.03
