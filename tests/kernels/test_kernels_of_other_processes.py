"""Kernels that separate processes compiled, loaded into one: each must be its own, whatever it was compiled after.

Numba numbers the functions that it compiles from 1 in every process, and the linker takes two of one name for one.
"""

import subprocess
import sys

#: names of what has machine code of its own: kernels, and routines, which are not inlined
PROGRAM = """
import importlib, pkgutil
import nfloat.kernels
from nfloat.kernels import jit

routine = jit.routine
made = []
jit.routine = lambda function: made.append(f"{function.__module__}.{function.__qualname__}") or routine(function)
for found in pkgutil.walk_packages(nfloat.kernels.__path__, "nfloat.kernels."):
    importlib.import_module(found.name)
made += [f"{kernel.py_func.__module__}.{kernel.py_func.__qualname__}" for kernel, _ in jit.KERNELS.values()]
print(*made)
"""


def test_each_has_a_name_of_its_own():
    made = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout.split()
    assert len(made) > 100 and any("loops_of_" in name for name in made)
    assert sorted({name for name in made if made.count(name) > 1}) == []
