"""`Measurements`: the rows of a drift run and what follows from them. The page is made of these alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from .config import Config
from .rows import Key, Row, by_series
from .summary import Summary, summarise


@dataclass(frozen=True)
class Measurements:
    """A configuration and its rows, complete or not."""

    config: Config
    rows: list[Row]

    @cached_property
    def summary(self) -> list[Summary]:
        """One dict per recipe: final loss, gap, path distance, gradient error, rates, verdict (``summary.py``)."""
        return summarise(self.config, self.rows)

    @cached_property
    def series(self) -> Mapping[Key, list[tuple[int, float]]]:
        """(recipe, layer, tensor, metric) -> (step, value) pairs."""
        return by_series(self.rows)

    @property
    def complete(self) -> bool:
        """Whether every recipe has run to its end."""
        return len(self.summary) == len(self.config.recipes) and all(
            item["step"] == self.config.steps for item in self.summary
        )
