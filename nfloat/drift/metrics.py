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
cancelled updates, Yu et al. 2024 (arXiv:2405.03637) for the quality of descent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.format import Format
from ..nn.elementary import total
from .inference import log_of

#: of the norm of a whole gradient: what float64 leaves of a part that is zero is below 2^-53 of it, in networks tried
_ROUNDING = 2.0**-50


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


def is_rounding(gradient: ArrayLike, size: float) -> bool:
    """Whether a gradient in float64, beside one of all weights of that norm, is nothing but float64's own rounding.

    Exactly it is zero then, as that of a bias before a normalisation is, and has no direction.

    Examples
    --------
    >>> is_rounding([1e-17, -2e-17], 1.0), is_rounding([1e-12], 1.0), is_rounding([0.0], 1.0)
    (True, False, False)
    """
    return 0.0 < norm(gradient) <= _ROUNDING * size


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


def infinite(values: ArrayLike) -> float | None:
    """Share of the elements that are infinite: of what sums gave, an overflow.

    Examples
    --------
    >>> infinite([1.0, float("nan"), float("-inf"), 0.0])
    0.25
    """
    values = np.asarray(values)
    return _share(np.isinf(values), np.ones(values.shape, np.bool_))


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


def sign_agreement(value: ArrayLike, reference: ArrayLike) -> float | None:
    """Share of the elements, of those whose reference is not zero, that have the reference's sign.

    Examples
    --------
    >>> sign_agreement([1.0, 0.0, -2.0, 5.0], [2.0, 1.0, 1.0, 0.0])
    0.3333333333333333
    """
    value, reference = np.asarray(value), np.asarray(reference)
    return _share(np.sign(value) == np.sign(reference), reference != 0)


def descent_quality(step: ArrayLike, before: ArrayLike, after: ArrayLike) -> float | None:
    """<d, w' - w> / <d, d>, d the step that should have been added: 1 if the weights moved by it, 0 if not at all.

    The effective descent quality of Yu et al. 2024 (arXiv:2405.03637), in units of what was asked for.

    Examples
    --------
    >>> descent_quality([0.25, 0.25], [1.0, 1.0], [1.25, 1.0])
    0.5
    """
    step, before, after = (np.asarray(x, dtype=np.float64) for x in (step, before, after))
    with np.errstate(over="ignore", invalid="ignore"):
        wanted = total(step * step)
        return None if wanted == 0.0 else total(step * (after - before)) / wanted


def below_half_ulp(step: ArrayLike, before: ArrayLike, fmt: Format) -> float | None:
    """Share of the steps, of those that are not zero, below half the gap of the weight's format at the weight.

    Rounding to nearest loses each of these; stochastic rounding keeps them on average.

    Examples
    --------
    >>> import nfloat as nf
    >>> below_half_ulp([2.0**-10, 2.0**-8, 0.0], [1.0, 1.0, 1.0], nf.get_format("bfloat16"))
    0.5
    """
    step, before = np.abs(np.asarray(step, dtype=np.float64)), np.asarray(before, dtype=np.float64)
    exponent = np.maximum(np.frexp(before)[1] - 1, fmt.emin)
    half = np.ldexp(1.0, exponent - fmt.precision)
    return _share((step < half) & (step != 0.0), step != 0.0)


def growth_rate(points: Sequence[tuple[float, float]]) -> float | None:
    """The slope of ln(distance) over the steps, by least squares: how fast two paths part (a Lyapunov exponent).

    Over points with a distance above zero and finite; None with fewer than two of them.

    Examples
    --------
    >>> round(growth_rate([(0, 0.0), (10, 1.0), (20, 2.718281828), (30, 7.389056099)]), 6)
    0.1
    """
    known = [(step, log_of(value)) for step, value in points if 0.0 < value < math.inf]
    if len(known) < 2:
        return None
    middle, height = (math.fsum(column) / len(known) for column in zip(*known, strict=True))
    across = math.fsum((step - middle) * (step - middle) for step, _ in known)
    return math.fsum((step - middle) * (value - height) for step, value in known) / across


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
