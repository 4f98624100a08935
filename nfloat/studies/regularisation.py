"""Does low precision regularise? A small training set, several seeds, and an honest null.

Rounding is said to act as noise that keeps a network from learning its examples by heart. Here a network that does so
(200 digits, until the training loss is a sixth of the test loss) is trained from several seeds under each recipe, and
its test loss compared with float64's from the same seed: Student's interval of the mean of ln(test loss / float64's),
99 % for all recipes at once, and the least change that would have been found in four runs of five. A recipe whose
interval holds zero shows "no effect larger than that", not "no effect".

A recipe that learns less by the last step has another test loss for that alone. So each is also compared with float64
*stopped* where its training loss was the recipe's: what is left is not explained by stopping early.

The null is float64 from initial weights that were moved by bfloat16's unit roundoff: what any rounding would do.

Sources: the question is as old as noise injection (Bishop 1995). The figures were first computed with an independent
float64 model that rounds explicitly.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import nfloat as nf

from ..runs.rows import Row, Value
from .checks import MODEL, Check, at_most, within
from .plots import Panel, Plot, Series
from .selection import distinct, number, where
from .study import Study, check_counts, check_names

_FLOAT64, _NULL = "float64", "null"
#: of bfloat16: by 2^-8 of themselves the null's weights are moved
_PUSHED = 8
#: steps between two looks at float64's losses
_LOOK = 20

#: name -> recipe, as `nn.recipe` reads it
RECIPES = MappingProxyType(
    {
        _NULL: _FLOAT64,
        "bf16-mixed": "bf16-mixed",
        "bf16-pure": "bf16-pure",
        "bf16-pure-sr": "bf16-pure-sr",
        "e4m3 tensors": "bf16-mixed+activations=float8_e4m3fn+weight_copy=float8_e4m3fn",
        "e5m2 tensors": "bf16-mixed+activations=float8_e5m2+weight_copy=float8_e5m2",
        "e5m2 tensors, stochastic": "bf16-mixed+activations=float8_e5m2:stochastic+weight_copy=float8_e5m2:stochastic",
    }
)


@dataclass(frozen=True)
class Params:
    """Recipes, runs of each, examples to learn from, hidden units, steps."""

    recipes: tuple[str, ...] = tuple(RECIPES)
    runs: int = 10
    examples: int = 200
    width: int = 64
    steps: int = 800
    data: str = "digits"

    def __post_init__(self) -> None:
        check_names(self, "recipes", RECIPES)
        check_counts(self, "runs", "examples", "width", "steps")


@dataclass(frozen=True)
class Cell:
    """One training."""

    recipe: str
    run: int
    examples: int
    width: int
    steps: int
    data: str


class Losses(NamedTuple):
    """Of all examples learnt from, and of all others."""

    train: float
    test: float


def cells(params: Params) -> Iterator[Cell]:
    """Every recipe from every seed."""
    for run in range(params.runs):
        for recipe in params.recipes:
            yield Cell(recipe, run, params.examples, params.width, params.steps, params.data)


def measure(cell: Cell, seed: int) -> dict[str, Value]:
    """Losses and test error at the end; float64's from the same seed, at the end and where it had learnt as much."""
    curve = _float64(cell.examples, cell.width, cell.steps, cell.data, seed + cell.run)
    training = _begin(cell, seed, nf.nn.recipe(RECIPES[cell.recipe]), _PUSHED if cell.recipe == _NULL else 0)
    for _ in range(cell.steps):
        training.step()
    end, tested = training.train_set(), training.test_set()
    return {
        "train_loss": end.loss,
        "test_loss": tested.loss,
        "test_error": 1.0 - tested.accuracy,
        "float64_train": curve[cell.steps].train,
        "float64_test": curve[cell.steps].test,
        "float64_stopped": _stopped([curve[step] for step in sorted(curve)], end.loss),
    }


