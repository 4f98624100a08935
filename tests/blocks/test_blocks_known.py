"""Values that others dispute or get wrong, by name; what gfloat and ml_dtypes say; published figures."""

import gfloat
import ml_dtypes
import numpy as np
import pytest
from exact_blocks import same
from gfloat.formats import format_info_ocp_int8

import nfloat as nf
from nfloat.blocks.diagnostics import sqnr

NAMES = ["mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e2m3", "mxfp6_e3m2", "mxfp4"]


@pytest.mark.parametrize(
    ("rule", "value", "scale"), [("floor", 896, 2), ("ceil", 960, 4), ("even", 896, 2), ("rceil", 960, 4)]
)
def test_957_in_mxfp8_e4m3(rule, value, scale):
    """The most disputed value: microxcaling's 896.

    Under floor the scale is 2^(9 - 8), and 957 / 2 = 478.5 saturates at 448. 957 = 1.869 * 2^9 stays below 2 in
    E4M3's four bits, so even agrees; ceil and rceil take 2^2, and 239.25 rounds to 240.
    """
    q = nf.quantize([957.0], nf.mxfp8_e4m3, scale_rule=rule)
    assert (q.dequantize()[0], q.scales[0]) == (value, scale)
    assert nf.round(957.0, nf.mxfp8_e4m3, scale_rule=rule) == value


@pytest.mark.parametrize(
    ("rule", "amax", "scale"),
    [("floor", 6.0, 1), ("ceil", 6.0, 2), ("even", 6.0, 1), ("rceil", 6.0, 1), ("rceil", 6.000001, 2), ("even", 7.0, 2),
     ("even", 6.999, 1), ("even", 3.5, 1), ("ceil", 4.0, 1), ("ceil", 4.000001, 2), ("rceil", 3.0, 0.5),
     ("floor", 7.99, 1)],
)  # fmt: skip
def test_scales_of_mxfp4(rule, amax, scale):
    assert nf.quantize([0.1, amax], nf.mxfp4, scale_rule=rule).scales[0] == scale


@pytest.mark.parametrize("rule", ["floor", "ceil", "even", "rceil"])
def test_a_block_of_zeros_has_the_least_scale(rule):
    q = nf.quantize([0.0, -0.0], nf.mxfp4, scale_rule=rule)
    assert q.scales[0] == 2.0**-127 and same(q.dequantize(), [0.0, -0.0])
    z = nf.quantize([0.0, -0.0], nf.nvfp4)
    assert (z.scales[0], z.tensor_scale) == (0.0, 0.0) and same(z.dequantize(), [0.0, -0.0])
    drawn = nf.quantize([0.0, -0.0], nf.nvfp4, "stochastic_equal", seed=1)  # not by lanes
    assert same(drawn.dequantize(), [0.0, -0.0])


@pytest.mark.parametrize(("symmetric", "least"), [(True, 129), (False, 128)])
def test_fixed_point_saturates(symmetric, least):
    """1.999 is 127.9 units over a scale of 1, and 128 is no code; -128 is one that MX leaves unused."""
    q = nf.quantize([1.999, -1.999, 1.0, -0.0], nf.mxint8.replace(symmetric=symmetric))
    assert q.codes.tolist() == [127, least, 64, 0] and q.scales[0] == 1.0


def test_nvfp4_by_hand():
    """t = float32(5376 / 2688) = 2; the second block's scale is 3 / 6 / 2 = 0.25, its 1.2 is 2.4 times s t."""
    x = np.zeros((1, 32), np.float32)
    x[0, 0], x[0, 16], x[0, 17], x[0, 18] = 5376.0, 3.0, 1.2, -0.125
    q = nf.quantize(x, nf.nvfp4)
    assert q.tensor_scale == 2.0 and q.scales.tolist() == [[448.0, 0.25]]
    assert q.elements[0, [0, 16, 17, 18]].tolist() == [6.0, 6.0, 2.0, -0.0]


def test_an_element_is_rounded_once():
    """x / (s t) lies beside a midpoint by less than float32 sees: a quotient in float32 would lose it."""
    t = np.float32(3000.0) / np.float32(2688)
    x = np.zeros(16, np.float32)
    x[0] = 3000.0
    d = float(t) * 448.0
    x[1] = np.float32(2.5 * d)  # the float32 numbers beside 2.5 s t
    x[2] = np.nextafter(x[1], np.float32(np.inf))
    exact = [2.0 if v <= 2.5 * d else 3.0 for v in x[1:3].astype(float)]
    assert nf.quantize(x, nf.nvfp4).elements[1:3].tolist() == exact


def test_nan_and_infinity():
    x = np.array([1.0, np.nan, np.inf, -np.inf], np.float32)
    assert same(nf.round(x, nf.mxfp8_e4m3), np.array([1.0, np.nan, 1.75, -1.75], np.float32))
    assert np.isnan(nf.round(x, nf.mxfp4)).all() and nf.quantize(x, nf.mxfp4).scale_codes[0] == 0xFF
    assert same(nf.round(x[[0, 2, 3]], nf.mxfp4), np.array([1.0, 1.5, -1.5], np.float32))
    nan_blocks = nf.mxfp8_e5m2.replace(nonfinite="nan")
    assert np.isnan(nf.round(x[[0, 2]], nan_blocks)).all()
    with pytest.raises(nf.ArgumentError, match=r"element \(1,\).*nonfinite='raise'"):
        nf.round(x, nf.mxfp4.replace(nonfinite="raise"))
    with pytest.raises(nf.RepresentationError, match="neither elements"):
        nf.quantize(x, nf.BlockFormat(name="f", element="float4_e2m1fn", block=4, scale="fixed8.4"))


