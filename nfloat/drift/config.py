"""`Config`: a drift run of a model and data known by name, one frozen value, and its form on disk, ``config.toml``.

A configuration reproduces a run to the bit, so everything that changes a number stands here (what all runs have in
common in ``comparison.py``) and nothing else does: the number of threads, the folder and the progress bar are arguments
of `run`. What a recipe rounds stands in ``nfloat.nn``.

Reading is strict (``nfloat/runs/config.py``): unknown keys, wrong types and impossible values are errors that name the
key.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..errors import ArgumentError
from ..nn.layers import ACTIVATIONS
from ..nn.optim import OPTIMIZERS
from ..ops.memory import check_size
from ..runs import config as toml
from .build import Experiment
from .comparison import Comparison, Subject, check_choice, check_integer
from .engine import EngineTrainable, Setup, data_digest

#: data known by name, in words; anything else must be a file with one of the suffixes
DATA_NAMES = {
    "digits": "scikit-learn's 1797 handwritten digits (8×8)",
    "mnist5k": "5000 handwritten digits of MNIST (28×28)",
    "text": "Python's help topics, by character",
    "blobs": "synthetic clusters",
    "regression": "a noisy function",
}
DATA_SUFFIXES = (".npz", ".csv")

MODELS = nn.models.MODELS
#: deeper ones would take minutes to be made
_MOST_LAYERS = 1000


@dataclass(frozen=True, kw_only=True)
class Config(Comparison):
    """One drift run: data, model, training, and the recipes to compare with float64.

    Parameters
    ----------
    data : str
        "digits" (scikit-learn's 1797 images of 8 x 8), "mnist5k" (28 x 28), "text" (Python's help topics), "blobs" and
        "regression" (synthetic, need nothing), or the path of an ``.npz`` (arrays ``x`` (n, features) and ``y`` (n,))
        or ``.csv`` file (numbers, the class in the last column).
    model : str
        "mlp" (linear layers with `activation` between them); "cnn" and "resnet" for square images; "transformer" for
        text; "lstm" for text, and for images row by row.
    width, depth : int
        Units of a hidden layer, and number of hidden layers; for the other models as `nn.models.for_data` says.
    activation : str
        An operation of ``nn.layers.ACTIVATIONS``: "relu", "tanh", "sigmoid", ...
    recipes : tuple of str
        At least one, each once: names of ``nf.nn.recipes``, or one of them with other fields, as `nn.recipe` reads it:
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

    record : tuple of str
        Which roundings and sums are measured at these steps: patterns (``*``, ``?``) of a tensor's name ("*.grad",
        "weight.state.*"), or of layer and tensor with a space between ("layers.0* gemm.*"). Gradients, updates, paths
        and losses always are. By default all: ("*",).

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
    batch: int = 32
    optimizer: str = "sgd"
    lr: float = 0.02

    def __post_init__(self) -> None:
        for key, least in {"width": 1, "depth": 0, "batch": 1}.items():
            check_integer(key, getattr(self, key), least)
        if self.depth > _MOST_LAYERS:
            raise ArgumentError(f"depth={self.depth!r} must be an integer in 0..{_MOST_LAYERS}")
        choices = {"model": MODELS, "activation": ACTIVATIONS, "optimizer": OPTIMIZERS}
        for key, known in choices.items():
            check_choice(key, getattr(self, key), known)
        if isinstance(self.lr, bool) or not isinstance(self.lr, int | float) or not 0 < self.lr <= sys.float_info.max:
            long = isinstance(self.lr, int) and self.lr.bit_length() > 64
            shown = "<a number of many digits>" if long else repr(self.lr)
            raise ArgumentError(f"lr={shown} must be a positive, finite number")
        object.__setattr__(self, "lr", float(self.lr))
        _check_data(self.data)
        super().__post_init__()

    def trainable(self) -> EngineTrainable:
        """The model, the optimiser and the data of these names, read now."""
        data = nn.load_data(self.data)
        nn.batches(len(data.train_x), self.batch, 0)  # refuses a batch that is too large
        return EngineTrainable(partial(_setup, self, data), self.batch, data_digest(data))

    @property
    def subject(self) -> Subject:
        """What is trained, in words."""
        model = self._model_words
        name = Path(self.data).name
        data = DATA_NAMES.get(self.data, name)
        sentence = (
            f"{'An' if model[:2] in ('ML', 'LS') else 'A'} {model} ({self.activation}) was trained on {data} "
            f"for {self.steps} steps of {self.optimizer} (learning rate {self.lr:g}, batch {self.batch})"
        )
        return Subject(name, model, sentence)

    @property
    def _model_words(self) -> str:
        size = f"{self.depth} × {self.width}" if self.depth > 1 else f"{self.width}"
        if self.model == "mlp":
            return f"MLP with {size} hidden units" if self.depth else "linear model"
        names = {"resnet": "ResNet", "transformer": "transformer"}
        of = f"depth × width {size}" if self.depth > 1 else f"width {size}"
        return f"{names.get(self.model, self.model.upper())} of {of}"

    @property
    def optimizer_name(self) -> str:
        """The optimiser."""
        return self.optimizer

    @property
    def switches(self) -> bool:
        """Whether the model has units that a rounding can switch on or off."""
        return self.activation == "relu"


