"""Products of matrices against NumPy's float32 ``@`` on the same operands, one thread."""

from __future__ import annotations

import numpy as np
import pytest

import nfloat as nf
from nfloat.kernels.gemm.half_pack import HAS_HALF

#: accumulator -> at most so many times sgemm; float16 by the CPU's own half arithmetic, if it has that
ACCUMULATORS = {
    "float16 products and sums": (nf.Accumulator("float16", product="float16"), 0.9 if HAS_HALF else 8.5),
    "float16 fused": (nf.Accumulator("float16"), 0.6 if HAS_HALF else 13),
    "bfloat16 products and sums": (nf.Accumulator("bfloat16", product="bfloat16"), 10),
    "bfloat16 fused": (nf.Accumulator("bfloat16"), 13),
    "float8_e5m2 products and sums": (nf.Accumulator("float8_e5m2", product="float8_e5m2"), 10),
    "e6m9 products and sums": (nf.Accumulator("e6m9", product="e6m9"), 10),
    "float32 sequential fused": (nf.Accumulator("float32"), 1.35),
    "blocked 128, promoted": (nf.Accumulator("bfloat16", order="blocked", block=128, promote="float32"), 13),
    "pairwise bfloat16": (nf.Accumulator("bfloat16", order="pairwise"), 18),
    "kahan bfloat16": (nf.Accumulator("bfloat16", order="kahan"), 30),
    "bfloat16 stochastic fused": (nf.Accumulator("bfloat16", rounding="stochastic"), 14),
}
#: modes and orders without a target of their own
OTHERS = {
    "float16 toward zero": nf.Accumulator("float16", rounding="toward_zero"),
    "float16 odd": nf.Accumulator("float16", rounding="to_odd"),
    "bfloat16 stochastic products and sums": nf.Accumulator("bfloat16", product="bfloat16", rounding="stochastic"),
    "bfloat16 stochastic pairwise": nf.Accumulator("bfloat16", rounding="stochastic", order="pairwise"),
    "bfloat16 stochastic kahan": nf.Accumulator("bfloat16", rounding="stochastic", order="kahan"),
    "float16 stochastic_b, 8 bits": nf.Accumulator("float16", rounding="stochastic_b", random_bits=8),
    "float16 exact": nf.Accumulator("float16", order="exact"),
}
#: m, k, n; beyond the first, half as much again is allowed
SHAPES = {
    "512": (512, 512, 512),
    "96": (96, 96, 96),
    "1000": (1000, 1000, 1000),
    "2048": (2048, 2048, 2048),
    "4096 x 64 x 64": (4096, 64, 64),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ACCUMULATORS)
def test_against_sgemm(ratio, name, shape):
    acc, target = ACCUMULATORS[name]
    m, k, n = SHAPES[shape]
    fmt = "bfloat16" if acc.format is nf.float32 else acc.format
    rng = np.random.default_rng(0)
    a, b = (nf.round(rng.standard_normal(size).astype(np.float32), fmt) for size in ((m, k), (k, n)))
    ratio(lambda: nf.matmul(a, b, acc, seed=1, threads=1), lambda: a @ b, target if shape == "512" else 1.5 * target)


@pytest.mark.parametrize("name", OTHERS)
def test_others_against_sgemm(ratio, name):
    acc = OTHERS[name]
    a, b = (
        nf.round(np.random.default_rng(i).standard_normal((512, 512)).astype(np.float32), acc.format) for i in range(2)
    )
    ratio(lambda: nf.matmul(a, b, acc, seed=1, threads=1), lambda: a @ b, np.inf)


def test_two_threads_against_one(ratio):
    acc = nf.Accumulator("bfloat16", product="bfloat16")
    a = nf.round(np.random.default_rng(0).standard_normal((512, 512)).astype(np.float32), "bfloat16")
    ratio(lambda: nf.matmul(a, a, acc, threads=2), lambda: nf.matmul(a, a, acc, threads=1), 1 / 1.85)
