"""A copy of the package that may be edited, and a process that calls a small kernel in it with a cache of its own."""

import os
import shutil
from pathlib import Path

import forked

import nfloat

PACKAGE = Path(nfloat.__file__).parent
#: whether a number between two goes up to the next: a kernel, in a file, and what decides it in a file of the package
ASKED = """
import numpy as np

from nfloat.formats.names import get_format
from nfloat.formats.rounding import Rounding
from nfloat.formats.spec import rounding_spec
from nfloat.kernels.jit import kernel
from nfloat.kernels.rounding.scalar import load_spec, rounds_up

@kernel("boolean(float64[::1])")
def goes_up(constants):
    return rounds_up(1, 1, 2, False, True, load_spec(constants), np.uint64(0))

print(goes_up(rounding_spec(get_format("dlfloat16"), Rounding.TOWARD_POSITIVE)))
"""
ASK = "import asked"
UP, DOWN = "True\n", "False\n"
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
    (target / "asked.py").write_text(ASKED)
    return target


def least(folder):
    """A file that calls that kernel."""
    (folder / "least.py").write_text(LEAST)
    return folder / "least.py"


def running(file):
    """The program that runs a file."""
    return f"import runpy; runpy.run_path({str(file)!r})"


def environment_of(house, cache, **variables):
    """What a process finds in its environment that is to import the copy."""
    outside = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "NFLOAT_QUIET")}
    own = {"NFLOAT_CACHE_DIR": str(cache), "PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**outside, **own, **variables}


def run(house, cache, program=ASK, **variables):
    """What a process said in which a program ran."""
    done = forked.run(program, environment_of(house, cache, **variables), house)
    assert done.returncode == 0, done.stderr
    return done
