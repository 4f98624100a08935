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
from ..nn import spelled
from ..nn.layers import ACTIVATIONS
from ..nn.train import Loss
from ..ops.memory import check_size
from ..runs import config as toml
from .build import Experiment
from .comparison import Comparison, Subject, check_choice, check_integer
from .defaults import DEFAULTS, OF_MODEL
from .engine import EngineTrainable, Setup, data_digest

#: data known by name, in words; anything else must be a file with one of the suffixes
DATA_NAMES = {
    "digits": "1400 of scikit-learn's handwritten digits (8×8; 397 to test on)",
    "mnist5k": "4000 handwritten digits of MNIST (28×28; 1000 to test on)",
    "text": f"the first {nn.data.CHARACTERS:,} characters of Python's help topics (a fifth to test on)",
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

    Where width, depth, steps, batch, optimizer, lr or every are not given they are the model's, so that a page takes
    minutes: of an MLP 64, 1, 1290, 32, "sgd", 0.02 and 30; of the others ``defaults.py`` has them.

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
        Updates of every run, at least 1. The default of an MLP is 30 epochs of the digits.
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
        "sgd", "momentum", "rmsprop", "lion", "adam" or "adamw", with the defaults of ``nf.nn``, or with other fields:
        "adam+betas=0.9:0.95+clip_norm=1+cosine=1290" (``nn/spelled.py``).
    lr : float
        Learning rate, positive and finite.
    loss : str
        "cross_entropy", "mse", "l1" or "bce_with_logits", or with other fields: "cross_entropy+label_smoothing=0.1".
        "": that of the data, cross-entropy, of a regression mse.
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
    >>> Config().steps, Config(model="cnn").steps, Config(model="cnn", steps=1000).steps
    (1290, 320, 1000)
    >>> Config(steps=-1)
    Traceback (most recent call last):
    ...
    nfloat.errors.ArgumentError: steps=-1 must be an integer of at least 1
    """

    steps: int = OF_MODEL
    every: int = OF_MODEL
    data: str = "digits"
    model: str = "mlp"
    width: int = OF_MODEL
    depth: int = OF_MODEL
    activation: str = "relu"
    batch: int = OF_MODEL
    optimizer: str = OF_MODEL
    lr: float = OF_MODEL
    loss: str = ""

    def __post_init__(self) -> None:
        check_choice("model", self.model, MODELS)
        for key, value in DEFAULTS[self.model].items():
            if getattr(self, key) is OF_MODEL:
                object.__setattr__(self, key, value)
        for key, least in {"width": 1, "depth": 0, "batch": 1}.items():
            check_integer(key, getattr(self, key), least)
        if self.depth > _MOST_LAYERS:
            raise ArgumentError(f"depth={self.depth!r} must be an integer in 0..{_MOST_LAYERS}")
        check_choice("activation", self.activation, ACTIVATIONS)
        spelled.optimizer(self.optimizer)
        if not isinstance(self.loss, str) or self.loss:
            spelled.loss(self.loss)
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
        units = "" if self.model == "lstm" else f" ({self.activation})"
        sentence = (
            f"{'An' if model[:2] in ('ML', 'LS') else 'A'} {model}{units} was trained on {data} "
            f"for {self.steps} steps of {self.optimizer} (learning rate {self.lr:g}, batch {self.batch})"
            f"{f' on {self.loss}' if self.loss else ''}"
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
        """The optimiser, without its fields."""
        return self.optimizer.partition("+")[0]

    @property
    def switches(self) -> bool:
        """Whether the model has units that a rounding can switch on or off."""
        return self.activation == "relu" and self.model != "lstm"


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
    other = next((what for key, what in _OTHERS.items() if key in table and key not in known), None)
    if other is not None:
        raise ArgumentError(f"{source}: this is the configuration of {other}")
    toml.check_keys(table, known, source)
    return toml.convert({"build" if key == own else key: value for key, value in table.items()}, kind, source)


#: a key of another kind of run's configuration -> what that is, and what to do with its folder
_OTHERS = {
    "run": "a search, not of a drift run; `nfloat report FOLDER` makes its page, and `nfloat drift --recipes "
    "FOLDER/recipe.toml` runs what it found",
    "task": "a sweep, not of a drift run; `nfloat report FOLDER` makes its page, and `nfloat sweep` goes on with it",
    "study": "a study, not of a drift run; `nfloat report FOLDER` makes its page, and `nfloat study resume FOLDER` "
    "goes on with it",
}


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
    optimizer = spelled.optimizer(config.optimizer)(model.parameters(), config.lr)
    return Setup(model, optimizer, data, _loss(config, data))


def _loss(config: Config, data: nn.Dataset) -> Loss:
    """The loss of the configuration, which must fit the data."""
    if not config.loss:
        return data.loss
    if config.loss.startswith("cross_entropy") == (data.kind == "regression"):
        what = "are a regression" if data.kind == "regression" else "have classes"
        raise ArgumentError(f"loss={config.loss!r}: data {data.name!r} {what}, which is learnt by {data.loss.__name__}")
    return spelled.loss(config.loss)


def _model(config: Config, data: nn.Dataset) -> nn.Layer:
    """The model of the configuration, of sizes that fit the data."""
    check_size(f"width={config.width}: a layer's weights", (config.width, max(data.features, data.classes)), 8)
    return nn.models.for_data(config.model, data, config.width, config.depth, config.activation)
