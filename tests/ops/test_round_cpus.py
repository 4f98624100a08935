"""CPUs that this one is not: with narrower registers and other blocks, the same bits.

Every case compiles its kernels for such a CPU, so few are taken at a time.
"""

import pytest
from other_cpus import CPUS, printed, printed_here

FORMATS = (
    "float16", "bfloat16", "flushed", "float8_e4m3fn", "float8_e5m2fnuz", "binary8p3ue", "e4m10", "tfloat32", "e11m20",
    "int8", "binary8p1sf",
)  # fmt: skip
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
digest, fmt = hashlib.sha256(), {fmt!r}
fmt = nf.bfloat16.replace(name="flushed", subnormals="flush") if fmt == "flushed" else fmt
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
@pytest.mark.sampled(2)
@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("cpu", [cpu for cpu in CPUS if cpu != "no half arithmetic"])
def test_same_bits(cpu, fmt):
    program = PROGRAM.format(fmt=fmt)
    assert printed(program, cpu) == printed_here(program)
