"""`dot`, `sum` and `cumsum` against `matmul` and a plain loop, for every order."""

import numpy as np
import pytest
from equal_bits import same_bits
from every_mode import MODES, stated
from every_order import ORDERS, counted

import nfloat as nf


def accumulator(fmt, order, mode):
    promote = "float32" if order == "blocked" else None
    return nf.Accumulator(fmt, rounding=mode, order=order, promote=promote, **stated(mode, 9), **counted(order, 5))


@pytest.mark.sampled(24)
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_running_sums_end_in_the_sum(order, mode):
    x = np.random.default_rng(0).standard_normal((3, 41, 2)).astype(np.float32)
    acc = accumulator("float16", order, mode)
    running = nf.cumsum(x, acc, 1, seed=3)
    assert running.shape == x.shape and running.dtype == np.float32
    for k in (1, 2, 3, 4, 7, 16, 41):
        assert same_bits(nf.sum(x[:, :k], acc, 1, seed=3), running[:, k - 1]).all(), k


@pytest.mark.parametrize("order", ORDERS)
def test_a_sum_is_a_product_with_ones(order):
    x = np.random.default_rng(1).standard_normal((60, 45))
    acc = accumulator("bfloat16", order, MODES[0])
    assert same_bits(nf.sum(x, acc, 0), nf.matmul(np.ones(60), x, acc)).all()
    assert same_bits(nf.sum(x, acc, 1), nf.matmul(x, np.ones(45), acc)).all()
    assert nf.sum(x, acc) == nf.dot(x.reshape(-1), np.ones(x.size), acc)
    assert same_bits(nf.sum(x, acc, 0), [nf.sum(x[:, j], acc) for j in range(45)]).all()


def test_sequential_sum_is_the_loop():
    x = np.random.default_rng(2).standard_normal(300)
    s = 0.0
    for value in x:
        s = nf.fma(1.0, value, s, "float16")
    assert nf.sum(x, "float16") == s


def test_axes():
    x = np.arange(24.0).reshape(2, 3, 4)
    for axis in (None, 0, 1, -1, (0, 2), (2, 0), (0, 1, 2), ()):
        for keepdims in (False, True):
            got = nf.sum(x, "float32", axis, keepdims=keepdims)
            assert np.shape(got) == np.shape(x.sum(axis=axis, keepdims=keepdims)) and np.array_equal(
                got, x.sum(axis=axis, keepdims=keepdims)
            )
    assert np.array_equal(nf.cumsum(x, "float32"), np.cumsum(x)) and np.array_equal(
        nf.cumsum(x, "float32", -2), np.cumsum(x, -2)
    )


def test_empty_and_single():
    assert nf.sum([], "float16") == 0.0 and np.array_equal(nf.sum(np.zeros((0, 3)), "float16", 0), np.zeros(3))
    assert nf.sum(np.zeros((3, 0)), "float16", 0).shape == (0,) and nf.cumsum(np.zeros((2, 0)), "float16", 1).shape == (
        2,
        0,
    )
    assert nf.sum(2.5, "float8_e5m2") == 2.5 and nf.sum([1.1], "float8_e5m2") == 1.0
    assert nf.dot([], [], "float16") == 0.0


def test_products_play_no_part():
    x = np.random.default_rng(3).standard_normal(50)
    acc = nf.Accumulator("float32", product="float4_e2m1fn")
    assert nf.sum(x, acc) == nf.sum(x, "float32") and nf.dot(x, x, acc) != nf.dot(x, x, "float32")


def test_inputs_and_output():
    x = [1.06, 2.0, 3.0]
    assert nf.sum(x, "float16", inputs="float8_e4m3fn") == 6.0
    assert nf.sum(x, "float32", output="float8_e5m2") == 6.0
    assert nf.cumsum(x, "float32", inputs="float8_e4m3fn", output="float4_e2m1fn").tolist() == [1.0, 3.0, 6.0]


def test_dot_of_matrices():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    assert np.array_equal(nf.dot(a, b, "float32"), a @ b) and np.array_equal(nf.dot(a, b[:, 0], "float32"), a @ b[:, 0])
    assert nf.dot(a[0], a[1], "float32", c=1.0) == a[0] @ a[1] + 1


def test_specials():
    assert nf.sum([np.inf, 1.0], "float16") == np.inf and np.isnan(nf.sum([np.inf, -np.inf], "bfloat16"))
    assert np.isnan(nf.sum([np.nan, 1.0], nf.Accumulator("float16", order="exact")))
    for order in ORDERS:
        acc = accumulator("float16", order, "toward_negative")
        assert np.signbit(nf.sum([1.0, -1.0], acc)) and not np.signbit(
            nf.sum([1.0, -1.0], accumulator("float16", order, MODES[0]))
        )


def test_column_sums_are_products_with_ones():
    from nfloat.linalg.reductions import column_sums

    x = np.random.default_rng(0).standard_normal((37, 11)).astype(np.float32)
    x[:, 3], x[:, 4] = -0.0, [np.inf] + [1.0] * 36
    for carrier, acc in ((np.float32, "float32"), (np.float64, "float64")):
        y = x.astype(carrier)
        found = column_sums(y, nf.Accumulator(acc))
        assert found.tobytes() == nf.matmul(np.ones(37, carrier), y, nf.Accumulator(acc)).tobytes()
    for acc in (
        "bfloat16",
        nf.Accumulator("float32", order="kahan"),
        nf.Accumulator("float32", rounding="toward_zero"),
    ):
        assert column_sums(x, nf.linalg.accumulators.as_accumulator(acc)) is None
    assert column_sums(x.T, nf.Accumulator("float32")) is None
