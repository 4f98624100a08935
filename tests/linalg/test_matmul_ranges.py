"""The ends of a format's range and of a lane's: where constants, bounds and watched limits of the tiled kernels lie.

Each case was wrong once, or is what a wrong bound would show. The bounds are derived in ``linalg/gemm/route.py`` and
``gemm/constants.py``.
"""

import itertools

import numpy as np
import pytest
from every_order import ORDERS, counted
from in_one_test import in_one_test
from product_cases import exactly

import nfloat as nf
from nfloat.formats.lanes import LANES, has_narrow_grid, limit
from nfloat.linalg.accumulators import Order
from nfloat.linalg.gemm.candidate import Problem
from nfloat.linalg.gemm.facts import ZEROS, Facts
from nfloat.linalg.gemm.route import candidates


# ---------------------------------------------------------------- the lowest binade: is the magic constant finite
# there?
def test_sums_where_emin_is_large():
    assert nf.matmul(np.float32([[3.0]]), np.float32([[2.0]]), "fixed3.-10") == [[0.0]]
    assert nf.sum(np.array([6.0]), "fixed6.-6") == 0.0
    for f in (
        nf.Format(name="x", precision=8, emin=112, emax=120),
        nf.Format(name="x", precision=20, emin=991, emax=1000),
    ):
        x = 2.0**f.emin
        assert exactly([[x, x * 2.0**-30]], [[1.0], [1.0]], f) == [[x]]