def test_scales_at_the_ends_of_the_range():
    tiny = nf.quantize(np.array([2.0**-149], np.float32), nf.mxfp8_e4m3)
    assert tiny.scales[0] == 2.0**-127 and tiny.dequantize()[0] == 0.0
    huge = np.array([3.4e38], np.float32)
    assert nf.quantize(huge, nf.mxfp8_e4m3).scales[0] == 2.0**119
    assert (
        np.isinf(nf.round(huge, nf.mxfp8_e4m3, scale_rule="ceil")[0])
        and nf.round(3.4e38, nf.mxfp8_e4m3, scale_rule="ceil") == 2.0**128
    )
    assert nf.quantize([1e300], nf.mxfp4).scales[0] == 2.0**127 and nf.round(1e300, nf.mxfp4) == 6 * 2.0**127


def test_ties_and_what_lies_beside_them():
    """microxcaling's "nearest" takes ties away from zero, and its "even" makes 0.5 of the number just below 0.25."""
    x = np.array([0.25, np.nextafter(np.float32(0.25), np.float32(0)), -1.25, 4.0], np.float32)
    assert nf.round(x, nf.mxfp4).tolist() == [0.0, 0.0, -1.0, 4.0]
    assert nf.round(x, nf.mxfp4, "nearest_away").tolist() == [0.5, 0.0, -1.5, 4.0]


def test_minus_two_of_mxint8_is_left_unused():
    assert nf.round(-1.999, nf.mxint8) == -127 / 64 and nf.round(-1.999, nf.mxint8.replace(symmetric=False)) == -2.0


@pytest.mark.parametrize("name", NAMES)
def test_like_gfloat(name):
    """gfloat's OCP formats by its own floor rule.

    It differs from us in two things: -2 in MXINT8, which it uses (`symmetric=False` here), and blocks with NaN, for
    which it has no rule.
    """
    etype = getattr(gfloat.formats, f"format_info_ocp_{name[-4:] if name != 'mxfp4' else 'e2m1'}")
    generator = np.random.default_rng(5)
    for _ in range(40):
        x = generator.standard_normal(32) * 2.0 ** generator.integers(-20, 20)
        amax = np.max(np.abs(x))
        scale = 2.0 ** (np.floor(np.log2(amax)) - etype.emax)
        want = scale * gfloat.round_ndarray(etype, x / scale, sat=True)
        assert same(nf.round(x, nf.BLOCK_FORMATS[name]), want)


def test_nvfp4_like_gfloat():
    """gfloat's E4M3 and E2M1, by NVIDIA's two levels; gfloat itself has no tensor scale."""
    e2m1, e4m3 = gfloat.formats.format_info_ocp_e2m1, gfloat.formats.format_info_ocp_e4m3
    generator = np.random.default_rng(8)
    x = generator.standard_normal((40, 16)) * 2.0 ** generator.integers(-6, 6, (40, 1))
    t = float(np.float32(np.max(np.abs(x)) / 2688))
    for row, got in zip(x, nf.round(x, nf.nvfp4), strict=True):
        s = gfloat.round_float(e4m3, np.max(np.abs(row)) / (6 * t), sat=True)
        assert same(got, s * t * gfloat.round_ndarray(e2m1, row / (s * t), sat=True))


def test_mxint8_like_gfloat():
    x = np.random.default_rng(6).uniform(-1.999, 1.999, 32)
    x[0] = -1.999
    want = gfloat.round_ndarray(format_info_ocp_int8, x, sat=True)
    assert same(nf.round(x, nf.mxint8.replace(symmetric=False)), np.where(want == 0, 0.0, want))


@pytest.mark.parametrize("name", NAMES)
def test_codes_are_those_of_ml_dtypes(name):
    fmt = nf.BLOCK_FORMATS[name]
    q = nf.quantize(np.random.default_rng(7).standard_normal((4, 64)), fmt, scale_rule="rceil")
    assert same(q.codes.view(nf.numpy_dtype(fmt.element)).astype(np.float64), q.elements.astype(np.float64))
    assert same(q.scale_codes.view(ml_dtypes.float8_e8m0fnu).astype(np.float64), q.scales.astype(np.float64))


#: decibels for 2^20 samples of N(0,1), Laplace, Student t3
TABLE = {
    "mxfp8_e4m3": (30.64, 29.94, 29.32), "mxfp8_e5m2": (25.35, 25.20, 25.09), "mxfp6_e2m3": (30.94, 30.28, 29.10),
    "mxfp4": (18.79, 17.92, 17.02), "mxint8": (41.66, 40.00, 37.93), "nvfp4": (20.44, 20.65, 20.92),
    "fp8": (31.54, 31.52, 31.59), "bfloat16": (55.58, 55.62, 55.43),
}  # fmt: skip


@pytest.fixture(scope="module")
def samples(whole):
    generator = np.random.default_rng(0)
    n = 1 << (20 if whole else 17)  # an eighth lies as close to the table
    return generator.standard_normal(n), generator.laplace(size=n), generator.standard_t(3, size=n)


@pytest.mark.parametrize("name", TABLE)
def test_published_sqnr(name, samples):
    fp8 = nf.BlockFormat(name="fp8", element="float8_e4m3fn", block="tensor", scale="float32", scale_rule="absmax")
    fmt = {"fp8": fp8, "bfloat16": nf.bfloat16}.get(name) or nf.BLOCK_FORMATS[name]
    for x, want, within in zip(samples, TABLE[name], (0.15, 0.15, 0.4), strict=True):
        assert abs(sqnr(x, nf.round(x.astype(np.float32), fmt)) - want) <= within
