"""What `matmul`, `dot` and `sum` refuse, and what they say."""

import numpy as np
import pytest

import nfloat as nf

X = np.ones((3, 4))


@pytest.mark.parametrize(
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
    for order in ("sequential", "exact", "pairwise"):
        nf.matmul(a, a, nf.Accumulator("float16", order=order), c)
    nf.sum(a, "float16"), nf.cumsum(a, "float16", 0)
    assert (a == kept[0]).all() and (c == kept[1]).all() and a.flags.writeable


def test_kernels_compile_what_they_declare():
    from numba.core import sigutils

    from nfloat.kernels.jit import KERNELS

    for name, (dispatcher, declared) in KERNELS.items():
        if name.startswith(("gemm", "reduce")):
            allowed = {sigutils.normalize_signature(signature)[0] for signature in declared}
            assert set(dispatcher.signatures) <= allowed, name
