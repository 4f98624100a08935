"""A feature of a model is changed: some test must notice.

Each mutation of the plain oracle (floor instead of truncation, one bit more or less, normalised products, C added late,
another output rounding, ...) must change results on operands like those of ``test_units_random.py``, for one unit of
each family. A test that compares a unit with the oracle on such operands therefore fails if the unit has that feature.
"""

from __future__ import annotations

import numpy as np
import pytest
import unit_oracle
from unit_data import bits, fp4_row, row

import nfloat as nf

pytestmark = pytest.mark.filterwarnings("ignore::nfloat.linalg.units.names.SingleSourceWarning")

FAMILIES = [
    "nvidia.volta.mma.f16.f32", "nvidia.volta.mma.f16.f16", "nvidia.ampere.mma.f16.f32", "nvidia.ampere.mma.f16.f16",
    "nvidia.ampere.mma.bf16.f32", "nvidia.ampere.mma.tf32.f32", "nvidia.turing.mma.f16.f32", "nvidia.ada.mma.e4m3.f32",
    "nvidia.ada.mma.e5m2.f16", "nvidia.hopper.mma.f16.f32", "nvidia.hopper.mma.bf16.f32", "nvidia.hopper.mma.tf32.f32",
    "nvidia.hopper.mma.e4m3.f32", "nvidia.hopper.wgmma.e4m3.f32", "nvidia.hopper.wgmma.e5m2.f32",
    "nvidia.blackwell.tcgen05.e4m3.f32", "nvidia.blackwell.tcgen05.mxf8_e5m2.f32", "nvidia.blackwell.tcgen05.nvf4.f32",
    "nvidia.blackwell.tcgen05.mxf4.f32", "amd.cdna1.mfma.f16.f32", "amd.cdna1.mfma.bf16.f32", "amd.cdna2.mfma.f16.f32",
    "amd.cdna2.mfma.bf16.f32", "amd.cdna3.mfma.f16.f32", "amd.cdna3.mfma.bf16.f32", "amd.cdna3.mfma.fp8.f32",
    "intel.amx.tdpbf16ps",
    "intel.avx512.vdpbf16ps", "amd.cdna1.mfma.f32.f32", "arm.bfdot", "arm.bfdot.ebf1", "arm.fmopa",
]  # fmt: skip
#: what a unit cannot show: to odd is what "odd output" makes, and so on
SAME = {"arm.bfdot": {"odd output"}, "arm.bfdot.ebf1": {"nearest output"}, "arm.fmopa": {"nearest output"}}


def pairs() -> list[tuple[str, str]]:
    """Every family with every mutation of its kind of arithmetic."""
    return [
        (n, m)
        for n in FAMILIES
        for m in unit_oracle.MUTATIONS[type(nf.units[n].arithmetic).__name__]
        if m not in SAME.get(n, ())
    ]


ROWS = 100


def operands(unit) -> dict:
    """A stack of dot products."""
    rng = np.random.default_rng(7)
    s = unit.arithmetic
    k = {"GroupedSum": 64, "EvenOddChains": 8, "FmaChain": 8, "PairSum": 8, "ExactSum": 8, "FlushedTree": 8}.get(
        type(s).__name__, s.step
    )
    k = 32 if getattr(s, "pairs_apart", False) else k
    out: dict = {}
    if type(s).__name__ == "GroupedSum":
        rows = [fp4_row(unit, rng) for _ in range(ROWS)]
        out = {
            "scale_a": np.stack([r[3] for r in rows])[:, None, :],
            "scale_b": np.stack([r[4] for r in rows])[:, :, None],
        }
    else:
        rows = [row(unit, rng, k) for _ in range(ROWS)]
        if getattr(s, "scale_block", 0):
            scales = np.exp2(rng.integers(-9, 10, (2, ROWS)).astype(float))
            out = {"scale_a": scales[0][:, None, None], "scale_b": scales[1][:, None, None]}
    a, b, c = (np.stack([r[i] for r in rows]).astype(np.float32) for i in range(3))
    return {"a": a[:, None, :], "b": b[:, :, None], "c": c[:, None, None], **out}


def oracle(unit, x: dict, mutation: str = "") -> np.ndarray:
    """The oracle's bits for the stack."""
    rows = []
    for i in range(ROWS):
        pair = (x["scale_a"][i, 0], x["scale_b"][i, :, 0]) if "scale_a" in x else None
        rows.append(unit_oracle.dot(unit, x["a"][i, 0], x["b"][i, :, 0], x["c"][i, 0, 0], pair, mutation))
    return np.array(rows, np.uint32)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_mutation_is_noticed(name):
    unit = nf.units[name]
    x = operands(unit)
    got = bits(nf.matmul(**{**x, "acc": unit}))[:, 0, 0]
    assert np.array_equal(got, oracle(unit, x))
    unseen = [m for n, m in pairs() if n == name and np.array_equal(got, oracle(unit, x, m))]
    assert not unseen
