"""Directed vectors of the matrix units: published statements, model-derived corners, and what Intel hardware returned.

Every vector is checked on the compiled unit and on the plain oracle. Sources: MMA-Sim (arXiv 2511.10909, equation 10
and table 8); Khattak and Mikaitis (arXiv 2512.07004); and the Intel lines measured on a CPU with AMX and AVX512-BF16.
"""

from __future__ import annotations

import numpy as np
import pytest
import unit_oracle
from in_one_test import in_one_test
from unit_data import bits, from_hex

import nfloat as nf
from nfloat.linalg.units.names import convert

pytestmark = pytest.mark.filterwarnings("ignore::nfloat.linalg.units.names.SingleSourceWarning")


def both(name: str, a, b, c=0.0, scales=None) -> str:
    """The result's bits as hexadecimal, from the compiled unit and the oracle alike."""
    unit = nf.units[name]
    a, b, c = (np.asarray(x, np.float32) for x in (a, b, c))
    extra = {} if scales is None else {"scale_a": np.array(scales[0])[None], "scale_b": np.array(scales[1])[:, None]}
    got = bits(nf.matmul(a[None], b[:, None], unit, c[None, None], **extra))[0, 0]
    assert got == unit_oracle.dot(unit, a, b, c, scales), name
    return f"{got:08x}"


def value(name: str, *args) -> float:
    return float(from_hex([both(name, *args)])[0])


ONE_INPUT = {
    0.0: [
        "nvidia.volta.mma.f16.f32",
        "nvidia.turing.mma_k4.f16.f32",
        "nvidia.ada.mma.e5m2.f32",
        "nvidia.hopper.wgmma.e5m2.f32",
        "amd.cdna2.mfma.f16.f32",
        "amd.cdna2.mfma.bf16_1k.f32",
    ],
    -0.375: ["amd.cdna2.mfma.bf16.f32"],
    -0.5: [
        "nvidia.turing.mma.f16.f32",
        "nvidia.ampere.mma.f16.f32",
        "nvidia.ampere.mma.bf16.f32",
        "nvidia.ampere.mma.tf32.f32",
        "nvidia.ada.mma.f16.f32",
        "nvidia.ada.mma.bf16.f32",
        "nvidia.ada.mma.tf32.f32",
        "amd.cdna3.mfma.f16.f32",
        "amd.cdna3.mfma.bf16.f32",
        "amd.cdna3.mfma.xf32.f32",
    ],
    -0.75: [
        "nvidia.hopper.mma.f16.f32",
        "nvidia.hopper.mma.bf16.f32",
        "nvidia.hopper.mma.tf32.f32",
        "nvidia.hopper.mma_k4.tf32.f32",
        "nvidia.hopper.wgmma.f16.f32",
        "nvidia.hopper.wgmma.bf16.f32",
        "nvidia.hopper.wgmma.tf32.f32",
        "nvidia.blackwell.mma.f16.f32",
        "nvidia.blackwell.tcgen05.f16.f32",
        "nvidia.blackwell.tcgen05.e5m2.f32",
        "nvidia.rtx_blackwell.mma.bf16.f32",
        "nvidia.rtx_blackwell.mma.e5m2.f32",
    ],
    -0.875: ["amd.cdna1.mfma.f16.f32", "amd.cdna1.mfma.f32.f32", "amd.cdna2.mfma.f32.f32", "amd.cdna3.mfma.f32.f32"],
    -1.0: ["amd.cdna3.mfma.bf8.f32"],
}


@in_one_test(("want", "name"), [(want, name) for want, names in ONE_INPUT.items() for name in names])
def test_one_input_tells_architectures_apart(want, name):
    assert value(name, [-(2.0**13), -0.5, -0.25, -0.125], [2.0**10, 1, 1, 1], 2.0**23) == want


@pytest.mark.parametrize("name", ["nvidia.ampere.mma.f64.f64", "nvidia.hopper.mma.f64.f64", "amd.cdna2.mfma.f64.f64"])
def test_one_input_in_float64(name):
    assert nf.matmul([-(2.0**13), -0.5, -0.25, -0.125], [2.0**10, 1, 1, 1], name, c=2.0**23) == -0.875


