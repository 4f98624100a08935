"""`nf.add(a, b)`, `nf.exp(a)` and their kind take format and way of rounding from a FloatArray."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf
from nfloat.kernels.arithmetic.operations import Operation
from nfloat.ops.approximations import APPROXIMATIONS

RNG = np.random.default_rng(0)
MODES = [("nearest_even", {}), ("toward_zero", {}), ("stochastic", {"seed": 3})]
OPERANDS = {"fma": 3, "sqrt": 1, "reciprocal": 1, "rsqrt": 1}
NAMES = {
    **{op.name.lower(): OPERANDS.get(op.name.lower(), 2) for op in Operation},
    **{name: 2 if name in ("arctan2", "power") else 1 for name in APPROXIMATIONS},
}


@pytest.mark.parametrize("name", NAMES)
@in_one_test(("mode", "drawn"), MODES)
def test_every_operation_rounds_as_its_operands_do(name, mode, drawn):
    arrays = [nf.array(RNG.uniform(0.1, 0.9, 30), "e5m7", rounding=mode, **drawn) for _ in range(NAMES[name])]
    result = getattr(nf, name)(*arrays)
    assert type(result) is nf.FloatArray and (result.format.name, result.rounding) == ("e5m7", mode)
    values = [a.values for a in arrays]
    if not drawn:
        assert np.array_equal(result.values, getattr(nf, name)(*values, "e5m7", mode))
    else:  # one of the two neighbours of the exact result, and the same ones again
        ends = [getattr(nf, name)(*values, "e5m7", way) for way in ("toward_negative", "toward_positive")]
        assert ((result.values == ends[0]) | (result.values == ends[1])).all()
        assert np.array_equal(result.values, getattr(nf, name)(*arrays).values)
    ufunc = getattr(np, name, None)
    if isinstance(ufunc, np.ufunc):
        assert np.array_equal(result.values, ufunc(*arrays).values)


def test_numbers_beside_it_are_rounded_to_its_format():
    a = nf.array([1.0, 2.0], "float16")
    assert nf.multiply(a, 0.1).tolist() == nf.multiply(np.float64(0.1), a).tolist() == (a * 0.1).tolist()


def test_what_is_missing_or_said_twice():
    a = nf.array([1.0, 2.0], "float16")
    with pytest.raises(nf.FormatError, match=r"fmt: there is none; name a format, or pass a FloatArray as x or y"):
        nf.add(1.0, [2.0])
    with pytest.raises(nf.FormatError, match="mixed"):
        nf.add(a, a.astype("bfloat16"))
    for given in ({"rounding": "toward_zero"}, {"overflow": "saturate"}, {"seed": 1}):
        with pytest.raises(nf.ArgumentError, match=f"{next(iter(given))}=.* goes with fmt; a FloatArray rounds in its"):
            nf.exp(a, **given)
    assert type(nf.add(a, a, "bfloat16")) is np.ndarray  # with a format: values, as ever


TENTHS = [0.1, np.float64(0.1), np.float32(0.1), np.longdouble("0.1"), np.array(0.1), np.array(np.longdouble("0.1")),
          Fraction(1, 10), Decimal("0.1")]  # fmt: skip


@pytest.mark.parametrize("tenth", TENTHS, ids=lambda x: type(x).__name__)
def test_a_number_of_any_kind_is_the_format_s_nearest(tenth):
    """On both sides, in comparisons and assignments, whether float64 holds it or not."""
    a, b = nf.array([0.5, 0.1, -2.0], "float16"), nf.array(0.1, "float16")
    for one, other in ((a * tenth, a * b), (tenth * a, a * b), (tenth - a, b - a), (a / tenth, a / b)):
        np.testing.assert_array_equal(one.values, other.values)
    assert (a == tenth).tolist() == (tenth == a).tolist() == [False, True, False]
    assert (a < tenth).tolist() == (tenth > a).tolist() == [False, False, True]
    a[0] = tenth
    assert a.values[0] == b.values == np.maximum(a, [tenth] * 3).values[2]


@pytest.mark.parametrize("large", [10**400, Fraction(10**400), Decimal("1e500"), np.longdouble("1e400")])
def test_a_number_beyond_float64_is_beyond_every_format(large):
    a = nf.array([1.0, -1.0], "float16")
    assert (a * large).values.tolist() == [np.inf, -np.inf] and (a < large).all()
