"""The statistics behind a verdict: whether the mean of paired differences is other than zero, and what would show.

`interval` is Student's t of paired differences (one per seed: initial weights and batches are the pair's, so that what
they do cancels), each recipe's made wider so that all of a page hold at once (Bonferroni). `detectable` is its power
turned round: the effect that would have been found in four runs of five (noncentral t). Differences are logarithms of
ratios of losses, since losses are positive and a run that is twice as bad is as far off as one that is twice as good.

SciPy's quantiles are rounded to nine digits at once, since their last ones depend on the machine and its version.

Sources: Student 1908, Biometrika 6(1); Dunn 1961, J. Am. Stat. Assoc. 56(293), for several comparisons; Cohen 1988,
Statistical Power Analysis, 2.3; Bouthillier et al. 2021 (arXiv:2103.03098) on seeds as the pairs of such comparisons.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..nn.elementary import exp, log

#: with this probability no recipe of a run is called worse or better that is neither. High, since a verdict shall not
#: depend on the seed from which a run starts
CONFIDENCE = 0.99
#: the probability with which an effect of the size `detectable` is found
POWER = 0.8


class Interval(NamedTuple):
    """A mean of logarithms and the bounds around it."""

    mean: float
    low: float
    high: float
    #: two-sided, times the number of comparisons
    p_value: float
    #: the smallest mean that `POWER` of such samples would tell from zero
    detectable: float

    @property
    def side(self) -> int:
        """1 above zero, -1 below, 0 where the interval holds zero."""
        return (self.low > 0.0) - (self.high < 0.0)


def interval(differences: Sequence[float], comparisons: int = 1) -> Interval | None:
    """Student's interval of the mean of paired differences, simultaneous over `comparisons` (Bonferroni).

    Parameters
    ----------
    differences : sequence of float
        Finite, one per pair. None is the answer for fewer than two.
    comparisons : int
        How many intervals shall hold at once with probability `CONFIDENCE`.

    Examples
    --------
    >>> found = interval([0.9, 1.1, 1.0, 1.2, 0.8])
    >>> round(found.mean, 3), round(found.low, 3), round(found.high, 3), found.side
    (1.0, 0.674, 1.326, 1)
    """
    n = len(differences)
    if n < 2:
        return None
    special = _scipy_special()
    mean, error = _mean_and_error(differences)
    wide = _digits(-special.stdtrit(n - 1, (1.0 - CONFIDENCE) / (2.0 * comparisons)))
    if error == 0.0:
        return Interval(mean, mean, mean, 0.0 if mean else 1.0, 0.0)
    p_value = min(1.0, _digits(comparisons * 2.0 * special.stdtr(n - 1, -abs(mean) / error)))
    return Interval(mean, mean - wide * error, mean + wide * error, p_value, _noncentrality(wide, n - 1) * error)


def upper_bound(differences: Sequence[float], confidence: float) -> float | None:
    """The bound below which the mean of paired differences lies with that confidence (Student's t, one-sided).

    Examples
    --------
    >>> round(upper_bound([0.9, 1.1, 1.0, 1.2, 0.8], 0.95), 3), upper_bound([1.0], 0.95)
    (1.151, None)
    """
    n = len(differences)
    if n < 2:
        return None
    mean, error = _mean_and_error(differences)
    return mean + _digits(-_scipy_special().stdtrit(n - 1, 1.0 - confidence)) * error


def _mean_and_error(differences: Sequence[float]) -> tuple[float, float]:
    """The mean, and its standard error."""
    n = len(differences)
    return statistics.fmean(differences), statistics.stdev(differences) / math.sqrt(n)


@lru_cache(maxsize=64)
def _noncentrality(wide: float, freedom: int) -> float:
    """How many standard errors the true mean must be from zero for |t| > `wide` with probability `POWER`."""
    low, high, share_within = 0.0, 10.0 * wide, _scipy_special().nctdtr
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if 1.0 - share_within(freedom, middle, wide) < POWER else (low, middle)
    return _digits((low + high) / 2.0)


def _digits(value: float) -> float:
    return float(f"{value:.9g}")


def log_of(value: float) -> float:
    """The natural logarithm, of the least positive number where the value is zero.

    Examples
    --------
    >>> log_of(1.0)
    0.0
    """
    return float(log(np.asarray([max(value, 5e-324)]))[0])


def change(logarithm: float) -> float:
    """The relative change that a difference of logarithms is: 0.1 for 10 % more.

    Examples
    --------
    >>> change(0.0), round(change(log_of(1.5)), 12)
    (0.0, 0.5)
    """
    # beyond these float64 has no such factor
    return float(exp(np.asarray([min(max(logarithm, -700.0), 700.0)]))[0]) - 1.0


def _scipy_special() -> Any:  # SciPy has no types; the distributions of scipy.stats are these, and load for a second
    from scipy import special

    return special
