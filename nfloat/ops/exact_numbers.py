"""Numbers that float64 does not hold, rounded once: fractions, decimals, long integers, longdoubles.

A constant of a formula may be any of them. Each is cut to its 126 leading bits and one that says whether there are
more, as an elementary function's value is, and rounded by the same kernel.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Rational
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, ShapeError
from .arguments import as_carrier, refuse_masked
from .evaluate import round_for_certain
from .leading_bits import Leading
from .rounder import Rounder

_BITS = 126
#: the decimal exponents beyond which a number is above, or below, what any format has
_FAR = 1000


def rounded_numbers(x: ArrayLike, argument: str, how: Rounder, key: int = 0) -> NDArray[np.floating]:
    """Numbers of any kind, each rounded once from its exact value. In a carrier, of x's shape.

    Raises
    ------
    ArgumentError
        If something in x is no real number.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from nfloat.ops.rounder import rounder
    >>> rounded_numbers([Fraction(1, 3), 2**70 + 1, 0.1], "x", rounder("bfloat16", "toward_positive", None, None))
    array([3.33984375e-01, 1.18981499e+21, 1.00097656e-01])
    """
    try:
        return how.apply(as_carrier(x, argument, single=how.single), key)
    except ShapeError:  # too large
        raise
    except ArgumentError:
        refuse_masked(x, argument)
        parts = _parts(x)
        if parts is None:
            raise
    items, shape = parts
    held = np.array([item if isinstance(item, float) else 0.0 for item in items])
    out = how.apply(held, key)
    others = [i for i, item in enumerate(items) if isinstance(item, Leading)]
    leading = [item for item in items if isinstance(item, Leading)]
    out[others] = round_for_certain(leading, np.array(others, np.int64), how, key)
    return out.reshape(shape)


def _parts(x: ArrayLike) -> tuple[list[float | Leading], tuple[int, ...]] | None:
    """The numbers in x and its shape; None if something in it is no number."""
    try:
        array = np.asarray(x).astype(object) if isinstance(x, np.ndarray | np.generic) else np.asarray(x, object)
        found = [_part(item) for item in array.reshape(-1)]
    except Exception:  # what an object's own methods raise
        return None
    items = [item for item in found if item is not None]
    return (items, array.shape) if len(items) == len(found) else None


def _part(item: Any) -> float | Leading | None:
    """A number that float64 holds, or the leading bits of another; None: no real number."""
    item = item[()] if isinstance(item, np.ndarray) and item.ndim == 0 else item
    if not isinstance(item, (float, Integral, Rational, Decimal, np.floating, np.bool_)):
        return None
    try:
        value = float(item)
    except OverflowError:
        value = math.inf
    if value == item or math.isnan(value):
        return value
    if isinstance(item, Decimal) and abs(item.adjusted()) > _FAR:
        return Leading(item.is_signed(), 1, True, 4 * (_FAR if item.adjusted() > 0 else -_FAR))
    if isinstance(item, Rational | Decimal):
        return _leading(Fraction(item))
    return _leading(Fraction(*np.longdouble(item).as_integer_ratio()))


def _leading(x: Fraction) -> Leading:
    """The first bits of x, not 0, and whether there are more."""
    n, d = abs(int(x.numerator)), int(x.denominator)
    q = n.bit_length() - d.bit_length() - _BITS
    first, rest = divmod(n << max(-q, 0), d << max(q, 0))
    return Leading(x < 0, first, rest != 0, q)
