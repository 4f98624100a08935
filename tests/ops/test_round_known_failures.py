"""Inputs on which other tools have been measured to be wrong.

One named test each, with the right result worked out by hand.

Rounding, encoding and decoding only; sums and matrix products are with the accumulators' tests, functions with theirs.
"""

import math

import numpy as np
import pytest
from every_mode import DOWNWARD

import nfloat as nf

INF, NAN = math.inf, math.nan


def check(x, fmt, expected, mode="nearest_even", **how):
    """nf.round of x in both carriers, and nf.decode(nf.encode(x)), are `expected`, sign of zero included."""
    with np.errstate(over="ignore"):
        single = np.float32(x)
    holds = float(single) == float(x) or math.isnan(x)
    for carrier in (np.float64(x), single) if holds else (np.float64(x),):
        nf.testing.assert_bits_equal(nf.round(carrier, fmt, mode, **how), expected)
        if not math.isnan(expected) or nf.get_format(fmt).has_nan:
            nf.testing.assert_bits_equal(nf.decode(nf.encode(carrier, fmt, mode, **how), fmt), expected)


# ---------------------------------------------------------------- float64 through float32 rounds twice
@pytest.mark.parametrize(
    ("x", "fmt", "expected"),
    [
        (1 + 2**-8 + 2**-40, "bfloat16", 1.0078125),
        (1 + 2**-4 + 2**-40, "float8_e4m3fn", 1.125),
        (1.0039062500009095, "bfloat16", 1.0078125),
        (1.0004882812509095, "float16", 1.0009765625),
        (1.0625000000009095, "float8_e4m3fn", 1.125),
    ],
)
def test_ml_dtypes_and_torch_round_float64_twice(x, fmt, expected):
    check(x, fmt, expected)
    check(-x, fmt, -expected)
    nf.testing.assert_bits_equal(nf.round(np.full(40, x), fmt), np.full(40, expected))  # and so in whole blocks


def test_double_rounding_of_a_float64_next_to_every_float16_tie():
    """Halide, tinygrad, BFloat16s.jl.

    A float64 just beside a tie becomes a float32 tie, and then goes the wrong way.
    """
    codes = np.arange(0x0400, 0x7BFF, 7).astype(np.uint16)
    low, high = (nf.decode(c, "float16").astype(np.float64) for c in (codes, codes + np.uint16(1)))
    tie = (low + high) / 2
    nf.testing.assert_bits_equal(nf.round(np.nextafter(tie, INF), "float16"), high)
    nf.testing.assert_bits_equal(nf.round(np.nextafter(tie, 0.0), "float16"), low)


# ---------------------------------------------------------------- the top of the range
@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (256.0, 256.0),
        (300.0, 288.0),
        (448.0, 448.0),
        (464.0, 448.0),
        (np.nextafter(464.0, INF), NAN),
        (465.0, NAN),
        (480.0, NAN),
        (500.0, NAN),
        (1000.0, NAN),
        (INF, NAN),
        (304.0, 320.0),
    ],
)
def test_e4m3fn_top_binade(x, expected):
    """pychop gives 0, CPFloat 480, apytypes and custom-float-quant inf from 256 or 304 on, torch 448.

    Universal clamped first.
    """
    check(x, "float8_e4m3fn", expected)
    check(-x, "float8_e4m3fn", -expected)


@pytest.mark.parametrize("x", [464.0, 465.0, 480.0, 500.0, 1000.0, 3e38, INF])
def test_e4m3fn_saturates_when_asked(x):
    check(x, "float8_e4m3fn", 448.0, overflow="saturate")
    check(-x, "float8_e4m3fn", -448.0, overflow="saturate")


@pytest.mark.parametrize(
    ("x", "expected"),
    [(240.0, 240.0), (247.0, 240.0), (248.0, INF), (256.0, INF), (300.0, INF), (448.0, INF), (500.0, INF)],
)
def test_ieee_e4m3_top(x, expected):
    """pychop: 248 became 256, above the largest number, and 256 to 500 became 0."""
    check(x, "float8_e4m3", expected)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (65504.0, 65504.0),
        (65519.0, 65504.0),
        (65520.0, INF),
        (65536.0, INF),
        (70000.0, INF),
        (100000.0, INF),
        (131008.0, INF),
        (131071.0, INF),
        (131072.0, INF),
        (INF, INF),
        (NAN, NAN),
    ],
)
def test_float16_first_overflow_binade(x, expected):
    """pychop: 65520 -> 65536 and 65536..131071 -> 0.

    Qtorch: 65520 -> 65536, inf and NaN -> 131008; FloatX: 70000 -> 0.
    """
    check(x, "float16", expected)
    check(-x, "float16", -expected)


