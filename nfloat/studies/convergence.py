"""Which formats let which model converge: recipes against models, with a criterion and its null.

A training *converges* if its loss falls by at least nine tenths of what float64's falls by, from the same weights and
batches; a loss that is not finite has fallen by nothing. The null is float64 from weights that were moved by
bfloat16's unit roundoff: were it to miss the criterion, the criterion would be about luck. Trainings are short, so this
is about whether a recipe learns, and not about its last per cent (``nf.drift.run`` is for that).

Formats with master weights (mixed, FP8, MX, NVFP4) learn every model; where weights are stored in 8 bits, nearest loses
the updates and stochastic rounding brings them back. Adam's second moment, the square of a gradient, is nothing in
float16 or FP8 when the gradient is small, and steps of lr m / epsilon end the training.

Sources: Micikevicius et al. 2018 (float16), Kalamkar et al. 2019 (bfloat16), Micikevicius et al. 2022 (FP8), Rouhani et
al. 2023 (MX) each report that these recipes converge; an independent float64 model for weights in 8 bits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, at_least, at_most
from .plots import Panel, Plot, Series
from .selection import distinct, number, where
from .study import Study, check_counts, check_names
from .trainings import everywhere

if TYPE_CHECKING:
    from ..drift.config import Config

#: the share of float64's fall that is convergence
CRITERION = 0.9
_FLOAT64, _NULL, _PUSHED = "float64", "null", 8

#: model -> what is trained, as `nf.drift.Config` has it
MODELS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "mlp": {"data": "digits", "lr": 0.1, "steps": 300},
        "cnn": {"data": "digits", "lr": 0.05, "steps": 150, "width": 32},
        "lstm": {"data": "digits", "lr": 0.003, "steps": 150, "width": 32, "optimizer": "adam"},
        "transformer": {"data": "text", "lr": 0.003, "steps": 60, "width": 32, "batch": 8, "optimizer": "adam"},
        "mlp on blobs": {"data": "blobs", "steps": 6, "width": 8},
    }
)

#: who reports that a recipe converges
SOURCES = {
    "fp16-mixed": "Micikevicius et al. 2018",
    "bf16-mixed": "Kalamkar et al. 2019",
    "fp8-hybrid": "Micikevicius et al. 2022",
    "mxfp8": "Rouhani et al. 2023",
}
#: every tensor in one format, weights and optimiser's states too
_STORED = ("float8_e4m3fn", "float8_e5m2", "float8_e5m2:stochastic")
RECIPES = (_NULL, *SOURCES, "bf16-pure", "fp16-pure", "mxfp4", "nvfp4", *_STORED)


@dataclass(frozen=True)
class Params:
    """Models, recipes, runs of each."""

    models: tuple[str, ...] = ("mlp", "cnn", "lstm", "transformer")
    recipes: tuple[str, ...] = RECIPES
    runs: int = 1

    def __post_init__(self) -> None:
        check_names(self, "models", MODELS)
        check_names(self, "recipes", RECIPES)
        check_counts(self, "runs")


@dataclass(frozen=True)
class Cell:
    """One training."""

    model: str
    recipe: str
    run: int


def cells(params: Params) -> Iterator[Cell]:
    """Every recipe of every model."""
    for model in params.models:
        for run in range(params.runs):
            for recipe in params.recipes:
                yield Cell(model, recipe, run)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Loss on the test set at the end, float64's at both ends, and by what share of float64's the loss fell."""
    start, exact = _float64(cell.model, seed + cell.run)
    loss = _trained(cell.model, _recipe(cell.recipe), seed + cell.run, _PUSHED if cell.recipe == _NULL else 0)
    share = (start - loss) / (start - exact) if math.isfinite(loss) else 0.0
    return {"loss": loss if math.isfinite(loss) else math.inf, "start": start, "float64": exact, "share": share}


def _recipe(name: str) -> Any:
    if name in _STORED:
        return everywhere(name, name)
    return nf.nn.recipe(_FLOAT64 if name == _NULL else name)


@functools.lru_cache(maxsize=4)
def _float64(model: str, seed: int) -> tuple[float, float]:
    """The test loss at the start and at the end."""
    exact = nf.nn.recipe(_FLOAT64)
    return float(_trainable(model).begin(exact, seed).test_set().loss), _trained(model, exact, seed, 0)


