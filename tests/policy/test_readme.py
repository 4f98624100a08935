"""The README is true: its tour runs, its commands are CI's, the files it names exist."""

from __future__ import annotations

import doctest
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"


def test_the_tour_runs():
    failed, tried = doctest.testfile(str(README), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried > 8
    assert failed == 0


def test_ci_runs_the_second_command():
    commands = re.findall(r"^python3 -m venv .*$", README.read_text(), re.MULTILINE)
    assert len(commands) == 2
    assert "nfloat drift" in commands[0]
    assert "pytest" in commands[1]
    assert commands[1] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_files_to_touch_exist():
    rows = [line for line in README.read_text().splitlines() if line.startswith("| ") and "nfloat/" in line]
    names = {name for line in rows for name in re.findall(r"`((?:nfloat|tests|bench)/[\w/.]+)`", line)}
    assert len(names) >= 8
    for name in names:
        assert (ROOT / name).exists(), name


def test_the_rooms_stand_in_the_order_that_is_checked():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    (said,) = re.findall(r"^The house, in the order.*?enforces it\.$", README.read_text(), re.MULTILINE | re.DOTALL)
    rooms = [name for name in re.findall(r"`(\w+)`", said) if name != "testing"]
    assert rooms == [name for name in reversed(layers) if name != "testing"]


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^nfloat (\w+)", README.read_text(), re.MULTILINE))))
def test_named_commands_exist(command):
    assert (ROOT / "nfloat" / "cli" / f"{command}.py").is_file()
