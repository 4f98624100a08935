"""`Measurements`: the rows of a study's run and what follows from them. The page is made of these alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..runs.rows import Row
from .checks import Check
from .folder import finished
from .plan import Plan


@dataclass(frozen=True)
class Measurements:
    """A plan and its rows, complete or not."""

    plan: Plan
    rows: list[Row]

    @cached_property
    def checks(self) -> list[Check]:
        """The figures that must come out, as far as their rows are there."""
        return self.plan.study.checks(self.rows)

    @property
    def ok(self) -> bool:
        """Whether every figure lies within its tolerance."""
        return all(check.ok for check in self.checks)

    @property
    def cells(self) -> int:
        """How many cells the plan has."""
        return sum(1 for _ in self.plan.study.cells(self.plan.params))

    @property
    def complete(self) -> bool:
        """Whether every cell has its row."""
        return len(finished(self.plan, self.rows)) == self.cells
