"""Which rounding did it, in the whole run: trained again with one place rounded, and with all but one.

`places` are the fields of a recipe, those of one kind together; and once more its layers, in the groups of
``layers.py``. A recipe is trained from the first seed with each place *alone* rounded as it says, everything else in
float64; then *without* the places that did most; then with the known *repairs* of the field that did most of all. What
each alone does to the loss is its share; what the shares leave is interaction. One seed only: `verdicts.py` says
whether there is anything to explain, this says by what. Trainings in which a matrix unit would get numbers that it does
not take are left out (``unit_operands.py``).

The error of one step's gradient is split in ``attribution.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from .. import nn
from ..formats.rounding import Rounding
from ..nn.recipes import OPERAND_FIELDS, SUM_FIELDS, Cast
from .comparison import Comparison
from .inference import log_of
from .layers import ELSEWHERE, groups_of, only, without
from .members import TWIN, Member, rounds
from .unit_operands import takes_its_operands
from .verdicts import End, Ends, verdict_of

ALONE, WITHOUT, REPAIRED = "only", "without", "with"

#: what a place that is a group of layers is called begins with
LAYER = "layer "

#: place -> the fields of a recipe that are it, in the order in which a step meets them
PLACES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "weights": ("weights",),
        "weight copies": ("weight_copy",),
        "activations": ("activations",),
        "product operands": OPERAND_FIELDS,
        "accumulators": SUM_FIELDS,
        "softmax": ("softmax", "running_maximum", "running_sum"),
        "norms": ("norms",),
        "activation gradients": ("activation_gradients",),
        "weight gradients": ("weight_gradients",),
        "loss scaling": ("loss_scaling",),
        "scalars": ("scalars",),
        "update arithmetic": ("arithmetic",),
        "state": ("state", "states"),
        "update": ("update",),
        "compensation": ("compensation",),
    }
)

#: the chief place, and others that make so much of the effect alone, are also taken away
_CHIEF = 0.05


class Effect(NamedTuple):
    """What one place does to the run."""

    place: str
    how: str
    #: ln(loss / float64's); None: this run diverged
    loss: float | None
    path: float | None
    #: the part of the recipe's own effect that it makes (alone) or takes away (without, repaired)
    share: float | None


def places(config: Comparison, name: str) -> tuple[str, ...]:
    """The places at which a recipe differs from float64, and that this training has.

    Examples
    --------
    >>> from nfloat.drift import Config
    >>> places(Config(), "tf32")
    ('weights', 'activations', 'product operands', 'accumulators', 'activation gradients', 'weight gradients', 'update')
    """
    recipe, exact = nn.recipe(name), nn.recipe("float64")
    absent = {"state"} if config.optimizer_name == "sgd" else set()
    differ = [p for p, names in PLACES.items() if any(getattr(recipe, f) != getattr(exact, f) for f in names)]
    return tuple(place for place in differ if place not in absent)


def recipe_for(member: Member) -> nn.Recipe:
    """The recipe by which a member is trained."""
    recipe, exact = nn.recipe(member.recipe), nn.recipe("float64")
    if not member.how:
        return recipe
    if member.layers:
        change = only if member.how == ALONE else without
        return change(recipe, member.layers, member.place.removeprefix(LAYER)).replace(name=member.name)
    if member.how == REPAIRED:
        return recipe.replace(**_repairs(recipe)[member.place], name=member.name)
    own, other = (recipe, exact) if member.how == ALONE else (exact, recipe)
    place = PLACES[member.place]
    layers = {
        pattern: {field: value for field, value in changes if (field in place) == (member.how == ALONE)}
        for pattern, changes in recipe.layers
    }
    return other.replace(**{field: getattr(own, field) for field in place}, layers=layers, name=member.name)


def explained(config: Comparison, ends: Ends) -> list[str]:
    """The recipes to be explained, now that all seeds have run."""
    if config.ablate == "none":
        return []
    names = [name for name in config.recipes if rounds(nn.recipe(name))]
    return [name for name in names if config.ablate == "all" or verdict_of(config, name, ends).word in _EXPLAINED]


_EXPLAINED = ("worse", "diverged")


def layer_places(recipe: nn.Recipe, layers: Sequence[str]) -> tuple[str, ...]:
    """The groups of layers, as places; none where there is one alone.

    Examples
    --------
    >>> layer_places(nn.recipe("bf16-pure"), ("0", "2"))
    ('layer 0', 'layer 2', 'between layers')
    """
    groups = groups_of(layers)
    if len(groups) < 2 or not takes_its_operands(recipe, apart=True):
        return ()
    return (*(LAYER + group for group in groups), ELSEWHERE)


def first_members(config: Comparison, name: str, layers: tuple[str, ...] = ()) -> list[Member]:
    """The runs with one place rounded: a field, or a group of these layers."""
    found = [_member(config, name, ALONE, place) for place in places(config, name)]
    found += [_member(config, name, ALONE, at, layers) for at in layer_places(nn.recipe(name), layers)]
    return [member for member in found if takes_its_operands(recipe_for(member))]


def further_members(config: Comparison, name: str, ends: Ends, layers: tuple[str, ...] = ()) -> list[Member]:
    """The runs without a place and with a repair, once those of `first_members` are known."""
    top = layer_effects(config, name, ends)[:1]
    found = [_member(config, name, WITHOUT, e.place, layers) for e in top] + _further_fields(config, name, ends)
    return [member for member in found if takes_its_operands(recipe_for(member))]


def _further_fields(config: Comparison, name: str, ends: Ends) -> list[Member]:
    alone = [effect for effect in effects(config, name, ends) if effect.how == ALONE]
    if not alone:
        return []
    chief, others = alone[0].place, alone[1:]
    away = [chief] + [e.place for e in others if config.ablate == "all" or (e.share is not None and e.share > _CHIEF)]
    # what a matrix unit did not take alone is known by what is gone without it
    away += [place for place in places(config, name) if place not in {effect.place for effect in alone}]
    repairs = [repair for repair, of in _REPAIRS_OF.items() if chief in of and repair in _repairs(nn.recipe(name))]
    return [_member(config, name, WITHOUT, place) for place in away] + [
        _member(config, name, REPAIRED, repair) for repair in repairs
    ]


def effects(config: Comparison, name: str, ends: Ends) -> list[Effect]:
    """What is known of a recipe's fields: those alone first, ranked; then without; then repairs."""
    tried = [(how, place) for how in (ALONE, WITHOUT) for place in PLACES]
    return _effects(config, name, ends, tried + [(REPAIRED, repair) for repair in _REPAIRS_OF])


