"""Published figures and the inputs on which other tools are wrong.

Sources: Higham 2018 and Malone 2013 (harmonic sums), Wang et al. 2018 (chunked sums), Connolly, Higham and Mary 2021
(stochastic rounding), DeepSeek-V3 2024 (accumulator width).
"""

import numpy as np
import pytest

import nfloat as nf

#: format -> limit of the harmonic sum, first n that does not change it, where the sum of ones stops
STAGNATION = {
    "float16": (7.0859375, 513, 2048),
    "tfloat32": (7.0859375, 513, 2048),
    "bfloat16": (5.0625, 65, 256),
    "e6m9": (6.40625, 257, 1024),
    "float8_e4m3fn": (3.0, 9, 16),
    "float8_e5m2": (2.0, 5, 8),
    "float6_e2m3fn": (2.5, 7, None),
    "float6_e3m2fn": (2.0, 5, None),
    "float4_e2m1fn": (2.0, 4, None),
}


@pytest.mark.parametrize("fmt", STAGNATION)
def test_where_naive_sums_stop(fmt):
    limit, first, ones = STAGNATION[fmt]
    terms = nf.round(1.0 / np.arange(1, 3 * first + 1), fmt)
    running = nf.cumsum(terms, fmt)
    assert running[-1] == limit and nf.sum(terms, fmt) == limit
    assert np.flatnonzero(np.diff(running) == 0)[0] + 2 == first
    if ones is not None:
        assert nf.sum(np.ones(2 * ones + 3), fmt) == ones == nf.dot(np.ones(2 * ones), np.ones(2 * ones), fmt)


def test_ten_thousand_small_terms():
    for fmt, total in (("float16", 0.25), ("bfloat16", 0.03125)):
        assert nf.sum(np.full(10_000, nf.round(1e-4, fmt)), fmt) == total


def test_harmonic_sum_of_float32():
    terms = nf.round(1.0 / np.arange(1, 2_097_160), "float32")
    assert nf.sum(terms, "float32") == 15.403682708740234
    assert nf.sum(terms[:2_097_151], "float32") == 15.403682708740234 > nf.sum(terms[:2_097_150], "float32")


@pytest.mark.parametrize(
    ("fmt", "n", "exact", "sd"), [("bfloat16", 1024, 7.509, 0.28), ("float16", 16_384, 10.281, 0.144)]
)
def test_stochastic_sums_do_not_stop(fmt, n, exact, sd):
    terms = nf.round(1.0 / np.arange(1, n + 1, dtype=np.float32), fmt)
    # 300 seeds at once: every column of one row has its own bits
    sums = nf.sum(np.broadcast_to(terms[:, None], (n, 300)), nf.Accumulator(fmt, rounding="stochastic"), 0, seed=1)
    assert abs(sums.mean() - exact) < 4 * sd / np.sqrt(300) + 0.01
    assert 0.7 * sd < sums.std() < 1.4 * sd


def test_a_thousand_thousandths():
    terms = np.concatenate([[1.0], np.full(1000, nf.round(0.001, "bfloat16"))])
    assert nf.sum(terms, "bfloat16") == 1.0
    sums = nf.sum(
        np.broadcast_to(terms[:, None], (1001, 300)), nf.Accumulator("bfloat16", rounding="stochastic"), 0, seed=2
    )
    assert abs(sums.mean() - 1.998) < 4 * 0.083 / np.sqrt(300) + 0.01


#: n -> computed / exact: 1-6-9 naive, its chunks of 32 and 64, float16 naive, bfloat16 naive, its chunks of 32 and 64
SWAMPING = {
    2048: (0.999, 1.0, 1.0, 1.0, 0.499, 1.001, 0.999),
    4096: (0.920, 1.001, 1.0, 0.998, 0.250, 1.001, 1.001),
    8192: (0.497, 1.0, 1.0, 0.918, 0.125, 0.999, 1.001),
    16_384: (0.250, 0.998, 1.0, 0.501, 0.063, 0.983, 0.999),
    65_536: (0.0626, 0.994, 1.0, 0.125, 0.016, 0.250, 0.500),
}


