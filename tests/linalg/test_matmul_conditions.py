"""Operands just outside a condition of ``linalg/gemm/route.py``.

Each would be wrong in the kernel that the condition keeps it from.

`exactly` compares `matmul` with the exact model; so a test shows what a condition is for, whichever kernel does the
work.
"""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from every_mode import DETERMINISTIC
from every_order import ORDERS, counted
from product_cases import exactly

import nfloat as nf
from nfloat.formats.rounding import Overflow, Rounding
from nfloat.linalg.gemm.candidate import Problem, bound_before_growth
from nfloat.linalg.gemm.constants import can_cut
from nfloat.linalg.gemm.dispatch import norm_bound
from nfloat.linalg.gemm.facts import ZEROS, Facts, survey

TINY = 2.0**-40


# ---------------------------------------------------------------- what a lane must hold exactly
def test_products_beyond_the_lane_that_cancel():
    exactly([[2.0**65, -(2.0**65)]], [[2.0**65], [2.0**65]], nf.Accumulator("float32", order="pairwise"))


def test_products_that_the_lane_rounds_to_a_midpoint():
    """(1 + 2^-20)(1 + 2^-8 - 2^-20) is 1 + 2^-8 + 2^-28 - 2^-40.

    Above bfloat16's midpoint, which float32 makes of it.
    """
    a, b = 1 + 2.0**-20, 1 + 2.0**-8 - 2.0**-20
    for order in ORDERS:
        assert exactly([[a]], [[b]], nf.Accumulator("bfloat16", order=order, **counted(order, 3))) == [[1 + 2.0**-7]]


def test_rounded_products_that_the_lane_rounds_to_a_midpoint():
    """(1 + 2^-12)^2 is 1 + 2^-11 + 2^-24: above the midpoint of 11 bits, which float32 makes of it."""
    for order in ORDERS:
        acc = nf.Accumulator("tfloat32", product="tfloat32", order=order, **counted(order, 3))
        assert exactly([[1 + 2.0**-12]], [[1 + 2.0**-12]], acc) == [[1 + 2.0**-10]]


def test_exact_sums_are_rounded_in_every_direction():
    for mode, sign in (
        ("toward_positive", 1),
        ("toward_zero", -1),
        ("toward_negative", -1),
        ("to_odd", 1),
        ("nearest_even", 1),
        ("nearest_even", -1),
    ):
        for name, first in (("float64", 1.0), ("float32", 1.0), ("float32", 1 + 2.0**-24), ("float32", -1 - 2.0**-24)):
            for row in ([first, sign * 2.0**-60], [sign * 2.0**-60, first]):
                exactly([row], [[1.0], [1.0]], nf.Accumulator(name, rounding=mode, order="exact"))


@pytest.mark.parametrize("p", [21, 22, 23, 24, 50, 51, 52, 53])
def test_ties_that_rounding_to_odd_needs_two_bits_for(p):
    """A midpoint, and 2^-100 beside it or nothing: with one bit to spare, an odd last bit is the midpoint itself."""
    f = nf.Format(name="x", precision=p, emin=-10, emax=10)
    for mode in DETERMINISTIC:
        for units in (0.5, 1.0, 1.5) if p < 53 else (1.0, 2.0):
            for beside in (2.0**-100, -(2.0**-100), 0.0):
                exactly([[beside]], [[1.0]], nf.Accumulator(f, rounding=mode), [[1 + units * 2.0 ** (1 - p)]])


# ---------------------------------------------------------------- what one hardware addition must be given
@pytest.mark.parametrize("p", [4, 5, 6, 7, 11, 12, 13, 14, 25, 26, 27, 28])
def test_sums_of_two_numbers_that_are_rounded_twice(p):
    """1 + 2^-p (1 + 2^(1 - p)) has 2 p bits: a lane of less makes the midpoint of it."""
    f = nf.Format(name="x", precision=p, emin=-14 if p < 8 else -100, emax=15)
    x = 2.0**-p * (1 + 2.0 ** (1 - p))
    for order in ORDERS:
        exactly([[1.0, x]], [[1.0], [1.0]], nf.Accumulator(f, product=f, order=order, **counted(order, 3)))


@pytest.mark.parametrize("order", ORDERS)
def test_c_between_two_numbers_of_the_format(order):
    """1 + 2^-8 is bfloat16's midpoint; a term of 2^-40 decides, which float32 loses beside it."""
    acc = nf.Accumulator("bfloat16", product="bfloat16", order=order, **counted(order, 3))
    exactly([[TINY]], [[1.0]], acc, [[1 + 2.0**-8]])


@pytest.mark.parametrize("order", ORDERS)
def test_c_that_a_lane_does_not_hold(order):
    """1 + 2^-8 + 2^-40 is above bfloat16's midpoint, which float32 makes of it."""
    acc = nf.Accumulator("bfloat16", order=order, **counted(order, 3))
    assert exactly([[0.0]], [[1.0]], acc, [[1 + 2.0**-8 + TINY]]) == [[1 + 2.0**-7]]


