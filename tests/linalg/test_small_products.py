"""Small products go a short way: the same bits as the general one, for every shape, layout and start."""

import itertools
import math

import numpy as np
import pytest

import nfloat as nf
from nfloat.kernels.machine import HERE
from nfloat.linalg.accumulators import as_accumulator
from nfloat.linalg.gemm import small
from nfloat.linalg.gemm.dispatch import multiply, multiply_plainly
from nfloat.linalg.gemm.facts import Facts
from nfloat.linalg.gemm.small import small_product

ACCUMULATORS = ("float32", "float64", nf.Accumulator("float32", product="float32"))


@pytest.mark.parametrize("accumulator", ACCUMULATORS, ids=str)
@pytest.mark.parametrize("m, k, n", [(1, 1, 1), (1, 40, 33), (13, 7, 65), (32, 64, 10), (25, 90, 31), (97, 784, 70)])
def test_the_same_bits(accumulator, m, k, n):
    rng, acc = np.random.default_rng(m * n), as_accumulator(accumulator)
    dtype = np.dtype(acc.format.name)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    a[0, 0], b[-1, -1] = np.inf, np.nan
    for one in (a, np.asfortranarray(a)):
        for other in (b, np.asfortranarray(b)):
            for c in (None, rng.standard_normal(n).astype(dtype), rng.standard_normal((m, n)).astype(dtype)):
                out = np.empty((m, n), dtype)
                multiply(one, other, None if c is None else np.broadcast_to(c, (m, n)), out, acc, 0, 1)
                found = small_product(one, other, c, acc)
                assert found is not None
                assert np.array_equal(found, out, equal_nan=True)
                if m * k * n < 10_000:
                    multiply_plainly(one, other, None if c is None else np.broadcast_to(c, (m, n)), out, acc, 0)
                    assert np.array_equal(found, out, equal_nan=True)


@pytest.mark.parametrize("accumulator", ["float32", "float64"])
@pytest.mark.parametrize("m, k, n", [(5, 7, 9), (33, 20, 17)])
def test_operands_with_gaps(accumulator, m, k, n):
    """The CPU's own sums are one call, whose kernel packs operands of any strides."""
    rng, acc, out = np.random.default_rng(k), as_accumulator(accumulator), np.empty((m, n), accumulator)
    a, b = rng.standard_normal((m, k)).astype(accumulator), rng.standard_normal((k, n)).astype(accumulator)
    multiply(a, b, None, out, acc, 0, 1)
    backwards = np.ascontiguousarray(b[::-1, ::-1])[::-1, ::-1]
    for one in _layouts(a):
        for other in (*_layouts(b), backwards):
            assert np.array_equal(small_product(one, other, None, acc), out)


@pytest.mark.parametrize("accumulator", ["float32", "float64"])
@pytest.mark.parametrize("stack, m, k, n", [((1,), 1, 1, 1), ((3, 4), 5, 7, 9), ((2,), 33, 20, 17)])
def test_stacks_by_the_short_way(accumulator, stack, m, k, n):
    """In either order, and in neither."""
    rng, acc = np.random.default_rng(m * n), as_accumulator(accumulator)
    dtype = np.dtype(acc.format.name)
    a, b = rng.standard_normal((*stack, m, k)).astype(dtype), rng.standard_normal((*stack, k, n)).astype(dtype)
    a[..., 0, 0], b[..., -1, -1] = np.inf, np.nan
    expected = np.empty((*stack, m, n), dtype)
    for place in np.ndindex(stack):
        multiply(a[place], b[place], None, expected[place], acc, 0, 1)
    for one in _layouts(a):
        for other in _layouts(b):
            found = small_product(one, other, None, acc)
            assert found is not None
            assert np.array_equal(found, expected, equal_nan=True)


def _layouts(x):
    """The same numbers in C order, each matrix in Fortran's, each with gaps."""
    gaps = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    gaps[..., ::2] = x
    return x, np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2), gaps[..., ::2]


@pytest.mark.parametrize("accumulator", ["float64", "float32", "bfloat16"])
def test_operands_of_two_types(accumulator):
    """Float32 and float64 numbers, and sums that begin with either, have the short way of float64."""
    rng, acc = np.random.default_rng(3), as_accumulator(accumulator)
    kinds = (np.float32, np.float64)
    for one, other, third in itertools.product(kinds, kinds, (*kinds, None)):
        a, b = rng.standard_normal((9, 33)).astype(one), rng.standard_normal((17, 33)).astype(other).T
        c = None if third is None else rng.standard_normal(17).astype(third)
        single = acc.format.fits_float32 and np.float64 not in (one, other, third)
        out, whole = np.empty((9, 17), np.float32 if single else np.float64), np.broadcast_to(c, (9, 17))
        multiply_plainly(a, b, None if c is None else whole, out, acc, 0)
        found = small_product(a, b, c, acc)
        if found is None:  # nothing does float32 sums of float64 products in lanes
            assert not HERE.fma, (one, other, third)
        else:
            assert found.dtype == out.dtype and np.array_equal(found, out), (one, other, third)


