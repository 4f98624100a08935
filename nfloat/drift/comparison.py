"""`Comparison`: what every drift run is, whatever it trains: recipes, steps, seeds, what is measured and explained.

What is trained is a subclass's: `Config` (``config.py``) a model and data known by name, `Experiment`
(``build.py``) what a function of yours builds. Its form on disk is ``config.toml``; reading that is strict
(``nfloat/runs/config.py``).
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple, Self

from .. import nn
from ..errors import ArgumentError, NFloatError, check_kind, nearest_names
from .trainable import Trainable

#: the recipes of the main job; "float64" is there to show that the machinery itself adds nothing
DEFAULT_RECIPES = (
    "float64",
    "float32",
    "tf32",
    "bf16-mixed",
    "bf16-pure",
    "bf16-pure-sr",
    "fp16-pure",
    "fp16-mixed",
)

ABLATE = ("none", "worse", "all")


class Subject(NamedTuple):
    """What a run trains, in words: for its page's title and first sentence."""

    data: str
    model: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Comparison(ABC):
    """Recipes beside float64: how long, from which seeds, what is measured. `Config` has the parameters' meanings."""

    #: the key of ``config.toml`` that says whose run it is, its value what is trained; "" for models known by name
    key: ClassVar[str] = ""

    recipes: tuple[str, ...] = DEFAULT_RECIPES
    steps: int = 1290
    seed: int = 0
    seeds: int = 5
    ablate: str = "worse"
    every: int = 30
    attribute: bool = True
    record: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        for key, least in {"steps": 1, "seed": 0, "seeds": 1, "every": 1}.items():
            check_integer(key, getattr(self, key), least)
        check_choice("ablate", self.ablate, ABLATE)
        if not isinstance(self.attribute, bool):
            raise ArgumentError(f"attribute={self.attribute!r} must be True or False")
        object.__setattr__(self, "recipes", _check_recipes(self.recipes))
        object.__setattr__(self, "record", _check_patterns(self.record))

    @abstractmethod
    def trainable(self) -> Trainable:
        """What is trained.

        Raises
        ------
        NFloatError
            If its data cannot be used.
        """

    @property
    @abstractmethod
    def subject(self) -> Subject:
        """What is trained, in words."""

    @property
    @abstractmethod
    def optimizer_name(self) -> str:
        """The optimiser, as configurations have it; "" where nobody knows."""

    @property
    @abstractmethod
    def switches(self) -> bool:
        """Whether the model has units that a rounding can switch on or off (ReLU)."""

    def replace(self, **changes: Any) -> Self:
        """A copy with other fields, checked again."""
        return replace(self, **changes)

    @property
    def digest(self) -> str:
        """SHA-256 of the TOML form: the name under which a run's rows may be continued."""
        return hashlib.sha256(to_toml(self).encode()).hexdigest()

    @property
    def recorded_steps(self) -> tuple[int, ...]:
        """The steps at which layers are measured: 0, `every`, 2 `every`, ... and `steps`."""
        return (*range(0, self.steps, self.every), self.steps)

    def table(self) -> dict[str, object]:
        """The fields as ``config.toml`` has them, what is trained first."""
        common = [field.name for field in fields(Comparison)]
        return dict(sorted(asdict(self).items(), key=lambda item: item[0] in common))


def to_toml(comparison: Comparison) -> str:
    """The TOML text of a configuration, every field written out.

    Examples
    --------
    >>> from nfloat.drift import Config, from_toml
    >>> from_toml(to_toml(Config(steps=5))) == Config(steps=5)
    True
    """
    check_kind("comparison", comparison, Comparison, "a configuration, such as nf.drift.Config()")
    # a JSON string, number, truth value or list of strings is a TOML one too
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in comparison.table().items())
    return "# the same rows again, to the bit: nfloat drift --config config.toml --out again\n" + "".join(lines)


def check_integer(key: str, value: object, least: int) -> None:
    """Refuse what is no integer of at least `least`.

    Raises
    ------
    ArgumentError
        That names `key` and the value.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{key}={value!r} must be an integer of at least {least}")


def check_choice(key: str, value: object, known: Collection[object]) -> None:
    """Refuse what is none of the values known.

    Raises
    ------
    ArgumentError
        That names `key`, the value and the nearest known ones.
    """
    if not isinstance(value, str) or value not in known:
        asked = value if isinstance(value, str) else ""
        raise ArgumentError(f"{key}={value!r} is unknown; {nearest_names(asked, map(str, known))}")


def _check_recipes(recipes: object) -> tuple[str, ...]:
    if isinstance(recipes, str) or not isinstance(recipes, tuple | list):
        raise ArgumentError(f"recipes={recipes!r} must be a tuple of recipes or their names")
    if not recipes:
        raise ArgumentError("recipes=() must name at least one recipe")
    names = tuple(_name_of(recipe) for recipe in recipes)
    for name in names:
        if names.count(name) > 1:
            raise ArgumentError(f"recipes: {name!r} stands there twice")
    return names


def _check_patterns(record: object) -> tuple[str, ...]:
    patterns = tuple(record) if isinstance(record, tuple | list) else ()
    sound = all(isinstance(p, str) and len(p.split(" ")) <= 2 and all(p.split(" ")) for p in patterns)
    if not sound or not isinstance(record, tuple | list):
        raise ArgumentError(
            f"record={record!r} must be a tuple of patterns: of tensors ('weight.state.*', '*.grad'), or of layers and "
            "tensors with a space between ('layers.0* gemm.*')"
        )
    return patterns


def _name_of(recipe: object) -> str:
    """The name that a run's rows and its config.toml have: it must say what the recipe is."""
    if isinstance(recipe, nn.Recipe):
        try:
            said = nn.recipe(recipe.name)
        except NFloatError:
            said = None
        if said is None or replace(said, source=recipe.source) != recipe:
            raise ArgumentError(
                f"recipes: {recipe.name!r}: the name does not say all of this recipe, and a run is written down by "
                "names; make it of a named one, without name=: nf.nn.recipe('bf16-mixed').replace(weights='e4m3')"
            )
        return recipe.name
    if not isinstance(recipe, str):
        raise ArgumentError(f"recipes: {recipe!r} must be the name of a recipe, or a recipe")
    return nn.recipe(recipe).name  # the name as it was given; of a recipe's file, one that says all of it
