"""What NumPy's own tests of ufuncs ask for, on FloatArrays.

Broadcasting, out, where, reduce with all its arguments, at.

The operands are small integers and powers of two, so that nothing is rounded: then every call must give what NumPy
gives on the plain values, in value, shape and place.
"""

from __future__ import annotations

import itertools

import ml_dtypes
import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf

FORMAT = "bfloat16"


def _integers(*shape: int) -> tuple[nf.FloatArray, np.ndarray]:
    """The same ones in whatever order and process tests run: products of many threes would be rounded."""
    x = np.random.default_rng(shape).choice([1, 1, 2, 3, 4], shape).astype(np.float32)
    return nf.array(x, FORMAT), x


def _same(a: object, x: object) -> None:
    assert isinstance(a, nf.FloatArray)
    assert a.shape == np.shape(x)
    np.testing.assert_array_equal(np.asarray(a), x)


LAYOUTS = {
    "C": lambda v: v,
    "F": lambda v: v.T,
    "steps": lambda v: v[::2, 1::2],
    "backward": lambda v: v[::-1, ::-1],
    "repeated": lambda v: np.broadcast_to(v[:1], v.shape),
    "one row": lambda v: v[0],
    "one element": lambda v: v[1, 1],
    "no rows": lambda v: v[:0],
    "no columns": lambda v: v[:, :0],
}
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.copysign]


# ------------------------------------------------------------ calls
@pytest.mark.parametrize("ufunc", BINARY, ids=lambda u: u.__name__)
@in_one_test("layout", LAYOUTS)
def test_any_layout(ufunc: np.ufunc, layout: str) -> None:
    (a, x), view = _integers(4, 4), LAYOUTS[layout]
    with np.errstate(all="ignore"):
        _same(ufunc(view(a), nf.array(2.0, FORMAT)), ufunc(view(x), 2.0))
        _same(ufunc(view(a), 2), ufunc(view(x), 2.0))
        _same(ufunc(4, view(a)), np.asarray(nf.array(ufunc(4.0, view(x)), FORMAT)))


SHAPES = [(), (1,), (3,), (1, 3), (4, 1), (4, 3), (2, 1, 3), (1, 4, 1), (0,), (0, 3), (4, 0)]


