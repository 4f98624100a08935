"""Weight updates that are lost when weights are stored narrow, and three repairs.

An update of less than half a gap leaves a weight as it was, however often it comes. (a) Least squares with one example
a step: rounding the weights hurts ten times more than rounding all of forward and backward. (b) Digits: a float32
master copy, stochastic rounding and Kahan's summation each bring float64's loss back.

In (a) the loss is that of the weights, in float64. The loss that the rounded pass itself *sees* holds the rounding of
its own prediction as well, and is more than twice as large with nothing lost: `seen` has it. How far nearest falls
behind depends on the examples: there are 1000, in turn; with a new one each step rare large gradients still move
weights, and its loss is less than half.

On MNIST (784-128-10, rate 0.01, 12 epochs) it is the same:
``--set 'data="mnist5k"' --set digits_steps=1500`` (extra ``data``).

Sources: Zamirai et al. 2020 (rounding the update is what hurts; stochastic rounding and Kahan repair it); Kalamkar et
al. 2019 (bfloat16 tensors with float32 updates match float32). The figures were first computed with an independent
float64 model that rounds explicitly.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, at_least, at_most, between, within
from .plots import Panel, Plot, Series
from .samples import draw
from .selection import number, where
from .study import Study, check_counts, check_names
from .trainings import everywhere, means, train

_ZAMIRAI = "Zamirai et al. 2020"
_RATE, _NOISE, _FEATURES, _EXAMPLES = 0.01, 0.5, 10, 1000


@dataclass(frozen=True)
class Scheme:
    """What least squares rounds: forward and backward, the update, the weights."""

    format: str = "bfloat16"
    passes: bool = False
    weights: str = ""
    kahan: bool = False


#: name -> what is rounded, in least squares
SCHEMES = MappingProxyType(
    {
        "float64": Scheme(),
        "bf16 passes": Scheme(passes=True),
        "bf16 Kahan": Scheme(passes=True, weights="nearest_even", kahan=True),
        "bf16 stochastic": Scheme(passes=True, weights="stochastic"),
        "bf16 weights": Scheme(weights="nearest_even"),
        "bf16 all": Scheme(passes=True, weights="nearest_even"),
        "fp16 weights": Scheme("float16", weights="nearest_even"),
    }
)

#: data -> what is not as for the digits (64 hidden units, rate 0.02), and steps for which figures are known
_SETTINGS: MappingProxyType[str, dict[str, Any]] = MappingProxyType({"mnist5k": {"width": 128, "lr": 0.01}})
_KNOWN_STEPS = {"digits": 1290, "mnist5k": 1500}

#: name -> recipe of the digits, or (format of all tensors, format of the weights)
RECIPES = MappingProxyType(
    {
        "float64": "float64",
        "bf16-mixed": "bf16-mixed",
        "bf16-pure": "bf16-pure",
        "bf16-pure-sr": "bf16-pure-sr",
        "bf16-pure-kahan": "bf16-pure-kahan",
        "fp16-pure": "fp16-pure",
        "e4m3 weights": ("float32", "float8_e4m3fn"),
        "e4m3 weights, stochastic": ("float32", "float8_e4m3fn:stochastic"),
    }
)


@dataclass(frozen=True)
class Params:
    """Schemes, steps and runs of least squares; recipes, steps and runs of the digits."""

    schemes: tuple[str, ...] = tuple(SCHEMES)
    steps: int = 20_000
    runs: int = 8
    recipes: tuple[str, ...] = tuple(RECIPES)
    digits_steps: int = 1290
    digits_runs: int = 1
    data: str = "digits"

    def __post_init__(self) -> None:
        check_names(self, "schemes", SCHEMES)
        check_names(self, "recipes", RECIPES)
        check_counts(self, "steps", "runs", "digits_steps", "digits_runs")


@dataclass(frozen=True)
class Cell:
    """`runs` trainings of `steps` updates."""

    data: str
    scheme: str
    steps: int
    runs: int


def cells(params: Params) -> Iterator[Cell]:
    """Least squares, then digits."""
    for scheme in params.schemes:
        yield Cell("least squares", scheme, params.steps, params.runs)
    for recipe in params.recipes:
        yield Cell(params.data, recipe, params.digits_steps, params.digits_runs)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Loss near the end, its spread over runs, test error, the share of updates lost; the loss that training sees."""
    if cell.data == "least squares":
        loss, seen = _least_squares(cell, seed)
        return {"loss": loss, **dict.fromkeys(("loss_sd", "test_error", "stagnation", "skipped")), "seen": seen}
    known = RECIPES[cell.scheme]
    recipe = nf.nn.recipe(known) if isinstance(known, str) else everywhere(cell.scheme, known[0], weights=known[1])
    setting = nf.drift.Config(data=cell.data, steps=cell.steps, seeds=1, **_SETTINGS.get(cell.data, {}))
    ends = [train(recipe, setting.replace(seed=seed + run)) for run in range(cell.runs)]
    return {**means(ends), "seen": None}


