"""Against independent implementations: ml_dtypes, NumPy's float16, gfloat and MPFR, each where it is right.

Where one of them is known to be wrong, the case is excluded by a condition that says so, and the right result is a
named test in ``test_round_known_failures.py``.
"""

import gfloat
import gfloat.formats
import gmpy2
import ml_dtypes
import numpy as np
import pytest

import nfloat as nf
from nfloat.testing.probes import probes, random_inputs

ML_DTYPES = [
    "bfloat16",
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e4m3b11fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float6_e2m3fn",
    "float6_e3m2fn",
    "float4_e2m1fn",
]


def float32_probes(name, random=100_000):
    """All numbers and midpoints of a format with their float32 neighbours, and random float32 numbers."""
    fmt = nf.get_format(name)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        x = np.concatenate([probes(fmt), random_inputs(fmt, random, 1)]).astype(np.float32)
    return np.unique(x[~np.isnan(x)])


@pytest.mark.parametrize("name", ML_DTYPES)
def test_rounds_float32_like_ml_dtypes(name):
    x = float32_probes(name)
    if name == "float8_e8m0fnu":  # ml_dtypes errs on float32 subnormals between its two least numbers
        x = x[~((np.abs(x) > 2.0**-127) & (np.abs(x) < 2.0**-126))]
    fmt = nf.get_format(name)
    with np.errstate(all="ignore"):
        theirs = x.astype(getattr(ml_dtypes, name))
    codes, values = theirs.view(np.uint8 if fmt.bits <= 8 else np.uint16), theirs.astype(np.float32)
    nf.testing.assert_bits_equal(nf.round(x, name), values)
    there = ~np.isnan(values)  # a NaN's sign and payload are each library's own choice
    nf.testing.assert_bits_equal(nf.encode(x[there], name), codes[there])


@pytest.mark.parametrize("name", ML_DTYPES)
def test_decodes_like_ml_dtypes(name):
    fmt = nf.get_format(name)
    codes = np.arange(2**fmt.bits).astype(np.uint8 if fmt.bits <= 8 else np.uint16)
    nf.testing.assert_bits_equal(nf.decode(codes, name), codes.view(getattr(ml_dtypes, name)).astype(np.float32))


def test_ml_dtypes_exceptions_are_still_there():
    """The exceptions above are needed: should ml_dtypes be mended, they can go."""
    with np.errstate(all="ignore"):
        nan_of_e2m1 = np.float32([np.nan]).astype(ml_dtypes.float4_e2m1fn)
        between = np.float32([1.25 * 2**-127]).astype(ml_dtypes.float8_e8m0fnu)
    assert nan_of_e2m1.view(np.uint8)[0] == 0x08  # -0
    assert float(between[0]) == 2.0**-126
    assert nf.round(np.float32(1.25 * 2**-127), "e8m0") == 2.0**-127


def test_float16_equals_numpys_on_all_codes_midpoints_and_neighbours():
    codes = np.arange(2**16).astype(np.uint16)
    numpys = codes.view(np.float16)
    nf.testing.assert_bits_equal(nf.decode(codes, "float16"), numpys.astype(np.float32))
    x = probes(nf.float16)
    x = x[~np.isnan(x)]
    with np.errstate(over="ignore", under="ignore"):
        theirs, single = x.astype(np.float16), x.astype(np.float32)
        theirs_single = single.astype(np.float16)
    nf.testing.assert_bits_equal(nf.round(x, "float16"), theirs.astype(np.float64))
    nf.testing.assert_bits_equal(nf.encode(x, "float16"), theirs.view(np.uint16))
    nf.testing.assert_bits_equal(nf.round(single, "float16"), theirs_single.astype(np.float32))
    nf.testing.assert_bits_equal(nf.encode(single, "float16"), theirs_single.view(np.uint16))


def test_float32_equals_the_processors():
    x = np.concatenate([probes(nf.float32), random_inputs(nf.float32, 200_000, 2)])
    x = x[~np.isnan(x)]
    with np.errstate(over="ignore", under="ignore"):
        theirs = x.astype(np.float32)
    nf.testing.assert_bits_equal(nf.round(x, "float32"), theirs.astype(np.float64))
    nf.testing.assert_bits_equal(nf.encode(x, "float32"), theirs.view(np.uint32))
    nf.testing.assert_bits_equal(nf.decode(theirs.view(np.uint32), "float32"), theirs)
    nf.testing.assert_bits_equal(nf.encode(x, "float64"), x.view(np.uint64))


# ---------------------------------------------------------------- gfloat
GFLOAT_MODES = {
    "nearest_even": gfloat.RoundMode.TiesToEven,
    "nearest_away": gfloat.RoundMode.TiesToAway,
    "toward_zero": gfloat.RoundMode.TowardZero,
    "toward_positive": gfloat.RoundMode.TowardPositive,
    "toward_negative": gfloat.RoundMode.TowardNegative,
}
GFLOAT_FORMATS = {
    "float16": "binary16",
    "bfloat16": "bfloat16",
    "float8_e5m2": "ocp_e5m2",
    "float8_e4m3fn": "ocp_e4m3",
    "float6_e2m3fn": "ocp_e2m3",
    "float6_e3m2fn": "ocp_e3m2",
    "float4_e2m1fn": "ocp_e2m1",
    "float8_e8m0fnu": "ocp_e8m0",
}


