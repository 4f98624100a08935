"""What is measured: numbers that say how far a low-precision run has drifted. Pure NumPy, float64, no state.

Two kinds of drift, kept apart (the words are those of the whole package):

* *local*: one step's gradient against the exact gradient at the *same* weights (`relative_error`, `cosine`), so that
  the error of this step is not mixed with that of the steps before it;
* *path*: how far the weights have walked away from the float64 run's (`path_distance`).

Rates say by which mechanism it happened: `underflow`, `overflow`, `stagnation`. Every function returns None where the
quantity does not exist (0/0, no element to count); the recorder writes no row then. NaN in an argument gives NaN in the
distances, and counts as overflowed in `overflow`.

Sums are those of ``nn/elementary.py``, one element after the other: NumPy's and BLAS's order depends on the CPU.

Sources: Micikevicius et al. 2018 (arXiv:1710.03740) for underflow; Zamirai et al. 2020 (arXiv:2010.06192) for
cancelled updates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..nn.elementary import total


def norm(x: ArrayLike) -> float:
    """Euclidean (Frobenius) norm over all elements, in float64.

    Examples
    --------
    >>> norm([[3.0, 0.0], [0.0, 4.0]])
    5.0
    """
    x = np.asarray(x, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        return math.sqrt(total(x * x))


def relative_error(value: ArrayLike, reference: ArrayLike) -> float | None:
    """``||value - reference|| / ||reference||``; None if both are zero, infinity if only the reference is.

    Examples
    --------
    >>> relative_error([1.0, 1.5], [1.0, 1.0]) == 0.5 / 2**0.5
    True
    """
    value, reference = np.asarray(value, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        error, size = norm(value - reference), norm(reference)
    return _ratio(error, size)


def cosine(value: ArrayLike, reference: ArrayLike) -> float | None:
    """Cosine of the angle between two gradients: 1 the same direction, 0 no information left; None if either is zero.

    Examples
    --------
    >>> cosine([2.0, 0.0], [1.0, 0.0]), cosine([0.0, 1.0], [1.0, 0.0])
    (1.0, 0.0)
    """
    value, reference = np.asarray(value, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        inner, sizes = total(value * reference), norm(value) * norm(reference)
    return None if sizes == 0.0 else inner / sizes


def path_distance(weights: ArrayLike, reference: ArrayLike, start: ArrayLike) -> float | None:
    """``||w - w64|| / ||w64 - w64_0||``: how far apart the runs are, in units of the way the float64 run has gone.

    0: on the float64 path; 1: as far from it as the float64 run is from its start. None before the float64 run has
    moved.

    Examples
    --------
    >>> path_distance([1.0, 0.5], [1.0, 1.0], [0.0, 1.0])
    0.5
    """
    weights, reference = np.asarray(weights, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        apart, walked = norm(weights - reference), norm(reference - np.asarray(start, dtype=np.float64))
    return None if walked == 0.0 else apart / walked


def underflow(before: ArrayLike, after: ArrayLike) -> float | None:
    """Share of the non-zero numbers that a rounding turned into zero.

    Examples
    --------
    >>> underflow([1.0, 1e-9, 0.0, 1e-9], [1.0, 0.0, 0.0, 1e-9])
    0.3333333333333333
    """
    before, after = np.asarray(before), np.asarray(after)
    nonzero = before != 0
    return _share((after == 0) & nonzero, nonzero)


def overflow(before: ArrayLike, after: ArrayLike, largest: float) -> float | None:
    """Share of the finite numbers that a rounding turned into infinity, NaN or (saturating) pulled back to `largest`.

    Examples
    --------
    >>> overflow([1.0, 7e4, -7e4, float("inf")], [1.0, float("inf"), -65504.0, float("inf")], 65504.0)
    0.6666666666666666
    """
    before, after = np.asarray(before), np.asarray(after)
    finite = np.isfinite(before)
    return _share((~np.isfinite(after) | _pulled_back(before, after, largest)) & finite, finite)


def clamped(before: ArrayLike, after: ArrayLike, largest: float) -> float | None:
    """Share of the finite numbers beyond `largest` that a saturating rounding pulled back to it.

    Examples
    --------
    >>> clamped([1.0, 7e4, -7e4, 3.0], [1.0, float("inf"), -65504.0, 3.0], 65504.0)
    0.25
    """
    before, after = np.asarray(before), np.asarray(after)
    finite = np.isfinite(before)
    return _share(finite & _pulled_back(before, after, largest), finite)


def not_a_number(values: ArrayLike) -> float | None:
    """Share of the elements that are NaN.

    Examples
    --------
    >>> not_a_number([1.0, float("nan"), float("inf"), 0.0])
    0.25
    """
    values = np.asarray(values)
    return _share(np.isnan(values), np.ones(values.shape, np.bool_))


def stagnation(before: ArrayLike, after: ArrayLike, gradient: ArrayLike) -> float | None:
    """Share of the weights with a gradient other than zero that the update left exactly as they were.

    With nearest rounding an update below half an ulp of its weight is lost altogether; a high share means that the run
    stands still wherever gradients are small.

    Examples
    --------
    >>> stagnation([1.0, 1.0, 1.0], [1.0, 0.5, 1.0], [1e-9, 1.0, 0.0])
    0.5
    """
    moved = np.asarray(gradient) != 0
    return _share((np.asarray(before) == np.asarray(after)) & moved, moved)


def _pulled_back(before: NDArray[Any], after: NDArray[Any], largest: float) -> NDArray[np.bool_]:
    wide = np.float64(largest)  # a Python float would be cast to the array's type, which may not hold it
    return (np.abs(after) == wide) & (np.abs(before) > wide)


def _share(some: NDArray[np.bool_], of: NDArray[np.bool_]) -> float | None:
    total = int(np.count_nonzero(of))
    return None if total == 0 else int(np.count_nonzero(some)) / total


def _ratio(error: float, size: float) -> float | None:
    if size == 0.0:
        return math.inf if error > 0.0 else None
    return error / size
