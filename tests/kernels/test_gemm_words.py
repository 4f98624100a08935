"""Random words of GEMM: uniform, independent across rows, columns, steps and the rectangle, and as defined."""

import numpy as np
import pytest
import scipy  # its parts load when they are first asked for

from nfloat.kernels.gemm.words import line_words
from nfloat.testing.gemm_oracle import word

KEY = np.uint64(0x0123456789ABCDEF)


def lines(column, count, steps, each=1):
    out = np.empty(count * steps * each, np.int32)
    line_words(KEY, column, count, steps, count, np.arange(each), out, 0, 1)
    return out.view(np.uint32).reshape(steps, each, count)


def words(rows, columns, steps):
    """uint32 of (step, row, column)."""
    return lines(False, rows, steps)[:, 0, :, None] * lines(True, columns, steps)[:, 0, None, :]


def test_are_as_defined():
    x = words(5, 7, 4)
    for k, i, j in ((0, 0, 0), (3, 4, 6), (1, 2, 5)):
        assert int(x[k, i, j]) == word(int(KEY), 0, i, j, k) >> 32
    both = lines(False, 5, 4, each=2), lines(True, 7, 4, each=2)
    assert int(both[0][2, 1, 3]) * int(both[1][2, 1, 4]) % 2**32 == word(int(KEY), 1, 3, 4, 2) >> 32


def chi_square(cells, count):
    """p-value of `cells` (integers below count) being uniform."""
    return scipy.stats.chisquare(np.bincount(cells.reshape(-1), minlength=count)).pvalue


@pytest.mark.parametrize("shift", [0, 8, 16, 24])
def test_each_byte_is_uniform(shift):
    x = words(128, 128, 64)
    byte = (x >> shift) & 0xFF
    assert chi_square(byte if shift else byte >> 1, 256 if shift else 128) > 1e-4
    assert (x & 1 == 1).all()  # odd, as the definition says


@pytest.mark.parametrize("pair", ["steps", "rows", "columns", "diagonal"])
def test_neighbours_are_independent(pair):
    x = words(128, 128, 65)
    left, right = {
        "steps": (x[:-1], x[1:]),
        "rows": (x[:, :-1], x[:, 1:]),
        "columns": (x[:, :, :-1], x[:, :, 1:]),
        "diagonal": (x[:, :-1, :-1], x[:, 1:, 1:]),
    }[pair]
    assert chi_square((left >> 27) * 32 + (right >> 27), 1024) > 1e-4


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_rectangles_are_independent_in_their_upper_bits(bits):
    """The four words of a rectangle satisfy an equation modulo 2^32; their leading bits must not show it."""
    x = words(256, 256, 64) >> np.uint32(32 - bits)
    corners = x[:, ::2, ::2], x[:, ::2, 1::2], x[:, 1::2, ::2], x[:, 1::2, 1::2]
    cell = sum(c.astype(np.int64) << (bits * i) for i, c in enumerate(corners))
    assert chi_square(cell, 1 << (4 * bits)) > 1e-4


def test_sums_over_outputs_have_the_right_variance():
    """Means over rows, columns and whole matrices of words spread as those of independent ones do."""
    u = words(64, 64, 400) / 2.0**32 - 0.5
    for axes, count in (((1,), 64), ((2,), 64), ((1, 2), 64 * 64)):
        z = u.mean(axis=axes) * np.sqrt(12 * count)
        assert (
            abs(z.var() - 1) < 6 * np.sqrt(2 / z.size) + 0.02
            and scipy.stats.kstest(z.reshape(-1), "norm").pvalue > 1e-4
        )


def test_keys_and_domains_differ():
    a, b = lines(False, 8, 50), lines(False, 8, 50, each=2)
    assert np.array_equal(a[:, 0], b[:, 0]) and not (b[:, 0] == b[:, 1]).any()
    assert not (lines(False, 8, 50) == lines(True, 8, 50)).any()
