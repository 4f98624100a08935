"""Tensors and arrays that share their memory.

bfloat16, float16 and float8 have no NumPy type that computes; they are widened to float32, which is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..nn.precision import Floats
from ..ops.arguments import CARRAY, LAYOUT

#: torch's type -> NumPy's, of the numbers that share memory
SHARED: dict[torch.dtype, np.dtype[Any]] = {
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}
_SINGLE, _DOUBLE = torch.float32, torch.float64
#: NumPy's carriers -> torch's types
TYPES = {dtype: own for own, dtype in SHARED.items()}


@cache
def name_of(dtype: torch.dtype) -> str:
    """A type's name, as NumPy and traces have it."""
    return str(dtype).removeprefix("torch.")


def is_float(value: Any) -> bool:
    """Whether an argument is a tensor of real or complex numbers."""
    return isinstance(value, torch.Tensor) and (value.is_floating_point() or value.is_complex())


def elements(x: torch.Tensor, y: torch.Tensor) -> int:
    """Elements of what two tensors broadcast to."""
    one, other = x.shape, y.shape
    return x.numel() if one == other else _elements(one, other)


@lru_cache(maxsize=4096)
def _elements(*shapes: tuple[int, ...]) -> int:
    return math.prod(np.broadcast_shapes(*shapes))


def array_of(t: torch.Tensor) -> Floats:
    """The tensor's values; its own memory where it is float32 or float64."""
    try:
        found = getattr(t.untyped_storage(), "_array", None)
    except RuntimeError:  # no memory
        found = None
    if found is not None:
        array, at, dtype = found
        if t.data_ptr() == at and t.dtype is dtype:
            array = _turned(array, t)
            if array is not None:
                return array
    if t.requires_grad:
        t = t.detach()
    dtype = t.dtype
    try:
        return t.numpy() if dtype is _SINGLE or dtype is _DOUBLE else t.to(_SINGLE).numpy()
    except RuntimeError:
        if not t._is_zerotensor():
            raise
        return np.zeros(t.shape, SHARED.get(dtype, np.float32))  # zeros without memory, of forward derivatives


def tensor_of(a: NDArray[Any], dtype: torch.dtype, keep: bool = False) -> torch.Tensor:
    """A tensor over the array's memory, or of its values in another type.

    `keep`: the array is kept beside the memory, which holds it anyway (and it does not hold the memory): to ask torch
    for one takes microseconds.
    """
    if keep and a.flags.num & LAYOUT == CARRAY and a.dtype is SHARED.get(dtype):
        t = torch.from_numpy(a)
        t.untyped_storage()._array = a, t.data_ptr(), dtype
        return t
    if not a.flags.carray and (not a.flags.writeable or min(a.strides, default=0) < 0):
        a = a.copy()
    t = torch.from_numpy(a)
    return t if t.dtype is dtype else t.to(dtype)


def as_it_lies(function: Callable[[Floats], Floats | None], x: Floats) -> Floats | None:
    """A function of each number by itself, of an array whose axes may lie in another order than C's.

    The result lies so too, as torch's would: a program may turn it back and look at it in another shape. None of an
    array whose axes lie in C's order, or that repeats numbers.
    """
    order = order_of(x.strides)
    if order == list(range(x.ndim)) or x.strides[order[-1]] <= 0:
        return None
    found = function(np.ascontiguousarray(x.transpose(order)))
    return None if found is None else found.transpose(np.argsort(order))


def number_by_number(function: Callable[[Floats], Floats], x: Floats) -> Floats:
    """A function of each number by itself, whose result lies as the array does."""
    found = None if x.flags.c_contiguous else as_it_lies(function, x)
    return function(x) if found is None else found


def pair_by_pair(function: Callable[[Floats, Floats], Floats], x: Floats, y: Floats) -> Floats:
    """A function of each pair of numbers, whose result lies as x does, unless x repeats numbers."""
    if x.flags.c_contiguous or x.shape != y.shape or 0 in x.strides:
        return function(x, y)
    order = order_of(x.strides)
    found = function(*[np.ascontiguousarray(a.transpose(order)) for a in (x, y)])
    return found.transpose(np.argsort(order))


def laid_as(values: Floats, *tensors: torch.Tensor) -> Floats:
    """An image's values, channels last in memory where one of the tensors has them so, as torch's kernels do it."""
    kinds = {4: torch.channels_last, 5: torch.channels_last_3d}
    last = kinds.get(values.ndim)
    if last is None or not any([t.is_contiguous(memory_format=last) and not t.is_contiguous() for t in tensors]):
        return values
    return in_order(values, (0, *range(2, values.ndim), 1))


def order_of(strides: Sequence[int]) -> list[int]:
    """The axes of what has these strides as they lie in memory, the outermost first."""
    return sorted(range(len(strides)), key=lambda axis: -strides[axis])


def in_order(values: Floats, order: Sequence[int]) -> Floats:
    """Values whose axes lie in memory in that order, the outermost first."""
    return np.ascontiguousarray(values.transpose(order)).transpose(np.argsort(order))


def strided(x: Floats, t: torch.Tensor, offset: int) -> Floats:
    """Some numbers of a contiguous array, as they lie in a tensor."""
    found = None if offset else _turned(x, t)
    return torch.from_numpy(x).as_strided(t.shape, t.stride(), offset).numpy() if found is None else found


def _turned(x: Floats, t: torch.Tensor) -> Floats | None:
    """A contiguous array, or its transpose, where a tensor that begins where it does lies so."""
    shape, own = x.shape, t.shape
    if own == shape and t.is_contiguous():
        return x
    return x.T if len(shape) == 2 and own == shape[::-1] and t.stride() == (1, shape[1]) else None
