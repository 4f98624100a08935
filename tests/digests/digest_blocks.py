"""Digests of block formats: values, codes, scales and products of block arrays."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from digest_inputs import Named, digest, generator, moderate, words

import nfloat as nf

_FP8 = {"element": "float8_e4m3fn", "scale": "float32", "scale_rule": "absmax"}
#: what is on record: the seven, NVFP4's variants, scaled FP8
FORMATS = [
    *nf.BLOCK_FORMATS.values(),
    nf.nvfp4.replace(name="nvfp4 16 x 16", block=(16, 16)),
    nf.nvfp4.replace(name="nvfp4 four over six", four_over_six="mse", scale_bound=256),
    nf.BlockFormat(name="fp8 by tensor", block="tensor", **_FP8),
    nf.BlockFormat(name="fp8 by row", block=None, **_FP8),
    nf.BlockFormat(name="fp8 128 x 128", block=(128, 128), **_FP8),
]
RULES = ("floor", "ceil", "even", "rceil")
MODES = ("nearest_even", "toward_zero", "stochastic")
UNIT = "nvidia.hopper.wgmma.e4m3.f32"


def digests() -> Iterator[Named]:
    """Each with its name."""
    for fmt in FORMATS:
        yield f"block {fmt.name}", partial(quantised, fmt)
    for name in ("mxfp8_e4m3", "mxint8", "nvfp4"):
        yield f"block product {name}", partial(product, name)


def quantised(fmt: nf.BlockFormat) -> str:
    """Every rule of the format's kind, three modes, both axes and carriers; ordinary numbers, and any."""
    rng, found = generator("block", fmt.name), []
    ordinary = moderate(rng, (5, 83), 20)
    anything = words(rng, 4 * 41 - 7, np.float64).reshape(4, 41)
    rules = RULES if fmt.scale_rule in RULES else ("absmax",)
    with np.errstate(over="ignore"):
        inputs = [x.astype(kind) for x in (ordinary, anything) for kind in (np.float32, np.float64)]
    for x in inputs:
        for rule in rules:
            for mode in MODES:
                more = {"scale_rule": rule, "seed": 11 if mode == "stochastic" else None}
                found += [nf.round(x, fmt, mode, **more), nf.round(x.T, fmt, mode, **more)]
                q = nf.quantize(np.nan_to_num(x), fmt, mode, **more)
                found += [q.codes, q.scale_codes, np.float64(q.tensor_scale), q.to_bytes()]
    return digest(*found)


def product(name: str) -> str:
    """By an accumulator, and by a unit with the scales outside, where it takes the elements."""
    fmt, rng = nf.BLOCK_FORMATS[name], generator("block product", name)
    a = nf.quantize(moderate(rng, (9, 70), 6, np.float32), fmt)
    b = nf.quantize(moderate(rng, (70, 13), 6, np.float32), fmt, axis=0)
    found = [nf.matmul(a, b, acc) for acc in ("bfloat16", "float32", nf.Accumulator("float16", order="pairwise"))]
    if fmt.element.name == "float8_e4m3fn":
        found.append(nf.matmul(a, b, UNIT))
    return digest(*found)
