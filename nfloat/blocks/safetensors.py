"""Safetensors files: eight bytes of length, a JSON header, the tensors one after the other. `write` and `read`.

What the tensors mean is their writers' affair: ``floatarray/files.py`` for arrays,
``nfloat/nn/checkpoints`` for models.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..files import replace_file

#: a format's name -> what safetensors calls it
TYPES = {
    "float4_e2m1fn": "F4", "float6_e2m3fn": "F6_E2M3", "float6_e3m2fn": "F6_E3M2", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0", "fixed8.6": "I8", "int8": "I8", "float32": "F32",
    "bfloat16": "BF16", "float16": "F16",
}  # fmt: skip


class Stored(NamedTuple):
    """A tensor in a file: its type there, its shape, its bytes."""

    kind: str
    shape: tuple[int, ...]
    data: bytes


def write(path: str | os.PathLike[str], tensors: Mapping[str, Stored], metadata: Mapping[str, str]) -> None:
    """Write a file, in one go: whoever reads sees the old one or the new one.

    A link stays, and the file that it leads to is replaced; into a device or a pipe it is written.

    Raises
    ------
    OSError
        If it cannot be written; then nothing has changed.

    Examples
    --------
    >>> import tempfile
    >>> file = tempfile.mkdtemp() + "/one.safetensors"
    >>> write(file, {"x": Stored("U8", (2,), bytes([1, 2]))}, {"made by": "hand"})
    >>> read(file)
    ({'x': Stored(kind='U8', shape=(2,), data=b'\\x01\\x02')}, {'made by': 'hand'})
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    at = 0
    for name, one in tensors.items():
        header[name] = {"dtype": one.kind, "shape": list(one.shape), "data_offsets": [at, at + len(one.data)]}
        at += len(one.data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pieces = [len(text).to_bytes(8, "little"), text, *(one.data for one in tensors.values())]
    target = Path(path)
    if target.exists() and not target.is_file():  # root could put a file in the place of /dev/null
        with target.open("wb") as file:
            file.writelines(pieces)
        return
    replace_file(Path(os.path.realpath(target)), pieces)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Stored], dict[str, str]]:
    """The tensors and the metadata of a file.

    Raises
    ------
    ArgumentError
        If it is no safetensors file.
    """
    data = Path(path).read_bytes()
    try:
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
        metadata = dict(header.pop("__metadata__", {}))
        body = memoryview(data)[end:]
        found = {}
        for name, entry in header.items():
            first, last = entry["data_offsets"]
            if not 0 <= first <= last <= len(body):
                raise ValueError(f"tensor {name!r} lies outside of the file")
            found[name] = Stored(entry["dtype"], tuple(entry["shape"]), bytes(body[first:last]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArgumentError(f"path={str(path)!r} is no safetensors file ({error})") from None
    return found, metadata
