"""Folds by the plain rule (``ufunc.reduce``, ``accumulate``, ``at``): one operation along rows, every step rounded."""

from __future__ import annotations

import numpy as np

from ..jit import kernel
from ..rng import word64
from ..rounding.arrays import SPEC
from ..rounding.scalar import load_spec
from .results import compute


@kernel(
    f"boolean(int64, float64[:, ::1], boolean[:, ::1], float64[::1], float64[:, ::1], boolean, boolean, {SPEC}, "
    "int64, int64)"
)
def fold_rows(op, x, chosen, initial, out, every, unsigned_zero, spec_array, key, first):
    """s = op(s, x[i, k]) rounded, k ascending; out[i, k] is each s if `every`, else out[i, 0] the last.

    False: a row had nothing.

    s starts at initial[0], or where `initial` is empty at the row's first element. Elements with chosen[i, k] False
    are passed over (empty: all are chosen). The step to element (i, k) uses the random bits of that element's number in
    its array, where x[0, 0] is number `first`.
    """
    spec = load_spec(spec_array)
    stochastic = spec.draws
    rows, columns = x.shape
    complete = True
    for i in range(rows):
        started = initial.size > 0
        s = initial[0] if started else 0.0
        for k in range(columns):
            if chosen.size > 0 and not chosen[i, k]:
                continue
            if started:
                random = word64(first + i * columns + k, key) if stochastic else np.uint64(0)
                s = compute(op, s, x[i, k], s, unsigned_zero, spec, random)
            else:
                s, started = x[i, k], True
            if every:
                out[i, k] = s
        if not every:
            out[i, 0] = s
        complete = complete and started
    return complete


@kernel(f"void(int64, float64[::1], int64[::1], float64[::1], boolean, {SPEC}, int64, int64)")
def fold_at(op, x, places, y, unsigned_zero, spec_array, key, first):
    """x[places[k]] = op(x[places[k]], y[k]) rounded, k ascending, in place.

    Step k uses the random bits of number first + k.
    """
    spec = load_spec(spec_array)
    stochastic = spec.draws
    for k in range(places.size):
        random = word64(first + k, key) if stochastic else np.uint64(0)
        i = places[k]
        x[i] = compute(op, x[i], y[k], x[i], unsigned_zero, spec, random)
