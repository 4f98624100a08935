"""NumPy's functions on FloatArrays (``__array_function__``): which are defined, and how.

`MOVING` functions only move, repeat or select elements; `ASKING` ones answer in indices, booleans, shapes or text, or
write the values to a file; both are NumPy's own on the values. `ROUNDING` ones add or multiply, and are built on the
rounded folds. Every other function raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from . import folds
from .rounded import RoundedValues, common, fresh_stream, operand
from .ufuncs import multiply_matrices, rounded_result

MOVING = frozenset(
    {
        np.concatenate,
        np.stack,
        np.hstack,
        np.vstack,
        np.dstack,
        np.column_stack,
        np.reshape,
        np.ravel,
        np.transpose,
        np.swapaxes,
        np.moveaxis,
        np.squeeze,
        np.expand_dims,
        np.broadcast_to,
        np.copy,
        np.take,
        np.take_along_axis,
        np.compress,
        np.flip,
        np.fliplr,
        np.flipud,
        np.rot90,
        np.roll,
        np.repeat,
        np.tile,
        np.sort,
        np.where,
        np.diagonal,
        np.split,
        np.array_split,
        np.hsplit,
        np.vsplit,
        np.atleast_1d,
        np.atleast_2d,
        np.atleast_3d,
        np.max,
        np.min,
        np.amax,
        np.amin,
        np.clip,
        np.append,
        np.insert,
        np.delete,
        np.unique,
    }
)
ASKING = frozenset(
    {
        np.argmax,
        np.argmin,
        np.argsort,
        np.nonzero,
        np.flatnonzero,
        np.count_nonzero,
        np.any,
        np.all,
        np.shape,
        np.ndim,
        np.size,
        np.array_equal,
        np.searchsorted,
        np.isclose,
        np.allclose,
        np.may_share_memory,
        np.shares_memory,
        np.array2string,
        np.array_repr,
        np.array_str,
        np.save,
        np.savez,
        np.savez_compressed,
        np.savetxt,
    }
)
_NONE = object()


def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``function(*args, **kwargs)``.

    Raises
    ------
    ArgumentError
        If the function is not defined for FloatArrays.
    """
    if function in ROUNDING:
        return ROUNDING[function](*args, **kwargs)
    if function in ASKING:
        return function(*_values(args), **_values(kwargs))
    if function not in MOVING:
        raise ArgumentError(
            f"np.{function.__name__} is not defined for a FloatArray; compute it on the values, np.asarray(a), "
            "and round: nf.array(..., a.format)"
        )
    return _move(function, args, kwargs)


