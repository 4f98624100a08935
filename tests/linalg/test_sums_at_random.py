"""Sums, running sums and a unit's inputs in formats at random: what `random_products.py` does for products."""

from random import Random

import numpy as np
import pytest
from equal_bits import same_bits

import nfloat as nf
from nfloat.testing.gemm_oracle import matmul_exact
from nfloat.testing.random_formats import random_format
from nfloat.testing.random_products import accumulator_source, draw


def terms(seed):
    """(accumulator without products, a matrix (k, n) to be summed along its columns, whether it is float32)."""
    product = draw(seed, most=7)
    x = np.array(product.b, np.float32 if product.single[1] else np.float64)
    return product.acc if product.acc.product is None else product.acc.replace(product=None), x


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_sums():
    key = nf.Stream(3).key
    for seed in range(700):
        acc, x = terms(seed)
        got = nf.sum(x, acc, 0, seed=3 if acc.stochastic else None)
        want = matmul_exact([[1.0] * len(x)], x.tolist(), acc, None, key)[0]
        assert same_bits(got, want).all(), (seed, accumulator_source(acc), x.tolist(), got, want)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_running_sums():
    for seed in range(700):
        acc, x = terms(seed)
        if acc.stochastic:
            continue
        got = nf.cumsum(x, acc, 0)
        for k in range(1, len(x) + 1):
            want = matmul_exact([[1.0] * k], x[:k].tolist(), acc)[0]
            assert same_bits(got[k - 1], want).all(), (seed, k, accumulator_source(acc), x.tolist())


@pytest.mark.parametrize("unit", ["nvidia.hopper.mma.f16.f32", "nvidia.ampere.mma.bf16.f32", "intel.amx.tdpbf16ps"])
def test_inputs_of_units(unit):
    """`inputs=` rounds to any format whose numbers the unit's format holds, once.

    Others are refused by the first such element.
    """
    rng, numbers = Random(4), np.random.default_rng(4)
    kind, tried, refused = nf.get_format({"f16": "float16"}.get(unit.split(".")[-2], "bfloat16")), 0, 0
    while tried < 60:
        fmt = random_format(rng, most_precision=11, accept=lambda f: f.signed and f.fits_float32 and f.emin >= -30)
        a, b = (numbers.standard_normal(shape) * min(fmt.max, 8.0) for shape in ((3, 8), (8, 2)))
        x, y = nf.round(a, fmt), nf.round(b, fmt)
        held = all(
            same_bits(nf.round(z, kind, overflow="saturate_finite" if kind.has_inf else None), z).all() for z in (x, y)
        )
        if held and np.isfinite(x).all() and np.isfinite(y).all():
            assert same_bits(nf.matmul(a, b, unit, inputs=fmt), nf.matmul(x, y, unit)).all(), fmt
            tried += 1
        elif not held and np.isfinite(x).all():
            with pytest.raises(nf.RepresentationError, match=r"is not|are not"):
                nf.matmul(a, b, unit, inputs=fmt)
            refused += 1
    assert refused > 3