@pytest.mark.parametrize(
    ("x", "expected"), [(57344.0, 57344.0), (61439.0, 57344.0), (61440.0, INF), (114688.0, INF), (INF, INF), (NAN, NAN)]
)
def test_e5m2_top_and_specials(x, expected):
    """numkong: NaN -> inf and 114688 -> NaN in e5m2, NaN -> 448 in e4m3."""
    check(x, "float8_e5m2", expected)
    check(NAN, "float8_e4m3fn", NAN)


@pytest.mark.parametrize("bits", [0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0xFF800001, 0x7F80FFFF])
def test_every_float32_nan_is_nan_in_bfloat16(bits):
    """numkong: the signalling NaN 0x7f800001 became inf, since cutting its lower half off leaves infinity's code."""
    x = np.uint32(bits).reshape(1).view(np.float32)
    assert np.isnan(nf.round(x, "bfloat16")).all()
    assert nf.encode(x, "bfloat16") == 0x7FC0
    assert np.isnan(nf.round(np.repeat(x, 33), "bfloat16")).all()


def test_round_first_then_saturate():
    """universal clamped before it rounded, and went wrong for inf, 500 and -NaN in e4m3."""
    check(-NAN, "float8_e4m3fn", NAN, overflow="saturate")
    check(INF, "float8_e4m3fn", 448.0, overflow="saturate")
    check(500.0, "float8_e4m3fn", 448.0, overflow="saturate")
    check(449.0, "float8_e4m3fn", 448.0, overflow="nan")  # rounds into the range: no overflow


@pytest.mark.parametrize("policy", [None, "saturate", "saturate_finite"])
def test_p3109_finite_formats_clamp(policy):
    """gfloat 0.5.2 gives NaN for 1000 in binary8p4sf (an older draft); v4.0 clamps to the largest number, 240."""
    check(1000.0, "binary8p4sf", 240.0, overflow=policy)
    check(-INF, "binary8p4sf", -240.0, overflow=policy)


def test_mptorch_keeps_infinity_under_saturation():
    check(INF, "float8_e5m2", 57344.0, overflow="saturate")
    check(INF, "float8_e5m2", INF, overflow="saturate_finite")
    check(1e30, "float8_e5m2", 57344.0, overflow="saturate_finite")


# ---------------------------------------------------------------- subnormal numbers
@pytest.mark.parametrize(
    ("x", "fmt", "expected"),
    [
        (0.0009765626, "float8_e4m3fn", 0.001953125),  # pychop: 0
        (2.0**-10, "float8_e4m3fn", 0.0),  # the tie itself
        (np.nextafter(2.0**-10, 0.0), "float8_e4m3fn", 0.0),
        (
            0.0151,
            "float8_e4m3fn",
            0.015625,
        ),  # apytypes' cast: 0, between the largest subnormal and the smallest normal number
        (6.1032e-05, "float16", 6.103515625e-05),  # apytypes' cast: 0
        (0.75, "float4_e2m1fn", 1.0),  # apytypes' cast: 0
        (0.99, "float4_e2m1fn", 1.0),
        (0.74999994, "float4_e2m1fn", 0.5),  # qtorch: 1.0
        (0.75000006, "float4_e2m1fn", 1.0),  # qtorch-plus: 0.75, which is no number of the format
        (0.24999998, "float4_e2m1fn", 0.0),  # microxcaling: 0.5
        (2.98e-08, "float16", 0.0),  # qtorch: 5.96e-08
        (2.98023206e-08, "float16", 0.0),  # microxcaling: 5.96e-08; just under half the least number
        (2.0**-25, "float16", 0.0),  # the tie
        (np.nextafter(2.0**-25, 1.0), "float16", 2.0**-24),
        (6e-08, "float16", 2.0**-24),  # qtorch-plus: 0
    ],
)
def test_subnormal_results(x, fmt, expected):
    check(x, fmt, expected)
    check(-x, fmt, -expected)
    nf.testing.assert_bits_equal(nf.round(np.full(50, np.float32(x)), fmt)[-1], nf.round(np.float32(x), fmt))


def test_gfloat_array_rounds_ties_away_below_the_least_number():
    """nextafter(1/2, 0) 2^-24 lies just below half the least float16.

    0, also to nearest-away, where gfloat's array gives 0 and its scalar 2^-24; half the least number itself goes up.
    """
    x = float(np.nextafter(0.5, 0.0)) * 2.0**-24
    check(x, "float16", 0.0, "nearest_away")
    check(2.0**-25, "float16", 2.0**-24, "nearest_away")


