"""What the code computes, held against models of its arithmetic: no device, no guessed tolerance."""

import numpy as np
import pytest
from lowp.adam import step
from lowp.attention import attention, scores, softmax, torch_attention
from lowp.fp8 import matmul, quantize

import nfloat as nf
from nfloat.testing import assert_allclose_bound, assert_bits_equal, assert_matmul, assert_ulp


@pytest.fixture
def rng(nfloat_seed):
    return np.random.default_rng(nfloat_seed.key)


def test_quantisation_rounds_once_and_loses_nothing_small(rng):
    x = rng.standard_normal((16, 16)) * np.exp2(rng.integers(-14, 1, (16, 16)))
    codes, scale = quantize(x)
    assert_ulp(codes, x / scale, "float8_e4m3fn", 0.5)


def test_fp8_product_bit_for_bit(rng):
    a, b = rng.standard_normal((8, 64)), rng.standard_normal((64, 8))
    (x, scale_x), (y, scale_y) = quantize(a), quantize(b)
    assert_matmul(matmul(a, b) / np.float32(scale_x * scale_y), x, y, "float32")


def test_softmax_within_its_bound(rng):
    x = (30 * rng.standard_normal((8, 64))).astype(np.float16)
    assert_allclose_bound(softmax(x), "softmax", x, "float32", output="float16", function_ulp=4)


def test_attention_scores(rng):
    q, k = (rng.standard_normal((8, 16)).astype(np.float16) for _ in range(2))
    expected = nf.divide(nf.matmul(q, k.T, nf.Accumulator("float32", order="exact")), 4.0, "float16")
    assert_ulp(scores(q, k), expected, "float16", 1)
    assert attention(q, k, k).dtype == np.float16


def test_an_adam_step_moves_the_weights(rng):
    weights = rng.standard_normal(100).astype(np.float32)
    gradient = rng.standard_normal(100).astype(np.float32)
    zeros = np.zeros(100, np.float32)
    moved, _ = step(weights, gradient, (zeros, zeros), 1)
    # at the first step every weight moves by lr, whatever its gradient; a few roundings of float32 on the way
    assert_ulp(moved, weights.astype(np.float64) - 1e-3 * np.sign(gradient), "float32", 3)


def test_pytorch_gives_what_it_should(rng):
    torch = pytest.importorskip("torch")
    q, k, v = (torch.from_numpy(rng.standard_normal((8, 16)).astype(np.float32)).bfloat16() for _ in range(3))
    out = torch_attention(q, k, v)
    x, y, z = (nf.testing.arrays.as_values(t, "t").astype(np.float64) for t in (q, k, v))
    e = np.exp((s := x @ y.T / 4) - s.max(-1, keepdims=True))
    exact = e / e.sum(-1, keepdims=True) @ z
    assert np.abs(nf.testing.arrays.as_values(out, "out") - exact).max() < 0.05


@pytest.mark.nfloat(formats=["float8_e4m3fn", "float8_e5m2"])
def test_codes_are_the_device_s(nfloat_format, nfloat_golden):
    x = np.linspace(-4, 4, 33)
    codes = nf.encode(x, nfloat_format)
    dtype = nf.numpy_dtype(nfloat_format)
    assert_bits_equal(codes, x.astype(np.float32).astype(dtype).view(np.uint8))
    nfloat_golden(nf.decode(codes, nfloat_format), nfloat_format)
