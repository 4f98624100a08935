"""Numerics bugs that people have shipped: what is right, what the bug makes of it, and the assertion that must tell.

Each is of a kind that stands in some project's issue tracker. `rtol` is what ``np.testing.assert_allclose(rtol=1e-2)``
says of the wrong one beside the right one: True where it sees nothing, None where there are no numbers to compare.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import nfloat as nf
from nfloat import testing as nft

RNG = np.random.default_rng(17)
BF16 = np.array([1 + 2.0**-8, 1 + 3 * 2.0**-8, 0.1, -3.3, 2.0**-130, 5 * 2.0**-134, 1e38, 255.5])
E4M3 = np.array([0.1, 300.0, 448.0, 460.0, 465.0, 500.0, -1e4, 2.0**-9, 1.5 * 2.0**-10, -0.3])
A16, B16 = (nf.round(RNG.standard_normal(shape), "float16") for shape in ((8, 96), (96, 8)))
SQUARE = nf.round(RNG.standard_normal((8, 8)), "float16")
WIDE = nf.round(RNG.standard_normal((8, 64)) * np.exp2(RNG.integers(-6, 6, 64)), "float16")
LINES = nf.round(RNG.standard_normal((4, 64)) * 3, "float16")
SHIFTED = nf.round(RNG.standard_normal((4, 64)) + 40, "float16")
DRAWN = np.array([1.001, 2.3, -0.7, 1e-5, -3.14159])


class Bug(NamedTuple):
    """One of them; `check(actual)` is the assertion."""

    name: str
    check: Callable[[Any], None]
    right: Callable[[], Any]
    wrong: Callable[[], Any]
    rtol: bool | None


def ulp_of(x, fmt):
    return lambda y: nft.assert_ulp(y, x, fmt, 0.5)


def bits_of(x, fmt=None):
    return lambda y: nft.assert_bits_equal(y, x, fmt)


def product_of(a, b, acc, **options):
    return lambda y: nft.assert_matmul(y, a, b, acc, **options)


def flushed(x, fmt):
    y = nf.round(x, fmt)
    return np.where(np.abs(y) < nf.get_format(fmt).smallest_normal, 0.0, y)


def swapped_nibbles():
    packed = nf.pack(np.arange(16, dtype=np.uint8), "float4_e2m1fn")
    return nf.unpack((packed >> 4) | (packed << 4), "float4_e2m1fn", (16,))


def drawn(way, n=1500):
    return np.stack([nf.round(DRAWN, "bfloat16", way, seed=nf.Stream(5).child(i)) for i in range(n)])


def half_drawn(n=1500):
    """Random numbers in 0 .. 1/2 where 0 .. 1 are needed."""
    rng = np.random.default_rng(1)
    low, high = (nf.round(DRAWN, "bfloat16", way) for way in ("toward_negative", "toward_positive"))
    return np.where(rng.random((n, DRAWN.size)) / 2 < (DRAWN - low) / (high - low), high, low)


def softmax(x, *, shifted=True):
    z = nf.subtract(x, x.max(axis=-1, keepdims=True), "float16") if shifted else x
    e = nf.exp(z, "float16")
    return nf.divide(e, nf.sum(e, "float16", axis=-1, keepdims=True), "float16")


def layer_norm(x, *, centred=True):
    n = float(x.shape[-1])
    mean = nf.divide(nf.sum(x, "float16", axis=-1, keepdims=True), n, "float16")
    d = nf.subtract(x, mean, "float16")

    def mean_square(y):
        return nf.divide(nf.matmul(y[:, None, :], np.swapaxes(y[:, None, :], 1, 2), "float16")[:, :, 0], n, "float16")

    v = mean_square(d) if centred else nf.subtract(mean_square(x), nf.multiply(mean, mean, "float16"), "float16")
    return nf.divide(d, nf.sqrt(nf.add(v, 1e-5, "float16"), "float16"), "float16")


@cache
def drift(recipe):
    """Weights stored in bfloat16, whose small updates are lost, where the recipe says float32."""
    config = nf.drift.Config(recipes=(recipe,), steps=60, seeds=2, ablate="none", attribute=False, every=60)
    return nf.drift.run(config)


F16F32 = nf.Accumulator("float32")
BUGS = [
    Bug("ties away from zero", bits_of(nf.round(BF16, "bfloat16"), "bfloat16"), lambda: nf.round(BF16, "bfloat16"),
        lambda: nf.round(BF16, "bfloat16", "nearest_away"), False),
    Bug("cut off instead of rounded", ulp_of(BF16, "bfloat16"), lambda: nf.round(BF16, "bfloat16"),
        lambda: nf.round(BF16, "bfloat16", "toward_zero"), True),
    Bug("subnormal numbers flushed to zero", ulp_of(BF16, "bfloat16"), lambda: nf.round(BF16, "bfloat16"),
        lambda: flushed(BF16, "bfloat16"), False),
    Bug("rounded twice, through float32", ulp_of(1 + 2.0**-8 + 2.0**-40, "bfloat16"),
        lambda: nf.round(1 + 2.0**-8 + 2.0**-40, "bfloat16"),
        lambda: nf.round(np.float32(1 + 2.0**-8 + 2.0**-40), "bfloat16"), True),
    Bug("saturated before it is rounded", ulp_of(E4M3, "float8_e4m3fn"), lambda: nf.round(E4M3, "float8_e4m3fn"),
        lambda: nf.round(np.clip(E4M3, -448, 448), "float8_e4m3fn"), False),
    Bug("the top binade becomes zero", ulp_of(E4M3, "float8_e4m3fn"), lambda: nf.round(E4M3, "float8_e4m3fn"),
        lambda: np.where(np.abs(E4M3) >= 256, 0.0, nf.round(E4M3, "float8_e4m3fn")), False),
    Bug("the sign of zero is lost", bits_of([-0.0, 1.0], "float16"), lambda: np.array([-0.0, 1.0]),
        lambda: np.array([-0.0, 1.0]) + 0.0, True),
    Bug("NaN becomes zero", ulp_of([np.nan, 1.0], "float8_e4m3fn"), lambda: np.array([np.nan, 1.0]),
        lambda: np.array([0.0, 1.0]), False),
    Bug("values off the grid", lambda y: nft.assert_representable(y, "float4_e2m1fn"),
        lambda: nf.round(np.array([0.76, 5.2]), "float4_e2m1fn"), lambda: np.array([0.75, 5.0]), False),
    Bug("nibbles in the other order", bits_of(np.arange(16, dtype=np.uint8)),
        lambda: nf.unpack(nf.pack(np.arange(16, dtype=np.uint8), "float4_e2m1fn"), "float4_e2m1fn", (16,)),
        swapped_nibbles, False),
    Bug("FNUZ codes read with the other bias", bits_of(nf.decode(np.uint8([56, 64, 200]), "float8_e4m3fnuz")),
        lambda: nf.decode(np.uint8([56, 64, 200]), "float8_e4m3fnuz"),
        lambda: nf.decode(np.uint8([56, 64, 200]), "float8_e4m3fn"), False),
    Bug("accumulator too narrow", product_of(A16, B16, "float32"), lambda: nf.matmul(A16, B16, "float32"),
        lambda: nf.matmul(A16, B16, "float16"), False),
    Bug("a narrow accumulator that promotes too seldom",
        product_of(A16, B16, nf.Accumulator("bfloat16", order="blocked", block=16, promote="float32")),
        lambda: nf.matmul(A16, B16, nf.Accumulator("bfloat16", order="blocked", block=16, promote="float32")),
        lambda: nf.matmul(A16, B16, nf.Accumulator("bfloat16", order="blocked", block=48, promote="float32")), False),
    Bug("split-K in low precision", product_of(A16, B16, "float32", split_k=4),
        lambda: nft.predict_matmul(A16, B16, "float32", 4),
        lambda: nft.predict_matmul(A16, B16, "float32", 4, "float16"), False),
    Bug("a tail of k is dropped", product_of(A16, B16, "float32"), lambda: nf.matmul(A16, B16, "float32"),
        lambda: nf.matmul(A16[:, :95], B16[:95], "float32"), False),
    Bug("operands swapped", product_of(SQUARE, A16[:, :8], "float32"), lambda: nf.matmul(SQUARE, A16[:, :8], "float32"),
        lambda: nf.matmul(A16[:, :8], SQUARE, "float32"), False),
    Bug("zeros", product_of(A16, B16, "float16"), lambda: nf.matmul(A16, B16, "float16"), lambda: np.zeros((8, 8)),
        False),
    Bug("products rounded to FP16", product_of(A16, B16, "float32"), lambda: nf.matmul(A16, B16, "float32"),
        lambda: nf.matmul(A16, B16, nf.Accumulator("float32", product="float16")), False),
    Bug("operands rounded to BF16", product_of(A16, B16, "float32"), lambda: nf.matmul(A16, B16, "float32"),
        lambda: nf.matmul(A16, B16, "float32", inputs="bfloat16"), False),
    Bug("bias added twice", product_of(A16, B16, "float32", c=np.full((8, 8), 0.01)),
        lambda: nf.matmul(A16, B16, "float32", 0.01), lambda: nf.matmul(A16, B16, "float32", 0.02), False),
    Bug("the previous generation's tensor core", product_of(WIDE, WIDE.T, "nvidia.hopper.mma.f16.f32"),
        lambda: nf.matmul(WIDE, WIDE.T, "nvidia.hopper.mma.f16.f32"),
        lambda: nf.matmul(WIDE, WIDE.T, "nvidia.ampere.mma.f16.f32"), True),
    Bug("stochastic rounding that rounds to nearest", lambda y: nft.assert_unbiased(y, DRAWN, "bfloat16"),
        lambda: drawn("stochastic"), lambda: np.tile(nf.round(DRAWN, "bfloat16"), (1500, 1)), True),
    Bug("stochastic rounding by half of the random numbers", lambda y: nft.assert_unbiased(y, DRAWN, "bfloat16"),
        lambda: drawn("stochastic"), half_drawn, True),
    Bug("MX scales rounded up", bits_of(nf.round(LINES, "mxfp4")), lambda: nf.round(LINES, "mxfp4"),
        lambda: nf.round(LINES, "mxfp4", scale_rule="ceil"), False),
    Bug("blocks along the wrong axis", bits_of(nf.round(LINES, "mxfp4")), lambda: nf.round(LINES, "mxfp4"),
        lambda: nf.round(LINES, "mxfp4", axis=0), False),
    Bug("softmax without the maximum taken off",
        lambda y: nft.assert_allclose_bound(y, "softmax", 2 * LINES, "float16", by="probable"),
        lambda: softmax(2 * LINES), lambda: softmax(2 * LINES, shifted=False), False),
    Bug("variance as E x^2 - (E x)^2", lambda y: nft.assert_allclose_bound(y, "layer_norm", SHIFTED, F16F32),
        lambda: nf.round((SHIFTED - SHIFTED.mean(-1, keepdims=True)) / np.sqrt(SHIFTED.var(-1, keepdims=True) + 1e-5),
                         "float32"),
        lambda: layer_norm(SHIFTED, centred=False), False),
    Bug("weights stored in the narrow format", lambda y: nft.assert_drift(drift(y), loss_gap=0.02),
        lambda: "bf16-mixed", lambda: "bf16-pure", None),
]  # fmt: skip