def test_mptorch_loses_the_sign_of_zero():
    for fmt in ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2"):
        check(-0.0, fmt, -0.0)
        check(-1e-45 if fmt != "bfloat16" else -1e-42, fmt, -0.0)


def test_bfloat16_subnormal_range():
    """mptorch: 642 of 1538 probes in the subnormal range wrong; QPyTorch had no subnormals."""
    steps = np.arange(0, 129)
    exact = steps * 2.0**-133
    nf.testing.assert_bits_equal(nf.round(exact, "bfloat16"), exact)
    nf.testing.assert_bits_equal(
        nf.round(exact[:-1] + 2.0**-134, "bfloat16"), (steps[:-1] + steps[:-1] % 2) * 2.0**-133
    )
    nf.testing.assert_bits_equal(
        nf.round((exact[:-1] + 2.0**-134).astype(np.float32), "bfloat16"), (steps[:-1] + steps[:-1] % 2) * 2.0**-133
    )


def test_tiny_numbers_are_rounded_not_flushed():
    """higham/chop#6: directed rounding of a tiny number flushed it."""
    for fmt in ("float16", "bfloat16", "float8_e4m3fn"):
        least = nf.get_format(fmt).smallest_subnormal
        check(1e-300, fmt, least, "toward_positive")
        check(-1e-300, fmt, -0.0, "toward_positive")
        check(-1e-300, fmt, -least, "toward_negative")
        check(1e-300, fmt, least, "to_odd")


# ---------------------------------------------------------------- ties and modes
def test_nearest_is_to_even_not_away():
    """QPyTorch's and microxcaling's 'nearest' is ties-away."""
    check(1 + 2**-11, "float16", 1.0)
    check(1 + 2**-11, "float16", 1 + 2**-10, "nearest_away")
    check(1 + 2**-11, "float16", 1.0, "nearest_zero")
    check(1 + 3 * 2**-11, "float16", 1 + 2 * 2**-10)
    check(1 + 3 * 2**-11, "float16", 1 + 2**-10, "nearest_zero")  # unit-scaling's 'nearest'


def test_float_8_23_keeps_the_sign_of_three():
    """QPyTorch#48: float(8, 23) flipped 3.0 to -3.0."""
    check(3.0, "e8m23", 3.0)
    check(3.0, "float32", 3.0)


def test_large_bfloat16_numbers():
    """gfloat rounded large bfloat16 numbers through log2."""
    x = np.ldexp(1.0, np.arange(0, 128))
    for v in (x, x * (2 - 2.0**-7), np.nextafter(x, 0.0)):
        keep = v[v <= nf.bfloat16.max]
        nf.testing.assert_bits_equal(
            nf.round(keep, "bfloat16", "toward_zero"),
            np.ldexp(np.floor(np.ldexp(np.frexp(keep)[0], 8)), np.frexp(keep)[1] - 8),
        )


@pytest.mark.parametrize("mode", DOWNWARD, ids=str)
def test_modes_that_round_toward_zero_give_the_largest_number(mode):
    check(1e30, "float16", 65504.0, mode)
    check(INF, "float16", INF, mode)


@pytest.mark.parametrize(
    "name", ["float16", "bfloat16", "float8_e5m2", "float8_e4m3", "e6m9", "binary8p4ue", "binary8p1ue"]
)
def test_to_odd_gives_the_largest_number(name):
    largest = nf.get_format(name).max
    check(min(4 * largest, 1e308), name, largest, "to_odd")


def test_to_odd_past_the_range_goes_to_infinity_in_signed_p3109_formats_alone():
    """Their last code is infinity's, and odd; v4.0 has it so.

    A top cut elsewhere does not make infinity odd (IEEE 754, 7.4).
    """
    check(1e9, "binary8p4se", INF, "to_odd")
    check(-1e9, "binary8p4se", -INF, "to_odd")
    check(1e9, "binary8p4se", 224.0, "toward_zero")
    check(1e9, nf.Format(name="cut", precision=3, emin=-6, emax=7, max_significand=6), 192.0, "to_odd")


