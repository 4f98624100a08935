"""`Search`: what is asked for, one frozen value, and its form on disk."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ... import nn
from ...errors import ArgumentError, NFloatError
from ...formats.names import get_format
from ...nn.recipes import as_operand
from ...runs import config as toml
from ..comparison import Comparison, check_integer, to_toml
from ..config import from_table

#: what tensors may be stored in, and what operands of products may be rounded to
FORMATS = ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2")
OPERANDS = ("float8_e4m3fn", "mxfp8_e4m3", "mxfp4")


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched for.

    Parameters
    ----------
    run : Config or Experiment
        What is trained, how long, from which seeds. Its `recipes` are where the search may begin: at the cheapest of
        them that is within the budget.
    budget : float
        The most by which the final training loss may lie above float64's, as a share of it.
    against : str
        The recipe with whose cost the answer's is compared.
    formats, operands : tuple of str
        What tensors may be stored in (weights also with stochastic rounding and with Kahan's compensation), and what
        operands of products may be rounded to.
    layers : bool
        Whether layers may differ.
    trials : int
        So many recipes are tried at most.

    Raises
    ------
    NFloatError
        If a field cannot be.
    """

    run: Comparison
    budget: float = 0.01
    against: str = "bf16-mixed"
    formats: tuple[str, ...] = FORMATS
    operands: tuple[str, ...] = OPERANDS
    layers: bool = True
    trials: int = 60

    def __post_init__(self) -> None:
        if not isinstance(self.run, Comparison):
            raise ArgumentError(f"config={self.run!r} must be a nf.drift.Config or Experiment")
        if self.run.seeds < 2:
            raise ArgumentError(f"seeds={self.run.seeds} must be at least 2: a loss gap is judged by its spread")
        number = isinstance(self.budget, int | float) and not isinstance(self.budget, bool)
        if not number or not 0.0 < self.budget < math.inf:
            raise ArgumentError(f"budget={self.budget!r} must be a positive number: the loss gap that is allowed")
        check_integer("trials", self.trials, 1)
        if not isinstance(self.layers, bool):
            raise ArgumentError(f"layers={self.layers!r} must be True or False")
        self._keep("budget", float(self.budget))
        self._keep("against", nn.recipe(self.against).name)
        self._keep("formats", tuple(get_format(name).name for name in _names("formats", self.formats)))
        self._keep("operands", tuple(str(as_operand(name)) for name in _names("operands", self.operands)))
        # what explains a run is not asked for: the same search, whatever these say
        self._keep("run", self.run.replace(ablate="none", attribute=False))

    def _keep(self, key: str, value: object) -> None:
        object.__setattr__(self, key, value)

    @property
    def digest(self) -> str:
        """SHA-256 of the TOML form."""
        return hashlib.sha256(search_toml(self).encode()).hexdigest()


def _names(key: str, names: object) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, tuple | list) or not all(isinstance(n, str) for n in names):
        raise ArgumentError(f"{key}={names!r} must be a tuple of names of formats")
    return tuple(names)


def search_toml(search: Search) -> str:
    """The TOML text of a search, every field written out.

    Examples
    --------
    >>> from nfloat.drift import Config
    >>> from_search_toml(search_toml(Search(run=Config(steps=5)))).run.steps
    5
    """
    own = {field.name: getattr(search, field.name) for field in fields(Search) if field.name != "run"}
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in own.items())
    head = "# the same search again, to the bit: nfloat search --config config.toml --out again\n"
    return head + "".join(lines) + "\n[run]\n" + to_toml(search.run).partition("\n")[2]


def from_search_toml(text: str, source: str = "config") -> Search:
    """The search that a TOML text describes; keys left out have their defaults.

    Raises
    ------
    ArgumentError
        If the text is no TOML, has an unknown key or a value of the wrong type or range.
    MissingExtraError
        If msgspec is not installed.
    """
    table = toml.parse(text, source)
    if "steps" in table or "recipes" in table:
        raise ArgumentError(
            f"{source}: this is the configuration of a drift run, not of a search; in a search's it stands under [run]"
        )
    toml.check_keys(table, [field.name for field in fields(Search)], source)
    run = table.pop("run", {})
    if not isinstance(run, dict):
        raise ArgumentError(f"{source}: run={run!r} must be a table: what is trained")
    own: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return Search(run=from_table(run, f"{source}: run"), **own)
    except NFloatError as error:
        text = str(error)
        raise type(error)(text if text.startswith(source) else f"{source}: {text}") from None


def read_search(path: Path) -> Search:
    """The search in a file.

    Raises
    ------
    ArgumentError
        If the file cannot be read, or as for `from_search_toml`.
    """
    return from_search_toml(toml.read_text(path), source=str(path))
