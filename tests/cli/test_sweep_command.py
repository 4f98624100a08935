"""``nfloat sweep``: what it prints and writes, exit codes, interruption."""

import json
import signal
import subprocess
import sys
import time

import pytest
from expected import assert_mistake

GRID = """
task = "product"
[cells]
accumulator = ["bfloat16", "float16"]
k = [16, 32]
size = 4
seed = {start = 0, count = 3}
"""


@pytest.fixture
def grid(tmp_path):
    (tmp_path / "grid.toml").write_text(GRID)
    return "grid.toml"


def test_it_writes_what_it_says(nfloat, grid, tmp_path):
    done = nfloat("sweep", grid, "--workers", "1")
    assert done.code == 0
    assert done.out.splitlines() == ["12 of 12 cells done", "page: grid/report.html"]
    assert done.err.splitlines()[-1] == "12 of 12 cells"
    names = ["config.toml", "failures.jsonl", "provenance.json", "report.html", "rows.jsonl"]
    assert sorted(p.name for p in (tmp_path / "grid").iterdir()) == names
    page = (tmp_path / "grid" / "report.html").read_bytes()
    assert nfloat("report", "grid").code == 0
    assert (tmp_path / "grid" / "report.html").read_bytes() == page
    assert nfloat("study", "export", "grid").out == "grid/rows.parquet\n"
    facts = json.loads(nfloat("sweep", "grid/config.toml", "--out", "grid", "--json").out)
    assert (facts["done"], facts["failed"], facts["complete"], facts["report"]) == (12, 0, True, "grid/report.html")


def test_shards_and_merge(nfloat, grid, tmp_path):
    for number in (1, 2):
        done = nfloat("sweep", grid, "--shard", f"{number}/2", "--out", f"part{number}", "--workers", "1")
        assert (done.code, done.out.splitlines()[0]) == (0, "6 of 12 cells done")
    done = nfloat("sweep", grid, "--merge", "part1", "--merge", "part2", "--out", "whole")
    assert (done.code, done.out.splitlines()[0]) == (0, "12 of 12 cells done")


def test_dry_run(nfloat, grid, tmp_path):
    lines = nfloat("sweep", grid, "--dry-run", "--workers", "3").out.splitlines()
    assert lines[0].split() == ["key", "values", "which"]
    assert "12 cells, 0 of them done" in lines
    assert lines[-1].endswith("on 3")
    assert not (tmp_path / "grid").exists()
    facts = json.loads(nfloat("sweep", grid, "--dry-run", "--json").out)
    assert facts["cells"] == 12 and len(facts["sample"]) == 8 and facts["core_seconds"] > 0
    assert facts["axes"]["k"] == [16, 32]


def test_cells_that_are_given_up_end_in_3(nfloat, tmp_path):
    cells = 'accumulator = ["bfloat16", "nvidia.hopper.mma.f16.f32"]\norder = ["sequential", "kahan"]\n'
    (tmp_path / "grid.toml").write_text(f'task = "product"\n[cells]\ninputs = "float16"\nsize = 2\n{cells}')
    done = nfloat("sweep", "grid.toml", "--workers", "1")
    assert done.code == 3
    assert "cells done, " in done.out and "given up after 1 attempts: " in done.out and "--retry" in done.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--shard", "4/3"), "shard=(4, 3) must be (I, N)"),
        (("--shard", "x"), "shard='x' must be I/N"),
        (("--memory", "2X"), "memory='2X' must be a size"),
        (("--workers", "0"), "workers=0 must be an integer of at least 1"),
        (("--merge", "nothing"), "merge='nothing' is no folder of a sweep"),
    ],
)
def test_mistakes(nfloat, grid, options, says):
    assert_mistake(nfloat("sweep", grid, *options), says)


def test_a_grid_that_is_none(nfloat, tmp_path):
    assert_mistake(nfloat("sweep", "none.toml"), "none.toml")
    (tmp_path / "g.toml").write_text('task = "product"\n[cells]\nacumulator = "float16"\n')
    assert_mistake(nfloat("sweep", "g.toml"), "g.toml: cells: unknown key 'acumulator'")


def test_interrupted_it_goes_on(nfloat, tmp_path):
    (tmp_path / "grid.toml").write_text(GRID.replace("count = 3", "count = 3000"))
    process = subprocess.Popen(
        [sys.executable, "-m", "nfloat.cli.main", "sweep", "grid.toml", "--workers", "1"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    rows, end = tmp_path / "grid" / "rows.jsonl", time.monotonic() + 60
    while time.monotonic() < end and not (rows.exists() and rows.stat().st_size):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert err.splitlines()[-1] == (
        "nfloat: interrupted; what was measured is in grid; go on with: nfloat sweep grid.toml --out grid --workers 1"
    )
    assert all(json.loads(line)["key"] for line in rows.read_text().splitlines())
