"""Bounds of `matmul_bound`.

Never exceeded by what `nf.matmul` computes, near to it where they should be, and what they say.
"""

from fractions import Fraction

import numpy as np
import pytest
from every_order import ORDERS, counted

import nfloat as nf
from nfloat.errors import AccumulatorError, ArgumentError
from nfloat.formats.rounding import Rounding
from nfloat.linalg.bounds import matmul_bound

FORMATS = (
    "float16",
    "bfloat16",
    "float8_e4m3fn",
    "float8_e5m2",
    "float6_e2m3fn",
    "float32",
    "float64",
    "fixed16.8",
    "e5m1",
    "int8",
)
HOW = (
    *({"order": order, **counted(order, 3)} for order in ORDERS),
    {"order": "blocked", "block": 4, "promote": "float32"},
)
MODES = tuple(mode for mode in Rounding if not mode.needs_random_bits)


def operands(generator, k):
    """Small matrices with cancellation or without, subnormal or not, with c or without."""
    scale = 2.0 ** generator.integers(-12, 2)
    a = generator.standard_normal((2, k)) * scale
    b = generator.standard_normal((k, 2)) * 2.0 ** generator.integers(-3, 3, (k, 2))
    if generator.random() < 0.3:
        a, b = abs(a), abs(b)
    return a, b, generator.standard_normal((2, 2)) * scale if generator.random() < 0.5 else None


def errors(a, b, c, computed):
    """|computed - exact|, each as an exact fraction."""
    m, n = computed.shape
    exact = [
        [sum((Fraction(x) * Fraction(y) for x, y in zip(a[i], b[:, j], strict=True)), Fraction(0)) for j in range(n)]
        for i in range(m)
    ]
    start = np.zeros((m, n)) if c is None else c
    return [
        [abs(Fraction(float(computed[i, j])) - exact[i][j] - Fraction(start[i, j])) for j in range(n)] for i in range(m)
    ]


@pytest.mark.sampled(30)
@pytest.mark.parametrize("how", HOW, ids=str)
@pytest.mark.parametrize("fmt", FORMATS)
def test_no_error_exceeds_its_bound(fmt, how):
    generator = np.random.default_rng(3)
    largest = 0.0
    for mode in MODES:
        for product in (None, "float8_e5m2"):
            acc = nf.Accumulator(fmt, product=product, rounding=mode, **how)
            for k in (1, 3, 17):
                a, b, c = operands(generator, k)
                bound = matmul_bound(a, b, acc, c)
                found = errors(a, b, c, nf.matmul(a, b, acc, c, seed=1)) if np.isfinite(bound).any() else [[0, 0]] * 2
                for row, limits in zip(found, np.asarray(bound), strict=True):
                    for error, limit in zip(row, limits, strict=True):
                        if np.isfinite(limit):
                            assert error <= Fraction(limit), (acc, k)
                            largest = max(largest, float(error) / limit if limit else 0.0)
    assert largest > (0.3 if how["order"] != "kahan" else 0.001)


@pytest.mark.parametrize("how", HOW, ids=str)
def test_stochastic_sums_stay_within_the_bound_by_chance(how):
    generator = np.random.default_rng(5)
    a, b = abs(generator.standard_normal((16, 300))), abs(generator.standard_normal((300, 16)))
    acc = nf.Accumulator("float16", rounding="stochastic", **how)
    bound = matmul_bound(a, b, acc, confidence=1 - 1e-6)
    error = abs(nf.matmul(a, b, acc, seed=2) - a @ b)
    if how["order"] in ("kahan", "exact"):
        assert bound.probable is None
        return
    assert (error <= bound.probable).all()
    assert (bound.probable <= bound).all()
    if how["order"] == "sequential":
        assert (bound.probable < 0.5 * bound).all()
        assert (error > 0.02 * bound.probable).any()


def test_the_sequential_bound_is_met():
    # ones stop at 2048 in float16: of n, n - 2048 are lost
    for n in (4096, 30_000):
        bound = matmul_bound(np.ones((1, n)), np.ones((n, 1)), "float16")[0, 0]
        assert n - 2048 <= bound <= n * 1.001
    bound = matmul_bound(np.ones((1, 500)), np.ones((500, 1)), "float16")[0, 0]
    assert bound == pytest.approx(500 * 500 * 2.0**-11, rel=1e-6)


def test_it_says_how_it_was_derived():
    bound = matmul_bound(np.ones((1, 64)), np.ones((64, 1)), nf.Accumulator("bfloat16", product="bfloat16"))
    assert bound.formula.endswith("min(n u (T + w), T + u w), n = 64, u = 2^-8, w = 2^-126")
    assert "(products)" in bound.formula
    assert "Jeannerod" in bound.source
    assert bound.shape == (1, 1)
    assert bound.confidence == 0.999
    assert bound.probable_formula.endswith("n = 64, u = 2^-8, w = 2^-126")
    assert matmul_bound(np.ones((1, 2)), np.ones((2, 1)), nf.Accumulator("float16", rounding="to_odd")).probable is None


def test_where_nothing_can_be_said():
    ones = np.ones((1, 40))
    assert matmul_bound(ones * 1e3, ones.T * 1e3, "float16")[0, 0] == np.inf  # may overflow
    assert np.isfinite(matmul_bound(ones * 1e3, ones.T * 1e3, "bfloat16")[0, 0])
    assert matmul_bound(ones * 300, ones.T * 300, nf.Accumulator("float32", product="float16"))[0, 0] == np.inf
    assert matmul_bound(ones, ones.T, "float8_e8m0fnu")[0, 0] == np.inf


def test_shapes():
    x = np.ones((5, 1, 3, 7))
    y = np.ones((2, 7, 4))
    assert matmul_bound(x, y, "float16").shape == (5, 2, 3, 4)
    assert matmul_bound(np.ones(7), np.ones(7), "float16").shape == ()
    assert matmul_bound(np.ones((3, 0)), np.ones((0, 2)), "float16", np.full((3, 2), 0.1)).shape == (3, 2)


def test_mistakes():
    with pytest.raises(AccumulatorError, match="compare bits"):
        matmul_bound(np.ones((1, 2)), np.ones((2, 1)), "nvidia.hopper.mma.f16.f32")
    for confidence in (0.0, 1.0, -1e-3, float("nan")):
        with pytest.raises(ArgumentError, match="confidence"):
            matmul_bound(np.ones((1, 2)), np.ones((2, 1)), "float16", confidence=confidence)
    for value in (np.nan, np.inf):
        with pytest.raises(ArgumentError, match="b: an element is infinite or NaN"):
            matmul_bound(np.ones((1, 2)), np.full((2, 1), value), "float16")


def test_the_bound_of_an_exact_sum_at_the_bottom_of_float64() -> None:
    """u w = 2^-1075 is no float64 number; the bound may not be 0."""
    a, b = 1.5 * 2.0**-537, (1 + 2.0**-30) * 2.0**-520
    computed = nf.matmul([[a]], [[b]], nf.Accumulator("float64", order="exact"))
    bound = matmul_bound([[a]], [[b]], nf.Accumulator("float64", order="exact"))
    assert 0 < abs(Fraction(computed.item()) - Fraction(a) * Fraction(b)) <= Fraction(bound.item())


def test_a_format_of_one_bit_has_a_bound() -> None:
    acc = nf.Accumulator("binary8p1se", rounding="stochastic")
    bound = matmul_bound([[1.0, 1.0]], [[1.0], [1.0]], acc)
    assert np.isfinite(bound).all() and (bound.probable == bound).all()
