"""Change one line of nfloat at a time.

Does a test notice? A line that no test sees is a line whose meaning nobody checks.

The mutations stand in the ``*.toml`` files beside this one, by room. Each is a table ``[[mutation]]`` with

    name    what it is called here, unlike any other
    file    the file it changes, from the repository's root
    old     a piece of text that occurs there exactly once
    new     what it becomes
    tests   the tests that must see it: files or node ids, the smallest that do
    why     the rule it breaks, in one line
    needs   a feature of the CPU without which nothing runs that line (optional; elsewhere the mutation is left out)
    cpu     a kind of CPU that alone runs it, one of ``tests/other_cpus.py`` (optional): the tests are compiled for it

To add one, add a table (``tests/policy/test_mutations.py`` checks what stands above) and run it by its name:

    python tests/mutations/run.py to-odd-steps-away

Every run has a copy of the tree in a temporary folder, so that the checkout is never changed, and a cache folder of its
own: compiled code of a mutated kernel is thrown away, since its digest will not come again. First the tests run once
without a mutation, and must pass.

Exit code: 0, or 1 if a mutation survives (or no test ran), or 2 for a mistake in what is asked.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: what the tests read
_COPIED = ("nfloat", "tests", "examples", "bench", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE")
#: the sources that the cache's digest covers: see ``nfloat/kernels/jit.py``
_DIGESTED = ("nfloat/kernels/", "nfloat/formats/")
#: how a failure's reason begins where a test asserted something
_ASSERTED = ("assert", "AssertionError", "Failed: DID NOT")


sys.path[:0] = [str(ROOT), str(HERE.parent)]
from other_cpus import CPUS, compiled_for


class Mutation(NamedTuple):
    """One change; see the module."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    why: str
    room: str
    needs: str = ""
    cpu: str = ""


class Outcome(NamedTuple):
    """What became of a mutation.

    `seen`: a test failed; `by`: which one, and why if for another reason than an assertion.
    """

    mutation: Mutation
    seen: bool
    by: str
    seconds: float


def load(folder: Path = HERE) -> list[Mutation]:
    """All mutations, room by room."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        for table in tomllib.loads(path.read_text())["mutation"]:
            found.append(Mutation(**{**table, "tests": tuple(table["tests"])}, room=path.stem))
    return found


class Copy:
    """A copy of the tree, and cache folders for it."""

    def __init__(self, folder: Path, timeout: float) -> None:
        self._tree, self._cache, self._timeout = folder / "tree", folder / "cache", timeout
        self._tree.mkdir(parents=True)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self._tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy2(source, self._tree / name)

    def outcome(self, mutation: Mutation) -> Outcome:
        """The mutation applied, its tests run, the mutation taken back.

        With the file's time, which Numba's cache looks at.
        """
        path, start = self._tree / mutation.file, time.monotonic()
        text, times = path.read_text(), path.stat()
        if text.count(mutation.old) != 1:
            return Outcome(mutation, False, f"`old` occurs {text.count(mutation.old)} times in {mutation.file}", 0.0)
        path.write_text(text.replace(mutation.old, mutation.new))
        own = tempfile.mkdtemp(dir=self._tree.parent) if mutation.file.startswith(_DIGESTED) else None
        try:
            seen, by = self.run(mutation.tests, mutation.cpu, Path(own) if own else None)
        finally:
            path.write_text(text)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
            if own:
                shutil.rmtree(own, ignore_errors=True)
        return Outcome(mutation, seen, by, time.monotonic() - start)

    def run(
        self, tests: Iterable[str], cpu: str = "", cache: Path | None = None, stop: bool = True
    ) -> tuple[bool, str]:
        """Whether a test failed, and which. Tests that hang fail."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--tb=no",
            *(["-x"] if stop else []),
            *tests,
        ]
        environment = os.environ | {
            "PYTHONPATH": str(self._tree),
            "NFLOAT_CACHE_DIR": str(cache or self._cache),
            "NFLOAT_QUIET": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "400",
            **(compiled_for(*CPUS[cpu]) if cpu else {}),
        }
        process = subprocess.Popen(
            command,
            cwd=self._tree,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=self._timeout if stop else None)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return True, f"hung ({self._timeout:.0f} s)"
        if process.returncode < 0:
            return True, f"killed by signal {-process.returncode}"
        return process.returncode in (1, 2), first_failure(output, process.returncode)


