"""`Format`: validation, derived attributes, equality, and that it survives a repr, a copy and a pickle."""

import copy
import os
import pickle
import subprocess
import sys
import time

import pytest
from in_one_test import in_one_test

import nfloat as nf

GOOD = {"name": "f", "precision": 4, "emin": -6, "emax": 7}


@in_one_test(
    ("changes", "named"),
    [
        ({"precision": 0}, "precision=0"),
        ({"precision": 54}, "precision=54"),
        ({"precision": 4.0}, "precision=4.0"),
        ({"precision": True}, "precision=True"),
        ({"emin": 8}, "emin=8"),
        ({"emax": 1024}, "emax=1024"),
        ({"emin": -1072}, "emin=-1072"),
        ({"bits": 7}, "bits=7"),
        ({"bits": 65}, "bits=65"),
        ({"bits": -1}, "bits=-1"),
        ({"max_significand": 16}, "max_significand=16"),
        ({"max_significand": 7}, "max_significand=7"),
        ({"nan": "middle"}, "nan='middle'"),
        ({"nan": "negative_zero", "signed": False, "bits": 9}, "nan='negative_zero'"),
        ({"lowest_binade": "x"}, "lowest_binade='x'"),
        ({"lowest_binade": "normal"}, "lowest_binade='normal'"),
        ({"subnormals": "no"}, "subnormals='no'"),
        ({"overflow": "clip"}, "overflow='clip'"),
        ({"overflow": "infinity", "has_inf": False}, "overflow='infinity'"),
        ({"overflow": "nan", "has_inf": False, "nan": "none"}, "overflow='nan'"),
        ({"twos_complement": True}, "twos_complement=True"),
        ({"signed": "no"}, "signed='no'"),
        ({"has_inf": 1}, "has_inf=1"),
        ({"name": 5}, "name=5"),
        ({"signed": False, "bits": 64}, "bits=64"),
    ],
)
def test_contradictions_name_the_field(changes, named):
    with pytest.raises(nf.FormatError, match=named):
        nf.Format(**{**GOOD, **changes})


def test_width_is_the_least_that_holds_the_codes():
    assert nf.Format(**GOOD).bits == 8
    full = {**GOOD, "emax": 8, "has_inf": False}  # 2^7 finite magnitudes
    assert nf.Format(**full).bits == 9  # and a NaN
    assert nf.Format(**full, nan="none").bits == 8
    assert nf.Format(**full, nan="negative_zero").bits == 8
    assert nf.Format(**full, max_significand=14).bits == 8
    assert nf.Format(**full, nan="none", signed=False).bits == 7
    assert nf.Format(**GOOD, bits=12).bits == 12


def test_frozen_hashable_and_compared_by_value():
    a, b = nf.Format(**GOOD), nf.Format(**GOOD)
    assert a == b and hash(a) == hash(b) and a is not b
    assert a != nf.Format(**{**GOOD, "emax": 8})
    assert a == nf.Format(**GOOD, source="elsewhere")
    with pytest.raises(AttributeError):
        a.precision = 5


def test_repr_evaluates_back_and_str_is_the_name():
    for name in ("float16", "float8_e8m0fnu", "binary8p4se", "fixed16.8", "e5m9"):
        f = nf.get_format(name)
        assert eval(repr(f), {"Format": nf.Format}) == f
        assert str(f) == name
    flushed = nf.float16.replace(name="half-ftz", subnormals="flush_output")
    assert eval(repr(flushed), {"Format": nf.Format}) == flushed


def test_a_format_that_has_lost_its_only_number_is_refused():
    with pytest.raises(nf.FormatError, match=r"lowest_binade=.zero_first.*larger emax"):
        nf.Format(name="nothing", precision=3, emin=0, emax=0, max_significand=4, lowest_binade="zero_first")
    assert nf.Format(name="something", precision=3, emin=0, emax=0, lowest_binade="zero_first").smallest_normal == 1.25


