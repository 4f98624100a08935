"""Elements and rows taken by number: `index` (arrays of numbers, truth values) and `embedding` (rows of a table).

Backward adds what was taken several times, in the order in which it was taken, in the recipe's accumulator for sums.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError, ShapeError
from ..precision import Floats, Precision
from .op import Example, Gradients, Needs, Op


def index(p: Precision, name: str, x: Floats, key: Any) -> tuple[Floats, Any]:
    """x[key] with arrays in the key, as NumPy has it."""
    try:
        places = np.arange(x.size).reshape(x.shape)[key]
    except IndexError as error:
        raise ShapeError(f"x of shape {x.shape} cannot be indexed: {error}") from None
    return x.reshape(-1)[places], (x.shape, places)


def index_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradients of an element's copies, added."""
    shape, places = kept
    return (_scattered(p, name, dy.reshape(-1, 1), places.reshape(-1), prod(shape)).reshape(shape),)


def embedding(
    p: Precision, name: str, w: Floats, indices: NDArray[np.integer[Any]], padding_idx: int | None = None
) -> tuple[Floats, Any]:
    """Rows of w (rows, features) by number: (...) -> (..., features). Rounded to activations, which w need not be."""
    if indices.dtype.kind not in "iu":
        raise ArgumentError(f"indices of type {indices.dtype} must be integers, the numbers of rows")
    wrong = (indices < 0) | (indices >= len(w))
    if wrong.any():
        raise ArgumentError(f"indices: {int(indices[wrong][0])} is not a row; w has the rows 0..{len(w) - 1}")
    return w[indices], (w.shape, indices, padding_idx)


def embedding_backward(p: Precision, name: str, kept: Any, dy: Floats, needs: Needs) -> Gradients:
    """The gradients of a row's copies, added; 0 for the row `padding_idx`."""
    (rows, features), indices, padding_idx = kept
    dw = _scattered(p, name, dy.reshape(-1, features), indices.reshape(-1), rows)
    if padding_idx is not None:
        dw[padding_idx] = 0.0
    return (dw,)


def _scattered(p: Precision, name: str, rows: Floats, places: NDArray[np.integer[Any]], count: int) -> Floats:
    """(count, n): row j is the sum of the rows (k, n) whose place is j; one sum for all places of one multiplicity."""
    order = np.argsort(places, kind="stable")
    found, starts, times = np.unique(places[order], return_index=True, return_counts=True)
    dx = np.zeros((count, rows.shape[1]), rows.dtype)
    for multiplicity in np.unique(times):
        chosen = times == multiplicity
        terms = rows[order[starts[chosen] + np.arange(multiplicity)[:, np.newaxis]]]  # (multiplicity, places, n)
        sums = p.sum_rows(name, terms.reshape(multiplicity, -1))
        if dx.dtype != sums.dtype:
            dx = dx.astype(np.result_type(dx, sums))
        dx[found[chosen]] = sums.reshape(-1, rows.shape[1])
    return dx


OPS = (
    Op("index", index, index_backward, exact=True,
       examples=(Example(attributes={"key": np.array([2, 0, 2])}),
                 Example(((2, 3, 4),), {"key": (slice(None), np.array([0, 0, 2]), np.array([1, 1, 3]))}))),
    Op("embedding", embedding, embedding_backward,
       examples=(Example(((5, 3),), {"indices": np.array([[1, 0, 1], [4, 1, 0]])}),)),
)  # fmt: skip
