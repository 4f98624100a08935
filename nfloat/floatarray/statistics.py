"""np.mean, var, std, median, trapezoid and np.round of FloatArrays: rounded operations, in the order said here.

Counts are exact numbers, not rounded to the format: a mean is one division of the sequential sum.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import ArgumentError, as_integer
from ..ops.arithmetic import divide
from . import folds
from .rounded import RoundedValues, common, exactly, fresh_stream
from .ufuncs import write


def is_set(keepdims: Any) -> Any:
    """Whether keepdims= is given and true, as a bool: NumPy's types ask for one that is known."""
    return keepdims is not np._NoValue and bool(keepdims)


def _refuse(name: str, **given: Any) -> None:
    for key, value in given.items():
        if value is not None and value is not np._NoValue and value is not True:
            raise ArgumentError(f"np.{name}: {key}={value!r} is not defined for a FloatArray; leave it out")


def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    """The rounded sum divided by the number of elements, rounded again; the number itself is exact."""
    mask = True if where is np._NoValue else where
    _, a = folds.with_values(a, out, "mean")
    total = folds.reduce(np.add, a, axis, dtype, None, is_set(keepdims), where=mask)
    chosen = np.broadcast_to(np.asarray(mask, bool), a._values.shape)
    count = np.sum(chosen, axis=axis, keepdims=is_set(keepdims))
    result = _divide_by_count(total, count)
    return result if out is None else write("mean", result, out, True)


def _divide_by_count(total: RoundedValues, count: Any) -> Any:
    a, stream = total._arithmetic, fresh_stream("mean", total)
    values = divide(
        total._values, count, a.format, a.rounding, overflow=a.overflow, random_bits=a.random_bits, seed=stream
    )
    return total.like(np.asarray(values, total._values.dtype), stream)


def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = np._NoValue,
    correction: Any = np._NoValue,
) -> Any:
    """In two passes: m the mean, d = R(x - m), the sum of R(d d) in sequence, divided by the count less ddof.

    Raises
    ------
    ArgumentError
        If dtype= or where= is given; if ddof is no count.
    """
    _refuse("var", dtype=dtype, where=where)
    less = as_integer(ddof if correction is np._NoValue else correction)
    if less is None or less < 0:
        raise ArgumentError(f"np.var: ddof={ddof!r} must be an integer of at least 0")
    m = np.mean(a, axis=axis, keepdims=True) if mean is np._NoValue else mean
    d = a - m
    total = np.sum(d * d, axis=axis, keepdims=is_set(keepdims))
    count = np.sum(np.ones(np.shape(a), np.int64), axis=axis, keepdims=is_set(keepdims)) - less
    result = _divide_by_count(total, np.maximum(count, 0))
    return result if out is None else write("var", result, out, True)


def std(a: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
    """The rounded root of `var`."""
    result = np.sqrt(var(a, *args, **kwargs))
    return result if out is None else write("std", result, out, True)


def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """The middle element, or R(R(x + y) / 2) of the two in the middle; NaN where there is one.

    Raises
    ------
    ArgumentError
        If there are several axes, or no elements.
    """
    flat = axis is None
    if not flat and as_integer(axis) is None:
        raise ArgumentError(f"np.median: axis={axis!r} must be an integer or None")
    line: Any = np.sort(np.ravel(a) if flat else np.moveaxis(a, axis, -1))
    n = line.shape[-1]
    if n == 0:
        raise ArgumentError("np.median: there are no elements along the axis")
    low, high = line[..., (n - 1) // 2], line[..., n // 2]
    result: Any = low if n % 2 else (low + high) / 2
    last = line._values[..., -1]  # NaN sorts to the end
    result = result.like(np.where(np.isnan(last), last, result._values))
    if is_set(keepdims):
        shape = [1] * np.ndim(a) if flat else [*np.shape(a)]
        shape[0 if flat else axis] = 1
        result = result.reshape(tuple(shape)) if np.ndim(a) else result
    return result if out is None else write("median", result, out, True)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The sequential sum of R(R(d R(y_i + y_(i+1))) / 2), d = R(x_(i+1) - x_i) or dx, as np.trapezoid writes it."""
    line = np.moveaxis(y, axis, -1)
    d = dx if x is None else np.diff(x)
    if x is not None and np.ndim(x) > 1:
        d = np.diff(np.moveaxis(x, axis, -1))
    ends = line[..., 1:], line[..., :-1]
    return np.sum(d * (ends[0] + ends[1]) / 2, axis=-1)


def rounded_to_decimals(a: Any, decimals: Any = 0, out: Any = None) -> Any:
    """The multiple of 10^-decimals nearest to the exact value, an even one of two, then rounded once to the format.

    Raises
    ------
    ArgumentError
        If `decimals` is no integer of at most 1000 in magnitude, or not 0 for a format of more than 51 bits.
    """
    places = as_integer(decimals)
    if places is None or abs(places) > 1000:
        raise ArgumentError(f"np.round: decimals={decimals!r} must be an integer, at most 1000 in magnitude")
    first = common([a], "round")
    values = first._values
    if places == 0:
        result = first.like(exactly(np.rint(values), first._arithmetic))
    elif first._arithmetic.format.precision > 51:
        name = first._arithmetic.format.name
        raise ArgumentError(f"np.round: decimals={places} is defined for formats of at most 51 bits; {name} has more")
    else:
        result = _at_decimals(first, values, places)
    return result if out is None else write("round", result, out, True)


def _at_decimals(first: RoundedValues, values: Any, places: int) -> Any:
    wide = np.asarray(values, np.float64)
    distinct, where = np.unique(wide, return_inverse=True)
    odd = np.array([_decimal_to_odd(float(x), places) for x in distinct])
    found = np.copysign(odd[where].reshape(wide.shape), wide)
    a, stream = first._arithmetic, fresh_stream("round", first)
    c = a.rounder.apply(np.ascontiguousarray(found), first.key(stream))
    return first.like(c.astype(first._values.dtype, copy=False), stream)


def _decimal_to_odd(x: float, places: int) -> float:
    """x rounded to so many decimals, in float64 rounded to odd: 53 digits then round as the exact number does."""
    if not np.isfinite(x) or x == 0.0:
        return x
    exact = round(Fraction(x), places)
    near = float(exact) if abs(exact) < 2**1023 else x
    if Fraction(near) == exact:
        return near
    toward = np.nextafter(near, np.inf if exact > Fraction(near) else -np.inf)
    return near if int(np.float64(near).view(np.int64)) & 1 else float(toward)


_ROUNDED_ALIASES = tuple(f for f in (np.round, getattr(np, "around", None)) if f is not None)
#: NumPy's functions -> what they are on FloatArrays
STATISTICS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.mean: mean,
    np.var: var,
    np.std: std,
    np.median: median,
    np.trapezoid: trapezoid,
    **dict.fromkeys(_ROUNDED_ALIASES, rounded_to_decimals),
}
