"""What may be narrowed: `Spelling`, a recipe as base and changed fields, and the moves from one to a cheaper one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import NamedTuple

from ... import nn
from ...nn.recipes import CAST_FIELDS
from ...nn.recipes import recipes as named
from ..cost import Counts
from .question import Search

#: place -> the fields that are narrowed together: those of one tensor
PLACES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "weights": ("weights", "weight_copy", "compensation"),
        "weight gradients": ("weight_gradients",),
        "state": ("state",),
        "weight copies": ("weight_copy",),
        "activations": ("activations",),
        "activation gradients": ("activation_gradients",),
        "operand x": ("forward_x", "weight_gradient_x"),
        "operand w": ("forward_w", "input_gradient_w"),
        "operand dy": ("input_gradient_dy", "weight_gradient_dy"),
        "operands of attention": ("attention_inputs",),
    }
)

#: places whose formats may share scales
_OPERANDS = tuple(place for place in PLACES if place.startswith("operand"))


class Move(NamedTuple):
    """One tensor, in all layers ("") or one, and the values that its fields get; "" leaves a field out."""

    place: str
    layer: str
    values: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """What is done."""
        shown = [value for key, value in self.values if value and key != "compensation"]
        kahan = " and Kahan's compensation" if dict(self.values).get("compensation") else ""
        where = f" of layer {self.layer}" if self.layer else ""
        return f"{self.place}{where} in {shown[0]}{kahan}"


class Spelling(NamedTuple):
    """A recipe as a base and what is changed in it, in an order of its own: equal ones have equal names."""

    base: str
    whole: tuple[tuple[str, str], ...] = ()
    layers: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    @property
    def name(self) -> str:
        """As `nn.recipe` reads it."""
        own = "".join(f"+{key}={value}" for key, value in self.whole)
        return self.base + own + "".join(f"+[{at}]{key}={value}" for at, of in self.layers for key, value in of)

    def after(self, move: Move) -> Spelling:
        """With a move done; one for all layers takes back what was said of single ones."""
        fields = PLACES[move.place]
        if not move.layer:
            kept = ((at, tuple(pair for pair in of if pair[0] not in fields)) for at, of in self.layers)
            whole = _merged(self.whole, move.values, _texts(named[self.base]))
            return self._replace(whole=whole, layers=tuple((at, of) for at, of in kept if of))
        around = _texts(named[self.base]) | dict(self.whole)
        layers = dict(self.layers)
        layers[move.layer] = _merged(layers.get(move.layer, ()), move.values, around)
        return self._replace(layers=tuple(sorted((at, of) for at, of in layers.items() if of)))


def spelling(name: str) -> Spelling:
    """A recipe's name taken apart.

    Examples
    --------
    >>> spelling("bf16-mixed+weights=bf16").name
    'bf16-mixed+weights=bfloat16'
    """
    recipe = nn.recipe(name)
    base = recipe.name.partition("+")[0]
    known = named[base]
    keys = [key for key in _texts(known, every=True) if getattr(recipe, key) != getattr(known, key)]
    layers: dict[str, list[tuple[str, str]]] = {}
    for part in recipe.text("layers").split("+"):
        at, _, rest = part.removeprefix("[").partition("]")
        if part:
            key, _, value = rest.partition("=")
            layers.setdefault(at, []).append((key, value))
    whole = tuple((key, recipe.text(key)) for key in keys)
    return Spelling(base, whole, tuple((at, tuple(of)) for at, of in layers.items()))


def moves(search: Search, counts: Counts, opened: Sequence[str]) -> Iterator[Move]:
    """Every move, whole tensors first; single layers of those places that are `opened`."""
    for place in PLACES:
        layers = _layers(place, counts)
        if layers:
            yield from (Move(place, "", values) for values in _options(search, place))
    for place in opened if search.layers else ():
        for layer in _layers(place, counts):
            yield from (Move(place, layer, values) for values in _options(search, place))


def _layers(place: str, counts: Counts) -> list[str]:
    """The layers that have such a tensor, in the model's order."""
    own = PLACES[place][:1] if place == "weights" else PLACES[place]
    return list(dict.fromkeys(layer for layer, field in counts if field.partition(".")[0] in own))


def _options(search: Search, place: str) -> Iterator[tuple[tuple[str, str], ...]]:
    if place == "weights":
        for fmt in search.formats:
            yield ("weights", fmt), ("weight_copy", ""), ("compensation", "")
            yield ("weights", f"{fmt}:stochastic"), ("weight_copy", ""), ("compensation", "")
            yield ("weights", fmt), ("weight_copy", ""), ("compensation", fmt)
        return
    for fmt in search.operands if place in _OPERANDS else search.formats:
        yield tuple((key, fmt) for key in PLACES[place])


def _merged(
    pairs: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...], around: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """The pairs with new ones over them, without those that say what holds anyway, in the fields' order."""
    found = {**dict(pairs), **dict(new)}
    kept = {key: value for key, value in found.items() if around.get(key, "") != value}
    order = list(_texts(named["float64"], every=True))
    return tuple(sorted(kept.items(), key=lambda pair: order.index(pair[0])))


def _texts(recipe: nn.Recipe, *, every: bool = False) -> dict[str, str]:
    """Field -> its value as names have it: the roundings, or every field but `layers`."""
    keys = [f.name for f in fields(recipe) if f.name not in ("name", "source", "layers")] if every else CAST_FIELDS
    return {key: recipe.text(key) for key in keys}