CONDITIONAL = (
    "bfloat16", nf.Accumulator("bfloat16", product="bfloat16"), nf.Accumulator("float8_e5m2", order="kahan"),
    nf.Accumulator("tfloat32", order="pairwise"), nf.Accumulator("e8m13", rounding="toward_negative"),
    nf.Accumulator("bfloat16", order="blocked", block=16, promote="float32"),
)  # fmt: skip


@pytest.mark.parametrize("accumulator", CONDITIONAL, ids=str)
@pytest.mark.parametrize("scale", [1.0, 2.0**-70, 2.0**63], ids=["common", "tiny", "near overflow"])
def test_kernels_that_ask_something_of_the_operands(accumulator, scale):
    """They do it, or leave it to the general way."""
    rng, acc, found = np.random.default_rng(7), as_accumulator(accumulator), []
    for m, k, n in ((1, 40, 33), (32, 64, 10), (25, 90, 31)):
        a, b = (nf.round(rng.standard_normal(shape) * scale, "bfloat16").astype("f4") for shape in ((m, k), (n, k)))
        a[0, 0] = 0.0 if scale == 1.0 else np.inf
        for c in (None, nf.round(rng.standard_normal(n), "bfloat16").astype("f4")):
            out = np.empty((m, n), np.float32)
            multiply(a, b.T, None if c is None else np.broadcast_to(c, (m, n)), out, acc, 0, 1)
            found.append(small_product(a, b.T, c, acc))
            assert found[-1] is None or np.array_equal(found[-1], out, equal_nan=True)
            assert found[-1] is None or found[-1].dtype == out.dtype
    assert accumulator != "bfloat16" or scale != 1.0 or all(one is not None for one in found)


def test_numbers_that_lie_too_far_apart_for_a_lane():
    """2^-48 + 385 lies above the middle of 384 and 386; a lane of 53 bits would round it to the middle."""
    a, b = np.array([[2.0**-48, 5.0]], np.float32), np.array([[1.0], [77.0]], np.float32)
    assert nf.matmul(a, b, "bfloat16") == 386.0
    assert small_product(a, b, None, as_accumulator("bfloat16")) == 386.0


def test_a_decision_is_kept_for_numbers_of_a_binade():
    """It is right for the greatest of them, whichever came first."""
    acc, limit = as_accumulator("float16"), 65504.0
    for tops in ((1.0, 1.99), (1.99, 1.0)):
        small._way.cache_clear()
        for top in tops:
            a, b = np.full((3, 5), top, np.float32), np.full((5, 4), limit / 8, np.float32)
            a, b = np.asarray(nf.round(a, "float16")), np.asarray(nf.round(b, "float16"))
            out = np.empty((3, 4), np.float32)
            multiply(a, b, None, out, acc, 0, 1)
            assert np.array_equal(small_product(a, b, None, acc), out)
    for x in (1.0, 1.5, np.nextafter(2.0, 0.0), 2.0**-149, 3.4e38, 2.0**1023):
        assert math.frexp(Facts(8, 0, float(x), 1, 0).in_its_binade().top) == (1.0 - 2.0**-53, math.frexp(x)[1])
    assert Facts(0, 1e6, 0.0, 1, 0).in_its_binade().top == 0.0


WIDE = ("float32", "bfloat16", "float16", "tfloat32", nf.Accumulator("float32", order="kahan"),
        nf.Accumulator("float32", rounding="toward_zero"), nf.Accumulator("bfloat16", product="bfloat16"),
        nf.Accumulator("float32", order="blocked", block=4))  # fmt: skip


