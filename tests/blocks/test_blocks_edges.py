"""The edges of the fast forms: ties, zeros, infinities, sizes, each where a form would go wrong."""

import numpy as np
import pytest
from exact_blocks import check, same

import nfloat as nf
from nfloat.testing.sweep_blocks import sweep_blocks

FP8 = nf.BlockFormat(name="fp8", element="float8_e4m3fn", block=16, scale="float32", scale_rule="absmax")


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_rceil_is_exact_by_the_rule(dtype):
    fmt = nf.BlockFormat(name="f", element="float8_e4m3fn", block=2, scale="float8_e4m3fn", scale_rule="rceil")
    x = np.array([448.0, 1.0, 448.0 * 4, 1.0, np.nextafter(dtype(448.0), dtype(1e9)), 1.0], dtype)
    assert nf.quantize(x, fmt).scales.tolist() == [1.0, 4.0, 2.0]


def test_a_nan_among_columns_takes_its_block():
    x = np.ones((32, 20), np.float32)
    x[3, 7] = np.nan
    check(x, nf.mxfp4, axis=0)
    assert (
        np.isnan(nf.round(x, nf.mxfp4, axis=0)[:, 7]).all() and not np.isnan(nf.round(x, nf.mxfp4, axis=0)[:, 6]).any()
    )


def test_a_scale_on_a_tie():
    """amax = g M t for midpoints g between scales of E4M3 (t = 1 and others): the quotient is g itself."""
    scales = np.arange(17, 32, 2) / 16
    for t in (1.0, float(np.float32(1 / 3)), float(np.float32(0.7))):
        fmt = nf.BlockFormat(name="f", element="float4_e2m1fn", block=16, scale="float8_e4m3fn", scale_rule="absmax")
        x = np.zeros((scales.size, 16), np.float32)
        x[:, 3] = scales * 6.0 * np.float32(t)
        check(x, fmt)
        x[0, 0] = 2688 * t
        check(x, nf.nvfp4)


def test_zeros_among_whole_rows():
    x = np.ones((4, 64), np.float32)
    x[1], x[2, :32] = 0.0, -0.0
    check(x, nf.mxfp8_e4m3)
    check(x, nf.BlockFormat(name="f", element="fixed8.9", block=32, scale="float8_e8m0fnu"))


def test_infinities_in_whole_rows():
    x = np.ones((4, 64), np.float32)
    x[1, 3], x[2, 40], x[3, 5] = np.inf, -np.inf, 3e38
    for rule in ("floor", "ceil", "even", "rceil"):
        check(x, nf.mxfp8_e5m2.replace(scale_rule=rule))


@pytest.mark.parametrize(
    "mode", ["nearest_even", "nearest_away", "nearest_zero", "toward_positive", "toward_zero", "to_odd"]
)
def test_ties_of_quotients(mode):
    """x = g s t, exactly or beside it, for every midpoint and every element g of E2M1.

    Scales of 39 sizes to nearest-even, of 13 in the other modes: the model in rationals is slow.
    """
    g = np.arange(1, 25) / 4
    sizes = range(1, 40, 1 if mode == "nearest_even" else 3)
    for t in (np.float32(1 / 3), np.float32(1.1), np.float32(2.0)):
        x = np.zeros((len(sizes) + 1, 48), np.float32)
        for row, size in enumerate(sizes, 1):
            x[row, 16:40] = g * size * 448 / 40 * t
            x[row, 40] = 6 * size * 448 / 40 * t
        x[0, 0] = 2688 * t
        for steps in (0, 1, -1):
            check(x + steps * np.spacing(x), nf.nvfp4, mode)
            check(x.astype(np.float64) * (1 + steps * 2.0**-52), nf.nvfp4, mode)
            check(x + steps * np.spacing(x), FP8, mode)


