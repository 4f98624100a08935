"""`Grid`: a task and, for each of its keys, one value or several; and its form on disk, TOML.

    task = "training"

    [cells]
    recipe = ["bf16-mixed", "bf16-pure", "bf16-pure-sr"]
    lr = [0.01, 0.02, 0.05]
    seed = {start = 0, count = 5}      # 0, 1, 2, 3, 4
    steps = 430                        # one value: the same in every cell

    [page]                             # what the page shows; each has a default
    rows = "recipe"
    columns = "lr"
    value = "loss_gap"
    cost = "bits"

Keys left out have the task's defaults. The cells are the product of all lists, the last key changing fastest; cell i is
computed from i, so a grid of a million cells takes no room. Reading is strict: what is unknown or impossible is an
error that names the path of the key.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import ArgumentError, MissingExtraError, NFloatError, as_integer, check_kind
from ..runs import config as toml
from ..runs.rows import Value
from .task import Task, coordinates

#: more cells than any machine will see; a grid beyond it is a mistake
MOST_CELLS = 10**9
#: values of one key; they are kept
MOST_VALUES = 10**6
_PAGE = ("rows", "columns", "value", "cost")


@dataclass(frozen=True)
class Grid:
    """What to sweep.

    Parameters
    ----------
    task : Task or str
        What a cell is: a name of ``sweep.tasks.TASKS``, or a `Task` of your own.
    cells : mapping
        Key -> a value, or a list of values; keys left out have the task's defaults.
    page : mapping
        What the page shows: "rows" and "columns" (keys of cells), "value" and "cost" (measures).

    Raises
    ------
    NFloatError
        If the task or a key is unknown, a value cannot be, a list is empty or has a value twice.

    Examples
    --------
    >>> grid = Grid("product", {"accumulator": ["bfloat16", "float16"], "k": [64, 256], "seed": [0, 1, 2]})
    >>> grid.size, grid.cell(4)["accumulator"], grid.cell(4)["k"], grid.cell(4)["seed"]
    (12, 'bfloat16', 256, 1)
    """

    task: Task
    cells: Mapping[str, Any] = field(default_factory=dict)
    page: Mapping[str, str] = field(default_factory=dict)
    #: key -> its values, of every key of the task, in the grid's order (the task's, where the grid has no list)
    axes: Mapping[str, tuple[Value, ...]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.task, Task):
            from .tasks import get_task  # here: those load the compiler

            object.__setattr__(self, "task", get_task(self.task))
        toml.check_keys(self.cells, self.task.keys, "cells")
        toml.check_keys(self.page, _PAGE, "page")
        for key in ("rows", "columns"):
            if key in self.page:
                toml.check_keys([self.page[key]], self.task.keys, f"page.{key}")
        values = {key: _values(f"cells.{key}", value) for key, value in self.cells.items()}
        fixed = coordinates(self.task.cell())
        first = {key: of[0] for key, of in values.items()}
        axes = {
            key: self._checked_all(key, values[key], first) if key in values else (fixed[key],)
            for key in (*[k for k in self.task.keys if len(values.get(k, ())) < 2], *self._several(values))
        }
        object.__setattr__(self, "cells", MappingProxyType(dict(self.cells)))
        object.__setattr__(self, "page", MappingProxyType(dict(self.page)))
        object.__setattr__(self, "axes", MappingProxyType(axes))
        toml.convert(self.cell(0), self.task.cell, "cells")
        if self.size > MOST_CELLS:
            raise ArgumentError(f"cells: {self.size} cells are more than the {MOST_CELLS} that a sweep may have")

    @property
    def size(self) -> int:
        """How many cells there are."""
        return math.prod(map(len, self.axes.values()))

    @property
    def varied(self) -> tuple[str, ...]:
        """The keys with more than one value."""
        return tuple(key for key, values in self.axes.items() if len(values) > 1)

    @property
    def digest(self) -> str:
        """SHA-256 of the TOML form."""
        return hashlib.sha256(to_toml(self).encode()).hexdigest()

    def cell(self, index: int) -> dict[str, Value]:
        """The coordinates of a cell, in the order of the task's keys."""
        found = dict(self._first)
        for key, values in self._fastest:
            index, place = divmod(index, len(values))
            found[key] = values[place]
        return found

    def index(self, row: Mapping[str, Value]) -> int | None:
        """The number of the cell that has these values of all keys that vary; None if there is none.

        Keys that do not vary are not looked at: that a row is of the cell, its key says (``folder.py``).
        """
        index = 0
        for key, places in self._places.items():
            place = places.get(_exact(row.get(key)))
            if place is None:
                return None
            index = index * len(places) + place
        return index

    @functools.cached_property
    def _places(self) -> dict[str, dict[Any, int]]:
        return {key: {_exact(value): i for i, value in enumerate(self.axes[key])} for key in self.varied}

    @functools.cached_property
    def _first(self) -> dict[str, Value]:
        return {key: self.axes[key][0] for key in self.task.keys}

    @functools.cached_property
    def _fastest(self) -> list[tuple[str, tuple[Value, ...]]]:
        """The axes that vary, the fastest first."""
        return [(key, self.axes[key]) for key in reversed(self.varied)]

    def _several(self, values: Mapping[str, tuple[Any, ...]]) -> Iterator[str]:
        return (key for key, of in values.items() if len(of) > 1)

    def _checked_all(self, key: str, values: tuple[Any, ...], first: Mapping[str, Any]) -> tuple[Value, ...]:
        if isinstance(self.cells[key], Mapping):  # a range is what its ends are
            ends = [self._checked(key, one, first) for one in (values[0], values[-1])]
            return tuple(values) if ends == [values[0], values[-1]] else tuple(map(type(ends[0]), values))
        return tuple(self._checked(key, one, first) for one in values)

    def _checked(self, key: str, value: Any, first: Mapping[str, Any]) -> Value:
        """A value as the task takes it: beside the defaults, or beside the first values of the other keys."""
        defaults, path = coordinates(self.task.cell()), f"cells.{key}"
        try:
            cell = toml.convert({**defaults, key: value}, self.task.cell, path)
        except MissingExtraError:
            raise
        except NFloatError as error:
            try:
                cell = toml.convert({**defaults, **first, key: value}, self.task.cell, path)
            except NFloatError:
                raise error from None
        return coordinates(cell)[key]


