"""The folder of a run: what is there already, and rows appended as they come.

    DIR/config.toml       what to run; the run again, to the bit
    DIR/rows.jsonl        the measurements (``rows.py``)
    DIR/provenance.json   when, where, how long, with which versions: all that may differ between two equal runs
    DIR/report.html       the page made from the first two

A recipe whose last row is there is complete and is not computed again; the rows of one cut short are dropped and
computed anew, which gives the same bits, so a run that was interrupted ends in the same file as one that was not.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TextIO

from ..errors import ArgumentError
from .config import Config, read_config, to_toml
from .provenance import fingerprint, surroundings
from .rows import LAST_METRIC, Row, read_rows, to_line, write_rows

CONFIG, ROWS, PROVENANCE, REPORT = "config.toml", "rows.jsonl", "provenance.json", "report.html"


class RunFolder:
    """A folder opened for one configuration; a context manager that owns the open ``rows.jsonl``.

    Parameters
    ----------
    path : path-like
        Made if it is not there.
    config : Config
        What will be run into it.
    overwrite : bool
        Drop the rows of another configuration or version instead of refusing.

    Raises
    ------
    ArgumentError
        If the folder cannot be written, or holds rows that this run cannot continue.
    """

    def __init__(self, path: str | Path, config: Config, *, data_digest: str = "", overwrite: bool = False) -> None:
        self.path = Path(path)
        self._mark = fingerprint(config, data_digest)
        self.rows: list[Row] = [] if overwrite else self._continued(config)
        self.complete = complete_recipes(self.rows, config)
        self.rows = [row for row in self.rows if row["recipe"] in self.complete]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / CONFIG).write_text(to_toml(config), encoding="utf-8", newline="\n")
            self._write_provenance(self._mark)
            write_rows(self.path / ROWS, self.rows)
            rows = self.path / ROWS
            self._file: TextIO = open(rows, "a", encoding="utf-8", newline="\n")  # noqa: SIM115 (closed in __exit__)
        except OSError as error:
            raise ArgumentError(
                f"out={str(path)!r} cannot be written: {error.strerror}; choose another folder"
            ) from None

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, rows: Iterable[Row]) -> None:
        """Write rows at the end of the file, at once: an interruption loses none that was appended."""
        rows = list(rows)
        self.rows.extend(rows)
        self._file.write("".join(to_line(row) + "\n" for row in rows))
        self._file.flush()

    def finish(self, **facts: object) -> None:
        """Add `facts` (durations, threads, whether the run is complete) and the surroundings to the provenance."""
        self._write_provenance({**self._mark, **facts, **surroundings()})

    def _write_provenance(self, facts: Mapping[str, object]) -> None:
        text = json.dumps(facts, indent=2) + "\n"
        (self.path / PROVENANCE).write_text(text, encoding="utf-8", newline="\n")

    def _continued(self, config: Config) -> list[Row]:
        """The rows already there, if they belong to the same configuration, data and version."""
        rows = self.path / ROWS
        if not rows.is_file() or rows.stat().st_size == 0:
            return []
        found = self._found_mark()
        for key, value in self._mark.items():
            if found.get(key) != value:
                what = _DIFFERENCE.get(key, key)
                raise ArgumentError(
                    f"out={str(self.path)!r} holds rows of {what}; choose another folder, "
                    "or --overwrite (overwrite=True)"
                )
        return read_rows(rows)

    def _found_mark(self) -> dict[str, object]:
        try:
            found = json.loads((self.path / PROVENANCE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


_DIFFERENCE = {"config": "another configuration", "data": "other data", "code": "another version of nfloat"}


def complete_recipes(rows: Iterable[Row], config: Config) -> tuple[str, ...]:
    """The recipes, in the configuration's order, up to the first whose last row is not among `rows`."""
    ended = {row["recipe"] for row in rows if row["step"] == config.steps and row["metric"] == LAST_METRIC}
    return tuple(itertools.takewhile(ended.__contains__, config.recipes))


def read_folder(path: str | Path) -> tuple[Config, list[Row]]:
    """The configuration and the rows of a folder, complete or not.

    Raises
    ------
    ArgumentError
        If the folder is none of a drift run.
    """
    path = Path(path)
    if not (path / CONFIG).exists() or not (path / ROWS).exists():
        raise ArgumentError(f"folder={str(path)!r} is not of a drift run: it needs {CONFIG} and {ROWS}")
    return read_config(path / CONFIG), read_rows(path / ROWS)
