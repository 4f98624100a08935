"""A run in one dict per recipe: what was measured of the first seed, and the verdict of all. Reads rows only.

The words for a conclusion, and what they mean, stand in ``verdicts.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypedDict

from .. import nn
from . import centre
from .comparison import Comparison
from .inference import Interval, change
from .metrics import growth_rate
from .rows import MODEL, Key, Row, by_series
from .trouble import Trouble, first_trouble
from .verdicts import Verdict, ends_of, verdict_of


class Summary(TypedDict):
    """One recipe's run. None: not measured (the run is incomplete, or there was nothing to count)."""

    recipe: str
    step: int
    train_loss: float | None
    train_loss_gap: float | None
    loss_ratio: float | None
    test_error: float | None
    path_distance: float | None
    path_growth: float | None
    grad_error: float | None
    grad_cosine: float | None
    stagnation: float | None
    underflow: float | None
    overflow: float | None
    skipped: float | None
    left_out: int
    first_trouble: Trouble | None
    effect: float | None
    low: float | None
    high: float | None
    p_value: float | None
    detectable: float | None
    rounding_spread: float | None
    path_ratio: float | None
    path_low: float | None
    path_high: float | None
    path_verdict: str | None
    diverged_seeds: int | None
    verdict: str


def summarise(config: Comparison, rows: Sequence[Row]) -> list[Summary]:
    """One summary per recipe that has rows, in the configuration's order.

    Of the first seed: `train_loss` ... `path_distance` are the last ones; `grad_error` and `stagnation` are medians and
    means over the measured steps of the whole model; `grad_cosine` is the least; `underflow` and `overflow` are the
    means of the tensor where they are highest; `skipped` counts updates that loss scaling left out. Steps whose value
    is NaN are in none of these; `left_out` counts them. `path_growth` is the slope of ln(path distance) over the steps.

    Of all seeds: `effect` is the relative change of the loss against float64's, `low` and `high` its interval (all
    recipes' hold at once with ``inference.CONFIDENCE``), `detectable` the change that would have been found with
    probability ``inference.POWER``; `rounding_spread` the relative standard deviation over other random bits;
    `path_ratio` how many times farther from float64's path the weights end than the null's.
    """
    measured = [row for row in rows if row["seed"] == config.seed]
    series, ends = by_series(measured), ends_of(rows)
    present = [name for name in config.recipes if any(key.recipe == name for key in series)]
    return [_one(config, name, series, measured, verdict_of(config, name, ends)) for name in present]


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
    """The share of the effect of `base` on the loss that `recipe` wins back: 1 all, 0 nothing.

    None unless `base` is worse than float64, distinguishably, and `recipe` has an effect to compare.

    Examples
    --------
    >>> base = {"recipe": "a", "effect": 0.2, "verdict": "worse"}
    >>> recovery([base, {"recipe": "a-sr", "effect": 0.02, "verdict": "worse"}], "a-sr", "a")
    0.9
    """
    items = {item["recipe"]: item for item in summaries}
    if recipe not in items or base not in items or items[base]["verdict"] != "worse":
        return None
    lost, left = items[base]["effect"], items[recipe]["effect"]
    return None if not lost or left is None else 1.0 - abs(left) / lost


def _one(
    config: Comparison,
    name: str,
    series: Mapping[Key, list[tuple[int, float]]],
    rows: Sequence[Row],
    verdict: Verdict,
) -> Summary:
    def of(tensor: str, metric: str) -> list[float]:
        return [value for _, value in series.get(Key(name, MODEL, tensor, metric), [])]

    loss, gap = _last(of("loss", "train_loss")), _last(of("loss", "train_loss_gap"))
    errors = of("weights.grad", "relative_error")
    spread = verdict.rounding_spread
    return Summary(
        recipe=name,
        step=max(step for key, points in series.items() if key.recipe == name for step, _ in points),
        train_loss=loss,
        train_loss_gap=gap,
        loss_ratio=_against(loss, gap),
        test_error=_counted(_last(of("loss", "test_error"))),
        path_distance=_last(of("weights", "path_distance")),
        path_growth=growth_rate(series.get(Key(name, MODEL, "weights", "path_distance"), [])),
        grad_error=centre.median(errors),
        grad_cosine=centre.least(of("weights.grad", "cosine")),
        stagnation=centre.mean(of("weights", "stagnation")),
        underflow=_highest(name, "underflow", series),
        overflow=_highest(name, "overflow", series),
        skipped=_over(math.fsum, of("loss", "skipped")),
        left_out=centre.left_out(errors),
        first_trouble=first_trouble(rows, name, config.seed, nn.recipe(name)),
        **_changes(verdict.effect, verdict.path),  # type: ignore[typeddict-item]
        rounding_spread=None if spread is None else change(spread),
        path_verdict=_path_word(verdict.path),
        diverged_seeds=None if verdict.word == "incomplete" else len(verdict.diverged),
        verdict=verdict.word,
    )


def _changes(effect: Interval | None, path: Interval | None) -> dict[str, float | None]:
    """Intervals of logarithms as relative changes (of the loss) and ratios (of the path)."""
    found: dict[str, float | None] = dict.fromkeys(
        ("effect", "low", "high", "p_value", "detectable", "path_ratio", "path_low", "path_high")
    )
    if effect is not None:
        found |= {key: change(value) for key, value in zip(("effect", "low", "high"), effect[:3], strict=True)}
        found |= {"p_value": effect.p_value, "detectable": change(effect.detectable)}
    if path is not None:
        keys = ("path_ratio", "path_low", "path_high")
        found |= {key: 1.0 + change(value) for key, value in zip(keys, path[:3], strict=True)}
    return found


def _path_word(path: Interval | None) -> str | None:
    """What the weights' path says: against float64's that was moved a little at its start."""
    return None if path is None else ("as far as the null", "farther than the null", "nearer than the null")[path.side]


def _against(loss: float | None, gap: float | None) -> float | None:
    """The loss in units of the reference's."""
    if loss is None or gap is None:
        return None
    if not math.isfinite(loss):
        return loss
    return None if loss == gap else loss / (loss - gap)


def _highest(name: str, metric: str, series: Mapping[Key, list[tuple[int, float]]]) -> float | None:
    means = [
        centre.mean(value for _, value in points)
        for key, points in series.items()
        if key.recipe == name and key.metric == metric
    ]
    return max((value for value in means if value is not None), default=None)


def _over(function: Callable[[list[float]], float], values: list[float]) -> float | None:
    return function(values) if values else None


def _counted(share: float | None) -> float | None:
    """A share of right or wrong answers; None where nothing has an answer of that kind."""
    return None if share is None or math.isnan(share) else share


def _last(values: list[float]) -> float | None:
    return values[-1] if values else None