def _trained(model: str, recipe: Any, seed: int, pushed: int) -> float:
    training = _trainable(model).begin(recipe, seed, pushed=pushed)
    for _ in range(_config(model).steps):
        training.step()
    return float(training.test_set().loss)


@functools.lru_cache(maxsize=4)
def _trainable(model: str) -> Any:
    return _config(model).trainable()


def _config(model: str) -> Config:
    return nf.drift.Config(model=model.split(" ")[0], seeds=1, **MODELS[model])


# -------------------------------------------------------------------------------------------------------- what is seen
def checks(rows: Sequence[Row]) -> list[Check]:
    """The null converges; so do the recipes that are published as converging; 8-bit weights to nearest do not."""
    found = []
    for model in distinct(rows, "model"):
        if MODELS[model]["data"] == "blobs":
            continue
        share = _shares(where(rows, model=model))
        for recipe in (name for name in (_NULL, *SOURCES) if name in share):
            source = SOURCES.get(recipe, "the null")
            limit = 0.98 if recipe == _NULL else CRITERION
            found.append(at_least(f"{model}, {recipe}: share of float64's fall", share[recipe], limit, source))
        for recipe in (name for name in _STORED[:2] if name in share):
            found.append(at_most(f"{model}, {recipe}: share of float64's fall", share[recipe], 0.8, MODEL))
        if model == "mlp" and _STORED[2] in share:
            found.append(at_least(f"mlp, {_STORED[2]}: share of float64's fall", share[_STORED[2]], CRITERION, MODEL))
    return found


def _shares(rows: Sequence[Row]) -> dict[str, float]:
    """recipe -> the least share over the runs."""
    return {name: min(number(row, "share") for row in where(rows, recipe=name)) for name in distinct(rows, "recipe")}


def findings(rows: Sequence[Row]) -> list[str]:
    """What converges, model by model."""
    found = []
    for model in distinct(rows, "model"):
        share = _shares(where(rows, model=model))
        groups = {
            "converge": [name for name, value in share.items() if value >= CRITERION],
            "learn too little": [name for name, value in share.items() if 0.0 < value < CRITERION],
            "learn nothing": [name for name, value in share.items() if value <= 0.0],
        }
        told = "; ".join(f"{', '.join(names)} {word}" for word, names in groups.items() if names)
        found.append(f"{model}: {told}.")
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """The share of float64's fall by model, a line per recipe."""
    models = distinct(rows, "model")
    shares = {model: _shares(where(rows, model=model)) for model in models}
    lines = [
        Series(name, [(i + 1.0, shares[model][name]) for i, model in enumerate(models) if name in shares[model]])
        for name in distinct(rows, "recipe")
    ]
    if not lines:
        return []
    caption = f"Models from left to right: {', '.join(models)}. From {CRITERION:g} on a training converges."
    how = "How far the test loss fell, as a share of float64's fall from the same weights; the least of the runs."
    title, y = "What is learnt by model and recipe", "share of float64's fall"
    return [Plot("shares", title, "model", y, [Panel("", lines)], caption, how, log_x=False, log_y=False)]


STUDY = Study(
    name="convergence",
    title="Which formats let which model converge",
    question="Which recipes and formats learn as float64 does, in which kind of model?",
    method="A multilayer perceptron and a convolutional network (SGD, digits), an LSTM (Adam, digits by rows) and a "
    "transformer (Adam, text) are trained for 60 to 300 steps under each recipe, and in float64 from the same weights.",
    sources=(
        "P. Micikevicius et al., Mixed precision training, ICLR 2018 (arXiv:1710.03740)",
        "D. Kalamkar et al., A study of BFLOAT16 for deep learning training, 2019 (arXiv:1905.12322)",
        "P. Micikevicius et al., FP8 formats for deep learning, 2022 (arXiv:2209.05433)",
        "B. Rouhani et al., Microscaling data formats for deep learning, 2023 (arXiv:2310.10537)",
    ),
    see="Master weights learn everywhere; 8-bit weights only with stochastic rounding",
    seconds=47,
    params=Params(),
    small=Params(("mlp on blobs",), (_NULL, "bf16-mixed", "float8_e4m3fn")),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
