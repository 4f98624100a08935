"""``ufunc.reduce``, ``accumulate``, ``outer`` and ``at`` of FloatArrays.

One operation along an axis, every step rounded.

The order is the plain one: ascending along the axis (several axes: in C order), starting at the first element, or at
`initial`. `nf.sum` and `nf.cumsum` have the other orders. Selections (maximum, minimum) and questions (logical_and)
are NumPy's own.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple
from numpy.typing import NDArray

from ..errors import ArgumentError, ShapeError
from ..kernels.arithmetic.folds import fold_at, fold_rows
from ..ops.compute import has_unsigned_zero
from ..ops.rounder import LARGE, Rounder, large_pieces
from .rounded import RoundedValues, common, fresh_stream, operand
from .ufuncs import ARITHMETIC, QUESTIONS, call, check_mask, write

_SELECTIONS = frozenset({np.maximum, np.minimum, np.fmax, np.fmin})
_IDENTITY: dict[Any, float] = {np.add: 0.0, np.multiply: 1.0}
_NONE = object()


def _operation(ufunc: np.ufunc, method: str) -> int:
    """The number of a ufunc's operation.

    Raises
    ------
    ArgumentError
        If it has no rounded two-operand form.
    """
    if ufunc.nin != 2 or ufunc not in ARITHMETIC:
        known = ", ".join(sorted(f"np.{u.__name__}" for u in ARITHMETIC if u.nin == 2))
        raise ArgumentError(f"np.{ufunc.__name__}.{method} is not defined for a FloatArray; defined: {known}")
    return int(ARITHMETIC[ufunc])


def with_values(array: Any, out: Any, name: str, *others: Any) -> tuple[RoundedValues, Any]:
    """(the operand that decides, the array as one of its kind): a plain array may be folded into a FloatArray."""
    first = common([array, out, *others], name)
    return first, array if isinstance(array, RoundedValues) else first.like(np.asarray(operand(array, first, name)))


def reduce(
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = _NONE,
    where: Any = True,
) -> Any:
    """``ufunc.reduce(array, ...)``.

    Raises
    ------
    ArgumentError
        If there is nothing to start with, a dtype is asked for, or the ufunc has no rounded form.
    """
    name = f"{ufunc.__name__}.reduce"
    if dtype is not None:
        raise ArgumentError(f"{name}: dtype={dtype!r}: the format decides what results are; cast with a.astype(...)")
    first, array = with_values(array, out, name, initial)
    check_mask(where, name)
    if ufunc in QUESTIONS:
        if isinstance(out, RoundedValues):
            raise ArgumentError(f"{name}: out= must be an array of booleans")
        return ufunc.reduce(
            array._values, axis=axis, keepdims=keepdims, where=where, **({} if out is None else {"out": out})
        )
    start = None if initial is _NONE or initial is None else operand(initial, first, name)
    if start is not None and np.ndim(start) > 0:
        raise ShapeError(f"{name}: initial= of shape {np.shape(start)} must be one number")
    if ufunc in _SELECTIONS:
        keywords = {} if start is None else {"initial": start}
        result = first.like(ufunc.reduce(array._values, axis=axis, keepdims=keepdims, where=where, **keywords))
    else:
        result = _fold_axes(ufunc, array, axis, keepdims, start, where)
    return result if out is None else write(name, result, out, True, whole=True)


def _fold_axes(
    ufunc: np.ufunc, array: RoundedValues, axis: Any, keepdims: bool, start: Any, where: Any
) -> RoundedValues:
    op, values = _operation(ufunc, "reduce"), array._values
    axes = tuple(range(values.ndim)) if axis is None else normalize_axis_tuple(axis, values.ndim, "axis")
    kept = tuple(i for i in range(values.ndim) if i not in axes)
    order, shape = (*kept, *axes), tuple(values.shape[i] for i in kept)
    rows = (prod(shape), prod(values.shape[i] for i in axes))
    x = np.ascontiguousarray(values.transpose(order).reshape(rows), dtype=np.float64)
    chosen = np.empty((0, 0), bool)
    if where is not True:
        chosen = np.array(
            np.broadcast_to(np.asarray(where, bool), values.shape).transpose(order).reshape(rows), order="C"
        )
    if start is None and rows[1] == 0:
        start = _identity(ufunc, array)
    initial = np.empty(0) if start is None else np.full(1, start, np.float64)
    out, stream = np.empty((rows[0], 1)), fresh_stream(f"{ufunc.__name__}.reduce", array)
    how = array._arithmetic.rounder
    complete = _fold(op, x, chosen, initial, out, how, how.key(stream))
    if not complete:
        _fill_empty(ufunc, array, out, chosen)
    result = out.reshape(shape).astype(values.dtype)
    return array.like(np.expand_dims(result, axes) if keepdims else result, stream)


def _fold(
    op: int,
    x: NDArray[np.float64],
    chosen: NDArray[np.bool_],
    initial: NDArray[np.float64],
    out: NDArray[np.float64],
    how: Rounder,
    key: int,
    *,
    every: bool = False,
) -> bool:
    """`fold_rows`, in pieces where the array is large, so that Ctrl-C is heard in between."""
    last = every, has_unsigned_zero(how), how.spec_array, key
    rows, columns = x.shape
    if x.size <= LARGE:
        return bool(fold_rows(op, x, chosen, initial, out, *last, 0))
    if columns > LARGE:
        places = [slice(i, i + 1) for i in range(rows)]
        return all([_fold_row(op, x[r], chosen[r], initial, out[r], last, r.start * columns) for r in places])
    step = LARGE // columns
    ranges = [slice(first, first + step) for first in range(0, rows, step)]
    return all([fold_rows(op, x[r], chosen[r], initial, out[r], *last, r.start * columns) for r in ranges])


def _fold_row(
    op: int,
    x: NDArray[np.float64],
    chosen: NDArray[np.bool_],
    initial: NDArray[np.float64],
    out: NDArray[np.float64],
    last: tuple[bool, bool, NDArray[np.float64], int],
    first: int,
) -> bool:
    """One long row: each piece begins with what the one before it came to, if that had an element."""
    so_far, every = initial, last[0]
    for piece in large_pieces(x.shape[1]):
        target = out[:, piece] if every else np.empty((1, 1))
        if fold_rows(op, x[:, piece], chosen[:, piece], so_far, target, *last, first + piece.start):
            so_far = target[0, -1:].copy()
    if not every:
        out[:, :1] = so_far if so_far.size else 0.0
    return so_far.size > 0


def _fill_empty(ufunc: np.ufunc, array: RoundedValues, out: NDArray[np.float64], chosen: NDArray[np.bool_]) -> None:
    """Rows without an element: the operation's identity, if it has one."""
    identity = _identity(ufunc, array)
    if identity is None:
        raise ArgumentError(f"np.{ufunc.__name__}.reduce: nothing to reduce, and no identity; pass initial=")
    out[~chosen.any(axis=1)] = identity


