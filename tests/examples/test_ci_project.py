"""The project of examples/ci: its tests pass, each of its bugs makes one fail, and its workflow says what there is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from nfloat.cli.main import group
from nfloat.drift.budget import read_budget

PROJECT = Path(__file__).resolve().parents[2] / "examples" / "ci"
#: all of it in one process: a bug is looked up where it is
PROGRAM = """
import os, pytest
from lowp.bugs import BUGS
for bug in ("", *BUGS):
    os.environ["LOWP_BUG"] = bug
    print("RAN", bug, int(pytest.main(["-q", "-p", "no:cacheprovider", "--no-header"])))
"""


def test_every_bug_is_seen(tmp_path):
    copy = tmp_path / "ci"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=copy, capture_output=True, text=True, check=False)
    codes = dict(re.findall(r"^RAN (\w*) (\d)$", done.stdout, re.MULTILINE))
    assert codes.pop("") == "0", done.stdout
    assert len(codes) >= 8 and set(codes.values()) == {"1"}, codes


def test_the_workflow_calls_what_there_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workflow = (PROJECT / ".github" / "workflows" / "numerics.yml").read_text()
    commands = re.findall(r"nfloat ([a-z]+(?: [^)\n]*)?)", workflow)
    called = [command.split() for command in commands if command.split()[0] in group.list_commands(None)]
    assert [words[0] for words in called] == ["doctor", "warmup", "drift"]
    for words in called:
        options = {word for word in words if word.startswith("--")}
        text = CliRunner().invoke(group, [words[0], "--help"]).output
        assert all(option in text for option in options)
    key = CliRunner().invoke(group, called[0])
    assert key.exit_code == 0 and key.output.startswith("nfloat-")
    assert CliRunner().invoke(group, called[1]).exit_code == 0
    assert read_budget(PROJECT / "budget.toml").loss_gap == 0.01
