"""FloatArrays in NumPy's files: what np.save and np.savez write.

An .npy file has the values, as `np.load` gives them, and all else (format, rounding, overflow policy, random bits,
stream) in a comment of its header, which NumPy's reader passes over and `nf.load` reads; an .npz file is made of these.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from os import fspath
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..formats.catalog import FORMATS
from .rounded import RoundedValues

#: what begins the comment in the header of an .npy file
NOTE = "# nfloat "
_MAGIC = b"\x93NUMPY"


def described(a: RoundedValues) -> dict[str, Any]:
    """Everything of a FloatArray but its numbers, for JSON."""
    arithmetic, f = a._arithmetic, a._arithmetic.format
    how: dict[str, Any] = {"format": f.name if FORMATS.get(f.name) == f else repr(f)}
    how["rounding"] = arithmetic.rounding.value
    if arithmetic.overflow is not None:
        how["overflow"] = arithmetic.overflow.value
    if arithmetic.random_bits is not None:
        how["random_bits"] = arithmetic.random_bits
    if a._stream is not None:
        how["seed"], how["path"] = a._stream.seed, list(a._stream.path)
    return how


def write_npy(file: Any, a: RoundedValues) -> None:
    """The values in NumPy's format (version 2.0), all else in a comment of the header."""
    values = np.ascontiguousarray(a._values).reshape(a._values.shape)
    header = repr({"descr": values.dtype.str, "fortran_order": False, "shape": values.shape})
    text = f"{header} {NOTE}{json.dumps(described(a))}".encode("latin1")
    text += b" " * (-(len(text) + 13) % 64) + b"\n"
    file.write(_MAGIC + b"\x02\x00" + len(text).to_bytes(4, "little") + text)
    file.write(values.tobytes())


def write_npz(file: Any, arrays: dict[str, Any], compression: int) -> None:
    """np.savez: every array as an .npy file of its own."""
    with zipfile.ZipFile(file, "w", compression) as members:
        for key, value in arrays.items():
            with members.open(f"{key}.npy", "w", force_zip64=True) as member:
                if isinstance(value, RoundedValues):
                    write_npy(member, value)
                else:
                    np.lib.format.write_array(member, np.asanyarray(value), allow_pickle=False)


def saver(function: Callable[..., Any]) -> Callable[..., None]:
    """np.save, np.savez or np.savez_compressed for arguments with FloatArrays among them."""
    if function is np.save:
        return _np_save
    compression = zipfile.ZIP_STORED if function is np.savez else zipfile.ZIP_DEFLATED

    def savez(file: Any, *args: Any, allow_pickle: bool = True, **arrays: Any) -> None:
        named = {**arrays, **{f"arr_{i}": value for i, value in enumerate(args)}}
        if len(named) < len(arrays) + len(args):
            raise ArgumentError("np.savez: an array is named arr_0, arr_1, ..., as those without a name are")
        write_npz(_with_suffix(file, ".npz"), named, compression)

    return savez


def _np_save(file: Any, arr: Any, allow_pickle: bool = True, **_: Any) -> None:
    target = _with_suffix(file, ".npy")
    if hasattr(target, "write"):
        write_npy(target, arr)
        return
    with open(target, "wb") as opened:
        write_npy(opened, arr)


def _with_suffix(file: Any, suffix: str) -> Any:
    """A file's name as np.save spells it; an open file stays."""
    if hasattr(file, "write"):
        return file
    name = fspath(file)
    return name if name.endswith(suffix) else name + suffix
