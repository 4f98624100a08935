"""`BlockArray`: parts, bytes, files; products of them; scales of the past; the Hadamard transform; diagnostics."""

from itertools import pairwise

import numpy as np
import pytest
from exact_blocks import same
from safetensors import deserialize

import nfloat as nf
from nfloat.blocks.delayed import DelayedScaling
from nfloat.blocks.diagnostics import clamp_rate, last_bin_occupancy, scale_histogram, scale_underflow_count, summary
from nfloat.blocks.layouts import swizzle, unswizzle
from nfloat.linalg.blocks import exact_values
from nfloat.linalg.units.names import SingleSourceWarning

TILES = nf.nvfp4.replace(name="tiles", block=(16, 16))
TENSOR = nf.BlockFormat(name="fp8", element="float8_e4m3fn", block="tensor", scale="float32", scale_rule="absmax")
FORMATS = [*nf.BLOCK_FORMATS.values(), TILES, TENSOR]


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def equal(a, b):
    return (
        same(a.codes, b.codes) and same(a.scales, b.scales) and (a.tensor_scale, a.format) == (b.tensor_scale, b.format)
    )


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_bytes_and_files_go_round(fmt, tmp_path):
    q = nf.quantize(numbers(33, 80), fmt)
    assert len(q.to_bytes()) == q.nbytes
    again = nf.BlockArray.from_bytes(q.to_bytes(), fmt, q.shape)
    assert equal(q, again) and again.axis == q.axis
    plain = np.arange(6, dtype=np.int32).reshape(2, 3)
    nf.save(tmp_path / "a.safetensors", {"w": q, "n": plain})
    loaded = nf.load(tmp_path / "a.safetensors")
    assert equal(q, loaded["w"]) and loaded["w"].axis == q.axis and same(loaded["n"], plain)


def test_files_are_what_safetensors_reads(tmp_path):
    nf.save(tmp_path / "a.safetensors", {"w": nf.quantize(numbers(4, 64), nf.mxfp4)})
    parts = {name: part for name, part in deserialize((tmp_path / "a.safetensors").read_bytes())}
    assert (parts["w"]["dtype"], parts["w"]["shape"], len(parts["w"]["data"])) == ("F4", [4, 64], 128)
    assert (parts["w.scale"]["dtype"], parts["w.scale"]["shape"]) == ("F8_E8M0", [4, 2])
    (tmp_path / "b").write_bytes(b"nothing")
    with pytest.raises(nf.ArgumentError, match="no safetensors file"):
        nf.load(tmp_path / "b")


def test_the_first_of_two_elements_lies_low():
    assert nf.quantize([[1.0, 6.0]], nf.mxfp4).to_bytes() == bytes([0x72, 127])


