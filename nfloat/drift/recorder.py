"""From one step to rows. Sees it through the engine's hooks `observer` (roundings) and `watch` (updates).

A `Recorder` belongs to one recipe; it is asked for rows of three kinds: `loss_rows` at every step; `weight_rows` and
`step_rows` (gradients, rates) at the measured ones. What is computed stands in ``metrics.py``, what the names mean in
``rows.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..blocks.array import BlockArray
from ..formats.format import Format
from ..nn.precision import Floats, Observer, Role, Witness
from ..nn.recipes.sums import Sums
from ..nn.train import Evaluation, StepResult
from . import metrics
from .rows import LAST_METRIC, MODEL, Row
from .tensors import Look
from .trainable import Weights

#: tensor -> the recipe's field that rounds it; those of parameters by what follows the parameter's name
_FIELDS = {role.tensor: role.field for role in Role}


#: metric and ending of the tensor whose rounding may leave no update at all
_GONE = ("underflow", ".update")


class Recorder:
    """Collects what one step of one recipe, begun from one seed, does and gives it as rows."""

    def __init__(self, name: str, recipe: nn.Recipe, seed: int, record: Sequence[str] = ("*",)) -> None:
        self.name, self.recipe, self.seed = name, recipe, seed
        #: patterns of what is measured, as `Config` has them
        self.record = record
        self._recorded: dict[tuple[str, str], bool] = {}
        #: (layer, tensor, metric) -> share, the highest where a tensor has several parts
        self._rates: dict[tuple[str, str, str], float] = {}
        self._updates: list[nn.Update] = []
        self._look: Look | None = None

    def look(self) -> Witness:
        """Look at the next step's tensors closely, too: an observer for it that is told of scales and sums."""
        self._look = Look()
        return _Close(self.observer, self._look, self.records)

    def records(self, layer: str, tensor: str) -> bool:
        """Whether a tensor is one that is measured."""
        key = layer, tensor
        if key not in self._recorded:
            self._recorded[key] = any(_fits(pattern, layer, tensor) for pattern in self.record)
        return self._recorded[key]

    # ---------------------------------------------------------------- the engine's hooks
    def observer(self, layer: str, tensor: str, before: Floats, after: Floats) -> None:
        """Measure one rounding; where nothing is rounded, NaN alone can be there, and infinities among sums."""
        if not self.records(layer, tensor):
            return
        field = field_of(tensor)
        cast = getattr(self.recipe.at(layer), field) if field else None
        if self._look is not None and field:
            # operands of some products, blocks: no one format
            fmt = cast.format if cast is not None and isinstance(cast.format, Format) else None
            self._look.take(layer, tensor, before, after, fmt)
        if after is not before:
            largest = math.inf if cast is None else cast.largest
            self._rate(layer, tensor, "underflow", metrics.underflow(before, after))
            self._rate(layer, tensor, "overflow", metrics.overflow(before, after, largest))
            self._rate(layer, tensor, "clamped", metrics.clamped(before, after, largest) or None)
        elif is_sum(tensor):
            self._rate(layer, tensor, "overflow", metrics.infinite(after) or None)
        self._rate(layer, tensor, "nan", metrics.not_a_number(after) or None)

    def _rate(self, layer: str, tensor: str, metric: str, share: float | None) -> None:
        if share is not None:
            key = layer, tensor, metric
            self._rates[key] = max(share, self._rates.get(key, 0.0))

    def watch(self, update: nn.Update) -> None:
        """Keep one parameter's update."""
        self._updates.append(update)

    # ---------------------------------------------------------------- rows
    def loss_rows(self, step: int, result: StepResult, reference: float) -> list[Row]:
        """Rows of every step: the batch's loss and its gap to the reference's.

        That the update was skipped, if it was.
        """
        found = [("batch_loss", result.loss), ("batch_loss_gap", result.loss - reference)]
        if result.skipped:
            found.append(("skipped", 1.0))
        return [self._row(step, MODEL, "loss", metric, value) for metric, value in found]

    def step_rows(self, step: int, result: StepResult, exact: Weights) -> list[Row]:
        """Rows of a measured step: gradients against the exact ones, rates, lost updates.

        Forgets what was collected.
        """
        rows, parts = [], _parts(exact)
        size = metrics.norm(parts[-1][2](exact))
        for layer, name, pick in parts:
            value, reference = pick(result.gradients), pick(exact)
            if metrics.is_rounding(reference, size):
                continue
            rows += self._some(step, layer, f"{name}.grad", "relative_error", metrics.relative_error(value, reference))
            rows += self._some(step, layer, f"{name}.grad", "cosine", metrics.cosine(value, reference))
            rows += self._some(step, layer, f"{name}.grad", "sign_agreement", metrics.sign_agreement(value, reference))
        rows += [self._row(step, *key, share) for key, share in self._rates.items()]
        rows += [self._row(step, *found) for found in (() if self._look is None else self._look.rows())]
        if self._updates:
            rows += self._update_rows(step)
        if self.recipe.loss_scaling is not None:
            rows.append(self._row(step, MODEL, "loss", "scale", result.scale))
        self._rates, self._updates, self._look = {}, [], None
        return rows

    def source_rows(self, step: int, errors: Mapping[str, float | None]) -> list[Row]:
        """Rows of a measured step: the gradient's error by the place where it is made, by the metric's name."""
        known = {metric: error for metric, error in errors.items() if error is not None}
        return [self._row(step, MODEL, "weights.grad", metric, error) for metric, error in known.items()]

    def weight_rows(self, step: int, weights: Weights, reference: Weights, start: Weights) -> list[Row]:
        """Rows of the weights after `step` updates: distance from the reference's path."""
        rows = []
        for layer, name, pick in _parts(reference):
            distance = metrics.path_distance(pick(weights), pick(reference), pick(start))
            rows += self._some(step, layer, name, "path_distance", distance)
        return rows

    def path_rows(self, step: int, weights: Weights, reference: Weights, start: Weights) -> list[Row]:
        """The row of all weights together after `step` updates: distance from the reference's path."""
        layer, name, pick = _parts(reference)[-1]
        distance = metrics.path_distance(pick(weights), pick(reference), pick(start))
        return self._some(step, layer, name, "path_distance", distance)

    def loss_gap_rows(self, step: int, train: Evaluation, reference: float) -> list[Row]:
        """Rows of the training loss after `step` updates, and of its gap to the reference's."""
        found = (("train_loss", train.loss), ("train_loss_gap", train.loss - reference))
        return [self._row(step, MODEL, "loss", metric, value) for metric, value in found]

    def quality_rows(self, step: int, train: Evaluation, reference: float, test: Evaluation) -> list[Row]:
        """Rows of what the weights are worth after `step` updates; the last of them is the last of the step."""
        error = self._row(step, MODEL, "loss", LAST_METRIC, 1.0 - test.accuracy)
        return [*self.loss_gap_rows(step, train, reference), error]

    def _update_rows(self, step: int) -> list[Row]:
        """Rows of what became of the updates: which were lost, and how much of the way was gone."""
        before, after, gradients, steps = (
            {update.name: getattr(update, part) for update in self._updates}
            for part in ("before", "after", "gradient", "step")
        )
        rows = []
        for layer, name, pick in _parts(before):
            start, end, way = pick(before), pick(after), pick(steps)
            if not (way.any() or self._updates_underflow()):
                continue  # a learning rate of zero asks for no update, so that none is lost
            small = metrics.below_half_ulp(way, start, self.recipe.weights.format)
            rows += self._some(step, layer, name, "stagnation", metrics.stagnation(start, end, pick(gradients)))
            rows += self._some(step, layer, name, "below_half_ulp", small)
            rows += self._some(step, layer, name, "descent_quality", metrics.descent_quality(way, start, end))
        return rows

    def _updates_underflow(self) -> bool:
        """Whether rounding turned parts of this step's updates into zeros."""
        return any(share > 0.0 for (_, tensor, metric), share in self._rates.items() if (metric, tensor[-7:]) == _GONE)

    def _some(self, step: int, layer: str, tensor: str, metric: str, value: float | None) -> list[Row]:
        return [] if value is None else [self._row(step, layer, tensor, metric, value)]

    def _row(self, step: int, layer: str, tensor: str, metric: str, value: float) -> Row:
        return Row(
            recipe=self.name, seed=self.seed, step=step, layer=layer, tensor=tensor, metric=metric, value=float(value)
        )


