"""One training under a recipe beside float64's: data, model, optimiser, learning rate, recipe, seed.

The light form of a drift run (``verdict.py`` is the whole one): a row says where training ended and how far that is
from where float64 ends from the same start, and what the recipe's tensors cost. Verdicts need several seeds: make
`seed` an axis, and the page draws bands.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...drift.config import Config
from ...drift.engine import EngineTrainable
from ...runs.rows import Value
from ..task import Task
from .setting import Setting

#: fields of a recipe that a grid may change
CHANGES = (
    "weights", "activations", "activation_gradients", "weight_gradients", "state", "update", "forward", "backward",
)  # fmt: skip


@dataclass(frozen=True)
class Cell(Setting):
    """One training; the fields are those of ``nf.drift.Config``, and those of a recipe that may be changed.

    Parameters
    ----------
    recipe : str
        A name of ``nf.nn.recipes``, or one with other fields ("bf16-mixed+weights=float8_e4m3fn").
    weights, activations, activation_gradients, weight_gradients, state, update : str
        A format, or "format:rounding", in the place of what the recipe says; "": as the recipe has it.
    forward, backward : str
        An accumulator, likewise.
    """

    weights: str = ""
    activations: str = ""
    activation_gradients: str = ""
    weight_gradients: str = ""
    state: str = ""
    update: str = ""
    forward: str = ""
    backward: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", float(self.lr))
        self.config()

    def config(self) -> Config:
        """The drift run of which this is a part.

        Raises
        ------
        NFloatError
            If a field cannot be.
        """
        changed = "".join(f"+{key}={value}" for key in CHANGES if (value := getattr(self, key)))
        own = {key: value for key, value in asdict(self).items() if key not in (*CHANGES, "recipe")}
        return Config(**own, recipes=(self.recipe + changed,), every=self.steps)


def measure(cell: Cell) -> Mapping[str, Value]:
    """Loss and error at the end, against float64's from the same start; the share of updates lost; the cost.

    `loss_gap` is the relative change of the training loss, `path` the distance of the weights from float64's as a share
    of the way that those have gone, `bits` the bits of all tensors that one step stores.
    """
    from ... import nn

    config = cell.config()
    twin_loss, start, twin = _twin(config.replace(recipes=("float64",)))
    training = _trainable(config.replace(recipes=("float64",), seed=0)).begin(
        nn.recipe(config.recipes[0]), config.seed, 1
    )
    meter = _Meter(nn.recipe(config.recipes[0]))
    for _ in range(config.steps - 1):
        training.step()
    training.step(meter.observer, meter.watch)
    train, test = training.train_set(), training.test_set()
    return {
        "train_loss": train.loss,
        "loss_gap": train.loss / twin_loss - 1.0 if math.isfinite(train.loss) else math.inf,
        "test_error": None if math.isnan(test.accuracy) else 1.0 - test.accuracy,
        "path": _distance(training.weights(), twin) / _distance(start, twin),
        "stagnation": meter.stagnation,
        "bits": meter.bits,
    }


@functools.lru_cache(maxsize=4)
def _trainable(config: Config) -> EngineTrainable:
    """Data and model, which cells share that differ in seed and recipe."""
    return config.trainable()


@functools.lru_cache(maxsize=64)
def _twin(config: Config) -> tuple[float, Mapping[str, Any], Mapping[str, Any]]:
    """float64's loss, and its weights at the start and the end: cells that differ in the recipe share them."""
    from ...drift.twin import run_reference

    reference = run_reference(config, _trainable(config.replace(seed=0)), 1, measured=())
    first, last = reference.at[0], reference.at[config.steps]
    return last.train_loss, first.weights, last.weights


def _distance(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Euclid's, of all weights together."""
    squares = [
        value * value for name in other for value in (np.float64(one[name]) - np.float64(other[name])).ravel().tolist()
    ]
    return math.sqrt(math.fsum(squares)) if all(map(math.isfinite, squares)) else math.inf


class _Meter:
    """What one step stores and loses."""

    def __init__(self, recipe: Any) -> None:
        self._recipe = recipe
        self.bits = 0
        self._lost = self._moved = 0

    def observer(self, layer: str, tensor: str, before: Any, after: Any) -> None:
        """Count the bits of a tensor."""
        from ...drift.recorder import field_of

        field = field_of(tensor)
        cast = getattr(self._recipe.at(layer), field) if field else None
        if cast is not None:
            self.bits += math.ceil(after.size * _bits(cast.format))

    def watch(self, update: Any) -> None:
        """Count weights that should have moved, and those that did not."""
        moving = update.gradient != 0
        self._moved += int(np.count_nonzero(moving))
        self._lost += int(np.count_nonzero(moving & (update.before == update.after)))

    @property
    def stagnation(self) -> float | None:
        """The share of weights with a gradient that the last step left as they were."""
        return self._lost / self._moved if self._moved else None


def _bits(fmt: Any) -> float:
    """Bits of an element, its share of a block's scale included."""
    return float(getattr(fmt, "bits_per_element", None) or fmt.bits)


TASK = Task(
    name="training",
    title="A training's loss under a recipe against float64's",
    cell=Cell,
    measure=measure,
    value="loss_gap",
    cost="bits",
)
