"""What an array argument may be.

Anything array-like of real numbers, brought to a C-contiguous float32 or float64 carrier.

Nothing is ever rounded on the way in: integers beyond 2^53 that float64 cannot hold, long doubles with more digits than
float64, complex numbers, strings and objects are refused with the argument's name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from .memory import check_size

_FLOAT32 = np.dtype(np.float32)
_FLOAT64 = np.dtype(np.float64)
_MAX_EXACT = 2**53
#: arrays of more elements are held against the memory that is free
LARGE = 1 << 26
#: an array's `flags.num` & LAYOUT is CARRAY if it is C-contiguous, aligned and writable, and may be so without a
#: warning: what `np.broadcast_arrays` returns warns where `flags.carray` looks whether it is writable
LAYOUT, CARRAY = 0x80000501, 0x501


def as_carrier(x: ArrayLike, argument: str, *, single: bool) -> NDArray[np.floating]:
    """`x` as a C-contiguous array: float32 if `single` and x is no wider, else float64.

    Raises
    ------
    ArgumentError
        If x is not real numbers, or holds one that float64 cannot hold.
    """
    if type(x) is np.ndarray and x.dtype is _FLOAT32 and single and x.flags.num & LAYOUT == CARRAY:
        return x  # the common case, first: it decides what a call on a small array costs
    if type(x) is not np.ndarray:
        x = _as_array(x, argument)
    if x.size > LARGE:
        check_size(argument, x.shape, 4 if single and x.dtype.itemsize <= 4 else 8)
    dtype = x.dtype
    if dtype is not _FLOAT32 and dtype is not _FLOAT64:
        x = _to_float(x, argument)
        dtype = x.dtype
    if dtype == _FLOAT32 and not single:
        x = _cast(x, _FLOAT64)
    if x.flags.num & LAYOUT != CARRAY:
        x = np.array(x, order="C", copy=True)
    return x


def as_array(x: Any, argument: str, dtype: Any = None) -> NDArray[Any]:
    """`x` as NumPy reads it, of a dtype, if one is given: for labels, targets and other truths that nothing rounds.

    Raises
    ------
    ArgumentError
        If it is no array.
    """
    try:
        return np.asarray(x, dtype)
    except Exception as error:  # what an object's own methods raise
        raise ArgumentError(f"{argument}: cannot be read as an array of numbers ({error})") from None


def refuse_masked(x: ArrayLike, argument: str) -> None:
    """Refuse masked elements, of which NumPy would take what lies behind the mask.

    Raises
    ------
    ArgumentError
        If x is a masked array, or a list with one in it, that has masked elements.
    """
    inside = x if isinstance(x, (list, tuple)) else ()
    for part in (x, *inside):
        if isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part):
            raise ArgumentError(
                f"{argument}: a masked array with masked elements; fill them first (x.filled(value)) or compress it"
            )


def _as_array(x: ArrayLike, argument: str) -> NDArray[Any]:
    refuse_masked(x, argument)
    try:
        array = np.asarray(x)
    except Exception as error:  # what an object's own methods raise
        raise ArgumentError(f"{argument}: cannot be read as an array of numbers ({error})") from None
    if array.dtype == object:
        return _from_objects(array, argument)
    if (
        array.dtype == _FLOAT64
        and isinstance(x, (list, tuple))
        and np.any(np.isfinite(array) & (np.abs(array) >= _MAX_EXACT))
    ):
        return _from_objects(np.asarray(x, dtype=object), argument)  # integers among floats: NumPy has rounded them
    return array


def _from_objects(array: NDArray[Any], argument: str) -> NDArray[Any]:
    """Python integers too large for int64 and fractions arrive as objects: taken if float64 holds them exactly."""
    out = np.empty(array.shape)
    for i, item in np.ndenumerate(array):
        try:
            out[i] = value = float(item)
            exact = value == item or item != item  # a Python float: NumPy's would round an integer before it compares
        except (TypeError, ValueError, OverflowError):
            exact = False
        if not exact or isinstance(item, (str, bytes, complex)):
            where = f": element {i}" if i else ""
            raise ArgumentError(
                f"{argument}{where} is {_short(item)} ({type(item).__name__}), which is not a float64 value; pass "
                "real numbers that float64 holds"
            )
    return out


def _short(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 60 else text[:57] + "..."


def _cast(x: NDArray[Any], dtype: np.dtype) -> NDArray[Any]:
    """astype, without NumPy's warning about a signalling NaN or an overflow (which is looked for afterwards)."""
    with np.errstate(all="ignore"):
        return x.astype(dtype)


def _to_float(x: NDArray[Any], argument: str) -> NDArray[np.floating]:
    """Exact conversion of any real dtype to a native float32 or float64."""
    kind, name = x.dtype.kind, x.dtype.name
    if x.dtype == object:
        return _from_objects(x, argument)
    if kind == "f" and x.dtype.itemsize <= 4:
        return _cast(x, _FLOAT32)
    if kind == "f" and x.dtype.itemsize == 8:
        return x.astype(_FLOAT64)
    if kind == "b":
        return x.astype(_FLOAT64)
    if kind in "iu" or name in ("int2", "int4", "uint2", "uint4", "int1", "uint1"):
        return _from_integers(x, argument)
    if kind == "f":
        y = _cast(x, _FLOAT64)
        wrong = (y != x) & (x == x)
        if wrong.any():
            raise ArgumentError(
                f"{argument}: {x[wrong][0]!r} ({name}) is not a float64 value; round it to float64 yourself if that "
                "is meant"
            )
        return y
    if name.startswith(("bfloat16", "float8", "float6", "float4")):  # ml_dtypes: all within float32
        return _cast(x, _FLOAT32)
    raise ArgumentError(f"{argument}: dtype {x.dtype} is not real numbers; pass floats, integers or an ml_dtypes array")


def _from_integers(x: NDArray[Any], argument: str) -> NDArray[np.floating]:
    if x.dtype.itemsize <= 4:
        return x.astype(_FLOAT64)
    y = x.astype(_FLOAT64)
    whole = x.astype(np.uint64) if x.dtype.kind == "u" else np.where(x < 0, -(x.astype(np.int64)), x).astype(np.uint64)
    if whole.size and whole.max() > _MAX_EXACT:  # exact if nothing but zeros follows the first 53 bits
        low = whole & (~whole + np.uint64(1))
        wrong = (whole > _MAX_EXACT) & ((whole >> np.uint64(53)) >= low)
        if wrong.any():
            raise ArgumentError(
                f"{argument}: integer {int(x[wrong][0])} is not a float64 value; beyond 2**53 only some are"
            )
    return y


def restore_scalar(result: NDArray[Any], x: ArrayLike) -> Any:
    """A NumPy scalar if `x` was one (a Python number or NumPy scalar), else the array."""
    if result.ndim == 0 and type(x) is not np.ndarray:
        return result[()]
    return result