def _identity(ufunc: np.ufunc, array: RoundedValues) -> float | None:
    """What a reduction of nothing gives, as a number of the format."""
    return operand(_IDENTITY[ufunc], array, ufunc.__name__) if ufunc in _IDENTITY else None


def accumulate(ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    """``ufunc.accumulate(array, axis)``: every partial result, each rounded.

    Raises
    ------
    ArgumentError
        If a dtype is asked for, or the ufunc has no rounded form.
    """
    name = f"{ufunc.__name__}.accumulate"
    if dtype is not None:
        raise ArgumentError(f"{name}: dtype={dtype!r}: the format decides what results are; cast with a.astype(...)")
    first, array = with_values(array, out, name)
    stream, values = fresh_stream(name, array), array._values
    if ufunc in _SELECTIONS:
        result = first.like(ufunc.accumulate(values, axis=axis))
    else:
        axis = normalize_axis_index(axis, values.ndim)
        moved = np.moveaxis(values, axis, -1)
        x = np.ascontiguousarray(moved.reshape(prod(moved.shape[:-1]), moved.shape[-1]), dtype=np.float64)
        y, how = np.empty_like(x), array._arithmetic.rounder
        op, key = _operation(ufunc, "accumulate"), how.key(stream)
        _fold(op, x, np.empty((0, 0), bool), np.empty(0), y, how, key, every=True)
        result = first.like(np.moveaxis(y.reshape(moved.shape), -1, axis).astype(values.dtype, order="C"), stream)
    return result if out is None else write(name, result, out, True, whole=True)


def outer(ufunc: np.ufunc, a: Any, b: Any, out: Any = None, where: Any = True) -> Any:
    """``ufunc.outer(a, b)``."""
    first = common([a, b], f"{ufunc.__name__}.outer")
    x, y = (
        v if isinstance(v, RoundedValues) else first.like(np.asarray(operand(v, first, ufunc.__name__))) for v in (a, b)
    )
    spread = x.like(x._values.reshape(x._values.shape + (1,) * y._values.ndim))
    return call(ufunc, (spread, y), out, where)


def at(ufunc: np.ufunc, array: Any, indices: Any, values: Any = _NONE) -> None:
    """``ufunc.at(array, indices, values)``: in place, one after the other where an index occurs twice.

    Raises
    ------
    ArgumentError
        If the ufunc has no rounded two-operand form.
    """
    name = f"{ufunc.__name__}.at"
    if not isinstance(array, RoundedValues):
        raise ArgumentError(
            f"{name}: the first argument is not a FloatArray, so its sums would not be rounded; pass nf.array(...)"
        )
    first = common([array, values], name)
    op = _operation(ufunc, "at")
    target = array._values
    places = np.arange(target.size).reshape(target.shape)[indices]
    given = operand(values, first, name)
    try:
        y = np.array(np.broadcast_to(given, np.shape(places)), np.float64, order="C").reshape(-1)
    except ValueError:
        raise ShapeError(
            f"{name}: values of shape {np.shape(given)} do not broadcast to the {np.shape(places)} places"
        ) from None
    stream, how = fresh_stream(name, array, values), array._arithmetic.rounder
    x = target.astype(np.float64).reshape(-1)
    flat, last = np.ascontiguousarray(places, np.int64).reshape(-1), (has_unsigned_zero(how), how.spec_array)
    key = how.key(stream)
    for piece in large_pieces(flat.size):
        fold_at(op, x, flat[piece], y[piece], *last, key, piece.start)
    target[...] = x.reshape(target.shape)
    array._stream = stream
