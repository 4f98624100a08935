"""Units as accumulators of `matmul`: shapes, stacks, threads, checks, promotion, split k, scales, integers."""

from __future__ import annotations

import numpy as np
import pytest
import unit_oracle
from unit_data import bits, values

import nfloat as nf

pytestmark = [
    pytest.mark.usefixtures("threads_for_little_work"),
    pytest.mark.filterwarnings("ignore::nfloat.linalg.units.names.SingleSourceWarning"),
]

H16 = "nvidia.hopper.mma.f16.f32"
SAMPLE = [
    H16,
    "nvidia.ampere.mma.f16.f16",
    "nvidia.hopper.mma.e4m3.f32",
    "nvidia.blackwell.tcgen05.nvf4.f32",
    "amd.cdna1.mfma.f16.f32",
    "amd.cdna3.mfma.fp8.f32",
    "intel.amx.tdpbf16ps",
    "arm.bfdot",
    "amd.cdna2.mfma.f64.f64",
]


def operands(name: str, shape_a, shape_b, seed: int = 0):
    unit, rng = nf.units[name], np.random.default_rng(seed)
    return values(unit.a, rng, shape_a, "normal"), values(unit.b, rng, shape_b, "normal")


@pytest.mark.parametrize("name", SAMPLE)
def test_bits_do_not_depend_on_threads_or_company(name):
    a, b = operands(name, (67, 96), (96, 53))
    c = values(nf.units[name].output if "f64" not in name else "float32", np.random.default_rng(1), (67, 53), "normal")
    whole = nf.matmul(a, b, name, c, threads=1)
    assert np.array_equal(nf.matmul(a, b, name, c, threads=3), whole)
    assert np.array_equal(nf.matmul(a[5:6], b[:, 7:19], name, c[5:6, 7:19]), whole[5:6, 7:19])
    assert nf.matmul(a[9], b[:, 50], name, c[9, 50]) == whole[9, 50]


@pytest.mark.parametrize("name", SAMPLE[:5])
def test_stacks_broadcast_as_in_numpy(name):
    a, b = operands(name, (3, 1, 5, 40), (2, 40, 6))
    got = nf.matmul(a, b, name)
    assert got.shape == (3, 2, 5, 6) == np.matmul(a, b).shape
    for i, j in np.ndindex(3, 2):
        assert np.array_equal(got[i, j], nf.matmul(a[i, 0], b[j], name))
    shared = nf.matmul(a[:, 0], b[0], name, c=np.ones((5, 1)))
    assert np.array_equal(shared[2], nf.matmul(a[2, 0], b[0], name, c=np.ones((5, 6))))


def test_one_dimensional_operands():
    a, b = operands(H16, (16,), (16, 4))
    assert nf.matmul(a, b, H16).shape == (4,) and nf.matmul(b.T, a, H16).shape == (4,)
    assert np.ndim(nf.matmul(a, b[:, 0], H16)) == 0


def test_empty_axes():
    assert nf.matmul(np.ones((2, 0)), np.ones((0, 3)), H16).tolist() == [[0.0] * 3] * 2
    assert nf.matmul(np.ones((2, 0)), np.ones((0, 3)), H16, c=np.full((2, 3), 5)).tolist() == [[5.0] * 3] * 2
    assert nf.matmul(np.ones((0, 4)), np.ones((4, 3)), H16).shape == (0, 3)


def test_operands_are_not_changed():
    for name in ("amd.cdna2.mfma.f16.f32", "intel.avx512.vdpbf16ps", H16):
        a, b = operands(name, (3, 8), (8, 3))
        a[0, 0] = 2.0**-24 if "f16" in name.split(".")[-2] and "bf16" not in name else 2.0**-130
        c = np.full((3, 3), 2.0**-140, np.float32)
        before = a.copy(), b.copy(), c.copy()
        nf.matmul(a, b, name, c=c)
        assert all(np.array_equal(x, y) for x, y in zip(before, (a, b, c), strict=True))


# What formats hold ---------------------------------------------------------------------------------------------------


def test_an_operand_the_format_cannot_hold_is_named():
    a = np.ones((2, 4))
    a[1, 2] = 1.0625 + 2**-8
    with pytest.raises(
        nf.RepresentationError, match=r"a\[1, 2\]=1\.06640625 is not a value of float8_e4m3fn.*nvidia\.hopper\.wgmma"
    ):
        nf.matmul(a, np.ones((4, 2)), "nvidia.hopper.wgmma.e4m3.f32")
    with pytest.raises(nf.RepresentationError, match=r"b\[0\]=0\.1"):
        nf.matmul([1.0], [0.1], H16)
    with pytest.raises(nf.RepresentationError, match=r"c.*float16"):
        nf.matmul([1.0], [1.0], "nvidia.volta.mma.f16.f16", c=0.1)
    got = nf.matmul(a, np.ones((4, 2)), "nvidia.hopper.wgmma.e4m3.f32", inputs="float8_e4m3fn")
    assert np.array_equal(got, nf.matmul(nf.round(a, "float8_e4m3fn"), np.ones((4, 2)), "nvidia.hopper.wgmma.e4m3.f32"))


