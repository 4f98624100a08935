"""Sums of products that no lane holds, rounded to odd and then cut (``kernels/gemm/odd.py``): the exact model's."""

import itertools

import pytest
from every_mode import DETERMINISTIC
from every_order import counted
from product_cases import exactly

import nfloat as nf
from nfloat.formats.lanes import can_cut_odd
from nfloat.formats.rounding import Rounding
from nfloat.kernels.gemm.cut import HAS_TOWARD_ZERO
from nfloat.kernels.gemm.roundings import HAS_DIRECTED
from nfloat.linalg.gemm.route import candidates

SUMS = [("sequential", False), ("blocked", False), ("kahan", False), ("sequential", True), ("kahan", True),
        ("pairwise", True)]  # fmt: skip
FORMATS = [
    nf.Format(name="x", precision=p, emin=emin, emax=60)
    for p, emin in ((2, -14), (8, -126), (24, -40), (27, -60), (51, -20))
]


def named(acc):
    return [c.name for c in candidates(acc)]


@pytest.mark.parametrize(("order", "rounded"), SUMS)
@pytest.mark.parametrize("mode", DETERMINISTIC, ids=str)
def test_beside_midpoints_and_numbers(mode, order, rounded):
    """2^e (1 - 2^-60) and c make a midpoint or a number of the format less 2^(e - 60), which the lane would lose."""
    for f in FORMATS:
        acc = nf.Accumulator(f, f if rounded else None, mode, order, **counted(order, 3))
        for middle, top in itertools.product((0.5, 1.0, 1.5, 2.5), (0, f.emin - 1)):
            unit = 2.0 ** (max(top, f.emin) - f.precision + 1)
            point, e = 2.0**top + middle * unit, top - 1
            for sign in (1.0, -1.0):
                a = sign * 2.0**e * (1 + 2.0**-30)
                b = 1 - 2.0**-30
                exactly([[a, 0.0]], [[b], [1.0]], acc, [[sign * (point - 2.0**e)]])
                exactly([[a, sign]], [[b], [point - 2.0**e]], acc)
    if HAS_TOWARD_ZERO and (rounded or not HAS_DIRECTED) and mode not in ("toward_zero", "nearest_away"):
        assert any(name.startswith("odd64") for name in named(acc))


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("mode", DETERMINISTIC, ids=str)
def test_signs_of_zeros(mode, rounded):
    """Sums and products that are zeros, in a matrix whose first product no lane holds."""
    x = 1 + 2.0**-30
    for fmt in ("float32", "e5m3"):
        acc = nf.Accumulator(fmt, fmt if rounded else None, mode)
        for zero in (0.0, -0.0):
            a = [[x, 0.0], [1.0, -1.0], [0.0, zero], [-0.0, zero], [2.0**-200, zero], [-(2.0**-200), zero]]
            exactly(a, [[x, 1.0], [1.0, 1.0]], acc)
            exactly(a, [[x, 1.0], [1.0, 1.0]], acc, [[zero, zero]] * 6)


def test_what_formats_are_cut():
    """Two bits to spare in every binade, for whatever has -0 and is neither flushed nor of one bit."""
    for p, emin in itertools.product((1, 2, 24, 50, 51, 52, 53), (-1040, -1023, -1022, -1000, -2)):
        if emin - p + 1 < -1074:
            continue  # no numbers of float64
        fits = can_cut_odd(nf.Format(name="x", precision=p, emin=emin, emax=10), Rounding("nearest_even"))
        assert fits == (2 <= p <= 51 and emin >= -1022)
        assert not fits or emin - p + 1 - 2 >= -1074
    for name in ("float8_e4m3fnuz", "int8", "float8_e8m0fnu"):
        assert not can_cut_odd(nf.get_format(name), Rounding("nearest_even"))
    assert not can_cut_odd(nf.get_format("float16"), Rounding("stochastic"))


def test_multiples_of_the_least_number_and_halves_of_it():
    """A product of 52 bits, and c that leaves some halves of the least number, 2^-22, of it."""
    f = nf.Format(name="x", precision=8, emin=-14, emax=60)
    a, b = 1 + 2.0**-39, 2.0**28 + 2.0**17
    for n, mode in itertools.product((0.5, 1.0, 1.5, 2.5, 33.5, 34.0), ("nearest_even", "nearest_zero", "to_odd")):
        for sign in (1.0, -1.0):
            exactly([[a]], [[sign * b]], nf.Accumulator(f, rounding=mode), [[sign * (n * 2.0**-21 - a * b)]])


@pytest.mark.parametrize("policy", ["infinity", "saturate", "nan"])
@pytest.mark.parametrize("mode", DETERMINISTIC, ids=str)
def test_past_the_largest_number(mode, policy):
    x = [[1 + 2.0**-30, 30.0], [-1.0, 200.0]]
    for fmt, rounded in itertools.product(("float8_e5m2", "float8_e4m3fn"), (False, True)):
        try:
            acc = nf.Accumulator(fmt, fmt if rounded else None, mode, overflow=policy)
        except nf.NFloatError:  # a policy that the format lacks
            continue
        exactly(x, [[1 + 2.0**-30, 7.0], [900.0, 2.3]], acc, [[440.0, -3.0], [5e4, 448.0]])