@in_one_test(("left", "right"), list(itertools.product(SHAPES, SHAPES)))
def test_shapes_broadcast_or_raise_as_numpys(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    (a, x), (b, y) = _integers(*left), _integers(*right)
    try:
        wanted = x + y
    except ValueError:
        with pytest.raises(nf.ShapeError, match="do not broadcast"):
            a + b
    else:
        _same(a + b, wanted)
        _same(a + y.astype(ml_dtypes.bfloat16), wanted)
        _same(x.astype(ml_dtypes.bfloat16) * b, x * y)


@pytest.mark.parametrize("form", ["keyword", "tuple", "positional"])
def test_forms_of_out(form: str) -> None:
    a, x = _integers(2, 3)
    for out in (nf.array(np.zeros((2, 3)), FORMAT), np.zeros((2, 3)), np.zeros((2, 3), np.float32)):
        call = {
            "keyword": lambda out: np.add(a, a, out=out),
            "tuple": lambda out: np.add(a, a, out=(out,)),
            "positional": lambda out: np.add(a, a, out),
        }[form]
        assert call(out) is out
        np.testing.assert_array_equal(np.asarray(out), x + x)
    _same(np.add(a, a, out=None), x + x)
    _same(np.add(a, a, None), x + x)


def test_out_that_overlaps_its_operands() -> None:
    a, x = _integers(10)
    for first, second, target in (
        (slice(1, None), slice(None, -1), slice(1, None)),
        (slice(None, -1), slice(1, None), slice(None, -1)),
    ):
        b, y = a.copy(), x.copy()
        np.add(b[first], b[second], out=b[target])
        y[target] = x[first] + x[second]
        _same(b, y)
    b = a.copy()
    np.add(b, b[::-1], out=b)
    _same(b, x + x[::-1])


def test_out_that_views_another_array() -> None:
    a, x = _integers(3, 4)
    b = nf.array(np.zeros((4, 3)), FORMAT)
    np.multiply(a, 2, out=b.T)
    _same(b, (x * 2).T)
    np.negative(a[0], out=b[:, 1])
    _same(b[:, 1], -x[0])


@pytest.mark.parametrize("mask", [True, False, np.bool_(True)])
def test_where_is_one_boolean(mask: object) -> None:
    a, x = _integers(2, 3)
    out = nf.array(np.full((2, 3), 9.0), FORMAT)
    np.add(a, a, out=out, where=mask)
    _same(out, x + x if mask else np.full((2, 3), 9.0))


def test_where_broadcasts() -> None:
    a, x = _integers(2, 3)
    for mask in ([[True], [False]], [True, False, True], np.array([[True, False, False], [False, True, True]])):
        out, plain = nf.array(np.full((2, 3), 9.0), FORMAT), np.full((2, 3), 9.0)
        np.multiply(a, a, out=out, where=mask)
        np.multiply(x, x, out=plain, where=mask)
        _same(out, plain)
    flags = np.zeros((2, 3), bool)
    np.greater(a, 2, out=flags, where=[True, False, True])
    np.testing.assert_array_equal(flags, (x > 2) & [True, False, True])


# ------------------------------------------------------------ reduce
@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.minimum], ids=lambda u: u.__name__)
@pytest.mark.parametrize("keepdims", [False, True])
@in_one_test("axis", [0, 1, -1, None, (0, 1), (0, -1), (2, 0), (0, 1, 2), ()])
def test_reduce_over_any_axes(ufunc: np.ufunc, axis: object, keepdims: bool) -> None:
    a, x = _integers(2, 3, 2)
    for b, y in ((a, x), (a.transpose(2, 0, 1), x.transpose(2, 0, 1)), (a[:, ::-1], x[:, ::-1])):
        y = np.asarray(nf.round(y.astype(float), FORMAT))
        _same(
            ufunc.reduce(b, axis=axis, keepdims=keepdims),
            nf.round(ufunc.reduce(y, axis=axis, keepdims=keepdims), FORMAT),
        )
        _same(
            ufunc.reduce(b, axis, None, None, keepdims), nf.round(ufunc.reduce(y, axis=axis, keepdims=keepdims), FORMAT)
        )


@pytest.mark.parametrize("keepdims", [False, True])
def test_reduce_with_initial_where_and_out_together(keepdims: bool) -> None:
    a, x = _integers(3, 4)
    mask = np.array([True, False, True, True])
    for ufunc, initial in ((np.add, 5.0), (np.multiply, 2.0), (np.maximum, 3.0), (np.minimum, 2.0)):
        wanted = ufunc.reduce(x, axis=1, keepdims=keepdims, initial=initial, where=mask)
        _same(ufunc.reduce(a, axis=1, keepdims=keepdims, initial=initial, where=mask), wanted)
        out = nf.array(np.zeros(wanted.shape), FORMAT)
        assert ufunc.reduce(a, axis=1, keepdims=keepdims, initial=initial, where=mask, out=out) is out
        _same(out, wanted)
    plain = np.zeros(4)
    assert np.add.reduce(a, out=plain) is plain
    np.testing.assert_array_equal(plain, x.sum(axis=0))


def test_reduce_of_nothing() -> None:
    a, x = _integers(0, 3)
    for ufunc in (np.add, np.multiply):
        _same(ufunc.reduce(a), ufunc.reduce(x))
        _same(ufunc.reduce(a, axis=1), ufunc.reduce(x, axis=1))
        _same(ufunc.reduce(a, axis=None, initial=3), ufunc.reduce(x, axis=None, initial=3))
    _same(np.maximum.reduce(a, axis=None, initial=3), np.float32(3))
    with pytest.raises(ValueError, match="identity"):
        np.maximum.reduce(a)
    with pytest.raises(nf.ArgumentError, match="initial"):
        np.divide.reduce(a)


