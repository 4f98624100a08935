"""What device functions are compiled for."""

import numba
import numpy as np
import pytest
from other_cpus import printed

from nfloat.kernels.bits import greater, lesser
from nfloat.kernels.jit import device


@device
def _more(x, y):
    return x + y


@numba.njit
def _called(x):
    return _more(x, 1) + _more(x, 2) + _more(3, x)


def test_a_constant_is_no_type_of_its_own():
    assert _called(4) == 5 + 6 + 7
    assert len(_more.signatures) == 1


@numba.njit
def _both(x, y):
    return lesser(x, y), greater(x, y), lesser(x, 3), greater(x, 3)


def test_the_lesser_and_the_greater_are_pythons():
    for x, y in ((1, 2), (-5, 3), (7, 7), (2**63 - 1, -(2**63)), (-1.5, 2.0), (0.5, -7), (3.0, np.inf)):
        assert _both(x, y) == (min(x, y), max(x, y), min(x, 3), max(x, 3))
    for kind in (np.int32, np.uint64, np.float32):
        assert _both(kind(1), kind(2))[:2] == (1, 2) and _both(kind(2), kind(1))[:2] == (1, 2)
    assert _both(np.uint64(2**63), np.uint64(1))[:2] == (1, 2**63)


@device
def _gives_back(x):
    return x


@numba.njit
def _given_back(x):
    return _gives_back(x).sum()


def test_what_makes_no_array_gives_none_back():
    """It does not count who holds one, and a caller that does would free it."""
    with pytest.raises(TypeError, match="_gives_back gives back an array that it has not made"):
        _given_back(np.ones(3))


def test_kernels_of_half_arithmetic_are_compiled_where_none_is():
    """Only a CPU that has it runs them; that they can be compiled is seen on every one."""
    program = """
from nfloat.kernels.gemm import half, half_pack
from nfloat.kernels.jit import KERNELS, warm_up
print([name for name, _ in warm_up(name for name in KERNELS if name.startswith("gemm.half"))])
"""
    assert printed(program, "half") == "['gemm.half_pack.half_panels', 'gemm.half.half16']\n"
