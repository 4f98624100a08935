"""Commands run inside this process, with what they print and their exit code; pages without pictures."""

from typing import NamedTuple

import pytest

from nfloat.cli.main import main


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def nfloat(capsys, monkeypatch, tmp_path, no_pictures):
    """A function that runs a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NFLOAT_QUIET", "1")  # what is compiled is said once per machine, so not in every test

    def call(*args):
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Outcome(ended.value.code, captured.out, captured.err)

    return call
