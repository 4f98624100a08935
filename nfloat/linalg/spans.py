"""How far the exponents in a tile's rows and columns span, and which tiles ``kernels/gemm_short.py`` may do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels.gemm_pack import spans
from .facts import Facts
from .route import Candidate, Problem

#: with fewer tiles than this share, other kernels do the whole product faster
_WORTHWHILE = 0.85


def _spans(x: NDArray[np.floating], facts: Facts, width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of groups of `width` columns of a C- or Fortran-contiguous matrix (k, n): the greatest span of a column, and the top."""
    codes = x.view(np.uint32 if x.itemsize == 4 else np.uint64)
    codes.flags.writeable = False
    span, top = np.empty((2, -(-x.shape[1] // width)), np.int64)
    spans(codes, int(facts.digits), width, span, top)
    return span, top


def marks(candidate: Candidate, a: NDArray, b: NDArray, problem: Problem) -> NDArray[np.bool_] | None:
    """The tiles (rows, panels) with a product of 2^53 quanta of its sum or more, or None if these are too many."""
    span_a, top_a = _spans(a.T, problem.a, candidate.shape.rows)
    span_b, top_b = _spans(b, problem.b, candidate.shape.width)
    wide = np.add.outer(span_a, span_b) > 53
    if problem.c.top > 0:  # sums are multiples of c's quantum, if that is the lesser one
        wide |= np.add.outer(top_a, top_b) > problem.c.quantum + 53
    return None if np.count_nonzero(wide) > (1 - _WORTHWHILE) * wide.size else wide
