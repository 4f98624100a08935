"""`Processes`: an executor on this machine whose workers may die, hang or run out of memory without taking it along.

`concurrent.futures.ProcessPoolExecutor` gives up all its work when one process dies. Here each worker is a process of
its own with a thread that feeds it; a death fails the one `Work` it was at, with its reason, and another process takes
its place. Workers are started like ``nfloat.drift``'s second process: no ``if __name__ == "__main__"`` is asked of the
caller, and an interruption reaches the caller alone.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import IO, Any, cast

from ..errors import ArgumentError, as_integer
from ..ops.threads import available
from .work import TOO_LONG, Work

_SERVE = "import sys; sys.path[:] = {path!r}; from nfloat.sweep.processes import serve; serve({memory!r})"
#: seconds beyond what the cells of a `Work` may take, after which a worker that says nothing is killed
_PATIENCE = 5.0
#: seconds within which a process has started, on a machine with other things to do
_START = 300.0


class WorkerDied(Exception):  # noqa: N818 - said of a process, and answered by another one
    """The worker's process ended at its work; the text says how."""


class Processes(Executor):
    """An executor of `Work` in other processes.

    Parameters
    ----------
    workers : int, optional
        How many; None: as many as this machine has CPUs.
    memory : int, optional
        Bytes that a worker may allocate (Linux); None: no limit.

    Raises
    ------
    ArgumentError
        If either is no integer of at least 1.
    """

    def __init__(self, workers: int | None = None, *, memory: int | None = None) -> None:
        for key, value in (("workers", workers), ("memory", memory)):
            if value is not None and (as_integer(value) is None or value < 1):
                raise ArgumentError(f"{key}={value!r} must be an integer of at least 1")
        self.workers = workers or available()
        self._memory, self._closed = memory, False
        self._queue: queue.SimpleQueue[tuple[Future[Any], bytes, float | None] | None] = queue.SimpleQueue()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._threads = [threading.Thread(target=self._feed, daemon=True) for _ in range(self.workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function called in a worker; one that is given a `Work` is killed if it takes too long.

        Raises
        ------
        ArgumentError
            If a task is the program's own (of ``__main__``).
        """
        if self._closed:
            raise RuntimeError("this executor has been shut down")
        future: Future[Any] = Future()
        work = args[0] if args and isinstance(args[0], Work) else None
        if work is not None and "__main__" in (work.task.measure.__module__, work.task.cell.__module__):
            raise ArgumentError(
                f"task={work.task.name!r} stands in the program itself, where another process does not find it; "
                "put it into a module of its own"
            )
        limit = None if work is None or work.seconds is None else work.seconds * len(work.cells) + _PATIENCE
        self._queue.put((future, pickle.dumps((fn, args, kwargs)), limit))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the workers end: after what is waiting, or, with `cancel_futures`, now and whatever they are at."""
        self._closed = True
        if cancel_futures:
            with contextlib.suppress(queue.Empty):
                while True:
                    waiting = self._queue.get_nowait()
                    if waiting is not None:
                        waiting[0].cancel()
            for process in list(self._running):
                process.kill()
        for _ in self._threads:
            self._queue.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _feed(self) -> None:
        """One worker's life, process after process."""
        process: subprocess.Popen[bytes] | None = None
        while (waiting := self._queue.get()) is not None:
            future, call, limit = waiting
            if not future.set_running_or_notify_cancel():
                continue
            process = process or self._start()
            try:
                future.set_result(_ask(process, call, limit))
            except WorkerDied as death:
                self._end(process)
                process = None
                future.set_exception(death)
            except BaseException as error:  # what the function itself raised
                future.set_exception(error)
        if process is not None:
            self._end(process)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _SERVE.format(path=sys.path, memory=self._memory)]
        # in a session of its own, so that an interruption reaches the caller alone
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, bufsize=0
        )
        self._running.add(process)
        with contextlib.suppress(WorkerDied):  # said when it is asked for something
            _answer(process, _START)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.communicate()
        self._running.discard(process)


def _ask(process: subprocess.Popen[bytes], call: bytes, limit: float | None) -> Any:
    """Have a call made; what it gave, or what it raised.

    Raises
    ------
    WorkerDied
        If the process ended before it answered, or was ended because it did not.
    """
    try:
        _write(cast("IO[bytes]", process.stdin), call)
    except OSError:
        raise WorkerDied(_how(process.wait())) from None
    ok, value = _answer(process, limit)
    if ok:
        return value
    raise value


def _answer(process: subprocess.Popen[bytes], limit: float | None) -> tuple[bool, Any]:
    """The next thing that a worker says.

    Raises
    ------
    WorkerDied
        If it says nothing within so many seconds, or never will.
    """
    back = cast("IO[bytes]", process.stdout)
    try:
        if sys.platform != "win32" and not select.select([back], [], [], limit)[0]:
            raise WorkerDied(f"no answer within {limit:g} s")
        ok, value = pickle.loads(_read(back))
    except (OSError, EOFError, pickle.UnpicklingError):
        raise WorkerDied(_how(process.wait())) from None
    return ok, value


def _how(code: int) -> str:
    """What an exit code says."""
    if code == TOO_LONG:
        return "the cell took longer than its time limit"
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        may_be = " (the system's answer to too little memory is one)" if name == "SIGKILL" else ""
        return f"the worker was ended by {name}{may_be}"
    return f"the worker ended with exit code {code}"


def _write(to: IO[bytes], message: bytes) -> None:
    view = memoryview(len(message).to_bytes(8, "little") + message)
    while view:
        view = view[to.write(view) :]


def _read(back: IO[bytes]) -> bytes:
    size = int.from_bytes(_exactly(back, 8), "little")
    return _exactly(back, size)


def _exactly(back: IO[bytes], count: int) -> bytes:
    parts = []
    while count:
        part = back.read(count)
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def serve(memory: int | None) -> None:
    """A worker: reads calls and writes what they gave, until its input ends."""
    if memory is not None and sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()
    # what a task prints must not stand between answers
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    calls = sys.stdin.buffer
    _write(answers, pickle.dumps((True, None)))  # it has started: what follows is the cells' time
    while True:
        try:
            call = _read(calls)
        except EOFError:
            return
        try:
            function, args, kwargs = pickle.loads(call)
            answer = pickle.dumps((True, function(*args, **kwargs)))
        except Exception as error:
            answer = pickle.dumps((False, error))
        try:
            _write(answers, answer)
        except OSError:
            return  # whoever asked is gone


def _follow(parent: int) -> None:
    """End this process when the one that started it has ended, whatever it is at."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)
