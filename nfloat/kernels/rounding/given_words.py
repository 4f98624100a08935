"""The plain rule with the caller's own random words.

The entry through which every word of a stochastic mode is enumerated.

Only ``testing`` calls it; everything else draws its words from a stream (``rng.py``).
"""

from __future__ import annotations

import numpy as np

from ..jit import kernel
from .arrays import SPEC
from .scalar import load_spec, round_value


@kernel(f"void(float64[::1], float64[::1], {SPEC}, uint64[::1])")
def round_with_words(x, out, spec_array, random):
    """out[i] = x[i] rounded with the 64-bit word random[i], whose leading N bits are R."""
    spec = load_spec(spec_array)
    for i in range(x.size):
        out[i] = round_value(np.float64(x[i]), spec, random[i])