class _Close(NamedTuple):
    """A recorder's observer at a step that is looked at closely."""

    observer: Observer
    look: Look
    records: Callable[[str, str], bool]

    def __call__(self, layer: str, tensor: str, before: Floats, after: Floats) -> None:
        self.observer(layer, tensor, before, after)

    def scaled(self, layer: str, tensor: str, before: Floats, blocks: BlockArray) -> None:
        if self.records(layer, tensor):
            self.look.scaled(layer, tensor, before, blocks)

    def summed(self, layer: str, tensor: str, a: Any, b: Any, c: Floats | None, sums: Sums) -> None:
        if self.records(layer, tensor):
            self.look.summed(layer, tensor, a, b, c, sums)


def _fits(pattern: str, layer: str, tensor: str) -> bool:
    """Whether a pattern, of a tensor or of layer and tensor, fits.

    Examples
    --------
    >>> [_fits(pattern, "layers.0", "weight.grad") for pattern in ("*", "*.grad", "layers.* weight*", "head *")]
    [True, True, True, False]
    """
    place, _, name = pattern.rpartition(" ")
    return fnmatchcase(tensor, name) and fnmatchcase(layer, place or "*")


def is_sum(tensor: str) -> bool:
    """Whether a tensor is what sums gave, which nothing rounds: "forward.sum", "sum"."""
    return tensor.rpartition(".")[2] == "sum" and tensor != "running.sum"


def field_of(tensor: str) -> str | None:
    """The recipe's field that rounds a tensor: of "weight.state.v" `state`; None of what sums gave.

    Examples
    --------
    >>> field_of("weight.state.v"), field_of("bias"), field_of("running.sum"), field_of("forward.sum"), field_of("sum")
    ('state', 'weights', 'running_sum', None, None)
    """
    if is_sum(tensor):
        return None
    if tensor in _FIELDS:
        return _FIELDS[tensor]
    ending = tensor.partition(".")[2].partition(".")[0]
    return _FIELDS.get("." + ending if ending else "")


def _parts(parameters: Weights) -> list[tuple[str, str, Callable[[Weights], Floats]]]:
    """(layer, name, how to pick it) of each parameter, then of all of them together as one vector, named `weights`."""
    parts: list[tuple[str, str, Callable[[Weights], Floats]]] = []
    for key in parameters:
        layer, _, name = key.rpartition(".")
        parts.append((layer, name, itemgetter(key)))
    parts.append((MODEL, "weights", lambda values: np.concatenate([np.ravel(values[key]) for key in parameters])))
    return parts