def test_products_on_a_finer_grid_than_sums():
    assert exactly([[1 + 2.0**-8]], [[1.0]], nf.Accumulator("bfloat16", product="float16"), [[TINY]]) == [[1 + 2.0**-7]]


@pytest.mark.parametrize("fmt", ["bfloat16", "float16", "e5m9", "e5m3"])
def test_zeros_keep_the_sign_that_addition_gives_them(fmt):
    for a, c in ((0.0, -0.0), (-0.0, -0.0), (0.0, 0.0), (-0.0, 0.0)):
        for product in (None, fmt):
            for order in ORDERS:
                acc = nf.Accumulator(fmt, product=product, order=order, **counted(order, 3))
                exactly([[a]], [[1.0]], acc, [[c]])


def test_infinite_sums_of_blocks():
    acc = nf.Accumulator("float32", order="blocked", block=1, promote="bfloat16")
    assert exactly([[np.inf, 1.0]], [[1.0], [1.0]], acc) == [[np.inf]]
    exactly([[0.0]], [[-1.0]], acc, [[-0.0]])


# ---------------------------------------------------------------- sums that are cut: the lowest binade, the largest
# number
@pytest.mark.parametrize("mode", ["toward_zero", "nearest_away", "stochastic"])
def test_halves_of_the_least_number(mode):
    f = nf.Format(name="x", precision=8, emin=-14, emax=15)
    least = 2.0 ** (f.emin - f.precision + 1)
    for n in (0.5, 1.5, 2.5, 33.5):
        exactly([[n * least]], [[1.0]], nf.Accumulator(f, rounding=mode), seed=1)
        exactly([[4 * least]], [[1.0]], nf.Accumulator(f, rounding=mode), [[n * least]], seed=1)


@pytest.mark.parametrize("mode", ["toward_zero", "nearest_away"])
def test_cut_sums_just_past_the_largest_number(mode):
    """c = 256 and 16 more at a time in E4M3: half a gap, which nearest_away makes a whole one of."""
    acc = nf.Accumulator("float8_e4m3fn", rounding=mode)
    for count in (1, 5, 9, 12, 30):
        for term in (15.0, 16.0, 32.0):
            exactly([[1.0] * count], [[term]] * count, acc, [[256.0]])


def test_products_past_the_largest_number_of_their_format():
    acc = nf.Accumulator("float16", product="float8_e4m3fn", rounding="toward_zero")
    assert np.isnan(exactly([[100.0]], [[100.0]], acc)).all()


@pytest.mark.parametrize("mode", ["toward_positive", "to_odd", "nearest_zero"])
def test_c_far_beyond_the_format(mode):
    f = nf.Format(name="x", precision=3, emin=-10, emax=10)
    for exponent in range(968, 985):
        exactly([[1.0]], [[1.0]], nf.Accumulator(f, rounding=mode), [[2.0**exponent]])
        exactly([[2.0**exponent]], [[1.0]], nf.Accumulator(f, rounding=mode), [[2.0**exponent]])


def test_sums_that_the_magic_constant_does_not_reach():
    """From 2^112 on bfloat16's constant is infinite in float32."""
    for exponent in (110, 112, 115, 126):
        for order in ("sequential", "kahan"):
            exactly([[1.0, 1.0]], [[2.0**exponent], [2.0 ** (exponent - 15)]], nf.Accumulator("bfloat16", order=order))


def test_sums_that_the_magic_constant_does_not_reach_in_formats_beyond_the_lane():
    """There an infinite sum is no overflow."""
    acc = nf.Accumulator(nf.Format(name="x", precision=4, emin=100, emax=133))
    for exponent in (107, 108, 110, 115, 126):
        exactly([[1.0]], [[2.0**exponent]], acc)


@pytest.mark.parametrize("policy", list(Overflow), ids=str)
@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_overflows_of_the_hardwares_formats(name, policy):
    top = nf.get_format(name).max
    for product in (None, name):
        for x in (top, -top, np.inf):
            exactly([[x]], [[1.0]], nf.Accumulator(name, product=product, overflow=policy), [[x]])


def test_fixed_point_past_its_largest_number():
    """-8 is a number of four bits, 8 is none."""
    for order in ORDERS:
        for sign in (1.0, -1.0):
            acc = nf.Accumulator("fixed4.0", order=order, **counted(order, 3))
            exactly([[sign * 4.0, sign * 4.0]], [[1.0], [1.0]], acc)


@pytest.mark.parametrize("name", ["float32", "float16", "float64"])
def test_formats_of_the_hardware_that_flush(name):
    for how in ("flush_input", "flush_output", "flush"):
        f = nf.get_format(name).replace(name="x", subnormals=how)
        x = f.smallest_normal
        exactly([[x, -x]], [[1.0], [0.75]], f)
        exactly([[x / 2, x]], [[1.0], [0.5]], f)


