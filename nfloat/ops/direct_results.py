"""The short way from a call of `add`, `exp`, ... to the kernels, for the commonest operands: what ``direct.py`` is for.

Contiguous arrays of one shape and carrier, mostly no longer than a piece of the long way, or two Python floats. What a
call needs is looked up once for each way of calling; what is not just so gives None, and goes the way that normalises
and explains. So does a call in which a kernel hands a block back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..formats.names import FormatLike
from ..formats.rounding import OverflowLike, RoundingLike
from ..kernels.arithmetic.functions_lanes import ziv_single
from ..kernels.arithmetic.operations import Operation
from ..kernels.arithmetic.results_lanes import to_odd32, to_odd64
from ..kernels.arithmetic.short import nearest_short
from ..kernels.jit import entry_point
from .approximations import APPROXIMATIONS
from .arguments import CARRAY, LAYOUT
from .compute import PIECE, has_unsigned_zero, lanes_form, replace_refused
from .direct import FLOAT32
from .rounder import LARGE, Rounder, rounder

FLOAT64 = np.dtype(np.float64)
_empty, _ndarray = np.empty, np.ndarray
_BOOL, _INT64 = np.dtype(bool), np.dtype(np.int64)
#: where kernels say which blocks of one piece they hand back: only how many there are is looked at here, so threads may
#: share it
_REFUSED = np.empty((PIECE >> 3) + 2, np.int64)
#: what fills the last block of an approximation: numbers far from every breakpoint of a short format
_UNDECIDED_NOWHERE = np.full(PIECE, 1.3, np.float32)


class Pair(NamedTuple):
    """An operation rounded to odd, then rounded: both kernels with their constants."""

    to_odd: Callable[..., int]
    form: int
    rounded: Callable[..., None]
    spec_array: NDArray[np.float64]


@lru_cache(maxsize=4096)
def _pair(
    op: Operation, fmt: FormatLike, rounding: RoundingLike, overflow: OverflowLike | None, bits: int
) -> Pair | None:
    how = rounder(fmt, rounding, overflow, None)
    dtype, function = (FLOAT32, how.round32) if bits == 32 else (FLOAT64, how.round64)
    form = lanes_form(op, how, dtype)
    if form is None or function is None or (bits == 32 and (not how.single or how.widens)):
        return None
    index = 1 if bits == 64 and len(_signatures(function)) > 1 else 0
    return Pair(entry_point(to_odd32 if bits == 32 else to_odd64), form, entry_point(function, index), how.spec_array)


def _signatures(function: Any) -> tuple[str, ...]:
    from ..kernels.jit import KERNELS

    return next(known for dispatcher, known in KERNELS.values() if dispatcher is function)


def direct_result(
    op: Operation, x: Any, y: Any, fmt: Any, rounding: Any, overflow: Any
) -> NDArray[np.floating] | np.floating | None:
    """op(x, y) rounded, or None where the long way must look."""
    scalar = type(x) is not _ndarray
    if scalar and type(x) is float and type(y) is float:
        x, y = np.array((x,)), np.array((y,))
    elif scalar or type(y) is not _ndarray:
        return None
    dtype, shape, size = x.dtype, x.shape, x.size
    if dtype is not y.dtype or not (dtype is FLOAT32 or dtype is FLOAT64) or shape != y.shape or size > PIECE:
        return None
    if x.flags.num & LAYOUT != CARRAY or y.flags.num & LAYOUT != CARRAY:
        return None
    try:
        pair = _pair(op, fmt, rounding, overflow, 32 if dtype is FLOAT32 else 64)
    except Exception:  # an unhashable argument, or a wrong one: `rounder` names it
        return None
    if pair is None:
        return None
    flat = len(shape) == 1
    if not flat:
        x, y = x.reshape(-1), y.reshape(-1)
    if size & 15:
        x, y = _whole_blocks(x, y)
    to_odd, form, rounded, spec_array = pair
    odd = _empty(x.size, dtype)
    if to_odd(form, x, y, odd, _REFUSED):
        return None
    out = _empty(size, dtype)
    rounded(odd[:size] if size & 15 else odd, out, spec_array, 0, 0)
    if scalar:
        return out[0]
    return out if flat else out.reshape(shape)


def _whole_blocks(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """x, y and ones up to a multiple of 16 elements: a kernel hands back a block that is not whole."""
    size = x.size
    both = _two_of_ones(size + 15 & ~15, x.dtype).copy()
    one, other = both[0], both[1]
    one[:size] = x
    other[:size] = y
    return one, other


@lru_cache(maxsize=256)
def _two_of_ones(size: int, dtype: np.dtype) -> NDArray[Any]:
    return np.ones((2, size), dtype)


# ------------------------------------------------------------ numbers of the format, in float32
class Members(NamedTuple):
    """One kernel that rounds the hardware's result again, which is innocuous for numbers of the format."""

    kernel: Callable[..., int]
    unsigned_zero: bool
    spec_array: NDArray[np.float64]


