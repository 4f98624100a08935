"""What an assertion takes: NumPy and ml_dtypes arrays, FloatArrays, block arrays, codes, and anything with DLPack.

`as_values` turns each of them into an array of the numbers themselves. PyTorch, JAX and their kind are read through the
DLPack protocol and never imported; bfloat16 and FP8, which NumPy does not know, are read as codes.

Source: dlpack.h of DLPack 1.1 (the layout of ``DLTensor``, the type codes, the device types).
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.array import BlockArray
from ..errors import ArgumentError, as_truth
from ..formats.names import FormatLike, get_format
from ..linalg.blocks import exact_values
from ..ops.arguments import as_array, as_carrier
from ..ops.codes import decode

#: DLPack's type code -> our format, of the types of one code a number
_FORMATS = {
    4: "bfloat16",
    7: "float8_e3m4",
    8: "float8_e4m3",
    9: "float8_e4m3b11fnuz",
    10: "float8_e4m3fn",
    11: "float8_e4m3fnuz",
    12: "float8_e5m2",
    13: "float8_e5m2fnuz",
    14: "float8_e8m0fnu",
}
#: kDLCPU, kDLCUDAHost, kDLCUDAManaged and kDLROCMHost: memory that this process may read
_READABLE = (1, 3, 11, 13)


class _Tensor(ctypes.Structure):
    """``DLTensor``."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


def as_values(x: Any, argument: str, fmt: FormatLike | None = None, *, codes: bool = False) -> NDArray[np.floating]:
    """The numbers of an argument as a C-contiguous float32 or float64 array.

    Parameters
    ----------
    x : array_like
        An array of any of the kinds above, a list or a number; codes of `fmt` where `codes` says so.
    argument : str
        Its name, for errors.

    Raises
    ------
    ArgumentError
        If it is not real numbers, lies on a device, needs a gradient, or there is no format for its codes.

    Examples
    --------
    >>> import ml_dtypes
    >>> as_values(np.array([1.5], ml_dtypes.bfloat16), "x"), as_values(np.uint8([56]), "x", "e4m3fn", codes=True)
    (array([1.5], dtype=float32), array([1.], dtype=float32))
    """
    if isinstance(x, BlockArray):
        x = exact_values(x)
    elif _foreign(x):
        x = from_dlpack(x, argument)
    if not as_truth(codes, "codes"):
        return as_carrier(x, argument, single=True)
    if fmt is None:
        raise ArgumentError(f"{argument}: codes=True needs fmt, the format of the codes")
    return as_carrier(np.asarray(decode(as_array(x, argument), get_format(fmt))), argument, single=True)


def as_double(x: Any, argument: str, fmt: FormatLike | None = None, *, codes: bool = False) -> NDArray[np.float64]:
    """`as_values` in float64."""
    with np.errstate(invalid="ignore"):
        return np.asarray(as_values(x, argument, fmt, codes=codes), np.float64)


def as_plain(x: Any, argument: str) -> NDArray[Any]:
    """An array as NumPy has it, whatever its dtype; another library's copied."""
    return from_dlpack(x, argument) if _foreign(x) else as_array(x, argument)


def _foreign(x: Any) -> bool:
    """Whether it is another library's array: NumPy's own have DLPack too."""
    return not isinstance(x, (np.ndarray, np.generic)) and hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__")


def from_dlpack(x: Any, argument: str) -> NDArray[Any]:
    """A copy of another library's array: its numbers, or the values of its codes.

    Raises
    ------
    ArgumentError
        If the library does not hand it out, it lies on a device, or its type is none of ours.
    """
    try:
        kind = int(x.__dlpack_device__()[0])
    except (RuntimeError, TypeError, ValueError) as error:  # a tensor without memory
        raise ArgumentError(f"{argument}: {type(x).__name__} gives no DLPack array ({error})") from None
    if kind not in _READABLE:
        raise ArgumentError(f"{argument}: lies on a device (DLPack type {kind}); bring it to the CPU first, as .cpu()")
    try:
        capsule = x.__dlpack__()
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise ArgumentError(f"{argument}: {type(x).__name__} gives no DLPack array ({error})") from None
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    tensor = _Tensor.from_address(pointer(capsule, b"dltensor"))
    raw = _bytes_of(tensor, _dtype_of(tensor, argument))
    return np.asarray(decode(raw, _FORMATS[tensor.code])) if tensor.code in _FORMATS else raw


def _dtype_of(tensor: _Tensor, argument: str) -> np.dtype:
    """The dtype of its memory: that of codes for the types that NumPy does not know."""
    letter = {0: "i", 1: "u", 2: "f", 6: "b"}.get(tensor.code, "u" if tensor.code in _FORMATS else "")
    if not letter or tensor.lanes != 1 or tensor.bits not in (8, 16, 32, 64):
        raise ArgumentError(
            f"{argument}: DLPack type {tensor.code} of {tensor.bits} bits x {tensor.lanes} is not real numbers of one "
            "code each; hand over its values, or its codes as unsigned integers"
        )
    return np.dtype(f"{letter}{tensor.bits // 8}")


def _bytes_of(tensor: _Tensor, dtype: np.dtype) -> NDArray[Any]:
    """A copy of the memory in C order; strides count elements, and none mean C order."""
    shape = tuple(tensor.shape[: tensor.ndim])
    if 0 in shape:
        return np.empty(shape, dtype)
    strides = tuple(tensor.strides[: tensor.ndim]) if tensor.strides else _c_order(shape)
    steps = [(n - 1) * stride for n, stride in zip(shape, strides, strict=True)]
    low, high = sum(step for step in steps if step < 0), sum(step for step in steps if step > 0)
    start = tensor.data + tensor.byte_offset + low * dtype.itemsize
    memory = (ctypes.c_char * ((high - low + 1) * dtype.itemsize)).from_address(start)
    flat = np.frombuffer(memory, dtype)[-low:]
    return np.lib.stride_tricks.as_strided(flat, shape, tuple(s * dtype.itemsize for s in strides)).copy()


def _c_order(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides = [1]
    for n in shape[:0:-1]:
        strides.insert(0, strides[0] * n)
    return tuple(strides)[: len(shape)]
