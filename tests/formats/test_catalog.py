"""The named formats against their specifications' tables, ml_dtypes' and NumPy's finfo; what every entry must have."""

import math
import struct
from functools import partial

import ml_dtypes
import numpy as np
import pytest
from in_one_test import in_one_test

import nfloat as nf
from nfloat.testing import oracle

INF, NAN = math.inf, math.nan
ML_DTYPES = [name for name in nf.FORMATS if hasattr(ml_dtypes, name) and name not in ("int8",)]

#: name: (bits, p, bias, emin, emax, max, smallest normal, smallest subnormal, infinity, NaN, -0), from the sources
TABLE = {
    "float8_e4m3fn": (8, 4, 7, -6, 8, 448.0, 2**-6, 2**-9, False, True, True),  # OCP OFP8 1.0
    "float8_e5m2": (8, 3, 15, -14, 15, 57344.0, 2**-14, 2**-16, True, True, True),
    "float6_e3m2fn": (6, 3, 3, -2, 4, 28.0, 0.25, 0.0625, False, False, True),  # OCP MX 1.0
    "float6_e2m3fn": (6, 4, 1, 0, 2, 7.5, 1.0, 0.125, False, False, True),
    "float4_e2m1fn": (4, 2, 1, 0, 2, 6.0, 1.0, 0.5, False, False, True),
    "float8_e8m0fnu": (8, 1, 127, -127, 127, 2.0**127, 2**-127, 2**-127, False, True, False),
    "float8_e4m3": (8, 4, 7, -6, 7, 240.0, 2**-6, 2**-9, True, True, True),  # ml_dtypes
    "float8_e3m4": (8, 5, 3, -2, 3, 15.5, 0.25, 2**-6, True, True, True),
    "float8_e4m3fnuz": (8, 4, 8, -7, 7, 240.0, 2**-7, 2**-10, False, True, False),
    "float8_e5m2fnuz": (8, 3, 16, -15, 15, 57344.0, 2**-15, 2**-17, False, True, False),
    "float8_e4m3b11fnuz": (8, 4, 11, -10, 4, 30.0, 2**-10, 2**-13, False, True, False),
    "float8_e3m4_intel": (8, 5, 3, -2, 4, 30.0, 0.25, 2**-6, False, True, True),  # IntelLabs FP8-Emulation-Toolkit
    "float16": (16, 11, 15, -14, 15, 65504.0, 2**-14, 2**-24, True, True, True),  # IEEE 754
    "float32": (32, 24, 127, -126, 127, float(np.finfo(np.float32).max), 2**-126, 2**-149, True, True, True),
    "float64": (64, 53, 1023, -1022, 1023, np.finfo(np.float64).max, 2.0**-1022, 5e-324, True, True, True),
    "bfloat16": (16, 8, 127, -126, 127, (2 - 2**-7) * 2.0**127, 2**-126, 2**-133, True, True, True),
    "tfloat32": (19, 11, 127, -126, 127, (2 - 2**-10) * 2.0**127, 2**-126, 2**-136, True, True, True),
    "dlfloat16": (
        16,
        10,
        31,
        -31,
        32,
        (2 - 2**-8) * 2.0**32,
        2**-31 * (1 + 2**-9),
        2**-31 * (1 + 2**-9),
        False,
        True,
        True,
    ),
    "amdfp24": (24, 17, 63, -62, 63, (2 - 2**-16) * 2.0**63, 2**-62, 2**-78, True, True, True),
    "pxr24": (24, 16, 127, -126, 127, (2 - 2**-15) * 2.0**127, 2**-126, 2**-141, True, True, True),
    "int8": (8, 7, 0, 6, 6, 127.0, 1.0, 1.0, False, False, False),
    # IEEE P3109 Interim Report v4.0, derived by hand from bias 2^(K-P-1) or 2^(K-P)
    "binary8p3se": (8, 3, 16, -15, 15, 49152.0, 2**-15, 2**-17, True, True, False),
    "binary8p3sf": (8, 3, 16, -15, 15, 57344.0, 2**-15, 2**-17, False, True, False),
    "binary8p4se": (8, 4, 8, -7, 7, 224.0, 2**-7, 2**-10, True, True, False),
    "binary8p4sf": (8, 4, 8, -7, 7, 240.0, 2**-7, 2**-10, False, True, False),
    "binary8p1uf": (8, 1, 128, -127, 126, 2.0**126, 2**-127, 2**-127, False, True, False),
    "binary4p2sf": (4, 2, 2, -1, 1, 3.0, 0.5, 0.25, False, True, False),
    "fixed16.8": (16, 15, 8, 6, 6, 127.99609375, 2**-8, 2**-8, False, False, False),
    "e6m9": (16, 10, 31, -30, 31, (2 - 2**-9) * 2.0**31, 2**-30, 2**-39, True, True, True),
}


