"""`matmul` bit for bit against the plain model over exact rationals.

Every order, product, format, mode and kind of data.
"""

import itertools

import numpy as np
import pytest
from every_mode import MODES, stated
from every_order import ORDERS, counted
from product_cases import accumulators, check

import nfloat as nf
from nfloat.formats.rounding import Overflow


@pytest.mark.sampled(12)
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_every_format_fused_and_rounded(order, mode):
    rng = np.random.default_rng([mode.tag, ORDERS.index(order)])
    for acc in accumulators(order, mode, rng):
        check(acc, rng, 2)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("policy", list(Overflow), ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_overflow_policies(order, policy):
    rng = np.random.default_rng(len(policy))
    for fmt, mode in itertools.product(("float8_e5m2", "float16", "bfloat16"), MODES):
        how = {**stated(mode, 20), **counted(order, 3)}
        check(nf.Accumulator(fmt, rounding=mode, order=order, overflow=policy, **how), rng, 2)


def test_mixed_products():
    rng = np.random.default_rng(0)
    for fmt, product in itertools.permutations(
        ("float16", "bfloat16", "float8_e4m3fn", "float32", "float4_e2m1fn", "e6m9"), 2
    ):
        for order in ORDERS:
            check(nf.Accumulator(fmt, product, order=order, **counted(order, 4)), rng, 2)