@pytest.mark.parametrize("fortran", [False, True])
def test_one_operand_that_is_no_half(fortran):
    """3 (1 + 2^-11) is nearer to 3 + 2^-9, 3 times the half beside it is 3. Both operands fill blocks of 16."""
    a, b = np.full((32, 16), 3.0, np.float32), np.zeros((16, 64), np.float32)
    b[3, 5] = 1 + 2.0**-11
    for x, y in ((a, b), (b.T.copy(), a.T.copy())):
        got = nf.matmul(*(np.asfortranarray(z) if fortran else z for z in (x, y)), "float16")
        assert got.max() == 3 + 2.0**-9
        assert np.count_nonzero(got) == 32


# ---------------------------------------------------------------- what one kernel leaves to the next
@pytest.mark.parametrize("row", [0, 13, 29])
def test_a_tile_that_three_numbers_do_not_hold(row):
    """The fourth number of one sum of many is all that is left at its end.

    Its rows are done by the plain rule, whatever stands beside them.
    """
    a, b = np.ones((30, 7)), np.zeros((7, 40))
    a[row], b[:, 3] = 2.0 ** -np.array([0.0, 60, 120, 180, 0, 60, 120]) * [1, 1, 1, 1, -1, -1, -1], 1.0
    got = exactly(a.tolist(), b.tolist(), nf.Accumulator("float32", rounding="toward_positive", order="exact"))
    assert got[row, 3] == 2.0**-149


# ---------------------------------------------------------------- the bounds themselves
@pytest.mark.parametrize("mode", ["toward_zero", "nearest_away", "stochastic", "stochastic_a", "stochastic_b"])
def test_points_of_cut_sums_are_numbers_of_the_lane(mode):
    """Where a mode begins to round up, 2^-bits units on: p + bits <= 53, and no point below float64's least number."""
    fixed = {"toward_zero": 0, "nearest_away": 1, "stochastic": 32}
    for p, emin, n in itertools.product(range(2, 27), (-1022, -1021, -1018, -1000, -10), (1, 8, 31, 32, 33, 40)):
        bits = fixed.get(mode, n + (mode == "stochastic_b"))
        if can_cut(nf.Format(name="x", precision=p, emin=emin, emax=10), Rounding(mode), n if "_" in mode else 0):
            assert bits <= 32 and p + bits <= 53 and emin - p + 1 - bits >= -1074


def test_a_bound_that_products_of_tiny_numbers_seem_to_keep():
    """1.375 2^-1074 is more than 2^-1074, which float64 makes of it."""
    x = Facts(4.0, -540.0, 1.375 * 2.0**-537, 1.0, 0.0)
    y = Facts(1.0, -537.0, 2.0**-537, 1.0, 0.0)
    assert not Problem(x, y, ZEROS, 1, lambda: 1.0).sums_within(2.0**-1074)
    assert Problem(x, y, ZEROS, 1, lambda: 1.0).sums_within(2.0**-1000)


@pytest.mark.parametrize("p", [2, 5, 8, 16])
@pytest.mark.parametrize("k", [1, 7, 60])
def test_growth_at_random_is_bounded_as_its_proof_says(p, k):
    """g^(k + 1) (T + 2 k h) is at most the bound, for sums near the least number h too."""
    f = nf.Format(name="x", precision=p, emin=-10, emax=10)
    g, h = 1 + Fraction(2) ** (1 - p), Fraction(f.smallest_subnormal)
    for bound in (f.max, 512 * float(h), float(h)):
        t = Fraction(bound_before_growth(bound, (f,), k))
        assert t <= 0 or g ** (k + 1) * (t + 2 * k * h) <= Fraction(bound)


def test_numbers_of_a_format_are_on_its_grid_and_nothing_else_is():
    f = nf.get_format("float8_e4m3fn")
    for values, on in (
        ([448.0, -16.0], True),
        ([2.0**-9], True),
        ([512.0], False),
        ([2.0**-10], False),
        ([17.0], False),
        ([np.inf, 1.0], False),
        ([np.nan], False),
    ):
        assert survey(np.array([values])).on_grid_of(f) is on


def test_norms_are_no_less_than_the_sums_they_bound():
    rng = np.random.default_rng(4)
    for k in (1, 2, 3, 50):
        for scale in (1.0, 2.0**-538, 2.0**-1000):
            for _ in range(30):
                x = np.abs(rng.standard_normal(k)) * scale
                assert Fraction(norm_bound(x[None], x[:, None].copy())) >= sum(Fraction(v) ** 2 for v in x.tolist())


def test_a_tie_but_for_what_kahans_sum_has_lost():
    a, b = np.float32([[1.0, 2.0**-20, 160.0]] * 25), np.float32([[1.0] * 67] * 2 + [[77.0] * 67])
    found = nf.matmul(a, b, nf.Accumulator("bfloat16", order="kahan"))
    assert (found == 12352.0).all()  # 160 x 77 = 12320 lies between 12288 and 12352, the former of which is even
