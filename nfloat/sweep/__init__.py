"""Sweeps: a grid of cells, measured on whatever machines there are, into one folder; nothing is lost when one dies.

``grid.py`` says what a grid is (a task, and one or several values for each of its keys; TOML), ``task.py`` what a task
is; ``tasks`` lists those that a file may name. ``experiment.py`` runs a grid: ``schedule.py`` hands cells to an
executor (``processes.py``: this machine's; a Dask client's; any of `concurrent.futures`), where ``work.py`` measures
them; ``folder.py`` keeps what comes back. ``verify.py`` measures some again elsewhere, ``estimate.py`` says what a grid
costs; ``aggregate.py`` and ``page.py`` make the page. README.md has the design, its sizes and where it would break.

    sweep = nf.sweep.run("grid.toml", out="folder")
    sweep = nf.sweep.run("grid.toml", out="folder", executor=dask_client)
    sweep.complete, next(sweep.rows())
"""

from __future__ import annotations

from typing import Any

from .grid import Grid, from_toml, read_grid, to_toml
from .schedule import Limits, SweepStoppedError
from .task import Task

__all__ = ["Grid", "Limits", "SweepStoppedError", "Task", "from_toml", "read", "read_grid", "run", "to_toml"]


def __getattr__(name: str) -> Any:
    if name in ("run", "read"):
        from . import experiment

        return getattr(experiment, name)
    raise AttributeError(f"module 'nfloat.sweep' has no attribute {name!r}")
