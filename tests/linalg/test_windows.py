"""Products with windows against the matrix that holds all of them: any walk, groups, cuts between images and panels."""

import numpy as np
import pytest

import nfloat as nf
from nfloat.formats.lanes import DOUBLE
from nfloat.linalg.accumulators import as_accumulator
from nfloat.linalg.gemm import native_windows, windows
from nfloat.linalg.gemm.images import Walk
from nfloat.linalg.gemm.windows import window_gradient, window_product
from nfloat.ops.rounder import rounder

ACCUMULATORS = (
    "float32", "float64", "bfloat16", "e6m9",
    nf.Accumulator("bfloat16", product="bfloat16"),
    nf.Accumulator("bfloat16", rounding="toward_zero"),
    nf.Accumulator("bfloat16", rounding="toward_negative"),
    nf.Accumulator("bfloat16", order="kahan"),
    nf.Accumulator("float32", order="pairwise"),
    nf.Accumulator("bfloat16", order="blocked", block=5, promote="float32"),
    nf.Accumulator("float32", order="exact"),
)  # fmt: skip


def matrix(x, walk, groups):
    """(groups, k, n places): every window of x, a number at a time."""
    n, channels, height, width = x.shape
    found = np.zeros((channels, len(walk.taps[0]), len(walk.taps[1]), n, *walk.out), x.dtype)
    for c, a, b, image, i, j in np.ndindex(*found.shape):
        y, z = i * walk.step[0] + walk.taps[0][a], j * walk.step[1] + walk.taps[1][b]
        if 0 <= y < height and 0 <= z < width:
            found[c, a, b, image, i, j] = x[image, c, y, z]
    return found.reshape(groups, -1, n * walk.out[0] * walk.out[1])


def some_walk(rng):
    """Taps that begin outside of the image or inside, equally far from each other; steps; places."""
    taps = tuple(
        tuple(int(t) for t in rng.integers(-3, 3) + rng.integers(1, 4) * np.arange(rng.integers(1, 4)))
        for _ in range(2)
    )
    step, out = (tuple(int(v) for v in rng.integers(1, most, 2)) for most in (4, 7))
    return Walk(taps, step, out)


def drawn(rng, shape, dtype, fmt="bfloat16"):
    """Numbers of a short format, a zero of each sign among them."""
    x = np.asarray(nf.round(rng.standard_normal(shape), fmt)).astype(dtype)
    x[rng.random(shape) < 0.1] = -0.0
    return x


def same(found, expected):
    return found.dtype == expected.dtype and found.tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize("acc", ACCUMULATORS, ids=str)
