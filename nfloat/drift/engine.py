"""`EngineTrainable`: a model, an optimiser and data of ``nfloat.nn``, trained by its `Trainer`.

NumPy's ``Generator(seed)`` draws the initial weights first and the order of batches then, for the twin and for every
recipe alike; stochastic rounding has a stream of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import nn
from ..nn.optim import Optimizer
from ..nn.precision import Floats, Observer
from ..nn.train import Evaluation, Loss, StepResult
from ..streams import Stream
from .trainable import Weights


class Setup(NamedTuple):
    """What a training begins with: a model with initial weights, the optimiser of its parameters, data, a loss."""

    model: nn.Layer
    optimizer: Optimizer
    data: nn.Dataset
    loss: Loss = nn.cross_entropy


class EngineTrainable:
    """What a function sets up, with the order of batches.

    Parameters
    ----------
    setup : callable
        ``setup(generator)`` -> `Setup`; it may draw from the generator, which draws the batches then.
    batch : int
        Examples of a step.
    digest : str
        As `Trainable` has it.
    """

    def __init__(self, setup: Callable[[int, np.random.Generator], Setup], batch: int, digest: str) -> None:
        self.setup, self.batch, self.digest = setup, batch, digest

    def begin(
        self, recipe: nn.Recipe, seed: int, threads: int | None = None, *, pushed: int = 0, rounding: int = 0
    ) -> EngineTraining:
        """A training at its start: see `Trainable`."""
        generator = np.random.default_rng(seed)
        model, optimizer, data, loss = self.setup(seed, generator)
        if pushed:
            _push(model, pushed, np.random.default_rng((seed, pushed)))
        stream = Stream(seed).child("rounding", *((rounding,) if rounding else ()))
        masks = Stream(seed).child("masks")  # of dropout: the same for all recipes and roundings
        trainer = nn.Trainer(model, optimizer, recipe, seed=stream, loss=loss, threads=threads, masks=masks)
        return EngineTraining(trainer, data, nn.batches(len(data.train_x), self.batch, generator))


class EngineTraining:
    """A `Trainer`, its data and the order of its batches."""

    def __init__(self, trainer: nn.Trainer, data: nn.Dataset, batches: Iterator[NDArray[np.int64]]) -> None:
        self.trainer, self.data, self._batches = trainer, data, batches
        self._take()

    def weights(self) -> Weights:
        """The stored weights: the engine replaces arrays and never writes into them, so they need no copy."""
        return {name: parameter.data for name, parameter in self.trainer.model.parameters().items()}

    def step(self, observer: Observer | None = None, watch: Callable[[nn.Update], None] | None = None) -> StepResult:
        """Learn from the next batch."""
        result = self.trainer.step(*self._next, observer=observer, watch=watch)
        self._take()
        return result

    def exact_gradients(self) -> Weights:
        """The float64 gradients of the next batch at the present weights."""
        trainer = self.trainer
        return nn.gradients(
            trainer.model,
            *self._next,
            loss=trainer.loss,
            step=trainer.steps,
            threads=trainer.threads,
            masks=trainer.masks,
        )[1]

    def gradients(self, recipe: nn.Recipe) -> Weights:
        """The gradients of the next batch at the present weights under another recipe."""
        trainer = self.trainer
        scale = 1.0 if trainer.scaler is None else trainer.scaler.scale
        return nn.gradients(
            trainer.model,
            *self._next,
            recipe,
            loss=trainer.loss,
            seed=trainer.seed,
            step=trainer.steps,
            scale=scale,
            masks=trainer.masks,
            threads=trainer.threads,
        )[1]

    def train_set(self) -> Evaluation:
        """Loss and accuracy over the training set."""
        return self._evaluate(self.data.train_x, self.data.train_y)

    def test_set(self) -> Evaluation:
        """Loss and accuracy over the test set."""
        return self._evaluate(self.data.test_x, self.data.test_y)

    def _evaluate(self, x: Floats, y: NDArray[np.int64]) -> Evaluation:
        return nn.evaluate(self.trainer.model, x, y, loss=self.trainer.loss, threads=self.trainer.threads)

    def _take(self) -> None:
        batch = next(self._batches)
        self._next = self.data.train_x[batch], self.data.train_y[batch]


def data_digest(data: nn.Dataset) -> str:
    """SHA-256 of the examples, in their order: what a file's name alone does not say."""
    digest = hashlib.sha256()
    for array in (data.train_x, data.train_y, data.test_x, data.test_y):
        digest.update(f"{array.shape} {array.dtype.str} ".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _push(model: nn.Layer, precision: int, generator: np.random.Generator) -> None:
    """Move every weight by one unit roundoff, up or down."""
    for parameter in model.parameters().values():
        up = generator.integers(0, 2, parameter.shape) * 2.0 - 1.0
        parameter.data = parameter.data * (1.0 + up * 2.0**-precision)