@pytest.mark.parametrize("value", [np.inf, np.nan, 464.0, 2.0**-10, -480.0])
def test_e4m3_holds_neither_infinities_nor_these(value):
    if np.isnan(value):
        assert np.isnan(nf.matmul([value], [1.0], "nvidia.ada.mma.e4m3.f32"))
        return
    with pytest.raises(nf.RepresentationError, match="float8_e4m3fn"):
        nf.matmul([value], [1.0], "nvidia.ada.mma.e4m3.f32")


@pytest.mark.parametrize(
    "name",
    [
        "float16",
        "bfloat16",
        "tfloat32",
        "float8_e4m3fn",
        "float8_e5m2",
        "float6_e3m2fn",
        "float4_e2m1fn",
        "float8_e4m3fnuz",
        "float8_e5m2fnuz",
        "float32",
    ],
)
def test_the_check_is_exact(name):
    """Every value of a format passes, and each midpoint or neighbour between two does not."""
    from nfloat.linalg.units.operands import held, measure

    f = nf.get_format(name)
    rng = np.random.default_rng(3)
    x = values(name, rng, (4000,), "wide")
    assert measure(x, f)[1] and held(x, f).all()
    y = rng.integers(0, 2**32, 4000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    with np.errstate(over="ignore"):
        y = np.concatenate([y, np.nextafter(x, np.float32(1)), x * np.float32(1.5), x * np.float32(2)])
    y = y[np.isfinite(y)]
    want = np.asarray(nf.round(y, f)) == y
    assert np.array_equal(held(y, f), want)
    for one, expected in zip(y[::20], want[::20], strict=True):
        assert measure(np.array([one], np.float32), f)[1] == expected


def test_float64_values_that_float32_cannot_hold():
    with pytest.raises(nf.RepresentationError, match="float32"):
        nf.matmul([1.0], [1.0], H16, c=1 + 2.0**-40)
    with pytest.raises(nf.RepresentationError, match="float32"):
        nf.matmul([1e300], [1.0], "amd.cdna3.mfma.f32.f32")


# Beyond the instruction ----------------------------------------------------------------------------------------------


def add(x, y):
    return np.float32(x) + np.float32(y)


def test_promotion_adds_chains_of_128_in_float32():
    name = "nvidia.hopper.wgmma.e4m3.f32"
    a, b = operands(name, (3, 300), (300, 5))
    c = np.float32(np.random.default_rng(2).standard_normal((3, 5)))
    got = nf.matmul(a, b, name + "@promote=128", c)
    want = c
    for k in (0, 128, 256):
        want = add(want, nf.matmul(a[:, k : k + 128], b[k : k + 128], name))
    assert np.array_equal(got, want) and not np.array_equal(got, nf.matmul(a, b, name, c))
    assert np.array_equal(nf.matmul(a, b, nf.units[name].replace(promote=128), c), got)


@pytest.mark.parametrize("interleaved", [False, True])
def test_split_k(interleaved):
    a, b = operands(H16, (2, 640), (640, 3))
    unit = nf.units[H16].replace(split_k=2, split_tile=128, split_interleaved=interleaved)
    tiles = [[0, 2, 4], [1, 3]] if interleaved else [[0, 1, 2], [3, 4]]
    want = np.zeros((2, 3), np.float32)
    for part in tiles:
        k = np.concatenate([np.arange(128 * t, 128 * t + 128) for t in part])
        want = add(want, nf.matmul(a[:, k], b[k], H16))
    assert np.array_equal(nf.matmul(a, b, unit), want)


def test_split_and_promotion_together():
    name = "nvidia.hopper.wgmma.e4m3.f32"
    a, b = operands(name, (2, 512), (512, 3))
    got = nf.matmul(a, b, nf.units[name].replace(split_k=2, promote=128))
    promoted = [nf.matmul(a[:, s], b[s], name + "@promote=128") for s in (slice(0, 256), slice(256, 512))]
    assert np.array_equal(got, add(promoted[0], promoted[1]))


def test_a_promoted_nan_has_the_units_bits():
    name = "nvidia.hopper.wgmma.e5m2.f32@promote=32"
    a = np.zeros((1, 64))
    a[0, 0], a[0, 40] = np.inf, -np.inf
    assert bits(nf.matmul(a, np.ones((64, 1)), name))[0, 0] == 0x7FFFFFFF


# Scales --------------------------------------------------------------------------------------------------------------


def test_scales_default_to_one_and_are_checked():
    name = "nvidia.blackwell.tcgen05.mxf8_e4m3.f32"
    a, b = operands(name, (2, 70), (70, 3))
    assert np.array_equal(
        nf.matmul(a, b, name), nf.matmul(a, b, name, scale_a=np.ones((2, 3)), scale_b=np.ones((3, 3)))
    )
    assert np.array_equal(nf.matmul(a, b, name), nf.matmul(a, b, "nvidia.blackwell.tcgen05.e4m3.f32"))
    with pytest.raises(nf.RepresentationError, match=r"scale_a\[0, 0\]=3\.0.*float8_e8m0fnu"):
        nf.matmul(a, b, name, scale_a=np.full((2, 3), 3.0))
    with pytest.raises(nf.ShapeError, match="scale_b"):
        nf.matmul(a, b, name, scale_b=np.ones((2, 3)))
    got = nf.matmul(a, b, name, scale_a=np.full((2, 3), 2.0))
    assert np.array_equal(got, nf.matmul(a, b, name, scale_a=np.full((2, 3), 2.0)))
    with pytest.raises(nf.ArgumentError, match="block-scaled"):
        nf.matmul(a, b, "float16", scale_a=np.ones((2, 3)))
    with pytest.raises(nf.ShapeError, match="no block scales"):
        nf.matmul(a, b, "nvidia.blackwell.tcgen05.e4m3.f32", scale_a=np.ones((2, 3)))


def test_scales_move_with_promotion():
    name = "nvidia.blackwell.tcgen05.nvf4.f32"
    a, b = operands(name, (2, 192), (192, 3))
    rng = np.random.default_rng(5)
    sa, sb = 2.0 ** rng.integers(-3, 4, (2, 12)), 2.0 ** rng.integers(-3, 4, (12, 3))
    got = nf.matmul(a, b, name + "@promote=64", scale_a=sa, scale_b=sb)
    want = np.zeros((2, 3), np.float32)
    for i in range(3):
        k, s = slice(64 * i, 64 * i + 64), slice(4 * i, 4 * i + 4)
        want = add(want, nf.matmul(a[:, k], b[k], name, scale_a=sa[:, s], scale_b=sb[s]))
    assert np.array_equal(got, want)


def test_the_sign_of_ue4m3_scales_is_ignored():
    name = "nvidia.blackwell.tcgen05.nvf4.f32"
    a, b = operands(name, (2, 64), (64, 3))
    assert np.array_equal(
        nf.matmul(a, b, name, scale_a=np.full((2, 4), -1.5)), nf.matmul(a, b, name, scale_a=np.full((2, 4), 1.5))
    )


# Integers ------------------------------------------------------------------------------------------------------------


def test_integer_units_wrap():
    rng = np.random.default_rng(6)
    a, b = rng.integers(-128, 128, (3, 2, 3000)), rng.integers(-128, 128, (3000, 4))
    c = rng.integers(-(2**31), 2**31, (2, 4))
    got = nf.matmul(a, b, "intel.amx.tdpbssd", c)
    assert got.dtype == np.int32 and np.array_equal(got, (a @ b + c).astype(np.int32))
    assert np.array_equal(nf.matmul(a[0, 0] % 16, b % 16, "nvidia.ampere.mma.u4.s32"), (a[0, 0] % 16) @ (b % 16))


def test_vpdpbusds_clamps_step_by_step():
    a, b = np.array([255] * 8), np.array([127] * 4 + [-128] * 4)
    top = 2**31 - 1
    assert nf.matmul(a, b, "intel.avx512.vpdpbusds", c=top - 5) == top - 4 * 255 * 128
    assert nf.matmul(a, b, "intel.avx512.vpdpbusd", c=top - 5) == top - 5 - 4 * 255
    assert nf.matmul(a, b, "intel.avx512.vpdpbusds") == -4 * 255


def test_integer_operands_are_checked():
    with pytest.raises(nf.RepresentationError, match=r"a\[1\]=200"):
        nf.matmul([1, 200], [1, 1], "intel.amx.tdpbssd")
    with pytest.raises(nf.RepresentationError, match=r"b\[0\]=0\.5"):
        nf.matmul([1], [0.5], "intel.amx.tdpbssd")


# Long k --------------------------------------------------------------------------------------------------------------


def test_steps_round_between():
    """A float16 result is rounded after every step: 8 products on Ampere."""
    a, b = operands("nvidia.ampere.mma.f16.f16", (1, 16), (16, 1), seed=4)
    half = nf.matmul(a[:, :8], b[:8], "nvidia.ampere.mma.f16.f16")
    want = nf.matmul(a[:, 8:], b[8:], "nvidia.ampere.mma.f16.f16", c=half)
    assert np.array_equal(nf.matmul(a, b, "nvidia.ampere.mma.f16.f16"), want)


def test_known_sum_over_a_long_k():
    a, b = operands(H16, (1, 1000), (1000, 1), seed=9)
    want = unit_oracle.dot(nf.units[H16], a[0], b[:, 0], 0.0)
    assert bits(nf.matmul(a, b, H16))[0, 0] == want