def test_against_the_whole_matrix(acc, monkeypatch):
    acc, rng, done = as_accumulator(acc), np.random.default_rng(7), 0
    for trial in range(12):
        monkeypatch.setattr(windows, "_SOME", (1, 150, 1 << 17)[trial % 3])
        monkeypatch.setattr(windows, "_K", (1, 20, 512)[trial % 3])
        monkeypatch.setattr(native_windows, "_SOME", (1, 500, 1 << 18)[trial % 3])
        monkeypatch.setattr(native_windows, "_PLACES", (1, 50, 512)[trial % 3])
        monkeypatch.setattr(windows, "_ALONE", (1 << 16, 16)[trial % 2])
        dtype, threads = (np.float32, np.float64)[trial // 3 % 2], (1, None)[trial % 2]
        n, groups, channels, m, height, width = (int(v) for v in rng.integers(1, (6, 4, 4, 9, 9, 9)))
        walk = some_walk(rng)
        k = channels * len(walk.taps[0]) * len(walk.taps[1])
        x, w = drawn(rng, (n, groups * channels, height, width), dtype), drawn(rng, (groups, m, k), dtype)
        c, dy = drawn(rng, (groups, m), dtype), drawn(rng, (n, groups * m, *walk.out), dtype)
        seen, plain = matrix(x, walk, groups), (None, None)
        for start in (None, np.abs(c)):
            y = window_product(w, x, start, walk, acc, plain, threads)
            given = None if start is None else start[:, :, np.newaxis]
            expected = nf.matmul(w, seen, acc, given).reshape(groups * m, n, *walk.out).transpose(1, 0, 2, 3)
            assert y is None or same(y, expected)
        dw = window_gradient(dy, x, walk, groups, acc, plain, threads)
        rows = dy.transpose(1, 0, 2, 3).reshape(groups, m, -1)
        assert dw is None or same(dw, nf.matmul(rows, seen.swapaxes(1, 2), acc).reshape(groups * m, k))
        done += (y is not None) + (dw is not None)
    assert done >= 12


@pytest.mark.parametrize("acc", ["float32", "float64"])
def test_whole_tiles_of_the_hardwares_own_sums(acc):
    """Channels and places that fill tiles and registers, and more of them; steps in both directions."""
    rng, dtype, acc = np.random.default_rng(5), np.dtype(acc), as_accumulator(acc)
    for channels, m, groups, size, step, out in (
        (16, 32, 1, (16, 16), (1, 1), (16, 16)), (9, 33, 2, (5, 35), (1, 1), (5, 35)),
        (17, 16, 1, (9, 8), (2, 2), (5, 4)), (4, 5, 3, (8, 20), (1, 3), (8, 7)), (8, 16, 1, (4, 4), (2, 1), (2, 4)),
    ):  # fmt: skip
        walk = Walk(((-1, 0, 1), (-1, 0, 1)), step, out)
        x = rng.standard_normal((5, groups * channels, *size)).astype(dtype)
        x[rng.random(x.shape) < 0.01] = np.inf
        w, dy = (rng.standard_normal(s).astype(dtype) for s in ((groups, m, 9 * channels), (5, groups * m, *out)))
        seen = matrix(x, walk, groups)
        expected = nf.matmul(w, seen, acc).reshape(groups * m, 5, *out).transpose(1, 0, 2, 3)
        assert np.array_equal(window_product(w, x, None, walk, acc, _NOT, 1), expected, equal_nan=True)
        rows = dy.transpose(1, 0, 2, 3).reshape(groups, m, -1)
        expected = nf.matmul(rows, seen.swapaxes(1, 2), acc).reshape(groups * m, -1)
        assert np.array_equal(window_gradient(dy, x, walk, groups, acc, _NOT, 2), expected, equal_nan=True)


def test_operands_are_rounded_on_the_way():
    rng, how = np.random.default_rng(3), rounder("bfloat16", "nearest_even", None, None)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 2, 5, 6), (1, 4, 12)))
    walk, acc = Walk(((-1, 0), (-1, 0, 1)), (1, 2), (5, 3)), as_accumulator("float32")
    dy = rng.standard_normal((3, 4, 5, 3)).astype(np.float32)
    for rounded in ((how, how), (None, how), (how, None)):
        a, b, d = (
            one if way is None else way.apply(one, 0)
            for way, one in zip((*rounded, rounded[0]), (w, x, dy), strict=True)
        )
        assert same(window_product(w, x, None, walk, acc, rounded, 1), window_product(a, b, None, walk, acc, _NOT, 1))
        assert same(window_gradient(dy, x, walk, 1, acc, rounded, 1), window_gradient(d, b, walk, 1, acc, _NOT, 1))


_NOT = (None, None)


def test_what_it_does_not_know_it_leaves():
    x, w, walk = np.full((1, 1, 2, 2), 2.0**100), np.full((1, 1, 1), 2.0**100), Walk(((0,), (0,)), (1, 1), (2, 2))
    for acc in (nf.Accumulator("bfloat16", rounding="stochastic"), "bfloat16"):  # draws; overflows in every tile
        assert window_product(w, x, None, walk, as_accumulator(acc), _NOT, 1) is None
    assert window_gradient(x, x, walk, 1, as_accumulator("bfloat16"), _NOT, 1) is None
    lost = np.full((1, 1, 2, 2), 1 + 2.0**-40)
    assert DOUBLE.digits < 2 * 41 and window_product(lost[0, :, :1, :1], lost, None, walk, as_accumulator(
        nf.Accumulator("float32", order="pairwise")), _NOT, 1) is None  # fmt: skip


def test_a_zero_has_its_sign():
    acc, walk = as_accumulator("bfloat16"), Walk(((0,), (0,)), (1, 1), (2, 2))
    x, w = np.full((3, 1, 2, 2), 2.0**-70, np.float32), np.full((1, 1, 1), -(2.0**-70), np.float32)
    y = window_product(w, x, None, walk, acc, _NOT, 1)  # -2^-140, below half the least number of bfloat16
    assert y is None or np.signbit(y).all()
