"""A sweep on a Dask cluster: a worker is killed, then the client, then it goes on; one worker has another CPU.

Needs the extra `cluster`.
"""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from other_cpus import CPUS, environment_of

pytest.importorskip("distributed")

GRID = """
task = "product"
[cells]
accumulator = ["bfloat16", "e6m9"]
rounding = ["nearest_even", "stochastic"]
k = [128, 20000]
size = 8
seed = {start = 0, count = 25}
"""
CELLS = 200


def started(*command, **environment):
    # a session of its own, so that what it starts can be ended with it
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def ended(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(condition, seconds=400):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler's address, and what starts a worker; all of them end with the module."""
    folder = tmp_path_factory.mktemp("cluster")
    file, running = folder / "scheduler.json", []

    def start(*command, **environment):
        running.append(started(*command, **environment))
        return running[-1]

    start("distributed.cli.dask_scheduler", "--scheduler-file", str(file), "--no-dashboard", "--port", "0")
    until(file.exists)

    def worker(**environment):
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder))
        return start("distributed.cli.dask_worker", "--scheduler-file", str(file), *options, **environment)

    yield json.loads(file.read_text())["address"], worker
    for process in running:
        ended(process)


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    path = tmp_path_factory.mktemp("grid") / "grid.toml"
    path.write_text(GRID)
    return path


@pytest.fixture(scope="module")
def undisturbed(grid, tmp_path_factory):
    """The rows of a run on this machine that nothing disturbs."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    client = started("nfloat.cli.main", "sweep", str(grid), "--out", str(out), "--workers", "1")
    assert client.wait(300) == 0
    return (out / "rows.jsonl").read_bytes()


def lines(out):
    path = out / "rows.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("cpu", [None, *(name for name in CPUS if name == "avx2")])
def test_worker_and_client_are_killed(cluster, grid, undisturbed, tmp_path, cpu):
    address, worker = cluster
    environment = {}
    if cpu is not None:
        environment = environment_of(cpu)
    first, second = worker(), worker(**environment)
    sweep = ("nfloat.cli.main", "sweep", str(grid), "--out", str(tmp_path / "out"), "--scheduler", address)
    client = started(*sweep)
    until(lambda: lines(tmp_path / "out") >= 20)
    os.kill(first.pid, signal.SIGKILL)
    there = lines(tmp_path / "out")
    until(lambda: lines(tmp_path / "out") > there)
    ended(client)
    there = lines(tmp_path / "out")
    assert 20 < there < CELLS
    again = started(*sweep)
    assert again.wait(300) == 0
    assert (tmp_path / "out" / "rows.jsonl").read_bytes() == undisturbed
    keys = [json.loads(line)["key"] for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    assert len(set(keys)) == len(keys) == CELLS
    assert (tmp_path / "out" / "failures.jsonl").read_text() == ""
    ended(second)
