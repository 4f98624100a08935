"""Rows as one table for other tools: CSV with the standard library, Parquet with pyarrow (extra `studies`).

Works for any folder with a ``rows.jsonl``: of a study, a drift run or a sweep. A column holds the values of one key; a
row without the key has a null there (in CSV: nothing). The file is read twice, row by row (what the columns are; what
stands in them), so that a million rows need no more room than a thousand.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, MissingExtraError
from ..files import replace_file
from .folder import ROWS
from .journal import SEAL, whole_lines
from .rows import Row, Value, from_line, read_rows

FORMATS = ("parquet", "csv")
_AT_ONCE = 10_000


def export(folder: str | Path, format: str = "parquet", out: str | Path | None = None) -> Path:
    """Write a folder's rows as one table, and give the path of the file.

    Parameters
    ----------
    folder : path-like
        Of a study, a drift run or a sweep.
    format : str
        "parquet" or "csv". Floats keep every bit in both.
    out : path-like, optional
        The file to write; None: ``rows.parquet`` or ``rows.csv`` in the folder.

    Raises
    ------
    ArgumentError
        If there are no rows, the format is unknown, or the file cannot be written.
    MissingExtraError
        If Parquet is asked for and pyarrow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import nfloat as nf
    >>> _ = nf.studies.run("stagnation", nf.studies.get_study("stagnation").small, out=(folder := tempfile.mkdtemp()))
    >>> export(folder, "csv").name
    'rows.csv'
    """
    if format not in FORMATS:
        raise ArgumentError(f"format={format!r} is unknown; it must be one of {', '.join(FORMATS)}")
    folder = Path(folder)
    rows = _reader(folder / ROWS)
    kinds = _kinds(rows())
    if not kinds:
        raise ArgumentError(f"folder={str(folder)!r} has no rows yet, so there is nothing to export")
    path = Path(out) if out is not None else folder / f"rows.{format}"
    try:
        replace_file(path, _parquet(rows(), kinds) if format == "parquet" else _csv(rows(), list(kinds)))
    except OSError as error:
        raise ArgumentError(f"out={str(path)!r} cannot be written: {error.strerror}") from None
    return path


def _reader(path: Path) -> Callable[[], Iterable[Row]]:
    """What gives the rows, as often as it is called: one at a time where each vouches for itself."""
    first = next(iter(_first_line(path)), b"")
    if SEAL not in first:
        rows = read_rows(path, from_line)
        return lambda: rows

    def sealed() -> Iterator[Row]:
        for _, line in whole_lines(path):
            row = from_line(line.decode("utf-8"))
            del row["crc"]
            yield row

    return sealed


def _first_line(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            return [file.readline()]
    except OSError:
        return []  # what it is, `read_rows` says


def _kinds(rows: Iterable[Row]) -> dict[str, type[Any]]:
    """Column -> what all its values are: int, float (one is enough), or str."""
    kinds: dict[str, type[Any]] = {}
    rank: Sequence[type[Any]] = (type(None), int, float, str)
    for row in rows:
        for key, value in row.items():
            kind = int if isinstance(value, bool) else type(value)
            kinds[key] = max(kinds.get(key, type(None)), kind, key=rank.index)
    return kinds


def _csv(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval=None, lineterminator="\n")
    writer.writeheader()
    for batch in _batches(rows):
        writer.writerows(batch)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()


def _parquet(rows: Iterable[Row], kinds: dict[str, type[Any]]) -> Iterator[bytes]:
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(
            "export to Parquet needs pyarrow: pip install 'nfloat[studies]' (or --format csv)"
        ) from None
    types = {int: pa.int64(), float: pa.float64(), str: pa.string(), type(None): pa.null()}
    schema = pa.schema([(key, types[kind]) for key, kind in kinds.items()])
    sink = pa.BufferOutputStream()
    with pyarrow.parquet.ParquetWriter(sink, schema) as writer:
        for batch in _batches(rows):
            columns = [[_as(kind, row.get(key)) for row in batch] for key, kind in kinds.items()]
            arrays = [pa.array(column, types[kind]) for column, kind in zip(columns, kinds.values(), strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
    yield sink.getvalue().to_pybytes()


def _as(kind: type[Any], value: Value) -> Value:
    return value if value is None or kind is type(None) else kind(value)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(itertools.islice(rows, _AT_ONCE)):
        yield batch
