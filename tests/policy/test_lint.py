"""Linter, formatter, types and the order of the rooms (all configured in pyproject.toml) find nothing.

No mark suppresses nothing, one formatter wrote every line, mypy is strict outside kernels, imports go one way.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("nfloat", "tests", "bench", "examples")
COMMANDS = {
    "ruff check": ("-m", "ruff", "check", "--no-cache", *FOLDERS),
    "ruff format": ("-m", "ruff", "format", "--check", "--no-cache", *FOLDERS),
    "mypy": ("-m", "mypy"),
    "import-linter": (
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
        "--no-logo",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_found(name):
    run = subprocess.run([sys.executable, *COMMANDS[name]], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_marks_that_suppress_are_few():
    """A mark says that a rule is wrong here; where many are needed, rule or code is wrong."""
    marks = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"#.*(noqa|type: ignore)", line)
    ]
    assert len(marks) < 50, marks
