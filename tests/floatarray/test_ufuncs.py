"""Ufuncs on FloatArrays: what applies of NumPy's own ufunc tests (broadcasting, out=, where=), and the rounding."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf
from nfloat.floatarray.ufuncs import ARITHMETIC, EXACT, FUNCTIONS, QUESTIONS

RNG = np.random.default_rng(0)
FORMATS = ["float16", "bfloat16", "float8_e4m3fn", "float64"]


def _pair(fmt: str, shape=(3, 4)) -> tuple[nf.FloatArray, nf.FloatArray]:
    return nf.array(RNG.standard_normal(shape), fmt), nf.array(RNG.uniform(0.5, 4, shape), fmt)


def _equal(a: object, b: object) -> None:
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("ufunc", [*ARITHMETIC, *FUNCTIONS], ids=lambda u: u.__name__)
@in_one_test("fmt", FORMATS)
def test_a_ufunc_is_the_function_of_the_same_name(ufunc: np.ufunc, fmt: str) -> None:
    a, b = _pair(fmt)
    operands = (abs(a), b)[: ufunc.nin] if ufunc not in (np.arcsin, np.arccos) else (np.minimum(abs(a), 1),)
    name = {"divide": "divide", "remainder": "remainder"}.get(ufunc.__name__, ufunc.__name__)
    result = ufunc(*operands)
    assert isinstance(result, nf.FloatArray) and result.format == a.format
    _equal(result, getattr(nf, name)(*(np.asarray(o) for o in operands), fmt))
    for mode in ("toward_negative", "to_odd"):
        down = tuple(o.replace(rounding=mode) for o in operands)
        _equal(ufunc(*down), getattr(nf, name)(*(np.asarray(o) for o in operands), fmt, mode))


@pytest.mark.parametrize(
    ("op", "name"),
    [
        (operator.add, "add"),
        (operator.sub, "subtract"),
        (operator.mul, "multiply"),
        (operator.truediv, "divide"),
        (operator.mod, "remainder"),
    ],
)
def test_operators_with_arrays_and_numbers_on_either_side(op, name: str) -> None:
    a, b = _pair("float16")
    f = getattr(nf, name)
    _equal(op(a, b), f(a, b, "float16"))
    _equal(op(a, 3), f(a, 3.0, "float16"))
    _equal(op(3, b), f(3.0, b, "float16"))
    _equal(op(a, 0.1), f(a, float(np.float16(0.1)), "float16"))  # a Python number is rounded first, as NumPy does
    _equal(op(a, np.array([1.0, 2.0, 4.0, 0.5], np.float16)), f(a, [1.0, 2.0, 4.0, 0.5], "float16"))
    _equal(op([1.0, 2.0, 4.0, 0.5], b), f([1.0, 2.0, 4.0, 0.5], b, "float16"))


def test_more_operators() -> None:
    a, _ = _pair("bfloat16")
    _equal(-a, -np.asarray(a))
    _equal(+a, a)
    _equal(abs(a), np.abs(np.asarray(a)))
    _equal(a**2, nf.power(a, 2.0, "bfloat16"))
    _equal(2**a, nf.power(2.0, a, "bfloat16"))
    _equal(np.square(a), nf.multiply(a, a, "bfloat16"))
    for op in (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge):
        result = op(a, 0.0)
        assert result.dtype == bool
        _equal(result, op(np.asarray(a), 0.0))
    assert (nf.array([0.1], "float16") == 0.1).all()
    assert (
        nf.array([0.5], "float16") == nf.array([0.5], "float8_e5m2")
    ).all()  # a comparison is exact whatever the formats


@pytest.mark.parametrize(
    ("x", "y"), [((3, 1), (1, 4)), ((2, 3, 4), (4,)), ((), (5,)), ((1,), (0,)), ((2, 1, 3), (5, 1))]
)
def test_broadcasting(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    a, b = nf.array(RNG.standard_normal(x), "float16"), nf.array(RNG.standard_normal(y), "float16")
    _equal(a + b, nf.add(a, b, "float16"))
    assert (a + b).shape == np.broadcast_shapes(x, y)


@pytest.mark.parametrize(
    "make",
    [
        lambda a: a.T,
        lambda a: a[::2],
        lambda a: a[:, ::-1],
        lambda a: a[1:, 1:],
        lambda a: a[None],
        lambda a: np.broadcast_to(a, (2, 4, 4)),
    ],
)
def test_views_of_any_layout(make) -> None:
    a = nf.array(RNG.standard_normal((4, 4)), "float16")
    view = make(a)
    _equal(view * view, nf.multiply(np.asarray(view).copy(), np.asarray(view).copy(), "float16"))
    _equal(np.exp(view), nf.exp(np.asarray(view).copy(), "float16"))


def test_out() -> None:
    a, b = _pair("float16")
    out = nf.array(np.zeros((3, 4)), "float16")
    assert np.add(a, b, out=out) is out
    _equal(out, a + b)
    plain = np.zeros((3, 4))
    assert np.multiply(a, b, out=plain) is plain
    _equal(plain, a * b)
    wide = nf.array(np.zeros((2, 3, 4)), "float16")
    np.sqrt(b, out=wide)  # broadcasts into out, as NumPy does
    _equal(wide[1], np.sqrt(b))
    with pytest.raises(nf.ArgumentError, match="does not fit"):
        np.add(a, b, out=out[0])
    with pytest.raises(nf.FormatError, match="mixed"):
        np.add(a, b, out=nf.array(np.zeros((3, 4)), "bfloat16"))
    with pytest.raises(nf.FormatError, match="does not hold"):
        np.add(nf.array([1e30], "bfloat16"), 0, out=np.zeros(1, np.float16))
    with pytest.raises(nf.ArgumentError, match="dtype int64"):
        np.add(a, b, out=np.zeros((3, 4), int))


def test_in_place_operators_and_overlap() -> None:
    a, b = _pair("float16")
    wanted, same = nf.add(a, b, "float16"), a
    a += b
    assert a is same
    _equal(a, wanted)
    a *= a
    _equal(a, nf.multiply(wanted, wanted, "float16"))
    x = np.ones(3, np.float16)
    x += nf.array([0.5, 1, 2], "float16")
    assert type(x) is np.ndarray and x.tolist() == [1.5, 2, 3]
    c = nf.array(np.arange(6.0), "float16")
    c[1:] += c[:-1]  # results are complete before they are written
    assert c.tolist() == [0, 1, 3, 5, 7, 9]


def test_where() -> None:
    a, b = _pair("float16")
    out, mask = nf.array(np.full((3, 4), 7.0), "float16"), RNG.random((3, 4)) < 0.5
    np.add(a, b, out=out, where=mask)
    _equal(out, np.where(mask, np.asarray(a + b), 7.0))
    np.exp(a, out=out, where=[True, False, False, True])
    _equal(out[:, 0], np.exp(a)[:, 0])
    with pytest.raises(nf.ArgumentError, match="where= needs out="):
        np.add(a, b, where=mask)


def test_exact_ufuncs_and_questions() -> None:
    a = nf.array([-1.5, 0.0, -0.0, 2.5, np.inf, np.nan], "float16")
    for ufunc in EXACT:
        operands = (a, a[::-1])[: ufunc.nin]
        result = ufunc(*operands)
        assert isinstance(result, nf.FloatArray)
        _equal(result, ufunc(*(np.asarray(o) for o in operands)))
    for ufunc in QUESTIONS:
        operands = (a, a[::-1])[: ufunc.nin]
        _equal(ufunc(*operands), ufunc(*(np.asarray(o) for o in operands)))
    assert np.isnan(np.asarray(-nf.array([1.0], "binary8p3uf"))[0])  # there are no negative numbers
    assert (
        np.signbit(np.asarray(-nf.array([0.0], "float16")))[0]
        and not np.signbit(np.asarray(-nf.array([0.0], "binary8p3se")))[0]
    )
    assert (-nf.array([-128], "int8")).tolist() == [127]
    out = np.zeros(6, bool)
    assert np.isnan(a, out=out) is out and out.tolist() == [False] * 5 + [True]


@pytest.mark.parametrize(
    "ufunc",
    [
        np.cbrt,
        np.floor_divide,
        np.logaddexp,
        np.ldexp,
        np.nextafter,
        np.spacing,
        np.arcsinh,
        np.divmod,
        np.modf,
        np.bitwise_and,
    ],
    ids=lambda u: u.__name__,
)
def test_ufuncs_without_a_defined_rounding_raise(ufunc: np.ufunc) -> None:
    a = nf.array([1.0, 2.0], "float16")
    with pytest.raises(nf.ArgumentError, match=f"np.{ufunc.__name__}"):
        ufunc(*(a, a)[: ufunc.nin])


def test_mixing_raises_and_names_the_cast() -> None:
    a, b = nf.array([1.0], "float16"), nf.array([1.0], "bfloat16")
    with pytest.raises(nf.FormatError, match=r"'float16' and 'bfloat16' are mixed; cast one: b.astype\('float16'\)"):
        a + b
    with pytest.raises(nf.RoundingError, match=r"b.replace"):
        a + a.replace(rounding="toward_zero")
    with pytest.raises(nf.FormatError, match=r"float64 beside float16: say its format, nf.array\(x, 'float16'\)"):
        a + np.array([0.1])
    for number in (0.1, np.float64(0.1), np.array(0.1)):  # numbers of any kind are rounded, as constants are
        assert (a * number).tolist() == [float(np.float16(0.1))]
        assert (nf.array([0.1], "float16") == number).all() and (number == nf.array([0.1], "float16")).all()
    with pytest.raises(nf.ArgumentError):
        a + 1j
    with pytest.raises(nf.ArgumentError, match="dtype="):
        np.add(a, a, dtype=np.float64)
    with pytest.raises(ValueError, match="broadcast"):
        nf.array(np.ones(3), "float16") + nf.array(np.ones(4), "float16")


def test_matmul_is_fused_and_sequential_in_the_format() -> None:
    a, b = nf.array(RNG.standard_normal((5, 40)), "bfloat16"), nf.array(RNG.standard_normal((40, 3)), "bfloat16")
    _equal(a @ b, nf.matmul(a, b, "bfloat16"))
    _equal(np.dot(a, b), a @ b)
    _equal(a[0] @ b, nf.matmul(np.asarray(a[0]), b, "bfloat16"))
    assert (a[0] @ b[:, 0]).shape == ()
    down = a.replace(rounding="toward_zero") @ b.replace(rounding="toward_zero")
    _equal(down, nf.matmul(a, b, nf.Accumulator("bfloat16", rounding="toward_zero")))
