"""CPUs that this one is not: with narrower registers and other blocks, the same bits."""

import pytest
from other_cpus import CPUS, printed

PROGRAM = """
import hashlib, numpy as np, nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.testing.probes import SPECIAL
rng = np.random.default_rng(0)
with np.errstate(all="ignore"):
    near = rng.standard_normal(500)
    spread = np.ldexp(rng.standard_normal(500), rng.integers(-30, 30, 500))
    wide = np.concatenate([near, spread, SPECIAL, np.zeros(100)])
    single = wide.astype(np.float32)
digest = hashlib.sha256()
flushed = nf.bfloat16.replace(name="flushed", subnormals="flush")
names = "float16 bfloat16 float8_e4m3fn float8_e5m2fnuz binary8p3ue e4m10 tfloat32 e11m20 int8 binary8p1sf"
for fmt in (*names.split(), flushed):
    for mode in Rounding:
        bits = 9 if mode.needs_random_bits else None
        for x in (single, wide):
            x = x[~np.isnan(x)] if fmt == "int8" else x
            for n in (20, 70, x.size):
                y = nf.round(x[:n], fmt, mode, seed=3, random_bits=bits)
                codes = nf.encode(x[:n], fmt, mode, seed=3, random_bits=bits)
                decoded = np.nan_to_num(nf.decode(codes, fmt))
                digest.update(np.where(np.isnan(y), 0, y).tobytes() + codes.tobytes() + decoded.tobytes())
print(digest.hexdigest())
"""


# rounding takes no half arithmetic; bench/same_bits.py compares all settings
@pytest.mark.parametrize("cpu", [cpu for cpu in CPUS if cpu != "no half arithmetic"])
def test_same_bits(cpu):
    assert printed(PROGRAM, cpu) == printed(PROGRAM)
