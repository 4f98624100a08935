"""`run`: all recipes of a configuration, one after the other, each beside its float64 twin."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from .. import nn
from .config import Config
from .folder import complete_recipes, open_folder
from .result import Result
from .rows import Row
from .twin import Reference, run_recipe, run_reference

#: called as (recipe, updates done) after each step
Progress = Callable[[str, int], None]

#: the name under which the float64 twin reports its progress
TWIN = "float64 twin"


class Sink(Protocol):
    """Where rows go as they come: an open folder, or memory."""

    rows: list[Row]

    def append(self, rows: list[Row]) -> None:
        """Take the rows of one step."""


def run(
    config: Config,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Train under each recipe of `config` and measure how far it drifts from float64.

    The rows depend on `config` (and the data) alone: neither on `threads` nor on an interruption.

    Parameters
    ----------
    config : Config
        What to run.
    out : path-like, optional
        A folder into which rows are written as they come, and configuration and provenance with them; recipes that
        are complete there are not computed again. None: nothing is written (`Result.write` does it afterwards).
    overwrite : bool
        Replace what another configuration left in `out` instead of raising.
    threads : int, optional
        Threads of `nf.matmul`; None: as `nf.matmul` decides.
    progress : callable, optional
        ``progress(recipe, updates_done)`` after each step, of the twin first (as `TWIN`); once, with all of them, for a
        recipe that was complete already.

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
    data = nn.load_data(config.data)
    nn.batches(
        len(data.train_x), config.batch, config.seed
    )  # refuses a batch that is too large before a folder is made
    digest = data_digest(data)
    if out is None:
        return Result(config, _all_recipes(config, data, _Memory(), threads, progress), digest)
    start = time.perf_counter()
    with open_folder(out, config, data_digest=digest, overwrite=overwrite) as folder:
        rows = _all_recipes(config, data, folder, threads, progress)
        result = Result(config, rows, digest)
        folder.finish(complete=True, seconds=round(time.perf_counter() - start, 3), threads=threads)
    return result


def data_digest(data: nn.Dataset) -> str:
    """SHA-256 of the examples, in their order: what a file's name alone does not say."""
    digest = hashlib.sha256()
    for array in (data.train_x, data.train_y, data.test_x, data.test_y):
        digest.update(f"{array.shape} {array.dtype.str} ".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class _Memory:
    """A sink that only keeps."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.append = self.rows.extend


def _all_recipes(
    config: Config, data: nn.Dataset, sink: Sink, threads: int | None, progress: Progress | None
) -> list[Row]:
    reference: Reference | None = None
    complete = complete_recipes(sink.rows, config)
    for name in config.recipes:
        if name in complete:
            if progress is not None:
                progress(name, config.steps)
            continue
        if reference is None:
            reference = run_reference(config, data, threads, progress and partial(progress, TWIN))
        for done, rows in run_recipe(config, name, data, reference, threads):
            sink.append(rows)
            if progress is not None:
                progress(name, done)
    return sink.rows
