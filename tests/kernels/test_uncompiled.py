"""NUMBA_DISABLE_JIT=1 is refused by one sentence, at the first kernel that is called and not before."""

import os
import subprocess
import sys

import pytest

CALLS = (
    "nf.round(0.1, 'bfloat16')",
    "nf.sum([1.0, 2.0], 'float16')",
    "nf.add(1.0, 2.0, 'float8_e5m2')",
    "nf.exp(1.0, 'float16')",
    "nf.encode([1.0], 'float16')",
    "nf.matmul([[1.0]], [[1.0]], 'nvidia.hopper.mma.f16.f32')",
    "nf.array([1.0], 'float16')",
)


def run(code, setting="1"):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "NUMBA_DISABLE_JIT": setting}
    )


def test_every_way_in_is_refused_by_one_sentence():
    tries = "\n".join(f"try:\n    {call}\nexcept nf.NFloatError as error:\n    print(error)" for call in CALLS)
    done = run(f"import nfloat as nf\nnf.get_format('bf16'), nf.Stream(1).child('a')\n{tries}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(CALLS)
    for line in lines:
        assert line.startswith("NUMBA_DISABLE_JIT=1 turns Numba's compiler off") and "unset NUMBA_DISABLE_JIT" in line


@pytest.mark.parametrize("setting", ["0", ""])
def test_a_variable_that_says_no_changes_nothing(setting):
    assert run("import nfloat as nf; print(nf.round(0.1, 'bfloat16'))", setting).stdout == "0.10009765625\n"
