"""Change one feature of a model: does some test notice?

Each mutation of the plain oracle (floor instead of truncation, one bit more or less, normalised products, C added late, another
output rounding, ...) must change results on operands like those of ``test_units_random.py``, for one unit of each family. A test
that compares a unit with the oracle on such operands therefore fails if the unit has that feature.
"""

from __future__ import annotations

import numpy as np
import pytest
import unit_oracle
from unit_data import bits, values

import nfloat as nf
from nfloat.linalg.unit_matmul import unit_matmul

pytestmark = pytest.mark.filterwarnings("ignore::nfloat.linalg.units.SingleSourceWarning")

FAMILIES = [
    "nvidia.volta.mma.f16.f32", "nvidia.volta.mma.f16.f16", "nvidia.ampere.mma.f16.f32", "nvidia.ampere.mma.f16.f16",
    "nvidia.ampere.mma.bf16.f32", "nvidia.ampere.mma.tf32.f32", "nvidia.turing.mma.f16.f32", "nvidia.ada.mma.e4m3.f32",
    "nvidia.ada.mma.e5m2.f16", "nvidia.hopper.mma.f16.f32", "nvidia.hopper.mma.bf16.f32", "nvidia.hopper.mma.tf32.f32",
    "nvidia.hopper.mma.e4m3.f32", "nvidia.hopper.wgmma.e4m3.f32", "nvidia.hopper.wgmma.e5m2.f32",
    "nvidia.blackwell.tcgen05.e4m3.f32", "nvidia.blackwell.tcgen05.mxf8_e5m2.f32", "nvidia.blackwell.tcgen05.nvf4.f32",
    "nvidia.blackwell.tcgen05.mxf4.f32", "amd.cdna1.mfma.f16.f32", "amd.cdna1.mfma.bf16.f32", "amd.cdna2.mfma.f16.f32",
    "amd.cdna2.mfma.bf16.f32", "amd.cdna3.mfma.f16.f32", "amd.cdna3.mfma.bf16.f32", "amd.cdna3.mfma.fp8.f32", "intel.amx.tdpbf16ps",
    "intel.avx512.vdpbf16ps", "amd.cdna1.mfma.f32.f32", "arm.bfdot", "arm.bfdot.ebf1", "arm.fmopa",
]  # fmt: skip
#: what a unit cannot show: to odd is what "odd output" makes, and so on
SAME = {"arm.bfdot": {"odd output"}, "arm.bfdot.ebf1": {"nearest output"}, "arm.fmopa": {"nearest output"}}


def pairs() -> list[tuple[str, str]]:
    """Every family with every mutation of its kind of arithmetic."""
    return [(n, m) for n in FAMILIES for m in unit_oracle.MUTATIONS[type(nf.units[n].arithmetic).__name__] if m not in SAME.get(n, ())]


ROWS = 160


def number(fmt, exponent: int, rng: np.random.Generator) -> float:
    """A random positive number of a format with about this exponent (a power of two among subnormals)."""
    e = min(max(exponent, fmt.emin - fmt.precision + 1), fmt.emax)
    x = 2.0**e * (1 + rng.integers(0, 2 ** (fmt.precision - 1)) / 2 ** (fmt.precision - 1))
    return float(nf.round(min(x, fmt.max), fmt, "toward_zero"))


