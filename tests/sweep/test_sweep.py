"""A sweep: every cell once, whatever dies; what was written stays; the same bytes in the end."""

import concurrent.futures
import json
import random
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from misbehaving import DIFFERS, PLAIN, TASK

import nfloat as nf
from nfloat.errors import ArgumentError
from nfloat.runs.export import export
from nfloat.sweep import Grid, Limits, SweepStoppedError
from nfloat.sweep.folder import SweepFolder
from nfloat.sweep.processes import Processes

SEEDS = {"seed": {"start": 0, "count": 30}, "x": [0.5, 1.5]}
GRID = Grid(PLAIN, SEEDS)


@pytest.fixture(scope="module")
def threads():
    """An executor in this process: the way to test everything but processes."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def processes():
    pool = Processes(2, memory=2 << 30)
    yield pool
    pool.shutdown()


def run(grid, out, executor, **options):
    return nf.sweep.run(grid, out, executor, **{"report": False, **options})


def lines(out, name="rows.jsonl"):
    return (out / name).read_text().splitlines()


def test_every_cell_once_in_the_grids_order(tmp_path, threads, processes):
    sweep = run(GRID, tmp_path / "a", threads)
    assert sweep.complete
    assert sweep.counts == (60, 0, 60)
    rows = list(sweep.rows())
    assert [(row["seed"], row["x"]) for row in rows] == [(s, x) for s in range(30) for x in (0.5, 1.5)]
    assert [row["y"] for row in rows] == [row["seed"] * row["x"] for row in rows]
    assert run(GRID, tmp_path / "b", processes).complete
    for name in ("rows.jsonl", "config.toml", "failures.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    facts = json.loads((tmp_path / "a" / "provenance.json").read_text())
    assert (facts["complete"], facts["done"], facts["total"]) == (True, 60, 60)


def test_what_is_there_is_not_measured_again(tmp_path, threads):
    run(GRID, tmp_path, threads)
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}

    class Refuses(concurrent.futures.Executor):
        def submit(self, *_):
            raise AssertionError("nothing is left to do")

    assert run(GRID, tmp_path, Refuses()).complete
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


def test_another_grid_of_the_same_task_takes_what_is_there(tmp_path, threads):
    run(Grid(PLAIN, {"seed": {"count": 40}, "x": [0.5]}), tmp_path, threads)
    states = []
    sweep = run(GRID, tmp_path, threads, progress=states.append)
    assert sweep.counts == (60, 0, 60)
    assert states[-1][:3] == (30, 0, 30)  # the other half
    assert len(lines(tmp_path)) == 70
    assert [row["seed"] for row in map(json.loads, lines(tmp_path))][-10:] == list(range(30, 40))
    assert len(list(sweep.rows())) == 60


def test_rows_of_another_task_or_version_are_refused(tmp_path, threads, monkeypatch):
    run(GRID, tmp_path, threads)
    with pytest.raises(ArgumentError, match=r"holds rows of another task; .* --overwrite"):
        run(Grid(TASK, SEEDS), tmp_path, threads)
    assert run(Grid(TASK, SEEDS), tmp_path, threads, overwrite=True).complete
    monkeypatch.setattr("nfloat.sweep.folder.code_digest", lambda: "another")
    with pytest.raises(ArgumentError, match="holds rows of another version of nfloat"):
        run(Grid(TASK, SEEDS), tmp_path, threads)


def test_a_row_counts_under_its_own_key_alone(tmp_path, threads):
    run(GRID, tmp_path, threads)
    whole = lines(tmp_path)
    from nfloat.runs.journal import sealed

    forged = json.loads(whole[3])
    forged.pop("crc")
    forged["key"] = "0" * 32
    text = [*whole[:3], sealed(json.dumps(forged, separators=(",", ":"))), whole[5], *whole[5:]]
    (tmp_path / "rows.jsonl").write_text("\n".join(text) + "\n" + whole[0][:30])
    assert run(GRID, tmp_path, threads).complete
    assert lines(tmp_path)[:60] == whole


@pytest.mark.parametrize("shards", [2, 7])
def test_shards_are_merged(tmp_path, threads, shards):
    run(GRID, tmp_path / "whole", threads)
    parts = []
    for number in range(1, shards + 1):
        sweep = run(GRID, tmp_path / str(number), threads, shard=(number, shards))
        assert sweep.counts.done == len(range(number - 1, 60, shards))
        parts.append(tmp_path / str(number))
    with SweepFolder(tmp_path / "all", GRID) as folder:
        assert sum(folder.merge(part) for part in [*parts, parts[0]]) == 60
    assert run(GRID, tmp_path / "all", threads, merge=tuple(parts)).complete
    assert (tmp_path / "all" / "rows.jsonl").read_bytes() == (tmp_path / "whole" / "rows.jsonl").read_bytes()
    with pytest.raises(ArgumentError, match="merge=.* is no folder of a sweep"):
        run(GRID, tmp_path / "all", threads, merge=(tmp_path / "none",))


@pytest.mark.parametrize("shard", [(0, 3), (4, 3), (1, 0), 3, (1, 2, 3), (1.0, 2), (True, 2)])
def test_what_is_no_shard(tmp_path, threads, shard):
    with pytest.raises(ArgumentError, match="shard="):
        run(GRID, tmp_path, threads, shard=shard)


def test_cells_that_misbehave_are_given_up_with_their_reason(tmp_path):
    what = ["fine", "dies", "exits", "hangs", "stops", "raises", "refuses", "prints", "eats"]
    grid = Grid(TASK, {"what": what, "seed": [0, 1]})
    limits = Limits(seconds=1.0, attempts=2)
    pool = Processes(2, memory=1 << 30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nfloat.sweep.processes._PATIENCE", 0.5)
        sweep = run(grid, tmp_path, pool, limits=limits)
        pool.shutdown()
    assert sweep.counts == (4, 14, 18)
    reasons = {row["what"]: (row["attempts"], row["reason"]) for row in sweep.failures()}
    assert len(list(sweep.failures())) == 14
    # what raises is tried again only where it shared a batch with what dies
    assert all(attempts == 2 for what, (attempts, _) in reasons.items() if what not in ("raises", "refuses"))
    for key, words in {
        "dies": "SIGKILL",
        "exits": "exit code 7",
        "hangs": "longer than its time limit",
        "stops": "no answer within",
        "raises": "KeyError: 'no'",
        "refuses": "must be something else",
        "eats": "out of memory",
    }.items():
        assert words in reasons[key][1]
    assert [row["what"] for row in sweep.rows()] == ["fine", "fine", "prints", "prints"]


def test_failures_are_kept_and_tried_again_where_that_is_said(tmp_path, threads):
    grid = Grid(TASK, {"what": ["fine", "raises"]})
    assert run(grid, tmp_path, threads).counts == (1, 1, 2)
    states = []
    assert run(grid, tmp_path, threads, progress=states.append).counts == (1, 1, 2)
    assert states == []
    assert run(grid, tmp_path, threads, retry=True, progress=states.append).counts == (1, 1, 2)
    assert states[-1][:3] == (0, 1, 1)


def test_no_neighbour_of_a_cell_that_dies_is_lost(tmp_path):
    """Cells travel in batches, and a death takes the batch along."""
    grid = Grid(TASK, {"what": ["fine", "dies"], "seed": {"count": 100}})
    pool = Processes(2)
    with SweepFolder(tmp_path, grid) as folder:
        from nfloat.sweep.schedule import Schedule

        chosen = [*range(100), 150, *range(1, 60)]
        schedule = Schedule(pool, lambda: 2, grid, iter(chosen), len(chosen), Limits(attempts=2))
        outcomes = [outcome for outcome in schedule if outcome is not None]
        folder.append(outcomes)
        assert folder.counts == (100, 1, 200)
    assert len(outcomes) == len(chosen)
    pool.shutdown()


def test_an_executor_that_ends_leaves_a_folder_that_goes_on(tmp_path, threads):
    class Ends(concurrent.futures.ThreadPoolExecutor):
        left = 5

        def submit(self, *args):
            if not self.left:
                raise concurrent.futures.BrokenExecutor("gone")
            self.left -= 1
            return super().submit(*args)

    with Ends(1) as pool, pytest.raises(SweepStoppedError, match="takes no more work: gone"):
        run(GRID, tmp_path, pool)
    assert run(GRID, tmp_path, threads).complete
    with pytest.raises(ArgumentError, match="must be a concurrent"):
        run(GRID, tmp_path / "other", 3)


def test_python_own_process_pool(tmp_path):
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        assert run(GRID, tmp_path, pool).complete


def test_interrupted(tmp_path, threads):
    def stop(state):
        raise KeyboardInterrupt

    grid = Grid(TASK, {"what": "naps", "seed": {"count": 40}})
    with pytest.raises(KeyboardInterrupt):
        run(grid, tmp_path, threads, progress=stop)
    there = len(lines(tmp_path))
    assert 0 < there < 40
    assert run(grid, tmp_path, threads).complete
    assert len(lines(tmp_path)) == 40


def test_one_writer_at_a_time(tmp_path, threads):
    with SweepFolder(tmp_path, GRID), pytest.raises(ArgumentError, match="is being written by another process"):
        run(GRID, tmp_path, threads)


def test_a_worker_of_another_version_is_refused(tmp_path, threads, monkeypatch):
    class Changed(concurrent.futures.Executor):
        def submit(self, fn, work):
            done = fn(work)
            future = concurrent.futures.Future()
            future.set_result(done._replace(cells=[cell._replace(key="1" * 32) for cell in done.cells]))
            return future

    with pytest.raises(ArgumentError, match="runs another version of nfloat or of the task 'plain'"):
        run(GRID, tmp_path, Changed())


def test_verified_on_two_workers(tmp_path, processes):
    verified = run(GRID, tmp_path / "a", processes, verify_cells=5).verified
    assert (verified.cells, len(verified.workers), verified.differing) == (5, 2, ())
    grid = Grid(DIFFERS, {"seed": {"count": 6}})
    verified = run(grid, tmp_path / "b", processes, verify_cells=3).verified
    assert len(verified.differing) == 3
    assert set(verified.differing) <= {row["key"] for row in map(json.loads, lines(tmp_path / "b"))}
    with pytest.raises(ArgumentError, match="two different workers are needed"):
        run(GRID, tmp_path / "a", processes, workers=1, verify_cells=1)


PROGRAM = """
import sys; sys.path[:0] = {path!r}
import nfloat as nf, misbehaving
grid = nf.sweep.Grid(misbehaving.TASK, {{"what": "naps", "seed": {{"count": 60}}}})
nf.sweep.run(grid, {out!r}, workers=2, report=False)
"""


def test_killed_at_random_moments_nothing_is_lost_and_nothing_twice(tmp_path, threads):
    run(Grid(TASK, {"what": "naps", "seed": {"count": 60}}), tmp_path / "whole", threads)
    whole = lines(tmp_path / "whole")
    program = PROGRAM.format(path=[p for p in sys.path if p.endswith("sweep")], out=str(tmp_path / "out"))
    rows, chance, there = tmp_path / "out" / "rows.jsonl", random.Random(5), 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", program])
        end = time.monotonic() + 60
        while time.monotonic() < end and (not rows.exists() or len(lines(tmp_path / "out")) <= there):
            time.sleep(0.01)
        time.sleep(0.2 * chance.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(lines(tmp_path / "out")) > there  # what was there is there
        there = len(lines(tmp_path / "out"))
        assert set(lines(tmp_path / "out")) <= set(whole)
    assert run(Grid(TASK, {"what": "naps", "seed": {"count": 60}}), tmp_path / "out", threads).complete
    assert lines(tmp_path / "out") == whole


def test_a_full_disk_is_said_and_costs_nothing(tmp_path):
    """A limit on the size of files stands for a disk that is full."""
    program = PROGRAM.format(path=[p for p in sys.path if p.endswith("sweep")], out=str(tmp_path / "out"))

    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, preexec_fn=small)
    assert done.returncode == 1
    assert "cannot be written: File too large; the rows written before are kept; make room" in done.stderr
    kept = lines(tmp_path / "out")
    assert 0 < len(kept) < 60 and (tmp_path / "out" / "rows.jsonl").stat().st_size <= 3000
    assert all("y" in json.loads(line) for line in kept)
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
    assert len(lines(tmp_path / "out")) == 60 and set(kept) <= set(lines(tmp_path / "out"))


def test_a_folder_that_cannot_be_written(tmp_path, threads, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ArgumentError, match=r"out=.* cannot be written: Not a directory"):
        run(GRID, tmp_path / "file" / "out", threads)
    run(Grid(PLAIN, {"seed": [0, 1]}), tmp_path / "out", threads)
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}

    def read_only(*_):
        raise OSError(30, "Read-only file system", "x")

    for name in ("nfloat.sweep.folder.replace_text", "nfloat.sweep.folder.Journal"):
        with monkeypatch.context() as patch:
            patch.setattr(name, read_only)
            with pytest.raises(ArgumentError, match="cannot be written: Read-only file system"):
                run(GRID, tmp_path / "out", threads)
    after = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    assert after["rows.jsonl"] == before["rows.jsonl"]


def test_memory_is_flat_in_the_number_of_cells(tmp_path):
    """A folder keeps a byte a cell, not rows."""
    small, large = (Grid(PLAIN, {"seed": {"count": n}, "x": [0.5, 1.5]}) for n in (10, 50_000))
    with SweepFolder(tmp_path / "a", small) as one, SweepFolder(tmp_path / "b", large) as other:
        assert [np.dtype(f._status.dtype).itemsize * f._status.size for f in (one, other)] == [20, 100_000]
        assert sum(1 for _ in other.to_do((3, 16))) == 6250 == other.count_to_do((3, 16))


def test_rows_load_elsewhere(tmp_path, threads):
    run(GRID, tmp_path, threads)
    import pyarrow.json
    import pyarrow.parquet

    table = pyarrow.json.read_json(tmp_path / "rows.jsonl")
    assert table.num_rows == 60
    parquet = pyarrow.parquet.read_table(export(tmp_path))
    assert parquet.column_names == ["key", "seed", "x", "y", "bits"] or set(parquet.column_names) >= {
        "key",
        "seed",
        "y",
    }
    assert "crc" not in parquet.column_names
    assert parquet["y"].to_pylist() == table["y"].to_pylist()


def test_workers_that_never_measure_anything_stop_the_sweep(tmp_path):
    class Dead(concurrent.futures.Executor):
        def submit(self, *_):
            future = concurrent.futures.Future()
            future.set_exception(ModuleNotFoundError("No module named 'nfloat'"))
            return future

    with pytest.raises(SweepStoppedError, match="12 workers died one after the other.*No module named 'nfloat'"):
        run(GRID, tmp_path, Dead())
    assert len(lines(tmp_path, "failures.jsonl")) < 12


def test_a_task_of_the_program_itself_is_refused(tmp_path, processes):
    task = nf.sweep.Task("mine", "Not in a module", GRID.task.cell, type("F", (), {"__module__": "__main__"}), "y")
    with pytest.raises(ArgumentError, match="put it into a module of its own"):
        run(Grid(task, SEEDS), tmp_path, processes)
