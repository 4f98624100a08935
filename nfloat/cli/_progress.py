"""The progress of a long command, on stderr: a bar on a terminal (if rich is there), else a line per part that is done.

Never on stdout, so that a table or JSON can be piped while the bar is running.
"""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any

import click


class Progress:
    """Counts steps of named parts; a context manager.

    Parameters
    ----------
    parts : int
        How many parts (recipes, kernels) there are.
    steps : int
        Steps of each part.
    """

    def __init__(self, parts: int, steps: int) -> None:
        self._parts, self._steps = parts, steps
        self._index = 0
        self._name = ""
        self._since = time.monotonic()
        self._bar = _rich_bar()
        self._task = None

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("", total=self._parts * self._steps)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, name: str, step: int) -> None:
        """Part `name` has done `step` of its steps; all at once if it need not be computed."""
        first = name != self._name
        if first:
            self._index = self._index + 1
            self._parts = max(self._parts, self._index)  # what follows from results was not foreseen
            self._name = name
            self._since = time.monotonic()
        if self._bar is not None:
            done = (self._index - 1) * self._steps + step
            self._bar.update(self._task, completed=done, description=f"{self._index}/{self._parts} {name}")
        elif step == self._steps:
            seconds = time.monotonic() - self._since
            how = "was there already" if first and step > 1 else f"{step} steps in {seconds:.1f} s"
            click.echo(f"[{self._index}/{self._parts}] {name}: {how}", err=True)

    def note(self, text: object) -> None:
        """Say a line beside the bar."""
        if self._bar is not None:
            self._bar.console.print(str(text), markup=False, highlight=False)
        else:
            click.echo(str(text), err=True)


class Counter:
    """Counts what is done of a number of equal things, and says what is left of the time; a context manager.

    Called with anything that has `done`, `failed`, `total` and `left` (seconds, or None).
    """

    #: seconds between two lines, where there is no bar
    _EVERY = 10.0

    def __init__(self, things: str) -> None:
        self._things = things
        self._bar = _rich_bar()
        self._task = None
        self._said = time.monotonic()

    def __enter__(self) -> Counter:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, state: Any) -> None:
        """So many are done."""
        over = state.done + state.failed
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(self._things, total=state.total)
            self._bar.update(self._task, completed=over)
        elif over == state.total or time.monotonic() - self._said > self._EVERY:
            self._said = time.monotonic()
            left = "" if state.left is None or over == state.total else f", about {state.left:.0f} s left"
            failed = f", {state.failed} given up" if state.failed else ""
            click.echo(f"{over} of {state.total} {self._things}{failed}{left}", err=True)


def _rich_bar() -> Any:  # rich's type, which is not there without the extra
    """rich's bar if stderr is a terminal and rich is installed, else None."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return None
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        return None
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