def _move(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if kwargs.get("out") is not None:
        raise ArgumentError(
            f"np.{function.__name__}: out= is not defined for a FloatArray; assign the result: b[...] = ..."
        )
    found: list[Any] = []
    _collect((args, kwargs), found)
    first = common(found, function.__name__)
    if function in (np.where, np.concatenate, np.stack, np.append, np.insert, np.clip):
        args = _as_members(function, args, first)
    result = function(*_values(args), **_values(kwargs))
    stream = fresh_stream(function.__name__, *found) if len(found) > 1 else first._stream
    return _wrap(result, first, stream)


def _as_members(function: Callable[..., Any], args: tuple[Any, ...], first: RoundedValues) -> tuple[Any, ...]:
    """Arguments whose elements end up among the result's, checked to be numbers of the format."""
    name = function.__name__

    def member(x: Any) -> Any:
        return x if x is None else operand(x, first, name)

    if function in (np.concatenate, np.stack):
        return ([member(x) for x in args[0]], *args[1:])
    moved = {np.where: (1, 2), np.append: (0, 1), np.insert: (0, 2), np.clip: (0, 1, 2)}[function]
    return tuple(member(x) if i in moved else x for i, x in enumerate(args))


def _collect(x: Any, found: list[Any]) -> None:
    if isinstance(x, RoundedValues):
        found.append(x)
    elif isinstance(x, (list, tuple)):
        for item in x:
            _collect(item, found)
    elif isinstance(x, dict):
        _collect(tuple(x.values()), found)


def _values(x: Any) -> Any:
    """FloatArrays replaced by their values, inside lists, tuples and dictionaries too."""
    if isinstance(x, RoundedValues):
        return x._values
    if isinstance(x, (list, tuple)):
        return type(x)(_values(item) for item in x)
    return {key: _values(item) for key, item in x.items()} if isinstance(x, dict) else x


def _wrap(result: Any, first: RoundedValues, stream: Any) -> Any:
    """Float results as FloatArrays; indices and counts (np.unique's) as they are."""
    if isinstance(result, (list, tuple)):
        return type(result)(_wrap(item, first, stream) for item in result)
    return first.like(result, stream) if np.asarray(result).dtype.kind == "f" else result


# ------------------------------------------------------------ functions that round
def _reduction(ufunc: np.ufunc) -> Callable[..., Any]:
    def function(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = _NONE,
        where: Any = True,
    ) -> Any:
        start = {} if initial is _NONE or initial is np._NoValue else {"initial": initial}
        mask = True if where is np._NoValue else where
        return folds.reduce(ufunc, a, axis, dtype, out, keepdims is True, where=mask, **start)

    return function


def _accumulation(ufunc: np.ufunc) -> Callable[..., Any]:
    def function(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
        flat = a.like(a._values.reshape(-1)) if axis is None else a
        return folds.accumulate(ufunc, flat, 0 if axis is None else axis, dtype, out)

    return function


def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True
) -> Any:
    """The rounded sum divided by the number of elements, rounded again; the number itself is exact."""
    mask = True if where is np._NoValue else where
    total = folds.reduce(np.add, a, axis, dtype, None, keepdims is True, where=mask)
    chosen = np.broadcast_to(np.asarray(mask, bool), a._values.shape)
    count = np.sum(chosen, axis=axis, keepdims=keepdims is True)
    result = _divide_by_count(total, count)
    return result if out is None else folds.write("mean", result, out, True)


def _divide_by_count(total: RoundedValues, count: Any) -> Any:
    from ..ops.arithmetic import divide

    a, stream = total._arithmetic, fresh_stream("mean", total)
    values = divide(
        total._values, count, a.format, a.rounding, overflow=a.overflow, random_bits=a.random_bits, seed=stream
    )
    return total.like(np.asarray(values, total._values.dtype), stream)


def dot(a: Any, b: Any, out: Any = None) -> Any:
    """np.dot's shapes: scalars multiply, vectors and matrices as `a @ b`."""
    first = common([a, b], "dot")
    if np.ndim(_values(a)) == 0 or np.ndim(_values(b)) == 0:
        result = rounded_result(np.multiply, [a, b], first)
    elif np.ndim(_values(b)) > 2:
        raise ArgumentError(
            "np.dot of a FloatArray with more than two dimensions on the right is not defined; use a @ b"
        )
    else:
        result = multiply_matrices([a, b], first)
    return result if out is None else folds.write("dot", result, out, True)


#: NumPy's functions that round, and how
ROUNDING: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: _reduction(np.add),
    np.prod: _reduction(np.multiply),
    np.cumsum: _accumulation(np.add),
    np.cumprod: _accumulation(np.multiply),
    np.mean: mean,
    np.dot: dot,
    np.outer: lambda a, b, out=None: folds.outer(np.multiply, np.ravel(a), np.ravel(b), out),
    np.zeros_like: lambda a, **kwargs: a.like(np.zeros_like(a._values, **kwargs)),
    np.ones_like: lambda a, **kwargs: a.like(np.ones_like(a._values, **kwargs)),
    np.empty_like: lambda a, **kwargs: a.like(np.zeros_like(a._values, **kwargs)),
    np.full_like: lambda a, fill_value, **kwargs: a.like(
        np.full_like(a._values, operand(fill_value, a, "full_like"), **kwargs)
    ),
}
