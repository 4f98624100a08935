"""A run in one dict per recipe, and what may be concluded from it. Reads rows only; measures nothing.

The words for a conclusion are fixed here, with their thresholds, so that table, page and captions say the same:

* follows: final training loss within `LOSS_LIMIT` of float64's, weights within `PATH_LIMIT` of its path;
* wanders: the loss is, but the weights have left the path (other rounding errors, an equally good place);
* drifts: the loss is off by more;
* diverged: the loss is not finite, or the run ended worse than it began.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import TypedDict

from .config import Config
from .rows import MODEL, Key, Row, by_series

#: a final loss this far (relative) from float64's is drift: twice what another seed of stochastic rounding changes
#: (0.4 % on the default run), and far beyond what mixed precision with a master copy does (0.02 %)
LOSS_LIMIT = 0.008
#: weights this far from the float64 path, in units of the way it has gone, have left it
PATH_LIMIT = 0.02


class Summary(TypedDict):
    """One recipe's run. None: not measured (the run is incomplete, or there was nothing to count)."""

    recipe: str
    step: int
    train_loss: float | None
    train_loss_gap: float | None
    loss_ratio: float | None
    test_error: float | None
    path_distance: float | None
    grad_error: float | None
    grad_cosine: float | None
    stagnation: float | None
    underflow: float | None
    overflow: float | None
    skipped: float | None
    verdict: str


def summarise(config: Config, rows: Iterable[Row]) -> list[Summary]:
    """One summary per recipe that has rows, in the configuration's order.

    `train_loss` ... `path_distance` are the last ones; `grad_error` and `stagnation` are medians and means over the
    measured steps of the whole model; `grad_cosine` is the least; `underflow` and `overflow` are the means of the
    tensor where they are highest; `skipped` counts updates that loss scaling left out.
    """
    series = by_series(rows)
    present = {key.recipe for key in series}
    return [_one(name, series) for name in config.recipes if name in present]


def entry(item: Summary, key: str) -> float | str | None:
    """What a summary says under a key."""
    value = dict(item)[key]
    return value if isinstance(value, int | float | str) else None


def measured(item: Summary, key: str) -> float | None:
    """The number that a summary has under a key."""
    value = entry(item, key)
    assert not isinstance(value, str), f"{key} of {item['recipe']} is no number"
    return value


def recovery(summaries: Iterable[Summary], recipe: str, base: str) -> float | None:
    """The share of the loss gap of `base` that `recipe` wins back: 1 all, 0 nothing; None if either is not there.

    Examples
    --------
    >>> recovery([{"recipe": "a", "train_loss_gap": 0.2}, {"recipe": "a-sr", "train_loss_gap": 0.02}], "a-sr", "a")
    0.9
    """
    gaps = {item["recipe"]: item["train_loss_gap"] for item in summaries}
    lost, left = gaps.get(base), gaps.get(recipe)
    return None if not lost or left is None else 1.0 - abs(left) / abs(lost)


def _one(name: str, series: Mapping[Key, list[tuple[int, float]]]) -> Summary:
    def of(tensor: str, metric: str) -> list[float]:
        return [value for _, value in series.get(Key(name, MODEL, tensor, metric), [])]

    loss, gap = _last(of("loss", "train_loss")), _last(of("loss", "train_loss_gap"))
    first, path = _first(of("loss", "train_loss")), _last(of("weights", "path_distance"))
    ratio = _against(loss, gap)
    return Summary(
        recipe=name,
        step=max(step for key, points in series.items() if key.recipe == name for step, _ in points),
        train_loss=loss,
        train_loss_gap=gap,
        loss_ratio=ratio,
        test_error=_last(of("loss", "test_error")),
        path_distance=path,
        grad_error=_over(statistics.median, of("weights.grad", "relative_error")),
        grad_cosine=_over(min, of("weights.grad", "cosine")),
        stagnation=_over(statistics.fmean, of("weights", "stagnation")),
        underflow=_highest(name, "underflow", series),
        overflow=_highest(name, "overflow", series),
        skipped=_over(math.fsum, of("loss", "skipped")),
        verdict=_verdict(loss, first, ratio, path),
    )


def _against(loss: float | None, gap: float | None) -> float | None:
    """The loss in units of the reference's."""
    if loss is None or gap is None:
        return None
    if not math.isfinite(loss):
        return loss
    return None if loss == gap else loss / (loss - gap)


def _verdict(loss: float | None, first: float | None, ratio: float | None, path: float | None) -> str:
    if loss is None or first is None or ratio is None or path is None:
        return "incomplete"
    if not math.isfinite(loss) or loss > first:
        return "diverged"
    if abs(ratio - 1.0) > LOSS_LIMIT:
        return "drifts"
    return "wanders" if path > PATH_LIMIT else "follows"


def _highest(name: str, metric: str, series: Mapping[Key, list[tuple[int, float]]]) -> float | None:
    means = [
        statistics.fmean(value for _, value in points)
        for key, points in series.items()
        if key.recipe == name and key.metric == metric
    ]
    return max(means, default=None)


def _over(function: Callable[[list[float]], float], values: list[float]) -> float | None:
    return function(values) if values else None


def _first(values: list[float]) -> float | None:
    return values[0] if values else None


def _last(values: list[float]) -> float | None:
    return values[-1] if values else None
