"""The search itself: greedy, one tensor after the other, the greatest saving first. No random choice, no clock.

1. Of the recipes to begin with, the cheapest that is within the budget (and the next one, if nothing comes of it).
2. Of all moves that make the present recipe cheaper, the one that saves most is tried. Within the budget it is taken;
   else it is not tried again from here on, and its tensor may differ from layer to layer. Until no move is left.
3. The seeds that judged so far have chosen the recipe, and so flatter it. It is judged once more on as many seeds that
   had no part in that, and so is, where it fails, the one before it, until one is confirmed.
4. Where some failed, the move that followed the confirmed one is refused, and the search goes on from there as in 2,
   to be confirmed on further new seeds; until nothing follows, or as many recipes have been tried as may be.

A move that was refused stays refused as long as what it was made from stands, although another order might have let it
pass: the answer is the cheapest recipe on this way, which is repeatable, and no proof that there is none below.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from typing import NamedTuple, TypeAlias, TypeVar, cast

from ... import nn
from ..cost import Counts, Rounds, cost_of, rounds_of
from ..members import rounds
from .moves import Move, Spelling, moves, spelling
from .question import Search

#: the stages of a search, by what its trials are called
BEGIN, NARROW, CONFIRM = "begin", "narrow", "confirm"

Given = TypeVar("Given")

#: moves that save less than this share of the first recipe's cost are not worth a trial
_LEAST = 0.005


class Question(NamedTuple):
    """A recipe to be judged."""

    name: str
    stage: str
    #: what was done to come to it
    words: str
    #: how many sets of seeds have judged before: 0 those that choose, 1 the first that confirm
    seeds: int = 0


class _State(NamedTuple):
    """A recipe on the way, and what has been refused while it stood."""

    at: Spelling
    #: the move that led to it; None: the search began with it
    move: Move | None
    refused: frozenset[Move | Rounds]
    #: places in which layers may differ
    opened: tuple[str, ...] = ()

    def without(self, move: Move, counts: Counts) -> _State:
        """With a move refused."""
        opened = self.opened if move.place in self.opened else (*self.opened, move.place)
        known: set[Move | Rounds] = {move, rounds_of(self.at.after(move).name, counts)}
        return self._replace(refused=self.refused | known, opened=opened)


#: asks, is told whether within the budget, and gives something in the end
Asking: TypeAlias = Generator[Question, bool, Given]


def descent(search: Search, counts: Counts) -> Asking[str | None]:
    """Asks for verdicts (within the budget or not) on one recipe after the other; returns the answer's name, or None.

    Examples
    --------
    >>> from nfloat.drift import Config
    >>> search = Search(run=Config(recipes=("bf16-mixed",)), formats=("bfloat16",), operands=())
    >>> run = descent(search, {("0", "weights"): 9})
    >>> next(run).name, run.send(True).words
    ('bf16-mixed', 'weights in bfloat16')
    """
    names = [name for name in search.run.recipes if rounds(nn.recipe(name))]
    tried: set[str] = set()
    sets = itertools.count(1)
    # equal costs in the order in which they are given
    for name in sorted(names, key=lambda name: cost_of(name, counts).total):
        if (yield Question(name, BEGIN, "as it is")):
            answer = yield from _from(search, counts, spelling(name), tried, sets)
            if answer is not None:
                return answer
    return None


def _from(search: Search, counts: Counts, first: Spelling, tried: set[str], sets: Iterator[int]) -> Asking[str | None]:
    """The cheapest recipe on the way from this one that was confirmed."""
    path, least = [_State(first, None, frozenset())], _LEAST * cost_of(first.name, counts).total
    answer: str | None = None
    while True:
        path = yield from _narrow(search, counts, path, least, tried)
        if path[-1].at.name == answer:
            return answer
        held = yield from _confirm(path, next(sets), answer)
        if held is None:
            return answer
        answer, failed = path[held].at.name, path[held + 1 :]
        if not failed:
            return answer
        path = [*path[:held], path[held].without(cast("Move", failed[0].move), counts)]


def _narrow(search: Search, counts: Counts, path: list[_State], least: float, tried: set[str]) -> Asking[list[_State]]:
    """The way on from the last state, as far as it leads."""
    while (found := _best(search, counts, path[-1], least)) is not None:
        move, after = found
        if after.name not in tried and len(tried) >= search.trials:
            break
        tried.add(after.name)
        if (yield Question(after.name, NARROW, move.words)):
            # what was refused of a wider recipe is refused of a narrower one
            path = [*path, path[-1]._replace(at=after, move=move)]
        else:
            path = [*path[:-1], path[-1].without(move, counts)]
    return path


def _confirm(path: list[_State], sets: int, answer: str | None) -> Asking[int | None]:
    """The last state that new seeds confirm, or that others have confirmed before; None: there is none."""
    for place in reversed(range(len(path))):
        name = path[place].at.name
        if name == answer or (yield Question(name, CONFIRM, f"on new seeds ({sets})", sets)):
            return place
    return None


def _best(search: Search, counts: Counts, state: _State, least: float) -> tuple[Move, Spelling] | None:
    """The move that saves most, of those not refused, nor others to the same recipes; of equal ones the first."""
    present = cost_of(state.at.name, counts).total
    best, saving = None, least
    for move in moves(search, counts, state.opened):
        if move in state.refused:
            continue
        after = state.at.after(move)
        saved = present - cost_of(after.name, counts).total
        if saved > saving and rounds_of(after.name, counts) not in state.refused:
            best, saving = (move, after), saved
    return best
