"""Folds by the plain rule: one operation applied along rows, every step rounded: ``ufunc.reduce``, ``accumulate`` and ``at``."""

from __future__ import annotations

import numpy as np

from ..formats.rounding import Rounding
from .arithmetic import compute
from .elementwise import WORDS
from .jit import kernel
from .rng import word64
from .scalar import load_spec

_STOCHASTIC = Rounding.STOCHASTIC.tag


@kernel(f"void(int64, float64[:, ::1], float64[:, ::1], boolean, boolean, {WORDS}, uint64)")
def fold_rows(op, x, out, every, unsigned_zero, words, key):  # noqa: ANN001, ANN201
    """s = op(s, x[i, k]) rounded, k ascending from s = x[i, 0]; out[i, k] is each s if `every`, else out[i, 0] the last.

    The step to element (i, k) uses the random bits of that element's number.
    """
    spec = load_spec(words)
    stochastic = spec.mode >= _STOCHASTIC
    rows, columns = x.shape
    for i in range(rows):
        s = x[i, 0]
        out[i, 0] = s
        for k in range(1, columns):
            random = word64(i * columns + k, key) if stochastic else np.uint64(0)
            s = compute(op, s, x[i, k], s, unsigned_zero, spec, random)
            out[i, k if every else 0] = s


@kernel(f"void(int64, float64[::1], int64[::1], float64[::1], boolean, {WORDS}, uint64)")
def fold_at(op, x, places, y, unsigned_zero, words, key):  # noqa: ANN001, ANN201
    """x[places[k]] = op(x[places[k]], y[k]) rounded, k ascending, in place; step k uses the random bits of number k."""
    spec = load_spec(words)
    stochastic = spec.mode >= _STOCHASTIC
    for k in range(places.size):
        random = word64(k, key) if stochastic else np.uint64(0)
        i = places[k]
        x[i] = compute(op, x[i], y[k], x[i], unsigned_zero, spec, random)
