"""Where NumPy's protocols are easily got wrong.

Masks, out=, initial=, keepdims=, foreign elements, signalling NaN, index spellings.
"""

import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf


def v():
    return nf.array([1.0, 2.0, 3.0], "float16")


def a():
    return nf.array([[1, 2, 3], [4, 5, 6]], "float16")


TENTH = np.array([0.1, 1.0])


@in_one_test(
    ("call", "error", "words"),
    [
        (lambda: np.meshgrid(v(), TENTH), nf.FormatError, "float64 beside float16: say its format"),
        (lambda: np.broadcast_arrays(v(), TENTH[:1]), nf.FormatError, "float64 beside float16: say its format"),
        (lambda: np.broadcast_arrays(*[v()] * 40, TENTH[:1]), nf.FormatError, "float64 beside float16: say its format"),
        (lambda: np.atleast_1d(v(), TENTH), nf.FormatError, "float64 beside float16: say its format"),
        (lambda: np.compress(v()[:2], TENTH), nf.FormatError, "float64 beside float16: say its format"),
        (lambda: np.concatenate([v(), v()], dtype=np.float64), nf.ArgumentError, "dtype="),
        (lambda: np.add.reduce(v(), initial=nf.array(1.0, "bfloat16")), nf.FormatError, "are mixed"),
        (lambda: np.add.reduce(v(), initial=[1, 2]), nf.ShapeError, "initial="),
        (lambda: np.asarray(v(), dtype=np.float64, copy=False), ValueError, "copy=False"),
        (lambda: np.add.reduce(v(), out=np.zeros((2, 3))), nf.ShapeError, r"out= of shape \(2, 3\)"),
        (lambda: np.add.accumulate(v(), out=np.zeros((2, 3))), nf.ShapeError, r"out= of shape \(2, 3\)"),
        (lambda: np.add.reduce(v(), out=np.zeros(4)), nf.ShapeError, "out= of shape"),
        (lambda: np.add(a(), 1, out=np.zeros((3, 2))), nf.ShapeError, "out= of shape"),
        (lambda: np.add(a(), 1, out=[1]), (nf.ArgumentError, TypeError), "out="),
        (lambda: np.add(v(), 1, where=v(), out=v()), nf.ArgumentError, "where="),
        (lambda: np.add(np.ones(3), 1, where=v(), out=np.zeros(3)), nf.ArgumentError, "where="),
        (lambda: np.sum(v(), where=v()), nf.ArgumentError, "where="),
        (lambda: np.diff(a(), n=-1), nf.ArgumentError, "n=-1"),
        (lambda: a().__setitem__(slice(None), [1, 2]), nf.ShapeError, "value of shape"),
        (lambda: np.add.at(a(), (slice(None), 0), [1, 2, 3]), nf.ShapeError, "values of shape"),
        (lambda: v() + None, nf.ArgumentError, "an operand of add is None"),
        (lambda: v() + [1] * 5, nf.ShapeError, r"x1 \(3,\), x2 \(5,\)"),
        (lambda: np.put(v(), [0], 1.5), nf.ArgumentError, r"a\[...\] = "),
        (lambda: np.linalg.pinv(a()), nf.ArgumentError, r"np\.linalg\.pinv"),
    ],
)
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("keepdims", [True, 1, np.True_])
def test_keepdims_is_a_truth_value(keepdims):
    for function in (np.sum, np.prod, np.mean):
        assert function(a(), axis=0, keepdims=keepdims).shape == (1, 3)
        assert function(a(), axis=0).shape == function(a(), axis=0, keepdims=0).shape == (3,)


def test_a_plain_array_may_be_folded_into_a_float_array():
    target, number, ones = v(), nf.array(0.0, "float16"), np.ones(3, np.float16)
    assert np.cumsum(ones, out=target) is target and target.tolist() == [1, 2, 3]
    assert np.cumprod(ones, out=target).tolist() == [1, 1, 1]
    assert np.mean(ones, out=number).item() == 1.0 and np.dot(ones, ones, out=number).item() == 3.0


