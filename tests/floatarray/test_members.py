"""Whatever a function takes from elsewhere, a FloatArray holds numbers of its format only: rounded, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf
from nfloat.floatarray.dtypes import is_within

A = nf.array([1.5, 2.25, -3.0], "float16")
B = nf.array([[1, 2, 3], [4, 5, 6]], "float16")
SCALE = nf.array([1, 2, 4], "float8_e8m0fnu")
TENTH = float(np.float16(0.1))


def _holds_members(a: nf.FloatArray) -> bool:
    values = np.asarray(a)
    return np.array_equal(values, nf.round(values, a.format), equal_nan=True)


@in_one_test(
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
        lambda: np.append(A, values=[0.1]),
        lambda: np.hstack([A, [0.1]]),
        lambda: np.vstack([B, [0.1, 0.2, 0.3]]),
        lambda: np.column_stack([A, [0.1, 1, 2]]),
        lambda: np.block([A, 0.1]),
        lambda: np.multiply(A, [0.1, 0.2, np.float64(0.3)]),
        lambda: np.tril(nf.array([[1, 2], [1, 2]], "float8_e8m0fnu")),  # NaN, which stands for no zero
    ],
)
def test_numbers_are_rounded(function) -> None:
    result = function()
    assert isinstance(result, nf.FloatArray) and _holds_members(result)


@pytest.mark.parametrize("number", [0.5, 0.1], ids=["held", "not held"])
@in_one_test(
    "function",
    [
        lambda x: A + np.full(3, x),
        lambda x: np.full(3, np.float32(x)) * A,
        lambda x: A @ np.full(3, x),
        lambda x: np.add(A, [np.full(3, x)]),
        lambda x: np.append(A, np.full(3, x)),
        lambda x: np.stack([A, np.full(3, x)]),
        lambda x: np.block([A, np.full(3, x)]),
        lambda x: np.insert(A, 0, values=np.array([x])),
        lambda x: np.where(A > 0, A, np.full(3, x)),
        lambda x: np.add.reduce(A, initial=np.full(1, x)[0]) + np.full(1, x),
        lambda x: A * np.arange(3),
    ],
)
def test_whether_an_array_is_refused_does_not_depend_on_its_data(function, number) -> None:
    with pytest.raises(nf.FormatError, match=r"say its format, nf\.array\(x, 'float16'\)"):
        function(number)


def test_a_dtype_of_numbers_of_the_format_needs_no_cast() -> None:
    import ml_dtypes

    half, byte = np.array([0.1, 1, 2], np.float16), np.array([1, 2, 255], np.uint8)
    assert (A + half).tolist() == (A + nf.array(half, "float16")).tolist() and (A * byte).tolist() == [1.5, 4.5, -765]
    assert (A * np.array([True, False, True])).tolist() == [1.5, 0, -3]
    assert (A + np.array([1.5, 1, 1], ml_dtypes.float8_e4m3fn)).tolist() == [3, 3.25, -2]
    b = A.astype("bfloat16")
    assert (b + np.array([1.5, 1, 1], ml_dtypes.bfloat16)).tolist() == [3, 3.25, -2]
    for dtype, fmt in (
        (np.float16, "bfloat16"), (np.float32, "float16"), (np.uint16, "float16"), (bool, "float8_e8m0fnu"),
        (ml_dtypes.float8_e5m2, "float8_e4m3fn"), (np.int8, "fixed16.9"),
    ):  # fmt: skip
        with pytest.raises(nf.FormatError, match="say its format"):
            nf.array([1.0], fmt) + np.ones(1, dtype)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int16, np.uint16, np.float16, np.float32])
def test_a_dtype_is_within_a_format_if_all_its_numbers_are(dtype) -> None:
    codes = np.arange(1 << min(16, 8 * np.dtype(dtype).itemsize))
    if dtype is np.float32:  # numbers of few bits and many exponents, and one of all bits
        x = np.ldexp(np.float32(1), np.arange(-149, 128)).astype(dtype)
        x = np.concatenate([x, -x, [0, 1 + 2.0**-23, np.inf, -np.inf, np.finfo(np.float32).max]], dtype=np.float32)
    else:
        x = codes.astype(bool) if dtype is bool else codes.astype(f"u{np.dtype(dtype).itemsize}").view(dtype)
    x = x[x == x]
    for name in sorted({*nf.FORMATS} | {"e6m9", "binary8p4se", "fixed16.8", "fixed24.12", "e8m10"}):
        held = np.array_equal(nf.round(x, name), x.astype(np.float64))
        assert is_within(np.dtype(dtype), nf.get_format(name)) == held, name


def test_comparisons_take_arrays_as_they_are_and_round_numbers() -> None:
    a = nf.array([0.1, 1.0], "float16")
    for number in (0.1, np.float64(0.1), np.array(0.1), np.float32(0.1)):
        assert (a == number).tolist() == (number == a).tolist() == [True, False]
    assert (a == [0.1, 1]).all() and (a == a.values).all() and (a == a.astype("float32")).all()
    assert (a == np.array([0.1, 1.0])).tolist() == [False, True]  # exactly: 0.1 of float64 is another number


def test_the_hint_names_an_operation_only_where_there_is_one() -> None:
    with pytest.raises(nf.FormatError, match=r"; nf.add\(a, x, 'float16'\) computes with it as it is"):
        A + np.array([0.1])
    with pytest.raises(nf.FormatError, match=r"nf.array\(x, 'float16'\), which rounds it$"):
        np.append(A, np.array([0.1]))
    own = nf.Format(name="mine", precision=5, emin=-6, emax=7)
    with pytest.raises(nf.FormatError, match=r"nf.array\(x, a.format\)"):
        nf.array([1.0], own) + np.array([0.1])
    with pytest.raises(nf.FormatError, match=r"b.astype\(a.format\) or a.astype\('float16'\)"):
        nf.array([1.0], own) + A[:1]


def test_padding_fills_in_elements_or_constants() -> None:
    assert np.pad(A, 1, mode="edge").tolist() == [1.5, 1.5, 2.25, -3, -3]
    with pytest.raises(nf.ArgumentError, match="mode='mean' fills in numbers with no defined rounding"):
        np.pad(A, 1, mode="mean")


def test_likes_are_of_the_format() -> None:
    assert np.isnan(np.asarray(np.zeros_like(SCALE))).all()  # there is no zero: what nf.round makes of it
    assert np.full_like(A, 0.1, shape=(2,)).tolist() == [TENTH, TENTH]
    with pytest.raises(nf.ArgumentError, match="dtype=<class 'int'>"):
        np.zeros_like(A, dtype=int)


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
