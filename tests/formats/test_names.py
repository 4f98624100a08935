"""Names: aliases, families spelled on the fly, `finfo`, and that none of it loads a compiler."""

import subprocess
import sys
import time

import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf
from nfloat.formats.names import ALIASES


@in_one_test(("alias", "name"), ALIASES.items())
def test_aliases(alias, name):
    assert nf.get_format(alias) is nf.FORMATS[name]
    assert nf.get_format(f" {alias.upper()} ") is nf.FORMATS[name]


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("fp16", "float16"),
        ("half", "float16"),
        ("bf16", "bfloat16"),
        ("tf32", "tfloat32"),
        ("fp32", "float32"),
        ("fp64", "float64"),
        ("e4m3fn", "float8_e4m3fn"),
        ("e5m2", "float8_e5m2"),
        ("e2m1", "float4_e2m1fn"),
        ("e3m2", "float6_e3m2fn"),
        ("e2m3", "float6_e2m3fn"),
        ("e8m0", "float8_e8m0fnu"),
    ],
)
def test_documented_aliases(alias, name):
    assert nf.get_format(alias).name == name


def test_a_format_passes_through_and_case_does_not_matter():
    f = nf.Format(name="mine", precision=3, emin=-2, emax=3)
    assert nf.get_format(f) is f
    assert nf.get_format("e6m9") == nf.get_format("E6M9")
    assert nf.get_format("binary8p4se") == nf.get_format("Binary8p4se").replace(name="binary8p4se")


def test_the_catalogue_is_read_only():
    with pytest.raises(TypeError):
        nf.FORMATS["mine"] = nf.float16


@pytest.mark.parametrize("m", [1, 3, 10, 52])
@in_one_test("e", range(2, 12))
def test_ieee_like(e, m):
    if f"e{e}m{m}" in ALIASES:
        return
    f = nf.get_format(f"e{e}m{m}")
    bias = 2 ** (e - 1) - 1
    assert (f.bits, f.precision, f.bias, f.emin, f.emax, f.exponent_bits) == (1 + e + m, m + 1, bias, 1 - bias, bias, e)
    assert f.has_inf and f.has_nan and f.has_subnormals and f.has_negative_zero


def test_names_that_are_other_formats_too():
    """e5m10, e8m7 and the like are IEEE's formats under another name."""
    for spelled, named in (
        ("e5m10", "float16"),
        ("e8m7", "bfloat16"),
        ("e8m10", "tfloat32"),
        ("e8m23", "float32"),
        ("e11m52", "float64"),
    ):
        assert nf.get_format(spelled).replace(name=named) == nf.get_format(named)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_finfo_has_numpys_names_and_values(dtype):
    ours, theirs = nf.finfo(np.dtype(dtype).name), np.finfo(dtype)
    for key in (
        "bits",
        "eps",
        "epsneg",
        "max",
        "min",
        "tiny",
        "smallest_normal",
        "smallest_subnormal",
        "resolution",
        "precision",
        "nmant",
        "nexp",
        "maxexp",
        "minexp",
        "machep",
        "negep",
        "iexp",
    ):
        assert getattr(ours, key) == pytest.approx(
            float(getattr(theirs, key)), rel=1e-3 if key == "resolution" else 0, abs=0
        ), key


@in_one_test("fmt", [*nf.FORMATS, "e6m9", "binary8p4se", "fixed16.8"])
def test_finfo_answers_for_every_format(fmt):
    info, f = nf.finfo(fmt), nf.get_format(fmt)
    assert (info.bits, info.max, info.min, info.eps) == (f.bits, f.max, f.min, f.eps)


@pytest.mark.parametrize(
    ("fmt", "eps", "epsneg"),
    [
        ("float16", 2.0**-10, 2.0**-11),
        ("float4_e2m1fn", 0.5, 0.5),
        ("float6_e2m3fn", 0.125, 0.125),
        ("float8_e8m0fnu", 1.0, 0.5),
        ("int8", 1.0, 1.0),
        ("fixed16.8", 2.0**-8, 2.0**-8),
        ("binary8p4se", 0.125, 0.0625),
    ],
)
def test_finfo_has_the_gaps_on_both_sides_of_one(fmt, eps, epsneg):
    info, one = nf.finfo(fmt), nf.encode(1.0, fmt)
    assert (info.eps, info.epsneg) == (eps, epsneg) == (2.0**info.machep, 2.0**info.negep)
    assert (nf.decode(one + np.uint8(1), fmt), nf.decode(one - np.uint8(1), fmt)) == (1 + eps, 1 - epsneg)


def test_formats_load_no_compiler():
    code = (
        "import sys, nfloat as nf; nf.get_format('e4m3fn'); nf.finfo('binary8p4se'); nf.bfloat16; "
        "nf.Stream(1).child('a'); dir(nf); "
        "bad = {'numba', 'llvmlite', 'scipy', 'ml_dtypes', 'click', 'matplotlib', 'sklearn', 'msgspec'} & "
        "set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_p3109_exponents_beyond_float64_are_refused_with_the_least_precision():
    for name, least in (("binary16p3se", 5), ("binary16p5uf", 6), ("binary13p1se", 2)):
        with pytest.raises(nf.FormatError, match=f"{name}.*float64 does not hold.*computing needs P >= {least}"):
            nf.get_format(name)
        assert nf.get_format(name.replace(f"p{name.split('p')[1][0]}", f"p{least}")).precision == least


def test_what_says_the_width_alone_is_asked_for_more():
    for name in ("fp8", "FP8", "float8"):
        with pytest.raises(nf.FormatError, match=r"width alone; name one of 'float8_e4m3fn', 'float8_e5m2'"):
            nf.get_format(name)


def test_a_policy_that_a_format_lacks_is_not_advised():
    with pytest.raises(nf.RoundingError, match="None .its own policy. or 'saturate'$"):
        nf.round(1.0, "int8", overflow="infinity")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("fixed3.-100000000", "-1021..1074"),
        ("fixed16.1075", "-1008..1074"),
        ("fixed54.-971", "-970..1074"),
        ("fixed99999.2", "2..54"),
        ("e11m999999999", "1..52"),
        ("e999999999m3", "2..11"),
        ("int99999999999", "2..54"),
        ("binary999999999p3se", "3..16"),
        ("int" + "9" * 50, "2..54"),
        ("int" + "9" * 6000, "more than 60"),
        ("x" * 10**6, "more than 60"),
    ],
)
def test_huge_numbers_in_names_are_refused_at_once(name, allowed):
    start = time.monotonic()
    with pytest.raises(nf.FormatError, match=r"^fmt=") as raised:
        nf.get_format(name)
    assert time.monotonic() - start < 0.5
    assert allowed in str(raised.value)
    assert len(str(raised.value)) < 250


def test_fixed_point_up_to_the_ends_of_float64():
    for name in ("fixed16.1074", "fixed3.-1021", "fixed54.-970"):
        assert nf.get_format(name).name == name
    assert nf.get_format("fixed54.-970").min == -(2.0**1023)
    assert nf.get_format("fixed16.1074").smallest_subnormal == 2.0**-1074