@pytest.mark.parametrize(("bits", "top"), [(16, 15), (32, 127), (64, 1023)])
def test_every_emin_about_the_end_of_a_lane(bits, top):
    for p in range(2, LANES[bits].digits // 2 + 1):
        for emin in range(top - (LANES[bits].digits - p) - 2, min(top, 1022 - 2) + 1):
            f = nf.Format(name="x", precision=p, emin=emin, emax=emin + 1)
            unit = 2.0 ** (emin - p + 1)
            for n in (0.5, 0.75, 1.5, 2.5, 2.0 ** (p - 1) + 0.5):
                exactly([[n * unit]], [[1.0]], f)


@pytest.mark.parametrize("bits", [16, 32])
def test_every_emin_about_the_least_normal_number_of_a_lane(bits):
    for p in (2, 4, 5):
        for emin in range(LANES[bits].emin - 4, LANES[bits].emin + 2):
            f = nf.Format(name="x", precision=p, emin=emin, emax=emin + 12)
            for n in (0.5, 0.75, 1.5, 2.5, 5.5):
                exactly([[n * 2.0 ** (emin - p + 1)]], [[1.0]], f)


def test_a_grid_is_narrow_only_where_its_constant_is_finite():
    for bits, p in ((16, 5), (32, 11), (64, 26)):
        last = (1 << (4, 7, 10)[bits.bit_length() - 5]) - 1 - (LANES[bits].digits - p)
        assert has_narrow_grid(nf.Format(name="x", precision=p, emin=last, emax=last), LANES[bits])
        assert not has_narrow_grid(nf.Format(name="x", precision=p, emin=last + 1, emax=last + 1), LANES[bits])


# ---------------------------------------------------------------- large terms: the constant of General's lanes
@pytest.mark.parametrize("mode", ["toward_positive", "to_odd", "nearest_zero", "stochastic"])
@pytest.mark.parametrize("p", [2, 3, 11, 20, 51])
def test_terms_far_beyond_the_format(mode, p):
    f = nf.Format(name="x", precision=p, emin=-10, emax=10)
    for exponent in range(1024 - (53 - p) - 6, min(1023, 1024 - (53 - p) + 6)):
        exactly([[2.0**exponent]], [[1.5]], nf.Accumulator(f, rounding=mode), seed=1)


def test_sums_of_blocks_far_beyond_what_they_are_added_in():
    acc = nf.Accumulator(
        nf.Format(name="x", precision=40, emin=-100, emax=979),
        rounding="toward_positive",
        order="blocked",
        block=1,
        promote=nf.Format(name="y", precision=2, emin=-10, emax=10),
    )
    for exponent in (960, 971, 972, 973, 974, 979):
        exactly([[2.0**exponent]], [[1.0]], acc)
    for count in (2, 4, 8):  # no term is too large, their sum is
        exactly([[2.0**971] * count], [[1.0]] * count, acc.replace(block=count))


# ---------------------------------------------------------------- the largest number: is an overflow seen?
def test_stochastic_sums_overflow_where_the_format_does():
    f = nf.Format(name="q", precision=8, emin=-126, emax=0)
    m, one = np.float32([[f.max]]), np.float32([[1.0]])
    acc = nf.Accumulator(f, product=f, rounding="stochastic")
    assert nf.matmul(m, one, acc, m, seed=1) == [[np.inf]]
    assert nf.matmul(m, one, acc.replace(overflow="saturate"), m, seed=1) == [[np.float32(f.max)]]
    assert nf.sum(np.full(100, 1.5, np.float32), nf.Accumulator(f, rounding="stochastic"), seed=1) == np.inf


@pytest.mark.parametrize("product", [False, True])
def test_random_sums_that_grow(product):
    """300 ones in p = 2: where the gap is g, one in g of them adds g, so some sums pass the largest number, 768."""
    f = nf.Format(name="x", precision=2, emin=-6, emax=8)
    acc = nf.Accumulator(f, product=f if product else None, rounding="stochastic")
    got = exactly(np.ones((20, 300)).tolist(), np.ones((300, 15)).tolist(), acc, seed=3)
    assert 0.05 < np.isinf(got).mean() < 0.5


def test_random_sums_that_grow_below_the_normal_range():
    """Each of many terms far below the least number may add that number: k roundings add up to k of them."""
    f = nf.Format(name="x", precision=5, emin=-126, emax=-126)
    tiny = 2.0 ** (f.emin - f.precision + 1 - 3)
    a, b = np.full((1, 2000), 1.0).tolist(), np.full((2000, 8), tiny).tolist()
    for product in (None, f):
        got = exactly(a, b, nf.Accumulator(f, product=product, rounding="stochastic"), seed=5)
        assert np.isinf(got).all()


@pytest.mark.parametrize("order", ORDERS)
def test_sums_to_nearest_just_past_the_largest_number(order):
    """c = 256 and ten times 17 in E4M3: every sum moves by 32, past 464 at last."""
    acc = nf.Accumulator("float8_e4m3fn", order=order, **counted(order, 3))
    for count, term, start in itertools.product((5, 9, 10, 12), (15.0, 17.0, 18.0), (0.0, 256.0, 320.0)):
        exactly([[1.0] * count], [[term]] * count, acc, [[start]])
    assert order != "sequential" or np.isnan(exactly([[1.0] * 10], [[17.0]] * 10, acc, [[256.0]]))


def test_sums_of_blocks_past_the_largest_number_of_the_promotion():
    promote = nf.Format(name="y", precision=4, emin=-6, emax=3)  # to 15
    for name in ("bfloat16", "float16", "tfloat32"):
        acc = nf.Accumulator(name, order="blocked", block=2, promote=promote)
        assert exactly([[1.0] * 10], [[1.75]] * 10, acc) == [[np.inf]]


def test_squares_that_underflow_bound_nothing():
    """The norm of numbers below 2^-537 is not 0."""
    f = nf.Format(name="x", precision=5, emin=-909, emax=-871, max_significand=22)
    assert exactly([[1.9375]], [[-(2.0**-870)]], f) == [[-np.inf]]
    g = nf.Format(name="y", precision=4, emin=-1014, emax=-1013)
    assert exactly([[1.0] * 3], [[2.0**-1013]] * 3, g) == [[np.inf]]


def test_products_whose_exact_value_a_flush_removes():
    """1.98 2^-1069 is below the least normal number 2^-1068, to which float64 would round it."""
    f = nf.Format(name="x", precision=7, emin=-1068, emax=968, subnormals="flush")
    for order in ("exact", "sequential"):
        exactly(
            [[-1.984375 * 2.0**-8]], [[2.0**-1061]], nf.Accumulator(f, product=f, rounding="nearest_away", order=order)
        )
        exactly([[-1.984375 * 2.0**-8]], [[2.0**-1061]], nf.Accumulator(f, rounding="nearest_away", order=order))


def test_fixed_point_beyond_float32():
    f = nf.Format(name="x", precision=4, emin=127, emax=127, bits=5, has_inf=False, nan="none", twos_complement=True)
    assert not f.fits_float32
    for order in ("exact", "sequential"):
        got = nf.matmul(np.float32([[-(2.0**75)]]), np.float32([[1.5 * 2.0**88]]), nf.Accumulator(f, order=order))
        assert got.dtype == np.float64
        assert got == [[-(2.0**128)]]


# ---------------------------------------------------------------- the factors of the proofs
ACCUMULATORS = [
    nf.Accumulator(f, product=f if product else None, order=order, block=5 if order == "blocked" else None)
    for f in ("float8_e4m3fn", "float16", "bfloat16", "tfloat32", "e5m4", "e11m20")
    for product in (False, True)
    for order in ("sequential", "kahan", "blocked", "pairwise")
]


@in_one_test("acc", ACCUMULATORS)
def test_unwatched_sums_to_nearest_keep_the_factors_of_their_proof(acc):
    """Four for sums, eight for blocks' sums and Kahan's, sixteen for pairwise ones, the latter two of five bits."""
    watched = [c for c in candidates(acc) if c.watched not in (-1, c.kind)]  # and not always
    assert watched
    for candidate in watched:
        factor = {Order.SEQUENTIAL: 4, Order.PAIRWISE: 16}.get(acc.order, 8)
        assert factor * candidate.bound <= limit(acc.format, LANES[candidate.bits])
        assert candidate.bound == 0.0 or acc.order is not Order.PAIRWISE or acc.format.precision >= 5
        if acc.order is Order.KAHAN:
            p = acc.format.precision
            assert candidate.steps <= (0.08 * 4.0**p if p >= 5 else 0)


@pytest.mark.parametrize("p", [5, 6, 8])
def test_compensated_sums_of_more_steps_than_the_proof_allows_are_watched(p):
    f = nf.Format(name="x", precision=p, emin=-30, emax=8)
    few, many = int(0.08 * 4**p), int(0.08 * 4**p) + 1
    for k in (few, many):
        exactly([[1.0] * k], [[f.max / 8 / k]] * k, nf.Accumulator(f, order="kahan"))
    ones = Facts(1.0, 0.0, 1.0, 1.0, 0.0)
    for c in (c for c in candidates(nf.Accumulator(f, order="kahan")) if c.watched >= 0):
        # one product that is not zero keeps any bound
        assert [c.kind_for(Problem(ones, ones, ZEROS, k, lambda: 1.0)) for k in (few, many)] == [c.kind, c.watched]


# ---------------------------------------------------------------- formats without a zero
def test_zero_sums_without_a_zero():
    for order in ORDERS:
        acc = nf.Accumulator("float8_e8m0fnu", order=order, **counted(order, 2))
        assert np.isnan(exactly([[1.0, 1.0]], [[1.0], [-1.0]], acc)).all()
