"""Products by matrix units without looking twice: the bits of the general way, and what is left to it."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.linalg.operands import matmul_operands
from nfloat.linalg.units.matmul import unit_product
from nfloat.linalg.units.quick import quick_product

#: in float32 lanes: a unit of each arithmetic that has a quick way
QUICK = (
    "nvidia.hopper.mma.bf16.f32",
    "nvidia.ampere.mma.f16.f32",
    "nvidia.ada.mma.e4m3.f32",
    "nvidia.hopper.mma.f16.f16",
    "intel.amx.tdpbf16ps",
)
#: split, promoted, in float64 lanes, of one source
GENERAL = ("nvidia.hopper.mma.bf16.f32@split_k=2", "nvidia.hopper.wgmma.e4m3.f32@promote=64", "amd.cdna3.mfma.bf16.f32")
SHAPES = ((1, 1, 1), (4, 16, 16), (5, 10, 33), (32, 64, 10), (7, 96, 48))


def operands(unit, m, k, n, seed=0):
    """Small numbers of the unit's formats, and c of its result's."""
    rng, how = np.random.default_rng(seed), nf.units[unit]
    a, b = (
        np.asarray(nf.round(rng.standard_normal(shape).astype(np.float32), fmt))
        for shape, fmt in zip(((m, k), (k, n)), how.formats, strict=True)
    )
    return a, b, np.asarray(nf.round(rng.standard_normal(n).astype(np.float32), how.output))


def general(a, b, c, unit):
    """The product by the way that takes everything."""
    return unit_product(matmul_operands(a, b, c, None), unit, (None, None), 1)


@pytest.mark.parametrize("unit", QUICK)
def test_the_bits_of_the_general_way(unit):
    how, done = nf.units[unit], 0
    for m, k, n in SHAPES:
        a, b, c = operands(unit, m, k, n)
        for one, other in ((a, b), (np.asfortranarray(a), b), (a, np.asfortranarray(b))):
            for start in (None, c, np.broadcast_to(c, (m, n)).copy()):
                found = quick_product(one, other, start, how, 1)
                expected = general(a, b, start, how)
                assert found is None or found.tobytes() == expected.tobytes()
                done += found is not None
    assert done >= 20


@pytest.mark.parametrize("unit", GENERAL)
def test_units_that_have_no_quick_way(unit):
    assert quick_product(*operands(unit, 4, 64, 16), nf.units[unit], 1) is None


def test_operands_that_have_no_quick_way():
    unit = nf.units[QUICK[0]]
    a, b, c = operands(QUICK[0], 4, 32, 16)
    infinite, tiny, wrong = a.copy(), a.copy(), a.copy()
    infinite[1, 2], tiny[0, 0], wrong[3, 3] = np.inf, 2.0**-130, 1 + 2.0**-12
    strided, wide = np.repeat(a, 2, axis=1)[:, ::2], a.astype(np.float64)
    for x in (infinite, tiny, wrong, strided, wide, a[np.newaxis], a[:, :5]):
        assert quick_product(x, b, c, unit, 1) is None
    assert quick_product(a, b, c.astype(np.float64), unit, 1) is None
    assert quick_product(a, b, c[:3], unit, 1) is None
    assert quick_product(a, b, c, unit, None).tobytes() == quick_product(a, b, c, unit, 1).tobytes()


def test_matmul_takes_the_quick_way(monkeypatch):
    a, b, c = operands(QUICK[0], 5, 64, 33)

    def refused(*_):
        raise AssertionError("the general way")

    monkeypatch.setattr("nfloat.linalg.units.matmul.unit_matmul", refused)
    for threads in (None, 1):
        expected = general(a, b, c, nf.units[QUICK[0]])
        assert nf.matmul(a, b, QUICK[0], c, threads=threads).tobytes() == expected.tobytes()
