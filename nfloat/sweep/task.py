"""`Task`: what a sweep measures in each cell: coordinates, and a pure function from them to numbers and words.

The tasks that a grid in a file may name stand in ``tasks/``. From Python any other can be given: a frozen dataclass for
the cells, whose fields all have defaults (they are the grid's keys), and a function at the top of a module, so that
workers find it.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

from ..errors import ArgumentError
from ..runs.provenance import code_digest
from ..runs.rows import Row, Value, to_line

#: a frozen dataclass of coordinates
Cell = Any


@dataclass(frozen=True)
class Task:
    """What is measured in a cell.

    Attributes
    ----------
    name : str
        As a grid calls it.
    title : str
        One line.
    cell : type
        A frozen dataclass; its fields are the grid's keys, their types what a grid may say, and it refuses what cannot
        be, alone or together.
    measure : callable
        cell -> measures, a flat dict of numbers, words and None: a pure function, the same bits on any machine.
    value, cost : str
        The measures that a page shows unless the grid says otherwise.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Square:
    ...     side: float = 1.0
    >>> def measure(cell):
    ...     return {"area": cell.side**2}
    >>> task = Task("square", "Areas of squares", Square, measure, value="area")
    >>> task.keys, task.row({"side": 3.0})["area"]
    (('side',), 9.0)
    """

    name: str
    title: str
    cell: type[Any]
    measure: Callable[[Any], Mapping[str, Value]]
    value: str
    cost: str = ""
    #: functions of modules that are not in nfloat's digest, and that change a row too
    also: tuple[Callable[..., Any], ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of a cell's coordinates."""
        return tuple(field.name for field in fields(self.cell))

    @property
    def digest(self) -> str:
        """SHA-256 of what a row's bits depend on beside its coordinates: this task's source, and nfloat's."""
        return _digest(self.name, (self.measure, *self.also), cast(Hashable, self.cell))

    def key(self, coordinates: Mapping[str, Value]) -> str:
        """The name of a cell's row: a digest of coordinates and code, 128 bits."""
        found = _begun(self.digest).copy()
        found.update(to_line(coordinates).encode("utf-8"))
        return found.hexdigest()[:32]

    def row(self, coordinates: Mapping[str, Value]) -> Row:
        """Measure one cell: its key, its coordinates, its measures.

        Raises
        ------
        ArgumentError
            If a measure has the name of a coordinate.
        NFloatError
            If the cell cannot be, or what measuring it raises.
        """
        measures = self.measure(self.cell(**coordinates))
        twice = set(measures) & {*self.keys, "key", "crc"}
        if twice:
            raise ArgumentError(f"task={self.name!r} measures {sorted(twice)}, which a row has already")
        return {"key": self.key(coordinates), **coordinates, **measures}


@functools.cache
def _begun(digest: str) -> Any:
    """SHA-256 that has seen the digest of the code: what all keys begin with."""
    return hashlib.sha256(f"{digest}\0".encode())


@functools.cache
def _digest(name: str, functions: tuple[Callable[..., Any], ...], cell: Any) -> str:
    found = hashlib.sha256(f"{name}\0{code_digest()}\0".encode())
    parents = [kind for kind in cell.__mro__ if kind is not object]
    for module in sorted({one.__module__ for one in (*functions, *parents)}):
        source = getattr(sys.modules.get(module), "__file__", None)
        # one that was typed in has no file: then its own text
        found.update(Path(source).read_bytes() if source else _typed(functions[0]).encode())
    return found.hexdigest()


def coordinates(cell: Cell) -> dict[str, Value]:
    """A cell as a row begins with it."""
    return dict(asdict(cell))


def _typed(function: object) -> str:
    """The source of what was typed in, where Python has kept it; else its name alone."""
    try:
        return inspect.getsource(function)  # type: ignore[arg-type]
    except (OSError, TypeError):
        return getattr(function, "__qualname__", repr(function))
