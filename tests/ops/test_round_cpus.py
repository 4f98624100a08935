"""CPUs that this one is not: with narrower registers and other blocks, the same bits. Each runs in a process of its own."""

import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, numpy as np, nfloat as nf
from nfloat.testing.probes import SPECIAL
rng = np.random.default_rng(0)
with np.errstate(all="ignore"):
    wide = np.concatenate([rng.standard_normal(500), np.ldexp(rng.standard_normal(500), rng.integers(-30, 30, 500)), SPECIAL, np.zeros(100)])
    single = wide.astype(np.float32)
digest = hashlib.sha256()
for fmt in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2fnuz", "binary8p3ue", "e4m10"):
    for mode in ("nearest_even", "toward_zero", "toward_negative", "nearest_away", "to_odd", "stochastic"):
        for x in (single, wide):
            for n in (20, 70, x.size):
                y = nf.round(x[:n], fmt, mode, seed=3)
                codes = nf.encode(x[:n], fmt, mode, seed=3)
                digest.update(np.where(np.isnan(y), 0, y).tobytes() + codes.tobytes() + np.nan_to_num(nf.decode(codes, fmt)).tobytes())
print(digest.hexdigest())
"""

#: Numba's CPU name and features: plain x86-64, AVX2
CPUS = {"x86-64": ("x86-64", "+sse2"), "avx2": ("haswell", "")}
if platform.machine().lower() not in ("x86_64", "amd64"):
    CPUS = {"generic": ("generic", "")}


def bits(**environment):
    """The digest of results under these settings."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env={**os.environ, "NFLOAT_QUIET": "1", **environment})
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize("cpu", CPUS)
def test_same_bits(cpu, tmp_path):
    name, features = CPUS[cpu]
    assert bits(NUMBA_CPU_NAME=name, NUMBA_CPU_FEATURES=features, NFLOAT_CACHE_DIR=str(tmp_path)) == bits()