# a, b chosen so that the products are those named in the source
KMP = [
    ("nvidia.volta.mma.f16.f32", (1.5, 1.5), (-23, -23), "40100001"),
    ("nvidia.volta.mma.f16.f32", (1.0, 2.25), (-23, -23), "40100000"),
    ("nvidia.ampere.mma.f16.f32", (1.5, 1.5), (-23, -24, -24), "40100001"),
    ("nvidia.ampere.mma.f16.f32", (1.0, 2.25), (-23, -24, -24), "40100000"),
]


@pytest.mark.parametrize(("name", "first", "powers", "want"), KMP)
def test_products_are_not_normalised(name, first, powers, want):
    a = [first[0], *(2.0 ** (p // 2) for p in powers)]
    b = [first[1], *(2.0 ** (p - p // 2) for p in powers)]
    assert both(name, a, b) == want


def test_products_are_not_normalised_on_hopper():
    assert both("nvidia.hopper.mma.f16.f32", [1.5, 7 * 2.0**-12, 2.0**-12], [1.5, 2.0**-13, 2.0**-13]) == "40100001"


def test_fp8_keeps_13_bits():
    for name in ("nvidia.ada.mma.e4m3.f32", "nvidia.hopper.wgmma.e4m3.f32"):
        assert both(name, [2.0**-7, 2.0**-7], [2.0**-7, 2.0**-7], 1.0) == "3f800000"
    assert both("nvidia.ada.mma.e4m3.f32", [1, 2.0**-6, 2.0**-6], [1, 2.0**-7, 2.0**-7]) == "3f800800"


@pytest.mark.parametrize(
    ("name", "x", "want"),
    [
        ("nvidia.ampere.mma.bf16.f32", "b080", "00000000"),
        ("nvidia.ampere.mma.bf16.f32", "b000", "00000001"),
        ("nvidia.hopper.mma.bf16.f32", "af80", "00000000"),
        ("nvidia.hopper.mma.bf16.f32", "af00", "00000001"),
    ],
)
def test_clamp_of_bfloat16(name, x, want):
    assert both(name, from_hex(["3400", x], 4), from_hex(["0080", "0080"], 4)) == want


@pytest.mark.parametrize(
    ("arch", "last"), [("volta", 42), ("ampere", 44), ("ada", 44), ("hopper", 46), ("blackwell", 46)]
)
def test_clamp_of_float16_results(arch, last):
    for n in (last - 1, last, last + 1, last + 2):
        want = 2.0**-24 if n <= last else 0.0
        assert value(f"nvidia.{arch}.mma.f16.f16", [2.0**-12, 2.0**-24], [2.0**-13, 2.0 ** (24 - n)]) == want


# From the models alone: no record of hardware was found for these ----------------------------------------------------


@pytest.mark.parametrize("name", ["nvidia.blackwell.tcgen05.nvf4.f32", "nvidia.rtx_blackwell.mma.nvf4.f32"])
def test_nvf4_groups(name):
    a, b = np.zeros(64), np.zeros(64)
    a[:16] = b[:16] = 6
    a[16] = b[16] = 0.5
    c = from_hex(["ccdc8000"])[0]
    assert both(name, a, b, c, ([448.0, 2.0**-3, 1, 1], [448.0, 2.0**-4, 1, 1])) == "3b000000"
    assert both(name, a, b, c, ([448.0, 2.0**-4, 1, 1], [448.0, 2.0**-4, 1, 1])) == "00000000"
    assert both(name, np.full(64, 6), np.full(64, 6), 0, (np.ones(4), np.ones(4))) == "45100000"


@pytest.mark.parametrize(("c", "want"), [(0.0, "40800020"), (-4.0, "37800000")])
def test_mxf8_scales(c, want):
    a = [1, 2.0**-9]
    assert both("nvidia.blackwell.tcgen05.mxf8_e4m3.f32", a, a, c, ([2.0**3], [2.0**-1])) == want


@pytest.mark.parametrize(
    ("name", "a", "b", "c", "want"),
    [
        ("amd.cdna3.mfma.f16.f32", [1], [1], -(2.0**-30), "3f7fffff"),
        ("amd.cdna3.mfma.f16.f32", [1], [1], 2.0**-30, "3f800000"),
        ("amd.cdna3.mfma.fp8.f32", [1], [1], -(2.0**-25), "3f7fffff"),
        ("amd.cdna3.mfma.fp8.f32", [1], [1], -(2.0**-26), "3f800000"),
        ("amd.cdna3.mfma.fp8.f32", [1], [1], -(2.0**-30), "3f800000"),
        ("amd.cdna1.mfma.f16.f32", [1, 1], [1, 1], 2.0**24, "4b800001"),
        ("amd.cdna2.mfma.f16.f32", [1, 1], [1, 1], 2.0**24, "4b800001"),
        ("amd.cdna2.mfma.f16.f32", [1, 0, 0, 0, 1], [1, 0, 0, 0, 1], 2.0**24, "4b800000"),
        ("amd.cdna1.mfma.bf16.f32", [1, 0, 1], [1, 0, 1], 2.0**24, "4b800000"),
    ],
)
def test_amd_corners(name, a, b, c, want):
    assert both(name, a, b, c) == want


# Special values ------------------------------------------------------------------------------------------------------

INF, NAN = np.inf, np.nan
NVIDIA = [
    "nvidia.volta.mma.f16.f32",
    "nvidia.hopper.mma.bf16.f32",
    "nvidia.ada.mma.e5m2.f32",
    "nvidia.hopper.mma.e5m2.f16",
    "nvidia.ampere.mma.f16.f16",
]


@pytest.mark.parametrize(
    ("a", "b", "c", "want"),
    [
        ([1, 2], [1, NAN], 0, "7fffffff"),
        ([INF, 1], [0, 1], 0, "7fffffff"),
        ([INF, -INF], [1, 1], 0, "7fffffff"),
        ([INF, 1], [1, 1], -INF, "7fffffff"),
        ([1, 1], [1, 1], NAN, "7fffffff"),
        ([INF, 1], [-1, 1], 3, "ff800000"),
        ([1, 1], [1, 1], -INF, "ff800000"),
        ([1, -1], [1, 1], 0, "00000000"),
        ([-0.0, -0.0], [1, 1], -0.0, "00000000"),
    ],
)
@in_one_test("name", NVIDIA)
def test_nvidia_specials(name, a, b, c, want):
    assert both(name, a, b, c) == want


def test_products_do_not_overflow_but_results_do():
    big = 2.0**100
    assert both("nvidia.hopper.mma.bf16.f32", [big, big], [big, -big]) == "00000000"
    assert both("nvidia.hopper.mma.bf16.f32", [2.0**64], [2.0**64]) == "7f800000"
    assert both("nvidia.hopper.mma.bf16.f32", [2.0**64, -(2.0**50)], [2.0**64, 2.0**54]) == "7f7fffff"
    assert value("nvidia.hopper.mma.f16.f16", [2.0**8, 2.0**3], [2.0**8 - 0.125, 2.0]) == INF
    assert value("nvidia.hopper.mma.f16.f16", [2.0**8, 2.0**3], [2.0**8 - 0.125, 1.9921875]) == 65504.0


# Intel, as measured --------------------------------------------------------------------------------------------------

AMX, VDP = "intel.amx.tdpbf16ps", "intel.avx512.vdpbf16ps"
INTEL = [
    ("4b800000", "3f80 3f80", "3f80 3f80", "4b800001", "4b800000"),
    ("cb800000", "4b80 3f80", "3f80 3f80", "00000000", "3f800000"),
    ("ce800000", "4e80 3f80", "3f80 3f80", "00000000", "00000000"),
    ("ce800000", "3f80 4e80", "3f80 3f80", "00000000", "3f800000"),
    ("3f800000", "4e80 ce80", "3f80 3f80", "3f800000", "00000000"),
    ("00000001", "0000 0000", "0000 0000", "00000000", "00000000"),
    ("80000000", "0000 0000", "0000 0000", "00000000", "00000000"),
    ("80000000", "8000 8000", "3f80 3f80", "00000000", "80000000"),
    ("00000000", "0040 0000", "7180 0000", "00000000", "00000000"),
    ("00000000", "8080 0000", "3f00 0000", "00000000", "80000000"),
    ("00800000", "0080 0000", "3f00 0000", "00800000", "00c00000"),
    ("ff7fffff", "7f00 0000", "4000 0000", "7f800000", "73800000"),
    ("00000000", "7f00 ff00", "4000 4000", "ffc00000", "ff800000"),
    ("00800000", "1780 0000", "9780 0000", None, "00800000"),
    ("00000000", "7f80 0000", "0000 0000", "ffc00000", "ffc00000"),
    ("00000000", "7f81 0000", "3f80 0000", "7fc10000", "7fc10000"),
    ("7fc12345", "7fc1 0000", "3f80 0000", "7fc12345", "7fc10000"),
]


@pytest.mark.parametrize(("c", "a", "b", "amx", "vdp"), INTEL)
def test_intel_pairs(c, a, b, amx, vdp):
    c = from_hex([c])[0]
    a, b = from_hex(a.split(), 4), from_hex(b.split(), 4)
    if amx is not None:
        assert both(AMX, a, b, c) == amx
    assert both(VDP, a, b, c) == vdp


@pytest.mark.parametrize(
    ("places", "want"),
    [
        ({0: "7fc1", 2: "7fc3"}, "7fc30000"),
        ({0: "7fc1", 3: "7fc3"}, "7fc10000"),
        ({1: "7fc1", 2: "7fc3"}, "7fc30000"),
        ({0: "4b80", 2: "3f80", 4: "cb80"}, "00000000"),
        ({0: "4b80", 1: "3f80", 2: "cb80"}, "3f800000"),
    ],
)
def test_amx_chains(places, want):
    words = [places.get(k, "0000") for k in range(32)]
    assert both(AMX, from_hex(words, 4), np.ones(32)) == want


def test_amx_whole_tile():
    a = """c15f 3e26 bf10 c026 c12f 4063 c117 4073 403e 3f29 3f5d be32 bd00 be0f bd5e bd6a
           c0e1 bdfa 41b5 bd36 3d12 be12 411c 3d3b bef7 bfcb bdd5 3ed9 becd 3dd0 409d bf03"""
    b = """c159 3f12 3fa6 bff9 3e46 3e48 bfc5 be65 c101 3ece 3ea9 419c bde3 bdcc c130 bfaf
           3ea6 bef5 40c4 3fbf 3f0c 401a 4032 c1bf be2e 4007 41d4 beaf c117 406b 3fa2 3fcb"""
    assert both(AMX, from_hex(a.split(), 4), from_hex(b.split(), 4), from_hex(["bf09d554"])[0]) == "43ac394b"


def test_vcvtneps2bf16():
    pairs = [
        "3f808000",
        "3f80",
        "3f818000",
        "3f82",
        "3f80ffff",
        "3f81",
        "7f7fffff",
        "7f80",
        "007fffff",
        "0000",
        "807fffff",
        "8000",
        "00800000",
        "0080",
        "7f800001",
        "7fc0",
        "ff812345",
        "ffc1",
    ]
    x = np.array([int(w, 16) for w in pairs[::2]], np.uint32).view(np.float32)
    assert [f"{w >> 16:04x}" for w in bits(convert(x))] == pairs[1::2]


def test_integer_instructions_wrap_or_clamp():
    a, b = np.full((1, 4), 127), np.full((4, 1), 127)
    for name, want in (("tdpbssd", 0x8000FC03), ("vpdpbusd", 0x8000FC03), ("vpdpbusds", 0x7FFFFFFF)):
        unit = next(n for n in nf.units if n.endswith("." + name))
        assert int(np.uint32(nf.matmul(a, b, unit, c=[[0x7FFFFFFF]]).view(np.uint32)[0, 0])) == want
