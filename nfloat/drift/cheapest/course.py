"""`Tried`: the rows of a search and what follows from them: every trial, the recipe, its cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ..cost import Cost, cost_of
from ..rows import Row
from ..verdicts import Ends, ends_of
from .descent import CONFIRM, Question, descent
from .judging import Judgement, RowsEndError, Train, judge, seeds_of
from .question import Search

#: the metric of the rows in which a step's elements are counted
ELEMENTS = "elements"


class Trial(NamedTuple):
    """One recipe that was tried, and what came out."""

    question: Question
    cost: Cost
    judgement: Judgement


class Course(NamedTuple):
    """A search as far as its trainings are there."""

    trials: list[Trial]
    #: the recipe's name; None: none is within the budget, or the search is not at its end
    recipe: str | None
    complete: bool


def counts_of(rows: list[Row]) -> dict[tuple[str, str], int]:
    """(layer, field) -> elements, of the rows that count them."""
    return {(row["layer"], row["tensor"]): int(row["value"]) for row in rows if row["metric"] == ELEMENTS}


def follow(search: Search, counts: dict[tuple[str, str], int], train: Train) -> Course:
    """The search from its beginning, as far as `train` gives what is needed."""
    asking = descent(search, counts)
    trials: list[Trial] = []
    try:
        question = next(asking)
        while True:
            found = judge(search, question.name, question.seeds, train)
            trials.append(Trial(question, cost_of(question.name, counts), found))
            question = asking.send(found.within)
    except StopIteration as end:
        return Course(trials, end.value, True)
    except RowsEndError:
        return Course(trials, None, False)


@dataclass(frozen=True)
class Tried:
    """What was searched for, and the rows of the trainings."""

    config: Search
    rows: list[Row]

    @cached_property
    def course(self) -> Course:
        """The search as far as the rows go."""
        ends: Ends = ends_of(self.rows)
        return follow(self.config, self.counts, lambda _: ends)

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        """(layer, field) -> elements of a step."""
        return counts_of(self.rows)

    @property
    def trials(self) -> list[Trial]:
        """Every recipe that was judged, in order."""
        return self.course.trials

    @property
    def recipe(self) -> str | None:
        """The name of the cheapest recipe that was confirmed; None: there is none."""
        return self.course.recipe

    @property
    def complete(self) -> bool:
        """Whether the search has gone to its end."""
        return self.course.complete

    @property
    def cost(self) -> Cost | None:
        """What a step under the answer costs."""
        return None if self.recipe is None else cost_of(self.recipe, self.counts)

    @property
    def against(self) -> Cost:
        """What a step costs under the recipe that the answer is compared with."""
        return cost_of(self.config.against, self.counts)

    @property
    def ratio(self) -> float | None:
        """How many times cheaper the answer is than that."""
        return None if self.cost is None else self.against.total / self.cost.total

    @property
    def confirmed(self) -> Trial | None:
        """The trial by which the answer was confirmed."""
        found = [t for t in self.trials if t.question.stage == CONFIRM and t.question.name == self.recipe]
        return next((trial for trial in found if trial.judgement.within), None)

    @property
    def confirmation(self) -> Judgement | None:
        """What was found when the answer was confirmed."""
        return None if self.confirmed is None else self.confirmed.judgement

    @property
    def confirming_seeds(self) -> range:
        """The seeds that confirmed the answer; none without one."""
        return range(0) if self.confirmed is None else seeds_of(self.config, self.confirmed.question.seeds)
