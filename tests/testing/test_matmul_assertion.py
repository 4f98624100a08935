"""`assert_matmul`: what each judge passes and fails, what a failure says, and bounds that are no test."""

import warnings

import numpy as np
import pytest
from every_mode import MODES, stated
from every_order import ORDERS, counted

import nfloat as nf
from nfloat.testing import assert_matmul, matmul_bound
from nfloat.testing.likely import likely_error

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
#: bounded so widely that zeros would pass
WIDE = [acc for acc in ACCUMULATORS if acc.format.name == "bfloat16" and not acc.rounding.is_nearest]
MEAN_ZERO = [mode for mode in MODES if mode.facts.unbiased or mode.is_nearest]


def failure(*args, **options):
    with pytest.raises(AssertionError) as caught:
        assert_matmul(*args, **options)
    return str(caught.value)


@pytest.mark.parametrize("acc", ACCUMULATORS, ids=str)
def test_each_judge_passes_the_accumulator_itself(acc):
    c = np.full((6, 5), 0.5)
    for start in (None, c):
        d = nf.matmul(A, B, acc, start, seed=1)
        assert_matmul(d, A, B, acc, start, seed=1 if acc.stochastic else None)
        if acc in WIDE:
            assert failure(d, A, B, acc, start, by="bound").startswith("no test")
        else:
            assert_matmul(d, A, B, acc, start, by="bound")
            assert_matmul(A @ B + (0.0 if start is None else start), A, B, acc, start, by="bound")
        if acc.rounding in MEAN_ZERO:
            assert_matmul(d, A, B, acc, start, by="probable")
            assert_matmul(d, A, B, acc, start, seed=1 if acc.stochastic else None)


@pytest.mark.parametrize("acc", ACCUMULATORS, ids=str)
def test_each_judge_fails_what_is_beyond(acc):
    wrong = A @ B
    wrong[3, 2] += 1.01 * matmul_bound(A, B, acc)[3, 2]
    for by in ("bound", "probable"):
        text = failure(wrong, A, B, acc, by=by)
        if acc in WIDE and (by == "bound" or acc.rounding not in MEAN_ZERO):
            assert text.startswith("no test")
            continue
        assert "1 of 30 elements (3.33 %) are beyond the bound" in text and "element (3, 2)" in text
    wrong[3, 2] = np.nan
    assert acc in WIDE or "nan" in failure(wrong, A, B, acc, by="bound")
    right = nf.matmul(A, B, acc, seed=1)
    off = right.copy()
    off[1, 4] = np.nextafter(off[1, 4], np.inf)
    assert "element (1, 4)" in failure(off, A, B, acc, seed=1)


def test_zeros_pass_nothing():
    """K = 512 in FP16: the rigorous bound is five times the greatest element, so it says that it is no test."""
    a, b = (nf.round(RNG.standard_normal(shape), "float16") for shape in ((8, 512), (512, 8)))
    zeros = np.zeros((8, 8))
    for fmt, k in (("float16", 512), ("bfloat16", 128)):
        x, y = nf.round(a[:, :k], fmt), nf.round(b[:k], fmt)
        assert "actual is zero throughout" in failure(zeros, x, y, fmt)
        for actual in (zeros, nf.matmul(x, y, fmt)):
            text = failure(actual, x, y, fmt, by="bound")
            assert text.startswith("no test: a matrix of zeros would pass") and "by='prediction'" in text
        assert_matmul(nf.matmul(x, y, fmt), x, y, fmt)
    assert_matmul(zeros, np.zeros((8, 2)), np.zeros((2, 8)), "float16", by="bound")  # where zeros are right


def test_so_many_ulp_that_zeros_would_pass_are_no_test():
    d = nf.matmul(A, B, "float16")
    assert_matmul(d, A, B, "float16", max_ulp=64)
    for actual in (d, np.zeros(d.shape)):
        assert failure(actual, A, B, "float16", max_ulp=2048).startswith("no test: a matrix of zeros would pass")


def test_sees_a_wider_accumulator_than_claimed():
    """What a guessed rtol of 1e-2 would let through."""
    for by in ("prediction", "probable", "bound"):
        failure(nf.matmul(A, B, "bfloat16"), A, B, "float32", by=by)
    assert "shape" in failure(A @ B[:, :2], A, B, "float32")


def test_correlated_data_is_within_the_probable_bound():
    """Sums that stagnate break the model of independent errors; the allowance knows the data."""
    ones = np.ones((2, 450))
    d = nf.matmul(ones, ones.T, "bfloat16")
    assert d[0, 0] == 256
    assert likely_error(ones, ones.T, nf.Accumulator("bfloat16"), None, 1e-3)[0, 0] < 450 - 256
    assert_matmul(d, ones, ones.T, "bfloat16", by="probable")