def test_swizzled_scales():
    codes = np.arange(200 * 6).reshape(200, 6).astype(np.uint8)
    tiles = swizzle(codes)
    assert tiles.shape == (2, 2, 512) and same(unswizzle(tiles, codes.shape), codes)
    for row, place in ((0, 0), (31, 3), (32, 0), (130, 5), (199, 2)):
        at = (row % 32) * 16 + row % 128 // 32 * 4 + place % 4
        assert tiles[row // 128, place // 4, at] == codes[row, place]
    q = nf.quantize(numbers(40, 96), nf.nvfp4)
    assert equal(nf.BlockArray.from_bytes(q.to_bytes(swizzled=True), nf.nvfp4, (40, 96), swizzled=True), q)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_parts_and_transposes(fmt):
    q = nf.quantize(numbers(3, 48, 64), fmt, axis=None if fmt in (TILES, TENSOR) else 1)
    values = q.dequantize()
    assert same(q.T.dequantize(), values.T) and same(q.transpose(1, 0, 2).dequantize(), values.transpose(1, 0, 2))
    assert same(q[1].dequantize(), values[1]) and same(q[:2, 32:, ...].dequantize(), values[:2, 32:])
    if fmt not in (TILES, TENSOR):
        assert same(q[1:, :, 5].dequantize(), values[1:, :, 5])
        with pytest.raises(nf.ArgumentError, match="cuts a block"):
            q[:, 3:]
    assert "scale" in repr(q) and "<svg" in q._repr_html_()


def test_rows_and_columns_both_come_from_the_source():
    x = numbers(64, 96)
    rows, columns = nf.quantize_both(x, nf.nvfp4, "stochastic", seed=3)
    stream = nf.Stream(3)
    assert equal(rows, nf.quantize(x, nf.nvfp4, "stochastic", seed=stream.child("rows")))
    assert equal(columns, nf.quantize(x, nf.nvfp4, "stochastic", axis=-2, seed=stream.child("columns")))


@pytest.mark.parametrize("size", [64, 1000, 70000])
def test_stochastic_bits_are_those_of_the_element(size):
    """Element i draws from counter i, whatever stands before it in memory and however the array is cut into pieces."""
    x = np.tile(numbers(32, seed=4), (size // 32, 4))
    whole = nf.round(x, nf.mxfp4, "stochastic", seed=9)
    plain = nf.round(x.astype(np.float64), nf.mxfp4, "stochastic", seed=9)
    assert same(whole, plain.astype(np.float32))
    assert same(nf.round(np.asfortranarray(x), nf.mxfp4, "stochastic", seed=9), whole)
    assert not same(nf.round(x, nf.mxfp4, "stochastic", seed=10), whole)


@pytest.mark.filterwarnings(f"ignore::{SingleSourceWarning.__module__}.{SingleSourceWarning.__name__}")
@pytest.mark.parametrize(("name", "unit"), [("mxfp8_e4m3", "mxf8_e4m3"), ("mxfp4", "mxf4"), ("nvfp4", "nvf4")])
def test_products_by_units_take_codes_and_scales(name, unit):
    fmt, unit = nf.BLOCK_FORMATS[name], f"nvidia.blackwell.tcgen05.{unit}.f32"
    a, b = nf.quantize(numbers(5, 96), fmt), nf.quantize(numbers(96, 7, seed=1), fmt, axis=0)
    got = nf.matmul(a, b, unit)
    want = nf.matmul(a.elements, b.elements, unit, scale_a=a.scales, scale_b=b.scales)
    alpha = np.float32(a.tensor_scale * b.tensor_scale)
    assert same(got, want * alpha if fmt.tensor_scale else want)
    with pytest.raises(nf.ShapeError, match="blocks must run along k"):
        nf.matmul(a, nf.quantize(numbers(96, 96), fmt), unit)
    with pytest.raises(nf.FormatError, match="takes blocks of"):
        nf.matmul(nf.quantize(numbers(5, 96), nf.mxfp8_e4m3.replace(block=24)), b, unit)


def test_products_by_other_accumulators_take_exact_values():
    a, b = nf.quantize(numbers(5, 96), nf.nvfp4), nf.quantize(numbers(96, 7, seed=1), nf.nvfp4, axis=0)
    acc = nf.Accumulator("bfloat16")
    assert same(nf.matmul(a, b, acc), nf.matmul(a.dequantize(np.float64), b.dequantize(np.float64), acc))
    c = nf.quantize(numbers(5, 96), nf.mxfp8_e4m3)
    assert nf.matmul(c, numbers(96, 7), acc).dtype == np.float32


def test_delayed_scaling():
    scaling = DelayedScaling(TENSOR, history=3, margin=1)
    first = scaling.quantize([7.0, 3.0])
    assert first.scales == np.float32(7.0 * 2 / 448) and scaling.amax_history == (7.0,)
    second = scaling.quantize([70.0])
    assert second.scales == first.scales and second.elements[0] == 448.0
    assert scaling.quantize([1.0]).scales == np.float32(70.0 * 2 / 448)
    latest = DelayedScaling(TENSOR, select="latest", amax_history=(5.0, 2.0))
    assert latest.quantize([1.0]).scales == np.float32(2 / 448)
    with pytest.raises(nf.FormatError, match="block='tensor'"):
        DelayedScaling(nf.mxfp4)


def test_hadamard():
    x = numbers(6, 64).astype(np.float64)
    for axis, size in ((1, 16), (1, 64), (0, 2)):
        y = nf.hadamard(x, size=size, seed=5, axis=axis)
        assert np.allclose((y**2).sum(axis), (x**2).sum(axis)) and not np.allclose(y, x)
        assert np.allclose(nf.hadamard(y, size=size, seed=5, axis=axis, inverse=True), x)
    eye = nf.hadamard(np.eye(16), seed=3)
    assert same(np.abs(eye), np.full((16, 16), 0.25)) and same(eye @ eye.T, np.eye(16))
    signs = nf.hadamard(np.eye(64), size=64, seed=3)[:, 0] * 8  # H's first column is of 1s
    assert same(np.abs(signs), np.ones(64)) and 16 < (signs < 0).sum() < 48
    assert np.allclose(nf.hadamard(x, axis=1) @ nf.hadamard(x, axis=1).T, x @ x.T)  # a product of both is the product
    assert nf.hadamard(x.astype(np.float32)).dtype == np.float32
    with pytest.raises(nf.ShapeError, match="multiple of size=16"):
        nf.hadamard(np.ones(20))


def test_blocks_as_gguf_holds_them():
    """Read back as ggml reads its block_mxfp4: twice the elements' values times half of the scale."""
    q = nf.quantize(numbers(3, 64), nf.mxfp4)
    data, values = q.to_bytes(gguf=True), [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12]
    read = []
    for start in range(0, len(data), 17):
        half, codes = 2.0 ** (data[start] - 128), data[start + 1 : start + 17]
        read += [values[c & 15] * half for c in codes] + [values[c >> 4] * half for c in codes]
    assert len(data) == 6 * 17 and np.array_equal(np.reshape(read, q.shape), q.dequantize())
    back = nf.BlockArray.from_bytes(data, nf.mxfp4, (3, 64), gguf=True)
    assert same(back.codes, q.codes) and same(back.scale_codes, q.scale_codes)
    with pytest.raises(nf.ShapeError, match="101 bytes, but shape="):
        nf.BlockArray.from_bytes(data[:-1], nf.mxfp4, (3, 64), gguf=True)
    for x, fmt, axis in ((numbers(32), nf.nvfp4, 0), (numbers(32), nf.mxfp8_e4m3, 0), (numbers(40), nf.mxfp4, 0),
                         (numbers(32, 2), nf.mxfp4, 0)):  # fmt: skip
        with pytest.raises(nf.ArgumentError, match="gguf=True"):
            nf.quantize(x, fmt, axis=axis).to_bytes(gguf=True)


def test_diagnostics():
    x = np.array([[957.0, 448.0 * 2, 1.0, 0.0], [2.0**-140] * 4])
    fmt = nf.mxfp8_e4m3.replace(block=4)
    q = nf.quantize(x, fmt)
    assert clamp_rate(x, q) == 1 / 8 and last_bin_occupancy(q) == 2 / 8
    assert scale_histogram(q) == {-127: 1, 1: 1} and scale_underflow_count(x, q) == 1
    assert summary(x, q)["bits_per_element"] == 10.0


@pytest.mark.filterwarnings(f"ignore::{SingleSourceWarning.__module__}.{SingleSourceWarning.__name__}")
@pytest.mark.parametrize("blocks", [((1, 32), (32, 16)), (32, 24), (None, None), ("tensor", "tensor")], ids=str)
def test_scales_outside_a_unit(blocks):
    """Each block of k: the unit's product of elements, times the scales' product, added in one fused multiply-add."""
    formats = [nf.BlockFormat(name="f", element="float8_e4m3fn", block=block, scale="float32", scale_rule="absmax")
               for block in blocks]  # fmt: skip
    a = nf.quantize(numbers(6, 96), formats[0], axis=(0, 1) if isinstance(blocks[0], tuple) else -1)
    b = nf.quantize(numbers(96, 20, seed=1), formats[1], axis=(0, 1) if isinstance(blocks[1], tuple) else 0)
    unit, c = "nvidia.hopper.wgmma.e4m3.f32", numbers(6, 20, seed=2)
    d_a, d_b = a.products.astype(np.float32), b.products.astype(np.float32)
    edges = [0, *(k for k in range(1, 96) if (d_a[:, k] != d_a[:, k - 1]).any() or (d_b[k] != d_b[k - 1]).any()), 96]
    total = c
    for first, last in pairwise(edges):
        part = nf.matmul(a.elements[:, first:last], b.elements[first:last], unit)
        total = nf.fma(part, d_a[:, [first]] * d_b[[first]], total, "float32")
    assert same(nf.matmul(a, b, unit, c), total)
    assert nf.matmul(a, b, unit, output="bfloat16").dtype == np.float32
    with pytest.raises(nf.ShapeError, match="blocks must run along k"):
        nf.matmul(nf.quantize(numbers(32, 96), formats[0], axis=0), b, unit) if blocks == (32, 24) else nf.matmul(
            nf.quantize(numbers(96), nf.mxfp8_e4m3), b, unit
        )


@pytest.mark.filterwarnings(f"ignore::{SingleSourceWarning.__module__}.{SingleSourceWarning.__name__}")
@pytest.mark.parametrize(
    "name",
    ["nvidia.ada.mma.e4m3.f32", "nvidia.volta.mma.f16.f16", "amd.cdna3.mfma.fp8.f32", "amd.cdna2.mfma.bf16.f32",
     "intel.amx.tdpbf16ps", "arm.bfmmla"],
)  # fmt: skip
@pytest.mark.parametrize("special", [False, True], ids=["finite", "special"])
def test_blocks_of_any_unit_are_summed_in_one_walk(name, special):
    """Ragged blocks, tiles and panels; NaN, infinity and tiny numbers, which ask for other kernels; two threads."""
    unit = nf.units[name]
    f, g = (
        nf.BlockFormat(name="f", element=element, block=24, scale=scale, scale_rule="absmax")
        for element, scale in zip(unit.formats, ("float32", "bfloat16"), strict=True)
    )
    a, b = numbers(9, 75), numbers(75, 21, seed=1)
    if special:
        a[2, 30], a[3, 50], a[4, 24:48] = np.nan, np.inf, 2.0**-130
    qa, qb = nf.quantize(a, f), nf.quantize(b, g, axis=0)
    d_a, d_b = qa.products.astype(np.float32), qb.products.astype(np.float32)
    total = np.zeros((9, 21), np.float32)
    with np.errstate(invalid="ignore"):
        for first, last in pairwise((0, 24, 48, 72, 75)):
            part = nf.matmul(qa.elements[:, first:last], qb.elements[first:last], unit)
            total = nf.fma(part, d_a[:, [first]] * d_b[[first]], total, "float32")
    assert same(nf.matmul(qa, qb, unit, threads=2), total)


@pytest.mark.filterwarnings(f"ignore::{SingleSourceWarning.__module__}.{SingleSourceWarning.__name__}")
def test_stacks_scaled_outside_a_unit():
    unit, a, b = "nvidia.hopper.wgmma.e4m3.f32", numbers(2, 3, 5, 64), numbers(3, 64, 7, seed=1)
    b *= np.array([1.0, 64.0, 2.0**-9], np.float32)[:, None, None]
    qa, qb = nf.quantize(a, nf.mxfp8_e4m3), nf.quantize(b, nf.mxfp8_e4m3, axis=-2)
    c = numbers(7, seed=2).astype(np.float64) / 3  # no float32 numbers: the first block rounds them
    got, sums = nf.matmul(qa, qb, unit), nf.matmul(qa, qb, unit, c)
    for i, j in np.ndindex(2, 3):
        assert same(got[i, j], nf.matmul(qa[i, j], qb[j], unit))
        assert same(sums[i, j], nf.matmul(qa[i, j], qb[j], unit, c))
    for wrong in (qb[:2], nf.quantize(b[:, :32], nf.mxfp8_e4m3, axis=-2)):
        with pytest.raises(nf.ShapeError):
            nf.matmul(qa, wrong, unit)
    with pytest.raises(nf.ShapeError, match=r"c \(8,\) does not broadcast"):
        nf.matmul(qa, qb, unit, numbers(8))


@pytest.mark.of_each
@pytest.mark.parametrize("scale", ["float8_e8m0fnu", "float8_e4m3fn", "float32"])
@pytest.mark.parametrize("element", ["float8_e4m3fn", "float8_e5m2", "float4_e2m1fn", "int8", "float16", "e8m12"])
def test_exact_values_of_any_scales(element, scale):
    """float32 where that holds all of them, to the last bit, whichever way they are formed."""
    fmt = nf.BlockFormat(name="any", element=element, block=4, scale=scale)
    generator, dtypes = np.random.default_rng(len(element + scale)), set()
    for trial in range(60):
        codes = generator.integers(0, 2**fmt.element.bits, (6, 10))
        low, span = generator.integers(0, 2 ** (fmt.scale.bits - 1)), 2 ** (fmt.scale.bits * trial // 60)
        scales = np.minimum(generator.integers(low, low + span + 1, (6, 3)), 2 ** (fmt.scale.bits - 1) - 1)
        scales &= -1 << (trial % 3) * fmt.scale.bits // 4  # of fewer digits
        q = nf.BlockArray.from_codes(codes, scales, fmt)
        with np.errstate(all="ignore"):
            values, held = q.dequantize(np.float64), q.dequantize(np.float32)
            right = held if np.array_equal(held, values, equal_nan=True) else values
            got = exact_values(q)
        dtypes.add(got.dtype)
        assert got.dtype == right.dtype and same(got, right)
    assert np.dtype(np.float32) in dtypes


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"codes": [[16, 1]]}, "code 16 is not in 0..15"),
        ({"codes": [[1.5, 1]]}, "is not integers"),
        ({"tensor_scale": -1.0}, "not negative"),
        ({"tensor_scale": 0.1}, "float32 number"),
        ({"tensor_scale": 2.0, "fmt": nf.mxfp4}, "mxfp4 has none"),
    ],
)
def test_codes_and_scales_that_are_none(given, named):
    right = {"codes": [[15, 1]], "scale_codes": [[56]], "fmt": nf.nvfp4, "tensor_scale": 0.5}
    q = nf.BlockArray.from_codes(**right)
    assert q.codes.dtype == np.uint8 and q.dequantize().tolist() == [[-3.0, 0.25]]
    with pytest.raises(nf.ArgumentError, match=named):
        nf.BlockArray.from_codes(**right | given)


@pytest.mark.parametrize("index", [np.arange(4) > 1, [0, 1], True, None, 1.0, (0, 0, 0)])
def test_indices_that_are_none(index):
    with pytest.raises(nf.ArgumentError, match="takes integers and slices"):
        nf.quantize(numbers(4, 32), nf.mxfp4)[index]


def test_a_text_of_scales_that_are_no_numbers():
    x = np.ones((2, 32))
    assert "1 scale of nan" in repr(nf.quantize(x[:1] * np.nan, nf.mxfp4))
    x[1] = np.nan
    assert "2 scales of 0.25 to 0.25" in repr(nf.quantize(x, nf.mxfp4))
    assert "2 scales of nan to nan" in repr(nf.quantize(x * np.nan, nf.mxfp4))