def test_no_number_is_a_text():
    assert (v() == "x").tolist() == [False] * 3 and (v() != "x").tolist() == [True] * 3 and ["x"].count(v()[0]) == 0


def test_diff_with_ends():
    assert np.diff(a(), prepend=0).tolist() == [[1, 1, 1], [4, 1, 1]]
    assert np.diff(v(), append=[5.0]).tolist() == [1, 1, 2] and np.diff(v(), n=0).tolist() == [1, 2, 3]


def test_lists_and_numbers_among_float32_values_stay_float32():
    for joined in (np.append(v(), 0.1), np.hstack([v(), 0.1]), np.concatenate([v(), [4.0]])):
        assert joined.dtype == np.float32 and joined.format is nf.float16


def test_signalling_nan_does_not_warn():
    single = np.array([0x7F800001], np.uint32).view(np.float32)
    double = np.array([0x7FF0000000000001], np.uint64).view(np.float64)
    half = np.array([0x7D01], np.uint16).view(np.float16)
    for x in (single, double, half):
        for many in (x, np.tile(x, 70)):
            for result in (
                nf.add(many, 1.0, "float16"),
                nf.exp(many, "float16"),
                nf.power(many, 2.0, "binary8p3se"),
                nf.sqrt(many, "bfloat16", "stochastic", seed=1),
            ):
                assert np.isnan(result).all()
    b = nf.array(np.tile(single, 60), "float32")
    for result in (
        np.floor(b),
        np.rint(b),
        np.exp(b),
        np.hypot(b, b),
        np.remainder(b, 1),
        b.sum(),
        np.add.accumulate(b),
        b.mean(),
        b + 1,
        b.astype("float16"),
    ):
        assert np.isnan(np.asarray(result)).all()
    np.add.at(b.copy(), [0], 1)
    assert np.isnan(np.asarray(nf.array(double, "float64").astype("float32"))).all()


def test_what_broadcast_arrays_returns_does_not_warn():
    x, y = np.broadcast_arrays(np.ones(3, np.float32), np.full(3, 2.0, np.float32))
    assert (nf.round(x, "float16") == 1).all() and nf.encode(x, "float16").tolist() == [0x3C00] * 3
    assert nf.matmul(x, y, "float16") == nf.sum(y, "float16") == 6.0 and nf.add(x, y, "float16").tolist() == [3, 3, 3]
    assert (np.broadcast_arrays(nf.array(2.5, "float16"), v())[0] + 1).tolist() == [3.5] * 3


def test_questions_and_selections():
    x = nf.array([[1.0, np.inf], [-np.inf, 0.0]], "float16")
    assert np.isposinf(x).tolist() == [[False, True], [False, False]] and np.isneginf(x).tolist() == [
        [False, False],
        [True, False],
    ]
    assert np.argwhere(x).tolist() == [[0, 0], [0, 1], [1, 0]] and np.argpartition(v(), 1).tolist() == [0, 1, 2]
    assert np.extract(np.array([True, False, True]), v()).tolist() == [1, 3]
    assert x.mT.tolist() == np.matrix_transpose(x).tolist() == x.T.tolist() and x.nbytes == 16
    with pytest.raises(nf.FormatError, match=r"say its format"):
        np.extract(v()[:2], TENTH)


def test_random_bits_do_not_depend_on_how_an_index_is_spelled():
    s = nf.array(np.full((3, 4), 0.5), "float16", "stochastic", seed=1)
    assert (
        s[1].stream == s[np.int64(1)].stream == s[-2].stream
        and s[1, 2].stream == s[np.int32(1), -2].stream == s[-2, np.uint8(2)].stream
    )
    assert s[1].stream != s[2].stream and s[1, 2].stream != s[2, 1].stream and s[0:1].stream != s[0].stream