def from_toml(text: str, source: str = "config") -> Comparison:
    """The configuration that a TOML text describes; keys left out have their defaults. With a `build`: an `Experiment`.

    With `torch`: that of `nfloat.torch`, which must have been imported.

    Raises
    ------
    ArgumentError
        If the text is no TOML, has an unknown key or a value of the wrong type or range, or is another room's; the
        message starts with `source`.
    MissingExtraError
        If msgspec is not installed.

    Examples
    --------
    >>> from_toml('steps = 5\\nrecipes = ["bf16-pure"]').steps
    5
    >>> from_toml("step = 5")
    Traceback (most recent call last):
    ...
    nfloat.errors.ArgumentError: config: unknown key 'step'; did you mean 'steps', 'seed'?
    """
    return from_table(toml.parse(text, source), source)


def from_table(table: dict[str, Any], source: str = "config") -> Comparison:
    """The configuration that a table of a TOML text describes.

    Raises
    ------
    ArgumentError, MissingExtraError
        As `from_toml`.
    """
    others: list[type[Experiment]] = [Experiment, *Experiment.__subclasses__()]
    kinds: dict[str, type[Comparison]] = {kind.key: kind for kind in others}
    own = next((key for key in table if key in kinds), "")
    if "torch" in table and not own:
        raise ArgumentError(f"{source}: this run trained a PyTorch model; import nfloat.torch before it is read")
    kind = kinds.get(own, Config)
    known = [own if field.name == "build" else field.name for field in fields(kind)]
    toml.check_keys(table, known, source)
    return toml.convert({"build" if key == own else key: value for key, value in table.items()}, kind, source)


def read_config(path: Path) -> Comparison:
    """The configuration in a file.

    Raises
    ------
    ArgumentError
        If the file cannot be read, or as for `from_toml`.
    """
    return from_toml(toml.read_text(path), source=str(path))


def _check_data(data: object) -> None:
    if isinstance(data, str) and data in DATA_NAMES:
        return
    if not isinstance(data, str) or Path(data).suffix.lower() not in DATA_SUFFIXES:
        names, suffixes = ", ".join(map(repr, DATA_NAMES)), " or ".join(DATA_SUFFIXES)
        raise ArgumentError(f"data={data!r} is unknown: it must be {names}, or the path of a file ending in {suffixes}")


def _setup(config: Config, data: nn.Dataset, seed: int, generator: np.random.Generator) -> Setup:
    model = _model(config, data)
    model.init(seed=generator)
    return Setup(model, OPTIMIZERS[config.optimizer](model.parameters(), lr=config.lr), data, data.loss)


def _model(config: Config, data: nn.Dataset) -> nn.Layer:
    """The model of the configuration, of sizes that fit the data."""
    check_size(f"width={config.width}: a layer's weights", (config.width, max(data.features, data.classes)), 8)
    return nn.models.for_data(config.model, data, config.width, config.depth, config.activation)
