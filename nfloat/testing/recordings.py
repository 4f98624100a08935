"""Recorded outputs of matrix instructions, held against nfloat's units bit for bit: what ``nfloat check --units`` runs.

A recording is an .npz file of arrays ``<unit>.{a,b,c,d}`` in float32, one dot product a row: a and b (rows, k), c and d
(rows,), and ``scale_a``, ``scale_b`` (rows, blocks) of block-scaled units. A set is named by a unit, or as
``<GPU>.<operands>.<result>`` (``H100.fp16.f32``), as the published ones of Khattak and Mikaitis are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, NFloatError
from ..files import DAMAGED
from ..linalg.matmul import matmul
from ..linalg.units.names import units

#: a GPU's architecture, as units have it
ARCHITECTURES = {
    "V100": "volta", "T4": "turing", "A100": "ampere", "A2": "ampere", "A30": "ampere", "Ada": "ada", "L4": "ada",
    "L40S": "ada", "H100": "hopper", "H200": "hopper", "B200": "blackwell",
}  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """One set: how many rows, how many differ, and the first that does."""

    name: str
    unit: str
    confidence: str
    rows: int
    differ: int
    first: int | None


def unit_of(key: str) -> str:
    """The unit that a set was recorded on.

    Raises
    ------
    ArgumentError
        If it names none.

    Examples
    --------
    >>> unit_of("H100.fp16.f32"), unit_of("H200.e4m3.f32")
    ('nvidia.hopper.mma.f16.f32', 'nvidia.hopper.wgmma.e4m3.f32')
    """
    if key in units:
        return key
    gpu, _, rest = key.partition(".")
    kind, _, out = rest.partition(".")
    if gpu in ARCHITECTURES and out:
        wgmma = ARCHITECTURES[gpu] == "hopper" and kind in ("e4m3", "e5m2") and out == "f32"
        instruction = "wgmma" if wgmma else "mma"
        name = f"nvidia.{ARCHITECTURES[gpu]}.{instruction}.{'f16' if kind == 'fp16' else kind}.{out}"
        if name in units:
            return name
    raise ArgumentError(
        f"set {key!r} names no unit: name it as `nfloat units` does, or as <GPU>.<operands>.<result> with a GPU of "
        f"{', '.join(ARCHITECTURES)}"
    )


def compare(path: str | Path) -> list[Compared]:
    """Every set of a recording against its unit.

    Raises
    ------
    ArgumentError
        If the file is no recording.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as data:
            arrays = {key: data[key] for key in data.files}
    except DAMAGED as error:
        raise ArgumentError(f"units={str(path)!r} is no .npz file of recorded outputs ({error})") from None
    keys = sorted({key.rpartition(".")[0] for key in arrays})
    if not keys:
        raise ArgumentError(f"units={str(path)!r} holds no arrays; a set is <unit>.a, .b, .c and .d")
    return [_compare(key, arrays) for key in keys]


def _compare(key: str, arrays: dict[str, NDArray[Any]]) -> Compared:
    missing = [part for part in "abcd" if f"{key}.{part}" not in arrays]
    if missing:
        raise ArgumentError(f"set {key!r} lacks {', '.join(f'{key}.{part}' for part in missing)}")
    unit = unit_of(key)
    a, b, c, d = (arrays[f"{key}.{part}"] for part in "abcd")
    if not (a.ndim == 2 and a.shape == b.shape and c.shape == d.shape == a.shape[:1]):
        shapes = ", ".join(f"{part} {x.shape}" for part, x in zip("abcd", (a, b, c, d), strict=True))
        raise ArgumentError(f"set {key!r} has the shapes {shapes}; a and b must be (rows, k), c and d (rows,)")
    scales: dict[str, Any] = {}
    if f"{key}.scale_a" in arrays:
        scale_a, scale_b = arrays[f"{key}.scale_a"], arrays[f"{key}.scale_b"]
        scales = {"scale_a": scale_a[:, None, :], "scale_b": scale_b[:, :, None]}
    try:
        got = np.asarray(matmul(a[:, None, :], b[:, :, None], unit, c[:, None, None], **scales))[:, 0, 0]
    except NFloatError as error:
        raise ArgumentError(f"set {key!r}: {error}") from None
    words = f"u{got.dtype.itemsize}"
    wrong = np.flatnonzero(got.view(words) != np.ascontiguousarray(d.astype(got.dtype, copy=False)).view(words))
    first = int(wrong[0]) if wrong.size else None
    return Compared(key, unit, units[unit].confidence, len(d), int(wrong.size), first)