@in_one_test("name", TABLE)
def test_constants_are_the_specifications(name):
    f = nf.get_format(name)
    found = (
        f.bits,
        f.precision,
        f.bias,
        f.emin,
        f.emax,
        f.max,
        f.smallest_normal,
        f.smallest_subnormal,
        f.has_inf,
        f.has_nan,
        f.has_negative_zero,
    )
    assert found == TABLE[name]


def test_the_table_has_every_named_format():
    assert set(nf.FORMATS) <= set(TABLE)


@in_one_test("fmt", nf.FORMATS.values())
def test_every_entry(fmt):
    assert fmt.source, "each entry carries its source"
    assert nf.get_format(fmt.name) is fmt
    assert getattr(nf, fmt.name) is fmt
    assert eval(repr(fmt), {"Format": nf.Format}) == fmt
    assert fmt.precision <= 53 and fmt.exponent_bits <= 11
    assert (fmt.min, fmt.signed) == (
        (-fmt.max if not fmt.twos_complement else -fmt.max - 1, True) if fmt.signed else (fmt.min, False)
    )


@pytest.mark.parametrize("name", ML_DTYPES)
def test_limits_are_ml_dtypes(name):
    f, info = nf.get_format(name), ml_dtypes.finfo(getattr(ml_dtypes, name))
    assert (f.max, f.min, f.bits) == (float(info.max), float(info.min), info.bits)
    assert f.eps == float(info.eps)
    assert f.smallest_subnormal == float(info.smallest_subnormal)
    assert f.smallest_normal == float(info.smallest_normal)


# ---------------------------------------------------------------- codes of special values, from the specifications
SPECIAL_CODES = [
    (
        "float8_e4m3fn",
        {
            0x7F: NAN,
            0xFF: NAN,
            0x7E: 448.0,
            0xFE: -448.0,
            0x00: 0.0,
            0x80: -0.0,
            0x08: 2**-6,
            0x07: 0.875 * 2**-6,
            0x01: 2**-9,
        },
    ),
    (
        "float8_e5m2",
        {
            0x7C: INF,
            0xFC: -INF,
            0x7D: NAN,
            0x7E: NAN,
            0x7F: NAN,
            0x7B: 57344.0,
            0x04: 2**-14,
            0x03: 0.75 * 2**-14,
            0x01: 2**-16,
            0x80: -0.0,
        },
    ),
    ("float8_e4m3fnuz", {0x80: NAN, 0x7F: 240.0, 0xFF: -240.0, 0x00: 0.0, 0x01: 2**-10}),
    ("float8_e5m2fnuz", {0x80: NAN, 0x7F: 57344.0}),
    ("float8_e8m0fnu", {0x00: 2**-127, 0x7F: 1.0, 0xFE: 2.0**127, 0xFF: NAN}),
    ("float8_e3m4_intel", {0x7F: NAN, 0xFF: NAN, 0x7E: 30.0}),
    (
        "float4_e2m1fn",
        dict(enumerate([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0])),
    ),
    ("binary8p3se", {0x80: NAN, 0x7F: INF, 0xFF: -INF, 0x7E: 49152.0, 0x40: 1.0, 0x00: 0.0}),  # P3109 v4.0
    ("binary8p3sf", {0x80: NAN, 0x7F: 57344.0, 0xFF: -57344.0, 0x40: 1.0}),
    ("binary8p4ue", {0xFF: NAN, 0xFE: INF, 0x80: 1.0, 0x00: 0.0}),
    ("binary8p1uf", {0xFF: NAN, 0xFE: 2.0**126, 0x80: 1.0, 0x01: 2**-127, 0x00: 0.0}),
    ("binary4p2sf", {0x8: NAN, 0x7: 3.0, 0x4: 1.0, 0xC: -1.0}),
    ("binary3p1ue", {0x7: NAN, 0x6: INF, 0x5: 2.0, 0x4: 1.0, 0x0: 0.0}),
    ("int8", {0x7F: 127.0, 0x80: -128.0, 0xFF: -1.0}),
    ("fixed16.8", {0x0100: 1.0, 0xFFFF: -(2**-8), 0x8000: -128.0, 0x7FFF: 128 - 2**-8}),
    ("dlfloat16", {0x0000: 0.0, 0x0001: 2**-31 * (1 + 2**-9), 0x7FFF: NAN, 0x3E00: 1.0, 0x7FFE: (2 - 2**-8) * 2.0**32}),
]


