"""The folder of a run: what is there already, and rows appended as they come.

    DIR/config.toml       what to run; the run again, to the bit
    DIR/rows.jsonl        the measurements (``rows.py``)
    DIR/provenance.json   when, where, how long, with which versions: all that may differ between two equal runs
    DIR/report.html       the page made from the first two

Rows that are there are continued only by a run whose marks (digests of what its bits depend on) are the same, so a run
that was interrupted ends in the same ``rows.jsonl`` as one that was not. ``provenance.json`` also says how many rows
there are and their digest: rows that were changed, lost or doubled since are refused.

What nfloat did not write is never replaced: a folder that it did not make is written into only where that is said
(`overwrite`) and none of the four names is taken. One process at a time writes into a folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Generic, NamedTuple, Self

from ..errors import ArgumentError
from ..files import FolderLock, as_path, is_begun, read_text, reason, replace_text
from .provenance import surroundings
from .rows import AnyRow, parsed, read_lines, to_lines

#: seconds after which appended rows are vouched for in the provenance: what an interruption makes a run do again
_EVERY = 0.5
CONFIG, ROWS, PROVENANCE, REPORT = "config.toml", "rows.jsonl", "provenance.json", "report.html"


class Mark(NamedTuple):
    """A digest that must agree for rows to be continued, and what the rows are of if it does not."""

    digest: str
    otherwise: str


class Vouched(NamedTuple):
    """How many rows there are, and the digest of their lines."""

    rows: int
    rows_sha256: str


_NO_ROWS = Vouched(0, hashlib.sha256(b"").hexdigest())


class RunFolder(Generic[AnyRow]):
    """A folder opened for one run; a context manager that owns the open ``rows.jsonl``.

    Parameters
    ----------
    path : path-like
        Made if it is not there.
    config : str
        The text of ``config.toml``: what will be run into it.
    marks : mapping
        name -> `Mark`, by which rows are known to be of the same run.
    parse : callable
        A line -> its row.
    continued : callable
        The rows that are there -> those to go on from.
    overwrite : bool
        Drop the rows of another run instead of refusing.

    Raises
    ------
    ArgumentError
        If the folder cannot be written, is somebody else's, is being written by another process, or holds rows that
        this run cannot continue.
    """

    def __init__(
        self,
        path: str | Path,
        config: str,
        marks: Mapping[str, Mark],
        *,
        parse: Callable[[str], AnyRow],
        continued: Callable[[list[AnyRow]], list[AnyRow]] = list,
        overwrite: bool = False,
    ) -> None:
        self.path = as_path(path, "out")
        self._marks = marks
        self._changed = False
        with claim(self.path, overwrite) as self._lock:
            there = [] if overwrite else self._found(parse)
            self.rows: list[AnyRow] = continued(there)
            with folder_errors(self.path):
                self._open(config, there)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._changed and self._vouched_rows < len(self.rows):
                with contextlib.suppress(OSError):  # a full disk has been said by `append` already
                    self._write_provenance({"complete": False})
        finally:
            self._file.close()
            self._lock.release()

    def append(self, rows: Iterable[AnyRow]) -> None:
        """Write rows at the end of the file, at once: an interruption loses none that was appended.

        Raises
        ------
        ArgumentError
            If the file cannot be written; what was written before is kept.
        """
        rows = list(rows)
        text = to_lines(rows).encode("utf-8")
        self._changed = True
        with folder_errors(self.path, "the rows written before are kept; make room and run the same again"):
            self._file.write(text)
            self.rows.extend(rows)
            self._digest.update(text)
            if time.monotonic() - self._vouched_at > _EVERY:
                self._write_provenance({"complete": False})

    def rearrange(self, rows: Iterable[AnyRow]) -> None:
        """Put these rows in the place of those that are there."""
        rows = list(rows)
        if rows != self.rows:
            self._file.close()
            with folder_errors(self.path):
                self._begin(rows, self._now())

    def finish(self, **facts: object) -> None:
        """Add `facts` (durations, threads, whether the run is complete) and the surroundings to the provenance.

        Not for a folder in which nothing was left to do: its provenance tells how its rows were made.
        """
        if self._changed or not self._provenance().get("complete"):
            with folder_errors(self.path):
                self._write_provenance({**facts, **surroundings()})

    def _open(self, config: str, there: list[AnyRow]) -> None:
        """Make the four files what this run begins with, and clear away what a kill left half-written."""
        for name in os.listdir(self.path):
            if is_begun(name):
                (self.path / name).unlink(missing_ok=True)
        if not (self.path / PROVENANCE).exists():  # first: it tells whose folder this is
            replace_text(self.path / PROVENANCE, self._provenance_text(_NO_ROWS, {"complete": False}))
        if not (self.path / CONFIG).exists() or read_text(self.path / CONFIG) != config:
            replace_text(self.path / CONFIG, config)
        if there and self.rows == there and self._provenance().get("complete"):
            self._digest = hashlib.sha256((self.path / ROWS).read_bytes())
            self._file = (self.path / ROWS).open("ab", buffering=0)
            self._vouched_rows, self._vouched_at = len(self.rows), time.monotonic()
        else:
            self._begin(self.rows, (_vouched(self._provenance()) if there else None) or _NO_ROWS)

    def _begin(self, rows: list[AnyRow], before: Vouched) -> None:
        """The file of rows, begun anew with these and open for more; the provenance vouches for both on the way."""
        text = to_lines(rows)
        self._digest = hashlib.sha256(text.encode("utf-8"))
        self.rows = rows
        after = {"next": self._now()._asdict(), "complete": False}
        replace_text(self.path / PROVENANCE, self._provenance_text(before, after))
        replace_text(self.path / ROWS, text)
        self._file = (self.path / ROWS).open("ab", buffering=0)
        self._write_provenance({"complete": False})

    def _now(self) -> Vouched:
        return Vouched(len(self.rows), self._digest.hexdigest())

    def _write_provenance(self, facts: Mapping[str, object]) -> None:
        replace_text(self.path / PROVENANCE, self._provenance_text(self._now(), facts))
        self._vouched_rows, self._vouched_at = len(self.rows), time.monotonic()

    def _provenance_text(self, vouched: Vouched, facts: Mapping[str, object]) -> str:
        digests = {key: mark.digest for key, mark in self._marks.items()}
        return json.dumps({**digests, **vouched._asdict(), **facts}, indent=2) + "\n"

    def _found(self, parse: Callable[[str], AnyRow]) -> list[AnyRow]:
        """The rows already there, if their marks are this run's."""
        rows = self.path / ROWS
        if not rows.exists() or (rows.is_file() and rows.stat().st_size == 0):
            return []
        found = self._provenance()
        for key, mark in self._marks.items():
            if found.get(key) != mark.digest:
                raise ArgumentError(
                    f"out={str(self.path)!r} holds rows of {mark.otherwise}; choose another folder, "
                    "or --overwrite (overwrite=True)"
                )
        return folder_rows(self.path, parse)

    def _provenance(self) -> dict[str, object]:
        return provenance(self.path)