def layer_effects(config: Comparison, name: str, ends: Ends) -> list[Effect]:
    """What is known of a recipe's layers: those alone first, ranked; then the one that does most taken away."""
    known = layers_tried(name, ends)
    return _effects(config, name, ends, [(how, place) for how in (ALONE, WITHOUT) for place in known])


def layers_tried(name: str, ends: Ends) -> list[str]:
    """The places that are layers, of those at which a recipe has been trained alone, in the model's order."""
    start = f"{name} {ALONE} "
    places = [who.removeprefix(start) for who, _ in ends if who.startswith(start)]
    return [place for place in places if place.startswith(LAYER) or place == ELSEWHERE]


def _effects(config: Comparison, name: str, ends: Ends, tried: Sequence[tuple[str, str]]) -> list[Effect]:
    """Those of (how, place) that have been trained to their end."""
    own, twin = ends.get((name, config.seed)), ends.get((TWIN, config.seed))
    if own is None or twin is None:
        return []
    whole = None if own.diverged else log_of(own.loss) - log_of(twin.loss)
    found = []
    for how, place in tried:
        end = ends.get((_name(name, how, place), config.seed))
        if end is not None and end.complete:
            found.append(_effect(how, place, end, twin, whole))
    order = (ALONE, WITHOUT, REPAIRED)
    # a run that diverges has done most; equal ones keep the step's order
    return sorted(found, key=lambda e: (order.index(e.how), -math.inf if e.loss is None else -abs(e.loss)))


def interaction(found: list[Effect], whole: float | None) -> float | None:
    """What the effects of the places alone leave of the whole, in ln(loss): 0 where they add up."""
    alone = [effect.loss for effect in found if effect.how == ALONE]
    if whole is None or not alone or None in alone:
        return None
    return whole - math.fsum(value for value in alone if value is not None)


def _effect(how: str, place: str, end: End, twin: End, whole: float | None) -> Effect:
    if end.diverged:
        return Effect(place, how, None, end.path, (1.0 if how == ALONE else 0.0) if whole is None else None)
    loss = log_of(end.loss) - log_of(twin.loss)
    if whole is None:
        # the recipe diverged, and this run did not
        return Effect(place, how, loss, end.path, 0.0 if how == ALONE else 1.0)
    share = None if whole == 0.0 else loss / whole if how == ALONE else 1.0 - loss / whole
    return Effect(place, how, loss, end.path, share)


def _member(config: Comparison, name: str, how: str, place: str, layers: tuple[str, ...] = ()) -> Member:
    return Member(_name(name, how, place), config.seed, name, how=how, place=place, layers=layers)


def _name(recipe: str, how: str, place: str) -> str:
    return f"{recipe} {how} {place}"


#: repair -> the places it may repair
_REPAIRS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "stochastic rounding": ("weights",),
        "Kahan summation": ("weights",),
        "a master copy": ("weights",),
        "a loss scale": ("activation gradients", "weight gradients"),
        "float32 sums": ("accumulators",),
        "float32 state": ("state",),
    }
)


def _repairs(recipe: nn.Recipe) -> dict[str, dict[str, object]]:
    """Repair -> the fields that it changes, of those that would change something."""
    weights, wide = recipe.weights, Cast(nn.recipe("float32").weights.format)
    copy = recipe.weight_copy or weights.nearest
    found: dict[str, dict[str, object]] = {
        "stochastic rounding": {"weights": Cast(weights.format, Rounding.STOCHASTIC, weights.overflow)},
        "Kahan summation": {"compensation": weights.nearest},
        "a master copy": {"weights": wide, "weight_copy": copy},
        "a loss scale": {"loss_scaling": nn.LossScaling()},
        "float32 sums": {field: None if field.endswith("_sums") else "float32" for field in SUM_FIELDS},
        "float32 state": {"state": wide},
    }
    kept = nn.recipe("float32")
    changes = {repair: recipe.replace(**of) for repair, of in found.items()}
    idle = {"Kahan summation"} if recipe.compensation is not None else set()
    idle |= {"a master copy"} if weights.format.precision >= kept.weights.format.precision else set()
    idle |= {"a loss scale"} if recipe.loss_scaling is not None else set()
    return {r: of for r, of in found.items() if r not in idle and changes[r].replace(name=recipe.name) != recipe}
