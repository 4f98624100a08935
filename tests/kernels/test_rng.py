"""The random bits: the kernel equals its definition in NumPy, and the words pass a statistical battery.

Keys and counters are fixed, so nothing here is left to chance. The limits are for the largest of all the statistics of
a test (Bonferroni): a good generator passes each of them with probability 1 - 1e-6. With --whole they see 2^20 words
of each key: what the definition gives is known word by word (`test_known_words`), so they matter where it is changed.
"""

from functools import cache

import numba
import numpy as np
import pytest
import scipy  # its parts load when they are first asked for

import nfloat as nf
from nfloat.kernels.rng import word64
from nfloat.testing.grid import stream_words, words_at

KEYS = [nf.Stream(seed).child("battery").key for seed in range(4)] + [0, 1, 2**63, 2**64 - 1]
FALSE_ALARM = 1e-6


def largest_z(count):
    """The limit for the largest |z| of `count` statistics."""
    return scipy.stats.norm.isf(FALSE_ALARM / count / 2)


@pytest.fixture
def count(whole):
    """How many words of each key."""
    return 1 << (20 if whole else 17)


@cache
def heads(key, count, start=0):
    """The leading 32 bits of the words: those that float32 lanes use."""
    return (stream_words(key, count, start) >> np.uint64(32)).astype(np.uint32)


@cache
def tails(key, count, start=0):
    return (stream_words(key, count, start) & np.uint64(2**32 - 1)).astype(np.uint32)


#: the bits of every byte, most significant first
BITS_OF_BYTES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.int64)


def ones_of(words):
    """How many of the words have a 1 at each of the 32 places, most significant first."""
    columns = words.astype(">u4").view(np.uint8).reshape(-1, 4).T
    return np.concatenate([np.bincount(column, minlength=256) @ BITS_OF_BYTES for column in columns])


@numba.njit
def kernel_words(counters, key, out):
    for i in range(counters.size):
        out[i] = word64(counters[i], key)


@pytest.mark.parametrize("key", KEYS)
def test_kernel_is_the_definition(key):
    for start in (0, 12345, 2**32 - 500, 2**33 + 7, 2**45, 2**63 - 2000):
        counters = np.arange(start, start + 1000, dtype=np.uint64)
        out = np.empty(1000, np.uint64)
        kernel_words(counters, np.uint64(key), out)
        nf.testing.assert_bits_equal(out, stream_words(key, 1000, start))


def test_known_words():
    """Results saved with a seed must come out again: these words never change."""
    assert [hex(w) for w in stream_words(nf.Stream(0).key, 3)] == KNOWN


KNOWN = ["0xb0c6fc7ddd331510", "0xc4764d588aa2fad3", "0x9b49e36c04ad4f24"]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("half", [heads, tails])
def test_monobit(half, count):
    """Every bit position, and all of them together, is 1 half of the time."""
    z = []
    for key in KEYS:
        ones = ones_of(half(key, count))
        z += [*((ones - count / 2) / np.sqrt(count / 4)), (ones.sum() - 16 * count) / np.sqrt(8 * count)]
    assert np.abs(z).max() < largest_z(len(z))


@pytest.mark.sampled(1)
@pytest.mark.parametrize("half", [heads, tails])
def test_runs(half, count):
    """NIST SP 800-22, 2.3: the number of changes from bit to bit, within a word and along each bit position."""
    z = []
    for key in KEYS:
        words = half(key, count)
        following = words << np.uint32(1)
        following[:-1] |= words[1:] >> np.uint32(31)
        following[-1] |= words[-1] & np.uint32(1)  # the last bit of all is followed by none
        along, within, changes = ones_of(words[1:] ^ words[:-1]), ones_of(words ^ following).sum(), 32 * count - 1
        z += [
            (within - changes / 2) / np.sqrt(changes / 4),
            *((along - (count - 1) / 2) / np.sqrt((count - 1) / 4)),
        ]
    assert np.abs(z).max() < largest_z(len(z))