def _exact(value: object) -> object:
    """A value as a place's name: 1, 1.0 and True are three."""
    return (type(value).__name__, value)


def _values(path: str, value: Any) -> tuple[Any, ...]:
    """The values that stand under a key.

    Raises
    ------
    ArgumentError
        If there are none, or one twice, or a range is none.
    """
    if isinstance(value, Mapping):
        toml.check_keys(value, ("start", "count"), path)
        start, count = value.get("start", 0), value.get("count")
        if as_integer(start) is None or (as_integer(count) or 0) < 1:
            raise ArgumentError(f"{path}={dict(value)!r} must be {{start = 0, count = 5}}: 0, 1, 2, 3, 4")
        assert isinstance(count, int)
        if count > MOST_VALUES:
            raise ArgumentError(f"{path}: {count} values are more than the {MOST_VALUES} that a key may have")
        return tuple(range(start, start + count))
    values = tuple(value) if isinstance(value, list | tuple | range) else (value,)
    if not values:
        raise ArgumentError(f"{path}=[] must have at least one value")
    seen = set()
    for one in values:
        if not isinstance(one, str | int | float):
            raise ArgumentError(f"{path}: {one!r} must be a word or a number")
        if _exact(one) in seen:
            raise ArgumentError(f"{path}: {one!r} stands there twice")
        seen.add(_exact(one))
    return values


def to_toml(grid: Grid) -> str:
    """The TOML text of a grid.

    Examples
    --------
    >>> print(to_toml(Grid("product", {"k": [64, 256]})))
    task = "product"
    <BLANKLINE>
    [cells]
    k = [64, 256]
    <BLANKLINE>
    """

    def shown(value: Any) -> str:
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{key} = {one}" for key, one in value.items()) + "}"
        # a JSON string, number or list of them is a TOML one too
        return json.dumps(list(value) if isinstance(value, tuple | range) else value, ensure_ascii=False)

    lines = [f"task = {json.dumps(grid.task.name)}", "", "[cells]"]
    lines += [f"{key} = {shown(value)}" for key, value in grid.cells.items()]
    if grid.page:
        lines += ["", "[page]", *(f"{key} = {json.dumps(value)}" for key, value in grid.page.items())]
    return "\n".join(lines) + "\n"


def from_toml(text: str, source: str | Path = "grid", task: Task | None = None) -> Grid:
    """The grid that a TOML text describes; `task`, if it is given, is the one that the text must name.

    Raises
    ------
    NFloatError
        If the text is no TOML, or as for `Grid`; the message starts with `source` and names the key's path.

    Examples
    --------
    >>> grid = from_toml('task = "product"\\n[cells]\\nk = [64, 256]\\nseed = {count = 3}')
    >>> grid.size, grid.varied
    (6, ('k', 'seed'))
    """
    if task is not None:
        check_kind("task", task, Task, "an nf.sweep.Task")
    table = toml.parse(text, source)
    toml.check_keys(table, ("task", "cells", "page"), source)
    if "task" not in table:
        raise ArgumentError(f'{source}: task is missing: it says what a cell is, e.g. task = "training"')
    for key in ("cells", "page"):
        if not isinstance(table.get(key, {}), dict):
            raise ArgumentError(f"{source}: {key}={table[key]!r} must be a table: [{key}]")
    try:
        if task is not None and table["task"] != task.name:
            raise ArgumentError(f"task={table['task']!r} is not {task.name!r}")
        return Grid(task or table["task"], table.get("cells", {}), table.get("page", {}))
    except MissingExtraError:
        raise
    except NFloatError as error:
        raise type(error)(f"{source}: {error}") from None


def read_grid(path: Path, task: Task | None = None) -> Grid:
    """The grid in a file; `task` as for `from_toml`.

    Raises
    ------
    NFloatError
        If it cannot be read, or as for `from_toml`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "grid.toml"
    >>> _ = path.write_text('task = "product"\\n[cells]\\nk = [64, 256]\\n')
    >>> read_grid(path).size
    2
    """
    return from_toml(toml.read_text(path), path, task)
