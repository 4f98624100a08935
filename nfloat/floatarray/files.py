"""`save` and `load`: FloatArrays with their format, block arrays and plain ones in files.

A safetensors file has a FloatArray's codes, as the type of their format where it has one (F16, BF16, F8_E4M3, ...), as
packed bytes else; format, rounding, overflow policy, random bits and stream stand in the header's metadata. Files of
NumPy's kinds (np.save's too) are described in ``npy.py``.
"""

from __future__ import annotations

import io
import json
import zipfile
from os import PathLike, fspath
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..blocks.array import BlockArray
from ..blocks.files import block_array, parts_of, plain
from ..blocks.files import described as format_described
from ..blocks.safetensors import TYPES, Stored, read, write
from ..errors import ArgumentError
from ..files import DAMAGED
from ..formats.catalog import FORMATS
from ..formats.format import Format
from ..ops.codes import decode
from ..ops.packing import pack, unpack
from ..streams import Stream
from .array import FloatArray, array
from .npy import NOTE, described, write_npy, write_npz

AnyArray: TypeAlias = FloatArray | BlockArray | NDArray[Any]
Path: TypeAlias = str | PathLike[str]

#: what of a file's metadata is ours
_KEY = "nfloat"


def save(path: Path, arrays: dict[str, AnyArray] | FloatArray) -> None:
    """Write arrays to a file: .npy (one array), .npz, or safetensors (any other name).

    Parameters
    ----------
    path : path
        The file; replaced if it exists.
    arrays : dict or FloatArray
        Names, and FloatArrays, block arrays (safetensors only) or NumPy arrays of float16, float32, float64, uint8,
        int8, int32 or int64. For .npy: one FloatArray.

    Raises
    ------
    ArgumentError, FormatError
        If a value is neither, or its format has no type there.

    Examples
    --------
    >>> import tempfile, numpy as np, nfloat as nf
    >>> file = tempfile.mkdtemp() + "/w.safetensors"
    >>> nf.save(file, {"w": nf.quantize(np.eye(64), nf.nvfp4), "a": nf.array([0.1, 2], "bfloat16")})
    >>> nf.load(file)["w"]
    BlockArray(nvfp4, shape=(64, 64), axis=1, 256 scales of 0.0 to 448.0, tensor_scale=0.00037202381645329297)
    >>> nf.load(file)["a"]
    FloatArray([0.10009766, 2.        ], format='bfloat16', rounding='nearest_even')
    """
    name = fspath(path)
    if name.endswith(".npy"):
        if not isinstance(arrays, FloatArray):
            raise ArgumentError(
                f"arrays is {type(arrays).__name__}: an .npy file has one FloatArray; np.save has others"
            )
        with open(name, "wb") as file:
            write_npy(file, arrays)
        return
    if not isinstance(arrays, dict):
        raise ArgumentError(f"arrays is {type(arrays).__name__}: pass a dict of names and arrays, or name an .npy file")
    if name.endswith(".npz"):
        write_npz(name, arrays, zipfile.ZIP_STORED)
        return
    known: dict[str, Any] = {}
    tensors: dict[str, Stored] = {}
    for key, value in arrays.items():
        tensors.update(_parts(key, value, known) if isinstance(value, FloatArray) else parts_of(key, value, known))
    write(path, tensors, {_KEY: json.dumps(known)})


def load(path: Path) -> Any:
    """What `save`, np.save or np.savez wrote: a FloatArray (.npy), or a dict of arrays (.npz, safetensors).

    Plain arrays come back as such, from any .npy, .npz or safetensors file.

    Raises
    ------
    ArgumentError
        If the file is none of these, or a tensor's type is unknown here.

    Examples
    --------
    >>> import tempfile, numpy as np, nfloat as nf
    >>> file = tempfile.mkdtemp() + "/a.npy"
    >>> np.save(file, nf.array([0.1, 2], "bfloat16"))
    >>> nf.load(file).format.name
    'bfloat16'
    """
    name = fspath(path)
    try:
        if name.endswith(".npy"):
            with open(name, "rb") as file:
                return _read_npy(file)
        if name.endswith(".npz"):
            with zipfile.ZipFile(name) as members:
                return {
                    key.removesuffix(".npy"): _read_npy(io.BytesIO(members.read(key))) for key in members.namelist()
                }
    except DAMAGED as error:
        raise ArgumentError(f"path={name!r} cannot be read as an array: {error}") from None
    tensors, metadata = read(path)
    try:
        known = dict(json.loads(metadata.get(_KEY, "{}")))
    except (ValueError, TypeError, RecursionError) as error:
        raise ArgumentError(f"path={name!r}: its metadata are not nfloat's ({error})") from None
    parts = {f"{key}.{part}" for key in known for part in ("scale", "tensor_scale")}
    return {key: _restored(key, tensors, known.get(key)) for key in tensors if key not in parts}


def _restored(name: str, tensors: dict[str, Stored], how: dict[str, Any] | None) -> AnyArray:
    if how is None:
        return plain(name, tensors[name])
    if "rounding" not in how:
        return block_array(name, how, tensors)
    codes = unpack(np.frombuffer(tensors[name].data, np.uint8), _format(how), tuple(how["shape"]))
    return _again(np.asarray(decode(codes, _format(how))), how)


# ------------------------------------------------------------ what it takes to read one
def _format(how: dict[str, Any]) -> Format:
    f = FORMATS.get(how["format"]) or format_described(how["format"])
    if not isinstance(f, Format):
        raise ArgumentError(f"format={how['format']!r} is no format of single numbers")
    return f


def _again(values: NDArray[Any], how: dict[str, Any]) -> FloatArray:
    """The FloatArray of numbers of the format: no number changes."""
    policy = {key: how.get(key) for key in ("overflow", "random_bits")}
    seed = Stream(how["seed"]).child(*how["path"]) if "seed" in how else None
    plain = array(values, _format(how))
    return plain.replace(rounding=how["rounding"], seed=seed, **policy)


def _parts(name: str, a: FloatArray, known: dict[str, Any]) -> dict[str, Stored]:
    data = pack(a.codes, a.format).tobytes()
    known[name] = {**described(a), "shape": list(a.shape)}
    kind = TYPES.get(a.format.name)
    if kind is None or FORMATS.get(a.format.name) != a.format:
        return {name: Stored("U8", (len(data),), data)}
    return {name: Stored(kind, a.shape, data)}


def _read_npy(file: BinaryIO) -> Any:
    """An array, and what a comment of ours says about it."""
    start = file.tell()
    head = file.read(12)
    text = (
        file.read(min(int.from_bytes(head[8:12], "little"), 1 << 16)).decode("latin1") if head[6:7] == b"\x02" else ""
    )
    file.seek(start)
    values = np.lib.format.read_array(file, allow_pickle=False)
    _, found, note = text.partition(NOTE)
    return _again(values, json.loads(note)) if found else values
