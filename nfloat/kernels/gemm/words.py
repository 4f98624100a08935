"""Random words of GEMM: the word of step k of output (i, j) is a function of (key, i, j, k) alone.

A word is r c mod 2^32: r the stream word k of row i, c that of column j, both made odd, each from ``rng.py`` under a
key of its own row (column) and kind of rounding. Odd numbers are a group under multiplication, so for a fixed step the
words of any outputs that do not close a rectangle are independent and uniform over the odd numbers, and steps, rows and
columns have independent factors. The four words of a rectangle satisfy one equation modulo 2^32, which their upper bits
do not show (``tests/kernels/test_gemm_words.py``). So a tile pays one multiplication a word, and m + n lines of words
are made instead of m n. An odd R adds 2^-32 of the unit's half on average: up with probability floor(v 2^31 + 1/2)
2^-31, v the exact fraction.
"""

from __future__ import annotations

import numpy as np

from ..jit import device, kernel
from ..rng import splitmix, subkeys, word32

_COLUMNS = np.uint64(0xC2B2AE3D27D4EB4F)
_TWIN = np.uint64(0x9E3779B97F4A7C15)
_MASK = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)

#: domains: roundings of one step that must not share bits
SUM, PRODUCT, PROMOTE, CORRECTED, DIFFERENCE, CORRECTION = range(6)
DOMAINS = 6


@device
def domain_key(key, domain):
    """The key of one kind of rounding."""
    return splitmix(np.uint64(key) ^ (np.uint64(domain) << np.uint64(56)))


@device
def line_key(key, line, column):
    """The subkeys of a row (or column) under a domain's key."""
    return subkeys(np.uint64(key) ^ _COLUMNS if column else np.uint64(key), line)


@device
def line_word(keys, k):
    """The odd word of step k of a line."""
    return word32(np.uint64(k), keys) | _ONE


@device
def step_word(key, i, j, k, spec):
    """The 64-bit word of step k of output (i, j).

    32 random bits on top, and below them 32 more where the mode takes them.

    stochastic takes the upper 32: it rounds up where floor(v 2^32) + R >= 2^32, v the exact fraction.
    """
    head = line_word(line_key(key, i, False), k) * line_word(line_key(key, j, True), k)
    if spec.random_bits <= 32:
        return head << np.uint64(32)
    twin = np.uint64(key) ^ _TWIN
    tail = line_word(line_key(twin, i, False), k) * line_word(line_key(twin, j, True), k)
    return (head << np.uint64(32)) | (tail & _MASK)


@kernel("void(uint64, boolean, int64, int64, int64, int64[::1], int32[::1], int64, int64)")
def line_words(key, column, lines, steps, width, domains, out, first, last):
    """Panels first .. last - 1 of the odd words of all lines, as [panel - first][step][domain][width]."""
    each = domains.size
    for panel in range(first, last):
        for which in range(each):
            domain = domain_key(key, domains[which])
            for j in range(width):
                line = panel * width + j
                keys = line_key(domain, np.int64(line), column)
                at = ((panel - first) * steps * each + which) * width + j
                for k in range(steps):
                    out[at + k * each * width] = np.int32(line_word(keys, k) & _MASK) if line < lines else np.int32(1)
