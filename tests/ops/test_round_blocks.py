"""Fast paths work in blocks of lanes.

Any length, any offset, a special value in any lane, must give what single numbers give.
"""

from functools import lru_cache

import numpy as np
import pytest
from every_mode import FAMILIES

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.kernels.rounding.arrays import EVEN
from nfloat.ops.rounder import rounder
from nfloat.testing.grid import Grid, code_values, prepare, round_grid, stream_words
from nfloat.testing.probes import SPECIAL, probes

LENGTHS = [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 79, 80, 81, 127, 128, 129, 255, 256, 257]
FORMATS = ["float16", "bfloat16", "tfloat32", "float8_e4m3fn", "float8_e5m2", "float4_e2m1fn", "float8_e8m0fnu",
           "binary8p3ue", "fixed16.8",
           "dlfloat16", "float32", "e7m20", "e11m20", "int8", "binary8p1sf", "binary16p8se", "amdfp24",
           *(nf.get_format(name).replace(name=f"{name}-flush", subnormals="flush") for name in ("float16", "bfloat16",
                                                                                                "e11m20"))]  # fmt: skip
MODES = [str(mode) for mode in Rounding if not mode.needs_random_bits]


def ordinary(fmt, count, seed=0):
    """Random numbers in the middle of a format's range."""
    rng = np.random.default_rng(seed)
    middle = (fmt.emin + fmt.emax) // 2
    x = rng.standard_normal(count) * 2.0 ** np.clip(middle + rng.integers(-2, 3, count), -100, 100)
    return np.abs(x) if not fmt.signed else x


grid = lru_cache(Grid)


def exact(x, fmt, mode, key=0):
    wide = x.astype(np.float64)
    return round_grid(wide, prepare(wide, grid(fmt)), fmt, Rounding(mode), None, 0, stream_words(key, x.size)).astype(
        x.dtype
    )


def check(x, fmt, mode, expected=None):
    """Against `expected`, or what is exact."""
    how = {"seed": 5} if Rounding(mode).is_stochastic else {}
    expected = exact(x, fmt, mode, nf.Stream(5).key) if expected is None else expected
    nf.testing.assert_bits_equal(nf.round(x, fmt, mode, **how), expected)
    if fmt.has_nan or not np.isnan(x).any():
        nf.testing.assert_bits_equal(nf.decode(nf.encode(x, fmt, mode, **how), fmt), expected)


@pytest.mark.sampled(60)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FORMATS, ids=str)
def test_every_length_and_offset(name, mode):
    fmt = nf.get_format(name)
    for dtype in (np.float64, np.float32)[: 2 if fmt.fits_float32 else 1]:
        x = ordinary(fmt, 300).astype(dtype)
        for offset in (0, 1, 3):
            expected = exact(x[offset:], fmt, mode, nf.Stream(5).key)
            for length in LENGTHS:
                check(x[offset : offset + length], fmt, mode, expected[:length])


@pytest.mark.sampled(40)
@pytest.mark.parametrize("mode", FAMILIES, ids=str)
@pytest.mark.parametrize("name", FORMATS, ids=str)
def test_a_special_value_in_every_lane(name, mode):
    """NaN, infinities, zeros, subnormal and overflowing numbers, alone in every lane of a block and side by side."""
    fmt = nf.get_format(name)
    special = np.concatenate(
        [
            SPECIAL,
            [fmt.max, fmt.min, fmt.smallest_normal, fmt.smallest_subnormal / 2, fmt.smallest_subnormal * 0.75, -1.0],
        ]
    )
    for dtype in (np.float64, np.float32)[: 2 if fmt.fits_float32 else 1]:
        with np.errstate(over="ignore", under="ignore"):
            values = special.astype(dtype)
        for lane in range(17):
            rows = np.tile(ordinary(fmt, 33, lane).astype(dtype), (values.size, 1))
            rows[:, lane] = values
            check(rows.reshape(-1), fmt, mode)
        check(np.concatenate([np.roll(values, k) for k in range(values.size)]), fmt, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [f for f in FORMATS if isinstance(f, nf.Format)], ids=str)
def test_pieces_of_formats_that_flush(name, mode):
    """More elements than go through the steps of flushing together, small everywhere, special in some places."""
    fmt, rng = nf.get_format(name), np.random.default_rng(4)
    x = rng.standard_normal(7000) * fmt.smallest_normal * 2.0 ** rng.integers(-4, 3, 7000)
    x[rng.integers(0, x.size, 40)] = rng.choice(SPECIAL, 40)
    check(x, fmt, mode)
    if fmt.fits_float32:
        with np.errstate(over="ignore", under="ignore"):
            check(x.astype(np.float32), fmt, mode)


@pytest.mark.parametrize("name", FORMATS, ids=str)
def test_decode_every_length(name):
    fmt = nf.get_format(name)
    if fmt.bits > 16:
        codes = nf.encode(ordinary(fmt, 300), fmt)
        values = nf.decode(codes.reshape(20, 15), fmt).reshape(-1)
    else:
        codes = np.random.default_rng(1).integers(0, 2**fmt.bits, 300).astype(np.uint8 if fmt.bits <= 8 else np.uint16)
        values = code_values(fmt)[codes]
    for length in LENGTHS:
        for offset in (0, 1, 3):
            nf.testing.assert_bits_equal(
                nf.decode(codes[offset : offset + length], fmt), values[offset : offset + length]
            )


@pytest.mark.parametrize("mode", ["nearest_even", "stochastic"])
def test_layout_does_not_matter(mode):
    """Element i in C order has the bits of counter i, whatever the strides."""
    x = probes(nf.float16)[:6000].reshape(20, 30, 10).astype(np.float32)
    expected = nf.round(x.copy(), "float16", mode, seed=9 if mode == "stochastic" else None)
    views = [
        np.asfortranarray(x),
        x[::-1][::-1],
        np.broadcast_to(x, x.shape),
        x.astype(">f4"),
        x.astype(np.float64).astype(np.float32),
    ]
    wide = np.empty((20, 30, 20), np.float32)[:, :, ::2]
    wide[...] = x
    packed = np.zeros(x.size * 4 + 1, np.uint8)[1:].view(np.float32).reshape(x.shape)  # unaligned
    packed[...] = x
    for view in (*views, wide, packed):
        nf.testing.assert_bits_equal(
            nf.round(view, "float16", mode, seed=9 if mode == "stochastic" else None), expected
        )
    read_only = x.copy()
    read_only.flags.writeable = False
    nf.testing.assert_bits_equal(
        nf.round(read_only, "float16", mode, seed=9 if mode == "stochastic" else None), expected
    )


def test_the_input_is_never_written_to_nor_returned():
    x = np.array([0.1, 1.0, 2.0], np.float32)
    for fmt in ("float32", "float16", "bfloat16"):
        y = nf.round(x, fmt)
        assert not np.shares_memory(x, y)
        y[:] = 0
    assert x.tolist() == np.array([0.1, 1.0, 2.0], np.float32).tolist()


@pytest.mark.parametrize("mode", list(Rounding))
def test_a_mode_has_the_kernel_with_its_loops(mode):
    """Another would give the same bits, number by number: thirty times as slow."""
    for fmt in FORMATS:
        how = rounder(fmt, mode, None, 8 if mode.needs_random_bits else None)
        for kernel in (how.round32, how.round64):
            assert kernel not in (EVEN if mode is Rounding.NEAREST_EVEN else EVEN.values()), fmt
