"""What the first call costs: on a machine whose cache is empty, and in a new process whose cache is full.

Each case runs in a process of its own and is timed there from before the import of nfloat to after the call, in seconds
of processor time; the ratio is to compiling one trivial Numba function in the same process. Limits are the ones that
the project has set itself; exit code 1 if one is passed.

    python bench/cold.py               # all cases, some minutes
    python bench/cold.py round add     # some
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

#: case -> (what is called, the most as a ratio to compiling a trivial function)
CASES = {
    "round": ("nf.round([0.1, 0.2], 'bfloat16')", 5),
    "round32": ("nf.round(np.float32([0.1, 0.2]), 'bfloat16')", 5),
    "stochastic": ("nf.round([0.1, 0.2], 'bfloat16', 'stochastic', seed=1)", 5),
    "encode": ("nf.encode([0.1, 0.2], 'bfloat16')", 5),
    "add": ("nf.add([0.1, 0.2], [0.3, 0.4], 'bfloat16')", 8),
    "matmul": ("nf.matmul(np.eye(4), np.eye(4), 'bfloat16')", 8),
    "unit": ("nf.matmul(np.eye(4), np.eye(4), 'nvidia.hopper.mma.f16.f32')", 8),
    "assert": (
        "nf.testing.assert_matmul(nf.matmul(np.eye(4), np.eye(4), 'float16'), np.eye(4), np.eye(4), 'float16')",
        8,
    ),
    "drift": ("nf.drift.run(nf.drift.Config())", 60),
}
#: shell commands and calls with a full cache: seconds beyond importing Numba
WARM = {
    "explain": ("from click.testing import CliRunner; from nfloat.cli.main import group; "
                "assert CliRunner().invoke(group, ['explain', '0.1']).exit_code == 0", 1.0),
    "round": ("import nfloat as nf; nf.round([0.1, 0.2], 'bfloat16')", 1.0),
}  # fmt: skip

COLD = """
import time
start = time.process_time()
import numba
@numba.njit
def trivial(x):
    return x + 1.0
begun = time.process_time()
trivial(1.0)
unit = time.process_time() - begun
begun = time.process_time()
import numpy as np, nfloat as nf
{call}
print(unit, time.process_time() - begun)
"""
FULL = """
import time
start = time.process_time()
import numba
from numba import njit
begun = time.process_time()
{call}
print(begun - start, time.process_time() - begun)
"""


def seconds(program: str, cache: str) -> tuple[float, float]:
    """The two numbers that a program prints, run with that cache."""
    environment = {**os.environ, "NFLOAT_CACHE_DIR": cache, "NFLOAT_QUIET": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    first, second = done.stdout.split()[-2:]
    return float(first), float(second)


def main(chosen: list[str]) -> int:
    """Print a line per case; 1 if a limit is passed."""
    passed = False
    for name, (call, limit) in CASES.items():
        if chosen and name not in chosen:
            continue
        with tempfile.TemporaryDirectory() as cache:
            unit, taken = seconds(COLD.format(call=call), cache)
            ratio = taken / unit
            print(f"cold {name:<10} {taken:6.2f} s  {ratio:5.1f} x a trivial function ({unit:.2f} s), at most {limit}")
            passed |= ratio > limit
            if name in WARM:
                _, beyond = seconds(FULL.format(call=WARM[name][0]), cache)
                print(f"warm {name:<10} {beyond:6.2f} s beyond importing Numba, at most {WARM[name][1]}")
                passed |= beyond > WARM[name][1]
    if not chosen or "explain" in chosen:
        with tempfile.TemporaryDirectory() as cache:
            seconds(FULL.format(call=WARM["explain"][0]), cache)
            _, beyond = seconds(FULL.format(call=WARM["explain"][0]), cache)
            print(f"warm {'explain':<10} {beyond:6.2f} s beyond importing Numba, at most {WARM['explain'][1]}")
            passed |= beyond > WARM["explain"][1]
    return int(passed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
