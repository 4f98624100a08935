"""What `matmul`, `dot` and `sum` refuse, and what they say."""

import numpy as np
import pytest
from every_order import ORDERS, counted
from in_one_test import in_one_test

import nfloat as nf

X = np.ones((3, 4))


@in_one_test(
    ("call", "error", "words"),
    [
        (lambda: nf.matmul(X, X, "float16"), nf.ShapeError, r"\(3, 4\).*must equal"),
        (lambda: nf.matmul(X, np.ones(3), "float16"), nf.ShapeError, r"\(4\).*dimension of b \(3\)"),
        (lambda: nf.matmul(1.0, X, "float16"), nf.ShapeError, "at least one dimension"),
        (lambda: nf.matmul(np.ones((2, 3, 4)), np.ones((3, 4, 5)), "float16"), nf.ShapeError, "do not broadcast"),
        (lambda: nf.matmul(X, X.T, "float16", c=np.ones((2, 2))), nf.ShapeError, r"c \(2, 2\) does not broadcast"),
        (lambda: nf.matmul([["a"]], X, "float16"), nf.ArgumentError, "a:"),
        (lambda: nf.matmul(X, X.T + 1j, "float16"), nf.ArgumentError, "b:"),
        (lambda: nf.matmul(X, X.T, "float16", threads=0), nf.ArgumentError, "threads=0"),
        (lambda: nf.matmul(X, X.T, "float16", threads=1.5), nf.ArgumentError, "threads=1.5"),
        (lambda: nf.matmul(X, X.T, nf.Accumulator("float16", rounding="stochastic")), nf.SeedError, "seed=None"),
        (lambda: nf.matmul(X, X.T, "float16", inputs="f"), nf.FormatError, "'f'"),
        (lambda: nf.matmul(X, X.T, "float16", output="flot16"), nf.FormatError, "float16"),
        (lambda: nf.dot(np.ones((2, 2, 2)), X, "float16"), nf.ShapeError, "nf.matmul"),
        (lambda: nf.sum(X, "float16", axis=2), nf.ShapeError, "axis=2"),
        (lambda: nf.sum(X, "float16", axis=(0, 0)), nf.ShapeError, "twice"),
        (lambda: nf.sum(X, "float16", axis="x"), nf.ArgumentError, "axis='x'"),
        (lambda: nf.sum(X, "nvidia.hopper.mma.f16.f32"), nf.AccumulatorError, "multiplies"),
        (lambda: nf.matmul(X, X.T, "float16", inputs=("float16",)), nf.FormatError, "inputs=.*pair"),
        (lambda: nf.matmul(X, X.T, "float16", output=3), nf.FormatError, "output=3"),
        (lambda: nf.matmul(X, X.T, "float16", threads=np.array([1, 2])), nf.ArgumentError, "threads=array"),
        (lambda: nf.matmul(X[:0], X.T, "float16", threads=0), nf.ArgumentError, "threads=0"),
        (
            lambda: nf.matmul(X, X.T, nf.Accumulator("float16", rounding="stochastic"), seed=np.array([1, 2])),
            nf.SeedError,
            "seed=array",
        ),
        (lambda: nf.sum(X, "float16", axis=np.array([0, 1])), nf.ArgumentError, "axis=array"),
        (lambda: nf.sum(X[:, :0], "float16", axis=0, threads="x"), nf.ArgumentError, "threads='x'"),
        (lambda: nf.sum(X, "float16", inputs=("float16", "float16")), nf.FormatError, "inputs="),
        (lambda: nf.cumsum(X, "float16", axis=(0, 1)), nf.ArgumentError, "axis="),
        (lambda: nf.Accumulator("float16", product=7), nf.FormatError, "product=7"),
        (lambda: nf.Accumulator(16), nf.FormatError, "format=16"),
        (
            lambda: nf.Accumulator("float16", order="blocked", block=4, promote="floot"),
            nf.FormatError,
            "promote='floot'",
        ),
        (lambda: nf.Accumulator("float16", order="blocked", block=np.array([4])), nf.AccumulatorError, "block=array"),
        (lambda: nf.Accumulator("float16").replace(ordr="exact"), nf.AccumulatorError, "'ordr'.*did you mean 'order'"),
        (lambda: nf.testing.matmul_bound(X, X.T, "float16", np.ones((2, 2))), nf.ShapeError, "c "),
        (lambda: nf.testing.matmul_bound(X, X.T, "float16", confidence="x"), nf.ArgumentError, "confidence='x'"),
        (lambda: nf.cumsum(X, nf.Accumulator("float16", rounding="stochastic")), nf.SeedError, "seed=None"),
    ],
)
def test_refusals_name_the_argument(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_what_memory_cannot_hold_is_refused_at_once():
    column = np.broadcast_to(np.float32(1.0), (10**7, 1))
    with pytest.raises(nf.ShapeError, match=r"\(10000000, 10000000\).*GiB"):
        nf.matmul(column, column.T, "float16")
    with pytest.raises(nf.ShapeError, match=r"100000.*GiB"):
        nf.matmul(np.broadcast_to(1.0, (40, 10**5, 1)), np.broadcast_to(1.0, (1, 10**5)), "float32")


def test_inputs_and_output_round():
    a, b = np.array([[1.01, 2.0]]), np.array([[1.0], [0.3]])
    x, y = nf.round(a, "float8_e4m3fn"), nf.round(b, "float8_e5m2")
    want = nf.round(nf.matmul(x, y, "float16"), "bfloat16")
    assert nf.matmul(a, b, "float16", inputs=("float8_e4m3fn", "float8_e5m2"), output="bfloat16") == want
    assert nf.matmul(a, b, "float16", inputs="float8_e5m2") == nf.matmul(nf.round(a, "float8_e5m2"), y, "float16")


def test_dtypes():
    f32, f64 = np.ones((2, 2), np.float32), np.ones((2, 2))
    assert nf.matmul(f32, f32, "float16").dtype == np.float32
    assert nf.matmul(f32, f64, "float16").dtype == np.float64
    assert nf.matmul(f32, f32, "float64").dtype == np.float64
    assert nf.matmul(f32, f32, "float16", c=f64).dtype == np.float64
    assert nf.matmul(f32.astype(np.float16), f32, "float16").dtype == np.float32
    assert nf.matmul([1, 2], [3, 4], "float16") == 11.0 and np.isscalar(nf.matmul([1, 2], [3, 4], "float16"))


def test_operands_are_not_changed():
    a, c = np.full((3, 3), 0.1, np.float32), np.full((3, 3), 0.2, np.float32)
    kept = a.copy(), c.copy()
    for order in ORDERS:
        nf.matmul(a, a, nf.Accumulator("float16", order=order, **counted(order, 2)), c)
    nf.sum(a, "float16"), nf.cumsum(a, "float16", 0)
    assert (a == kept[0]).all() and (c == kept[1]).all() and a.flags.writeable


def test_kernels_compile_what_they_declare():
    from numba.core import sigutils

    from nfloat.kernels.jit import KERNELS

    for name, (dispatcher, declared) in KERNELS.items():
        if name.startswith(("gemm", "reduce")):
            allowed = {sigutils.normalize_signature(signature)[0] for signature in declared}
            assert set(dispatcher.signatures) <= allowed, name


def test_a_copy_that_memory_cannot_hold_is_refused_at_once():
    vector = np.broadcast_to(np.float32(1.0), (10**12,))
    square = np.broadcast_to(np.float32(1.0), (10**6, 10**6))
    for call in (
        lambda: nf.matmul(vector, vector, "float16"),
        lambda: nf.sum(vector, "float16"),
        lambda: nf.cumsum(vector, "float16"),
        lambda: nf.sum(square, "float16", axis=0),
    ):
        with pytest.raises(nf.ShapeError, match="GiB"):
            call()


NO_TERM = np.ones((1, 0)), np.ones((0, 1))


@pytest.mark.parametrize(
    "acc",
    [
        nf.Accumulator("float32", product="float8_e8m0fnu"),
        nf.Accumulator("float8_e8m0fnu", order="blocked", block=4, promote="float32"),
        nf.Accumulator("float32", order="kahan", rounding="toward_negative"),
        nf.Accumulator("bfloat16", rounding="to_odd"),
        nf.Accumulator("float16", order="exact"),
    ],
    ids=str,
)
def test_without_terms_the_result_is_c_rounded_or_zero(acc):
    c = np.array([[0.0, -0.0, 2.5, -2.5, 1.1, 1e-9, np.inf, np.nan]])
    empty = np.ones((1, 0)), np.ones((0, c.size))
    nf.testing.assert_bits_equal(nf.matmul(*empty, acc), np.zeros(c.shape))
    nf.testing.assert_bits_equal(nf.matmul(*empty, acc, c), nf.round(c, acc.result_format, acc.rounding))


def test_a_block_longer_than_any_sum_is_one_block():
    for block in (2**62, 2**63 - 1, 2**63, 10**30):
        for rounding in ("nearest_even", "toward_zero"):
            acc = nf.Accumulator("float64", order="blocked", block=block, rounding=rounding)
            assert (
                nf.matmul(np.ones((1, 3)), np.ones((3, 1)), acc).item()
                == nf.sum(np.ones(3), acc)
                == nf.cumsum(np.ones(3), acc)[-1]
                == 3.0
            )