@functools.lru_cache(maxsize=2)
def _float64(examples: int, width: int, steps: int, data: str, seed: int) -> dict[int, Losses]:
    """float64's losses by step, half as long again as the recipes' trainings."""
    training = _begin(Cell(_FLOAT64, 0, examples, width, steps, data), seed, nf.nn.recipe(_FLOAT64))
    curve = {}
    for step in range(1, steps + steps // 2 + 1):
        training.step()
        if step % _LOOK == 0 or step == steps:
            curve[step] = Losses(training.train_set().loss, training.test_set().loss)
    return curve


def _begin(cell: Cell, seed: int, recipe: Any, pushed: int = 0) -> Any:
    return _trainable(cell.examples, cell.width, cell.data).begin(recipe, seed + cell.run, pushed=pushed)


@functools.lru_cache(maxsize=2)
def _trainable(examples: int, width: int, data: str) -> Any:
    """Data of which few are learnt from, and all others tested."""
    from ..drift.engine import EngineTrainable  # here, so that listing the studies loads no compiler

    trainable = nf.drift.Config(data=data, width=width, lr=0.1, batch=20, seeds=1).trainable()

    def setup(seed: int, generator: Any) -> Any:
        made = trainable.setup(seed, generator)
        of, n = made.data, examples
        x, y = (np.concatenate(pair) for pair in ((of.train_x[n:], of.test_x), (of.train_y[n:], of.test_y)))
        few = replace(of, train_x=of.train_x[:n], train_y=of.train_y[:n], test_x=x, test_y=y)
        return made._replace(data=few)

    return EngineTrainable(setup, trainable.batch, trainable.digest)


def _stopped(curve: Sequence[Losses], train: float) -> float | None:
    """float64's test loss where its training loss was `train`, on the line between two looks; None beyond them."""
    for before, after in pairwise(curve):
        if before.train >= train > after.train:
            return before.test + (after.test - before.test) * (before.train - train) / (before.train - after.train)
    return None


# -------------------------------------------------------------------------------------------------------- what is seen
def _effects(rows: Sequence[Row], against: str) -> dict[str, Any]:
    """recipe -> interval of ln(test loss / float64's), all at once; it begins with the mean, then its ends."""
    from ..drift.inference import interval, log_of

    found, recipes = {}, distinct(rows, "recipe")
    for recipe in recipes:
        of = [row for row in where(rows, recipe=recipe) if row[against] is not None]
        known = interval([log_of(number(r, "test_loss")) - log_of(number(r, against)) for r in of], len(recipes))
        if known is not None:
            found[recipe] = known
    return found


def _percent(logarithm: float) -> float:
    from ..drift.inference import change

    return 100.0 * change(logarithm)


def checks(rows: Sequence[Row]) -> list[Check]:
    """The null has no effect, and mixed bfloat16 none that is larger than it; what stays without stopping early."""
    whole = Params()
    if not rows or any(rows[0][key] != getattr(whole, key) for key in ("examples", "width", "steps", "data")):
        return []
    return [*_of_ends(_effects(rows, "float64_test")), *_of_stopped(_effects(rows, "float64_stopped"))]


def _of_ends(effects: dict[str, Any]) -> list[Check]:
    """Against float64 at the last step."""
    found = []
    for recipe, limit in (("null", 0.5), ("bf16-mixed", 0.5), ("bf16-pure-sr", 2.0)):
        if recipe in effects:
            low, high = (_percent(end) for end in effects[recipe][1:3])
            found.append(
                at_most(f"{recipe}: farthest end of the test loss's interval in %", max(-low, high), limit, MODEL)
            )
            power = _percent(effects[recipe].detectable)
            found.append(at_most(f"{recipe}: least change of the test loss that is found in %", power, limit, MODEL))
    limits = {"bf16-pure": (5.0, 2.0), "e5m2 tensors, stochastic": (-2.6, 2.0)}
    for recipe, (value, off) in limits.items():
        if recipe in effects:
            name = f"{recipe}: change of the test loss in %"
            found.append(within(name, _percent(effects[recipe][0]), value, MODEL, absolute=off))
    return found


def _of_stopped(effects: dict[str, Any]) -> list[Check]:
    """Against float64 stopped at the same training loss."""
    found = []
    if "bf16-pure" in effects:
        name = "bf16-pure: change against float64 stopped as early in %"
        found.append(within(name, _percent(effects["bf16-pure"][0]), 2.3, MODEL, absolute=2.0))
    return found


def findings(rows: Sequence[Row]) -> list[str]:
    """A sentence per recipe: its effect, or how large it would have to be; and what stopping early explains."""
    ends, stopped = _effects(rows, "float64_test"), _effects(rows, "float64_stopped")
    found = []
    for recipe, known in ends.items():
        low, high = _percent(known.low), _percent(known.high)
        told = f"{recipe}: test loss {_percent(known[0]):+.2g} % [{low:+.2g}, {high:+.2g}] against float64's"
        told += f", {('lower', 'no difference', 'higher')[known.side + 1]}"
        if not known.side:
            told += f" larger than {_percent(known.detectable):.2g} %, which four of five such experiments would show"
        if recipe in stopped:
            low, high = _percent(stopped[recipe].low), _percent(stopped[recipe].high)
            told += f"; against float64 stopped at the same training loss [{low:+.2g}, {high:+.2g}] %"
        found.append(told + ".")
    return found


def plots(rows: Sequence[Row]) -> list[Plot]:
    """Test loss against training loss, a point per run, and float64's."""
    series = [Series(recipe, _ends(where(rows, recipe=recipe))) for recipe in distinct(rows, "recipe")]
    if not series:
        return []
    seen = {row["run"]: row for row in rows}.values()
    series.append(Series(_FLOAT64, sorted((number(r, "float64_train"), number(r, "float64_test")) for r in seen)))
    caption = "A recipe that regularises ends below float64 at the same training loss, not to its right."
    how = "Losses over all examples at the last step, in float64; a point is a run."
    title, x = "Test loss against training loss", "training loss"
    return [Plot("losses", title, x, "test loss", [Panel("", series)], caption, how, log_x=False, log_y=False)]


def _ends(rows: Sequence[Row]) -> list[tuple[float, float]]:
    return sorted((number(row, "train_loss"), number(row, "test_loss")) for row in rows)


STUDY = Study(
    name="regularisation",
    title="Does low precision regularise?",
    question="Is the test loss lower because tensors were rounded, or is nothing to be seen, and at what power?",
    method="200 digits are learnt (64-64-10, SGD, rate 0.1, batch 20, 800 steps) and 1597 tested, from ten seeds under "
    "each recipe and in float64; differences are of the same seed.",
    sources=(
        "C. M. Bishop, Training with noise is equivalent to Tikhonov regularization, Neural Computation 7, 1995",
        "J. Cohen, Statistical power analysis for the behavioral sciences, 2nd ed., 1988",
    ),
    see="Mixed bfloat16 leaves the test loss as it is; stochastic E5M2 takes 3 % off",
    seconds=38,
    params=Params(),
    small=Params(("null", "bf16-pure"), 2, 40, 8, 6, "blobs"),
    cells=cells,
    measure=measure,
    checks=checks,
    findings=findings,
    plots=plots,
)
