"""Rows as one table for other tools: CSV with the standard library, Parquet with pyarrow (extra `studies`).

Works for any folder with a ``rows.jsonl``, a drift run's too. A column holds the values of one key; a row without
the key has a null there (in CSV: nothing).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ..errors import ArgumentError, MissingExtraError
from ..runs.folder import ROWS
from ..runs.rows import Row, Value, from_line, read_rows

FORMATS = ("parquet", "csv")


def export(folder: str | Path, format: str = "parquet", out: str | Path | None = None) -> Path:
    """Write a folder's rows as one table, and give the path of the file.

    Parameters
    ----------
    folder : path-like
        Of a study or a drift run.
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
    """
    if format not in FORMATS:
        raise ArgumentError(f"format={format!r} is unknown; it must be one of {', '.join(FORMATS)}")
    folder = Path(folder)
    rows = read_rows(folder / ROWS, from_line)
    if not rows:
        raise ArgumentError(f"folder={str(folder)!r} has no rows yet, so there is nothing to export")
    path = Path(out) if out is not None else folder / f"rows.{format}"
    try:
        path.write_bytes(_parquet(rows) if format == "parquet" else _csv(rows))
    except OSError as error:
        raise ArgumentError(f"out={str(path)!r} cannot be written: {error.strerror}") from None
    return path


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _columns(rows), restval=None, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _parquet(rows: Sequence[Row]) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(
            "export to Parquet needs pyarrow: pip install 'nfloat[studies]' (or --format csv)"
        ) from None
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(
        pa.table({key: _column([row.get(key) for row in rows]) for key in _columns(rows)}), sink
    )
    return sink.getvalue().to_pybytes()


def _column(values: list[Value]) -> list[Value]:
    """Numbers of one kind.

    A column that has a float anywhere is one of floats, which pyarrow does not decide by itself.
    """
    if any(isinstance(value, float) for value in values):
        return [float(value) if isinstance(value, int) else value for value in values]
    return values
