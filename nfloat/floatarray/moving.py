"""NumPy's functions that move, repeat or select the elements of FloatArrays: they are NumPy's own, on the values.

Some take elements from elsewhere too (np.where, np.concatenate, np.clip, an `initial`): those are operands like any
other (``rounded.py``): numbers are rounded, arrays need a dtype with numbers of the format only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .rounded import RoundedValues, carrier, common, exactly, fresh_stream, operand

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
        np.extract,
        np.matrix_transpose,
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
        np.pad,
        np.diag,
        np.tril,
        np.triu,
        np.block,
        np.broadcast_arrays,
        np.meshgrid,
        np.partition,
        np.nanmax,
        np.nanmin,
    }
)
#: arguments (place, name) whose elements may end up among the result's
_ELEMENTS: dict[Callable[..., Any], tuple[tuple[int, str], ...]] = {
    np.where: ((1, "x"), (2, "y")),
    np.append: ((0, "arr"), (1, "values")),
    np.insert: ((0, "arr"), (2, "values")),
    np.clip: ((0, "a"), (1, "a_min"), (2, "a_max"), (99, "min"), (99, "max")),
    np.pad: ((99, "constant_values"),),
    np.compress: ((1, "a"),),
    np.extract: ((1, "arr"),),
    **dict.fromkeys((np.max, np.min, np.amax, np.amin, np.nanmax, np.nanmin), ((4, "initial"),)),
}
#: those that take any number of arrays, each an argument
_EACH = frozenset({np.meshgrid, np.broadcast_arrays, np.atleast_1d, np.atleast_2d, np.atleast_3d})
#: those that take a sequence of arrays
_SEQUENCES = frozenset({np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack})
#: those that fill in zeros, which a format may not have
_FILLING = frozenset({np.pad, np.block, np.diag, np.tril, np.triu})
#: what np.pad may fill in: elements, or constants
_PADDING = ("constant", "edge", "reflect", "symmetric", "wrap", "empty", "maximum", "minimum")


def move(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``function(*args, **kwargs)`` for one of `MOVING`.

    Raises
    ------
    ArgumentError, FormatError
        If out= or dtype= is given, or np.pad is to fill in means; if arrays need their format said.
    """
    if kwargs.get("out") is not None:
        raise ArgumentError(
            f"np.{function.__name__}: out= is not defined for a FloatArray; assign the result: b[...] = ..."
        )
    if kwargs.get("dtype") is not None:
        raise ArgumentError(
            f"np.{function.__name__}: dtype={kwargs['dtype']!r}: the format decides what the elements are; cast with "
            "a.astype(...)"
        )
    mode = kwargs.get("mode", args[2] if len(args) > 2 else "constant") if function is np.pad else "constant"
    if mode not in _PADDING:
        raise ArgumentError(
            f"np.pad: mode={mode!r} fills in numbers with no defined rounding; known: {', '.join(_PADDING)}"
        )
    found: list[Any] = []
    _collect((args, kwargs), found)
    first = common(found, function.__name__)
    args, kwargs = _as_members(function, args, kwargs, first)
    result = function(*plain_values(args), **plain_values(kwargs))
    if function in _FILLING:
        result = exactly(np.asarray(result), first._arithmetic)
    stream = fresh_stream(function.__name__, *found) if len(found) > 1 else first._stream
    return _wrap(result, first, stream)


def _as_members(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], first: RoundedValues
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, those that give elements as operands."""
    name = function.__name__

    def member(x: Any) -> Any:
        return x if x is None or x is np._NoValue else operand(x, first, name)

    def members(x: Any) -> Any:
        return x if isinstance(x, RoundedValues) else [member(item) for item in x]

    def leaves(x: Any) -> Any:
        return [leaves(item) for item in x] if isinstance(x, list) else member(x)

    if function is np.block:
        given, convert = [(0, "arrays")], leaves
    elif function in _SEQUENCES:
        given, convert = [(0, "arrays"), (0, "tup")], members
    else:
        given, convert = list(_ELEMENTS.get(function, ())), member
    places, names = (
        set(range(len(args))) if function in _EACH else {place for place, _ in given},
        {name for _, name in given},
    )
    return (
        tuple(convert(x) if i in places else x for i, x in enumerate(args)),
        {key: convert(x) if key in names else x for key, x in kwargs.items()},
    )


def _collect(x: Any, found: list[Any]) -> None:
    if isinstance(x, RoundedValues):
        found.append(x)
    elif isinstance(x, (list, tuple)):
        for item in x:
            _collect(item, found)
    elif isinstance(x, dict):
        _collect(tuple(x.values()), found)


def plain_values(x: Any) -> Any:
    """FloatArrays replaced by their values, inside lists, tuples and dictionaries too."""
    if isinstance(x, RoundedValues):
        return x._values
    if isinstance(x, (list, tuple)):
        return type(x)(plain_values(item) for item in x)
    return {key: plain_values(item) for key, item in x.items()} if isinstance(x, dict) else x


def _wrap(result: Any, first: RoundedValues, stream: Any) -> Any:
    """Float results as FloatArrays; indices and counts (np.unique's) as they are."""
    if isinstance(result, (list, tuple)):
        return type(result)(_wrap(item, first, stream) for item in result)
    if np.asarray(result).dtype.kind != "f":
        return result
    return first.like(
        np.asarray(result, carrier(first._arithmetic)), stream
    )  # a list among float32 values makes float64 of them
