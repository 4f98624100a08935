"""Which rounding did it: the error of one step's gradient, split by the place where it is made.

At the same weights, on the same batch, the gradient is computed once more for each place of the recipe, with that
place rounded as the recipe says and everything else in float64 (matrix units apart: see `single_sources`). The errors
found are those of each place alone. Where they are small and independent, their squares add up to the square of the
whole error; how far that holds is visible in the rows. At a few steps the same is done layer by layer (`layer_sources`;
groups of layers, ``layers.py``), everything in a layer together.

The update (the formats of weights, state and step) is no part of this: what it loses is counted as stagnation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from .. import nn
from ..linalg.units.unit import Unit
from ..nn.precision import Floats
from ..nn.recipes import OPERAND_FIELDS
from . import metrics
from .layers import ELSEWHERE, groups_of, only
from .members import rounds
from .trainable import Weights
from .unit_operands import takes_its_operands

#: field of a recipe -> what is rounded there, in words; in the order in which a step meets them
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "weight_copy": "weight copies",
        "activations": "activations",
        "gemm_inputs": "product operands",
        "forward": "forward sums",
        "softmax": "softmax",
        "norms": "norms",
        "activation_gradients": "activation gradients",
        "backward": "backward sums",
        "sums": "bias sums",
        "weight_gradients": "weight gradients",
    }
)

#: fields that are taken together with the one that names them
_TOGETHER: Mapping[str, tuple[str, ...]] = {
    "gemm_inputs": OPERAND_FIELDS,
    "backward": ("backward", "input_gradient_sums", "weight_gradient_sums"),
    "softmax": ("softmax", "running_maximum", "running_sum"),
}

#: what metrics of this kind start with; the source follows, or the group of layers
METRIC, LAYER_METRIC = "error_from.", "error_in."


class Source(NamedTuple):
    """Two recipes whose gradients differ by what one place does to them; `other` None: the exact gradient."""

    recipe: nn.Recipe
    other: nn.Recipe | None = None


def single_sources(recipe: nn.Recipe) -> dict[str, Source]:
    """Every field in which the recipe differs from float64 -> the recipes that show what is done there.

    Mostly the float64 recipe with that one field as `recipe` has it. A matrix unit takes only numbers of its own
    formats, so that its sums cannot be put alone into a float64 step: there it is the recipe itself against the recipe
    whose sums are float64's.

    Examples
    --------
    >>> list(single_sources(nn.recipe("tf32")))[:2]
    ['activations', 'gemm_inputs']
    """
    exact = nn.recipe("float64")
    found = {}
    for field in SOURCES:
        together = _TOGETHER.get(field, (field,))
        own, without = ({key: getattr(one, key) for key in together} for one in (recipe, exact))
        layers = {at: {k: v for k, v in changes if k in together} for at, changes in recipe.layers}
        if all(value in (None, without[key]) for key, value in own.items()) and not any(layers.values()):
            continue
        if any(isinstance(value, Unit) for value in own.values()):
            found[field] = Source(recipe, recipe.replace(**without))
        else:
            found[field] = Source(exact.replace(**own, layers=layers))
    return found


def layer_sources(recipe: nn.Recipe, layers: Sequence[str]) -> dict[str, Source]:
    """Every group of layers -> the recipe that rounds there alone; none where there is one group.

    Examples
    --------
    >>> list(layer_sources(nn.recipe("tf32"), ("0", "2")))
    ['0', '2', 'between layers']
    """
    groups = groups_of(layers)
    if len(groups) < 2 or not rounds(recipe) or not takes_its_operands(recipe, apart=True):
        return {}
    return {group: Source(only(recipe, layers, group)) for group in (*groups, ELSEWHERE)}


def errors_by_source(
    sources: Mapping[str, Source], gradients: Callable[[nn.Recipe], Weights], exact: Weights
) -> dict[str, float | None]:
    """Source -> relative error of the gradient of all weights that is made there.

    Parameters
    ----------
    sources : mapping
        As `single_sources` gives it.
    gradients : callable
        The step's gradients under a recipe (``Training.gradients``).
    exact : mapping
        The float64 gradient at the same weights.
    """
    reference = np.concatenate([np.ravel(gradient) for gradient in exact.values()])

    def gradient(recipe: nn.Recipe) -> Floats:
        found = gradients(recipe)
        return np.concatenate([np.ravel(found[name]) for name in exact])

    errors = {}
    for name, source in sources.items():
        value = gradient(source.recipe)
        if source.other is not None:
            value = reference + (value - gradient(source.other))
        errors[name] = metrics.relative_error(value, reference)
    return errors