def row(unit, rng: np.random.Generator, k: int) -> tuple[np.ndarray, np.ndarray, float]:
    """One dot product made to tell models apart: large terms that cancel, beside terms around their last kept bits.

    The large terms are two products, or a product and C. Below them stand a few products at about F bits distance; around
    2^-126 where the formats reach so far. Three rows in ten are ordinary, tiny or drawn from all codes.
    """
    fa, fb, fc = *unit.formats, nf.get_format(unit.output)
    regime = rng.random()
    if regime < 0.3:
        kind = "normal" if regime < 0.2 else "tiny" if regime < 0.25 else "wide"
        return values(unit.a, rng, (k,), kind), values(unit.b, rng, (k,), kind), float(values(unit.output, rng, (1,), kind)[0])
    a, b, c = np.zeros(k), np.zeros(k), 0.0
    spots = rng.permutation(k)
    s = unit.arithmetic
    kept = getattr(s, "fraction", 24)
    high = int(rng.integers(-4, 5)) + (fa.emax // 2 if fa.emax < 20 else 0)
    if fa.emin < -100 and rng.random() < 0.5:
        high = -63 if rng.random() < 0.8 else 63
    x, y = number(fa, high, rng), number(fb, high, rng)
    a[spots[0]], b[spots[0]] = x, y
    if rng.random() < 0.5:
        c = -float(nf.round(x * y, fc, "toward_zero", overflow="saturate"))
    elif k > 1:
        a[spots[1]], b[spots[1]] = -x, y
    for at in spots[2:7]:
        distance = int(rng.integers(kept - 4, kept + 5)) if rng.random() < 0.7 else int(rng.integers(0, 12))
        target = 2 * high - distance
        ea = int(np.clip(target // 2, fa.emin - fa.precision + 1, fa.emax))
        a[at] = number(fa, ea, rng) * rng.choice([-1, 1])
        b[at] = number(fb, target - ea, rng)
    if c == 0 and rng.random() < 0.5:
        c = float(nf.round(number(fc, 2 * high - int(rng.integers(0, kept + 4)), rng) * rng.choice([-1, 1]), fc, overflow="saturate"))
    return a, b, c


def fp4_row(unit, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float, np.ndarray, np.ndarray]:
    """The same for FP4 with scales: C, or a second group, cancels a large one; another stands about F bits below its scales.

    One row in four has groups of like size instead.
    """
    values = np.array([0.5, 1, 1.5, 2, 3, 4, 6])
    a, b = np.zeros(64), np.zeros(64)
    sa, sb = np.ones(64 // unit.arithmetic.scale_block), np.ones(64 // unit.arithmetic.scale_block)
    a[:16], b[:16] = rng.choice(values, 16), rng.choice(values, 16)
    if rng.random() < 0.25:
        a, b = rng.choice(values, 64) * rng.choice([-1, 1], 64), rng.choice(values, 64)
        return a, b, float(np.float32(rng.standard_normal())), 2.0 ** rng.integers(-3, 4, sa.size), 2.0 ** rng.integers(-3, 4, sb.size)
    sa[0], sb[0] = (448.0, 256.0 * rng.choice([1, 1.75])) if unit.arithmetic.scale_format != "float8_e8m0fnu" else (2.0**30, 1.0)
    a[32], b[32], a[33], b[33] = rng.choice(values), rng.choice(values), -rng.choice(values), 0.5
    least = int(rng.integers(-18, -13)) if sa[0] == 448 else int(rng.integers(-9, -1))
    sa[len(sa) // 2], sb[len(sb) // 2] = 2.0 ** (least // 2), 2.0 ** (least - least // 2)
    if rng.random() < 0.5:
        return a, b, -float(np.float32((a[:16] @ b[:16]) * sa[0] * sb[0])), sa, sb
    a[16:32], b[16:32] = -a[:16], b[:16]
    sa[16 // unit.arithmetic.scale_block], sb[16 // unit.arithmetic.scale_block] = sa[0], sb[0]
    return a, b, 0.0, sa, sb


def operands(unit) -> dict:
    """A stack of dot products."""
    rng = np.random.default_rng(7)
    s = unit.arithmetic
    k = {"GroupedSum": 64, "EvenOddChains": 8, "FmaChain": 8, "PairSum": 8, "ExactSum": 8, "FlushedTree": 8}.get(type(s).__name__, s.step)
    k = 32 if getattr(s, "pairs_apart", False) else k
    out: dict = {}
    if type(s).__name__ == "GroupedSum":
        rows = [fp4_row(unit, rng) for _ in range(ROWS)]
        out = {"scale_a": np.stack([r[3] for r in rows])[:, None, :], "scale_b": np.stack([r[4] for r in rows])[:, :, None]}
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


@pytest.mark.parametrize("name", FAMILIES)
def test_every_mutation_is_noticed(name):
    unit = nf.units[name]
    x = operands(unit)
    got = bits(unit_matmul(**{**x, "unit": unit}))[:, 0, 0]
    assert np.array_equal(got, oracle(unit, x))
    unseen = [m for n, m in pairs() if n == name and np.array_equal(got, oracle(unit, x, m))]
    assert not unseen