def gfloats(name):
    if name.startswith("binary"):
        fmt = nf.get_format(name)
        domain = gfloat.Domain.Extended if fmt.has_inf else gfloat.Domain.Finite
        signedness = gfloat.types.Signedness.Signed if fmt.signed else gfloat.types.Signedness.Unsigned
        return gfloat.formats.format_info_p3109(fmt.bits, fmt.precision, signedness, domain)
    return getattr(gfloat.formats, f"format_info_{GFLOAT_FORMATS[name]}")


@pytest.mark.parametrize(
    "name", [*GFLOAT_FORMATS, "binary8p3se", "binary8p4sf", "binary8p1uf", "binary4p2sf", "binary6p3ue", "binary10p5se"]
)
def test_decodes_like_gfloat(name):
    codes = np.arange(2 ** nf.get_format(name).bits)
    theirs = gfloat.decode_ndarray(gfloats(name), codes.astype(np.uint64 if codes.size > 256 else np.uint8))
    nf.testing.assert_bits_equal(nf.decode(codes, name), theirs)


@pytest.mark.parametrize("mode", GFLOAT_MODES)
@pytest.mark.parametrize(
    "name",
    [
        "float16",
        "bfloat16",
        "float8_e5m2",
        "float8_e4m3fn",
        "float6_e3m2fn",
        "float4_e2m1fn",
        "binary8p3se",
        "binary8p4se",
    ],
)
def test_rounds_like_gfloat_within_the_range(name, mode):
    """Overflow apart: gfloat's saturation flag follows an older draft of P3109, without IEEE 754's clause 7.4."""
    fmt = nf.get_format(name)
    x = probes(fmt) if fmt.bits <= 8 else probes(fmt)[::23]
    x = x[np.isfinite(x) & (np.abs(x) <= fmt.max)]
    if (
        mode == "nearest_away"
    ):  # gfloat's array function adds a half in floating point, just below ties of subnormal numbers
        x = x[np.abs(x) >= fmt.smallest_normal]
    with np.errstate(all="ignore"):
        theirs = gfloat.round_ndarray(gfloats(name), x, GFLOAT_MODES[mode])
    nf.testing.assert_bits_equal(nf.round(x, name, mode), theirs)


@pytest.mark.parametrize(
    ("mode", "theirs"),
    [("stochastic_a", "StochasticFastest"), ("stochastic_b", "StochasticFast"), ("stochastic_c", "Stochastic")],
)
def test_stochastic_modes_like_gfloat_for_every_word(mode, theirs):
    """Their bits are an argument; ours come in through the testing entry of the same rule."""
    from nfloat.formats.rounding import Rounding
    from nfloat.formats.spec import rounding_spec
    from nfloat.kernels.rounding.given_words import round_with_words

    bits, fmt = 4, nf.get_format("float8_e4m3fn")
    x = np.linspace(-3.0, 3.0, 4097)
    for r in range(2**bits):
        out = np.empty_like(x)
        words = np.full(x.size, r << 60, np.uint64)
        round_with_words(x, out, rounding_spec(fmt, Rounding(mode), None, bits), words)
        expected = gfloat.round_ndarray(
            gfloats("float8_e4m3fn"), x, getattr(gfloat.RoundMode, theirs), srbits=np.full(x.size, r), srnumbits=bits
        )
        nf.testing.assert_bits_equal(out, expected)


# ---------------------------------------------------------------- MPFR
MPFR_MODES = {
    "nearest_even": gmpy2.RoundToNearest,
    "toward_zero": gmpy2.RoundToZero,
    "toward_positive": gmpy2.RoundUp,
    "toward_negative": gmpy2.RoundDown,
}


def mpfr_round(x, fmt, mode):
    """x in MPFR's arithmetic of p bits with the format's exponents (MPFR's significands are in [1/2, 1))."""
    context = gmpy2.context(
        precision=fmt.precision,
        emin=fmt.emin - fmt.precision + 2,
        emax=fmt.emax + 1,
        subnormalize=True,
        round=MPFR_MODES[mode],
    )
    with gmpy2.context(context):
        return [float(gmpy2.mpfr(v)) for v in x.tolist()]


@pytest.mark.parametrize("mode", MPFR_MODES)
@pytest.mark.parametrize(
    "name", ["float32", "tfloat32", "bfloat16", "amdfp24", "pxr24", "e11m40", "e9m23", "e5m30", "e3m1"]
)
def test_rounds_like_mpfr(name, mode):
    fmt = nf.get_format(name)
    x = np.concatenate([probes(fmt)[::37], random_inputs(fmt, 4_000, 3)])
    x = x[~np.isnan(x)]
    nf.testing.assert_bits_equal(nf.round(x, name, mode), np.array(mpfr_round(x, fmt, mode)))