def test_small_blocks_have_scales_of_their_own():
    fmt = nf.mxfp8_e4m3.replace(block=3)
    x = np.random.default_rng(0).standard_normal((5, 20)).astype(np.float32) * 2.0 ** np.arange(20)
    check(x, fmt)
    check(x[:, ::-1].copy(), fmt)


def test_decisions_alone():
    """All elements at numbers where rounding decides, in every vector."""
    x = np.tile(np.arange(16, dtype=np.float32) * 0.5 - 3.75, (64, 1))
    x[:, 0] = -6.0
    again = nf.quantize(x, nf.nvfp4).dequantize()
    assert same(nf.round(again.astype(np.float32), nf.nvfp4), again)
    check(x, nf.nvfp4)


def test_beyond_float32_lanes():
    """Tensor scales and quotients so small or large that constants of float32 lanes would not be normal numbers."""
    x = np.random.default_rng(9).standard_normal((8, 48)).astype(np.float32)
    plain = nf.BlockFormat(name="f", element="float4_e2m1fn", block=16, scale="float8_e4m3fn", scale_rule="absmax")
    for k in (-120, -90, -75, 70, 95, 120):
        check(x * np.float32(2.0**k), nf.nvfp4)
        check(x * np.float32(2.0**k), plain)
        check(x * np.float32(2.0**k), FP8, "toward_positive")
    for k in (-1060, -700, 500, 1000):
        check(x.astype(np.float64) * 2.0**k, plain)
        check(x.astype(np.float64) * 2.0**k, nf.nvfp4, "toward_negative")


@pytest.mark.parametrize("n", [17, 31, 33, 47, 48, 50, 100])
def test_sizes_that_are_no_whole_vectors(n):
    x = np.random.default_rng(n).standard_normal((2, n, 19)).astype(np.float32)
    for size in (16, 17, 24, None):
        fmt = nf.mxfp6_e2m3.replace(block=size)
        check(x, fmt, axis=1)
        check(np.ascontiguousarray(x.transpose(0, 2, 1)), fmt)


def test_formats_and_arrays_at_random():
    report = sweep_blocks(150, 5)
    assert report.ok and report.compared > 20000, report.mismatches


def test_ten_million_numbers_in_lanes_and_by_float64_agree():
    """float32 numbers as float64 ones go through other lanes and other forms."""
    x = np.random.default_rng(1).standard_normal((1250, 1600)).astype(np.float32)
    for fmt in nf.BLOCK_FORMATS.values():
        wide = nf.round(x.astype(np.float64), fmt)
        assert same(nf.round(x, fmt), wide.astype(np.float32))


def test_mistakes_are_named():
    with pytest.raises(nf.FormatError, match="did you mean 'mxfp4'"):
        nf.quantize([1.0], "mxfp")
    with pytest.raises(nf.FormatError, match="scale_rule='up' must be"):
        nf.round([1.0], nf.mxfp4, scale_rule="up")
    with pytest.raises(nf.RoundingError, match="overflow='nan': elements of a block format saturate"):
        nf.round([1.0], nf.mxfp4, overflow="nan")
    with pytest.raises(nf.ArgumentError, match="axis=2 must be an integer"):
        nf.round([1.0], nf.mxfp4, axis=2)
    with pytest.raises(nf.ArgumentError, match="axis=0 goes with a block format"):
        nf.round([1.0], "bfloat16", axis=0)
    with pytest.raises(nf.SeedError, match="seed=None"):
        nf.round([1.0], nf.mxfp4, "stochastic")
    with pytest.raises(nf.ShapeError, match="tiles need two axes"):
        nf.round([1.0], nf.nvfp4.replace(block=(16, 16)))
    for key, value in (
        ("block", 0),
        ("block", "row"),
        ("scale_rule", "up"),
        ("four_over_six", "mse"),
        ("scale_bound", 900.0),
    ):
        with pytest.raises(nf.FormatError, match=key):
            nf.mxfp4.replace(**{key: value})
    with pytest.raises(nf.FormatError, match="must be a float64 number"):
        nf.mxfp4.replace(element="float64")
