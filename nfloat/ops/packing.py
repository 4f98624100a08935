"""`pack` and `unpack`: codes side by side in bytes, and back."""

from __future__ import annotations

from math import prod
from operator import index

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, ShapeError
from ..formats.names import FormatLike, get_format
from .codes import as_codes, code_dtype

_MOST_DIMENSIONS = 64 if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else 32


def pack(codes: ArrayLike, fmt: FormatLike) -> NDArray[np.uint8]:
    """Codes side by side in bytes, little-endian bit order.

    Code i fills bits [i b, (i + 1) b) of the buffer, b = fmt.bits.

    Returns
    -------
    ndarray of uint8
        One-dimensional, ceil(size * b / 8) bytes; unused bits of the last one are 0.

    Raises
    ------
    ArgumentError
        As in `decode`.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.pack([1, 2, 3], "float4_e2m1fn")
    array([33,  3], dtype=uint8)
    """
    f = get_format(fmt)
    c = as_codes(codes, f, "codes").reshape(-1)
    if f.bits % 8 == 0:
        width = f.bits // 8
        return np.ascontiguousarray(_bytes(c)[:, :width]).reshape(-1)
    bits = np.unpackbits(_bytes(c), axis=1, count=f.bits, bitorder="little")
    return np.packbits(bits.reshape(-1), bitorder="little")


def _bytes(c: NDArray[np.unsignedinteger]) -> NDArray[np.uint8]:
    """The bytes of codes, one row a code, least significant first."""
    return c.astype(c.dtype.newbyteorder("<")).view(np.uint8).reshape(c.size, c.itemsize)


def _as_bytes(buffer: ArrayLike) -> NDArray[np.uint8]:
    """A buffer as an array of uint8."""
    try:
        raw = (
            np.frombuffer(buffer, np.uint8)
            if isinstance(buffer, (bytes, bytearray, memoryview))
            else np.asarray(buffer)
        )
    except Exception as error:  # what an object's own methods raise, too
        raise ArgumentError(f"buffer: cannot be read as bytes ({error})") from None
    if raw.dtype != np.uint8:
        raise ArgumentError(f"buffer: dtype {raw.dtype} is not uint8; pass the bytes that nf.pack returned")
    return raw


def _dimensions(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    """A shape as a tuple of non-negative integers."""
    dims = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    try:
        if any(isinstance(d, (bool, np.bool_)) for d in dims):
            raise TypeError
        whole = tuple(index(d) for d in dims)
    except Exception:  # what an object's own methods raise
        whole = (-1,)
    if min(whole, default=0) < 0:
        raise ShapeError(f"shape={shape!r} must be a non-negative integer or a tuple of them")
    if len(whole) > _MOST_DIMENSIONS or prod(n for n in whole if n) >= 2**60:
        raise ShapeError(
            f"shape={shape!r} is one that no array has: NumPy knows {_MOST_DIMENSIONS} dimensions and 2^60 elements of "
            "8 bytes, an empty array's other dimensions counted"
        )
    return whole


def unpack(buffer: ArrayLike, fmt: FormatLike, shape: int | tuple[int, ...]) -> NDArray[np.unsignedinteger]:
    """The codes that `pack` put into `buffer`, in the given shape.

    Raises
    ------
    ArgumentError
        If the buffer is not bytes.
    ShapeError
        If it does not have just the bytes that the shape needs.

    Examples
    --------
    >>> import nfloat as nf
    >>> import numpy as np
    >>> nf.unpack(np.array([33, 3], np.uint8), "float4_e2m1fn", 3)
    array([1, 2, 3], dtype=uint8)
    """
    f = get_format(fmt)
    dims = _dimensions(shape)
    raw = _as_bytes(buffer)
    size, width = prod(dims), code_dtype(f).itemsize
    if raw.size != -(-size * f.bits // 8):
        raise ShapeError(
            f"buffer: {raw.size} bytes, but shape={shape!r} of {f.name} ({f.bits} bits a code) needs "
            f"{-(-size * f.bits // 8)}"
        )
    if f.bits % 8 == 0:
        whole = np.zeros((size, width), np.uint8)
        whole[:, : f.bits // 8] = raw.reshape(size, f.bits // 8)
    else:
        bits = np.zeros((size, 8 * width), np.uint8)
        bits[:, : f.bits] = np.unpackbits(raw.reshape(-1), count=size * f.bits, bitorder="little").reshape(size, f.bits)
        whole = np.packbits(bits, axis=1, bitorder="little")
    return whole.view(code_dtype(f).newbyteorder("<")).astype(code_dtype(f), copy=False).reshape(dims)