def test_reduce_without_an_identity_goes_from_left_to_right() -> None:
    a, x = nf.array([[16, 4, 2], [8, 2, 1]], FORMAT), np.array([[16.0, 4, 2], [8, 2, 1]])
    for axis in (0, 1):
        _same(np.subtract.reduce(a, axis), np.subtract.reduce(x, axis))
        _same(np.divide.reduce(a, axis), np.divide.reduce(x, axis))
    _same(np.subtract.reduce(a, axis=1, initial=32), 32 - x[:, 0] - x[:, 1] - x[:, 2])


def test_plain_arrays_reduce_into_float_arrays() -> None:
    out, sums = nf.array(0.0, FORMAT), nf.array(np.zeros(3), FORMAT)
    ones = np.ones(300, ml_dtypes.bfloat16)
    assert np.add.reduce(ones, out=out) is out and out.item() == 256
    assert np.add.accumulate(ones[:3], out=sums).tolist() == [1, 2, 3]
    assert np.sum(ones[:4], out=out).item() == 4
    with pytest.raises(nf.FormatError, match=r"nf\.array\(x, 'bfloat16'\)"):
        np.add.reduce(np.ones(2), out=out)
    with pytest.raises(nf.ArgumentError, match="booleans"):
        np.logical_and.reduce(ones, out=out)


# ------------------------------------------------------------ accumulate, outer, at
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_accumulate(axis: int) -> None:
    a, x = _integers(2, 3, 2)
    for ufunc in (np.add, np.multiply, np.subtract, np.maximum):
        _same(ufunc.accumulate(a, axis), ufunc.accumulate(x, axis))
        out = nf.array(np.zeros(x.shape), FORMAT)
        assert ufunc.accumulate(a, axis, out=out) is out
        _same(out, ufunc.accumulate(x, axis))
    _same(np.add.accumulate(a[:, :0], 1), np.add.accumulate(x[:, :0], 1))
    with pytest.raises(ValueError, match="axis"):
        np.add.accumulate(a, 3)


@pytest.mark.parametrize(("left", "right"), list(itertools.product([(), (2,), (2, 3), (0,)], repeat=2)))
def test_outer(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    (a, x), (b, y) = _integers(*left), _integers(*right)
    for ufunc in (np.add, np.multiply, np.maximum):
        _same(ufunc.outer(a, b), ufunc.outer(x, y))
        _same(ufunc.outer(a, y.astype(ml_dtypes.bfloat16)), ufunc.outer(x, y))
        _same(ufunc.outer(x.astype(ml_dtypes.bfloat16), b), ufunc.outer(x, y))


@pytest.mark.parametrize(
    "index",
    [
        0,
        [0, 0, 2],
        [[0, 1], [1, 0]],
        slice(None, None, 2),
        np.array([True, False, True]),
        (Ellipsis,),
        ([0, 2], [1, 1]),
        (slice(None), 1),
        [],
    ],
    ids=str,
)
def test_at(index: object) -> None:
    a, x = _integers(3, 2)
    for ufunc in (np.add, np.multiply, np.subtract):
        b, y = a.copy(), x.copy()
        ufunc.at(b, index, 2)
        ufunc.at(y, index, 2.0)
        _same(b, y)
    b, y = a.copy(), x.copy()
    np.add.at(b.T, (slice(None), [0, 0]), nf.array([1.0, 2.0], FORMAT))
    np.add.at(y.T, (slice(None), [0, 0]), np.array([1.0, 2.0]))
    _same(b, y)


def test_at_leaves_the_array_alone_where_an_index_is_out_of_bounds() -> None:
    a, x = _integers(3)
    with pytest.raises(IndexError):
        np.add.at(a, [0, 7], 1)
    _same(a, x)