def test_ulp_of_the_prediction():
    d = nf.matmul(A, B, "bfloat16")
    other = nf.matmul(A, B, nf.Accumulator("bfloat16", order="interleaved", lanes=4))
    failure(other, A, B, "bfloat16", max_ulp=0)
    up = nf.round(d * (1 + 2.0**-8), "bfloat16", "toward_positive")
    assert_matmul(up, A, B, "bfloat16", max_ulp=2)
    assert "differ by more than 0.5 ulp of bfloat16" in failure(up, A, B, "bfloat16", max_ulp=0.5)


def test_a_failure_takes_the_error_apart_and_reproduces():
    acc = nf.Accumulator("float16", product="float16")
    x, y = A[:, :20], B[:20]
    wrong = nf.matmul(x, y, acc)
    wrong[2, 3] *= 1.5
    text = failure(wrong, x, y, acc)
    assert "1 of 30 elements (3.33 %) are not what Accumulator('float16', product='float16') computes" in text
    assert "element (2, 3)" in text and "neighbours of desired on the grid" in text
    assert "rounded products" in text and "order of the sum" in text and "width of float16" in text
    line = text.splitlines()[-1]
    assert line.startswith("reproduce: ")
    with pytest.raises(AssertionError) as again:
        eval(line.removeprefix("reproduce: "), {"nf": nf})
    assert str(again.value).splitlines()[2:6] == text.splitlines()[2:6]


@pytest.mark.parametrize("options", [{}, {"by": "bound"}, {"split_k": 2}, {"output": "bfloat16"}, {"c": 0.5}])
def test_every_reproduction_reproduces(options):
    long, tall = np.tile(A, 2), np.tile(B, (2, 1))
    wrong = 3.0 * (long @ tall) + 1
    text = failure(wrong, long, tall, "float32", **options)
    with pytest.raises(AssertionError, match="1 of 1 element"):
        eval(text.splitlines()[-1].removeprefix("reproduce: "), {"nf": nf})


def test_vectors_and_stacks():
    for x, y in (
        (A[0], B[:, 0]),
        (A[0], B),
        (A, B[:, 0]),
        (np.stack([A, A]), B),
        (A, np.stack([B, 2 * B, B])[:, None]),
    ):
        d = nf.matmul(x, y, "bfloat16")
        assert_matmul(d, x, y, "bfloat16")
        text = failure(np.asarray(d) * 1.25, x, y, "bfloat16")
        with pytest.raises(AssertionError):
            eval(text.splitlines()[-1].removeprefix("reproduce: "), {"nf": nf})


def test_what_it_looks_like():
    d = nf.matmul(A, A.T, "float32")
    x = nf.round(RNG.standard_normal((6, 6)), "bfloat16")
    assert "wrong sign throughout" in failure(-d, A, A.T, "float32")
    assert "2.0 times what was to come" in failure(2 * d, A, A.T, "float32")
    assert "transpose" in failure(nf.matmul(x, A[:, :6], "float32").T, x, A[:, :6], "float32")


def test_a_matrix_unit_is_bit_exact():
    x, y = nf.round(A[:, :32], "float16"), nf.round(B[:32], "float16")
    unit = "nvidia.hopper.mma.f16.f32"
    assert_matmul(nf.matmul(x, y, unit), x, y, unit)
    assert f"are not what {unit} computes" in failure(nf.matmul(x, y, unit) * (1 + 2**-20), x, y, unit)
    with pytest.raises(nf.AccumulatorError, match="no bound"):
        assert_matmul(nf.matmul(x, y, unit), x, y, unit, by="bound")


def test_block_arrays():
    x = nf.quantize(RNG.standard_normal((4, 64)), nf.mxfp8_e4m3)
    y = nf.quantize(RNG.standard_normal((64, 4)), nf.mxfp8_e4m3, axis=0)
    for acc in ("float32", "nvidia.blackwell.tcgen05.mxf8_e4m3.f32"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said once a process: a unit whose model no recording confirms
            assert_matmul(nf.matmul(x, y, acc), x, y, acc)
        failure(nf.matmul(x, y, acc) * 1.125, x, y, acc)
    with pytest.raises(nf.ArgumentError, match="split_k: not for block arrays"):
        assert_matmul(nf.matmul(x, y, "float32"), x, y, "float32", split_k=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "guess"}, "by='guess'"),
        ({"max_ulp": -1}, "max_ulp"),
        ({"by": "bound", "max_ulp": 1}, "by='prediction'"),
        ({"split_k": 0}, "split_k=0"),
        ({"promote": "float32"}, "split_k >= 2"),
        ({"promote": 128}, "order='blocked'"),
        ({"confidence": 2, "by": "probable"}, "confidence=2"),
        ({"confidence": "x"}, "confidence='x'"),
        ({"by": "bound", "promote": "float16"}, "promote go with"),
    ],
)
def test_bad_arguments_are_not_failures(options, message):
    with pytest.raises(nf.NFloatError, match=message):
        assert_matmul(A @ B, A, B, "float32", **options)
