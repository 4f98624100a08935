"""The ensemble: which members there are, that they are what they say, and that two processes change nothing."""

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

from nfloat import nn
from nfloat.drift import Config, run, workers
from nfloat.drift.ensemble import Group, run_group
from nfloat.drift.members import TWIN, members, null_name, precision_of, rounding_name, rounds
from nfloat.drift.rows import MODEL
from nfloat.drift.verdicts import ends_of

SMALL = Config(
    data="blobs", width=8, steps=6, every=3, seed=4, seeds=3, recipes=("float64", "tf32", "bf16-mixed", "bf16-pure-sr")
)


@pytest.fixture(scope="module")
def small():
    return run(SMALL, threads=1)


def test_members():
    found = [(member.name, member.seed) for member in members(SMALL)]
    nulls = [null_name(11), null_name(8)]
    first = [TWIN, *nulls, rounding_name("bf16-pure-sr", 1), rounding_name("bf16-pure-sr", 2)]
    rest = [(name, seed) for seed in (5, 6) for name in (TWIN, *nulls, *SMALL.recipes)]
    assert found == [(name, 4) for name in first] + rest


def test_the_coarsest_tensor_decides():
    assert precision_of(nn.recipe("float32+weights=float8_e4m3fn")) == 4
    assert not rounds(nn.recipe("float64"))
    assert rounds(nn.recipe("float64+forward=float32"))


def test_a_null_starts_one_roundoff_away():
    trainable = SMALL.trainable()
    start, moved = (trainable.begin(nn.recipe("float64"), 0, pushed=p).weights() for p in (0, 8))
    for name, weights in start.items():
        assert np.allclose(abs(moved[name] - weights), abs(weights) * 2.0**-8, rtol=1e-12, atol=0)
    up = moved["0.weight"] > start["0.weight"]
    assert 0.3 < np.mean(up == (start["0.weight"] > 0)) < 0.7


def test_a_member_is_the_run_of_its_seed(small):
    """The rows of another seed are those of a run that begins there."""
    alone = run(SMALL.replace(seed=5, seeds=1), threads=1)
    for name in SMALL.recipes:
        wanted = ends_of(alone.rows)[name, 5]
        assert ends_of(small.rows)[name, 5] == wanted


def test_other_random_bits_at_the_same_seed(small):
    ends = ends_of(small.rows)
    losses = {ends[name, 4].loss for name in ("bf16-pure-sr", *(rounding_name("bf16-pure-sr", k) for k in (1, 2)))}
    assert len(losses) == 3
    (item,) = (item for item in small.summary if item["recipe"] == "bf16-pure-sr")
    assert item["rounding_spread"] > 0.0


def test_a_member_has_rows_of_the_model_alone(small):
    assert {row["layer"] for row in small.rows if row["seed"] != 4} == {MODEL}


def test_two_processes_give_the_same_rows(small, monkeypatch):
    monkeypatch.setattr(workers, "MUCH", 0)
    monkeypatch.setattr(workers, "available", lambda: 2)
    assert run(SMALL, threads=2).rows == small.rows


def test_the_other_process_begins_at_once_where_even_quick_steps_are_worth_it(monkeypatch):
    monkeypatch.setattr(workers, "available", lambda: 2)
    started = []
    monkeypatch.setattr(workers.Workers, "_start", lambda self: started.append(self.threads))
    enough = math.ceil(workers.MUCH / workers._STEP)
    for threads, steps in ((None, enough - 1), (1, 10 * enough), (2, enough)):
        workers.Workers(SMALL, SMALL.trainable(), threads).expect(steps)
    assert started == [2]


def test_if_the_other_process_dies_this_one_does_its_part(small, monkeypatch):
    monkeypatch.setattr(workers, "MUCH", 0)
    monkeypatch.setattr(workers, "available", lambda: 2)
    monkeypatch.setattr(workers, "_SERVE", "import sys; sys.exit(0)")
    assert run(SMALL, threads=2).rows == small.rows


def test_if_no_other_process_can_be_started_this_one_does_it_all(monkeypatch):
    monkeypatch.setattr(workers, "MUCH", 0)
    monkeypatch.setattr(workers, "available", lambda: 2)
    config = Config(data="blobs", width=4, steps=2, recipes=("bf16-pure",), seeds=2, attribute=False)
    alone = run(config, threads=1).rows
    monkeypatch.setattr(sys, "executable", "no such program")
    assert run(config, threads=2).rows == alone


@pytest.mark.parametrize("messages", [0, 1, 2])
def test_the_other_process_says_nothing_where_the_first_is_killed(messages):
    """Before, within and after what it reads; its answer cannot be written."""
    config = SMALL.replace(steps=2)
    work = pickle.dumps((config, config.trainable(), range(1)))
    group = pickle.dumps(Group([member for member in members(config) if member.seed == 5]))
    command = [sys.executable, "-c", workers._SERVE.format(path=sys.path)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    other.stdout.close()
    other.stdin.write((work[:100], work + group[:50], work + group)[messages])
    other.stdin.close()
    said = other.stderr.read()
    other.stderr.close()
    assert (other.wait(timeout=60), said) == (0, b"")


def test_a_group_gives_each_member_whole():
    group = Group([member for member in members(SMALL) if member.seed == 5])
    found = list(run_group(SMALL, SMALL.trainable(), group, 1))
    assert [rows[-1]["recipe"] for rows in found] == [member.name for member in group.members]
    assert all(rows[-1]["metric"] == "test_error" for rows in found)
