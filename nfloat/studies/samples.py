"""Random data of the studies, drawn by name: equal names give equal numbers, whatever else a study measures.

So all formats and orders of a study see the same numbers, and a cell measured alone sees those it sees in the whole
grid.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import nfloat as nf

#: name -> what it is, in words
DISTRIBUTIONS = {
    "mean_one": "U(1−√3, 1+√3): mean 1, standard deviation 1",
    "positive": "U(0, 1)",
    "symmetric": "U(−1, 1)",
    "normal": "N(0, 1)",
    "outliers": "N(0, 1), one in 128 times 64",
}


def draw(distribution: str, shape: tuple[int, ...], stream: nf.Stream) -> NDArray[np.float64]:
    """Numbers of a distribution by name, from the stream's key.

    Examples
    --------
    >>> import nfloat as nf
    >>> float(abs(draw("mean_one", (100_000,), nf.Stream(0)).mean() - 1.0).round(1))
    0.0
    """
    generator = np.random.default_rng(stream.key)
    if distribution in ("normal", "outliers"):
        from ..ops.normal import standard_normal  # here, so that listing the studies loads no compiler

        x = standard_normal(generator, shape)
        if distribution == "outliers":
            x *= np.where(generator.random(shape) < 1 / 128, 64.0, 1.0)
        return x
    low, high = {"mean_one": (1 - math.sqrt(3), 1 + math.sqrt(3)), "positive": (0.0, 1.0), "symmetric": (-1.0, 1.0)}[
        distribution
    ]
    return low + (high - low) * generator.random(shape)


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean, and standard deviation of the sample: None of a single value or where one is not finite.

    Both are computed exactly and rounded once, so that they do not depend on the machine.

    Examples
    --------
    >>> mean_and_sd([1.0, 3.0]), mean_and_sd([1.0, float("inf")])
    ((2.0, 1.4142135623730951), (inf, None))
    """
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return statistics.fmean(values), None
    return statistics.fmean(values), statistics.stdev(values)
