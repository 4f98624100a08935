"""The verdict on each recipe, of all seeds together: what its loss does, and what its weights' path does.

At each seed the recipe's final training loss stands against those of float64 and of its null (``members.py``): the
logarithm of the ratio to their geometric mean. The mean of these over the seeds has an interval (``inference.py``), and

* diverged: at some seed the loss is not finite, or ended above where it began, and float64's did not;
* worse, better: the interval lies above, below zero;
* not distinguishable: it holds zero, or the recipe's every loss is float64's to the bit;
* undecided: fewer than two seeds are there to compare (one was asked for, or float64 itself diverged);
* incomplete: not all seeds have run.

In a training that amplifies every rounding until nothing is left of the start, recipe, float64 and null are all alike,
and the interval is as wide as their spread; where it does not, seed by seed the differences are small and so is it.

The path is a statement of its own: whether the weights are farther from float64's than the null's are.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .. import nn
from .comparison import Comparison
from .inference import Interval, interval, log_of
from .members import ROUNDINGS, TWIN, null_name, precision_of, rounding_name, rounds, seeds
from .rows import LAST_METRIC, MODEL, Row

WORDS = ("not distinguishable", "better", "worse", "diverged", "undecided", "incomplete")


class End(NamedTuple):
    """Where one run stands: its first and last training loss, and the distance of its weights from float64's."""

    first: float
    loss: float
    path: float | None
    complete: bool

    @property
    def diverged(self) -> bool:
        """Whether the loss is not finite, or higher than it was at the start."""
        return not math.isfinite(self.loss) or self.loss > self.first


Ends = Mapping[tuple[str, int], End]


class Verdict(NamedTuple):
    """What may be said of a recipe, and by what."""

    word: str
    #: of ln(loss / float64's), and of ln(path / the null's)
    effect: Interval | None
    path: Interval | None
    #: seeds at which it diverged and float64 did not
    diverged: tuple[int, ...]
    #: standard deviation of ln(loss) over other random bits at one seed
    rounding_spread: float | None
    #: the null's distances from float64's path
    null_path: float | None


def ends_of(rows: Iterable[Row]) -> dict[tuple[str, int], End]:
    """(name, seed) -> where that run began and stands."""
    found: dict[tuple[str, int], End] = {}
    empty = End(math.nan, math.nan, None, False)
    for row in rows:
        if row["layer"] != MODEL:
            continue
        key, value = (row["recipe"], row["seed"]), row["value"]
        before = found.get(key, empty)
        if row["metric"] == "train_loss":
            first = value if math.isnan(before.first) else before.first
            found[key] = before._replace(first=first, loss=value)
        elif row["metric"] == "path_distance":
            found[key] = before._replace(path=value)
        elif row["metric"] == LAST_METRIC:
            found[key] = before._replace(complete=True)
    return found


def verdict_of(config: Comparison, name: str, ends: Ends) -> Verdict:
    """The verdict on one recipe of the configuration."""
    recipe, all_seeds = nn.recipe(name), seeds(config)
    null = null_name(precision_of(recipe)) if rounds(recipe) else TWIN
    runs = [[ends.get((who, seed)) for seed in all_seeds] for who in (name, TWIN, null)]
    if any(end is None or not end.complete for of in runs for end in of):
        return Verdict("incomplete", None, None, (), None, None)
    triples = list(zip(*runs, strict=True))
    diverged = tuple(seed for seed, (own, twin, _) in zip(all_seeds, triples, strict=True) if _alone(own, twin))
    sound = [of for of in triples if not any(end.diverged for end in of)]
    effect = interval([effect_of(*of) for of in sound], comparisons(config))
    paths = [log_of(own.path) - log_of(base.path) for own, _, base in sound if own.path and base.path]
    path = interval(paths, comparisons(config))
    same = all(own.loss == twin.loss for own, twin, _ in sound)
    word = _word(diverged, effect, same=same)
    null_path = statistics.fmean([base.path or 0.0 for _, _, base in sound]) if sound else None
    return Verdict(word, effect, path, diverged, _rounding_spread(config, name, ends), null_path)


def effect_of(own: End, twin: End, null: End) -> float:
    """ln of the loss over the geometric mean of float64's and the null's."""
    return log_of(own.loss) - (log_of(twin.loss) + log_of(null.loss)) / 2.0


def comparisons(config: Comparison) -> int:
    """How many verdicts of a run can be wrong by chance."""
    return max(1, len([name for name in config.recipes if rounds(nn.recipe(name))]))


def seed_spread(config: Comparison, ends: Ends) -> float | None:
    """Standard deviation of the logarithm of float64's loss from seed to seed."""
    logs = [log_of(end.loss) for seed in seeds(config) if (end := ends.get((TWIN, seed))) and not end.diverged]
    return statistics.stdev(logs) if len(logs) > 1 else None


def _alone(own: End, twin: End) -> bool:
    return own.diverged and not twin.diverged


def _word(diverged: tuple[int, ...], effect: Interval | None, *, same: bool) -> str:
    if diverged:
        return "diverged"
    if effect is None:
        return "undecided"
    if same or effect.side == 0:
        return "not distinguishable"
    return "worse" if effect.side > 0 else "better"


def _rounding_spread(config: Comparison, name: str, ends: Ends) -> float | None:
    names = [name, *(rounding_name(name, k) for k in range(1, ROUNDINGS + 1))]
    found = [end for who in names if (end := ends.get((who, config.seed))) is not None and math.isfinite(end.loss)]
    return statistics.stdev([log_of(end.loss) for end in found]) if len(found) == len(names) else None
