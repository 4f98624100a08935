"""The folder of a run: what is there already, and rows appended as they come.

    DIR/config.toml       what to run; the run again, to the bit
    DIR/rows.jsonl        the measurements (``rows.py``)
    DIR/provenance.json   when, where, how long, with which versions: all that may differ between two equal runs
    DIR/report.html       the page made from the first two

Rows that are there are continued only by a run whose marks (digests of what its bits depend on) are the same, so a run
that was interrupted ends in the same ``rows.jsonl`` as one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Generic, NamedTuple, Self, TextIO

from ..errors import ArgumentError
from .provenance import surroundings
from .rows import AnyRow, read_rows, to_lines

CONFIG, ROWS, PROVENANCE, REPORT = "config.toml", "rows.jsonl", "provenance.json", "report.html"


class Mark(NamedTuple):
    """A digest that must agree for rows to be continued, and what the rows are of if it does not."""

    digest: str
    otherwise: str


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
        If the folder cannot be written, or holds rows that this run cannot continue.
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
        self.path = Path(path)
        self._marks = marks
        self.rows: list[AnyRow] = [] if overwrite else continued(self._found(parse))
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / CONFIG).write_text(config, encoding="utf-8", newline="\n")
            self._write_provenance({})
            self._file = self._new_file(self.rows)
        except OSError as error:
            raise ArgumentError(
                f"out={str(path)!r} cannot be written: {error.strerror}; choose another folder"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, rows: Iterable[AnyRow]) -> None:
        """Write rows at the end of the file, at once: an interruption loses none that was appended."""
        rows = list(rows)
        self.rows.extend(rows)
        self._file.write(to_lines(rows))
        self._file.flush()

    def rearrange(self, rows: Iterable[AnyRow]) -> None:
        """Put these rows in the place of those that are there."""
        rows = list(rows)
        if rows != self.rows:
            self._file.close()
            self.rows, self._file = rows, self._new_file(rows)

    def finish(self, **facts: object) -> None:
        """Add `facts` (durations, threads, whether the run is complete) and the surroundings to the provenance."""
        self._write_provenance({**facts, **surroundings()})

    def _new_file(self, rows: Iterable[AnyRow]) -> TextIO:
        """The file of rows, begun anew with these and open for more."""
        path = self.path / ROWS
        path.write_text(to_lines(rows), encoding="utf-8", newline="\n")
        return path.open("a", encoding="utf-8", newline="\n")

    def _write_provenance(self, facts: Mapping[str, object]) -> None:
        digests = {key: mark.digest for key, mark in self._marks.items()}
        text = json.dumps({**digests, **facts}, indent=2) + "\n"
        (self.path / PROVENANCE).write_text(text, encoding="utf-8", newline="\n")

    def _found(self, parse: Callable[[str], AnyRow]) -> list[AnyRow]:
        """The rows already there, if their marks are this run's."""
        rows = self.path / ROWS
        if not rows.is_file() or rows.stat().st_size == 0:
            return []
        found = self._found_provenance()
        for key, mark in self._marks.items():
            if found.get(key) != mark.digest:
                raise ArgumentError(
                    f"out={str(self.path)!r} holds rows of {mark.otherwise}; choose another folder, "
                    "or --overwrite (overwrite=True)"
                )
        return read_rows(rows, parse)

    def _found_provenance(self) -> dict[str, object]:
        try:
            found = json.loads((self.path / PROVENANCE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def check_folder(path: Path, of: str) -> None:
    """Refuse what is not the folder of a run.

    Raises
    ------
    ArgumentError
        If configuration or rows are missing; the message says that it is not `of` what was asked for.
    """
    if not (path / CONFIG).exists() or not (path / ROWS).exists():
        raise ArgumentError(f"folder={str(path)!r} is not of {of}: it needs {CONFIG} and {ROWS}")
