"""CPUs that this one is not: with other features, other tiles and instructions, the same bits."""

import pytest
from other_cpus import CPUS, printed

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
)
#: without its half arithmetic this CPU does these alone by other kernels
HALVES = tuple(case for case in ANYWHERE if case[0] == "float16" and case[1:] != ("kahan", "float16", "stochastic"))
PROGRAM = """
import hashlib, numpy as np, nfloat as nf
for fmt, order, product, mode in {cases}:
    rng, digest = np.random.default_rng(0), hashlib.sha256()
    operands = "float16" if fmt == "float16" else "bfloat16"
    a, b = (nf.round(rng.standard_normal(shape).astype(np.float32), operands) for shape in ((25, 60), (60, 67)))
    digest.update(nf.matmul(a, b, nf.Accumulator(fmt, product, mode, order), seed=1).tobytes())
    print(fmt, order, product, mode, digest.hexdigest())
"""


@pytest.mark.parametrize("cpu", CPUS)
def test_same_bits(cpu):
    program = PROGRAM.format(cases=HALVES if cpu == "no half arithmetic" else ANYWHERE)
    assert printed(program, cpu) == printed(program)
