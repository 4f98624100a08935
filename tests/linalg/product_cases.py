"""Products to compare: operands of every kind, accumulators of every format, and the four ways to compute them.

`nf.matmul`, the way that larger products go, the plain rule alone, and the model over exact rationals.
"""

import itertools

import numpy as np
from equal_bits import same_bits
from every_order import counted

import nfloat as nf
from nfloat.linalg.gemm.dispatch import multiply, multiply_plainly
from nfloat.testing.gemm_oracle import matmul_exact

FORMATS = ("float32", "float16", "bfloat16", "tfloat32", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
           "float6_e3m2fn", "float4_e2m1fn",
           "e6m9", "dlfloat16", "fixed16.8", "binary8p4se", "float64")  # fmt: skip
SEED = 11


def ties(rng, shape):
    return rng.integers(-8, 9, shape) / 4.0


def ordinary(rng, shape):
    return rng.standard_normal(shape)


def cancelling(rng, shape):
    x = rng.standard_normal(shape)
    x[..., 1::2] = -x[..., : shape[-1] // 2 * 2 : 2][..., : x[..., 1::2].shape[-1]]
    return x


def tiny(rng, shape):
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-80, -4, shape)


def huge(rng, shape):
    return rng.standard_normal(shape) * 2.0 ** rng.integers(0, 20, shape)


def wild(rng, shape):
    return rng.standard_normal(shape) * 2.0 ** rng.integers(-500, 500, shape)


def special(rng, shape):
    x = rng.standard_normal(shape)
    return np.where(rng.random(shape) < 0.1, rng.choice([np.inf, -np.inf, np.nan, -0.0, 0.0], shape), x)


DATA = (ordinary, ties, cancelling, tiny, huge, wild, special)


def problems(acc, rng, count, most=3):
    """Random operands: shapes (1..most, 1..17, 1..most), data of every kind, with and without c."""
    for data in itertools.islice(itertools.cycle(rng.permutation(len(DATA))), count):
        m, n, k = int(rng.integers(1, most + 1)), int(rng.integers(1, most + 1)), int(rng.integers(1, 18))
        make = DATA[data]
        a, b = make(rng, (m, k)), make(rng, (n, k)).T
        if make is not wild:
            fmt = acc.format if rng.random() < 0.7 else "float16"
            a, b = (nf.round(x, fmt, overflow="saturate_finite") for x in (a, b))
        c = None
        if rng.random() < 0.5:
            c = np.array(nf.round(ordinary(rng, (m, n)), acc.format) if rng.random() < 0.8 else ordinary(rng, (m, n)))
            c[rng.random(c.shape) < 0.2] = -0.0
        yield make.__name__, a, b, c


def plainly(a, b, c, acc, key=0):
    """The product by the plain rule alone."""
    out = np.empty((a.shape[0], b.shape[1]))
    multiply_plainly(*(None if x is None else np.asarray(x, np.float64) for x in (a, b, c)), out, acc, key)
    return out


def generally(a, b, c, acc, key=0):
    """The product as a larger one is done: of whichever lanes hold its operands."""
    out = np.empty((a.shape[0], b.shape[1]))
    multiply(a, b, c, out, acc, key, 1)
    return out


def check(acc, rng, count=3, most=3):
    """Some products by tiled kernels and by the plain rule against the model."""
    key = nf.Stream(SEED).key
    for name, a, b, c in problems(acc, rng, count, most):
        want = matmul_exact(a.tolist(), b.tolist(), acc, None if c is None else c.tolist(), key)
        for way in (plainly, generally):
            assert same_bits(way(a, b, c, acc, key), want).all(), (way, acc, name, a.tolist(), b.tolist(), c)
        got = nf.matmul(a, b, acc, c, seed=SEED)
        assert same_bits(got, want).all(), (acc, name, a.tolist(), b.tolist(), c)


def accumulators(order, mode, rng):
    """Fused and with rounded products, of every format."""
    for fmt, rounded in itertools.product(FORMATS, (False, True)):
        bits = int(rng.integers(1, 61)) if mode.needs_random_bits else None
        promote = rng.choice(["float32", "float16"]) if order == "blocked" and rng.random() < 0.5 else None
        fields = counted(order, int(rng.integers(1, 7)))
        yield nf.Accumulator(fmt, fmt if rounded else None, mode, order, promote=promote, random_bits=bits, **fields)


def exactly(a, b, acc, c=None, seed=None):
    """`matmul` of lists of rows, compared with the model; the result.

    Of float64 operands, as a larger product too, and of float32 ones where these hold all numbers: small products of
    float64 operands are not given to narrower lanes.
    """
    operands = [None if x is None else np.array(x, np.float64) for x in (a, b, c)]
    given = acc if isinstance(acc, nf.Accumulator) else nf.Accumulator(acc)
    key = 0 if seed is None else nf.Stream(seed).key
    want = matmul_exact(a, b, given, c, key)
    assert same_bits(generally(*operands, given, key), want).all(), (acc, "as a larger product", a, b, c)
    with np.errstate(over="ignore"):
        single = [None if x is None else x.astype(np.float32) for x in operands]
    held = all(x is None or np.array_equal(x, y, equal_nan=True) for x, y in zip(operands, single, strict=True))
    for x, y, start in [operands, *([single] if held else [])]:
        got = nf.matmul(x, y, acc, start, seed=seed, threads=1)
        assert same_bits(got, want).all(), (acc, x.dtype, a, b, c, got, want)
    return got
