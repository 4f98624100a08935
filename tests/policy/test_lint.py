"""The linter's rules (pyproject.toml) hold everywhere, and no mark suppresses nothing."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_linter_finds_nothing():
    folders = ("nfloat", "tests", "bench", "examples")
    run = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", *folders], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
