"""Products that PyTorch 2.11 computed on an H200 (CUDA 13.0, 2026-11-26): predicted bit for bit, and named.

``h200_products.npz`` holds four rows and columns of `probe_inputs` (codes, or float32) and what the GPU gave for them
as a part of a product of the size in the name: ``<operands>.<mode>.<m>x<n>x<k>.{a,b,d}``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nfloat as nf
from nfloat.testing import identify, predict_matmul

RECORDED = np.load(Path(__file__).with_name("h200_products.npz"))
FP8, HALF = "nvidia.hopper.wgmma.e4m3.f32", "nvidia.hopper.mma.f16.f16"
#: product -> how the GPU summed, split-K and the rounding of the result
HOW = {
    "bfloat16.plain.1024x1024x256": ("nvidia.hopper.wgmma.bf16.f32", {"output": "bfloat16"}),
    "bfloat16.plain.256x256x4096": ("nvidia.hopper.wgmma.bf16.f32", {"split_k": 3, "output": "bfloat16"}),
    "float16.acc.64x64x1024": (HALF, {"split_k": 8}),
    "tfloat32.tf32.64x64x256": ("nvidia.hopper.mma.tf32.f32", {"split_k": 8}),
    "float32.plain.256x256x1024": ("float32", {"split_k": 8, "split_tile": 8, "split_interleaved": True}),
    "float32.plain.1024x1024x256": ("float32", {}),
    "float8_e4m3fn.fast.64x64x1024": (FP8, {}),
    "float8_e4m3fn.slow.1024x1024x1024": (FP8, {"promote": 128}),
}


def product(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b, d = (RECORDED[f"{name}.{part}"] for part in "abd")
    if a.dtype != np.float32:
        a, b = (np.asarray(nf.decode(codes, name.partition(".")[0]), np.float32) for codes in (a, b))
    return a, b, d


@pytest.mark.parametrize("name", HOW)
def test_predicted_bit_for_bit(name):
    a, b, d = product(name)
    how, options = HOW[name]
    assert np.array_equal(np.float32(predict_matmul(a, b, how, **options)).view(np.uint32), d.view(np.uint32))


@pytest.mark.parametrize(
    "name", [*[name for name in HOW if name.endswith("x256")][:2], "float8_e4m3fn.fast.64x64x1024"]
)
def test_identified(name):
    a, b, d = product(name)
    best = identify(a, b, d)[0]
    assert best.share == 1.0 and np.array_equal(np.float32(best.predict(a, b)).view(np.uint32), d.view(np.uint32))


def test_other_cuts_of_k_give_other_bits():
    a, b, d = product("bfloat16.plain.256x256x4096")
    right = HOW["bfloat16.plain.256x256x4096"][1]
    for options in ({"split_k": 1}, {"split_k": right["split_k"], "split_tile": 16}, {"split_k": right["split_k"] + 1}):
        got = predict_matmul(a, b, "nvidia.hopper.wgmma.bf16.f32", **{**right, **options})
        assert not np.array_equal(got, d), options
