"""Functions of losses and activations against the correctly rounded ones; sums against their order written out."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.nn import elementary

RNG = np.random.default_rng(0)
SPREAD = np.concatenate([RNG.standard_normal(1500) * scale for scale in (1e-12, 1e-3, 0.1, 0.4, 1.0, 5.0, 200.0)])
ARGUMENTS = {
    "exp": np.concatenate([SPREAD, np.linspace(-750.0, 709.0, 3000)]),
    "log": np.concatenate(
        [np.abs(SPREAD), 1.0 + np.abs(SPREAD), 1.0 - RNG.random(2000) / 2, [5e-324, 1e-310, 1.7e308, 0.5**0.5]]
    ),
    "tanh": np.concatenate([SPREAD, [5e-324, 1e-310, 19.0, 22.0, 1e300]]),
    "sigmoid": np.concatenate([SPREAD, np.linspace(-708.0, 60.0, 3000)]),
}


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize(("name", "ulps"), [("exp", 1), ("log", 1), ("tanh", 3), ("sigmoid", 3)])
def test_within_the_units_promised(name, ulps):
    x = ARGUMENTS[name]
    exact = getattr(nf, name)(x, "float64")
    got = getattr(elementary, name)(x)
    finite = np.isfinite(exact)
    assert np.array_equal(got[~finite], exact[~finite])
    exact, got = exact[finite], got[finite]
    assert np.all(np.abs(got - exact) <= ulps * np.spacing(np.abs(exact)))


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_special_values_and_zeros(name):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0])
    assert np.array_equal(getattr(elementary, name)(x)[:5], getattr(nf, name)(x, "float64")[:5], equal_nan=True)
    assert np.signbit(elementary.tanh(x)[4]) and not np.signbit(elementary.tanh(x)[3])
    assert elementary.exp(np.array([800.0, -800.0, 710.0])).tolist() == [np.inf, 0.0, np.inf]
    assert np.isnan(elementary.log(np.array([-1.0, -5e-324]))).all()


@pytest.mark.parametrize("name", ARGUMENTS)
def test_pieces_shapes_and_order_of_axes_change_nothing(name):
    function, x = getattr(elementary, name), np.abs(np.resize(ARGUMENTS[name], (3, 7001))).clip(1e-300, 700.0)
    whole = function(x)
    assert whole.shape == x.shape
    assert np.array_equal(whole.T, function(x.T)) and np.array_equal(whole[1], function(x[1]))
    assert np.array_equal(whole[:, :5], np.vectorize(lambda v: function(np.array([v]))[0])(x[:, :5]))


def test_small_shares_and_logarithms_keep_their_digits():
    """Rounded to bfloat16 or float32 as the exact results are, where 1/2 less nearly 1/2 would be 0 or noise."""
    x = np.concatenate([np.linspace(-12.9, 12.9, 500), RNG.standard_normal(500)])
    for fmt in ("bfloat16", "float16", "float32"):
        share = nf.gelu(x, "float64") / x
        assert np.array_equal(nf.round(elementary.normal_cdf(x), fmt), nf.round(share, fmt))
    special = elementary.normal_cdf(np.array([np.nan, -np.inf, -1e300, 0.0, np.inf]))
    assert np.array_equal(special, [np.nan, 0.0, 0.0, 0.5, 1.0], equal_nan=True)
    z = np.abs(x[500:]) ** np.arange(500) % 1.0
    exact = nf.log1p(z, "float64")
    assert np.all(np.abs(elementary.log1p(z) - exact) <= 2.0 * np.spacing(exact))


def test_sums_go_one_after_the_other():
    x = RNG.standard_normal((40, 333)) * 10.0 ** RNG.integers(-8, 8, (40, 333))
    by_columns, by_rows = np.zeros(40), np.zeros(333)
    for j in range(333):
        by_columns = by_columns + x[:, j]
    for i in range(40):
        by_rows = by_rows + x[i]
    assert np.array_equal(elementary.sums(x), by_columns) and np.array_equal(elementary.sums(x, 0), by_rows)
    total = 0.0
    for value in x.ravel().tolist():
        total += value
    assert elementary.total(x) == total
    assert elementary.sums(np.zeros((3, 0))).tolist() == [0.0] * 3 and elementary.total(np.zeros(0)) == 0.0


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 31, 100])
def test_sums_by_halves(length):
    x = RNG.standard_normal((3, 4, length)) * 10.0 ** RNG.integers(-8, 8, (3, 4, length))
    part = np.moveaxis(x, 2, 0)
    while len(part) > 1:
        half = len(part) // 2
        pairs = [part[i] + part[half + i] for i in range(half)]
        pairs[0] = pairs[0] + part[-1] if len(part) % 2 else pairs[0]
        part = np.array(pairs)
    for y in (x, np.asfortranarray(x)):
        assert np.array_equal(elementary.halved_sums(y, (-1,)), np.moveaxis(part, 0, 2))
    assert np.array_equal(elementary.halved_sums(x.T, (0,)), np.moveaxis(part, 0, 2).T)
