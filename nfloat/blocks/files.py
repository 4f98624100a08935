"""What safetensors files hold of block arrays and plain ones; `nf.save` and `nf.load` are in ``floatarray/files.py``.

A block array `w` is stored as ``w`` (its codes, packed: F4, F6_E2M3, F6_E3M2, F8_E4M3, F8_E5M2, I8; U8 for other
formats of 8 bits), ``w.scale`` (F8_E8M0, F8_E4M3, F32) and, where there is one, ``w.tensor_scale`` (F32); what else
it takes to read it stands in the header's metadata. The format is written by ``safetensors.py``, without the package of
that name, whose Python interface differs from version to version and did not take the 4- and 6-bit types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, FormatError
from ..formats.blocks import BLOCK_FORMATS, BlockFormat
from ..formats.format import Format
from ..ops.packing import pack, unpack
from .array import BlockArray
from .safetensors import TYPES, Stored

_NUMPY = {
    "float32": "F32",
    "float64": "F64",
    "uint8": "U8",
    "int8": "I8",
    "int32": "I32",
    "int64": "I64",
    "float16": "F16",
}
_DTYPES = {name: dtype for dtype, name in _NUMPY.items()}


def parts_of(name: str, value: Any, known: dict[str, Any]) -> dict[str, Stored]:
    """The tensors of one block array or plain one; what it takes to read them goes into `known`.

    Raises
    ------
    ArgumentError, FormatError
        If it is neither, or its format has no type there.
    """
    if isinstance(value, np.ndarray) and value.dtype.name in _NUMPY:
        little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
        return {name: Stored(_NUMPY[value.dtype.name], value.shape, little.tobytes())}
    if not isinstance(value, BlockArray):
        raise ArgumentError(
            f"arrays[{name!r}] is {type(value).__name__}; save takes FloatArrays, BlockArrays and arrays of "
            f"{', '.join(_NUMPY)}"
        )
    f = value.format
    spelled = f.name if BLOCK_FORMATS.get(f.name) == f else repr(f)
    known[name] = {"format": spelled, "axis": value.axis, "dtype": value.dtype.name}
    scale_shape, scale_codes = value.scales.shape, pack(value.scale_codes, f.scale).tobytes()
    parts = {
        name: Stored(_type(f.element), value.shape, pack(value.codes, f.element).tobytes()),
        f"{name}.scale": Stored(_type(f.scale), scale_shape, scale_codes),
    }
    if f.tensor_scale:
        parts[f"{name}.tensor_scale"] = Stored("F32", (), np.array(value.tensor_scale, "<f4").tobytes())
    return parts


def _type(f: Format) -> str:
    """What safetensors calls a format; U8 for other formats of 8 bits."""
    if f.name not in TYPES and f.bits != 8:
        raise FormatError(
            f"format {f.name!r} has no type in safetensors files; those have {', '.join(TYPES)} and 8 bits"
        )
    return TYPES.get(f.name, "U8")


def plain(name: str, one: Stored) -> NDArray[Any]:
    """A tensor of one of NumPy's dtypes.

    Raises
    ------
    ArgumentError
        If its type is none.
    """
    if one.kind not in _DTYPES:
        raise ArgumentError(f"tensor {name!r} has the type {one.kind}, of which the file does not say how to read it")
    return np.frombuffer(one.data, np.dtype(_DTYPES[one.kind]).newbyteorder("<")).reshape(one.shape).copy()


def block_array(name: str, how: dict[str, Any], tensors: Mapping[str, Stored]) -> BlockArray:
    """The block array that `parts_of` took apart."""
    f, axis = _format(how["format"]), how["axis"]
    elements, scale = tensors[name], tensors[f"{name}.scale"]
    codes = unpack(np.frombuffer(elements.data, np.uint8), f.element, elements.shape)
    scales = unpack(np.frombuffer(scale.data, np.uint8), f.scale, scale.shape)
    t = float(np.frombuffer(tensors[f"{name}.tensor_scale"].data, "<f4")[0]) if f.tensor_scale else 1.0
    own = tuple(axis) if isinstance(axis, list) else axis
    return BlockArray.from_codes(codes, scales, f, tensor_scale=t, axis=own, dtype=how["dtype"])


def _format(spelled: str) -> BlockFormat:
    """A format from its name or its `repr`, whose parts are literals."""
    if spelled in BLOCK_FORMATS:
        return BLOCK_FORMATS[spelled]
    return read_format(spelled)


def read_format(text: str) -> BlockFormat:
    """The block format that a `repr` describes.

    Raises
    ------
    FormatError
        If it is anything else.

    Examples
    --------
    >>> read_format("BlockFormat(name='mine', element='float8_e5m2', block=16, scale='float8_e8m0fnu')").block
    16
    """
    f = described(text)
    if not isinstance(f, BlockFormat):
        raise FormatError(f"{text!r} describes no block format")
    return f


def described(text: str) -> Format | BlockFormat:
    """The format that a `repr` describes: calls of BlockFormat and Format with literal arguments, nothing else.

    Raises
    ------
    FormatError
        If it is anything else.

    Examples
    --------
    >>> described("Format(name='tiny', precision=3, emin=-2, emax=3)").max
    14.0
    """
    import ast

    kinds = {"BlockFormat": BlockFormat, "Format": Format}

    def value(node: ast.AST) -> Any:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds and not node.args:
            return kinds[node.func.id](**{str(k.arg): value(k.value) for k in node.keywords})
        return ast.literal_eval(node)

    try:
        f = value(ast.parse(text, mode="eval").body)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise FormatError(f"{text!r} describes no format ({error})") from None
    if not isinstance(f, (Format, BlockFormat)):
        raise FormatError(f"{text!r} describes no format")
    return f
