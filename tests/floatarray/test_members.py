"""Whatever a function takes from elsewhere, a FloatArray holds numbers of its format only: rounded, or refused."""

from __future__ import annotations

import numpy as np
import pytest

import nfloat as nf

A = nf.array([1.5, 2.25, -3.0], "float16")
B = nf.array([[1, 2, 3], [4, 5, 6]], "float16")
SCALE = nf.array([1, 2, 4], "float8_e8m0fnu")
TENTH = float(np.float16(0.1))


def _holds_members(a: nf.FloatArray) -> bool:
    values = np.asarray(a)
    return np.array_equal(values, nf.round(values, a.format), equal_nan=True)


@pytest.mark.parametrize(
    "function",
    [
        lambda: np.clip(A, 0.1, 0.2),
        lambda: np.clip(A, a_min=0.1, a_max=0.2),
        lambda: np.clip(A, min=0.1, max=0.2),
        lambda: np.clip(A, None, 0.1),
        lambda: A.clip(0.1, 0.2),
        lambda: np.insert(A, 0, 0.1),
        lambda: np.insert(A, 0, values=0.1),
        lambda: np.append(A, 0.1),
        lambda: np.append(A, values=0.1),
        lambda: np.where(A > 0, A, 0.1),
        lambda: np.pad(A, 1, constant_values=0.1),
        lambda: np.max(A[:0], initial=0.1),
        lambda: np.min(B, axis=0, initial=4.0001),
        lambda: B.max(axis=1, initial=100.01),
        lambda: np.nanmax(B, axis=0, initial=4.0001),
        lambda: np.maximum(A, 0.1),
        lambda: np.full_like(A, 0.1),
        lambda: np.full_like(A, np.float64(0.1)),
        lambda: np.clip(A, np.float64(0.1), 1),
        lambda: np.max(A, initial=np.float32(0.1)),
        lambda: A * np.sqrt(2),
        lambda: A * A.values.mean(),
        lambda: np.array(0.1) + A,
        lambda: np.add.reduce(A, initial=0.1),
        lambda: np.concatenate([A, [0.5, 0.25]]),
        lambda: np.hstack([A, [0.5]]),
        lambda: np.tril(B),
        lambda: np.diag(A),
        lambda: np.zeros_like(SCALE),
        lambda: np.empty_like(SCALE),
        lambda: np.add.reduce(SCALE[:0]),
        lambda: np.sum(SCALE, where=[False] * 3),
        lambda: np.mean(SCALE),
        lambda: np.floor(SCALE / 4),
        lambda: np.diff(A),
    ],
)
def test_numbers_are_rounded(function) -> None:
    result = function()
    assert isinstance(result, nf.FloatArray) and _holds_members(result)


@pytest.mark.parametrize(
    "function",
    [
        lambda: np.append(A, values=[0.1]),
        lambda: np.hstack([A, [0.1]]),
        lambda: np.vstack([B, [0.1, 0.2, 0.3]]),
        lambda: np.column_stack([A, [0.1, 1, 2]]),
        lambda: np.stack([A, np.full(3, 0.1)]),
        lambda: np.block([A, np.full(3, 0.1)]),
        lambda: np.insert(A, 0, values=np.array([0.1])),
        lambda: np.pad(nf.array([1.0, 1 + 2.0**-10], "float16"), 1, mode="mean"),
        lambda: np.tril(nf.array([[1, 2], [1, 2]], "float8_e8m0fnu")),
    ],
)
def test_arrays_must_hold_numbers_of_the_format(function) -> None:
    with pytest.raises(nf.RepresentationError, match="does not hold"):
        function()


def test_the_hint_names_an_operation_only_where_there_is_one() -> None:
    with pytest.raises(nf.RepresentationError, match=r"or name the exact operation: nf.add\(a, x, 'float16'\)"):
        A + np.array([0.1])
    with pytest.raises(nf.RepresentationError, match=r"round it first, nf.array\(x, 'float16'\)$"):
        np.append(A, [0.1])


def test_likes_are_of_the_format() -> None:
    assert np.isnan(np.asarray(np.zeros_like(SCALE))).all()  # there is no zero: what nf.round makes of it
    assert np.full_like(A, 0.1, shape=(2,)).tolist() == [TENTH, TENTH]
    with pytest.raises(nf.ArgumentError, match="dtype=<class 'int'>"):
        np.zeros_like(A, dtype=int)
    with pytest.raises(nf.FormatError, match=r"np.asarray\(a, dtype\)"):
        A.astype(np.float32)


def test_copyto_and_fill_round() -> None:
    a = A.copy()
    np.copyto(a, 0.1)
    assert a.tolist() == [TENTH] * 3
    np.copyto(a, [1, 2, 3], where=[True, False, True])
    assert a.tolist() == [1, TENTH, 3]
    plain = np.zeros(3)
    np.copyto(plain, a)
    assert plain.tolist() == a.tolist()
    a.fill(1000.1)
    assert a.tolist() == [1000.0] * 3


def test_differences_and_inner_products_are_rounded() -> None:
    a = nf.array([1.0, 2049.0 - 1, 3.0], "float16")
    assert np.diff(a).tolist() == [2047.0, nf.subtract(3.0, 2048.0, "float16")]
    assert np.diff(B, axis=0).tolist() == [[3, 3, 3]]
    assert np.diff(B, n=2).tolist() == [[0], [0]]
    assert np.inner(A, B).tolist() == (B @ A).tolist()
    assert np.vdot(B, B).tolist() == (B.ravel() @ B.ravel()).tolist()
    assert (A**2).tolist() == np.float_power(A, 2).tolist()