def test_replace_keeps_the_rest():
    f = nf.float16.replace(name="g", subnormals="flush")
    assert (f.bits, f.max, f.smallest_subnormal) == (16, 65504.0, 2.0**-14)
    assert f.flushes_input and f.flushes_output and not f.has_subnormals
    with pytest.raises(nf.FormatError):
        nf.float16.replace(precision=60)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(protocol):
    for f in (*nf.FORMATS.values(), nf.Format(**GOOD)):
        hash(f), f.max  # fill what is kept
        for other in (pickle.loads(pickle.dumps(f, protocol)), copy.copy(f), copy.deepcopy(f)):
            assert other == f and hash(other) == hash(f) and other.max == f.max


def test_a_format_from_another_process_is_found_in_a_dictionary():
    """Hashes of strings differ between processes, so a pickled format must not bring its own."""
    make = "import pickle, sys, nfloat as nf; hash(nf.float16); sys.stdout.buffer.write(pickle.dumps(nf.float16))"
    env = {**os.environ, "PYTHONHASHSEED": "12345"}
    data = subprocess.run([sys.executable, "-c", make], env=env, capture_output=True, check=True).stdout
    assert {nf.float16: "here"}[pickle.loads(data)] == "here"


def test_float32_carries_what_fits():
    for name, fits in [
        ("float32", True),
        ("bfloat16", True),
        ("e8m23", True),
        ("e9m3", False),
        ("e8m24", False),
        ("float64", False),
        ("fixed24.8", True),
        ("fixed32.8", False),
        ("binary8p1uf", True),
        ("float8_e8m0fnu", True),
        ("binary10p1sf", False),
    ]:
        assert nf.get_format(name).fits_float32 is fits, name


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"subnormals": "flush"}, "subnormals"),
        ({"lowest_binade": "zero_first"}, "lowest_binade"),
        ({"bits": 16}, "bits"),
        ({"max_significand": 100}, "significand"),
        ({"emin": 1023, "emax": 1023}, "emax=1023"),
    ],
)
def test_fixed_point_has_one_unit_and_uses_every_code(changes, named):
    with pytest.raises(nf.FormatError, match=named):
        nf.get_format("int8").replace(name="f", **changes)


def test_eps_is_the_gap_above_one_where_one_is_subnormal():
    f = nf.Format(name="f", precision=4, emin=2, emax=5)
    assert f.eps == nf.decode(nf.encode(1.0, f) + 1, f) - 1.0 == nf.finfo(f).eps == 0.5


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("bits", "2**60", "at most 64"),
        ("bits", "10**9", "at most 64"),
        ("bits", "-(2**60)", "at most 64"),
        ("bits", "10**5000", "at most 64"),
        ("precision", "2**60", "1..53"),
        ("precision", "10**5000", "1..53"),
        ("emin", "-(2**70)", "-1074"),
        ("emax", "10**30", "1023"),
        ("emax", "10**5000", "1023"),
        ("emin", "10**5000", "emax"),
        ("max_significand", "2**10**6", "8..15"),
    ],
)
def test_huge_integers_are_refused_at_once(key, value, allowed):
    value = eval(value)  # given as text, which pytest can name
    for make in (lambda: nf.Format(**GOOD | {key: value}), lambda: nf.get_format("e5m2").replace(**{key: value})):
        start = time.monotonic()
        with pytest.raises(nf.FormatError, match=f"{key}=") as raised:
            make()
        assert time.monotonic() - start < 0.5
        assert len(str(raised.value)) < 400
    assert allowed in str(_error(**GOOD | {key: value}))


def _error(**parts):
    with pytest.raises(nf.FormatError) as raised:
        nf.Format(**parts)
    return raised.value


def test_the_widest_codes():
    assert nf.get_format("e5m2").replace(bits=64).bits == 64
    assert nf.Format(**GOOD, signed=False, bits=63).bits == 63
    assert nf.Format(**GOOD, bits=0) == nf.Format(**GOOD)


def test_the_least_number_of_fixed_point_decides_whether_float32_carries_it():
    def fixed(emax):
        return nf.Format(
            name="f", precision=10, emin=emax, emax=emax, bits=11, has_inf=False, nan="none", twos_complement=True
        )

    assert fixed(126).fits_float32 and fixed(126).min == -(2.0**127)
    assert not fixed(127).fits_float32 and fixed(127).min == -(2.0**128)
