"""Arrays of other libraries, without copies: ml_dtypes arrays and NumPy's own floats are codes under another dtype.

`view_codes` looks at such an array as codes, `view_dtype` at codes as such an array; both share the memory. An array's
dtype has a format here if ml_dtypes or NumPy has one of the same name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from .errors import ArgumentError, FormatError
from .formats.catalog import FORMATS
from .formats.format import Format
from .formats.names import FormatLike, get_format
from .ops.codes import as_codes, code_dtype


def numpy_dtype(fmt: FormatLike) -> np.dtype:
    """The NumPy or ml_dtypes dtype that stores a format one code an element.

    Raises
    ------
    FormatError
        If neither library has the format.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.numpy_dtype("e4m3fn"), nf.numpy_dtype("fp16")
    (dtype(float8_e4m3fn), dtype('float16'))
    """
    return _numpy_dtype(get_format(fmt))


@lru_cache(maxsize=256)
def _numpy_dtype(f: Format) -> np.dtype:
    if FORMATS.get(f.name) == f:
        kind = getattr(ml_dtypes, f.name, None) or getattr(np, f.name, None)
        if kind is not None and f.name != "int8":
            return np.dtype(kind)
    known = ", ".join(name for name in FORMATS if hasattr(ml_dtypes, name) or hasattr(np, name))
    raise FormatError(f"fmt={f.name!r} has no dtype in NumPy or ml_dtypes; those with one: {known}")


def view_codes(array: NDArray[Any]) -> tuple[NDArray[np.unsignedinteger], Format]:
    """The codes of a float16/32/64 or ml_dtypes array, as a view of the same memory, and their format.

    Parameters
    ----------
    array : ndarray
        Any shape and strides; native byte order.

    Raises
    ------
    ArgumentError
        If it is not an array, its dtype has no format here, or its bytes are swapped.

    Examples
    --------
    >>> import ml_dtypes, nfloat as nf, numpy as np
    >>> codes, fmt = nf.view_codes(np.array([1.0, -448.0], ml_dtypes.float8_e4m3fn))
    >>> codes, fmt.name
    (array([ 56, 254], dtype=uint8), 'float8_e4m3fn')
    """
    if not isinstance(array, np.ndarray):
        raise ArgumentError(f"array: {type(array).__name__} is not a NumPy array; use np.asarray(...) first")
    name = array.dtype.name
    if name not in FORMATS or name == "int8":
        raise ArgumentError(f"array: dtype {name} is not a float dtype with a format here; nf.FORMATS lists them")
    if not array.dtype.isnative:
        raise ArgumentError("array: its bytes are in the other order; use array.astype(array.dtype.newbyteorder('='))")
    return array.view(code_dtype(FORMATS[name])), FORMATS[name]


def view_dtype(codes: NDArray[np.unsignedinteger], fmt: FormatLike) -> NDArray[Any]:
    """Codes as an array of the NumPy or ml_dtypes dtype, as a view of the same memory.

    Raises
    ------
    FormatError
        If neither library has the format.
    ArgumentError
        If the codes are not in the format's code dtype, or out of its range.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.view_dtype(nf.encode([0.1, 2.0], "bfloat16"), "bfloat16")
    array([0.100098, 2], dtype=bfloat16)
    """
    f = get_format(fmt)
    dtype = numpy_dtype(f)
    wanted = code_dtype(f)
    if not isinstance(codes, np.ndarray) or codes.dtype != wanted:
        raise ArgumentError(
            f"codes: must be an array of {wanted}, the code dtype of {f.name}, to be viewed without a copy"
        )
    as_codes(codes, f, "codes")
    return codes.view(dtype)
