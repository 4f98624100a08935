"""Which rounding did it: the error of one step's gradient, split by the place where it is made.

At the same weights, on the same batch, the gradient is computed once more for each place of the recipe, with that
place rounded as the recipe says and everything else in float64. The errors found are those of each place alone. Where
they are small and independent, their squares add up to the square of the whole error; how far that holds is visible
in the rows.

The update (the formats of weights, state and step) is no part of this: what it loses is counted as stagnation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import nn
from ..nn.precision import Floats
from . import metrics

#: field of a recipe -> what is rounded there, in words; in the order in which a step meets them
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "weight_copy": "weight copies",
        "activations": "activations",
        "gemm_inputs": "product operands",
        "forward": "forward sums",
        "activation_gradients": "activation gradients",
        "backward": "backward sums",
        "sums": "bias sums",
        "weight_gradients": "weight gradients",
    }
)

#: what a metric of this kind starts with; the source follows
METRIC = "error_from."


def single_sources(recipe: nn.Recipe) -> dict[str, nn.Recipe]:
    """Source -> the float64 recipe with that one field as `recipe` has it, for every field in which the two differ.

    Examples
    --------
    >>> list(single_sources(nn.recipe("tf32")))[:2]
    ['activations', 'gemm_inputs']
    """
    exact = nn.recipe("float64")
    fields = ((field, getattr(recipe, field)) for field in SOURCES)
    return {
        field: exact.replace(**{field: value}) for field, value in fields if value not in (None, getattr(exact, field))
    }


def errors_by_source(
    sources: Mapping[str, nn.Recipe],
    model: nn.Layer,
    batch: tuple[ArrayLike, ArrayLike],
    exact: Mapping[str, Floats],
    **context: Any,
) -> dict[str, float | None]:
    """Source -> relative error of the gradient of all weights, made there alone.

    Parameters
    ----------
    sources : mapping
        As `single_sources` gives it.
    batch : (x, y)
        The step's batch.
    exact : mapping
        The float64 gradient at the model's weights.
    **context
        Scale, seed, step and threads, as for `nn.gradients`.
    """
    reference = np.concatenate([np.ravel(gradient) for gradient in exact.values()])
    errors = {}
    for source, recipe in sources.items():
        found = nn.gradients(model, *batch, recipe, **context)[1]
        errors[source] = metrics.relative_error(np.concatenate([np.ravel(found[name]) for name in exact]), reference)
    return errors
