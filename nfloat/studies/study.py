"""`Study`: a published result as a value: parameters, a grid, a pure function that measures one cell, what comes out.

A study is one file of this folder that ends in ``STUDY = Study(...)``, and one line of the list in ``__init__.py``.
What it gives:

params     a frozen dataclass, its defaults the published set-up; fields are lists of formats, lengths, ... or numbers
cells      parameters -> the cells of the grid, frozen dataclasses too
measure    (cell, seed) -> measures, a flat dict; pure: same cell and seed, same bits, on any machine and in any process
checks     rows -> the figures that must come out, with tolerance and source; those without rows are left out
findings   rows -> sentences: what the rows show
plots      rows -> pictures as data (``plots.py``)

Parameters and cells are written out in each file, alike in shape as they are: one reads a study from top to bottom.

Studies compute through the package's public names (``import nfloat as nf``), as a user would. Running, resuming,
storing and drawing them is the same for all: ``plan.py``, ``experiment.py``, ``folder.py``, ``page.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import ArgumentError
from ..formats.names import get_format
from ..runs.rows import Row, Value
from .checks import Check
from .plots import Plot

#: a frozen dataclass of coordinates
Cell = Any


@dataclass(frozen=True)
class Study:
    """A study; see the module.

    Attributes
    ----------
    name : str
        As the command line takes it.
    title, question, method : str
        One line, one sentence, and a short paragraph for the page.
    sources : tuple of str
        The publications, the one that the study is about first.
    see : str
        What there is to see, in a line.
    seconds : int
        About what the published set-up takes on one core, compiled code at hand.
    params : dataclass instance
        The default parameters: the published set-up.
    small : dataclass instance
        Parameters for a run of a second, which shows that everything works and reproduces nothing.
    """

    name: str
    title: str
    question: str
    method: str
    sources: tuple[str, ...]
    see: str
    seconds: int
    params: Any
    small: Any
    cells: Callable[[Any], Iterable[Cell]]
    measure: Callable[[Cell, int], Mapping[str, Value]]
    checks: Callable[[Sequence[Row]], list[Check]]
    findings: Callable[[Sequence[Row]], list[str]]
    plots: Callable[[Sequence[Row]], list[Plot]]

    def coordinates(self, cell: Cell, seed: int) -> Row:
        """What a cell's row starts with, and what no two rows of a run share."""
        return {"study": self.name, "seed": seed, **asdict(cell)}

    def row(self, cell: Cell, seed: int) -> Row:
        """Measure one cell."""
        return {**self.coordinates(cell, seed), **self.measure(cell, seed)}

    def run(self, params: Any, seed: int) -> list[Row]:
        """Measure every cell: a pure function of its arguments.

        Examples
        --------
        >>> import nfloat as nf
        >>> study = nf.studies.STUDIES["swamping"]
        >>> params = type(study.params)(formats=("bfloat16",), methods=("nearest",), n=(512,), growth_n=())
        >>> [row["n"] for row in study.run(params, seed=0)]
        [512]
        """
        return [self.row(cell, seed) for cell in self.cells(params)]


def check_formats(params: Any, *keys: str, precision: int = 53) -> None:
    """Refuse names that are no formats, or formats of more than `precision` bits.

    Raises
    ------
    FormatError, ArgumentError
        The message names the field.
    """
    for key in keys:
        for name in _axis(params, key):
            p = get_format(name).precision
            if p > precision:
                raise ArgumentError(f"{key}: {name!r} has {p} significand bits; this study takes at most {precision}")


def check_names(params: Any, key: str, known: Iterable[str]) -> None:
    """Refuse what is not among the known names.

    Raises
    ------
    ArgumentError
        The message names the field and lists them.
    """
    known = list(known)
    for name in _axis(params, key):
        if name not in known:
            raise ArgumentError(f"{key}: {name!r} is unknown; known: {', '.join(known)}")


def check_counts(params: Any, *keys: str) -> None:
    """Refuse what is no positive integer.

    Raises
    ------
    ArgumentError
        The message names the field.
    """
    for key in keys:
        for value in _axis(params, key):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ArgumentError(f"{key}: {value!r} must be an integer of at least 1")


def _axis(params: Any, key: str) -> Sequence[Any]:
    """A field's values: of a list each, of anything else the one.

    A list becomes a tuple, so that the parameters stay frozen.
    """
    value = getattr(params, key)
    if isinstance(value, list | tuple):
        object.__setattr__(params, key, tuple(value))
        return tuple(value)
    return (value,)
