"""What the tests of block formats share: random words as the kernels draw them, comparison of bits, awkward arrays."""

import numpy as np

import nfloat as nf
from nfloat.testing.block_oracle import quantize_exact

MASK = 2**64 - 1


def splitmix(z):
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def word32(low, keys):
    x = (low * 0x9E3779B9 + keys) & 0xFFFFFFFF
    x = ((x ^ (x >> 16)) * 0x21F0AAAD) & 0xFFFFFFFF
    x = (x + (keys >> 32)) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x735A2D97) & 0xFFFFFFFF
    return x ^ (x >> 15)


def words(stream):
    """The 64-bit word of every counter of a stream, as nfloat/kernels/rng.py describes it."""
    key = stream.key

    def word(i):
        head = splitmix(key ^ splitmix(i >> 32))
        tail = splitmix((key ^ 0x9E3779B97F4A7C15) ^ splitmix(i >> 32))
        return word32(i & 0xFFFFFFFF, head) << 32 | word32(i & 0xFFFFFFFF, tail)

    return word


def same(a, b):
    """Equal values, and equal signs of all but NaNs."""
    a, b = np.asarray(a), np.asarray(b)
    there = ~np.isnan(a)
    return (
        a.shape == b.shape
        and np.array_equal(a, b, equal_nan=True)
        and np.array_equal(np.signbit(a)[there], np.signbit(b)[there])
    )


def check(x, fmt, rounding="nearest_even", *, axis=None, random_bits=None, seed=None):
    """nf.round and nf.quantize against the rational model, to the bit."""
    stream = None if seed is None else nf.Stream(seed)
    draws = {} if stream is None else {"words": words(stream), "scale_words": words(stream.child("scales"))}
    exact = quantize_exact(x, fmt, rounding, axis=axis, random_bits=random_bits, **draws)
    values = nf.round(x, fmt, rounding, axis=axis, random_bits=random_bits, seed=seed)
    with np.errstate(all="ignore"):
        assert same(values, exact.values.astype(values.dtype)), (fmt, rounding, axis)
    try:
        q = nf.quantize(x, fmt, rounding, axis=axis, random_bits=random_bits, seed=seed)
    except nf.RepresentationError:
        assert np.isnan(np.asarray(x)).any() and not fmt.element.has_nan and not fmt.scale.has_nan
        return
    assert same(q.scales.astype(np.float64), exact.scales), (fmt, rounding, axis)
    assert q.tensor_scale == exact.tensor_scale
    nan_block = np.isnan(q.products)
    assert same(np.where(nan_block, 0, q.elements), np.where(nan_block, 0, exact.elements)), (fmt, rounding, axis)
    assert same(q.dequantize(), values)


def awkward(generator, shape, dtype, low=-149, high=127):
    """Numbers of all sizes, and rows of zeros, ties, powers of two, infinities, NaNs, one large number."""
    x = generator.standard_normal(shape) * 2.0 ** generator.integers(low, high, size=(*shape[:-1], 1))
    rows = x.reshape(-1, shape[-1])
    rows[0] = np.where(generator.random(shape[-1]) < 0.5, -0.0, 0.0)
    rows[1] = generator.integers(-1000, 1000, shape[-1]) / 8
    rows[2] = 2.0 ** generator.integers(-20, 20, shape[-1])
    rows[3, generator.integers(shape[-1])] = np.inf
    rows[3, generator.integers(shape[-1])] = np.nan
    rows[4] *= 1e-30
    rows[4, 0] = -1e30
    with np.errstate(over="ignore"):
        return x.astype(dtype)