def _least_squares(cell: Cell, seed: int) -> tuple[float, float]:
    """Mean squared error over the last tenth of the steps, of all runs: the weights', and as training sees it."""
    scheme, stream = SCHEMES[cell.scheme], nf.Stream(seed).child("lost-updates")
    wanted = 100.0 * np.random.default_rng(stream.child("w").key).random((cell.runs, _FEATURES))
    w, left = np.zeros_like(wanted), np.zeros_like(wanted)
    squares: list[float] = []
    seen: list[float] = []
    x = draw("normal", (_EXAMPLES, cell.runs, _FEATURES), stream.child("x"))
    noise = _NOISE * draw("normal", x.shape[:2], stream.child("noise"))
    for step in range(cell.steps):
        row = step % _EXAMPLES
        y = _dot(x[row], wanted) + noise[row]
        if step >= cell.steps - max(cell.steps // 10, 1):
            off = _dot(x[row], w) - y
            squares += (off * off).tolist()
            error = _error(scheme, w, x[row], y)
            seen += (error * error).tolist()
        w, left = _step(scheme, w, left, x[row], y, stream.child("bits", step))
    return math.fsum(squares) / len(squares), math.fsum(seen) / len(seen)


def _step(scheme: Scheme, w: Any, left: Any, x: Any, y: Any, stream: nf.Stream) -> tuple[Any, Any]:
    """One update of every run; `left` is what Kahan's summation carries over."""
    error = _error(scheme, w, x, y)
    u = _passed(scheme, -_RATE * _passed(scheme, error[:, None] * _passed(scheme, x)))
    if not scheme.weights:
        return w + u, left
    if not scheme.kahan:
        return nf.round(w + u, scheme.format, scheme.weights, seed=stream), left
    wanted = nf.round(u - left, scheme.format)
    after = nf.round(w + wanted, scheme.format)
    return after, nf.round(nf.round(after - w, scheme.format) - wanted, scheme.format)


def _error(scheme: Scheme, w: Any, x: Any, y: Any) -> Any:
    """Prediction minus y as the forward pass has it: operands, products' sum and difference rounded."""
    prediction = _passed(scheme, _dot(_passed(scheme, x), _passed(scheme, w)))
    return _passed(scheme, prediction - _passed(scheme, y))


def _passed(scheme: Scheme, value: Any) -> Any:
    return nf.round(value, scheme.format) if scheme.passes else value


def _dot(a: Any, b: Any) -> Any:
    """The scalar product of each row, summed from the left."""
    product, total = a * b, np.zeros(len(a))
    for column in range(product.shape[1]):
        total = total + product[:, column]
    return total


def checks(rows: Sequence[Row]) -> list[Check]:
    """Ratios to float64, in both parts; the order of the repairs; the share of updates lost."""
    squares = where(rows, data="least squares")
    loss, seen = ({str(row["scheme"]): number(row, key) for row in squares} for key in ("loss", "seen"))
    found = _of_squares(loss)
    if {"float64", "bf16 passes"} <= set(loss):
        ratio = seen["bf16 passes"] / loss["float64"]
        found.append(within("least squares: bf16 passes, as seen / float64", ratio, 2.85, MODEL, absolute=0.5))
    for data in _KNOWN_STEPS:
        found += _of_images(data, where(rows, data=data))
    return found


def _of_squares(loss: dict[str, float]) -> list[Check]:
    exact, found = loss.get("float64"), []
    if exact is None:
        return []
    limits = {"bf16 Kahan": (1.0, 3.0), "bf16 stochastic": (1.0, 8.0), "bf16 passes": (1.0, 2.0)}
    for scheme, (low, high) in limits.items():
        if scheme in loss:
            found.append(between(f"least squares: {scheme} / float64", loss[scheme] / exact, low, high, MODEL))
    for scheme in ("bf16 weights", "bf16 all"):
        if scheme in loss:
            found.append(at_least(f"least squares: {scheme} / float64", loss[scheme] / exact, 8.0, MODEL))
    if "fp16 weights" in loss:
        found.append(
            within("least squares: fp16 weights / float64", loss["fp16 weights"] / exact, 1.07, MODEL, absolute=0.15)
        )
    order = [
        loss[name] for name in ("float64", "bf16 passes", "bf16 Kahan", "bf16 stochastic", "bf16 all") if name in loss
    ]
    if len(order) == 5:
        ascending = len([True for a, b in itertools.pairwise(order) if a < b])
        name = "least squares: steps up in float64 < passes < Kahan < stochastic < all"
        found.append(at_least(name, float(ascending), 4.0, _ZAMIRAI))
    return found


def _of_images(data: str, rows: Sequence[Row]) -> list[Check]:
    loss = {str(row["scheme"]): number(row, "loss") for row in rows}
    if "float64" not in loss or rows[0]["steps"] != _KNOWN_STEPS[data]:
        return []
    found = []
    for recipe, off in (("bf16-mixed", 0.005), ("bf16-pure-sr", 0.02), ("bf16-pure-kahan", 0.02), ("fp16-pure", 0.03)):
        if recipe in loss:
            ratio = loss[recipe] / loss["float64"]
            found.append(within(f"{data}: {recipe} / float64", ratio, 1.0, MODEL, absolute=off))
    if "bf16-pure" in loss:
        found.append(at_least(f"{data}: bf16-pure / float64", loss["bf16-pure"] / loss["float64"], 1.25, MODEL))
    for row in where(rows, scheme="bf16-pure"):
        found.append(
            within(f"{data}: bf16-pure, share of updates lost", number(row, "stagnation"), 0.79, MODEL, absolute=0.08)
        )
    if "e4m3 weights" in loss:
        found.append(at_least(f"{data}: E4M3 weights, loss", loss["e4m3 weights"], 2.0, MODEL))
    if "e4m3 weights, stochastic" in loss:
        found.append(at_most(f"{data}: E4M3 weights, stochastic, loss", loss["e4m3 weights, stochastic"], 0.8, MODEL))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """What rounding the weights costs, and what the repairs leave of it."""
    found = []
    for data in dict.fromkeys(row["data"] for row in rows):
        loss = {str(row["scheme"]): number(row, "loss") for row in where(rows, data=data)}
        if "float64" in loss:
            told = ", ".join(
                f"{name} {value / loss['float64']:.3g}" for name, value in loss.items() if name != "float64"
            )
            found.append(f"{str(data).capitalize()}, loss in units of float64's: {told}." if told else "")
    return [sentence for sentence in found if sentence]


def plots(rows: Sequence[Row]) -> list[Plot]:
    """The losses side by side."""
    if not rows:
        return []
    panels = []
    for data in dict.fromkeys(str(row["data"]) for row in rows):
        losses = where(rows, data=data)
        lines = [Series(str(row["scheme"]), [(i + 1.0, number(row, "loss"))]) for i, row in enumerate(losses)]
        panels.append(Panel(data, lines))
    caption = "Storing the weights in 8 bits of significand is what costs; the repairs stand beside float64."
    how = "Loss near the end: least squares over the last tenth of the steps, else over all training data."
    return [Plot("losses", "Loss by what is rounded", "scheme", "loss", panels, caption, how, log_x=False)]


STUDY = Study(
    name="lost-updates",
    title="Lost weight updates, and three repairs",
    question="What is lost when weights are stored in bfloat16, and what brings it back?",
    method="Least squares with one example a step (10 features, rate 0.01), and a small network on digits (64-64-10, "
    "SGD, rate 0.02, 30 epochs), with different parts of the step rounded.",
    sources=(
        "P. Zamirai et al., Revisiting BFloat16 training, 2020 (arXiv:2010.06192)",
        "D. Kalamkar et al., A study of BFLOAT16 for deep learning training, 2019 (arXiv:1905.12322)",
    ),
    see="bfloat16 weights cost ten times what bfloat16 passes do; three repairs",
    seconds=16,
    params=Params(),
    small=Params(("float64", "bf16 Kahan"), 60, 2, ("float64", "bf16-pure"), 6, 1, "blobs"),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