@pytest.mark.sampled(1)
@pytest.mark.parametrize("half", [heads, tails])
def test_serial_and_lane_correlation(half, count):
    """Words as uniform numbers do not correlate, neither in a row nor down a column.

    At any lag up to 32 (the lanes of a block), at powers of two, their neighbours and multiples, at other row lengths.
    """
    lags = [
        *range(1, 33),
        *(m * 2**k + d for k in range(6, 18) for m in (1, 3, 5) for d in (-1, 0, 1)),
        784,
        1000,
        11008,
        50257,
    ]
    z = []
    for key in KEYS:
        spectrum = np.fft.rfft(half(key, count) / 2.0**32 - 0.5, 2 * count)
        sums = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)  # of the products at every lag
        z += [sums[lag] * 12 / np.sqrt(count - lag) for lag in lags if lag < 3 * count // 4]
    assert np.abs(z).max() < largest_z(len(z))


def test_every_lane_of_a_block_is_uniform(count):
    p = []
    for key in KEYS:
        lanes = heads(key, count).reshape(-1, 16) >> 26
        p += [scipy.stats.chisquare(np.bincount(lanes[:, lane], minlength=64)).pvalue for lane in range(16)]
    assert min(p) > FALSE_ALARM / len(p) and max(p) < 1 - FALSE_ALARM / len(p)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("shift", [0, 8, 16, 24, 28])
def test_pairs_and_triples_are_uniform(shift, count):
    """Chi-square over consecutive nibbles at several places of the word."""
    p = []
    for key in KEYS:
        nibble = (heads(key, count) >> np.uint32(shift) & np.uint32(15)).astype(np.int64)
        p.append(scipy.stats.chisquare(np.bincount(nibble[::2] * 16 + nibble[1::2], minlength=256)).pvalue)
        third = nibble[: nibble.size // 3 * 3].reshape(-1, 3)
        p.append(scipy.stats.chisquare(np.bincount(third @ [256, 16, 1], minlength=4096)).pvalue)
    assert min(p) > FALSE_ALARM / len(p)


def test_avalanche():
    """Flipping any bit of the counter flips every bit of the word half of the time, for most keys at once."""
    counters = np.random.default_rng(1).integers(0, 2**32, 4096, np.uint64)
    flips = np.zeros((32, 32), np.int64)
    rounds = 32
    for seed in range(rounds):
        key = nf.Stream(seed).key
        for j in range(32):
            change = words_at(key, counters) ^ words_at(key, counters ^ np.uint64(1 << j))
            flips[j] += ones_of((change >> np.uint64(32)).astype(np.uint32))
    share = flips / (rounds * counters.size)
    assert (
        np.abs(share - 0.5).max() < 0.02
    )  # 0.0014 of it is noise; two rounds of mixing are not perfect in single bits


def test_the_two_halves_are_independent(count):
    z = []
    for key in KEYS:
        a, b = heads(key, count), tails(key, count)
        ones = ones_of(a ^ b)
        z += [
            *((ones - count / 2) / np.sqrt(count / 4)),
            ((a / 2.0**32 - 0.5) * (b / 2.0**32 - 0.5)).sum() * 12 / np.sqrt(count),
        ]
    assert np.abs(z).max() < largest_z(len(z))


def test_different_streams_are_independent():
    """Neighbouring seeds, neighbouring steps, parent and child, keys that differ in one bit.

    No correlation at equal counters.
    """
    s = nf.Stream(0)
    keys = [
        s.key,
        nf.Stream(1).key,
        nf.Stream(2).key,
        s.child(0).key,
        s.child(1).key,
        s.child(2).key,
        s.child("w").key,
        s.child("w", 0).key,
        s.child("w", 1).key,
    ]
    keys += [s.key ^ (1 << k) for k in (0, 1, 31, 32, 63)]
    words = [heads(key, 1 << 18) for key in keys]
    z = []
    for i, a in enumerate(words):
        for b in words[:i]:
            for shift in (0, 1, 16):
                x, y = a[shift:], b[: b.size - shift]
                z.append(((x / 2.0**32 - 0.5) * (y / 2.0**32 - 0.5)).sum() * 12 / np.sqrt(x.size))
                z.append((np.count_nonzero((x ^ y) >> 31) - x.size / 2) / np.sqrt(x.size / 4))
    assert np.abs(z).max() < largest_z(len(z))


def test_one_value_over_many_streams_is_uniform():
    """The same element of many streams (a weight over many steps) is as random as many elements of one stream."""
    n = 1 << 13
    words = np.array(
        [stream_words(nf.Stream(7).child("weight", step).key, 1)[0] >> np.uint64(32) for step in range(n)], np.uint64
    ).astype(np.uint32)
    ones = ones_of(words)
    u = words / 2.0**32 - 0.5
    z = [
        *((ones - n / 2) / np.sqrt(n / 4)),
        *((u[:-lag] * u[lag:]).sum() * 12 / np.sqrt(n - lag) for lag in range(1, 9)),
    ]
    assert np.abs(z).max() < largest_z(len(z))


def test_a_stream_repeats_no_head_within_a_section(count):
    """The 32-bit words of 2^32 counters are a permutation."""
    assert np.unique(heads(KEYS[0], count)).size == count


def test_sections_of_2_to_the_32_have_words_of_their_own():
    a, b = heads(KEYS[0], 1 << 18), heads(KEYS[0], 1 << 18, start=2**32)
    z = ((a / 2.0**32 - 0.5) * (b / 2.0**32 - 0.5)).sum() * 12 / np.sqrt(a.size)
    assert abs(z) < 5 and np.count_nonzero(a == b) < 5
