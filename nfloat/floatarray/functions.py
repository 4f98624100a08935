"""NumPy's functions on FloatArrays (``__array_function__``): which are defined, and how.

`MOVING` functions (``moving.py``) only move, repeat or select elements; `ASKING` ones answer in indices, booleans,
shapes or text; both are NumPy's own on the values. np.save and np.savez keep the format (``npy.py``). `ROUNDING` ones
add or multiply, and are built on rounded operations: here, in ``statistics.py``, ``einsum.py`` and ``linear.py``. Every
other function raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ArgumentError, as_integer
from . import folds
from .einsum import einsum
from .linear import LINEAR
from .moving import MOVING, move, plain_values
from .npy import saver
from .rounded import RoundedValues, common, operand
from .statistics import STATISTICS, is_set
from .ufuncs import multiply_matrices, rounded_result, write

ASKING = frozenset(
    {
        np.argmax,
        np.argmin,
        np.argsort,
        np.argpartition,
        np.argwhere,
        np.isposinf,
        np.isneginf,
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
        np.isin,
        np.digitize,
        np.lexsort,
        np.nanargmax,
        np.nanargmin,
        np.isreal,
        np.iscomplexobj,
        np.isrealobj,
        np.array2string,
        np.array_repr,
        np.array_str,
        np.savetxt,
    }
)
#: NumPy functions that write into an array
_WRITING = frozenset({np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis})
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
        return function(*plain_values(args), **plain_values(kwargs))
    if function is np.copyto:
        return _copy_to(*args, **kwargs)
    if function in (np.save, np.savez, np.savez_compressed):
        return saver(function)(*args, **kwargs)
    if function not in MOVING:
        name = f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)
        if function in _WRITING:
            raise ArgumentError(f"{name} is not defined for a FloatArray; assign instead, which rounds: a[...] = ...")
        raise ArgumentError(
            f"{name} is not defined for a FloatArray; compute it on the values, np.asarray(a), "
            "and round numbers that come out: nf.array(..., a.format)"
        )
    return move(function, args, kwargs)


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
        return folds.reduce(ufunc, a, axis, dtype, out, is_set(keepdims), where=mask, **start)

    return function


def _accumulation(ufunc: np.ufunc) -> Callable[..., Any]:
    def function(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
        flat = a if axis is not None else a.like(a._values.reshape(-1)) if isinstance(a, RoundedValues) else np.ravel(a)
        return folds.accumulate(ufunc, flat, 0 if axis is None else axis, dtype, out)

    return function


def dot(a: Any, b: Any, out: Any = None) -> Any:
    """np.dot's shapes: scalars multiply, vectors and matrices as `a @ b`."""
    first = common([a, b, out], "dot")
    if np.ndim(plain_values(a)) == 0 or np.ndim(plain_values(b)) == 0:
        result = rounded_result(np.multiply, [a, b], first)
    elif np.ndim(plain_values(b)) > 2:
        raise ArgumentError(
            "np.dot of a FloatArray with more than two dimensions on the right is not defined; use a @ b"
        )
    else:
        result = multiply_matrices([a, b], first)
    return result if out is None else write("dot", result, out, True)


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    """Differences of neighbours, each rounded, n times over; `prepend` and `append` are operands like any other.

    Raises
    ------
    ArgumentError
        If n is not an integer of at least 0.
    """
    times = as_integer(n)
    if times is None or times < 0:
        raise ArgumentError(f"diff: n={n!r} must be an integer of at least 0")
    first = common([a, prepend, append], "diff")
    parts = [np.asarray(operand(x, first, "diff")) for x in (prepend, a, append) if x is not np._NoValue]
    shape = list(np.shape(plain_values(a)))
    shape[axis] = 1
    parts = [np.broadcast_to(x, shape) if x.ndim == 0 else x for x in parts]
    a = first.like(np.concatenate(parts, axis=axis, dtype=first._values.dtype)) if len(parts) > 1 else a
    for _ in range(times):
        last_first = a.like(np.moveaxis(a._values, axis, 0))
        a = last_first[1:] - last_first[:-1]
        a = a.like(np.moveaxis(a._values, 0, axis))
    return a


def _filled(name: str, a: Any, value: Any, dtype: Any = None, **how: Any) -> Any:
    """An array like `a` of one number, rounded as a Python number is (a format without zero has NaN for it)."""
    if dtype is not None:
        raise ArgumentError(
            f"np.{name}: dtype={dtype!r}: the format decides what the elements are; use np.{name}(np.asarray(a), "
            f"{dtype!r})"
        )
    return a.like(np.full_like(a._values, operand(value, a, name), **how))


def _copy_to(target: Any, source: Any, casting: Any = "same_kind", where: Any = True) -> None:
    """An assignment, which rounds; into a plain array NumPy's own copy of the values."""
    if not isinstance(target, RoundedValues):
        np.copyto(target, plain_values(source), casting=casting, where=where)
    elif where is True:
        target[...] = source  # type: ignore[index]
    else:
        chosen = np.broadcast_to(np.asarray(where, bool), target._values.shape)
        target[chosen] = np.broadcast_to(plain_values(source), target._values.shape)[chosen]  # type: ignore[index]


#: NumPy's functions that round, and how
ROUNDING: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: _reduction(np.add),
    np.prod: _reduction(np.multiply),
    np.cumsum: _accumulation(np.add),
    np.cumprod: _accumulation(np.multiply),
    np.dot: dot,
    np.outer: lambda a, b, out=None: folds.outer(np.multiply, np.ravel(a), np.ravel(b), out),
    np.inner: lambda a, b: dot(a, np.swapaxes(b, -1, -2) if np.ndim(plain_values(b)) > 1 else b),
    np.vdot: lambda a, b: dot(np.ravel(a), np.ravel(b)),
    np.diff: diff,
    np.zeros_like: lambda a, **how: _filled("zeros_like", a, 0.0, **how),
    np.ones_like: lambda a, **how: _filled("ones_like", a, 1.0, **how),
    np.empty_like: lambda a, **how: _filled("empty_like", a, 0.0, **how),
    np.full_like: lambda a, fill_value, **how: _filled("full_like", a, fill_value, **how),
    np.einsum: einsum,
    **STATISTICS,
    **LINEAR,
}
