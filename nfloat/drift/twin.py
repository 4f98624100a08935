"""One recipe beside its float64 twin: same initial weights, same batches, so that every difference is rounding's.

`run_reference` trains the twin and keeps what recipes are compared with; `run_recipe` trains under a recipe and gives
rows as they come. What is trained stands behind ``trainable.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .. import nn
from ..nn.train import Evaluation
from .attribution import LAYER_METRIC, METRIC, Source, errors_by_source, layer_sources, single_sources
from .comparison import Comparison
from .layers import layers_of
from .recorder import Recorder
from .rows import Row
from .tensors import looked_at
from .trainable import Trainable, Training, Weights


class Snapshot(NamedTuple):
    """The twin after some updates: its weights, its loss over the whole training set, and its error on the test set."""

    weights: Weights
    train: Evaluation
    test: Evaluation

    @property
    def train_loss(self) -> float:
        """Loss over the whole training set."""
        return self.train.loss


@dataclass(frozen=True, eq=False)
class Reference:
    """What the float64 twin did: loss of each step's batch, and snapshots at the measured steps (0 is the start)."""

    batch_loss: list[float]
    at: dict[int, Snapshot]
    #: how long it took: about what any training of the run does
    seconds: float


def run_reference(
    config: Comparison,
    trainable: Trainable,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    measured: Collection[int] | None = None,
) -> Reference:
    """Train the float64 twin; ``progress(updates_done)`` is called after each step.

    Snapshots are of the steps `measured`, the configuration's where it is None, of the start and the end.
    """
    start = time.perf_counter()
    training = trainable.begin(nn.recipe("float64"), config.seed, threads)
    losses, at, steps = [], {}, {0, *(config.recorded_steps if measured is None else measured)}
    for step in range(config.steps):
        if step in steps:
            at[step] = _snapshot(training)
        losses.append(training.step().loss)
        if progress is not None:
            progress(step + 1)
    at[config.steps] = _snapshot(training)
    return Reference(losses, at, time.perf_counter() - start)


def run_recipe(
    config: Comparison, name: str, trainable: Trainable, reference: Reference, threads: int | None = None
) -> Iterator[tuple[int, list[Row]]]:
    """Train under a recipe; gives (updates done, new rows) after each step, the rows of the end with the last.

    Parameters
    ----------
    name : str
        One of ``config.recipes``.
    threads : int, optional
        Never changes a bit.
    """
    recipe = nn.recipe(name)
    training = trainable.begin(recipe, config.seed, threads)
    run = _Run(config, training, reference, recipe, Recorder(name, recipe, config.seed, config.record))
    measured = set(config.recorded_steps)
    for step in range(config.steps):
        rows = run.measured_step(step) if step in measured else run.plain_step(step)
        if step + 1 == config.steps:
            rows += run.state_rows(config.steps)
        yield step + 1, rows


class _Run:
    """One recipe in training, with what it is compared with and what it is recorded by."""

    def __init__(
        self, config: Comparison, training: Training, reference: Reference, recipe: nn.Recipe, recorder: Recorder
    ) -> None:
        self.training, self.reference, self.recorder = training, reference, recorder
        self.sources = single_sources(recipe) if config.attribute else {}
        self.layers = layer_sources(recipe, layers_of(training.weights())) if config.attribute else {}
        self.looked_at = looked_at(config.recorded_steps[:-1])

    def plain_step(self, step: int) -> list[Row]:
        """Learn from a batch; the rows of every step."""
        return self.recorder.loss_rows(step, self.training.step(), self.reference.batch_loss[step])

    def measured_step(self, step: int) -> list[Row]:
        """Learn from a batch; the rows of a measured step: weights before it, gradients and rates in it."""
        rows = self.state_rows(step)
        exact = self.training.exact_gradients()
        errors = self._errors(METRIC, self.sources, exact)
        if step in self.looked_at:
            errors |= self._errors(LAYER_METRIC, self.layers, exact)
        observer = self.recorder.look() if step in self.looked_at else self.recorder.observer
        result = self.training.step(observer, self.recorder.watch)
        rows += self.recorder.step_rows(step, result, exact) + self.recorder.source_rows(step, errors)
        return self.recorder.loss_rows(step, result, self.reference.batch_loss[step]) + rows

    def _errors(self, metric: str, sources: Mapping[str, Source], exact: Weights) -> dict[str, float | None]:
        """Metric -> the error of the gradient that is made at one place, or in one group of layers."""
        found = errors_by_source(sources, self.training.gradients, exact)
        return {metric + source: error for source, error in found.items()}

    def state_rows(self, step: int) -> list[Row]:
        """Rows of the weights after `step` updates: where they are, and what they are worth."""
        training, snapshot = self.training, self.reference.at[step]
        train, test = training.train_set(), training.test_set()
        rows = self.recorder.weight_rows(step, training.weights(), snapshot.weights, self.reference.at[0].weights)
        return rows + self.recorder.quality_rows(step, train, snapshot.train_loss, test)


def _snapshot(training: Training) -> Snapshot:
    return Snapshot(training.weights(), training.train_set(), training.test_set())
