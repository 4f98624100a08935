"""Iterative refinement of a solution, in up to three formats (Wilkinson 1963; Carson and Higham 2018)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError, as_integer
from ...formats.names import FormatLike, get_format
from ...ops.rounder import rounder
from .calculation import Calculation, Floats

#: steps converge within tens, or do not
_MOST_STEPS = 1000


def refined(
    c: Calculation,
    a: Floats,
    b: Floats,
    factorise: Callable[[Calculation, Floats], Any],
    substitute: Callable[[Calculation, Any, Floats], Floats],
    factor: FormatLike | None,
    residual: FormatLike | None,
    steps: int,
) -> Floats:
    """x with a x = b, refined `steps` times.

    r = b - a x is s = R(s - R(a_ik x_k)) from s = b_i, k ascending, in the format `residual`. Where the factors have a
    format of their own, each column of r is multiplied by the power of two that brings its greatest magnitude to 1..2,
    lest it underflow there, and d by its inverse (Higham and Pranesh, SIAM J. Sci. Comput. 41, 2019).

    Raises
    ------
    ArgumentError
        If `steps` is no count.
    FormatError
        If a format is unknown.
    """
    count = as_integer(steps)
    if count is None or not 0 <= count <= _MOST_STEPS:
        raise ArgumentError(f"solve: refinements={steps!r} must be an integer in 0..{_MOST_STEPS}")
    inner, outer = _in_format(c, factor, "factor"), _in_format(c, residual, "residual")
    factors = factorise(inner, inner.round(a))
    x = c.round(substitute(inner, factors, inner.round(b)))
    for _ in range(count):
        r = outer.round(b)
        for k in range(a.shape[1]):
            r = outer.minus_products(r, outer.round(a[:, k]), outer.round(x[k]))
        up = _scales(r) if factor is not None else np.zeros(r.shape[1], np.int64)
        d = substitute(inner, factors, inner.round(np.ldexp(r.astype(np.float64), up)))
        x = c.add(x, c.round(np.ldexp(d.astype(np.float64), -up)))
    return x


def _scales(r: Floats) -> NDArray[np.int64]:
    """The exponents of the powers of two that bring the greatest magnitude of each column to 1..2."""
    greatest = np.abs(r.astype(np.float64)).max(axis=0)
    usable = (greatest > 0.0) & np.isfinite(greatest)
    return np.where(usable, 1 - np.frexp(np.where(usable, greatest, 1.0))[1], 0).astype(np.int64)


def _in_format(c: Calculation, fmt: FormatLike | None, argument: str) -> Calculation:
    """The same calculation in another format, its random bits from a stream of its own."""
    if fmt is None:
        return c
    given = c.given
    how = rounder(get_format(fmt, argument), given.how.rounding, given.overflow, given.random_bits)
    stream = None if given.stream is None else given.stream.child(argument)
    return Calculation(given._replace(how=how, stream=stream, values=[], wrap=np.asarray))
