"""Several processes that need a kernel at the same moment: one compiles it, the others wait and load it."""

import os
import subprocess
import sys
import time

import pytest
from house_copy import PACKAGE, least

from nfloat.kernels import turns
from nfloat.kernels.turns import Turn

HOLD = """
import sys, time
from pathlib import Path
from nfloat.kernels.turns import Turn
assert Turn(Path(sys.argv[1])).take()
print("held", flush=True)
time.sleep(60)
"""
#: a compilation that fails once, as one that Ctrl-C ends does
FAIL = """
import nfloat.kernels.rounding.arrays
from nfloat.kernels.jit import KERNELS
kernel, signatures = next(iter(KERNELS.values()))
kernel._compiler.compile = lambda *_: 1 / 0
try:
    kernel.compile(signatures[0])
except ZeroDivisionError:
    turn = kernel._cache._cache_file.turn
    print(turn._held, turn._file.exists())
"""


def started(*command, **variables):
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **variables}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def held_elsewhere(tmp_path):
    """A kernel whose turn another process has."""
    index = tmp_path / "kernel-1.nbi"
    process = started(sys.executable, "-c", HOLD, str(index))
    assert process.stdout.readline() == "held\n"
    yield index, process
    process.kill()
    process.communicate()


def test_it_ends_with_its_process_however_that_ends(held_elsewhere):
    index, process = held_elsewhere
    process.kill()
    assert Turn(index).take()


def test_nobody_waits_for_ever(held_elsewhere, monkeypatch):
    monkeypatch.setattr(turns, "LONGEST", 0.1)
    index, _ = held_elsewhere
    before = time.monotonic()
    assert not Turn(index).take()
    assert time.monotonic() - before >= 0.1
    assert Turn(index.with_name("another-1.nbi")).take()  # another kernel's


def test_one_that_has_it_may_take_it_again_and_gives_it_up_once(tmp_path):
    turn = Turn(tmp_path / "kernel-1.nbi")
    assert turn.take() and turn.take()
    turn.give_up()
    turn.give_up()
    assert not turn._held


def test_without_a_folder_everybody_compiles(tmp_path):
    assert not Turn(tmp_path / "missing" / "kernel-1.nbi").take()


def test_a_compilation_that_fails_lets_another_process_try(tmp_path):
    out, errors = started(sys.executable, "-c", FAIL, NFLOAT_CACHE_DIR=str(tmp_path), NFLOAT_QUIET="1").communicate()
    assert out == "False True\n", errors


def test_of_two_processes_one_compiles_each_kernel(tmp_path):
    command = sys.executable, str(least(tmp_path))
    both = [started(*command, NFLOAT_CACHE_DIR=str(tmp_path / "cache"), NFLOAT_QUIET="0") for _ in range(2)]
    ended = [process.communicate() for process in both]
    assert [out for out, _ in ended] == ["4.0\n", "4.0\n"]
    said = [line for _, errors in ended for line in errors.splitlines() if "compiling" in line]
    assert len(said) == 1, said
