"""Laws: the slope with which a measure grows, fitted to each run of its own, and Student's interval of their mean.

`slope` of log2(y) over x, so that y ~ 2^(slope x); `power` of log2(y) over log2(x), so that y ~ x^power. Runs differ in
what they draw, so that the interval says how far the law depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..runs.rows import Row
from .selection import number

_LN2 = 0.6931471805599453

#: runs from which an interval is worth its name
LEAST_RUNS = 3


class Law(NamedTuple):
    """A slope's mean over the runs, and the interval that holds it with 99 %."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def slope(rows: Sequence[Row], x: str, y: str) -> Law | None:
    """y ~ 2^(slope x): None where fewer than three runs have two points each.

    Examples
    --------
    >>> rows = [{"run": run, "bits": p, "error": 3.0 * 2.0**-p} for run in range(3) for p in (4, 8)]
    >>> str(slope(rows, "bits", "error"))
    '-1.000 [-1.000, -1.000]'
    """
    return _law([[(_LN2 * number(row, x), number(row, y)) for row in run] for run in _runs(rows)])


def power(rows: Sequence[Row], x: str, y: str) -> Law | None:
    """y ~ x^power: None where fewer than three runs have two points each.

    Examples
    --------
    >>> rows = [{"run": run, "depth": d, "error": d**0.5} for run in range(3) for d in (1, 2, 4)]
    >>> str(power(rows, "depth", "error"))
    '0.500 [0.500, 0.500]'
    """
    from ..drift.inference import log_of  # here, so that listing the studies loads no compiler

    return _law([[(log_of(number(row, x)), number(row, y)) for row in run] for run in _runs(rows)])


def _runs(rows: Iterable[Row]) -> list[list[Row]]:
    found: dict[object, list[Row]] = {}
    for row in rows:
        found.setdefault(row["run"], []).append(row)
    return list(found.values())


def _law(runs: Iterable[Sequence[tuple[float, float]]]) -> Law | None:
    from ..drift.inference import interval
    from ..drift.metrics import growth_rate

    slopes = [found for run in runs if (found := growth_rate(run)) is not None and math.isfinite(found)]
    known = interval(slopes) if len(slopes) >= LEAST_RUNS else None
    return None if known is None else Law(*known[:3])
