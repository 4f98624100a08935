"""Formats that are described and not computed in: limits, neighbours and codes, exactly."""

from decimal import Decimal
from fractions import Fraction
from random import Random

import numpy as np
import pytest

import nfloat as nf
from nfloat.formats.names import described_only
from nfloat.formats.wide import WIDE, WideFormat, decimal_text


@pytest.mark.parametrize(
    ("name", "bits", "p", "emax"),
    [
        ("binary128", 128, 113, 16383),
        ("float128", 128, 113, 16383),
        ("binary256", 256, 237, 262143),
        ("x87", 80, 64, 16383),
    ],
)
def test_limits_of_ieee_754(name, bits, p, emax):
    info = nf.finfo(name)
    assert (info.bits, info.nmant, info.maxexp, info.minexp) == (bits, p - 1, emax + 1, 1 - emax)
    assert info.max == 2 ** (emax + 1) - 2 ** (emax + 1 - p) and isinstance(info.max, int) and info.min == -info.max
    assert info.smallest_normal == Fraction(1, 2 ** (emax - 1)) and info.eps == Fraction(1, 2 ** (p - 1))
    assert info.smallest_subnormal == Fraction(1, 2 ** (emax - 1 + p - 1))
    assert info.nexp == info.iexp == {128: 15, 256: 19, 80: 15}[bits]


def test_decimal_text():
    assert nf.finfo("binary128").decimal("max") == "1.18973149535723176508575932662800702E+4932"
    assert nf.finfo("binary128").decimal("smallest_subnormal", 5) == "6.4752E-4966"
    assert nf.finfo("float16").decimal("max") == "65504"
    assert repr(nf.finfo("binary256")) == (
        "<limits of binary256: 256 bits, max=1.61132572E+78913, smallest_normal=2.48242795E-78913, "
        "smallest_subnormal=2.24800709E-78984, eps=9.05567908E-72>"
    )
    assert Fraction(Decimal(decimal_text(0.1, 60))) == Fraction(0.1)


def test_x87_is_what_this_machine_has():
    if np.finfo(np.longdouble).nmant != 63:
        return  # another format there
    f, rng = WIDE["x87"], Random(1)
    assert nf.finfo("x87").max == int(np.finfo(np.longdouble).max)
    for _ in range(200):
        x = np.longdouble(rng.uniform(-1, 1)) / 3 * np.longdouble(2) ** rng.randint(-16400, 16300)
        exact = Fraction(*x.as_integer_ratio())
        assert f.neighbours(exact) == (exact, exact)
        assert f.code(exact) == int.from_bytes(x.tobytes()[:10], "little") or x == 0


@pytest.mark.parametrize("name", ["float16", "bfloat16", "binary8p4se", "binary8p3uf", "binary12p5ue"])
def test_neighbours_and_codes_are_those_of_formats_that_compute(name):
    f, rng = nf.get_format(name), Random(2)
    wide = WideFormat(name="w", bits=f.bits, precision=f.precision, emin=f.emin, emax=f.emax, signed=f.signed,
                      max_significand=f.max_significand, unsigned_zero=not f.has_negative_zero)  # fmt: skip
    assert (wide.max, wide.min, wide.eps) == (f.max, f.min, f.eps)
    for _ in range(200):
        x = rng.uniform(-1 if f.signed else 0, 1) * 2.0 ** rng.randint(f.emin - f.precision, f.emax)
        below, above = wide.neighbours(Fraction(x))
        assert below == nf.round(x, name, "toward_negative") and above == nf.round(x, name, "toward_positive")
        for end in (below, above):
            assert end == 0 or wide.code(end) == nf.encode(float(end), name)


def test_p3109_beyond_float64():
    f = described_only("binary16p4se")
    assert (f.precision, f.emax, f.emin, f.bits) == (4, 2047, -2047, 16)
    assert nf.finfo("binary16p4se").max == f.max == 14 * 2**2044
    assert described_only("binary16p5se") is None and described_only("binary17p4se") is None
    assert described_only(3) is None and described_only("binary16p99999se") is None


@pytest.mark.parametrize("name", ["binary128", "quad", "longdouble", "binary256", "binary16p4se", "x87"])
def test_computing_is_refused_in_one_sentence(name):
    for call in (lambda: nf.round(1.0, name), lambda: nf.array(1.0, name), lambda: nf.Accumulator(name)):
        with pytest.raises(nf.FormatError, match=r"float64 does not hold, .* nf.finfo and nfloat explain describe it"):
            call()
