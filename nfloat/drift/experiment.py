"""`run`: all recipes of a configuration, each beside its float64 twin; then what judges and what explains them.

The order stands in ``plan.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

from ..errors import check_callable, check_kind
from ..ops.threads import check_threads
from .comparison import Comparison
from .ensemble import Group
from .estimate import Estimate, estimate
from .events import BEGIN, END, FINISHED, STEP, TRAINED, Callback, Event
from .folder import open_folder
from .members import TWIN, Member
from .plan import Training, complete_trainings, stages, trainings
from .result import Result
from .rows import Row
from .trainable import Trainable
from .twin import Reference, run_recipe, run_reference
from .workers import Shared, Workers

#: called as (recipe, updates done) after each step
Progress = Callable[[str, int], None]


class Sink(Protocol):
    """Where rows go as they come: an open folder, or memory."""

    rows: list[Row]

    def append(self, rows: list[Row]) -> None:
        """Take the rows of one step."""


def run(
    config: Comparison,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
    callback: Callback | None = None,
    announce: Callable[[Estimate], None] | None = None,
) -> Result:
    """Train under each recipe of `config` and measure how far it drifts from float64.

    The rows depend on `config` (and the data) alone: neither on `threads` nor on an interruption.

    Parameters
    ----------
    config : Config or Experiment
        What to run.
    out : path-like, optional
        A folder into which rows are written as they come, and configuration and provenance with them; what is
        complete there is not computed again. None: nothing is written (`Result.write` does it afterwards).
    overwrite : bool
        Replace what another configuration left in `out` instead of raising.
    threads : int, optional
        Threads of `nf.matmul`; None: as `nf.matmul` decides. 1: no second process for the other seeds either.
    progress : callable, optional
        ``progress(recipe, updates_done)`` after each step, of the twin first (as `TWIN`); once, with all of them, for a
        recipe that was complete already. The stages of ``plan.py`` follow, each as if it were one more recipe.

    callback : callable, optional
        ``callback(event)``: told of every step and every training with its rows (``events.py``).
    announce : callable, optional
        ``announce(estimate)``, before the first step: how many trainings are left, and about how long they take, as
        ``str(estimate)`` says; only for this are a few steps tried. Not called where nothing is left to be measured.

    Raises
    ------
    NFloatError
        If the data cannot be used, or `out` cannot be written or holds another run's rows.

    Examples
    --------
    >>> import nfloat as nf
    >>> result = nf.drift.run(nf.drift.Config(data="blobs", recipes=("float64", "bf16-pure"), steps=3, width=8))
    >>> [item["recipe"] for item in result.summary], result.summary[0]["train_loss_gap"]
    (['float64', 'bf16-pure'], 0.0)
    """
    check_kind("config", config, Comparison, "a configuration, such as nf.drift.Config()")
    for name, given in (("progress", progress), ("callback", callback), ("announce", announce)):
        check_callable(name, given)
    threads, tell = check_threads(threads), callback or _untold
    trainable = config.trainable()

    def rows_into(sink: Sink) -> list[Row]:
        done = set(complete_trainings(sink.rows, config))
        with Workers(config, trainable, threads) as workers:
            workers.expect(config.steps * len(set(trainings(config, sink.rows)) - done))
            if announce is not None and (left := estimate(config, trainable, done, threads)) is not None:
                announce(left)
            return _everything(workers, sink, done, progress, tell)

    if out is None:
        return Result(config, rows_into(_Memory()), trainable.digest)
    start = time.perf_counter()
    with open_folder(out, config, data_digest=trainable.digest, overwrite=overwrite) as folder:
        result = Result(config, rows_into(folder), trainable.digest)
        folder.finish(complete=True, seconds=round(time.perf_counter() - start, 3), threads=threads)
    return result


class _Memory:
    """A sink that only keeps."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.append = self.rows.extend


def _everything(
    workers: Workers, sink: Sink, done: set[Training], progress: Progress | None, tell: Callback
) -> list[Row]:
    """The rows of every stage."""
    config, trainable = workers.config, workers.trainable
    twin = _Twin(config, trainable, workers.threads, progress)
    ensemble, *later = stages(config)

    def share(groups: list[Group]) -> Shared:
        return workers.share(groups, twin.reference.seconds if groups else 0.0, apart=True)

    shared = share(_missing(ensemble[1](sink.rows), done))
    for name in config.recipes:
        if (name, config.seed) not in done:
            tell(Event(BEGIN, name, config.seed, 0))
            for steps, rows in run_recipe(config, name, trainable, twin.reference, workers.threads):
                sink.append(rows)
                tell(Event(STEP, name, config.seed, steps, rows))
                _report(progress, name, steps)
            tell(Event(END, name, config.seed, config.steps))
        else:
            _report(progress, name, config.steps)
    _work_off(shared, ensemble[0], config, sink, twin, progress, tell)
    for name, groups in later:
        missing = _missing(groups(sink.rows), done)
        if missing:
            _work_off(share(missing), name, config, sink, twin, progress, tell)
    tell(Event(FINISHED, "", config.seed, config.steps))
    return sink.rows


def _work_off(
    shared: Shared,
    name: str,
    config: Comparison,
    sink: Sink,
    twin: _Twin,
    progress: Progress | None,
    tell: Callback,
) -> None:
    """Train what is missing of a stage; all of it counts as so many steps as a recipe has."""
    for count, rows in enumerate(shared.rows(lambda _: twin.reference), start=1):
        sink.append(rows)
        tell(Event(TRAINED, rows[0]["recipe"], rows[0]["seed"], config.steps, rows))
        _report(progress, name, config.steps * count // shared.size)
    if not shared.size:
        _report(progress, name, config.steps)


def _missing(groups: list[list[Member]], done: set[Training]) -> list[Group]:
    """The groups without the members that are complete."""
    left = ([member for member in group if (member.name, member.seed) not in done] for group in groups)
    return [Group(group) for group in left if group]


def _untold(event: Event) -> None:
    """Nobody asked."""


def _report(progress: Progress | None, name: str, steps: int) -> None:
    if progress is not None:
        progress(name, steps)


class _Twin:
    """The float64 twin of the first seed, trained when it is first asked for."""

    def __init__(
        self, config: Comparison, trainable: Trainable, threads: int | None, progress: Progress | None
    ) -> None:
        self._how = config, trainable, threads, progress and partial(progress, TWIN)

    @cached_property
    def reference(self) -> Reference:
        """What it did."""
        return run_reference(*self._how)
