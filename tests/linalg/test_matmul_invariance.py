"""Batch invariance: bits depend on a row, a column, c, the accumulator and the seed, and on nothing else."""

import numpy as np
import pytest
from equal_bits import same_bits
from every_mode import MODES, stated
from every_order import ORDERS, counted

import nfloat as nf

pytestmark = pytest.mark.usefixtures("threads_for_little_work")
ACCUMULATORS = [
    nf.Accumulator("float32"),
    nf.Accumulator("float16", product="float16"),
    nf.Accumulator("float16", order="exact"),
    *(nf.Accumulator("bfloat16", order=order, **counted(order, 9)) for order in ORDERS),
    nf.Accumulator("bfloat16", order="blocked", block=9, promote="float32"),
    *(nf.Accumulator("bfloat16", rounding=mode, **stated(mode, 12)) for mode in MODES[1:]),
    nf.Accumulator("float16", rounding="toward_zero"),
    nf.Accumulator("bfloat16", product="bfloat16", rounding="stochastic"),
    nf.Accumulator("float16", rounding="stochastic_a", random_bits=12, order="kahan"),
    nf.Accumulator("dlfloat16"),
]
M, K, N = 29, 37, 71


@pytest.fixture(scope="module")
def operands():
    rng = np.random.default_rng(0)
    shapes = ((M, K), (K, N), (M, N))
    return tuple(nf.round(rng.standard_normal(shape).astype(np.float32), "bfloat16") for shape in shapes)


@pytest.mark.sampled(10)
@pytest.mark.parametrize("acc", ACCUMULATORS, ids=str)
def test_threads(acc, operands):
    a, b, _ = operands
    one = nf.matmul(np.tile(a, (8, 1)), b, acc, seed=5, threads=1)
    for threads in (2, 3, 7, None):
        assert same_bits(nf.matmul(np.tile(a, (8, 1)), b, acc, seed=5, threads=threads), one).all()


@pytest.mark.sampled(10)
@pytest.mark.parametrize("acc", ACCUMULATORS, ids=str)
def test_a_row_alone_and_a_column_alone(acc, operands):
    a, b, c = operands
    whole = nf.matmul(a, b, acc, c, seed=5)
    if not acc.stochastic:
        for i in (0, 11, M - 1):
            assert same_bits(nf.matmul(a[i : i + 1], b, acc, c[i : i + 1]), whole[i : i + 1]).all()
            assert same_bits(nf.matmul(a[i], b, acc, c[i]), whole[i]).all()
        for j in (0, 40, N - 1):
            assert same_bits(nf.matmul(a, b[:, j], acc, c[:, j]), whole[:, j]).all()
    # row i has the bits of row index i, whatever else is there
    assert same_bits(nf.matmul(a[:5], b[:, :3], acc, c[:5, :3], seed=5), whole[:5, :3]).all()
    assert same_bits(
        nf.matmul(np.vstack([a, a]), np.hstack([b, b]), acc, np.tile(c, (2, 2)), seed=5)[:M, :N], whole
    ).all()


@pytest.mark.sampled(10)
@pytest.mark.parametrize("acc", ACCUMULATORS, ids=str)
def test_memory_layout_and_carrier(acc, operands):
    a, b, c = operands
    whole = nf.matmul(a, b, acc, c, seed=5)
    layouts = (
        np.asfortranarray,
        lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
        lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
        lambda x: x.astype(x.dtype.newbyteorder()),
        lambda x: np.broadcast_to(x, x.shape),
        lambda x: x.tolist(),
    )
    for first in layouts:
        for second in layouts:
            assert same_bits(nf.matmul(first(a), second(b), acc, first(c), seed=5), whole).all()
    wide = nf.matmul(a.astype(np.float64), b, acc, c, seed=5)
    assert same_bits(wide, whole).all() and wide.dtype == np.float64 and whole.dtype == np.float32


def test_stacks(operands):
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((3, 1, 5, 7)), rng.standard_normal((2, 7, 4))
    for acc in (nf.Accumulator("float16"), nf.Accumulator("float16", rounding="stochastic")):
        stack = nf.matmul(a, b, acc, seed=9)
        assert stack.shape == (3, 2, 5, 4)
        assert same_bits(stack[0, 0], nf.matmul(a[0, 0], b[0], acc, seed=9)).all()  # one matrix is a stack of one
        if not acc.stochastic:
            for i, j in np.ndindex(3, 2):
                assert same_bits(stack[i, j], nf.matmul(a[i, 0], b[j], acc)).all()
    ones = np.ones((4, 16, 16)) / 3
    noisy = nf.matmul(ones, ones, nf.Accumulator("float16", rounding="stochastic"), seed=9)
    assert not (noisy[0] == noisy[1]).all()


def test_seeds_and_streams():
    a = np.full((20, 30), 1 / 3)
    acc = nf.Accumulator("bfloat16", rounding="stochastic")
    one = nf.matmul(a, a.T, acc, seed=1)
    assert same_bits(one, nf.matmul(a, a.T, acc, seed=nf.Stream(1))).all()
    assert not same_bits(one, nf.matmul(a, a.T, acc, seed=2)).all()
    assert not same_bits(one, nf.matmul(a, a.T, acc, seed=nf.Stream(1).child("x"))).all()


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 0, 1), (0, 3, 2), (3, 3, 0), (2, 0, 3), (13, 1, 1), (1, 1, 33), (12, 300, 32), (49, 8, 97)]
)
def test_any_shape(shape):
    m, k, n = shape
    rng = np.random.default_rng(2)
    a, b = nf.round(rng.standard_normal((m, k)), "float16"), nf.round(rng.standard_normal((k, n)), "float16")
    in_orders = (nf.Accumulator("float16", order=order, **counted(order, 2)) for order in ORDERS)
    for acc in (nf.Accumulator("float32"), *in_orders):
        got = nf.matmul(a, b, acc)
        assert got.shape == (m, n)
        if m and n and k:
            i, j = rng.integers(m), rng.integers(n)
            assert got[i, j] == nf.matmul(a[i], b[:, j], acc)
        else:
            assert (got == 0).all()


def test_no_terms_leave_c_rounded():
    a, b = np.zeros((2, 0)), np.zeros((0, 3))
    assert (nf.matmul(a, b, "float16", c=1 + 2.0**-12) == 1.0).all()
    acc = nf.Accumulator("float16", rounding="toward_positive")
    assert (nf.matmul(a, b, acc, c=[1 + 2.0**-12] * 3) == 1 + 2.0**-10).all()
