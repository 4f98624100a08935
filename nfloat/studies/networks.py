"""Networks whose weights have a variance of their own: errors of their rounded gradients, and where trainings end.

`NETWORKS` names them, `gradient_errors` compares gradients at the start, `path` a training with float64's.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import nfloat as nf

from .samples import draw


@dataclass(frozen=True)
class Network:
    """Hidden layers: weights have variance gain^2 / n."""

    activation: str
    gain: float


#: name -> network
NETWORKS = MappingProxyType(
    {
        "tanh, critical": Network("tanh", 1.0),
        "tanh, chaotic": Network("tanh", 2.0),
        "relu": Network("relu", math.sqrt(2.0)),
    }
)


class Shape(NamedTuple):
    """A network's name, hidden layers, and units of each."""

    network: str
    depth: int
    width: int


class End(NamedTuple):
    """A training at its end: error of the next gradient, distance of the weights from float64's path, loss."""

    error: float | None
    path: float | None
    loss: float


@functools.lru_cache(maxsize=2)
def gradient_errors(
    shape: Shape, count: int, recipe: Any, stream: nf.Stream
) -> tuple[float | None, list[float | None]]:
    """Relative error of a gradient of `count` examples: of all parameters, and of the weights of each layer."""
    network, depth, width = shape
    x, labels = draw("normal", (count, width), stream.child("x")), np.arange(count) % 10
    model = nf.nn.models.mlp(width, 10, width, depth, NETWORKS[network].activation)
    model.init(seed=np.random.default_rng(stream.child("weights", depth).key))
    _scale(model, network)
    with nf.nn.precision(recipe):
        nf.nn.store(model.parameters())
    exact = nf.nn.gradients(model, x, labels)[1]
    rounded = nf.nn.gradients(model, x, labels, recipe)[1]
    layers = [nf.drift.metrics.relative_error(rounded[name], exact[name]) for name in exact if name.endswith("weight")]
    return nf.drift.metrics.relative_error(_joined(rounded), _joined(exact)), layers


def path(shape: Shape, data: str, steps: int, recipe: Any, seed: int) -> End:
    """Train under a recipe, beside float64."""
    start, twin = _twin(shape, data, steps, seed)
    training = _trainable(shape, data).begin(recipe, seed)
    for _ in range(steps):
        training.step()
    error = nf.drift.metrics.relative_error(_joined(training.gradients(recipe)), _joined(training.exact_gradients()))
    distance = nf.drift.metrics.path_distance(_joined(training.weights()), twin, start)
    return End(error, distance, training.train_set().loss)


@functools.lru_cache(maxsize=4)
def _twin(shape: Shape, data: str, steps: int, seed: int) -> tuple[Any, Any]:
    """float64's weights, at the start and at the end."""
    training = _trainable(shape, data).begin(nf.nn.recipe("float64"), seed)
    start = _joined(training.weights())
    for _ in range(steps):
        training.step()
    return start, _joined(training.weights())


@functools.lru_cache(maxsize=4)
def _trainable(shape: Shape, data: str) -> Any:
    """What is trained, from weights of the network's variance."""
    from ..drift.engine import EngineTrainable  # here, so that listing the studies loads no compiler

    network, depth, width = shape
    config = nf.drift.Config(
        data=data, activation=NETWORKS[network].activation, width=width, depth=depth, lr=0.05, seeds=1
    )
    trainable = config.trainable()

    def setup(seed: int, generator: Any) -> Any:
        made = trainable.setup(seed, generator)
        _scale(made.model, network)
        return made

    return EngineTrainable(setup, trainable.batch, trainable.digest)


def _scale(model: Any, network: str) -> None:
    """From the variance 2/n of He's weights to the network's."""
    factor = NETWORKS[network].gain / math.sqrt(2.0)
    for name, parameter in model.parameters().items():
        if name.endswith("weight"):
            parameter.data = parameter.data * factor


def _joined(arrays: Any) -> Any:
    return np.concatenate([np.float64(array).ravel() for array in arrays.values()])
