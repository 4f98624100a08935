"""The search itself: greedy, one tensor after the other, the greatest saving first. No random choice, no clock.

1. Of the recipes to begin with, the cheapest that is within the budget.
2. Of all moves that make the present recipe cheaper, the one that saves most is tried. Within the budget it is taken;
   else it is not tried again, and its tensor may differ from layer to layer from then on. Until no move is left.
3. The seeds that judged so far have chosen the recipe, and so flatter it. It is judged once more on as many seeds that
   had no part in that, and so is, where it fails, the one before it, until one is confirmed.

A move that was refused once stays refused, although another order might have let it pass: the answer is the cheapest
recipe on this way, which is repeatable, and no proof that there is none below.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

from ... import nn
from ..cost import Counts, Rounds, cost_of, rounds_of
from ..members import rounds
from .moves import Move, Spelling, moves, spelling
from .question import Search

#: the stages of a search, by what its trials are called
BEGIN, NARROW, CONFIRM = "begin", "narrow", "confirm"

#: moves that save less than this share of the first recipe's cost are not worth a trial
_LEAST = 0.005


class Question(NamedTuple):
    """A recipe to be judged."""

    name: str
    stage: str
    #: what was done to come to it
    words: str


def descent(search: Search, counts: Counts) -> Generator[Question, bool, str | None]:
    """Asks for verdicts (within the budget or not) on one recipe after the other; returns the answer's name, or None.

    Examples
    --------
    >>> from nfloat.drift import Config
    >>> search = Search(run=Config(recipes=("bf16-mixed",)), formats=("bfloat16",), operands=())
    >>> run = descent(search, {("0", "weights"): 9})
    >>> next(run).name, run.send(True).words
    ('bf16-mixed', 'weights in bfloat16')
    """
    present = yield from _begin(search, counts)
    if present is None:
        return None
    path = [present]
    refused: set[Move | Rounds] = set()
    opened: list[str] = []
    trials = len(search.run.recipes)
    while trials < search.trials and (found := _best(search, counts, path, refused, opened)) is not None:
        move, after = found
        trials += 1
        if (yield Question(after.name, NARROW, move.words)):
            path.append(after)
        else:
            refused |= {move, rounds_of(after.name, counts)}
            opened += [move.place] if move.place not in opened else []
    for at in reversed(path):
        if (yield Question(at.name, CONFIRM, "on seeds that chose nothing")):
            return at.name
    return None


def _begin(search: Search, counts: Counts) -> Generator[Question, bool, Spelling | None]:
    """The cheapest recipe to begin with that is within the budget; equal costs in the order in which they are given."""
    names = [name for name in search.run.recipes if rounds(nn.recipe(name))]
    for name in sorted(names, key=lambda name: cost_of(name, counts).total):
        if (yield Question(name, BEGIN, "as it is")):
            return spelling(name)
    return None


def _best(
    search: Search, counts: Counts, path: list[Spelling], refused: set[Move | Rounds], opened: list[str]
) -> tuple[Move, Spelling] | None:
    """The move that saves most and has not been tried, nor another one to the same recipe; of equal ones the first."""
    first, present = (cost_of(at.name, counts).total for at in (path[0], path[-1]))
    best, saving = None, _LEAST * first
    for move in moves(search, counts, opened):
        if move in refused:
            continue
        after = path[-1].after(move)
        saved = present - cost_of(after.name, counts).total
        if saved > saving and rounds_of(after.name, counts) not in refused:
            best, saving = (move, after), saved
    return best
