"""One kernel for many products of a kind: matrices of a stack, pieces of a matrix of windows.

Chosen by what is known of all operands together, which is true of each: a kernel that is right for them is right for
every one of the products.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..accumulators import Accumulator
from .candidate import Candidate, Problem
from .dispatch import LANE
from .facts import ZEROS, Facts, survey
from .route import candidates

_INF = float("inf")


class Choice(NamedTuple):
    """A kernel, the body of it to run, and whether sums that are zero may lack their sign (`TileCall.ZEROS`)."""

    candidate: Candidate
    kind: int
    zeros: bool = False


def choose(
    a: NDArray[Any], b: NDArray[Any], c: NDArray[Any] | None, k: int, acc: Accumulator, *, known: bool = True
) -> Choice | None:
    """The first kernel that is right for sums of k products of these numbers; `known`: they are those to be multiplied.

    None: there is none that does without half lanes, random words, or a look at every tile.

    Examples
    --------
    >>> numbers = np.ones((2, 3), np.float32)
    >>> choose(numbers, numbers, None, 3, Accumulator("bfloat16")).candidate.name
    'direct32'
    """
    problem: Problem | None = None
    for candidate in candidates(acc):
        if candidate.bits == 16 or candidate.domains:
            return None
        if candidate.leftover:
            continue
        width = np.dtype(LANE[candidate.bits]).itemsize
        if candidate.unconditional and a.itemsize == b.itemsize == width and (c is None or c.itemsize <= width):
            return Choice(candidate, candidate.kind)
        if not known:
            return None
        problem = problem or Problem(_facts(a), _facts(b), ZEROS if c is None else _facts(c), k, lambda: _INF)
        kind = candidate.kind_for(problem)
        if kind >= 0 and not candidate.asks_tiles(problem):
            return Choice(candidate, kind, candidate.may_lack_signs(problem))
    return None


def _facts(x: NDArray[Any]) -> Facts:
    turned = x.swapaxes(-1, -2)  # a transpose is looked at as it lies
    return survey(turned if turned.flags.c_contiguous else np.ascontiguousarray(x))