@lru_cache(maxsize=1024)
def _members(op: Operation, how: Rounder) -> Members | None:
    if not how.is_short or lanes_form(op, how, FLOAT32) is None:
        return None
    return Members(entry_point(nearest_short), has_unsigned_zero(how), how.spec_array)


def direct_members(op: Operation, x: NDArray[Any], y: NDArray[Any], how: Rounder) -> NDArray[np.floating] | None:
    """op(x, y) rounded for two carriers of numbers of the format, or None where the long way must look.

    Large ones too: nothing is kept between two kernels, and what Python does takes five times as long where a large
    array was last.
    """
    if x.dtype is not FLOAT32 or x.shape != y.shape or not 0 < x.size <= LARGE:
        return None
    if x.flags.num & LAYOUT != CARRAY or y.flags.num & LAYOUT != CARRAY:
        return None
    way = _members(op, how)
    if way is None:
        return None
    shape, size = x.shape, x.size
    if x.ndim != 1:
        x, y = x.reshape(-1), y.reshape(-1)
    large = size > PIECE
    if size & 15 and not large:
        x, y = _whole_blocks(x, y)
    out, refused = _empty(x.size, FLOAT32), _empty(size // 16 + 1, _INT64) if large else _REFUSED
    count = way.kernel(op.value, x, y, out, refused, way.unsigned_zero, way.spec_array)
    if count and not large:
        return None
    if count:
        with np.errstate(invalid="ignore"):  # a signalling NaN would warn
            replace_refused(op, (x, y), out, refused[:count], 16, how, 0)
    if out.size > size:
        out = out[:size].copy()
    return out if len(shape) == 1 else out.reshape(shape)


# ------------------------------------------------------------ elementary functions
class Approximated(NamedTuple):
    """An approximation in float32, and the kernel that keeps what it decides."""

    evaluate: Callable[..., NDArray[np.float32]]
    ziv: Callable[..., None]
    error: float
    traits: int
    spec_array: NDArray[np.float64]


@lru_cache(maxsize=1024)
def _approximated(name: str, fmt: FormatLike, rounding: RoundingLike, overflow: OverflowLike | None) -> Any:
    how, form = rounder(fmt, rounding, overflow, None), APPROXIMATIONS[name]
    if (
        not how.in_lanes
        or how.format.precision > 11
        or not isinstance(form.single, np.ufunc)
        or how.format.flushes_input
    ):
        return None
    return Approximated(form.single, entry_point(ziv_single), 2 * form.single_error, int(form.traits), how.spec_array)


def direct_function(name: str, x: Any, fmt: Any, rounding: Any, overflow: Any) -> NDArray[np.floating] | None:
    """f(x) rounded, for a small float32 array in a short format; None where the long way must look."""
    if type(x) is not _ndarray or x.dtype is not FLOAT32 or x.ndim != 1 or x.flags.num & LAYOUT != CARRAY:
        return None
    if not 0 < x.size <= PIECE:
        return None
    try:
        way = _approximated(name, fmt, rounding, overflow)
    except Exception:  # an unhashable argument, or a wrong one: `rounder` names it
        return None
    if way is None:
        return None
    size = x.size
    y = _UNDECIDED_NOWHERE[: size + 15 & ~15].copy()
    with np.errstate(all="ignore"):
        way.evaluate(x, out=y[:size])
    out, marks = _empty(y.size, FLOAT32), _empty(y.size, _BOOL)
    way.ziv(y, out, marks, way.error, way.traits, way.spec_array)
    if marks.any():
        return None
    return out if size == y.size else out[:size].copy()
