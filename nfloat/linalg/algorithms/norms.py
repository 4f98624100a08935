"""`norm`: of vectors and matrices, every operation rounded."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ArgumentError, ShapeError, as_integer
from ...formats.names import FormatLike
from ...formats.rounding import OverflowLike, RoundingLike
from ...streams import SeedLike
from .calculation import Calculation, Floats, begin

_VECTOR, _MATRIX = (None, 0, 1, 2, inf, -inf), (None, "fro", 1, -1, inf, -inf)


def norm(
    x: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    ord: float | str | None = None,
    axis: int | None = None,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Any:
    """The norm of a vector, a matrix, or the vectors along an axis: sums in C order, each product and sum rounded.

    Parameters
    ----------
    x : array_like or FloatArray
    fmt, rounding, overflow, random_bits, seed
        As in `lu`.
    ord : optional
        None (the root of the sum of squares of all elements). Vectors: 0, 1, 2, inf, -inf. Matrices: "fro", 1, -1, inf,
        -inf, as in np.linalg.norm.
    axis : int, optional
        None: the whole array, of any shape where `ord` is None, else of one or two dimensions.

    Raises
    ------
    ArgumentError
        If `ord` is none of these.
    FormatError, RoundingError, SeedError, ShapeError
        Each names the argument.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.linalg.norm([300.0, 400.0], "float16"), nf.linalg.norm([300.0, 400.0], "bfloat16")
    (np.float64(inf), np.float64(500.0))
    """
    c = begin("norm", (("x", x),), fmt, rounding, overflow, random_bits, seed)
    (values,) = c.values
    if not (ord is None or isinstance(ord, (int, float, str))):
        raise ArgumentError(f'norm: ord={ord!r} must be None, a number or "fro"')
    if axis is not None:
        return c.result(_of_columns(c, _along(values, axis), ord))
    if ord is None or values.ndim == 1:
        return c.result(_of_columns(c, values.reshape(-1), ord))
    return c.result(_of_matrix(c, values, ord))


def _along(values: Floats, axis: Any) -> Floats:
    number = as_integer(axis)
    if number is None or not -values.ndim <= number < values.ndim:
        raise ShapeError(f"norm: axis={axis!r} is not an axis of x {values.shape}")
    return np.moveaxis(values, number, 0)


def _of_columns(c: Calculation, x: Floats, ord: Any) -> Floats:
    """Of the vectors along the first axis."""
    if ord not in _VECTOR:
        raise ArgumentError(f"norm: ord={ord!r} of a vector must be one of {', '.join(map(str, _VECTOR))}")
    size = np.abs(x)
    if ord in (inf, -inf):
        return size.max(axis=0) if ord > 0 else size.min(axis=0)
    squares = size if ord == 1 else (x != 0) * c.round(1.0) if ord == 0 else c.multiply(x, x)
    total = np.zeros(x.shape[1:], x.dtype)
    for row in squares:
        total = c.add(total, row)
    return total if ord in (0, 1) else np.asarray(c.sqrt(total))


def _of_matrix(c: Calculation, x: Floats, ord: Any) -> Floats:
    if x.ndim != 2:
        raise ShapeError(f"norm: x {x.shape} with ord={ord!r} must have one or two dimensions; name an axis")
    if ord not in _MATRIX:
        raise ArgumentError(f"norm: ord={ord!r} of a matrix must be one of {', '.join(map(str, _MATRIX))}")
    if ord == "fro":
        return _of_columns(c, x.reshape(-1), None)
    sums = _of_columns(c, x if abs(float(ord)) == 1.0 else x.T, 1)
    return np.asarray(sums.max() if ord > 0 else sums.min())
