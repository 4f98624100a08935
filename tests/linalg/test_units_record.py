"""The recorder of ``tests/golden/record``: what can be checked of it without a GPU."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import record
from in_one_test import in_one_test
from unit_data import bits

import nfloat as nf

pytestmark = pytest.mark.filterwarnings("ignore::nfloat.linalg.units.names.SingleSourceWarning")
UNITS = sorted(
    {name: instruction for family in record.FAMILIES.values() for name, instruction in family.items()}.items()
)


def depth(instruction: str) -> int:
    """k of an instruction, from its name."""
    if instruction in ("mxf4_f32", "nvf4_f32"):
        return 64
    if "tf32" in instruction:
        return 4 if instruction.endswith("k4") else 8
    if "f16_f" in instruction:
        return 8 if instruction.endswith("k8") else 16
    return 32


@pytest.mark.parametrize(("name", "instruction"), UNITS)
def test_rows_go_out_as_codes_of_the_units_formats(name, instruction):
    unit = nf.units[name]
    for x in (record.operands(unit, depth(instruction), 30, seed=1), record.integers(unit, depth(instruction))):
        assert record.model(unit, x).shape == (len(x["c"]),)
        for side in "ab":
            word = record.codes(x[side], getattr(unit, side), instruction)
            assert word.dtype == np.uint32 and word.shape == x[side].shape
            if getattr(unit, side).startswith("float8"):
                back = np.asarray(nf.decode(word.astype(np.uint8), getattr(unit, side)), np.float32)
                assert np.array_equal(back, np.float32(x[side]), equal_nan=True)


@in_one_test(("name", "instruction"), UNITS)
def test_plumbing_rows_are_exact_in_every_model(name, instruction):
    unit = nf.units[name]
    x = record.integers(unit, depth(instruction))
    block = getattr(unit.arithmetic, "scale_block", 0)
    scale = np.repeat(x["scale_a"] * x["scale_b"], block, axis=1) if block else 1
    assert np.array_equal(record.model(unit, x), (x["a"] * x["b"] * scale).sum(1) + x["c"])


def test_float16_results_keep_their_nans():
    words = np.array([0x3C00, 0x7FFF, 0xFC00, 0x7E01, 0x8000, 0x0001], np.uint32)
    want = [0x3F800000, 0x7FFFFFFF, 0xFF800000, 0x7FC02000, 0x80000000, 0x33800000]
    assert bits(record.results(words, "float16")).tolist() == want


def test_source_compiles():
    if shutil.which("nvcc") is None:
        pytest.skip("no nvcc: units.cu is not compiled here")
    done = subprocess.run(
        ["nvcc", "-arch=sm_90a", "-std=c++17", "-ptx", "-o", "/dev/null", str(record.HERE / "units.cu")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
