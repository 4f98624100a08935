"""Data in files: ``.npz`` (arrays x and y) and ``.csv`` (numbers, the class in the last column)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ArgumentError
from ...files import DAMAGED
from .dataset import Dataset, from_arrays


def read_file(name: str | Path) -> Dataset:
    """The data in a file: shuffled, four fifths for training.

    Raises
    ------
    ArgumentError
        If the file cannot be read, or holds what is no data.
    ShapeError
        If x is not (n, features) and y (n,).
    """
    path = Path(name)
    try:
        x, y = READERS[path.suffix.lower()](path)
    except ArgumentError:
        raise
    except (OSError, *DAMAGED) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ArgumentError(f"data={str(name)!r} cannot be read: {reason}") from None
    return from_arrays(x, y, name=path.stem)


def _read_npz(path: Path) -> tuple[Any, Any]:
    if path.exists() and not zipfile.is_zipfile(path):
        raise ArgumentError(f"data={str(path)!r} cannot be read: no .npz file, which np.savez makes, or cut short")
    with np.load(path, allow_pickle=False) as arrays:
        if "x" not in arrays or "y" not in arrays:
            raise ArgumentError(f"data={str(path)!r} holds {sorted(arrays)}; it must hold the arrays 'x' and 'y'")
        return arrays["x"], arrays["y"]


def read_csv(path: Path) -> tuple[Any, Any]:
    """The numbers and the classes of a table, which may be compressed (``.csv.gz``)."""
    table = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64)
    if table.shape[1] < 2:
        raise ArgumentError(
            f"data={str(path)!r} has {table.shape[1]} column; it needs numbers and the class in the last column"
        )
    return table[:, :-1], table[:, -1]


#: suffix -> how such a file is read
READERS = {".npz": _read_npz, ".csv": read_csv}