@contextlib.contextmanager
def claim(folder: Path, overwrite: bool) -> Iterator[FolderLock]:
    """The lock of a folder, which is made if it is not there, for who may write into it.

    It is kept if what follows succeeds; else it is released, and a folder that was made for this is gone again.

    Raises
    ------
    ArgumentError
        If the folder cannot be written, is being written by another process, or is somebody else's.
    """
    with folder_errors(folder):
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(folder)
    try:
        refuse_foreign(folder, overwrite)
        yield lock
    except BaseException:
        lock.release()
        if new:
            with contextlib.suppress(OSError):  # if something stands in it already, it stays
                folder.rmdir()
        raise


@contextlib.contextmanager
def folder_errors(folder: Path, advice: str = "choose another folder") -> Iterator[None]:
    """Say what the system says against writing."""
    try:
        yield
    except BlockingIOError:
        raise ArgumentError(
            f"out={str(folder)!r} is being written by another process; wait for it, or choose another folder"
        ) from None
    except OSError as error:
        raise ArgumentError(f"out={str(folder)!r} cannot be written: {reason(error)}; {advice}") from None


def provenance(folder: Path) -> dict[str, object]:
    """What ``provenance.json`` says; nothing, if there is none or it is no table."""
    try:
        found = json.loads(read_text(folder / PROVENANCE))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def refuse_foreign(folder: Path, overwrite: bool) -> None:
    """Refuse a folder in which a file would be lost that nfloat did not write."""
    there = {name for name in os.listdir(folder) if not is_begun(name)}
    if not there or provenance(folder).keys() >= {"config", "code"}:
        return
    taken = sorted(there & {CONFIG, ROWS, PROVENANCE, REPORT})
    if PROVENANCE in taken and all(_holds_nothing(folder / name) for name in taken):
        return  # a run that ended at its birth
    if taken:
        raise ArgumentError(
            f"out={str(folder)!r} holds {', '.join(taken)} that nfloat did not write, which is never replaced; "
            "choose another folder"
        )
    if not overwrite:
        raise ArgumentError(
            f"out={str(folder)!r} is not empty, and nfloat did not make it; choose another folder, "
            "or --overwrite (overwrite=True) to write beside what is there"
        )


