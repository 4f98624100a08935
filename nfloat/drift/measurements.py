"""`Measurements`: the rows of a drift run and what follows from them. The page is made of these alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .. import nn
from ..errors import ArgumentError, nearest_names
from ..formats.format import Format
from .ablation import Effect, effects, layer_effects
from .budget import Breach, Budget
from .comparison import Comparison
from .plan import is_complete
from .rows import Key, Row, by_series
from .summary import Summary, summarise
from .trouble import Trouble, first_trouble
from .verdicts import Ends, ends_of
from .what_if import WhatIf, what_if


@dataclass(frozen=True)
class Measurements:
    """A configuration and its rows, complete or not."""

    config: Comparison
    rows: list[Row]

    @cached_property
    def summary(self) -> list[Summary]:
        """One dict per recipe: loss, gap, path distance, gradient error, rates, verdict, interval (``summary.py``)."""
        return summarise(self.config, self.rows)

    @cached_property
    def series(self) -> Mapping[Key, list[tuple[int, float]]]:
        """(recipe, layer, tensor, metric) -> (step, value) pairs, of the first seed."""
        return by_series(row for row in self.rows if row["seed"] == self.config.seed)

    @cached_property
    def ends(self) -> Ends:
        """(name, seed) -> where each run began and stands."""
        return ends_of(self.rows)

    @cached_property
    def complete(self) -> bool:
        """Whether everything that the configuration asks for has run to its end (``plan.py``)."""
        return is_complete(self.rows, self.config)

    def first_trouble(self, recipe: str) -> Trouble | None:
        """(step, layer, tensor, condition, value) of the first trouble in a recipe's first run; None: there was none.

        Raises
        ------
        ArgumentError
            If the run has no such recipe.
        """
        name = self._known(recipe)
        return first_trouble(self.rows, name, self.config.seed, nn.recipe(name))

    def _known(self, recipe: object) -> str:
        """The name of one of the run's recipes."""
        if not isinstance(recipe, str):
            raise ArgumentError(f"recipe: {type(recipe).__name__} is not the name of a recipe of this run")
        if recipe not in self.config.recipes:
            raise ArgumentError(f"recipe={recipe!r} is none of this run; {nearest_names(recipe, self.config.recipes)}")
        return recipe

    def what_if(self, formats: Sequence[Format | str], recipe: str | None = None) -> list[WhatIf]:
        """What other formats would have done to every tensor of a recipe's first run, without training again.

        Parameters
        ----------
        formats : sequence of Format or str
            Formats with a sign and a zero.
        recipe : str, optional
            Whose tensors; by default the first recipe's.

        Returns
        -------
        list of WhatIf
            (recipe, layer, tensor, format, error, underflow, overflow), tensors in a step's order; what these are, and
            how exactly they are known, stands in ``what_if.py``.

        Raises
        ------
        ArgumentError
            If the run has no such recipe, or a format cannot hold tensors.
        FormatError
            If there is no such format.
        """
        name = self.config.recipes[0] if recipe is None else self._known(recipe)
        return what_if(self.rows, formats, name, self.config.seed)

    def ablation(self, recipe: str) -> list[Effect]:
        """What each field of a recipe does alone to the whole run, and what its removal and repairs do.

        Raises
        ------
        ArgumentError
            If the run has no such recipe.
        """
        return effects(self.config, self._known(recipe), self.ends)

    def layer_ablation(self, recipe: str) -> list[Effect]:
        """What a recipe does to the whole run in each of the model's layers alone; and everywhere but in the first.

        Raises
        ------
        ArgumentError
            If the run has no such recipe.
        """
        return layer_effects(self.config, self._known(recipe), self.ends)

    def breaches(self, budget: Budget | None = None, **limits: Any) -> list[Breach]:
        """The limits of a budget, or of a new one of these fields, that recipes break; none where all is within it.

        Raises
        ------
        ArgumentError
            If there is no such limit, or both are given.
        """
        if budget is not None and limits:
            raise ArgumentError(f"limits {', '.join(limits)}: give a Budget or its fields, not both")
        known = Budget.__dataclass_fields__
        for key in limits:
            if key not in known:
                raise ArgumentError(f"{key}={limits[key]!r} is not a limit of a budget; {nearest_names(key, known)}")
        return (budget or Budget(**limits)).breaches(self.summary)
