"""The order of a run: which trainings there are, and which of them its rows hold whole.

First every recipe from the first seed, measured in detail; then the ensemble (``members.py``), from which verdicts
follow; then, for the recipes that the configuration wants explained, each place alone; then without the chief places,
and repaired (``ablation.py``). What comes later depends on the rows of what came before, and on nothing else, so an
interrupted run goes on as it would have gone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from .ablation import explained, first_members, further_members
from .comparison import Comparison
from .layers import layers_in
from .members import Member, members
from .rows import LAST_METRIC, Row
from .verdicts import Ends, ends_of

#: a training: the name of its rows, and its seed
Training = tuple[str, int]

Layers = tuple[str, ...]

#: the stages after the measured recipes, by what their progress is called
ENSEMBLE, ABLATION, REPAIRS = "other seeds", "one place rounded", "all but one, and repairs"


def stages(config: Comparison) -> Sequence[tuple[str, Callable[[Sequence[Row]], list[list[Member]]]]]:
    """(Name, rows so far -> groups of members that one process trains), in their order."""

    def ablation(of: Callable[[str, Ends, Layers], list[Member]]) -> Callable[[Sequence[Row]], list[list[Member]]]:
        def groups(rows: Sequence[Row]) -> list[list[Member]]:
            ends = ends_of(rows)
            names = explained(config, ends)
            return [found for name in names if (found := of(name, ends, layers_in(rows, name, config.seed)))]

        return groups

    return (
        (ENSEMBLE, lambda _: [list(group) for _, group in itertools.groupby(members(config), lambda m: m.seed)]),
        (ABLATION, ablation(lambda name, _, layers: first_members(config, name, layers))),
        (REPAIRS, ablation(lambda name, ends, layers: further_members(config, name, ends, layers))),
    )


def trainings(config: Comparison, rows: Sequence[Row]) -> Iterator[Training]:
    """Every training of the run, in order; those that depend on rows are known only once these are there."""
    yield from ((name, config.seed) for name in config.recipes)
    for _, groups in stages(config):
        yield from ((member.name, member.seed) for group in groups(rows) for member in group)


def complete_trainings(rows: Sequence[Row], config: Comparison) -> list[Training]:
    """The trainings, in their order, up to the first whose last row is not among `rows`."""
    return list(itertools.takewhile(ended(rows, config).__contains__, trainings(config, rows)))


def is_complete(rows: Sequence[Row], config: Comparison) -> bool:
    """Whether the rows hold every training of the run to its end."""
    there = ended(rows, config)
    return all(training in there for training in trainings(config, rows))


def ended(rows: Iterable[Row], config: Comparison) -> set[Training]:
    """The trainings whose last row is there."""
    last = (row for row in rows if row["metric"] == LAST_METRIC and row["step"] == config.steps)
    return {(row["recipe"], row["seed"]) for row in last}
