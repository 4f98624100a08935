"""Stochastic rounding by enumeration of every random word: exact counts, not samples."""

from fractions import Fraction

import numpy as np
import pytest

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.formats.spec import rounding_spec
from nfloat.kernels.rounding.given_words import round_with_words

MODES = [Rounding.STOCHASTIC_A, Rounding.STOCHASTIC_B, Rounding.STOCHASTIC_C]


def count_up(x, low, fmt, mode, bits):
    """Of the 2^bits values of R, how many round x to above low."""
    words = np.arange(2**bits, dtype=np.uint64) << np.uint64(64 - bits)
    out = np.empty(words.size)
    round_with_words(np.full(words.size, x), out, rounding_spec(nf.get_format(fmt), mode, None, bits), words)
    assert set(np.unique(np.abs(out))) <= {abs(low), abs(low) + float(nf.testing.ulp(low, fmt))}
    return int(np.count_nonzero(np.abs(out) > abs(low)))


def expected_count(v, mode, bits):
    """How many R in [0, 2^bits) satisfy the definition of P3109 v4.0, for the fraction v."""
    n = 2**bits
    if mode is Rounding.STOCHASTIC_A:
        return v * n // 1
    if mode is Rounding.STOCHASTIC_C:
        return round(v * n)
    return max(0, min(n, (v * 2 * n // 1 + 1) // 2))  # floor(2 n v) + 2 R + 1 >= 2 n


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("bits", range(1, 11))
@pytest.mark.parametrize("sign", [1, -1])
def test_outcomes_are_equidistributed(mode, bits, sign):
    """The number of words that round up is what the definition says, for every fraction k / 2^(bits + 2)."""
    step = max(1, 2 ** (bits + 2) // 64)
    for k in range(0, 2 ** (bits + 2), step):
        v = Fraction(k, 2 ** (bits + 2))
        x = sign * float(1 + v * Fraction(1, 8))
        assert count_up(x, sign * 1.0, "float8_e4m3fn", mode, bits) == expected_count(v, mode, bits)


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize(
    ("x", "low"), [(2.0**-9 * 0.3125, 0.0), (2.0**-6 - 2.0**-9 * 0.25, 7 * 2.0**-9), (440.0, 416.0)]
)
def test_subnormal_and_top_binades(mode, x, low):
    gap = float(nf.testing.ulp(low, "float8_e4m3fn"))
    v = Fraction(x - low) / Fraction(gap)
    for bits in range(1, 9):
        assert count_up(x, low, "float8_e4m3fn", mode, bits) == expected_count(v, mode, bits)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_exact_values_stay_for_every_word(mode):
    for bits in (1, 4, 8):
        values = nf.decode(np.arange(127), "float8_e4m3fn").astype(np.float64)
        for r in range(2**bits):
            out = np.empty_like(values)
            words = np.full(values.size, r << (64 - bits), np.uint64) | np.uint64(2 ** (64 - bits) - 1)
            round_with_words(values, out, rounding_spec(nf.get_format("e4m3fn"), mode, None, bits), words)
            nf.testing.assert_bits_equal(out, values)


def test_only_the_leading_bits_of_a_word_count():
    x = np.linspace(1, 2, 1000)
    spec = rounding_spec(nf.get_format("e4m3fn"), Rounding.STOCHASTIC_A, None, 3)
    out, other = np.empty_like(x), np.empty_like(x)
    for r in range(8):
        round_with_words(x, out, spec, np.full(x.size, r << 61, np.uint64))
        round_with_words(x, other, spec, np.full(x.size, (r << 61) | (2**61 - 1), np.uint64))
        nf.testing.assert_bits_equal(out, other)


def test_stochastic_is_exact_to_the_last_bit_of_the_word():
    """v = k 2^-64-ish fractions: the word decides at its 64th bit."""
    spec = rounding_spec(nf.get_format("float4_e2m1fn"), Rounding.STOCHASTIC)
    x = np.array([2.0**-61, 2.0**-61, 2.0**-65])  # v = 2^-60, 2^-60 and 2^-64 of the gap 1/2
    words = np.array([2**64 - 2**4, 2**64 - 2**4 - 1, 2**64 - 1], np.uint64)
    out = np.empty_like(x)
    round_with_words(x, out, spec, words)
    assert out.tolist() == [0.5, 0.0, 0.5]