@pytest.mark.parametrize("emin", range(-3, 6))
def test_evenness_is_the_codes_where_a_significand_has_one_bit(emin):
    """Numbers 0, 2^emin, 2^(emin+1), ... have the codes 0, 1, 2, ...; a negative bias (emin > 1) once lost that."""
    fmt = nf.Format(name="powers", precision=1, emin=emin, emax=emin + 5)
    for code in range(1, 6):
        low, high = nf.decode(code, fmt), nf.decode(code + 1, fmt)
        check(1.5 * float(low), fmt, float(high if code % 2 else low))
        check(1.25 * float(low), fmt, float(low if code % 2 else high), "to_odd")


# ---------------------------------------------------------------- missing special values
def test_nan_in_a_format_without_nan():
    """ml_dtypes: NaN to e2m1 and e3m2 silently becomes -0."""
    for fmt in ("float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "int8"):
        assert np.isnan(nf.round(NAN, fmt))
        with pytest.raises(nf.RepresentationError, match="NaN"):
            nf.encode([1.0, NAN], fmt)


def test_infinity_in_a_format_without_infinity():
    check(INF, "float4_e2m1fn", 6.0)
    check(-INF, "float6_e3m2fn", -28.0)
    check(INF, "float8_e4m3fnuz", NAN)  # onnx#6220: FNUZ has one NaN and nothing else special
    check(INF, "float8_e5m2fnuz", NAN)


def test_e8m0_between_its_two_least_numbers():
    """ml_dtypes: 1.25 2^-127 becomes 2^-126."""
    check(1.25 * 2.0**-127, "float8_e8m0fnu", 2.0**-127)
    check(1.5 * 2.0**-127, "float8_e8m0fnu", 2.0**-126)
    check(1.5, "float8_e8m0fnu", 2.0)
    check(0.0, "float8_e8m0fnu", NAN)
    check(-1.0, "float8_e8m0fnu", NAN)
    check(1e-300, "float8_e8m0fnu", 2.0**-127)


def test_e8m0_is_not_binary8p1uf():
    assert (nf.get_format("e8m0").max, nf.get_format("binary8p1uf").max) == (2.0**127, 2.0**126)
    assert nf.decode(0, "binary8p1uf") == 0.0
    assert nf.decode(0, "e8m0") == 2.0**-127


@pytest.mark.parametrize(
    "fmt",
    [
        "float8_e4m3fn",
        "float8_e4m3",
        "float8_e5m2",
        "float8_e4m3fnuz",
        "float8_e5m2fnuz",
        "float8_e4m3b11fnuz",
        "float8_e3m4",
    ],
)
def test_all_256_codes_survive_a_round_trip(fmt):
    """tt-metal#51971: 132 of 256 E4M3 codes did not."""
    codes = np.arange(256).astype(np.uint8)
    values = nf.decode(codes, fmt)
    there = ~np.isnan(values)
    nf.testing.assert_bits_equal(nf.encode(values[there], fmt), codes[there])


# ---------------------------------------------------------------- stochastic rounding
@pytest.mark.parametrize(("quarters", "expected"), [(1, 0.25), (2, 0.5), (3, 0.75)])
def test_stochastic_rounding_uses_the_exact_fraction(quarters, expected):
    """apytypes#94 used sticky bits, mptorch left the product's random bits at 0: 1 + k 2^-12 must go up with k/4."""
    n = 1 << 16
    x = np.full(n, 1 + quarters * 2.0**-12, np.float32)
    up = np.count_nonzero(nf.round(x, "float16", "stochastic", seed=1) > 1)
    assert abs(up / n - expected) < 6 * math.sqrt(expected * (1 - expected) / n)


@pytest.mark.parametrize("share", [0.25, 0.4, 0.9])
def test_stochastic_rounding_below_half_the_least_number(share):
    """apytypes' STOCH_WEIGHTED never rounded 0.25 2^-9 and 0.4 2^-9 up in e4m3."""
    n = 1 << 16
    got = nf.round(np.full(n, share * 2.0**-9), "float8_e4m3fn", "stochastic", seed=2)
    assert set(np.unique(got)) == {0.0, 2.0**-9}
    assert abs(np.count_nonzero(got) / n - share) < 6 * math.sqrt(share * (1 - share) / n)


def test_stochastic_rounding_leaves_numbers_of_the_format():
    """StochasticRounding.jl#74: exact powers of two were perturbed."""
    for fmt in ("float16", "bfloat16", "float8_e5m2"):
        values = nf.decode(np.arange(2 ** nf.get_format(fmt).bits), fmt)
        for carrier in (values, values.astype(np.float64)):
            nf.testing.assert_bits_equal(nf.round(carrier, fmt, "stochastic", seed=3), carrier)
