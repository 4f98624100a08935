"""The hypothesis strategies draw what they say, find what they are for, and shrink to something small."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import nfloat as nf
from nfloat.testing import strategies as nst
from nfloat.testing.asserts import assert_representable

QUICK = settings(deadline=None, derandomize=True, max_examples=80, suppress_health_check=list(HealthCheck))
FIND = settings(
    deadline=None, derandomize=True, max_examples=3000, suppress_health_check=list(HealthCheck), database=None
)
#: where any example will do, and nobody reads the simplest
FIND_ANY = settings(FIND, phases=(Phase.generate,))


@QUICK
@given(st.data())
def test_values_are_numbers_of_the_format(data):
    fmt = data.draw(nst.formats(max_bits=20))
    assert fmt.bits <= 20
    assert_representable(data.draw(nst.values(fmt)), fmt)
    assert not math.isnan(data.draw(nst.values(fmt, allow_nan=False)))
    assert math.isfinite(data.draw(nst.values(fmt, allow_nan=False, allow_infinity=False)))


@QUICK
@given(st.data())
def test_arrays(data):
    a = data.draw(nst.arrays("bfloat16", (2, 3)))
    assert a.shape == (2, 3) and a.dtype == np.float32
    assert_representable(a, "bfloat16")
    assert data.draw(nst.arrays("e10m5", 4)).dtype == np.float64


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["float8_e4m3fn", "float4_e2m1fn", "float16", "binary8p1uf", "fixed8.4", "float64"])
def test_near_ties_land_on_ties_edges_and_past_the_top(name):
    fmt = nf.get_format(name)
    unit = float(nf.testing.ulp(fmt.max, fmt))
    if math.isfinite(fmt.max + unit):
        assert find(nst.near_ties(name), lambda x: x > fmt.max + unit / 2, settings=FIND_ANY) > fmt.max
    if name != "float64":
        tie = find(
            nst.near_ties(name),
            lambda x: nf.round(x, fmt, "nearest_away") != nf.round(x, fmt, "nearest_zero"),
            settings=FIND_ANY,
        )
        assert tie != 0
    least = fmt.smallest_subnormal
    assert abs(find(nst.near_ties(name), lambda x: 0 < abs(x) < 2 * least, settings=FIND_ANY)) < 2 * least


@QUICK
@given(st.sampled_from([1.0, 1e3, 1e6]), st.data())
def test_matrices_have_the_condition(condition, data):
    a = data.draw(nst.matrices("float32", (6, 4), condition=condition))
    assert_representable(a, "float32")
    assert np.linalg.cond(a) == pytest.approx(condition, rel=0.2)


def test_matrices_of_bad_conditions():
    for options in ({"condition": 0.5}, {"condition": math.inf}, {"shape": (0, 3)}):
        with pytest.raises(nf.ArgumentError):
            nst.matrices("float16", **{"shape": (2, 2), **options})


def test_shrinks_to_simple_things():
    assert find(nst.formats(), lambda f: f.has_nan, settings=FIND).bits <= 8
    assert find(nst.values("float16"), lambda v: v > 0, settings=FIND) == 2.0**-24
    assert find(nst.codes("float16"), lambda c: True, settings=FIND) == 0


@QUICK
@given(nst.roundings(), nst.roundings(stochastic=True), nst.formats(named=True), nst.reals("float8_e5m2"))
def test_modes_formats_and_reals(mode, any_mode, fmt, x):
    assert not mode.is_stochastic
    assert fmt.name in nf.FORMATS
    assert isinstance(x, float)


def test_a_planted_bug_is_found():
    """Ties rounded away: uniform floats would not find it."""

    def wrong(x):
        return nf.round(x, "float16", "nearest_away")

    x = find(nst.reals("float16"), lambda v: not math.isnan(v) and wrong(v) != nf.round(v, "float16"), settings=FIND)
    assert wrong(x) != nf.round(x, "float16")


def test_without_hypothesis_the_message_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "nfloat.testing.strategies")
    with pytest.raises(nf.MissingExtraError, match=r"pip install 'nfloat\[testing\]'"):
        __import__("nfloat.testing.strategies")


@settings(deadline=None)
@given(nst.block_formats(), st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40))
def test_block_formats_dequantise_to_what_round_gives(fmt, x):
    assert np.array_equal(nf.quantize(x, fmt).dequantize(), nf.round(np.asarray(x), fmt))