def first_failure(output: str, code: int) -> str:
    """The test that pytest's summary names first, with the reason if it is no assertion."""
    found = re.search(r"^(FAILED|ERROR) (\S+(?: \S+)*?)(?: - (.*))?$", output, re.MULTILINE)
    if found is None:
        return "" if code == 0 else f"no test ran (pytest's exit code {code}): {output[-300:].strip()}"
    test, reason = found.group(2), found.group(3) or ""
    return test if reason.startswith(_ASSERTED) or not reason else f"{test} ({reason[:80]})"


def outcomes(mutations: list[Mutation], jobs: int, folder: Path, timeout: float) -> Iterator[Outcome]:
    """The mutations one after the other, `jobs` at a time; each job has its copy."""
    copies: SimpleQueue[Copy] = SimpleQueue()
    for number in range(jobs):
        copies.put(Copy(folder / str(number), timeout))

    def one(mutation: Mutation) -> Outcome:
        copy = copies.get()
        try:
            return copy.outcome(mutation)
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(jobs) as pool:
        pending = [pool.submit(one, mutation) for mutation in mutations]
        try:
            for future in pending:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def passes_unchanged(mutations: list[Mutation], folder: Path, timeout: float) -> bool:
    """Whether the tests pass without a mutation; what fails is printed."""
    copy = Copy(folder / "unchanged", timeout)
    asked = {(m.cpu, "::" in test, test) for m in mutations for test in m.tests}
    # beside a whole file pytest passes over a test of it that is not there
    for (cpu, _), group in groupby(sorted(asked), lambda entry: entry[:2]):
        failed, by = copy.run([test for *_, test in group], cpu, stop=False)
        if failed or by:
            print(f"without a mutation: {by}", file=sys.stderr)
            return False
    return True


def chosen(mutations: list[Mutation], wanted: list[str]) -> list[Mutation]:
    """Those whose name, room or file is wanted; all, if nothing is named."""
    if not wanted:
        return mutations
    for word in wanted:
        if not any(word in (m.name, m.room, m.file) for m in mutations):
            sys.exit(_usage(f"{word!r} is neither a mutation's name, nor a room, nor a file that one changes"))
    return [m for m in mutations if {m.name, m.room, m.file} & set(wanted)]


def possible(mutations: list[Mutation]) -> list[Mutation]:
    """Those whose line this CPU runs; the others are named."""
    from llvmlite import binding

    known = binding.get_host_cpu_features()
    without = [m for m in mutations if (m.needs and not known.get(m.needs, False)) or (m.cpu and m.cpu not in CPUS)]
    if without:
        print(f"left out on this CPU: {', '.join(m.name for m in without)}", file=sys.stderr)
    return [m for m in mutations if m not in without]


def _usage(message: str) -> int:
    print(f"run.py: {message}", file=sys.stderr)
    return 2


def line(outcome: Outcome) -> str:
    """File, mutation, the test that saw it, seconds."""
    m = outcome.mutation
    verdict = f"{'seen by' if outcome.seen else 'SURVIVED'} {outcome.by}"
    return f"{m.file}: {m.name}: {verdict} ({outcome.seconds:.0f} s)"


def report(mutations: list[Mutation], jobs: int, folder: Path, timeout: float, keep_going: bool) -> int:
    """One line a mutation, then a summary; the exit code."""
    survivors, done = [], 0
    for outcome in outcomes(mutations, jobs, folder, timeout):
        print(line(outcome), flush=True)
        done += 1
        if not outcome.seen:
            survivors.append(outcome.mutation.name)
            if not keep_going:
                break
    print(
        f"{done} of {len(mutations)} mutations, {done - len(survivors)} seen"
        + (f", SURVIVED: {', '.join(survivors)}" if survivors else "")
    )
    return 1 if survivors else 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Change one line at a time: does a test notice?")
    parser.add_argument(
        "wanted", nargs="*", help="names of mutations, rooms (files here, without .toml), or files that are changed"
    )
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument("--list", action="store_true", help="print the mutations and do nothing")
    parser.add_argument("--keep-going", action="store_true", help="go on after one that survives")
    parser.add_argument(
        "--unchanged",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="first run the tests without a mutation",
    )
    parser.add_argument(
        "--timeout", type=float, default=600.0, help="seconds after which a mutation's tests count as hung"
    )
    asked = parser.parse_args()
    if asked.jobs < 1:
        return _usage(f"--jobs {asked.jobs} must be at least 1")
    mutations = possible(chosen(load(), asked.wanted))
    if asked.list:
        print("\n".join(f"{m.room}: {m.name}: {m.file}: {m.why}" for m in mutations))
        return 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        if asked.unchanged and not passes_unchanged(mutations, Path(folder), asked.timeout):
            return 1
        return report(mutations, asked.jobs, Path(folder), asked.timeout, asked.keep_going)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the folder of the copies goes
    sys.exit(main())
