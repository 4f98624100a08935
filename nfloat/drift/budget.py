"""A budget: what a run may lose, in numbers and verdicts, and which recipes break it. For gates in a CI system.

`Budget` is the limits, of all recipes or of single ones; `Measurements.breaches` holds a run against it. The same
numbers as in the summary are meant (``summary.py``): a loss gap is the mean change of the training loss over all seeds,
its interval is said beside it.

A budget file is TOML::

    fail_on = ["worse", "diverged"]
    loss_gap = 0.01

    [recipes."bf16-pure"]    # other limits for one
    loss_gap = 0.5
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ArgumentError, check_kind, nearest_names
from ..runs.config import check_keys, parse, read_text
from .summary import Summary
from .verdicts import WORDS

#: limit -> what it is of, in a sentence; all are numbers of the summary that must not be greater
LIMITS = {
    "loss_gap": "change of the training loss against float64",
    "path_ratio": "distance of the weights from float64's path, in those of the null",
    "overflow": "share of overflows in the worst tensor",
    "underflow": "share of underflows in the worst tensor",
    "stagnation": "share of lost updates",
    "skipped": "updates left out by loss scaling",
}


class Breach(NamedTuple):
    """One limit that one recipe breaks."""

    recipe: str
    limit: str
    text: str

    def __str__(self) -> str:
        return f"{self.recipe}: {self.text}"


@dataclass(frozen=True)
class Budget:
    """What recipes may lose.

    Parameters
    ----------
    fail_on : tuple of str
        Verdicts that are not allowed.
    loss_gap, path_ratio, overflow, underflow, stagnation, skipped : float, optional
        The most of each; None: no limit. What was not measured breaks its limit.
    trouble : bool
        Whether first trouble (NaN, overflow, underflow, lost updates, a gradient off its direction) is allowed.
    recipes : mapping
        Recipe -> fields that are its own.

    Raises
    ------
    ArgumentError
        If a verdict or field is unknown, or a limit is no number.

    Examples
    --------
    >>> Budget(loss_gap=0.01, recipes={"bf16-pure": {"loss_gap": 0.5}}).of("bf16-pure").loss_gap
    0.5
    """

    fail_on: tuple[str, ...] = ("diverged", "incomplete")
    loss_gap: float | None = None
    path_ratio: float | None = None
    overflow: float | None = None
    underflow: float | None = None
    stagnation: float | None = None
    skipped: float | None = None
    trouble: bool = True
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_kind("fail_on", self.fail_on, (str, tuple, list, set, frozenset), "a verdict or a tuple of them")
        words = (self.fail_on,) if isinstance(self.fail_on, str) else tuple(self.fail_on)
        for word in words:
            if not isinstance(word, str) or word not in WORDS:
                raise ArgumentError(f"fail_on={word!r} is not a verdict; {nearest_names(str(word), WORDS)}")
        object.__setattr__(self, "fail_on", words)
        for key in LIMITS:
            value = getattr(self, key)
            if value is not None and (isinstance(value, bool) or not isinstance(value, Real) or not value == value):
                raise ArgumentError(f"{key}={value!r} must be a number, or None for no limit")
        if not isinstance(self.trouble, bool):
            raise ArgumentError(f"trouble={self.trouble!r} must be true (allowed) or false")
        if not isinstance(self.recipes, Mapping):
            raise ArgumentError(f"recipes={self.recipes!r} must be a table: recipe -> limits of its own")
        for name, own in self.recipes.items():
            _checked(own, f"recipes.{name}", inside=True)
            self.of(name)

    def of(self, recipe: str) -> Budget:
        """The limits of one recipe."""
        own = {f.name: getattr(self, f.name) for f in fields(self)} | dict(self.recipes.get(recipe, {}))
        return Budget(**{**own, "recipes": {}})

    def breaches(self, summary: Iterable[Summary]) -> list[Breach]:
        """Every limit that a recipe of the run breaks, in the summary's order.

        Raises
        ------
        ArgumentError
            If limits are given for a recipe that the run does not have.
        """
        items = list(summary)
        present = [item["recipe"] for item in items]
        for name in self.recipes:
            if name not in present:
                raise ArgumentError(f"recipes: the run has no {name!r}; {nearest_names(name, present)}")
        return [breach for item in items for breach in _broken(self.of(item["recipe"]), item)]


def _broken(budget: Budget, item: Summary) -> list[Breach]:
    name, found = item["recipe"], []
    if item["verdict"] in budget.fail_on:
        found.append(Breach(name, "fail_on", f"the verdict is {item['verdict']!r}"))
    for key, what in LIMITS.items():
        limit, value = getattr(budget, key), measured(item, key)
        if limit is None or (value is not None and value <= limit):
            continue
        if value is None:
            found.append(Breach(name, key, f"{key}: the {what} was not measured"))
        else:
            found.append(Breach(name, key, f"{key}: the {what} is {value:.4g}{_interval(item, key)}, over {limit:g}"))
    trouble = item["first_trouble"]
    if not budget.trouble and trouble is not None:
        text = f"first trouble at step {trouble.step}, {trouble.layer} {trouble.tensor}: {trouble.condition}"
        found.append(Breach(name, "trouble", text))
    return found


def measured(item: Summary, key: str) -> float | None:
    """The number of a summary that a limit is about; of one seed's loss where there are not seeds enough for a mean."""
    value = dict(item)["effect" if key == "loss_gap" else key]
    if key == "loss_gap" and value is None:
        ratio = item["loss_ratio"]
        equal = item["train_loss_gap"] == 0.0
        value = 0.0 if equal else None if ratio is None else ratio - 1.0 if math.isfinite(ratio) else math.inf
    return value if isinstance(value, int | float) else None


def _interval(item: Summary, key: str) -> str:
    if key != "loss_gap":
        return ""
    low, high = item["low"], item["high"]
    return " (one seed)" if low is None or high is None else f" ({low:.4g} to {high:.4g} over all seeds)"


def _checked(table: Any, source: str, *, inside: bool = False) -> dict[str, Any]:
    """A table's fields, refused where there are no such."""
    if not isinstance(table, Mapping):
        raise ArgumentError(f"{source}: must be a table of limits, not {table!r}")
    known = [f.name for f in fields(Budget) if not (inside and f.name == "recipes")]
    check_keys(table, known, source)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def read_budget(path: Path) -> Budget:
    """The budget of a file.

    Raises
    ------
    ArgumentError
        If it cannot be read, is no TOML, or says something that is no budget; the message names the file.
    """
    try:
        return Budget(**_checked(parse(read_text(path, "budget"), path), str(path)))
    except ArgumentError as error:
        text = str(error)
        raise ArgumentError(text if str(path) in text else f"{path}: {text}") from None
