"""What is trained: the two interfaces between a drift run and whatever learns.

A `Trainable` begins trainings, all alike but for recipe, seed and a push; a `Training` is one of them, step by step.
The engine's stand in ``engine.py``; another one (a PyTorch loop) needs these methods and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from .. import nn
from ..nn.precision import Floats, Observer
from ..nn.train import Evaluation, StepResult

#: name of a parameter -> its values
Weights = Mapping[str, Floats]


class Training(Protocol):
    """One run from one seed under one recipe. It knows its batches and takes them one after the other."""

    def weights(self) -> Weights:
        """The stored weights as they are now; the arrays are never written into."""

    def step(self, observer: Observer | None = None, watch: Callable[[nn.Update], None] | None = None) -> StepResult:
        """Learn from the next batch."""

    def exact_gradients(self) -> Weights:
        """The float64 gradients of the next batch at the present weights."""

    def gradients(self, recipe: nn.Recipe) -> Weights:
        """The gradients of the next batch at the present weights under another recipe, scaled as the next step's."""

    def train_set(self) -> Evaluation:
        """Loss and accuracy over the training set, in float64."""

    def test_set(self) -> Evaluation:
        """Loss and accuracy over the test set, in float64."""


class Trainable(Protocol):
    """What is trained: trainings of equal weights and batches for equal seeds."""

    @property
    def digest(self) -> str:
        """SHA-256 of the data, and of what else changes the bits and is not in the configuration."""

    def begin(
        self, recipe: nn.Recipe, seed: int, threads: int | None = None, *, pushed: int = 0, rounding: int = 0
    ) -> Training:
        """A training at its start.

        Parameters
        ----------
        recipe : Recipe
            What is rounded where.
        seed : int
            Of initial weights, batches and stochastic rounding.
        threads : int, optional
            Never changes a bit.
        pushed : int
            Initial weights w become w (1 + 2^-pushed) or w (1 - 2^-pushed), at random; 0: they stay.
        rounding : int
            Which of the seed's streams stochastic rounding draws from.
        """
