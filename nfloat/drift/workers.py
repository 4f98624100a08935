"""Training an ensemble in two processes: rows come in the same order, and are the same to the bit, as from one.

A small network's step is a hundred short calls of Python, which threads cannot share; a second interpreter can. The
groups of an ensemble are taken from the front by this process and from the back by the other, which is there only where
there is much to do. If it fails, for whatever reason, this process does its part.

Where the cache of compiled kernels is empty they share that work too: the other process begins with a step of each
recipe, the last one first, while this one does what comes first.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import IO, Any, Self, cast

from .. import nn
from ..ops.threads import available
from .comparison import Comparison
from .ensemble import Group, References, run_group
from .rows import Row
from .trainable import Trainable
from .twin import Reference

#: seconds of work from which another process pays for its start (about two)
MUCH = 8.0

#: seconds that the quickest of steps takes
_STEP = 2e-4

_SERVE = "import sys; sys.path[:] = {path!r}; from nfloat.drift.workers import serve; serve()"


class Workers:
    """This process, and another one once it is needed; a context manager, within which groups can be shared.

    Parameters
    ----------
    config, trainable
        Of the run; where they cannot be pickled, there is no other process.
    threads : int, optional
        1: no other process. Otherwise passed to `nf.matmul`.
    kept : range, optional
        Seeds whose groups come again and again, so that their float64 twins are kept; by default the first one.
    """

    def __init__(
        self,
        config: Comparison,
        trainable: Trainable,
        threads: int | None,
        kept: range | None = None,
    ) -> None:
        self.config, self.trainable, self.threads = config, trainable, threads
        self.kept = range(config.seed, config.seed + 1) if kept is None else kept
        self.other: subprocess.Popen[bytes] | None = None
        #: writes what the other process begins with, which takes until that can read
        self.beginning: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.other is not None and self.beginning is not None:
            self.other.kill()
            self.beginning.join()
            self.other.communicate()

    def expect(self, steps: int) -> None:
        """Begin with the other process at once, if so many steps are worth its start however quick each is."""
        if _STEP * steps >= MUCH and self._may_start:
            self._start()

    def share(self, groups: Sequence[Group], seconds: float, *, apart: bool = False) -> Shared:
        """Begin with these groups, in the other process, if that is worth its start.

        Parameters
        ----------
        groups : sequence of Group
            What is to be trained.
        seconds : float
            About what one training takes; it decides about the other process, and about no bit.
        apart : bool
            Share groups of a seed whose twin is kept member by member.
        """
        cut = {seed for seed in self.kept if apart}
        shared = [each for group in groups for each in (_members(group) if group.seed in cut else [group])]
        alone = len(shared) < 2
        count = len([member for group in groups for member in group.members])
        if seconds * count >= MUCH and not alone and self._may_start:
            self._start()
        return Shared(self, shared, None if alone else self.other)

    @property
    def _may_start(self) -> bool:
        return self.other is None and self.threads != 1 and available() > 1

    def _start(self) -> None:
        try:
            work = pickle.dumps((self.config, self.trainable, self.kept))
        except (pickle.PicklingError, AttributeError, TypeError):
            return  # a function of the caller's that only this process knows
        command = [sys.executable, "-c", _SERVE.format(path=sys.path)]
        pipe = subprocess.PIPE
        # in a session of its own, so that an interruption reaches this process alone
        with contextlib.suppress(OSError):  # then there is none
            self.other = subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)
            to = cast("IO[bytes]", self.other.stdin)
            self.beginning = threading.Thread(target=_write_if_read, args=(to, work), daemon=True)
            self.beginning.start()


def _members(group: Group) -> list[Group]:
    return [Group([member]) for member in group.members]


class Shared:
    """Groups in work: the other process takes them from the back, at once; `rows` from the front."""

    def __init__(self, workers: Workers, groups: Sequence[Group], other: subprocess.Popen[bytes] | None) -> None:
        self._workers, self._todo, self._lock = workers, deque(enumerate(groups)), threading.Lock()
        self.size = len([member for group in groups for member in group.members])
        self._taken: dict[int, Group] = {}
        self._done: dict[int, list[list[Row]]] = {}
        self._thread = None if other is None else threading.Thread(target=self._ask, args=(other,), daemon=True)
        if self._thread is not None:
            self._thread.start()

    def rows(self, twin: Callable[[int], Reference]) -> Iterator[list[Row]]:
        """The rows of each member, in their order; `twin` gives the float64 reference of a seed that is kept."""
        while (taken := self._take(first=True)) is not None:
            yield from self._own(taken[1], twin)
        if self._thread is not None:
            self._thread.join()
        for place, group in sorted(self._taken.items()):
            yield from self._done[place] if place in self._done else self._own(group, twin)

    def _own(self, group: Group, twin: Callable[[int], Reference]) -> Iterator[list[Row]]:
        of = self._workers
        return run_group(
            of.config, of.trainable, group, of.threads, twin(group.seed) if group.seed in of.kept else None
        )

    def _take(self, *, first: bool) -> tuple[int, Group] | None:
        with self._lock:
            if not self._todo:
                return None
            place, group = self._todo.popleft() if first else self._todo.pop()
            if not first:
                self._taken[place] = group
            return place, group

    def _ask(self, other: subprocess.Popen[bytes]) -> None:
        """Give the other process one group after the other, until none is left or it fails."""
        to, back = cast("IO[bytes]", other.stdin), cast("IO[bytes]", other.stdout)
        if self._workers.beginning is not None:
            self._workers.beginning.join()
        try:
            while (taken := self._take(first=False)) is not None:
                _send(to, taken[1])
                self._done[taken[0]] = pickle.load(back)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            return  # what it has taken is done by `rows`


def serve() -> None:
    """The other process: reads configuration and data, then groups, and writes their rows, until its input ends.

    Where the first one is killed it ends too, and says nothing.
    """
    read, write = sys.stdin.buffer, sys.stdout.buffer
    try:
        config, trainable, kept = pickle.load(read)
    except _ENDED:
        return
    _compile(config, trainable)
    twins = References(config, trainable, 1)
    while True:
        try:
            group = pickle.load(read)
        except _ENDED:
            return
        rows = list(run_group(config, trainable, group, 1, twins.of(group.seed) if group.seed in kept else None))
        try:
            _send(write, rows)
        except OSError:
            os._exit(0)  # what is left to be written could only fail again


def _compile(config: Comparison, trainable: Trainable) -> None:
    """Have the kernels of each recipe, the last one first: compiled, or loaded. Nothing else comes of it."""
    with contextlib.suppress(Exception):  # what stops a step stops the training too, and is said by that
        for name in reversed(config.recipes):
            trainable.begin(nn.recipe(name), config.seed, 1).step()


#: what reading gives where the process that wrote is gone, at a message's end or within it
_ENDED = (EOFError, OSError, pickle.UnpicklingError)


def _send(to: IO[bytes], value: Any) -> None:
    _write(to, pickle.dumps(value))


def _write_if_read(to: IO[bytes], text: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):  # it died at once, or was closed: that is seen when it is asked
        _write(to, text)


def _write(to: IO[bytes], text: bytes) -> None:
    to.write(text)
    to.flush()
