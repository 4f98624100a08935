"""Random signs: -1 where the first bit of a stream's word is set."""

from __future__ import annotations

import numpy as np

from ..jit import kernel
from ..rng import word64


@kernel("void(float64[::1], int64)")
def random_signs(out, key):
    """out[i] = 1 or -1, by the first bit of word i."""
    for i in range(out.size):
        out[i] = -1.0 if word64(i, key) >= np.uint64(1 << 63) else 1.0