@pytest.mark.parametrize("n", SWAMPING)
def test_swamping_and_chunks(n):
    rng = np.random.default_rng(7)
    x = rng.uniform(1 - np.sqrt(3), 1 + np.sqrt(3), (n, 10))
    got = []
    for fmt, order, block in (
        ("e6m9", "sequential", None),
        ("e6m9", "blocked", 32),
        ("e6m9", "blocked", 64),
        ("float16", "sequential", None),
        ("bfloat16", "sequential", None),
        ("bfloat16", "blocked", 32),
        ("bfloat16", "blocked", 64),
    ):
        terms = nf.round(x, fmt)
        got.append(np.mean(nf.sum(terms, nf.Accumulator(fmt, order=order, block=block), 0) / terms.sum(0)))
    assert np.abs(np.array(got) - SWAMPING[n]).max() < 0.02
    noisy = nf.sum(nf.round(x, "e6m9"), nf.Accumulator("e6m9", rounding="stochastic"), 0, seed=3) / x.sum(0)
    assert abs(noisy.mean() - 1.0) < 0.05


#: format, rounding, whether sums of 128 are promoted to float32 -> max |error| / |exact|
WIDTHS = {
    ("e8m13", "nearest_even", False): 0.0053,
    ("e8m13", "toward_zero", False): 0.070,
    ("e8m13", "nearest_even", True): 7.8e-5,
    ("e8m13", "toward_zero", True): 7.5e-4,
    ("float32", "nearest_even", False): 4e-7,
    ("tfloat32", "nearest_even", False): 0.09,
    ("bfloat16", "nearest_even", False): 0.76,
}


def test_accumulator_width_in_long_products():
    """32 x 4096 by 4096 x 32, E4M3 operands from U(0, 1); the mean over twelve draws, within 10 %."""
    found = dict.fromkeys(WIDTHS, 0.0)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        a, b = (nf.round(rng.random(shape), "float8_e4m3fn") for shape in ((32, 4096), (4096, 32)))
        exact = a @ b
        for fmt, rounding, promoted in WIDTHS:
            how = {"order": "blocked", "block": 128, "promote": "float32"} if promoted else {}
            error = np.abs(nf.matmul(a, b, nf.Accumulator(fmt, rounding=rounding, **how)) - exact) / exact
            found[fmt, rounding, promoted] += error.max() / 12
    assert found == {key: pytest.approx(value, rel=0.1) for key, value in WIDTHS.items()}


def test_fused_sums_are_rounded_once():
    """Through float32 this gives 1.001953125."""
    assert nf.matmul([[2.0**-11]], [[1 - 2.0**-20]], "float16", c=[[1 + 2.0**-10]]) == 1.0009765625


def test_sums_are_formed_in_the_format():
    assert nf.matmul(np.ones((1, 4096)), np.ones((4096, 1)), "float16") == 2048.0
    for fmt, total in (("bfloat16", 256.0), ("float8_e4m3fn", 16.0), ("float8_e5m2", 8.0)):
        assert nf.matmul(np.ones((1, 512)), np.ones((512, 1)), fmt) == total


def test_compensation_helps():
    rng = np.random.default_rng(0)
    a, b = (nf.round(rng.standard_normal(shape), "float16") for shape in ((8, 512), (512, 8)))
    plain, kahan = (
        np.abs(nf.matmul(a, b, nf.Accumulator("float16", order=order)) - a @ b).max()
        for order in ("sequential", "kahan")
    )
    assert kahan < 0.2 * plain


@pytest.mark.parametrize("k", [1, 2, 3])
def test_stochastic_products_go_up_as_often_as_they_should(k):
    """(1 + k 2^-12) * 1 to float16, added exactly."""
    n = 256
    a, b = np.full((n, 1), 1 + k * 2.0**-12), np.ones((1, n))
    for acc in (
        nf.Accumulator("float32", product="float16", rounding="stochastic"),
        nf.Accumulator("float16", product="float16", rounding="stochastic"),
        nf.Accumulator("tfloat32", rounding="stochastic"),
        nf.Accumulator("float16", rounding="stochastic_b", random_bits=8),
    ):
        r = nf.matmul(a, b, acc, seed=4)
        assert set(np.unique(r)) == {1.0, 1 + 2.0**-10}
        p, sd = np.mean(r > 1), np.sqrt(k / 4 * (1 - k / 4) / n**2)
        assert abs(p - k / 4) < 5 * sd
