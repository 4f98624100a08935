"""Tensors and arrays that share their memory.

bfloat16, float16 and float8 have no NumPy type that computes; they are widened to float32, which is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..nn.precision import Floats

#: torch's type -> NumPy's, of the numbers that share memory
SHARED: dict[torch.dtype, np.dtype[Any]] = {
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}
_SINGLE, _DOUBLE = torch.float32, torch.float64
#: NumPy's carriers -> torch's types
TYPES = {dtype: own for own, dtype in SHARED.items()}


def array_of(t: torch.Tensor) -> Floats:
    """The tensor's values; its own memory where it is float32 or float64."""
    if t.requires_grad:
        t = t.detach()
    if t._is_zerotensor():  # zeros without memory, of forward derivatives
        return np.zeros(t.shape, SHARED.get(t.dtype, np.float32))
    dtype = t.dtype
    return t.numpy() if dtype is _SINGLE or dtype is _DOUBLE else t.to(_SINGLE).numpy()


def tensor_of(a: NDArray[Any], dtype: torch.dtype) -> torch.Tensor:
    """A tensor over the array's memory, or of its values in another type."""
    flags = a.flags
    if not flags.carray and (not flags.writeable or min(a.strides, default=0) < 0):
        a = a.copy()
    t = torch.from_numpy(a)
    return t if t.dtype is dtype else t.to(dtype)
