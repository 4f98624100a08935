"""Means, medians and bounds of values some of which are NaN: those are left out, and counted.

NaN compares with nothing, so a median or a minimum taken over it depends on the order of the values.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable


def known(values: Iterable[float]) -> list[float]:
    """The values that are not NaN, in their order.

    Examples
    --------
    >>> known([1.0, float("nan"), float("inf")])
    [1.0, inf]
    """
    return [value for value in values if not math.isnan(value)]


def left_out(values: Iterable[float]) -> int:
    """How many values are NaN."""
    return len([value for value in values if math.isnan(value)])


def mean(values: Iterable[float]) -> float | None:
    """The mean of the values that are not NaN; None if there is none.

    Examples
    --------
    >>> mean([1.0, float("nan"), 2.0]), mean([float("nan")])
    (1.5, None)
    """
    there = known(values)
    return statistics.fmean(there) if there else None


def median(values: Iterable[float]) -> float | None:
    """The median of the values that are not NaN; None if there is none.

    Examples
    --------
    >>> median([3.0, float("nan"), 1.0, 2.0])
    2.0
    """
    there = known(values)
    return statistics.median(there) if there else None


def least(values: Iterable[float]) -> float | None:
    """The least of the values that are not NaN; None if there is none."""
    return min(known(values), default=None)


def at(values: Iterable[float], place: float) -> float | None:
    """The quantile of the values that are not NaN, one of them (no interpolation); None if there is none.

    Examples
    --------
    >>> at([5.0, float("nan"), 1.0, 3.0], 0.5)
    3.0
    """
    there = sorted(known(values))
    return there[min(len(there) - 1, int(place * len(there)))] if there else None
