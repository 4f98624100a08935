"""Training the members of an ensemble: the loss and the way of each, measured at a few steps, and no more.

Members of one seed have the same data, batches and initial weights, so they share one float64 reference; a `Group` of
them is what one process trains (``workers.py``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .ablation import recipe_for
from .comparison import Comparison
from .members import Member, rounds
from .recorder import Recorder
from .rows import Row
from .trainable import Trainable, Training
from .twin import Reference, run_reference

#: at about so many steps a member is measured: enough to draw a band
_POINTS = 10


class Group(NamedTuple):
    """Members of one seed, trained one after the other beside one reference."""

    members: Sequence[Member]

    @property
    def seed(self) -> int:
        """The seed of all of them."""
        return self.members[0].seed


def measured_steps(config: Comparison) -> tuple[int, ...]:
    """The steps at which members are measured: some of ``config.recorded_steps``, the last of them too.

    Examples
    --------
    >>> from nfloat.drift import Config
    >>> measured_steps(Config(steps=100, every=5))
    (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    """
    steps = config.recorded_steps
    return (*steps[: -1 : max(1, (len(steps) - 1) // _POINTS)], steps[-1])


class References:
    """The float64 twins of the seeds that were asked for, each trained once: its snapshots at the measured steps."""

    def __init__(self, config: Comparison, trainable: Trainable, threads: int | None) -> None:
        self._how = config, trainable, threads
        self._known: dict[int, Reference] = {}

    def of(self, seed: int) -> Reference:
        """The twin of a seed."""
        config, trainable, threads = self._how
        if seed not in self._known:
            own = config.replace(seed=seed)
            self._known[seed] = run_reference(own, trainable, threads, measured=measured_steps(config))
        return self._known[seed]


def run_group(
    config: Comparison,
    trainable: Trainable,
    group: Group,
    threads: int | None = None,
    reference: Reference | None = None,
) -> Iterator[list[Row]]:
    """The rows of each member of a group, whole.

    Parameters
    ----------
    reference : Reference, optional
        The float64 twin of the group's seed, if it has been trained already.
    """
    own = config.replace(seed=group.seed)
    if reference is None:
        reference = run_reference(own, trainable, threads, measured=measured_steps(config))
    for member in group.members:
        yield list(itertools.chain.from_iterable(_run(own, trainable, member, reference, threads)))


def _run(
    config: Comparison, trainable: Trainable, member: Member, reference: Reference, threads: int | None
) -> Iterator[list[Row]]:
    recipe = recipe_for(member)
    recorder, measured = Recorder(member.name, recipe, member.seed), set(measured_steps(config))
    if not rounds(recipe) and not member.pushed:
        yield [row for step in sorted(measured) for row in _twin_rows(recorder, step, config.steps, reference)]
        return
    training = trainable.begin(recipe, config.seed, threads, pushed=member.pushed, rounding=member.rounding)
    for step in range(config.steps):
        if step in measured:
            yield _state_rows(recorder, step, training, reference, last=False)
        training.step()
    yield _state_rows(recorder, config.steps, training, reference, last=True)


def _twin_rows(recorder: Recorder, step: int, last: int, reference: Reference) -> list[Row]:
    """Rows of what has the reference's every bit."""
    snapshot, start = reference.at[step], reference.at[0].weights
    rows = recorder.path_rows(step, snapshot.weights, snapshot.weights, start)
    if step < last:
        return rows + recorder.loss_gap_rows(step, snapshot.train, snapshot.train_loss)
    return rows + recorder.quality_rows(step, snapshot.train, snapshot.train_loss, snapshot.test)


def _state_rows(recorder: Recorder, step: int, training: Training, reference: Reference, *, last: bool) -> list[Row]:
    """Where a member stands: path and loss; at its end the test error too, which says that it is complete."""
    snapshot, start = reference.at[step], reference.at[0].weights
    train = training.train_set()
    rows = recorder.path_rows(step, training.weights(), snapshot.weights, start)
    if not last:
        return rows + recorder.loss_gap_rows(step, train, snapshot.train_loss)
    return rows + recorder.quality_rows(step, train, snapshot.train_loss, training.test_set())
