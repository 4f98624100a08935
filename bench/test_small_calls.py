"""What a call on small data costs, in microseconds, on one thread: the shortest of many."""

from __future__ import annotations

import numpy as np
import pytest

import nfloat as nf

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((2, 10)).astype(np.float32)
A, B = nf.array(X, "float16"), nf.array(Y, "float16")
LEFT, RIGHT = (RNG.standard_normal(shape).astype(np.float32) for shape in ((32, 64), (64, 64)))
BF16 = [np.asarray(nf.round(x, "bfloat16")) for x in (LEFT, RIGHT)]
FP16 = [np.asarray(nf.round(x, "float16")) for x in (LEFT, RIGHT)]
CALLS = {
    "nf.round": (lambda: nf.round(X, "float16"), 1.5),
    "nf.add": (lambda: nf.add(X, Y, "float16"), 4.0),
    "nf.exp": (lambda: nf.exp(X, "float16"), 6.0),
    "FloatArray + FloatArray": (lambda: A + B, 6.0),
    "NumPy's float32 product": (lambda: LEFT @ RIGHT, 3.0),
    "product, float32 sums": (lambda: nf.matmul(LEFT, RIGHT, "float32", threads=1), 9.0),
    "product, bfloat16 sums": (lambda: nf.matmul(*BF16, "bfloat16", threads=1), 45.0),
    "product, Hopper": (lambda: nf.matmul(*FP16, "nvidia.hopper.mma.f16.f32", threads=1), 50.0),
}


@pytest.mark.parametrize("name", CALLS)
def test_small(microseconds, name: str) -> None:
    microseconds(name, *CALLS[name])