def _holds_nothing(path: Path) -> bool:
    """Whether a file is one that a run begins with: of no bytes, or a configuration as nfloat heads it."""
    if not path.is_file() or path.is_symlink():
        return False
    if path.stat().st_size == 0:
        return True
    return path.name == CONFIG and path.read_bytes().startswith(b"# the same ")


def folder_rows(folder: Path, parse: Callable[[str], AnyRow]) -> list[AnyRow]:
    """The rows of a folder, complete or not, as nfloat wrote them.

    Raises
    ------
    ArgumentError
        If there are none, they cannot be read, a line is no row, or they are not those that the provenance vouches for.
    """
    path, found = folder / ROWS, provenance(folder)
    lines = read_lines(path)
    known = [v for v in (_vouched(found), _vouched(found.get("next"))) if v is not None]
    if known:
        same = [v.rows for v in known if v.rows <= len(lines) and v.rows_sha256 == _digest_of(lines[: v.rows])]
        if not same or (found.get("complete") is True and len(lines) != max(same)):
            raise ArgumentError(
                f"{path}: its {len(lines)} rows are not the {known[0].rows} that nfloat wrote (their digest differs); "
                "run again with --overwrite (overwrite=True)"
            )
        lines = lines[: max(same)]  # an interruption may have left more, which the run makes again
    return parsed(path, lines, parse)


def _vouched(found: object) -> Vouched | None:
    """What a provenance says of the rows, or None if it says nothing."""
    count, digest = (found.get("rows"), found.get("rows_sha256")) if isinstance(found, dict) else (None, None)
    return Vouched(count, digest) if type(count) is int and count >= 0 and isinstance(digest, str) else None


def _digest_of(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(line + "\n" for line in lines).encode("utf-8")).hexdigest()


def check_folder(path: Path, of: str) -> None:
    """Refuse what is not the folder of a run.

    Raises
    ------
    ArgumentError
        If configuration or rows are missing; the message says that it is not `of` what was asked for.
    """
    try:
        there = (path / CONFIG).exists() and (path / ROWS).exists()
    except OSError as error:
        raise ArgumentError(f"folder={str(path)[:200]!r} cannot be read: {reason(error)}") from None
    if not there:
        raise ArgumentError(f"folder={str(path)!r} is not of {of}: it needs {CONFIG} and {ROWS}")
