"""Kernels that separate processes compiled, loaded into one: each must be its own, whatever it was compiled after.

Numba numbers the functions that it compiles from 1 in every process, and the linker takes two of one name for one.
"""

import os
import shutil
import subprocess
import sys

import pytest

from nfloat.kernels import jit
from nfloat.kernels.gemm.roundings import HAS_DIRECTED

#: float64 operands: the tiled kernels of one signature
PRODUCTS = {
    "narrow64" if HAS_DIRECTED else "direct64": "nf.Accumulator('e8m13')",
    "general64_other": "nf.Accumulator('e8m13', order='pairwise', rounding='toward_positive')",
}
PROGRAM = """
import sys, numpy as np, nfloat as nf
from nfloat.linalg.gemm import dispatch
rng = np.random.default_rng(0)
a, b = (rng.integers(1, 16, shape) / 16 for shape in ((4, 16), (16, 4)))
for name, accumulator in {products!r}.items():
    if name in sys.argv[1:]:
        out = np.empty((4, 4))
        assert dispatch.multiply(a, b, None, out, eval(accumulator), 0, 1) == [name]
        print(name, out.tobytes().hex())
"""


def printed(cache, *names):
    environment = {**os.environ, "NFLOAT_CACHE_DIR": str(cache), "NFLOAT_QUIET": "1"}
    program = [sys.executable, "-c", PROGRAM.format(products=PRODUCTS), *names]
    return subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture
def cache(tmp_path):
    """A cache of one's own, with what all products take but the two kernels, where that is there already."""
    if jit.CACHE_DIR is not None:
        compiled_here = shutil.ignore_patterns(*(f"*.{name}-*" for name in PRODUCTS))
        shutil.copytree(jit.CACHE_DIR, tmp_path / jit.CACHE_DIR.name, ignore=compiled_here)
    return tmp_path


def test_each_is_its_own(cache):
    alone = [line for name in PRODUCTS for line in printed(cache, name)]
    assert printed(cache, *PRODUCTS) == alone
