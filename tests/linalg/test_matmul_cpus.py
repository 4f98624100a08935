"""CPUs that this one is not: with other features, other tiles and instructions, the same bits.

Every case compiles its kernels for such a CPU, so few are taken at a time.
"""

import pytest
from other_cpus import CPUS, printed, printed_here

#: sums without FMA or wide registers take other ways in every one of these
ANYWHERE = (
    ("float32", "sequential", None, "nearest_even"),
    ("bfloat16", "sequential", "bfloat16", "nearest_even"),
    ("float16", "sequential", None, "nearest_even"),
    ("float16", "sequential", "float16", "nearest_even"),
    ("bfloat16", "sequential", None, "stochastic"),
    ("float16", "pairwise", None, "nearest_even"),
    ("bfloat16", "kahan", None, "nearest_even"),
    ("float16", "sequential", None, "toward_zero"),
    ("float16", "kahan", "float16", "stochastic"),
    ("float16", "sequential", None, "nearest_away"),
    ("float16", "pairwise", "float16", "stochastic"),
    ("e6m9", "blocked", None, "nearest_even"),
    ("float8_e5m2", "sequential", None, "nearest_even"),
)
#: without its half arithmetic this CPU does these by other kernels, and has compiled the other ones for other formats
HALVES = tuple(case for case in ANYWHERE if case[0] in ("float16", "float8_e5m2") and case[1:] == ANYWHERE[0][1:])
CASES = [(cpu, *case) for cpu in CPUS for case in (HALVES if cpu == "no half arithmetic" else ANYWHERE)]
PROGRAM = """
import hashlib, numpy as np, nfloat as nf
fmt, order, product, mode = {case}
rng, digest = np.random.default_rng(0), hashlib.sha256()
operands = fmt if fmt in ("float16", "float8_e5m2", "e6m9") else "bfloat16"
a, b = (nf.round(rng.standard_normal(shape).astype(np.float32), operands) for shape in ((25, 60), (60, 67)))
acc = nf.Accumulator(fmt, product, mode, order, block=9 if order == "blocked" else None)
digest.update(nf.matmul(a, b, acc, seed=1).tobytes())
a[8:12] = np.ldexp(a[8:12], -60) if fmt == "bfloat16" else a[8:12]  # some tiles whose numbers lie far apart
a[8:12, ::7] = np.abs(a[20:24, ::7])
digest.update(nf.matmul(a, b, acc, seed=2).tobytes())
a, b = np.float32([[2.0**-48, 5.0]]), np.float32([[1.0], [77.0]])  # a tie of bfloat16, but for the lane's last bit
digest.update(nf.matmul(a, b, acc, seed=3).tobytes())
a, b = np.float32([[1.0, 2.0**-20, 160.0]] * 25), np.float32([[1.0] * 67] * 2 + [[77.0] * 67])  # ties but for a loss
digest.update(nf.matmul(a, b, acc, seed=4).tobytes())
print(digest.hexdigest())
"""
#: a product that rounds toward zero by the CPU's register where there is no better way, and Ctrl-C in the middle of it
INTERRUPTED = """
import signal, numpy as np, nfloat as nf
def tenth(): return float("1") / float("10")  # rounded up; toward zero it is another number
acc, x = nf.Accumulator("bfloat16", rounding="stochastic"), np.ones((700, 700), np.float32)
nf.matmul(x[:9], x[:, :9], acc, seed=1)
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    while True:
        nf.matmul(x, x, acc, seed=1, threads=1)
except KeyboardInterrupt:
    print(tenth() == 0.1, (np.ones(9) / 10 == 0.1).all())
"""


@pytest.mark.sampled(2)
@pytest.mark.parametrize("cpu, fmt, order, product, mode", CASES)
def test_same_bits(cpu, fmt, order, product, mode):
    program = PROGRAM.format(case=(fmt, order, product, mode))
    assert printed(program, cpu) == printed_here(program)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("cpu", [cpu for cpu in CPUS if cpu != "no half arithmetic"])
def test_ctrl_c_leaves_the_rounding_mode_as_it_was(cpu):
    assert printed(INTERRUPTED, cpu) == "True True\n"
