"""What a worker does: measure some cells of a task, within a time for each, and say who it is.

A `Work` goes to the worker, a `Done` comes back; both are plain values that any executor can carry. The lines that come
back are the ones that will stand in the file: floats are written where they were computed, by the same code.

A cell that fails says why. One that takes too long ends its process (nothing else stops compiled code), which whoever
waits sees as the death of a worker (``processes.py``; a Dask nanny); in the process that asked, no cell is stopped.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import NFloatError
from ..runs.journal import sealed
from ..runs.rows import Value, to_line
from .task import Task

#: the exit code of a worker whose cell took too long
TOO_LONG = 98


@dataclass(frozen=True)
class Work:
    """Cells to be measured one after the other: number in the grid and coordinates of each."""

    task: Task
    cells: Sequence[tuple[int, Mapping[str, Value]]]
    #: seconds that a cell may take, or None
    seconds: float | None
    #: who asked: never stopped
    asked_by: str


class Measured(NamedTuple):
    """A cell: its line, or why it has none; whether trying again may help."""

    cell: int
    line: str | None
    key: str
    reason: str
    again: bool
    seconds: float


class Done(NamedTuple):
    """What a worker made of a `Work`."""

    worker: str
    cells: list[Measured]


def who() -> str:
    """This process, among all processes of all machines."""
    return f"{socket.gethostname()}:{os.getpid()}"


def measure(work: Work) -> Done:
    """Measure the cells; a cell that raises becomes a reason."""
    worker = who()
    limit = None if work.asked_by == worker else work.seconds
    return Done(worker, [_one(work.task, index, cell, limit) for index, cell in work.cells])


def _one(task: Task, index: int, cell: Mapping[str, Value], limit: float | None) -> Measured:
    start = time.perf_counter()
    watchdog = None if limit is None else threading.Timer(limit, os._exit, (TOO_LONG,))
    if watchdog is not None:
        watchdog.daemon = True
        watchdog.start()
    try:
        line, reason, again = sealed(to_line(task.row(cell))), "", False
    except MemoryError:
        line, reason, again = None, "out of memory", True
    except NFloatError as error:
        line, reason, again = None, str(error), False
    except Exception as error:  # a bug in a task is a row that is missing, not a sweep that is lost
        line, reason, again = None, f"{type(error).__name__}: {error}", False
    finally:
        if watchdog is not None:
            watchdog.cancel()
    return Measured(index, line, task.key(cell), " ".join(reason.split())[:500], again, time.perf_counter() - start)
