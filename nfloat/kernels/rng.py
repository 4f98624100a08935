"""Counter-based random bits: element i of a stream is a pure function of (key, i).

There is no state to share or to race for.

A stream's 64-bit key (``streams.py`` derives it from seed and names) gives two 32-bit subkeys for every 2^32 elements;
each 32-bit word is then a keyed permutation of the low half of the counter: times an odd constant (without it, words
2^12 apart correlate), plus the first subkey, then two rounds of xor-shift and multiplication with the second subkey
added in between, so that streams are not each other's shifts. Words are 32 bits wide because SIMD lanes
are; a 64-bit word is the 32-bit word of the stream followed by that of its twin, so a float32 and a float64 carrier of
the same value see the same leading bits.

The constant is 2^32 divided by the golden ratio. The multipliers are those of Chris Wellons' hash prospector (32-bit,
two rounds; bias about 0.107) and Steele et al.'s SplitMix64 (2014). ``tests/kernels/test_rng.py`` holds the statistical
battery.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .bits import lesser
from .jit import device

_TWIN = np.uint64(0x9E3779B97F4A7C15)
_STEP = np.uint64(0x9E3779B9)
_M1 = np.uint32(0x21F0AAAD)
_M2 = np.uint32(0x735A2D97)


@device
def splitmix(z):
    """A bijective scrambling of 64 bits (SplitMix64's finaliser)."""
    z = np.uint64(z) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@device
def subkeys(key, block):
    """The two 32-bit subkeys, in one uint64, of elements [block 2^32, (block + 1) 2^32)."""
    return splitmix(np.uint64(key) ^ splitmix(np.uint64(block)))


@device
def word32(low, keys):
    """The 32-bit word of counter `low` (uint32) under `subkeys`, as a uint64 below 2^32."""
    mask = np.uint64(0xFFFFFFFF)
    x = (np.uint64(low) * _STEP + keys) & mask
    x = ((x ^ (x >> np.uint64(16))) * np.uint64(_M1)) & mask
    x = (x + (keys >> np.uint64(32))) & mask
    x = ((x ^ (x >> np.uint64(15))) * np.uint64(_M2)) & mask
    return x ^ (x >> np.uint64(15))


@device
def twin_subkeys(key, block):
    """`subkeys` of the stream's twin."""
    return subkeys(np.int64(np.uint64(key) ^ _TWIN), block)


@device
def paired_words(low, keys, twin):
    """The 64-bit word of counter `low` under the subkeys of a stream and of its twin."""
    return (word32(low, keys) << np.uint64(32)) | word32(low, twin)


class Words(NamedTuple):
    """The random words of an array, or of a piece of one: element i has that of counter first + i under the key."""

    key: int
    first: int


@device
def section_end(words, i, stop):
    """How far the subkeys of element i reach, at most to `stop`."""
    return lesser(stop, ((((words.first + i) >> 32) + 1) << 32) - words.first)


@device
def section_keys(words, i):
    """The subkeys of element i and of its twin, for the numbers of elements as counters, `first` or not.

    A word depends on its counter times a constant plus the first subkey: what all counters lack is added there.
    """
    section, offset = (words.first + i) >> 32, np.uint64(words.first) * _STEP
    return _later(subkeys(words.key, section), offset), _later(twin_subkeys(words.key, section), offset)


@device
def _later(keys, offset):
    """Subkeys with `offset` added to the first of the two."""
    mask = np.uint64(0xFFFFFFFF)
    return (keys & ~mask) | ((keys + offset) & mask)


@device
def element_word(i, keys):
    """The 64-bit word of element i under `section_keys`."""
    return paired_words(np.uint64(i & 0xFFFFFFFF), keys[0], keys[1])


@device
def word64(counter, key):
    """The 64-bit word of element `counter`: the stream's 32-bit word, then its twin's."""
    counter = np.uint64(counter)
    block = counter >> np.uint64(32)
    return paired_words(counter & np.uint64(0xFFFFFFFF), subkeys(key, block), twin_subkeys(key, block))
