"""A recipe at some of a model's layers alone, and everywhere but there: what attribution over layers trains.

Layers are taken in groups, named by a part of their place that they share: "0", "layers.1", "head". Groups are as fine
as `MOST` allows, since each costs a training; where even the first parts are more, neighbours go together. `ELSEWHERE`
is what belongs to none of them, an activation or a sum between layers with parameters.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import nn
from ..nn.recipes.recipe import LAYER_FIELDS
from .rows import MODEL, Row

#: groups at most
MOST = 8
ELSEWHERE = "between layers"

#: a group's name -> the places that it consists of
Groups = Mapping[str, tuple[str, ...]]


def layers_of(parameters: Iterable[str]) -> tuple[str, ...]:
    """The layers of parameters, by their names, in the model's order.

    Examples
    --------
    >>> layers_of(["0.weight", "0.bias", "2.weight"])
    ('0', '2')
    """
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in parameters))


def layers_in(rows: Iterable[Row], recipe: str, seed: int) -> tuple[str, ...]:
    """The layers with parameters, as the rows of a measured recipe have them."""
    kinds = ("path_distance", "relative_error")
    found = (
        row["layer"]
        for row in rows
        if row["recipe"] == recipe and row["seed"] == seed and row["metric"] in kinds and row["layer"] != MODEL
    )
    return tuple(dict.fromkeys(found))


def groups_of(layers: Sequence[str]) -> Groups:
    """Groups of layers, at most `MOST` of them.

    Examples
    --------
    >>> groups_of(["token", "layers.0.linear", "head"])
    {'token': ('token',), 'layers.0.linear': ('layers.0.linear',), 'head': ('head',)}
    >>> list(groups_of([f"layers.{i}.{part}" for i in range(4) for part in "abc"]))
    ['layers.0', 'layers.1', 'layers.2', 'layers.3']
    >>> groups_of([str(i) for i in range(10)])["0 to 1"]
    ('0', '1')
    """
    deepest = max((layer.count(".") + 1 for layer in layers), default=1)
    for depth in range(deepest, 0, -1):
        places = list(dict.fromkeys(".".join(layer.split(".")[:depth]) for layer in layers))
        if len(places) <= MOST:
            return {place: (place,) for place in places}
    size, left = divmod(len(places), MOST)
    ends = [size * n + min(n, left) for n in range(MOST + 1)]
    runs = [tuple(places[first:last]) for first, last in itertools.pairwise(ends)]
    return {run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}": run for run in runs}


def only(recipe: nn.Recipe, layers: Sequence[str], group: str) -> nn.Recipe:
    """The recipe at one group of layers, float64 everywhere else.

    Examples
    --------
    >>> of = only(nn.recipe("bf16-pure"), ("0", "2"), "2")
    >>> of.at("0").weights.format.name, of.at("2").weights.format.name
    ('float64', 'bfloat16')
    """
    groups = groups_of(layers)
    if group == ELSEWHERE:
        return _with(recipe, {place: _EXACT for places in groups.values() for place in places})
    own = {place: _fields(recipe.at(place)) for place in groups[group]}
    own |= {layer: _fields(recipe.at(layer)) for layer in layers if _is_in(layer, groups[group])}
    return _exact_but(recipe, own)


def without(recipe: nn.Recipe, layers: Sequence[str], group: str) -> nn.Recipe:
    """The recipe everywhere but at one group of layers, which is in float64.

    Examples
    --------
    >>> of = without(nn.recipe("bf16-pure"), ("0", "2"), "2")
    >>> of.at("0").weights.format.name, of.at("2").weights.format.name
    ('bfloat16', 'float64')
    """
    groups = groups_of(layers)
    if group != ELSEWHERE:
        return _with(recipe, {place: _EXACT for place in groups[group]})
    return _exact_but(recipe, {layer: _fields(recipe.at(layer)) for layer in layers})


def _fields(recipe: nn.Recipe) -> dict[str, Any]:
    return {key: getattr(recipe, key) for key in LAYER_FIELDS}


_EXACT = _fields(nn.recipe("float64"))


def _exact_but(recipe: nn.Recipe, own: Mapping[str, Mapping[str, Any]]) -> nn.Recipe:
    """float64 with the recipe's loss scale, and these fields at some places."""
    name = f"{recipe.name} at {', '.join(own)}"
    return nn.recipe("float64").replace(layers=own, loss_scaling=recipe.loss_scaling, name=name)


def _with(recipe: nn.Recipe, changes: Mapping[str, Mapping[str, Any]]) -> nn.Recipe:
    """The recipe with other fields at some places, whatever it says of them itself."""
    own = {pattern: dict(fields) for pattern, fields in recipe.layers if pattern not in changes}
    return recipe.replace(layers={**own, **changes}, name=f"{recipe.name} but {', '.join(changes)}")


def _is_in(layer: str, places: Sequence[str]) -> bool:
    return any(layer == place or layer.startswith(f"{place}.") for place in places)
