"""The plain rule of products alone (``kernels/gemm/plain.py``), against the exact model.

Every order, a mode of each family, data of every kind.

(``test_matmul_oracle.py`` has all modes, beside the tiled kernels; this compiles one kernel, and says which of the two
is wrong.)
"""

import numpy as np
import pytest
from equal_bits import same_bits
from every_mode import FAMILIES
from every_order import ORDERS
from product_cases import SEED, accumulators, plainly, problems

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.testing.gemm_oracle import matmul_exact

KEY = nf.Stream(SEED).key


@pytest.mark.parametrize("mode", [*FAMILIES, Rounding.TOWARD_NEGATIVE, Rounding.STOCHASTIC_A], ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_is_the_exact_model(order, mode):
    rng = np.random.default_rng([7, mode.tag, ORDERS.index(order)])
    for acc in accumulators(order, mode, rng):
        for name, a, b, c in problems(acc, rng, 2):
            want = matmul_exact(a.tolist(), b.tolist(), acc, None if c is None else c.tolist(), KEY)
            assert same_bits(plainly(a, b, c, acc, KEY), want).all(), (acc, name, a.tolist(), b.tolist(), c)


def test_sums_of_zeros_have_the_sign_of_addition():
    for mode in (Rounding.NEAREST_EVEN, Rounding.TOWARD_NEGATIVE):
        acc = nf.Accumulator("float16", rounding=mode)
        for x in (0.0, -0.0):
            for c in (0.0, -0.0):
                want = (
                    -0.0
                    if np.signbit([x, c]).all() or (mode is Rounding.TOWARD_NEGATIVE and np.signbit([x, c]).any())
                    else 0.0
                )
                assert same_bits(
                    plainly(np.array([[x]]), np.ones((1, 1)), np.array([[c]]), acc), np.array([[want]])
                ).all(), (mode, x, c)


def test_exact_sums_from_end_to_end_of_float64():
    """Terms from 2^-2148 to 2^2046, whose limbs lie far apart; ties that the last of them decides."""
    acc = nf.Accumulator("float64", order="exact")
    least = 2.0**-1074
    for rows in (
        [(2.0**1000, 2.0**1000), (-(2.0**1000), 2.0**1000), (least, 1.0)],
        [(1.0, 1.0), (2.0**-53, 1.0), (least, least)],
        [(1.0, 1.0), (2.0**-53, 1.0), (-least, least)],
        [(-1.0, 1.0), (-(2.0**-53), 1.0), (2.0**-60, 2.0**-60)],
        [(2.0**1000, 2.0**1000), (least, 1.0), (-(2.0**1000), 2.0**1000), (least, -0.5)],
    ):
        a, b = np.array([[x for x, _ in rows]]), np.array([[y] for _, y in rows])
        assert same_bits(plainly(a, b, None, acc), matmul_exact(a.tolist(), b.tolist(), acc, None, KEY)).all(), rows
