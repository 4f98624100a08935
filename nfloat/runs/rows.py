"""Rows: flat dicts of numbers and words, kept as JSON Lines.

``rows.jsonl`` holds nothing that differs between two runs of the same configuration: no time, no duration, no version
(those stand in ``provenance.json``), so any tool that reads JSON Lines can work with it.

JSON knows no infinities: a number that is not finite is written as the string "inf", "-inf" or "nan", which both
Python's and SQL's float conversion read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias, TypeVar

from ..errors import ArgumentError
from ..files import read_text, reason

Value: TypeAlias = str | int | float | None
Row: TypeAlias = dict[str, Value]
#: a row with names of its own, such as a `TypedDict`
AnyRow = TypeVar("AnyRow", bound=Mapping[str, object])

#: one encoder for all lines: `json.dumps` would make one for each
_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def to_line(row: Mapping[str, object]) -> str:
    """A row as one line of JSON, without the line end; floats keep every bit.

    Examples
    --------
    >>> to_line({"format": "float16", "n": 3, "limit": 0.1, "sd": float("nan")})
    '{"format":"float16","n":3,"limit":0.1,"sd":"nan"}'
    """
    safe = {key: str(v) if isinstance(v, float) and not math.isfinite(v) else v for key, v in row.items()}
    return _ENCODE(safe)


def from_line(line: str) -> Row:
    """The row of a line.

    Raises
    ------
    ArgumentError
        If the line is no JSON object of numbers, words and nulls.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict) or not all(isinstance(v, str | int | float | None) for v in row.values()):
        raise ArgumentError(f"line={line[:80]!r} is not a row: expected a flat JSON object")
    return {key: _NOT_FINITE.get(v, v) if isinstance(v, str) else v for key, v in row.items()}


def read_lines(path: Path) -> list[str]:
    """The lines of a file of rows; a last line that an interruption cut short is left out.

    Raises
    ------
    ArgumentError
        If it cannot be read.
    """
    try:
        return read_text(path).split("\n")[:-1]  # text after the last line end is what an interrupted write left
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path}: cannot be read ({reason(error)}); expected the rows of a run") from None


def read_rows(path: Path, parse: Callable[[str], AnyRow]) -> list[AnyRow]:
    """All rows of a file, each as `parse` reads its line; of a folder: ``folder.folder_rows``, which checks them.

    Raises
    ------
    ArgumentError
        As `read_lines` and `parsed`.
    """
    return parsed(path, read_lines(path), parse)


def parsed(path: Path, lines: Iterable[str], parse: Callable[[str], AnyRow]) -> list[AnyRow]:
    """The rows of lines.

    Raises
    ------
    ArgumentError
        If a line is no row; the message names file and line.
    """
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(parse(line))
        except ArgumentError as error:
            raise ArgumentError(f"{path}, line {number}: {error}") from None
    return found


def to_lines(rows: Iterable[Mapping[str, object]]) -> str:
    """Rows as the text of a file."""
    return "".join(to_line(row) + "\n" for row in rows)
