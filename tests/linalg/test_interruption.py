"""Ctrl-C in a long product: no thread begins another piece of work, and the process is there again within a second."""

import numpy as np
from interrupted import seconds_after_ctrl_c

import nfloat as nf
from nfloat.ops import threads

#: long work, in one thread and in two, by rows, in one row and in one sum
LONG = {
    "plain rows": "nf.matmul(np.ones((4000, 400)), np.ones((400, 4000)), acc, seed=1, threads=1)",
    "plain rows in threads": "nf.matmul(np.ones((4000, 400)), np.ones((400, 4000)), acc, seed=1, threads=2)",
    "one plain row": "nf.matmul(np.ones((1, 400)), np.ones((400, 400_000)), acc, seed=1)",
    "one sum": "nf.dot(long, long, acc, seed=1)",
    "one running sum": "nf.cumsum(long, acc, seed=1)",
    "running sums": "nf.cumsum(np.ones((400_000, 400)), acc, axis=1, seed=1)",
    "tiles": "any(nf.matmul(big, big, 'bfloat16') is None for _ in range(10**6))",
}


SETUP = """
acc = nf.Accumulator("e10m48", order="kahan", rounding="stochastic_c", random_bits=40)
big, long = np.ones((600, 600), np.float32), np.ones(40_000_000)
nf.matmul(np.ones((2, 3)), np.ones((3, 2)), acc, seed=1), nf.cumsum(np.ones(3), acc, seed=1)
nf.matmul(big[:64], big[:, :64], "bfloat16")
"""


def test_ctrl_c_ends_it_within_a_second():
    ended = seconds_after_ctrl_c(LONG, SETUP)
    assert list(ended) == list(LONG)
    # two threads for a second on a quiet machine: bench/ shows it
    assert {name: seconds for name, seconds in ended.items() if seconds > 5} == {}


def test_pieces_give_the_same_bits(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((7, 20)), rng.standard_normal((20, 9))
    acc = nf.Accumulator("e10m48", order="kahan", rounding="stochastic_c", random_bits=40)

    def results():
        unit = nf.matmul(a, b, "nvidia.hopper.mma.f16.f32", inputs="float16")
        sums = nf.matmul(a, b, acc, seed=3), nf.matmul(a, b, "bfloat16"), nf.cumsum(a, acc, axis=1, seed=3)
        return (unit, *sums)

    want = results()
    for piece in (1, threads.SLOWEST * 20 * 2, threads.SLOWEST * 20 * 9 * 3):
        monkeypatch.setattr(threads, "PIECE", piece)
        monkeypatch.setattr("nfloat.linalg.gemm.dispatch.PIECE", piece)
        assert all(np.array_equal(x, y) for x, y in zip(results(), want, strict=True))
