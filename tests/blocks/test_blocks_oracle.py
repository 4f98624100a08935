"""Every block format against the rational model, to the bit; formats at random."""

from random import Random

import numpy as np
import pytest
from exact_blocks import awkward, check

import nfloat as nf
from nfloat.formats.blocks import BlockFormat, ScaleRule
from nfloat.formats.rounding import Rounding
from nfloat.testing.random_formats import random_format

DETERMINISTIC = [m.value for m in Rounding if not m.is_stochastic]
SIGNED = [m for m in Rounding if m.is_stochastic]


@pytest.mark.sampled(12)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("rule", [r.value for r in ScaleRule])
@pytest.mark.parametrize("name", sorted(nf.BLOCK_FORMATS))
def test_all_rules_and_modes(name, rule, dtype):
    generator = np.random.default_rng([sorted(nf.BLOCK_FORMATS).index(name), len(rule)])
    fmt = nf.BLOCK_FORMATS[name].replace(scale_rule=rule)
    for mode in DETERMINISTIC:
        check(awkward(generator, (6, 35), dtype), fmt, mode)
    for axis in (0, 1, 2):
        check(awkward(generator, (3, 2, 17), dtype), fmt, DETERMINISTIC[axis], axis=axis)


@pytest.mark.parametrize("mode", SIGNED, ids=str)
@pytest.mark.parametrize("name", sorted(nf.BLOCK_FORMATS))
def test_stochastic_modes(name, mode):
    generator = np.random.default_rng(len(name))
    bits = 5 if mode.needs_random_bits else None
    for dtype, axis in ((np.float32, -1), (np.float32, 0), (np.float64, -1)):
        check(awkward(generator, (5, 34), dtype), nf.BLOCK_FORMATS[name], mode, axis=axis, seed=11, random_bits=bits)


@pytest.mark.sampled(6)
@pytest.mark.parametrize(
    "shape", [(0,), (3, 0), (0, 3), (1,), (), (5, 3), (2, 33, 7), (3, 64), (2, 32, 16), (1, 2100)], ids=str
)
@pytest.mark.parametrize("name", ["mxfp8_e4m3", "mxint8", "nvfp4"])
def test_shapes(name, shape):
    x = np.random.default_rng(3).standard_normal(shape)
    for axis in range(-len(shape), len(shape)) or [-1]:
        check(np.asarray(x, np.float32 if axis < 0 else np.float64), nf.BLOCK_FORMATS[name], axis=axis)


FP8 = dict(element="float8_e4m3fn", scale="float32", scale_rule="absmax")
KINDS = {
    "tensor": BlockFormat(name="tensor", block="tensor", **FP8),
    "row": BlockFormat(name="row", block=None, **FP8),
    "tile": BlockFormat(name="tile", block=(4, 8), **FP8),
    "tile row": BlockFormat(name="1x8", block=(1, 8), **FP8),
    "tile of powers": BlockFormat(
        name="ue8m0", element="float8_e4m3fn", block=(3, 16), scale="float8_e8m0fnu", scale_rule="rceil"
    ),
    "weights": nf.BLOCK_FORMATS["nvfp4"].replace(name="weights", block=(16, 16)),
    "columns": BlockFormat(name="columns", block=(None, 2), **FP8),
    "e4m3 powers": BlockFormat(name="e4m3 powers", element="float8_e5m2", block=8, scale="float8_e4m3fn"),
    "tensor powers": BlockFormat(name="tp", element="float6_e2m3fn", block="tensor", scale="float8_e8m0fnu"),
    "up": BlockFormat(name="up", block=16, scale_rounding="toward_positive", **FP8),
    "random scales": BlockFormat(
        name="random scales", block=16, scale_rounding="stochastic", **{**FP8, "scale": "bfloat16"}
    ),
    "random tiles": BlockFormat(
        name="rt", block=(2, 8), scale_rounding="stochastic", **{**FP8, "scale": "float8_e8m0fnu"}
    ),
    "bound": nf.BLOCK_FORMATS["nvfp4"].replace(name="bound", scale_bound=256.0),
    "mse": nf.BLOCK_FORMATS["nvfp4"].replace(name="mse", scale_bound=256.0, four_over_six="mse"),
    "mae": nf.BLOCK_FORMATS["nvfp4"].replace(name="mae", four_over_six="mae"),
    "nan blocks": nf.BLOCK_FORMATS["mxfp8_e5m2"].replace(name="nan blocks", nonfinite="nan"),
    "all of int8": nf.BLOCK_FORMATS["mxint8"].replace(name="all of int8", symmetric=False),
    "int8": BlockFormat(name="int8", element="int8", block=20, scale="float32", scale_rule="absmax"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_blocks_and_scales(kind):
    fmt, generator = KINDS[kind], np.random.default_rng(len(kind))
    for dtype in (np.float32, np.float64):
        x = awkward(generator, (9, 40), dtype, -12, 12)
        axes = [None] if fmt.block == "tensor" else [(-2, -1), (-1, -2)] if fmt.is_tile else [-1, 0]
        for axis in axes:
            check(x, fmt, axis=axis, seed=5)
            check(x, fmt, "stochastic", axis=axis, seed=6)
    if fmt.is_tile:
        check(generator.standard_normal((4, 9, 3)).astype(np.float32), fmt, "stochastic", axis=(1, 0), seed=7)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("seed", range(36))
def test_formats_at_random(seed):
    """Any element format (odd, unsigned, without zero) over any scale format that float64 can multiply."""
    generator, draw = np.random.default_rng([17, seed]), Random(seed)
    scales = [
        "float32",
        "float8_e8m0fnu",
        "float8_e4m3fn",
        "bfloat16",
        "e5m2",
        "float8_e4m3fnuz",
        "binary8p1uf",
        "fixed8.4",
    ]
    while True:
        element, rule = random_format(draw), generator.choice([r.value for r in ScaleRule])
        try:
            fmt = BlockFormat(
                name=f"random {seed}", element=element, block=int(generator.choice([1, 2, 5, 16, 24, 32, 50])),
                scale=str(generator.choice(scales)), scale_rule=str(rule), tensor_scale=bool(generator.random() < 0.3),
                symmetric=bool(generator.random() < 0.5),
            )  # fmt: skip
        except nf.FormatError:
            continue
        break
    for mode in generator.choice([*DETERMINISTIC, "stochastic"], 3):
        for dtype in (np.float32, np.float64):
            x = awkward(generator, (6, 50), dtype, -30, 30)
            check(x, fmt, str(mode), axis=int(generator.choice([0, 1])), seed=seed)
