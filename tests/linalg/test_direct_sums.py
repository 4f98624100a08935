"""Sums that a lane rounds first: the conditions of ``linalg/gemm/direct.py``, and that each of them is needed."""

import itertools

import numpy as np
import pytest
from product_cases import exactly

import nfloat as nf
from nfloat.formats.lanes import DOUBLE, SINGLE
from nfloat.linalg.gemm.direct import DirectSums
from nfloat.linalg.gemm.facts import ZEROS, Facts, survey

E8M2 = nf.get_format("e8m2")


def nearest(x, digits):
    """An integer to so many bits, ties to even."""
    cut = max(0, abs(x).bit_length() - digits)
    low, rest, half = x >> cut, x & ((1 << cut) - 1), 1 << cut >> 1
    return low + (rest > half or (rest == half > 0 and low & 1)) << cut


@pytest.mark.parametrize("lane", [SINGLE, DOUBLE])
@pytest.mark.parametrize("p", [2, 3, 4])
def test_two_roundings_are_one_where_it_says_so(lane, p):
    """All shapes of sums beside midpoints, with exact numbers; and where it does not say so, some are two."""
    fmt = nf.Format(name="x", precision=p, emin=-120, emax=120)
    direct, differ = DirectSums(fmt, lane), 0
    digits = range(1, lane.digits - p + 3, max(1, lane.digits // 12))
    for q, shift, s_bits in itertools.product(digits, range(lane.digits + 4), range(1, 2**p)):
        for t in {2**q - 1, 2 ** (q - 1) + 1, min(2**q - 1, (2**p + 1) << max(0, q - p - 1))}:
            for unit in (-shift, shift):
                s = np.ldexp(float(s_bits), unit)
                facts = Facts(q, 0, float(t), 1, 0), Facts(0, 0, 1.0, 1, 0), Facts(p, unit, s, 1, 0)
                # both in units of 2^-shift
                exact = [(t << shift) + sign * (s_bits << (unit + shift)) for sign in (1, -1)]
                same = all(nearest(nearest(x, lane.digits), p) == nearest(x, p) for x in exact)
                said = direct.may(*facts) and not direct.asks_tiles(*facts)
                assert same or not said, (q, s, t)
                differ += not same
    assert differ > 0


def test_tiles_are_asked_as_matrices_are():
    rng = np.random.default_rng(0)
    direct = DirectSums(nf.bfloat16, DOUBLE)
    found = []
    for _ in range(300):
        low = rng.integers(1, 30)
        a, b = (np.ldexp(rng.integers(1, 256, 30) / 256, -rng.integers(0, low, 30)) for _ in range(2))
        facts = survey(a), survey(b)
        close = direct.close(np.array([facts[0]]), np.array([facts[1]]), ZEROS)
        assert close.shape == (1, 1) and bool(close[0, 0]) == (not direct.asks_tiles(*facts, ZEROS))
        found.append(bool(close[0, 0]))
    assert 30 < sum(found) < 270


def test_a_product_that_is_a_midpoint_beside_the_last_bit_of_a_lane():
    """1 + 2^-3 is between two numbers of e8m2; 2^-25 decides, which float32 loses beside it."""
    for tiny in range(20, 30):
        for sign in (1.0, -1.0):
            exactly([[sign * 2.0**-tiny, 1.125]], [[1.0], [1.0]], nf.Accumulator(E8M2))


def test_a_product_of_many_bits_beside_a_sum():
    """p + q = 24: s = 2, t = (1 + 2^-20) 2^-3 is above the midpoint by the first bit that float32 rounds away."""
    for q in range(16, 24):
        for sign in (1.0, -1.0):
            exactly([[1.0, 1 + 2.0**-q]], [[sign * 2.0], [sign * 2.0**-2]], nf.Accumulator(E8M2))
            exactly([[1.0, 1 - 2.0**-q]], [[sign * 2.0], [sign * 2.0**-2]], nf.Accumulator(E8M2))


@pytest.mark.parametrize("fmt", ["float8_e5m2", "float16", "e6m9"])
def test_zeros_that_were_rounded_from_negative_numbers(fmt):
    f = nf.get_format(fmt)
    tiny = 2.0 ** ((f.emin - f.precision + 1) // 2 - 2)
    for order, k in itertools.product(("sequential", "blocked"), (1, 3)):
        acc = nf.Accumulator(f, order=order, block=2 if order == "blocked" else None)
        got = exactly([[-tiny] * k, [tiny] * k, [0.0] * k], [[tiny, 1.0]] * k, acc)
        assert np.signbit(got[0, 0]) == (order == "sequential")
        assert got[2].tolist() == [0.0, 0.0] and not np.signbit(got[2]).any()
        exactly([[-tiny] * k], [[tiny]] * k, acc)  # no sum beside it is zero


def split(x, p, lane):
    """`roundings.DirectOnGrid`, as NumPy's own float32 and float64 do it."""
    far = x * x.dtype.type(-(2.0 ** (lane.digits - p)))
    return (far + x) - far


@pytest.mark.parametrize("lane, dtype", [(SINGLE, np.float32), (DOUBLE, np.float64)])
def test_numbers_split_at_the_units_of_a_format(lane, dtype):
    """Right for every number of the lane as long as 2 p < D, beside powers of two and midpoints above all."""
    rng, top, most = np.random.default_rng(1), 1 << (lane.digits - 1), (lane.digits - 1) // 2
    for p in (2, 3, most - 1, most, most + 1):
        unit = 1 << (lane.digits - p)
        near = np.concatenate([k * (unit // 2) + np.arange(-3, 4) for k in (0, 1, 2, 3, 4, 5, 2**p - 1, 2**p)])
        quarter = top + unit // 4 + np.arange(-3, 4)
        few = top + (1 << rng.integers(0, lane.digits - 1, 200)) * rng.integers(1, 4, 200)
        codes = np.concatenate([top + near, quarter, few, top + rng.integers(0, top, 2000)])
        codes = [int(c) for c in codes if top <= c <= 2 * top]
        found = split(np.array(codes, np.int64).astype(dtype), p, lane)
        same = [int(f) == nearest(c, p) for f, c in zip(found, codes, strict=True)]
        assert all(same) == (p <= most), p
        assert np.array_equal(split(-np.array(codes, dtype), p, lane), -found)
    zeros = split(np.array([0.0, -0.0], dtype), 2, lane)
    assert not zeros.any() and not np.signbit(zeros).any()


@pytest.mark.parametrize("p, wide", [(3, False), (11, False), (12, False), (25, True), (26, True), (27, True)])
def test_products_on_the_grid_of_formats_as_wide_as_may_be(p, wide):
    """A power of two and a part of its unit, or of the lane's, in terms of few bits: the lane may round them first."""
    acc = nf.Accumulator(nf.Format(name=f"p{p}", precision=p, emin=-100, emax=100))
    numbers = np.float64 if wide else np.float32
    for few in range(1, 10):
        for sign in (1.0, -1.0):
            terms = [[numbers(1.0), numbers(sign * few * 2.0 ** (-p - 2))]]
            exactly(terms, [[numbers(2.0)], [numbers(2.0)]], acc)
            exactly(terms, [[numbers(-2.0)], [numbers(2.0)]], acc)
            last = numbers(few * 2.0 ** -(53 if wide else 24))  # of the lane, in the binade below 2
            exactly([[sign * last]], [[numbers(2.0)]], acc, [[numbers(2.0)]])
