"""Matrix units in plain Python and exact fractions: what the compiled models are compared with.

Nothing is shared with ``nfloat.kernels`` and nothing here is fast. Every function reads like the description of the
instruction it models; a value is a Python float (which holds every operand, sum and result exactly) or, where the
choice of a NaN matters (Intel), a float32 bit pattern. `dot` takes a `Unit` for its numbers and chooses the function.

`mutation` changes one feature of a model on purpose ("floor alignment", "late c", ...). The mutation tests show that
each such change is seen by the test data; see `MUTATIONS`.
"""

from __future__ import annotations

import math

from oracle_amd import exact_dot, floored_dot, flushed_dot
from oracle_cpu import chain_dot, even_odd_dot, pair_dot
from oracle_numbers import bits_of
from oracle_nvidia import aligned_dot, grouped_dot

MUTATIONS = {
    "AlignedSum": ("floor alignment", "nearest alignment", "one bit more", "one bit less", "normalised products",
                   "late c", "nearest output"),
    "GroupedSum": ("floor alignment", "one bit more", "one bit less", "normalised groups", "late c", "nearest output"),
    "ExactSum": ("aligned to 24 bits", "rounded sums", "late c", "truncated output"),
    "FlushedTree": ("kept subnormals", "sequential", "late c", "fused products"),
    "FlooredSum": ("floor alignment", "nearest alignment", "one bit more", "one bit less", "normalised products",
                   "early c", "truncated c", "truncated output"),
    "FmaChain": ("rounded products", "ascending", "late c", "truncated output"),
    "EvenOddChains": ("rounded products", "ascending", "early c", "truncated output"),
    "PairSum": ("nearest output", "odd output", "sequential", "early c", "late c"),
}  # fmt: skip


NAN = {"nvidia": 0x7FFFFFFF, "amd": 0x7FC00000, "arm": 0x7FC00000}


def dot(u, a, b, c, scales=None, mutation: str = "") -> int:
    """The float32 bit pattern that `u` computes for one row of `a`, one column of `b` (lists of floats) and `c`."""
    a, b, c = [float(x) for x in a], [float(x) for x in b], float(c)
    family = type(u.arithmetic).__name__
    if family in ("FmaChain", "EvenOddChains"):
        chain = chain_dot if family == "FmaChain" else even_odd_dot
        return chain([bits_of(x) for x in a], [bits_of(x) for x in b], bits_of(c), u, mutation)
    if family in ("AlignedSum", "GroupedSum"):
        d = (aligned_dot if family == "AlignedSum" else grouped_dot)(a, b, c, u, scales, mutation)
    else:
        by_family = {"ExactSum": exact_dot, "FlushedTree": flushed_dot, "FlooredSum": floored_dot, "PairSum": pair_dot}
        d = by_family[family](a, b, c, u, mutation)
    return NAN[u.vendor] if math.isnan(d) else bits_of(d)
