"""Normal deviates against NumPy's, which differ in the last bit of the tail at most.

The tables; the generator's state.
"""

import math

import numpy as np
import pytest

from nfloat.ops import normal
from nfloat.ops.normal import standard_normal

R = normal._R


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.Philox, np.random.SFC64])
@pytest.mark.parametrize("shape", [0, 1, 7, (3, 0), (40, 50), 200_000])
def test_numpys_deviates_but_for_the_last_bit_of_the_tail(kind, shape):
    for seed in range(20 if np.prod(shape) < 100 else 2):
        mine, its = np.random.Generator(kind(seed)), np.random.Generator(kind(seed))
        x, y = standard_normal(mine, shape), its.standard_normal(shape)
        assert x.shape == y.shape and x.dtype == y.dtype
        assert np.array_equal(x[np.abs(y) <= R], y[np.abs(y) <= R])
        assert np.all(np.abs(x - y) <= 2 * np.spacing(np.abs(y)))
        assert repr(mine.bit_generator.state) == repr(its.bit_generator.state)


def test_half_a_word_that_was_left_stays():
    mine, its = np.random.default_rng(1), np.random.default_rng(1)
    for generator in (mine, its):
        generator.integers(0, 100, dtype=np.int32)
    standard_normal(mine, 5), its.standard_normal(5)
    assert np.array_equal(mine.integers(0, 100, 9, dtype=np.int32), its.integers(0, 100, 9, dtype=np.int32))


def test_the_tail_comes_from_the_words_as_the_method_says():
    """Words made for it: the lowest layer, beyond R, refused once, then taken."""
    beyond, low, high = 0xFFFFFFFFFFFFF, 1 << 11, 2**64 - 1
    words = np.array([beyond << 9, high, low, 12345 << 20, high, (beyond ^ 256) << 9, 0, high], np.uint64)
    (x, y), used = normal.from_words(words, 2)
    u = (12345 << 20 >> 11) * 2.0**-53
    assert math.isclose(-x, R - math.log1p(-u) / R, rel_tol=1e-15)
    assert y == R and used == 8
    assert normal.from_words(words, 3) is None and normal.from_words(words[:4], 1) is None


def test_layers_have_one_area():
    table = normal.tables()
    edges = table.width * 2.0**52
    assert edges[255] == R and np.all(np.diff(edges[1:]) > 0) and table.inside[1] == 0
    heights = table.density[:-1] - table.density[1:]
    assert np.allclose(edges[1:] * heights, edges[0] * table.density[255], rtol=1e-12)
