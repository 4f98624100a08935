"""The ensemble: the runs beside the measured ones from which the noise is known. Which there are, and what each is.

For every seed there is a `TWIN` (float64), every recipe, and a *null* per precision: float64 once more, its initial
weights moved by one unit roundoff of that precision, each up or down at random. What float64 does after so small a
push is what any rounding of that size may do without being better or worse; a recipe is judged against the null of its
coarsest tensor (``verdicts.py``). Recipes that round stochastically are trained on the first seed with other random
bits too: the spread that the rounding alone makes.

A member's rows are of the model as a whole. Those of the first seed's recipes are measured in detail instead
(``twin.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from .. import nn
from .comparison import Comparison

#: the name of the float64 run of each seed
TWIN = "float64 twin"

#: further roundings of a stochastic recipe, on the first seed
ROUNDINGS = 2

#: the fields in which recipes may differ that round alike
_LABELS = ("name", "source")


@dataclass(frozen=True)
class Member:
    """One run of an ensemble: the name under which its rows stand, and how it is trained."""

    name: str
    seed: int
    recipe: str = "float64"
    #: with one place of the recipe changed (``ablation.py``): how, and which
    how: str = ""
    place: str = ""
    #: where that place is some of the model's layers: all of these
    layers: tuple[str, ...] = ()
    #: initial weights are moved by 2^-pushed of their size; 0: they are not
    pushed: int = 0
    #: which of the streams of random bits it rounds by; 0 is that of the measured run
    rounding: int = 0


def null_name(precision: int) -> str:
    """The name of the float64 run that starts one unit roundoff away.

    Examples
    --------
    >>> null_name(8)
    'float64 moved by 2^-8'
    """
    return f"float64 moved by 2^-{precision}"


def rounding_name(recipe: str, rounding: int) -> str:
    """The name of a recipe's run with other random bits."""
    return f"{recipe} rounding {rounding}"


def seeds(config: Comparison) -> range:
    """The seeds of a run."""
    return range(config.seed, config.seed + config.seeds)


def rounds(recipe: nn.Recipe) -> bool:
    """Whether a recipe differs from float64 in anything but its name."""
    exact = nn.recipe("float64")
    kept = (field.name for field in fields(exact) if field.name not in _LABELS)
    return any(getattr(recipe, name) != getattr(exact, name) for name in kept)


def precision_of(recipe: nn.Recipe) -> int:
    """Significand bits of the recipe's coarsest tensor.

    Examples
    --------
    >>> precision_of(nn.recipe("bf16-mixed")), precision_of(nn.recipe("tf32"))
    (8, 11)
    """
    return min(cast.precision for cast in recipe.casts)


def is_stochastic(recipe: nn.Recipe) -> bool:
    """Whether a recipe draws random bits."""
    return recipe.stochastic


def keeps_updates(recipe: nn.Recipe) -> bool:
    """Whether an update too small for a weight is not lost: in the mean over random bits, or in a compensation.

    Examples
    --------
    >>> [keeps_updates(nn.recipe(name)) for name in ("bf16-pure", "bf16-pure-sr", "bf16-pure-kahan")]
    [False, True, True]
    """
    return recipe.weights.stochastic or recipe.compensation is not None


def members(config: Comparison) -> Iterator[Member]:
    """Every member of the ensemble, seed by seed, in the order in which their rows stand."""
    recipes = {name: nn.recipe(name) for name in config.recipes}
    levels = sorted({precision_of(recipe) for recipe in recipes.values() if rounds(recipe)}, reverse=True)
    for seed in seeds(config):
        yield Member(TWIN, seed)
        yield from (Member(null_name(level), seed, pushed=level) for level in levels)
        if seed > config.seed:
            yield from (Member(name, seed, name) for name in recipes)
        else:
            for name in (name for name, recipe in recipes.items() if is_stochastic(recipe)):
                yield from (Member(rounding_name(name, k), seed, name, rounding=k) for k in range(1, ROUNDINGS + 1))
