"""What may be asked after a drift run: ``nfloat replay`` and ``nfloat compare``."""

import json

from expected import assert_mistake

SMALL = ("drift", "--data", "blobs", "--width", "4", "--steps", "5", "--recipes", "fp16-pure", "--seeds", "2")
SMALL = (*SMALL, "--every", "2", "--no-attribute", "--ablate", "none", "--optimizer", "adam")


def test_first_trouble_can_be_replayed_by_the_command_that_is_printed(nfloat, tmp_path):
    done = nfloat(*SMALL, "--out", "out")
    (line,) = [line for line in done.out.splitlines() if "nfloat replay" in line]
    command = line.partition("nfloat ")[2].split()
    assert command == ["replay", "fp16-pure", "--config", "out/config.toml", "--step", "0", "--out", "trouble.npz"]
    assert "nfloat replay fp16-pure --config config.toml --step 0" in (tmp_path / "out" / "report.html").read_text()
    facts = json.loads(nfloat(*command, "--json").out)
    moments = [row for row in facts["tensors"] if row["tensor"] == "weight.state.v"]
    assert moments and max(row["underflow"] for row in moments) > 0.01
    assert {row["format"] for row in moments} == {"float16"}
    assert (tmp_path / "trouble.npz").exists()
    assert "weight.state.v" in nfloat(*command).out
    assert_mistake(nfloat(*command[:-3], "99", *command[-2:]), "--step=99 must be below the run's 5 steps")
    assert_mistake(nfloat("replay", "fp61", *command[2:]), "'fp61' is not a recipe")


def test_runs_side_by_side(nfloat, tmp_path):
    nfloat(*SMALL, "--out", "one")
    nfloat(*SMALL, "--out", "two", "--lr", "0.5")
    done = nfloat("compare", "one", "two", "--out", "both.html")
    assert done.code == 0 and "lr differs: one=0.02, two=0.5" in done.out
    assert [line.split()[0] for line in done.out.splitlines()[1:3]] == ["one", "two"]
    assert "The runs differ in lr" in (tmp_path / "both.html").read_text()
    facts = json.loads(nfloat("compare", "one", "two", "--json").out)
    assert facts["differences"]["lr"] == [0.02, 0.5] and len(facts["rows"]) == 2
    assert_mistake(nfloat("compare", "one", "three"), "'three' is not of a drift run")
