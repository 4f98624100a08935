"""`polyval` and `convolve`, every operation rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ArgumentError, ShapeError
from ...formats.names import FormatLike
from ...formats.rounding import OverflowLike, RoundingLike
from ...streams import SeedLike
from .calculation import begin

_MODES = ("full", "same", "valid")


def polyval(
    p: ArrayLike,
    x: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Any:
    """A polynomial's values by Horner's rule: y = p_0, then y = R(R(y x) + p_i) for each further coefficient.

    Parameters
    ----------
    p : array_like or FloatArray, shape (n,)
        Coefficients, the highest power's first, as np.polyval has them.
    x : array_like or FloatArray
        Where; any shape.
    fmt, rounding, overflow, random_bits, seed
        As in `nf.linalg.lu`.

    Raises
    ------
    ShapeError
        If p has not one dimension.
    FormatError, RoundingError, SeedError, ArgumentError
        Each names the argument.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.polyval([1.0, -2.0, 1.0], 1.0078125, "bfloat16")  # (x - 1)^2
    np.float64(0.0)
    """
    c = begin("polyval", (("p", p), ("x", x)), fmt, rounding, overflow, random_bits, seed)
    coefficients, at = c.values
    if coefficients.ndim != 1:
        raise ShapeError(f"polyval: p {coefficients.shape} must have one dimension, the highest power's first")
    y = np.zeros_like(at)
    for i, coefficient in enumerate(coefficients):
        y = c.add(c.multiply(y, at), coefficient) if i else np.full_like(at, coefficient)
    return c.result(y)


def convolve(
    a: ArrayLike,
    v: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    mode: str = "full",
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Any:
    """The convolution of two vectors by its definition: s = R(s + R(a_j v_(k - j))) from 0, j ascending.

    Parameters
    ----------
    a, v : array_like or FloatArray, shapes (n,) and (m,)
    mode : str
        "full", "same", "valid", as in np.convolve.
    fmt, rounding, overflow, random_bits, seed
        As in `nf.linalg.lu`.

    Raises
    ------
    ShapeError
        If one is empty or no vector.
    ArgumentError
        If the mode is unknown.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.convolve([1.0, 2.0, 3.0], [0.1, 1.0], "float8_e4m3fn")
    array([0.1015625, 1.25     , 2.25     , 3.       ])
    """
    if not isinstance(mode, str) or mode not in _MODES:
        raise ArgumentError(f"convolve: mode={mode!r} must be one of {', '.join(_MODES)}")
    c = begin("convolve", (("a", a), ("v", v)), fmt, rounding, overflow, random_bits, seed)
    first, second = c.values
    if first.ndim != 1 or second.ndim != 1 or not first.size or not second.size:
        raise ShapeError(f"convolve: a {first.shape} and v {second.shape} must be vectors that are not empty")
    n, m = first.size, second.size
    out = np.zeros(n + m - 1, c.dtype)
    if n <= m:
        for j in range(n):
            out[j : j + m] = c.add(out[j : j + m], c.multiply(first[j], second))
    else:  # the same sums: of a given k, j ascends where v's place descends
        for i in range(m - 1, -1, -1):
            out[i : i + n] = c.add(out[i : i + n], c.multiply(first, second[i]))
    small, large = min(n, m), max(n, m)
    start, size = {"full": (0, out.size), "same": ((small - 1) // 2, large), "valid": (small - 1, large - small + 1)}[
        mode
    ]
    return c.result(out[start : start + size])
