"""Trainings of the studies: a small network under a recipe, from a seed; what stands in a row of it.

Weights and batches are those of a drift run of the same seed, so that float64 is every recipe's twin.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import nfloat as nf

from .samples import mean_and_sd

if TYPE_CHECKING:
    from ..drift.config import Config

#: updates between two looks at which weights stayed as they were
_LOOK = 43


class End(NamedTuple):
    """Where a training ended."""

    loss: float
    test_error: float
    #: mean share of weights with a gradient that an update left as they were; None where none had one
    stagnation: float | None
    #: updates that loss scaling left out, and the last scale; None without one
    skipped: int
    scale: float | None = None


def everywhere(name: str, cast: str, **changes: Any) -> Any:
    """A recipe that rounds every tensor of a step alike; products are summed in float32."""
    fields = ("weights", "activations", "activation_gradients", "weight_gradients", "state", "update")
    return nf.nn.recipe("bf16-pure").replace(name=name, **{**dict.fromkeys(fields, cast), **changes})


def mixed(name: str, fmt: str, **changes: Any) -> Any:
    """A recipe with a float32 master copy of the weights: what forward and backward touch is rounded."""
    fields = ("weight_copy", "activations", "activation_gradients", "weight_gradients")
    return nf.nn.recipe("bf16-mixed").replace(name=name, **{**dict.fromkeys(fields, fmt), **changes})


def train(
    recipe: Any,
    config: Config,
    *,
    loss: Any = None,
    rate: Callable[[int], float] | None = None,
) -> End:
    """Train under a recipe.

    Parameters
    ----------
    recipe : Recipe
    config : Config
        Data, model, optimiser, steps, seed; its recipes are not used.
    loss : callable, optional
        In the place of cross entropy.
    rate : callable, optional
        step -> learning rate.
    """
    training = _trainable(config.replace(seed=0)).begin(recipe, config.seed)
    trainer = training.trainer
    trainer.loss = loss or trainer.loss
    lost: list[float] = []
    skipped = 0
    for step in range(config.steps):
        trainer.optimizer.lr = config.lr if rate is None else rate(step)
        updates: list[Any] = []
        skipped += training.step(watch=updates.append if step % _LOOK == 0 else None).skipped
        shares = [nf.drift.metrics.stagnation(u.before, u.after, u.gradient) for u in updates if u.before.ndim == 2]
        lost += [share for share in shares if share is not None]
    trainer.loss = nf.nn.cross_entropy
    at_end, tested = training.train_set(), training.test_set()
    scale = None if trainer.scaler is None else trainer.scaler.scale
    return End(at_end.loss, 1.0 - tested.accuracy, mean_and_sd(lost)[0] if lost else None, skipped, scale)


@functools.lru_cache(maxsize=4)
def _trainable(config: Config) -> Any:
    """Data and model, which trainings share that differ in seed and recipe."""
    return config.trainable()


def means(ends: list[End]) -> dict[str, float | None]:
    """The measures of several trainings: means, and the standard deviation of the loss."""
    lost = [end.stagnation for end in ends if end.stagnation is not None]
    mean, sd = mean_and_sd([end.loss for end in ends])
    return {
        "loss": mean,
        "loss_sd": sd,
        "test_error": mean_and_sd([end.test_error for end in ends])[0],
        "stagnation": mean_and_sd(lost)[0] if lost else None,
        "skipped": math.fsum(end.skipped for end in ends) / len(ends),
    }
