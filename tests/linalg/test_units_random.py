"""Every unit against the plain oracle, bit for bit: normal, one binade, all codes, the least numbers, specials."""

from __future__ import annotations

import numpy as np
import pytest
from unit_data import bits, plain, problem

import nfloat as nf
from nfloat.linalg.units import jobs as unit_jobs
from nfloat.linalg.units.sums import Conversion, IntegerSum

pytestmark = pytest.mark.filterwarnings("ignore::nfloat.linalg.units.names.SingleSourceWarning")

MIXED = [
    "nvidia.ada.mma.e4m3_e5m2.f32",
    "nvidia.hopper.wgmma.e5m2_e4m3.f32",
    "nvidia.blackwell.tcgen05.e4m3_e2m1.f32",
    "nvidia.blackwell.tcgen05.mxf8_e4m3_e3m2.f32",
    "amd.cdna3.mfma.fp8_bf8.f32",
]


def summing() -> list[str]:
    """One unit of each arithmetic and operands, with float32 carriers."""
    rows = {}
    for u in nf.units.values():
        if not isinstance(u.arithmetic, IntegerSum | Conversion) and u.output != "float64":
            rows.setdefault((u.arithmetic, u.a, u.b), u.name)
    return [*rows.values(), *MIXED]


def compare(name: str, seed: int, special: bool) -> None:
    unit = nf.units[name]
    operands = problem(unit, seed, special, k=70 if special else 45)
    want = plain(unit, operands)
    got = bits(nf.matmul(**{**operands, "acc": unit, "threads": 1}))
    wrong = np.argwhere(got != want)
    assert wrong.size == 0, (
        f"{name}: {len(wrong)} differ, first {wrong[0]}: {got[tuple(wrong[0])]:08x}, {want[tuple(wrong[0])]:08x}"
    )


@pytest.mark.parametrize("name", summing())
def test_ordinary_operands(name):
    compare(name, 1, special=False)


@pytest.mark.sampled(24)
@pytest.mark.parametrize("name", summing())
def test_any_operands(name, whole):
    for seed in (2, 3) if whole else (2,):
        compare(name, seed, special=True)


@pytest.mark.parametrize("name", summing()[::5])
def test_forms_for_any_operands_agree_on_ordinary_ones(name, monkeypatch):
    unit = nf.units[name]
    operands = problem(unit, 4, special=False, k=200)
    fast = bits(nf.matmul(**{**operands, "acc": unit}))
    for condition in ("exact_in_float32", "never_tiny"):
        monkeypatch.setattr(unit_jobs, condition, lambda *_: False)
    assert np.array_equal(bits(nf.matmul(**{**operands, "acc": unit})), fast)


@pytest.mark.parametrize("with_c", [True, False], ids=["c", "none"])
@pytest.mark.parametrize("moved", [-91, -88, -85, 0, 100, 104, 130])
def test_scales_at_the_ends_of_float32_lanes(moved, with_c, monkeypatch):
    """The form in float32 lanes and the one for any scales, where products' exponents reach what the first takes."""
    unit, rng = nf.units["nvidia.blackwell.tcgen05.mxf8_e4m3.f32"], np.random.default_rng(moved + 200)
    operands = problem(unit, 4, special=False, k=200)
    low, high = (0, 5) if moved < 50 else (-5, 0)
    for side, share in (("scale_a", moved // 2), ("scale_b", moved - moved // 2)):
        operands[side] = 2.0 ** (share + rng.integers(low, high + 1, operands[side].shape))
    c = (operands["c"] * 2.0 ** rng.integers(-60, 110, operands["c"].shape)).astype(np.float32)
    operands["c"] = c if with_c else None
    operands["a"][0, :64] = 0.0  # nothing to align but scales
    chosen, asked = [], unit_jobs.exact_in_float32
    monkeypatch.setattr(unit_jobs, "exact_in_float32", lambda *x: chosen.append(asked(*x)) or chosen[-1])
    fast = bits(nf.matmul(**{**operands, "acc": unit}))
    monkeypatch.setattr(unit_jobs, "exact_in_float32", lambda *_: False)
    assert np.array_equal(bits(nf.matmul(**{**operands, "acc": unit})), fast)
    assert np.array_equal(fast, plain(unit, operands)) and chosen == [-90 < moved < 120]


@pytest.mark.parametrize("name", [n for n, u in nf.units.items() if u.output == "float64"])
def test_float64_units_are_chains_of_fused_multiply_adds(name):
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((3, 20)), rng.standard_normal((20, 18)), rng.standard_normal((3, 18))
    want = nf.matmul(a, b, nf.Accumulator("float64"), c)
    assert np.array_equal(nf.matmul(a, b, name, c), want)
