"""What a sweep costs beside its cells: ``python bench/sweep_size.py [CELLS]`` prints what nfloat/sweep/README.md says.

Seconds and the greatest memory of: cells that cost nothing, measured and written; listing; resuming; exporting; making
the page; and one process against two on cells of 50 ms.
"""

import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nfloat as nf
from nfloat.runs.export import export
from nfloat.sweep import Grid, Task
from nfloat.sweep.processes import Processes


@dataclass(frozen=True)
class Cell:
    """Coordinates as a training has them: as many, of the same kinds."""

    recipe: str = "bf16-mixed"
    data: str = "digits"
    model: str = "mlp"
    activation: str = "relu"
    optimizer: str = "sgd"
    width: int = 64
    depth: int = 1
    batch: int = 32
    steps: int = 430
    lr: float = 0.02
    seed: int = 0


def nothing(cell):
    return {
        "train_loss": cell.seed / 7,
        "loss_gap": cell.seed / 3,
        "test_error": 0.1,
        "path": 0.5,
        "bits": cell.seed % 9,
    }


def busy(cell):
    end, x = time.process_time() + 0.05, 0.0
    while time.process_time() < end:
        x += 1e-9
    return nothing(cell)


NOTHING = Task("nothing", "Cells that cost nothing", Cell, nothing, "loss_gap", "bits")
BUSY = Task("busy", "Cells of 50 ms", Cell, busy, "loss_gap", "bits")


def timed(what, cells, call):
    start = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{what:38} {seconds:8.2f} s  {1e6 * seconds / cells:8.1f} µs a cell  {peak:5d} MiB at most so far")
    return result, seconds


def grid_of(task, cells):
    return Grid(
        task,
        {"recipe": ["bf16-mixed", "bf16-pure"], "lr": [0.01, 0.02, 0.05, 0.1, 0.2], "seed": {"count": cells // 10}},
    )


def main(cells):
    with tempfile.TemporaryDirectory() as folder:
        grid, out = grid_of(NOTHING, cells), Path(folder) / "out"
        pool = Processes(2)
        timed("measured and written, 2 processes", cells, lambda: nf.sweep.run(grid, out, pool, report=False))
        timed("listed", cells, lambda: sum(1 for i in range(cells) if grid.cell(i)))
        timed("resumed, nothing left", cells, lambda: nf.sweep.run(grid, out, pool, report=False))
        timed("exported to Parquet", cells, lambda: export(out))
        timed("page", cells, lambda: nf.sweep.read(out, NOTHING).write_report(Path(folder) / "page.html"))
        print(f"rows.jsonl {(out / 'rows.jsonl').stat().st_size / cells:.0f} bytes a cell, Parquet "
              f"{(out / 'rows.parquet').stat().st_size / cells:.0f}")  # fmt: skip
        pool.shutdown()
        times = [on(workers, Path(folder)) for workers in (1, 2)]
        print(f"two against one: {times[0] / times[1]:.2f} x")


def on(workers, folder):
    """Seconds of 200 cells of 50 ms on so many processes, once these have started."""
    pool = Processes(workers)
    nf.sweep.run(grid_of(NOTHING, 10), folder / f"start{workers}", pool, report=False)
    grid, name = grid_of(BUSY, 200), f"200 cells of 50 ms, {workers} process{'es' * (workers - 1)}"
    _, seconds = timed(name, 200, lambda: nf.sweep.run(grid, folder / str(workers), pool, report=False))
    pool.shutdown()
    return seconds


if __name__ == "__main__":
    import sweep_size  # workers find the tasks there, and not in the program itself

    sweep_size.main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
