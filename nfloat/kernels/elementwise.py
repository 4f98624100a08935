"""Array loops over the rounding: the plain ones, correct for everything."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .rng import word64
from .scalar import load_spec, round_value


@kernel(
    "void(float32[::1], float32[::1], Array(float64, 1, 'C', readonly=True), uint64)",
    "void(float64[::1], float64[::1], Array(float64, 1, 'C', readonly=True), uint64)",
)
def round_plain(x, out, words, key):  # noqa: ANN001, ANN201
    """out[i] = x[i] rounded, random bits of element i from (key, i)."""
    spec = load_spec(words)
    stochastic = spec.mode >= 7
    for i in range(x.size):
        random = word64(i, key) if stochastic else np.uint64(0)
        out[i] = round_value(np.float64(x[i]), spec, random)
