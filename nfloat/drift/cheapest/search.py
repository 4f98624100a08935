"""`search`: the cheapest recipe within a loss gap, into a folder, to be gone on with after any interruption."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ...ops.threads import check_threads
from ..comparison import Comparison
from ..cost import count_elements
from ..ensemble import Group, References
from ..members import Member
from ..rows import Row
from ..trainable import Trainable
from ..verdicts import End, Ends, ends_of
from ..workers import Workers
from .answer import Answer, open_folder
from .course import ELEMENTS, counts_of, follow
from .question import FORMATS, OPERANDS, Search

#: called as (name of the recipe, trainings done) after each training
Progress = Callable[[str, int], None]


class Sink(Protocol):
    """Where rows go as they come: an open folder, or memory."""

    rows: list[Row]

    def append(self, rows: list[Row]) -> None:
        """Take the rows of one training."""


def search(
    config: Comparison,
    budget: float = 0.01,
    *,
    against: str = "bf16-mixed",
    formats: Sequence[str] = FORMATS,
    operands: Sequence[str] = OPERANDS,
    layers: bool = True,
    trials: int = 60,
    out: str | Path | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Answer:
    """The cheapest recipe whose final training loss is within `budget` of float64's.

    What a recipe costs stands in ``drift/cost.py``, in which order recipes are tried in ``descent.py``, and how one is
    judged in ``judging.py``. The same search gives the same answer, and the same rows, whatever `threads` and
    interruptions.

    Parameters
    ----------
    config : Config or Experiment
        What is trained; its recipes are where the search may begin.
    budget : float
        The most by which the loss may lie above float64's, as a share of it.
    against, formats, operands, layers, trials
        As `Search` has them (``question.py``): what the cost is compared with, what may be stored where, whether layers
        may differ, how many recipes may be tried.
    out : path-like, optional
        A folder for rows, configuration and the recipe; what is complete there is not computed again.
    overwrite : bool
        Replace what another search left in `out` instead of raising.
    threads : int, optional
        Threads of `nf.matmul`; 1: no second process either.
    progress : callable, optional
        ``progress(recipe, trainings)`` after each training.

    Raises
    ------
    NFloatError
        If a field cannot be, the data cannot be used, or `out` cannot be written or holds something else.

    Examples
    --------
    >>> import nfloat as nf
    >>> config = nf.drift.Config(data="blobs", recipes=("bf16-mixed",), steps=2, width=4, seeds=2)
    >>> answer = nf.drift.search(config, 0.5, formats=("bfloat16",), operands=(), layers=False)
    >>> answer.complete, answer.ratio >= 1.0
    (True, True)
    """
    kinds: Any = {"formats": formats, "operands": operands}
    kinds = {key: tuple(value) if isinstance(value, list) else value for key, value in kinds.items()}
    wanted = Search(run=config, budget=budget, against=against, layers=layers, trials=trials, **kinds)
    return run_search(wanted, out, overwrite=overwrite, threads=threads, progress=progress)


def run_search(
    wanted: Search,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Answer:
    """As `search`, of a `Search`.

    Raises
    ------
    NFloatError
        As `search`.
    """
    threads, trainable = check_threads(threads), wanted.run.trainable()
    if out is None:
        memory = _Memory()
        _work(wanted, trainable, memory, threads, progress)
        return Answer(wanted, memory.rows, trainable.digest)
    start = time.perf_counter()
    with open_folder(out, wanted, data_digest=trainable.digest, overwrite=overwrite) as folder:
        _work(wanted, trainable, folder, threads, progress)
        answer = Answer(wanted, folder.rows, trainable.digest)
        answer.write_recipe(folder.path)
        folder.finish(complete=True, seconds=round(time.perf_counter() - start, 3), threads=threads)
    return answer


class _Memory:
    """A sink that only keeps."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.append = self.rows.extend


class _Trainings:
    """The trainings of a search: those that are there, and those that are run when they are asked for."""

    def __init__(self, search: Search, sink: Sink, workers: Workers, progress: Progress | None) -> None:
        self.search, self.sink, self.workers, self.progress = search, sink, workers, progress
        self.twins = References(search.run, workers.trainable, workers.threads)
        self.ends: dict[tuple[str, int], End] = ends_of(sink.rows)

    def train(self, members: Sequence[Member]) -> Ends:
        """Train what is missing, seeds shared between the processes; the ends of all that has been trained."""
        missing = [member for member in members if (member.name, member.seed) not in self.ends]
        groups = [Group(list(of)) for _, of in itertools.groupby(missing, lambda member: member.seed)]
        if not groups:
            return self.ends
        # as many trainings as this one has will follow for every trial
        seconds = self.twins.of(self.search.run.seed).seconds * self.search.trials
        for rows in self.workers.share(groups, seconds).rows(self.twins.of):
            self.sink.append(rows)
            self.ends.update(ends_of(rows))
            if self.progress is not None:
                self.progress(members[-1].name, len(self.ends))
        return self.ends


def _work(search: Search, trainable: Trainable, sink: Sink, threads: int | None, progress: Progress | None) -> None:
    run = search.run
    if not counts_of(sink.rows):
        sink.append([_counted(run.seed, *key, count) for key, count in count_elements(trainable, run.seed).items()])
    seeds = range(run.seed, run.seed + (1 + search.trials) * run.seeds)  # those that choose, and all that confirm
    with Workers(run, trainable, threads, kept=seeds) as workers:
        follow(search, counts_of(sink.rows), _Trainings(search, sink, workers, progress).train)


def _counted(seed: int, layer: str, tensor: str, count: int) -> Row:
    return Row(recipe="float32", seed=seed, step=0, layer=layer, tensor=tensor, metric=ELEMENTS, value=float(count))
