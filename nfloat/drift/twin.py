"""One recipe beside its float64 twin: same initial weights, same batches, so that every difference is rounding's.

`run_reference` trains the twin and keeps what recipes are compared with; `run_recipe` trains under a recipe and gives
rows as they come. NumPy's ``Generator(seed)`` draws the initial weights first and the order of batches then, for the
twin and for every recipe alike; stochastic rounding has a stream of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import nn
from ..nn.layers import ACTIVATIONS
from ..nn.optim import OPTIMIZERS
from ..nn.precision import Floats
from ..nn.train import Evaluation
from ..streams import Stream
from .attribution import errors_by_source, single_sources
from .config import Config, recipe_of
from .recorder import Recorder, Weights
from .rows import Row


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


def run_reference(
    config: Config,
    data: nn.Dataset,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    measured: Collection[int] | None = None,
) -> Reference:
    """Train the float64 twin; ``progress(updates_done)`` is called after each step.

    Snapshots are of the steps `measured`, the configuration's where it is None, of the start and the end.
    """
    trainer, batches = begin(config, data, nn.recipe("float64"), threads)
    reference, steps = Reference([], {}), {0, *(config.recorded_steps if measured is None else measured)}
    for step, batch in enumerate(itertools.islice(batches, config.steps)):
        if step in steps:
            reference.at[step] = _snapshot(trainer, data, threads)
        reference.batch_loss.append(trainer.step(data.train_x[batch], data.train_y[batch]).loss)
        if progress is not None:
            progress(step + 1)
    reference.at[config.steps] = _snapshot(trainer, data, threads)
    return reference


def run_recipe(
    config: Config, name: str, data: nn.Dataset, reference: Reference, threads: int | None = None
) -> Iterator[tuple[int, list[Row]]]:
    """Train under a recipe; gives (updates done, new rows) after each step, the rows of the end with the last.

    Parameters
    ----------
    name : str
        One of ``config.recipes``.
    threads : int, optional
        Passed to `nf.matmul`; never changes a bit.
    """
    recipe = recipe_of(name)
    run = _Run(config, data, reference, recipe, Recorder(name, recipe, config.seed), threads)
    measured = set(config.recorded_steps)
    for step, batch in enumerate(itertools.islice(run.batches, config.steps)):
        x, y = data.train_x[batch], data.train_y[batch]
        rows = run.measured_step(step, x, y) if step in measured else run.plain_step(step, x, y)
        if step + 1 == config.steps:
            rows += run.state_rows(config.steps)
        yield step + 1, rows


class _Run:
    """One recipe in training, with what it is compared with and what it is recorded by."""

    def __init__(
        self,
        config: Config,
        data: nn.Dataset,
        reference: Reference,
        recipe: nn.Recipe,
        recorder: Recorder,
        threads: int | None,
    ) -> None:
        self.data, self.reference, self.recorder, self.threads = data, reference, recorder, threads
        self.trainer, self.batches = begin(config, data, recipe, threads)
        self.sources = single_sources(recipe) if config.attribute else {}

    def plain_step(self, step: int, x: Floats, y: NDArray[np.int64]) -> list[Row]:
        """Learn from a batch; the rows of every step."""
        return self.recorder.loss_rows(step, self.trainer.step(x, y), self.reference.batch_loss[step])

    def measured_step(self, step: int, x: Floats, y: NDArray[np.int64]) -> list[Row]:
        """Learn from a batch; the rows of a measured step: weights before it, gradients and rates in it."""
        rows = self.state_rows(step)
        model = self.trainer.model
        exact = nn.gradients(model, x, y, threads=self.threads)[1]
        scale = 1.0 if self.trainer.scaler is None else self.trainer.scaler.scale
        context = {"scale": scale, "seed": self.trainer.seed, "step": step, "threads": self.threads}
        errors = errors_by_source(self.sources, model, (x, y), exact, **context)
        result = self.trainer.step(x, y, observer=self.recorder.observer, watch=self.recorder.watch)
        rows += self.recorder.step_rows(step, result, exact) + self.recorder.source_rows(step, errors)
        return self.recorder.loss_rows(step, result, self.reference.batch_loss[step]) + rows

    def state_rows(self, step: int) -> list[Row]:
        """Rows of the weights after `step` updates: where they are, and what they are worth."""
        model, data, snapshot = self.trainer.model, self.data, self.reference.at[step]
        train = nn.evaluate(model, data.train_x, data.train_y, threads=self.threads)
        test = nn.evaluate(model, data.test_x, data.test_y, threads=self.threads)
        rows = self.recorder.weight_rows(step, weights(self.trainer), snapshot.weights, self.reference.at[0].weights)
        return rows + self.recorder.quality_rows(step, train, snapshot.train_loss, test)


def begin(
    config: Config,
    data: nn.Dataset,
    recipe: nn.Recipe,
    threads: int | None,
    *,
    pushed: int = 0,
    rounding: int = 0,
) -> tuple[nn.Trainer, Iterator[NDArray[np.int64]]]:
    """A trainer at its start, and the order of its batches.

    Parameters
    ----------
    pushed : int
        Initial weights w become w (1 + 2^-pushed) or w (1 - 2^-pushed), at random; 0: they stay.
    rounding : int
        Which of the seed's streams stochastic rounding draws from.
    """
    generator = np.random.default_rng(config.seed)
    model = _model(config, data)
    model.init(seed=generator)
    if pushed:
        _push(model, pushed, np.random.default_rng((config.seed, pushed)))
    optimizer = OPTIMIZERS[config.optimizer](model.parameters(), lr=config.lr)
    stream = Stream(config.seed).child("rounding", *((rounding,) if rounding else ()))
    trainer = nn.Trainer(model, optimizer, recipe, seed=stream, threads=threads)
    return trainer, nn.batches(len(data.train_x), config.batch, generator)


def _push(model: nn.Layer, precision: int, generator: np.random.Generator) -> None:
    """Move every weight by one unit roundoff, up or down."""
    for parameter in model.parameters().values():
        up = generator.integers(0, 2, parameter.shape) * 2.0 - 1.0
        parameter.data = parameter.data * (1.0 + up * 2.0**-precision)


def _model(config: Config, data: nn.Dataset) -> nn.Sequential:
    """Linear layers with activations between them: features -> width (depth times) -> classes."""
    sizes = [data.features, *[config.width] * config.depth, data.classes]
    layers: list[nn.Layer] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), ACTIVATIONS[config.activation]()]
    return nn.Sequential(*layers[:-1])


def weights(trainer: nn.Trainer) -> Weights:
    """The stored weights as they are now.

    The engine replaces arrays and never writes into them, so they need no copy.
    """
    return {name: parameter.data for name, parameter in trainer.model.parameters().items()}


def _snapshot(trainer: nn.Trainer, data: nn.Dataset, threads: int | None) -> Snapshot:
    train = nn.evaluate(trainer.model, data.train_x, data.train_y, threads=threads)
    return Snapshot(weights(trainer), train, nn.evaluate(trainer.model, data.test_x, data.test_y, threads=threads))