@pytest.mark.parametrize(("name", "codes"), SPECIAL_CODES, ids=lambda v: v if isinstance(v, str) else "")
def test_special_codes(name, codes):
    for code, value in codes.items():
        nf.testing.assert_bits_equal(nf.decode(code, name), value)
        nf.testing.assert_bits_equal(oracle.decode_exact(code, name), value)
        if not math.isnan(value):
            assert nf.encode(value, name) == code


def test_mx_int8_scale_is_a_fixed_point_format():
    """OCP MX's INT8 has the implied scale 2^-6."""
    f = nf.get_format("fixed8.6")
    assert (f.max, f.min, f.smallest_subnormal) == (127 / 64, -2.0, 2**-6)


@pytest.mark.parametrize(
    ("name", "code", "kind"), [("float16", "<H", "<e"), ("float32", "<I", "<f"), ("float64", "<Q", "<d")]
)
def test_ieee_formats_are_what_struct_unpacks(name, code, kind):
    bits = nf.get_format(name).bits
    for pattern in (
        0,
        1,
        2 ** (bits - 1),
        2 ** (bits - 1) + 1,
        2 ** (bits - 2),
        2 ** (bits - 2) - 1,
        12345 << (bits - 16),
        2 ** (bits - 1) - 2**bits // 32 - 5,
    ):
        expected = struct.unpack(kind, struct.pack(code, pattern))[0]
        nf.testing.assert_bits_equal(oracle.decode_exact(pattern, name), expected)
        nf.testing.assert_bits_equal(nf.decode(pattern, name), expected)


# ---------------------------------------------------------------- P3109
def p3109(width, precision, signed, extended):
    return nf.get_format(f"binary{width}p{precision}{'s' if signed else 'u'}{'e' if extended else 'f'}")


@pytest.mark.parametrize("width", range(3, 17))
def test_p3109_layout(width):
    """v4.0: 1.0 at 2^(K-2) or 2^(K-1), NaN at 2^(K-1) or 2^K - 1, infinities at the ends, one zero, subnormals."""
    for signed in (True, False):
        for precision in range(1, width + (not signed)):
            for extended in (True, False):
                if 2 ** (width - precision - signed) > 1024:
                    with pytest.raises(nf.FormatError, match="float64"):
                        p3109(width, precision, signed, extended)
                    continue
                f = p3109(width, precision, signed, extended)
                value = partial(oracle.decode_exact, fmt=f)
                assert f.bias == 2 ** (width - precision - signed)
                assert value(0) == 0.0 and not f.has_negative_zero and f.has_subnormals
                assert value(2 ** (width - 1 - signed)) == 1.0
                top = 2 ** (width - 1) - 1 if signed else 2**width - 2
                assert math.isnan(value(2 ** (width - 1) if signed else 2**width - 1))
                assert value(top) == (INF if extended else f.max)
                assert value(top - extended) == f.max
                if signed:
                    assert value(2**width - 1) == (-INF if extended else -f.max)
                assert f.overflow == ("infinity" if extended else "saturate")
                if precision > 1:
                    assert value(1) == 2.0 ** (2 - precision - f.bias)  # T 2^(1-P) 2^(1-B) with T = 1
                else:
                    assert value(1) == 2.0 ** (1 - f.bias)


def test_p3109_is_called_a_draft():
    assert "draft" in nf.get_format("binary8p4se").source
