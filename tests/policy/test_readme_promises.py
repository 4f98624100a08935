"""What the README promises beside its tour: kinds of things one can add, names, options, the version."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import nfloat as nf
from nfloat.cli.main import group

REPOSITORY = Path(nf.__file__).parent.parent
README = (REPOSITORY / "README.md").read_text()


def test_the_table_has_every_kind():
    for kind in ("format", "rounding mode", "accumulator order", "matrix instruction", "layer", "study"):
        assert re.search(rf"^\| {kind} \|", README, flags=re.M), kind


def test_names_it_promises_exist():
    for name in set(re.findall(r"`nf\.([\w.]+)", README)):
        target = nf
        for part in name.split("."):
            target = getattr(target, part)


@pytest.mark.parametrize(
    "line", sorted({line.split("#")[0].strip() for line in README.splitlines() if line.startswith("nfloat ")})
)
def test_shell_lines_have_options_that_exist(line):
    command = group.get_command(None, line.split()[1])
    texts = [CliRunner().invoke(command, ["--help"]).output]
    texts += [CliRunner().invoke(command, [word, "--help"]).output for word in getattr(command, "commands", {})]
    for option in re.findall(r"--[\w-]+", line):
        assert any(option in text for text in texts), option


def test_the_version_is_in_the_change_log():
    assert nf.__version__ in (REPOSITORY / "CHANGELOG.md").read_text()
