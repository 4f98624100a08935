"""A copy of the package that may be edited, and a process that computes one number in it with a cache of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nfloat

PACKAGE = Path(nfloat.__file__).parent
ASK = "import numpy as np, nfloat as nf; print(float(nf.round(1 + 2**-11 + 2**-30, 'dlfloat16', 'toward_positive')))"
ONE_UP, ONE_DOWN = 1 + 2.0**-9, 1.0
#: a kernel that is compiled at once, in a file, as every kernel is
LEAST = """
from nfloat.kernels.jit import kernel

@kernel("float64(float64)")
def doubled(x):
    return x + x

print(doubled(2.0))
"""


def copied(target):
    """What importing and rounding needs of the package, in a new folder."""
    target.mkdir()
    for part in ("__init__.py", "errors.py", "streams.py", "formats", "kernels", "ops"):
        source = PACKAGE / part
        if source.is_dir():
            shutil.copytree(source, target / "nfloat" / part)  # with __pycache__, which is told by times and sizes
        else:
            (target / "nfloat").mkdir(exist_ok=True)
            shutil.copy(source, target / "nfloat" / part)
    return target


def least(folder):
    """The command that calls that kernel."""
    (folder / "least.py").write_text(LEAST)
    return sys.executable, str(folder / "least.py")


def run(house, cache, command=ASK, **variables):
    outside = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "NFLOAT_QUIET")}
    env = {
        **outside,
        "NFLOAT_CACHE_DIR": str(cache),
        "PYTHONPATH": str(house),
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    command = (sys.executable, "-c", command) if isinstance(command, str) else command
    done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=house)
    assert done.returncode == 0, done.stderr
    return done
