"""Matrix-unit models against NumPy's float32 product, n = 512, one thread; one unit of every form that a kernel has."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nfloat as nf
from nfloat.linalg.units.names import SingleSourceWarning

N = 512
FAST = {
    "nvidia.volta.mma.f16.f32": 9,
    "nvidia.ampere.mma.f16.f32": 9,
    "nvidia.hopper.mma.f16.f32": 9,
    "nvidia.hopper.mma.f16.f16": 9,
    "nvidia.hopper.mma.bf16.f32": 15,
    "nvidia.ampere.mma.tf32.f32": 15,
    "nvidia.ada.mma.e4m3.f32": 9,
    "nvidia.hopper.wgmma.e4m3.f32": 9,
    "nvidia.hopper.mma.e4m3.f32": 9,
    "nvidia.blackwell.tcgen05.e4m3.f32": 9,
}
OTHERS = [
    "nvidia.blackwell.tcgen05.mxf8_e4m3.f32",
    "nvidia.blackwell.tcgen05.nvf4.f32",
    "amd.cdna1.mfma.f16.f32",
    "amd.cdna1.mfma.bf16.f32",
    "amd.cdna2.mfma.f16.f32",
    "amd.cdna3.mfma.f16.f32",
    "amd.cdna3.mfma.xf32.f32",
    "amd.cdna3.mfma.fp8.f32",
    "amd.cdna3.mfma.f32.f32",
    "amd.cdna3.mfma.f64.f64",
    "intel.amx.tdpbf16ps",
    "intel.avx512.vdpbf16ps",
    "arm.bfdot",
    "arm.bfdot.ebf1",
    "arm.fmopa",
    "nvidia.hopper.wgmma.e4m3.f32@promote=128",
]


def _operands(unit, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(np.asarray(nf.round(rng.standard_normal((N, N)).astype(np.float32), f)) for f in (unit.a, unit.b))


def _measure(ratio, name: str, at_most: float, scale: float = 1.0) -> None:
    unit = nf.units[name]
    a, b = _operands(unit)
    a[0, 0] *= np.float32(scale)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingleSourceWarning)
        ratio(lambda: nf.matmul(a, b, unit, threads=1), lambda: np.float32(a) @ np.float32(b), at_most)


@pytest.mark.parametrize("name", FAST)
def test_fast_units(ratio, name):
    _measure(ratio, name, FAST[name])


@pytest.mark.parametrize("name", OTHERS)
def test_other_units(ratio, name):
    _measure(ratio, name, 40)


@pytest.mark.parametrize("name", ["nvidia.hopper.mma.bf16.f32", "intel.amx.tdpbf16ps", "arm.bfdot"])
def test_operands_of_any_range(ratio, name):
    """One element near the least number sends the call to the kernel that takes everything."""
    _measure(ratio, name, 40 if name == "arm.bfdot" else 15, scale=2.0**-110)


def test_integers(ratio):
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-128, 128, (N, N)) for _ in range(2))
    x, y = a.astype(np.float32), b.astype(np.float32)
    ratio(lambda: nf.matmul(a, b, "intel.amx.tdpbssd"), lambda: x @ y, 40)
