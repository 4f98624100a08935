"""Random words of GEMM: the word of step k of output (i, j) is a function of (key, i, j, k) alone.

A word is r + c, scrambled once: r the stream word k of row i, c that of column j, each from ``rng.py`` under a key of its own
row (column). For a fixed step the sums r + c of two outputs are independent and uniform, since r and c are; the scrambling breaks
the relation among the four outputs of a rectangle. So a tile needs one addition, one xor-shift and one multiplication a word,
and words for m + n lines instead of m n.
"""

from __future__ import annotations

import numpy as np

from .jit import device
from .rng import splitmix, subkeys, word32

_COLUMNS = np.uint64(0xC2B2AE3D27D4EB4F)
_TWIN = np.uint64(0x9E3779B97F4A7C15)
_MASK = np.uint64(0xFFFFFFFF)
#: the odd multiplier of the scrambling (Wellons' hash prospector)
SCRAMBLE = 0x21F0AAAD

#: domains: roundings of one step that must not share bits
SUM, PRODUCT, PROMOTE, CORRECTED, DIFFERENCE, CORRECTION = range(6)
DOMAINS = 6


@device
def domain_key(key, domain):  # noqa: ANN001, ANN201
    """The key of one kind of rounding."""
    return splitmix(np.uint64(key) ^ (np.uint64(domain) << np.uint64(56)))


@device
def line_key(key, line, column):  # noqa: ANN001, ANN201
    """The subkeys of a row (or column) under a domain's key."""
    return subkeys(np.uint64(key) ^ _COLUMNS if column else np.uint64(key), line)


@device
def scramble(r, c):  # noqa: ANN001, ANN201
    """The word of a row's and a column's word."""
    x = (r + c) & _MASK
    return ((x ^ (x >> np.uint64(16))) * np.uint64(SCRAMBLE)) & _MASK


@device
def step_word(key, i, j, k, spec):  # noqa: ANN001, ANN201
    """The 64-bit word of step k of output (i, j): 32 random bits on top, and below them 32 more where the mode takes them.

    stochastic takes the upper 32: it rounds up where floor(v 2^32) + R >= 2^32, v the exact fraction.
    """
    head = scramble(word32(k, line_key(key, i, False)), word32(k, line_key(key, j, True)))
    if spec.random_bits <= 32:
        return head << np.uint64(32)
    twin = np.uint64(key) ^ _TWIN
    return (head << np.uint64(32)) | scramble(word32(k, line_key(twin, i, False)), word32(k, line_key(twin, j, True)))
