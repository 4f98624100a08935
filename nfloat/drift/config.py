"""What a drift run is: `Config`, one frozen value, and its form on disk, ``config.toml``.

A configuration reproduces a run to the bit, so everything that changes a number stands here and nothing else does: the
number of threads, the folder and the progress bar are arguments of `run`. What a recipe rounds stands in ``nfloat.nn``.

Reading is strict (``nfloat/runs/config.py``): unknown keys, wrong types and impossible values are errors that name the
key.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from .. import nn
from ..errors import ArgumentError, nearest_names
from ..nn.layers import ACTIVATIONS
from ..nn.optim import OPTIMIZERS
from ..runs import config as toml

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

#: data known by name; anything else must be a file with one of the suffixes
DATA_NAMES = ("digits", "blobs")
DATA_SUFFIXES = (".npz", ".csv")

MODELS = ("mlp",)
ABLATE = ("none", "worse", "all")

#: the integers of a configuration, and the least that each may be
_LEAST = {"width": 1, "depth": 0, "steps": 1, "seed": 0, "seeds": 1, "batch": 1, "every": 1}


@dataclass(frozen=True, kw_only=True)
class Config:
    """One drift run: data, model, training, and the recipes to compare with float64.

    Parameters
    ----------
    data : str
        "digits" (scikit-learn's 1797 images of 8 x 8), "blobs" (synthetic, needs nothing), or the path of an ``.npz``
        (arrays ``x`` (n, features) and ``y`` (n,)) or ``.csv`` file (numbers, the class in the last column).
    model : str
        "mlp": linear layers with `activation` between them.
    width, depth : int
        Units of a hidden layer, and number of hidden layers.
    activation : str
        An operation of ``nn.layers.ACTIVATIONS``: "relu", "tanh", "sigmoid", ...
    recipes : tuple of str
        At least one, each once: names of ``nf.nn.recipes``, or one of them with other fields, as `recipe_of` reads it:
        "bf16-mixed+weights=float8_e4m3fn".
    steps : int
        Updates of every run, at least 1. The default is 30 epochs of the digits.
    seed : int
        Drives initial weights, batches and stochastic rounding, each through a stream of its own.
    seeds : int
        So many seeds, from `seed` on: verdicts are of their mean, and an interval needs two at least.
    ablate : str
        Which recipes are trained again with one field rounded, and with all but one: "worse" (those whose verdict is
        worse or diverged), "all", or "none".
    batch : int
        Examples of a step.
    optimizer : str
        "sgd", "momentum", "rmsprop", "lion", "adam" or "adamw", with the defaults of ``nf.nn``.
    lr : float
        Learning rate, positive and finite.
    every : int
        Layers are measured at step 0, `every`, 2 `every`, ... and the last; the loss of the batch at every step.
    attribute : bool
        Also measure, at the same steps, how much of the gradient's error each place of the recipe makes alone.

    Raises
    ------
    NFloatError
        If a field cannot be; the message names it, its value and what is allowed.

    Examples
    --------
    >>> Config(steps=-1)
    Traceback (most recent call last):
    ...
    nfloat.errors.ArgumentError: steps=-1 must be an integer of at least 1
    """

    data: str = "digits"
    model: str = "mlp"
    width: int = 64
    depth: int = 1
    activation: str = "relu"
    recipes: tuple[str, ...] = DEFAULT_RECIPES
    steps: int = 1290
    seed: int = 0
    seeds: int = 5
    ablate: str = "worse"
    batch: int = 32
    optimizer: str = "sgd"
    lr: float = 0.02
    every: int = 30
    attribute: bool = True

    def __post_init__(self) -> None:
        for key, least in _LEAST.items():
            _check_integer(key, getattr(self, key), least)
        choices = {"model": MODELS, "activation": ACTIVATIONS, "optimizer": OPTIMIZERS, "ablate": ABLATE}
        for key, known in choices.items():
            _check_choice(key, getattr(self, key), known)
        if not isinstance(self.attribute, bool):
            raise ArgumentError(f"attribute={self.attribute!r} must be True or False")
        if isinstance(self.lr, bool) or not isinstance(self.lr, int | float) or not 0 < self.lr < math.inf:
            raise ArgumentError(f"lr={self.lr!r} must be a positive, finite number")
        object.__setattr__(self, "lr", float(self.lr))
        _check_data(self.data)
        object.__setattr__(self, "recipes", _check_recipes(self.recipes))

    def replace(self, **changes: Any) -> Config:
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


def recipe_of(name: str) -> nn.Recipe:
    """The recipe of a name; ``BASE+field=value+...`` is the recipe BASE with other fields, named like that.

    A loss scaling is "dynamic" or the number of a scale that does not move.

    Raises
    ------
    NFloatError
        If there is no such recipe, field, format or rounding mode.

    Examples
    --------
    >>> recipe_of("bf16-pure+weights=float8_e4m3fn:stochastic").weights.format.name
    'float8_e4m3fn'
    """
    base, *changes = name.split("+")
    fields_of = dict(change.partition("=")[::2] for change in changes)
    # an empty value stands for None: no such cast
    values: dict[str, object] = {key: value or None for key, value in fields_of.items()}
    if "name" in values:
        raise ArgumentError(f"recipes: {name!r}: the name of a recipe is not one of the fields that may be changed")
    if values.get("loss_scaling"):
        values["loss_scaling"] = _scaling(str(values["loss_scaling"]))
    return nn.recipe(base).replace(name=name, **values) if values else nn.recipe(base)


def _scaling(text: str) -> nn.LossScaling:
    if text == "dynamic":
        return nn.LossScaling()
    try:
        return nn.LossScaling.static(float(text))
    except ValueError:
        raise ArgumentError(f"loss_scaling={text!r} must be 'dynamic' or a positive number") from None


def to_toml(config: Config) -> str:
    """The TOML text of a configuration, every field written out.

    Examples
    --------
    >>> from_toml(to_toml(Config(steps=5))) == Config(steps=5)
    True
    """
    # a JSON string, number, truth value or list of strings is a TOML one too
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in asdict(config).items())
    return "# the same rows again, to the bit: nfloat drift --config config.toml --out again\n" + "".join(lines)


def from_toml(text: str, source: str = "config") -> Config:
    """The configuration that a TOML text describes; keys left out have their defaults.

    Raises
    ------
    ArgumentError
        If the text is no TOML, has an unknown key or a value of the wrong type or range; the message starts with
        `source`.
    MissingExtraError
        If msgspec is not installed.
    """
    table = toml.parse(text, source)
    toml.check_keys(table, [field.name for field in fields(Config)], source)
    return toml.convert(table, Config, source)


def read_config(path: Path) -> Config:
    """The configuration in a file.

    Raises
    ------
    ArgumentError
        If the file cannot be read, or as for `from_toml`.
    """
    return from_toml(toml.read_text(path), source=str(path))


def _check_integer(key: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{key}={value!r} must be an integer of at least {least}")


def _check_choice(key: str, value: object, known: Collection[object]) -> None:
    if value not in known:
        raise ArgumentError(f"{key}={value!r} is unknown; {nearest_names(str(value), map(str, known))}")


def _check_data(data: object) -> None:
    if data in DATA_NAMES:
        return
    if not isinstance(data, str) or Path(data).suffix.lower() not in DATA_SUFFIXES:
        names, suffixes = " or ".join(map(repr, DATA_NAMES)), " or ".join(DATA_SUFFIXES)
        raise ArgumentError(f"data={data!r} is unknown: it must be {names}, or the path of a file ending in {suffixes}")


def _check_recipes(recipes: object) -> tuple[str, ...]:
    if isinstance(recipes, str) or not isinstance(recipes, tuple | list):
        raise ArgumentError(f"recipes={recipes!r} must be a tuple of recipe names")
    if not recipes:
        raise ArgumentError("recipes=() must name at least one recipe")
    for name in recipes:
        if not isinstance(name, str):
            raise ArgumentError(f"recipes: {name!r} must be the name of a recipe")
        recipe_of(name)
        if list(recipes).count(name) > 1:
            raise ArgumentError(f"recipes: {name!r} stands there twice")
    return tuple(recipes)
