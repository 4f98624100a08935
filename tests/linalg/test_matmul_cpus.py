"""CPUs that this one is not: with other features, other tiles and instructions, the same bits."""

import pytest
from other_cpus import CPUS, printed

PROGRAM = """
import hashlib, numpy as np, nfloat as nf
rng = np.random.default_rng(0)
digest = hashlib.sha256()
for fmt, order, product, mode in (
    ("float32", "sequential", None, "nearest_even"),
    ("bfloat16", "sequential", "bfloat16", "nearest_even"),
    ("float16", "sequential", None, "nearest_even"),
    ("float16", "sequential", "float16", "nearest_even"),
    ("bfloat16", "sequential", None, "stochastic"),
    ("float16", "pairwise", None, "nearest_even"),
    ("bfloat16", "kahan", None, "nearest_even"),
    ("float16", "sequential", None, "toward_zero"),
    ("float16", "kahan", "float16", "stochastic"),
):
    operands = "float16" if fmt == "float16" else "bfloat16"
    a, b = (nf.round(rng.standard_normal(shape).astype(np.float32), operands) for shape in ((25, 60), (60, 67)))
    digest.update(nf.matmul(a, b, nf.Accumulator(fmt, product, mode, order), seed=1).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("cpu", CPUS)
def test_same_bits(cpu, tmp_path):
    assert printed(PROGRAM, tmp_path, cpu) == printed(PROGRAM, tmp_path)
