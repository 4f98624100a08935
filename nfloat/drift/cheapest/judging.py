"""Whether a recipe is within the budget: its loss against float64's and the null's, seed by seed.

The gap is the mean over the seeds of ln(loss / geometric mean of float64's and the null's), as in ``verdicts.py``. A
recipe is within the budget if the upper end of that mean's one-sided 95 % interval is: it must be shown to be near
enough, which is more than not being shown to be worse. A recipe that is hopeless at the first seed is not trained from
the others.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ... import nn
from ..inference import change, log_of, upper_bound
from ..members import TWIN, Member, null_name, precision_of
from ..verdicts import End, Ends, effect_of
from .question import Search

CONFIDENCE = 0.95
#: so many times the budget at the first seed is beyond hope
_HOPELESS = 5.0

#: trains what is missing of the members, and gives all ends; None: it may not train
Train = Callable[[Sequence[Member]], Ends]


class RowsEndError(Exception):
    """A training that is needed is not among the rows."""


class Judgement(NamedTuple):
    """What was found of one recipe."""

    within: bool
    #: relative changes of the loss: the mean, and the bound above it; None: diverged
    gap: float | None
    bound: float | None
    #: how many seeds it was trained from
    seeds: int


def judge(search: Search, name: str, sets: int, train: Train) -> Judgement:
    """Train a recipe as far as needed, and judge it on a set of seeds: 0 those that choose, then those that confirm.

    Raises
    ------
    RowsEndError
        If `train` does not give what is needed.
    """
    seeds = seeds_of(search, sets)
    early = _effects(name, seeds[:1], train)
    if early is None:
        return Judgement(False, None, None, 1)
    if early and early[0] > _HOPELESS * log_of(1.0 + search.budget):
        return Judgement(False, change(early[0]), None, 1)
    found = _effects(name, seeds, train)
    bound = None if found is None else upper_bound(found, CONFIDENCE)
    if found is None or bound is None:  # float64 itself diverged, or all but once
        return Judgement(False, None, None, len(seeds))
    within = bound <= log_of(1.0 + search.budget)
    return Judgement(within, change(statistics.fmean(found)), change(bound), len(seeds))


def seeds_of(search: Search, sets: int) -> range:
    """The seeds of a set: as many as the run has, one set behind the other.

    Examples
    --------
    >>> from nfloat.drift import Config
    >>> seeds_of(Search(run=Config(seeds=5)), 1)
    range(5, 10)
    """
    first = search.run.seed + sets * search.run.seeds
    return range(first, first + search.run.seeds)


def members_of(name: str, seeds: Sequence[int]) -> list[Member]:
    """The recipe, float64 and the null, seed by seed."""
    level = precision_of(nn.recipe(name))
    kinds = (Member(TWIN, 0), Member(null_name(level), 0, pushed=level), Member(name, 0, name))
    return [Member(of.name, seed, of.recipe, pushed=of.pushed) for seed in seeds for of in kinds]


def _effects(name: str, seeds: Sequence[int], train: Train) -> list[float] | None:
    """ln of the gap at every seed at which float64 and the null do not diverge; None: the recipe diverges at one."""
    members = members_of(name, seeds)
    ends = train(members)
    found = []
    for place in range(0, len(members), 3):
        twin, null, own = (_end(ends, member) for member in members[place : place + 3])
        if twin.diverged or null.diverged:
            continue
        if own.diverged or not math.isfinite(own.loss):
            return None
        found.append(effect_of(own, twin, null))
    return found


def _end(ends: Ends, member: Member) -> End:
    end = ends.get((member.name, member.seed))
    if end is None or not end.complete:
        raise RowsEndError(member.name)
    return end
