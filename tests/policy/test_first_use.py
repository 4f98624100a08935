"""What loads when: any public name may be the first one used, and each shows what it is."""

import subprocess
import sys
from pathlib import Path

import pytest
from in_one_test import in_one_test

import nfloat as nf

TESTING = [
    "Match",
    "assert_allclose_bound",
    "assert_bits_equal",
    "assert_drift",
    "assert_matmul",
    "assert_representable",
    "assert_ulp",
    "assert_unbiased",
    "error_bound",
    "identify",
    "matmul_bound",
    "predict_matmul",
    "probe_inputs",
    "unpacked",
    "ulp",
    "round_exact",
    "decode_exact",
    "code_exact",
    "families",
    "golden",
    "grid",
    "oracle",
    "probes",
    "strategies",
    "sweep",
]


def test_the_names_of_testing():
    assert sorted(nf.testing.__all__) == sorted(TESTING)


@in_one_test("name", TESTING)
def test_each_of_testing_is_there(name):
    assert getattr(nf.testing, name) is not None
    assert name in dir(nf.testing)


def test_unknown_names():
    for module in (nf, nf.testing):
        with pytest.raises(AttributeError, match="no_such_name"):
            _ = module.no_such_name


def test_every_error_is_a_value_error_with_one_root():
    errors = [getattr(nf, name) for name in nf.__all__ if name.endswith("Error")]
    assert len(errors) == 9
    assert all(issubclass(error, nf.NFloatError) and issubclass(error, ValueError) for error in errors)


#: each name the first one in a process: copies of one that has loaded Numba and SciPy already, which take longest
FIRST = """
import os, sys, numpy, numba, scipy.special, nfloat as nf
for name in sys.argv[1:]:
    if not os.fork():
        try:
            getattr(nf, name)
        except BaseException as error:
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
        os._exit(0)
    if status := os.wait()[1]:
        print(f"{name}: ended with {status}", flush=True)
"""


def test_any_name_may_be_the_first():
    names = ["testing", "nn", "drift", "studies", "sweep", "report", "matmul", "round", "units", "array", "float16"]
    done = subprocess.run([sys.executable, "-c", FIRST, *names], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_types_are_declared():
    assert (Path(nf.__file__).parent / "py.typed").exists()


def test_public_functions_have_examples():
    """What users call first shows how it is called (``test_surface.py`` runs the examples)."""
    for name in (
        "round",
        "encode",
        "decode",
        "pack",
        "unpack",
        "get_format",
        "finfo",
        "Format",
        "Stream",
        "add",
        "matmul",
    ):
        assert ">>> " in (getattr(nf, name).__doc__ or ""), name