@pytest.mark.parametrize("accumulator", WIDE, ids=str)
def test_float64_operands_are_not_asked_whether_float32_holds_them(accumulator):
    acc, taken = as_accumulator(accumulator), 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        m, k, n = rng.integers(1, 20, 3)
        spread, shift = rng.choice([0, 3, 40]), rng.choice([0, -140, -300, 100])
        a, b = (
            np.ldexp(rng.standard_normal(shape), rng.integers(-spread, spread + 1, shape) + shift // 2)
            for shape in ((m, k), (k, n))
        )
        if seed % 3 == 0:
            a, b = a.astype(np.float32).astype(np.float64), b.astype(np.float32).astype(np.float64)
        if seed % 7 == 0:
            a[0, 0], b[-1, -1] = np.inf, np.nan
        c = None if seed % 2 else np.asarray(nf.round(rng.standard_normal((m, n)), acc.format), np.float64)
        found = small_product(a, b, c, acc)
        for expected, general in ((np.empty((m, n)), multiply), (np.empty((m, n)), multiply_plainly)):
            general(a, b, c, expected, acc, 0, *([1] if general is multiply else []))
            if found is not None:
                assert found.dtype == np.float64 and np.array_equal(found, expected, equal_nan=True)
                assert np.array_equal(np.signbit(found[found == 0]), np.signbit(expected[found == 0]))
                taken += 1
    assert taken >= (24 if HERE.fma else 12) or acc.block


def test_what_goes_the_general_way():
    a, b = np.ones((4, 4), np.float32), np.ones((4, 4), np.float32)
    general = [
        (a, b, None, nf.Accumulator("bfloat16", rounding="stochastic")), (a, b.astype(">f8"), None, "float32"),
        (a[:, ::2], b[:2], None, "bfloat16"), (np.ones((300, 30)), np.ones((30, 40)), None, "float32"),
        (a, b[:3], None, "float32"), (a, b, np.ones((2, 4), np.float32), "float32"), (a[:0], b, None, "float32"),
        (np.ones((800, 400), np.float32), np.ones((400, 400), np.float32), None, "float32"),
        (np.ones((600, 200), np.float32), np.ones((200, 200), np.float32), None, "bfloat16"),
        (np.ones((2, 4, 4), np.float32), b, None, "float32"), (a, np.ones((2, 4, 4), np.float32), None, "float32"),
        (np.ones((2, 4, 4), np.float32), np.ones((2, 4, 4), np.float32), a, "float32"),
        (np.ones((2, 4, 4), np.float32), np.ones((1, 4, 4), np.float32), None, "float32"),
        (np.ones((2, 4, 4), np.float32), np.ones((2, 4, 4), np.float32), None, "bfloat16"),
    ]  # fmt: skip
    assert all(small_product(x, y, c, as_accumulator(acc)) is None for x, y, c, acc in general)


STACKED = (
    "bfloat16", "float16", "float32", nf.Accumulator("bfloat16", rounding="toward_zero"),
    nf.Accumulator("bfloat16", order="kahan"), nf.Accumulator("bfloat16", rounding="stochastic"),
    nf.Accumulator("bfloat16", product="bfloat16"),
)  # fmt: skip


@pytest.mark.parametrize("accumulator", STACKED, ids=str)
def test_a_stack_has_the_bits_of_its_matrices(accumulator):
    """One kernel for all of them, and another for those that it leaves: an overflow, a zero that may lack its sign."""
    rng, acc = np.random.default_rng(5), as_accumulator(accumulator)
    for scale in (1.0, 2.0**-70, 2.0**63):
        a, b = (
            np.asarray(nf.round(rng.standard_normal(s), "bfloat16"), np.float32) for s in ((3, 5, 7, 9), (5, 9, 20))
        )
        a, b = a * np.float32(scale), b * np.float32(scale)
        a[1, 2, 3] = -b[2, :, 4]  # among small numbers, and great ones, sums of squares
        c = np.asarray(nf.round(rng.standard_normal((1, 5, 1, 20)), "bfloat16"), np.float32)
        for start in (None, c):
            for one, other in ((a, b), (np.ascontiguousarray(a.swapaxes(2, 3)).swapaxes(2, 3), b)):
                found = nf.matmul(one, other, acc, start, seed=3, threads=1)
                assert found.tobytes() == nf.matmul(one, other, acc, start, seed=3, threads=2).tobytes()
                for i, j in np.ndindex(3, 5):
                    if acc.stochastic and (i, j) != (0, 0):
                        continue  # others draw words of their own
                    alone = nf.matmul(one[i, j], other[j], acc, None if start is None else start[0, j], seed=3)
                    assert found[i, j].tobytes() == alone.tobytes()


def test_a_zero_of_a_stack_has_its_sign():
    x = np.full((3, 2, 2), 2.0**-70, np.float32)  # -2^-139, below half the least number of bfloat16
    assert np.signbit(nf.matmul(x, -x, "bfloat16")).all()


def test_a_plan_alone_compiles_nothing(monkeypatch):
    """A first product compiles the kernel that does it, not every one that might have."""

    def compiled(kernel, index=0):
        raise AssertionError(f"{kernel} is compiled for a plan")

    monkeypatch.setattr(small, "entry_point", compiled)
    assert len(small.plans_of.__wrapped__(nf.Accumulator("bfloat16"), (4, 4), (4, 4), 4)) > 1
