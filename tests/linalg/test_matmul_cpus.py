"""CPUs that this one is not: with other features, other tiles and instructions, the same bits. Each runs in a process of its own."""

import os
import platform
import subprocess
import sys

import pytest

from nfloat.kernels.jit import cpu_features

PROGRAM = """
import hashlib, numpy as np, nfloat as nf
rng = np.random.default_rng(0)
digest = hashlib.sha256()
for fmt, order, product, mode in (
    ("float32", "sequential", None, "nearest_even"), ("bfloat16", "sequential", "bfloat16", "nearest_even"), ("float16", "sequential", None, "nearest_even"),
    ("float16", "sequential", "float16", "nearest_even"), ("bfloat16", "sequential", None, "stochastic"), ("float16", "pairwise", None, "nearest_even"),
    ("bfloat16", "kahan", None, "nearest_even"), ("float16", "sequential", None, "toward_zero"), ("float16", "kahan", "float16", "stochastic"),
):
    a, b = (nf.round(rng.standard_normal(shape).astype(np.float32), "float16" if fmt == "float16" else "bfloat16") for shape in ((25, 60), (60, 67)))
    digest.update(nf.matmul(a, b, nf.Accumulator(fmt, product, mode, order), seed=1).tobytes())
print(digest.hexdigest())
"""

HERE = cpu_features().partition(" ")[2]
AVX2 = "+avx,+avx2,+bmi,+bmi2,+cx16,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3"

#: Numba's CPU name and features: plain x86-64 (no FMA, no AVX, no F16C), AVX2, this CPU without its half arithmetic
CPUS = {"x86-64": ("x86-64", "+sse2"), "avx2": ("haswell", AVX2)}
if platform.machine().lower() not in ("x86_64", "amd64"):
    CPUS = {"generic": ("generic", "")}
elif "+avx512fp16" in HERE:
    CPUS["no half arithmetic"] = ("skylake-avx512", HERE.replace("+avx512fp16", "-avx512fp16"))


def bits(**environment):
    """The digest of results under these settings."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env={**os.environ, "NFLOAT_QUIET": "1", **environment})
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize("cpu", CPUS)
def test_same_bits(cpu, tmp_path):
    name, features = CPUS[cpu]
    assert bits(NUMBA_CPU_NAME=name, NUMBA_CPU_FEATURES=features, NFLOAT_CACHE_DIR=str(tmp_path)) == bits()
