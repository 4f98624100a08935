"""`assert_matmul`: passes what the accumulator allows, fails what it does not."""

import numpy as np
import pytest
from every_mode import MODES, stated
from every_order import ORDERS, counted

import nfloat as nf
from nfloat.testing import assert_matmul, matmul_bound

RNG = np.random.default_rng(0)
A, B = (nf.round(RNG.standard_normal(shape), "bfloat16") for shape in ((6, 60), (60, 5)))
ACCUMULATORS = [
    nf.Accumulator("bfloat16"),
    nf.Accumulator("float32"),
    nf.Accumulator("bfloat16", product="bfloat16", order="pairwise"),
    nf.Accumulator("bfloat16", order="blocked", block=8, promote="float32"),
    *(nf.Accumulator("float16", order=order, **counted(order, 8)) for order in ORDERS[1:]),
    *(nf.Accumulator("bfloat16", rounding=mode, **stated(mode, 12)) for mode in MODES[1:]),
]


@pytest.mark.parametrize("acc", ACCUMULATORS, ids=str)
def test_passes_the_accumulator_itself_and_the_exact_product(acc):
    assert_matmul(nf.matmul(A, B, acc, seed=1), A, B, acc)
    assert_matmul(A @ B, A, B, acc)
    c = np.full((6, 5), 0.5)
    assert_matmul(nf.matmul(A, B, acc, c, seed=1), A, B, acc, c)


@pytest.mark.parametrize("acc", ACCUMULATORS, ids=str)
def test_fails_beyond_the_bound(acc):
    wrong = A @ B
    wrong[3, 2] += 1.01 * matmul_bound(A, B, acc)[3, 2]
    with pytest.raises(AssertionError, match=r"1 of 30 elements are beyond the bound.*\(3, 2\).*u = 2"):
        assert_matmul(wrong, A, B, acc)
    wrong[3, 2] = np.nan
    with pytest.raises(AssertionError, match="nan"):
        assert_matmul(wrong, A, B, acc)


def test_sees_a_wider_accumulator_than_claimed():
    """What a guessed rtol of 1e-2 would let through."""
    with pytest.raises(AssertionError):
        assert_matmul(nf.matmul(A, B, "bfloat16"), A, B, "float32")
    with pytest.raises(AssertionError, match="shape"):
        assert_matmul(A @ B[:, :2], A, B, "float32")


def test_a_matrix_unit_is_bit_exact():
    x, y = nf.round(A[:, :32], "float16"), nf.round(B[:32], "float16")
    unit = "nvidia.hopper.mma.f16.f32"
    assert_matmul(nf.matmul(x, y, unit), x, y, unit)
    with pytest.raises(AssertionError, match="not what"):
        assert_matmul(nf.matmul(x, y, unit) * (1 + 2**-20), x, y, unit)
