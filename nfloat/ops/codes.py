"""`encode`, `decode`, `pack`, `unpack`: between values, codes and bytes."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, RepresentationError, ShapeError
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..formats.rounding import OverflowLike, RoundingLike
from ..formats.spec import code_spec
from ..kernels.codes import decode_plain, encode_plain
from ..streams import SeedLike
from .arguments import as_carrier, restore_scalar
from .plan import plan


def code_dtype(fmt: Format) -> np.dtype:
    """The smallest unsigned dtype that holds a code."""
    return np.dtype(np.uint8 if fmt.bits <= 8 else np.uint16 if fmt.bits <= 16 else np.uint32 if fmt.bits <= 32 else np.uint64)


def encode(
    x: ArrayLike,
    fmt: FormatLike,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> NDArray[np.unsignedinteger] | np.unsignedinteger:
    """The codes of `x` rounded to a format: `round`, then its bit pattern in the smallest unsigned dtype.

    Parameters are those of `round`. A NaN becomes the format's canonical one (quiet, positive).

    Raises
    ------
    RepresentationError
        If a result is NaN and the format has none.
    FormatError, RoundingError, SeedError, ArgumentError
        As in `round`.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.encode([1.0, -2.0, 6.0], "float4_e2m1fn")
    array([ 2, 12,  7], dtype=uint8)
    """
    how = plan(fmt, rounding, overflow, random_bits)
    key = how.key(seed)
    single = how.single and how.format.bits <= 32
    a = as_carrier(x, "x", single=single)
    out = np.empty(a.shape, code_dtype(how.format))
    missing = encode_plain(a.reshape(-1), out.reshape(-1), how.words, code_spec(how.format), key)
    if missing >= 0:
        raise RepresentationError(f"x: element {np.unravel_index(missing, a.shape)} gives NaN, which {how.format.name} cannot encode; replace it first (np.nan_to_num)")
    return restore_scalar(out, x)


def decode(codes: ArrayLike, fmt: FormatLike) -> NDArray[np.floating] | np.floating:
    """The values of `codes`: float32 if the format fits it, else float64.

    Parameters
    ----------
    codes : array_like of int
        Any integer dtype; every code must be in 0..2^bits - 1. ml_dtypes and float16 arrays: use ``.view(np.uint8)`` or
        ``.view(np.uint16)``, which copies nothing.
    fmt : Format or str
        The format.

    Raises
    ------
    ArgumentError
        If the codes are not integers, or one is out of range.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.decode([0x7E, 0x7F, 0x80], "float8_e4m3fn")
    array([448.,  nan,  -0.], dtype=float32)
    """
    f = get_format(fmt)
    c = as_codes(codes, f, "codes")
    out = np.empty(c.shape, np.float32 if f.fits_float32 and f.bits <= 32 else np.float64)
    decode_plain(c.reshape(-1), out.reshape(-1), code_spec(f))
    return restore_scalar(out, codes)


def as_codes(codes: ArrayLike, fmt: Format, argument: str) -> NDArray[np.unsignedinteger]:
    """`codes` as a contiguous array of the format's code dtype, checked to be in range."""
    dtype = code_dtype(fmt)
    a = np.asarray(codes)
    if a.dtype.kind not in "iu" and not (a.size == 0):
        raise ArgumentError(f"{argument}: dtype {a.dtype} is not integers; pass codes such as nf.encode returns (or array.view(np.{dtype}))")
    if a.size and (a.dtype != dtype or fmt.bits < 8 * dtype.itemsize) and fmt.bits < 64:
        low, high = int(a.min()), int(a.max())
        if low < 0 or high >= 2**fmt.bits:
            raise ArgumentError(f"{argument}: code {low if low < 0 else high} is not in 0..{2**fmt.bits - 1}, the codes of {fmt.name}")
    a = np.ascontiguousarray(a, dtype=dtype).reshape(a.shape)
    return a if a.flags.writeable and a.flags.aligned else a.copy()


def pack(codes: ArrayLike, fmt: FormatLike) -> NDArray[np.uint8]:
    """Codes side by side in bytes, little-endian bit order: code i fills bits [i b, (i + 1) b) of the buffer, b = fmt.bits.

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
        return np.ascontiguousarray(c.astype(c.dtype.newbyteorder("<")).view(np.uint8).reshape(c.size, -1)[:, :width]).reshape(-1)
    bits = np.unpackbits(c.astype(c.dtype.newbyteorder("<")).view(np.uint8).reshape(c.size, -1), axis=1, count=f.bits, bitorder="little")
    return np.packbits(bits.reshape(-1), bitorder="little")


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
    dims = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if any(not hasattr(d, "__index__") or d < 0 for d in dims):
        raise ShapeError(f"shape={shape!r} must be non-negative integers")
    raw = np.frombuffer(buffer, np.uint8) if isinstance(buffer, (bytes, bytearray, memoryview)) else np.asarray(buffer)
    if raw.dtype != np.uint8:
        raise ArgumentError(f"buffer: dtype {raw.dtype} is not uint8; pass the bytes that nf.pack returned")
    size, width = prod(dims), code_dtype(f).itemsize
    if raw.size != -(-size * f.bits // 8):
        raise ShapeError(f"buffer: {raw.size} bytes, but shape={shape!r} of {f.name} ({f.bits} bits a code) needs {-(-size * f.bits // 8)}")
    bits = np.unpackbits(raw.reshape(-1), count=size * f.bits, bitorder="little").reshape(size, f.bits)
    whole = np.zeros((size, 8 * width), np.uint8)
    whole[:, : f.bits] = bits
    little = np.packbits(whole, axis=1, bitorder="little").view(code_dtype(f).newbyteorder("<"))
    return little.astype(code_dtype(f)).reshape(dims)
