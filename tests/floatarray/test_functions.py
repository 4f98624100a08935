"""NumPy's functions on FloatArrays: those that move, those that ask, those that round, and the rest, which raise."""

from __future__ import annotations

import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf

A = nf.array(np.arange(6.0).reshape(2, 3) - 2.5, "float16")
X = np.asarray(A)

MOVING = [
    lambda m: np.concatenate([m, m]),
    lambda m: np.concatenate([m, m], axis=1),
    lambda m: np.stack([m, m], axis=1),
    lambda m: np.vstack([m, m]),
    lambda m: np.hstack([m, m]),
    lambda m: np.reshape(m, (3, 2)),
    lambda m: np.ravel(m),
    lambda m: np.transpose(m),
    lambda m: np.swapaxes(m, 0, 1),
    lambda m: np.moveaxis(m, 0, 1),
    lambda m: np.squeeze(m[None]),
    lambda m: np.expand_dims(m, 1),
    lambda m: np.broadcast_to(m, (4, 2, 3)),
    lambda m: np.take(m, [2, 0], axis=1),
    lambda m: np.flip(m),
    lambda m: np.roll(m, 1),
    lambda m: np.repeat(m, 2),
    lambda m: np.tile(m, (2, 1)),
    lambda m: np.sort(m),
    lambda m: np.max(m),
    lambda m: np.min(m, axis=0),
    lambda m: np.where(m > 0, m, 0.0),
    lambda m: np.clip(m, -1, 1),
    lambda m: np.diagonal(m),
    lambda m: np.copy(m),
    lambda m: np.append(m, 1.0),
    lambda m: np.delete(m, 0, axis=1),
    lambda m: np.unique(m),
    lambda m: np.zeros_like(m),
    lambda m: np.ones_like(m),
    lambda m: np.full_like(m, 0.5),
    lambda m: m.reshape(3, 2),
    lambda m: m.reshape((6,)),
    lambda m: m.ravel(),
    lambda m: m.flatten(),
    lambda m: m.transpose(),
    lambda m: m.transpose(1, 0),
    lambda m: m.T,
    lambda m: m.swapaxes(0, 1),
    lambda m: m.take([0]),
    lambda m: m.repeat(2, axis=0),
    lambda m: m.max(),
    lambda m: m.min(axis=1),
    lambda m: m[None].squeeze(),
]
ASKING = [
    lambda m: np.argmax(m),
    lambda m: np.argmin(m, axis=1),
    lambda m: np.argsort(m),
    lambda m: np.nonzero(m)[0],
    lambda m: np.count_nonzero(m),
    lambda m: np.any(m),
    lambda m: np.all(m, axis=0),
    lambda m: np.shape(m),
    lambda m: np.ndim(m),
    lambda m: np.size(m),
    lambda m: np.array_equal(m, m),
    lambda m: np.searchsorted(np.ravel(m), 0.1),
    lambda m: np.isclose(m, m),
    lambda m: m.argmax(),
    lambda m: m.argmin(),
    lambda m: m.any(),
    lambda m: m.all(),
]


@in_one_test("function", MOVING)
def test_moving_functions_are_numpys_on_the_values(function) -> None:
    result = function(A)
    assert isinstance(result, nf.FloatArray) and (result.format, result.rounding) == (A.format, A.rounding)
    np.testing.assert_array_equal(np.asarray(result), function(X))


@in_one_test("function", ASKING)
def test_asking_functions_are_numpys_on_the_values(function) -> None:
    result = function(A)
    assert not isinstance(result, nf.FloatArray)
    np.testing.assert_array_equal(result, function(X))


def test_results_in_lists_and_tuples() -> None:
    parts = np.split(A, 3, axis=1)
    assert all(isinstance(p, nf.FloatArray) for p in parts) and len(parts) == 3
    values, places = np.unique(A, return_index=True)
    assert isinstance(values, nf.FloatArray) and places.dtype.kind == "i"


@pytest.mark.parametrize(
    "function",
    [np.fft.rfft, np.linalg.svd, np.linalg.eig, np.percentile, np.interp, np.cov, np.corrcoef, np.kron, np.tensordot],
    ids=lambda f: f.__name__,
)
def test_everything_else_raises(function) -> None:
    operands = {np.interp: 3, np.percentile: 2, np.kron: 2, np.tensordot: 2}.get(function, 1)
    with pytest.raises(nf.ArgumentError, match="not defined for a FloatArray"):
        function(*[A] * operands)


def test_members_are_checked() -> None:
    assert np.concatenate([A, [[1.0, 2.0, 3.0]]]).shape == (3, 3)
    with pytest.raises(nf.FormatError, match="say its format"):
        np.concatenate([A, np.array([[0.5, 1.0, 2.0]])])
    with pytest.raises(nf.FormatError, match="mixed"):
        np.concatenate([A, A.astype("bfloat16")])
    assert np.where(A > 0, A, 0.1)[0, 0].item() == float(np.float16(0.1))
    assert np.where(A > 0, A, np.array(0.1))[0, 0].item() == float(np.float16(0.1))
    with pytest.raises(nf.ArgumentError, match="out="):
        np.concatenate([A, A], out=np.zeros((4, 3)))


def test_dot_and_products() -> None:
    a, b = nf.array(np.arange(4.0), "float16"), nf.array(np.ones((4, 2)), "float16")
    assert np.dot(a, b).tolist() == [6, 6] == a.dot(b).tolist()
    assert np.dot(a, 2.0).tolist() == [0, 2, 4, 6]
    assert np.prod(a[1:]).item() == 6 == a[1:].prod().item()
    assert a.cumsum().tolist() == [0, 1, 3, 6]
    with pytest.raises(nf.ArgumentError, match="two dimensions"):
        np.dot(a, nf.array(np.ones((2, 4, 2)), "float16"))
