"""`units`: every matrix instruction that nfloat models, by name. The rows themselves stand in ``units/tables/``.

Names: ``nvidia.hopper.mma.f16.f32`` (vendor, architecture, instruction, operands, result), by *instruction* and not by
GPU: ``nvidia.hopper.mma.e4m3.f32`` and ``nvidia.hopper.wgmma.e4m3.f32`` compute different bits on one chip. Where an
instruction takes operands of two formats, name both: ``nvidia.ada.mma.e4m3_e5m2.f32``. Options follow an ``@``: see
`Unit.replace`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import AccumulatorError, nearest_names
from .tables import amd, cpu, nvidia
from .unit import CONFIDENCE, Unit

_TOKENS = {
    "e4m3": "float8_e4m3fn",
    "e5m2": "float8_e5m2",
    "e2m3": "float6_e2m3fn",
    "e3m2": "float6_e3m2fn",
    "e2m1": "float4_e2m1fn",
    "fp8": "float8_e4m3fnuz",
    "bf8": "float8_e5m2fnuz",
}
_ROWS = MappingProxyType({unit.name: unit for table in (nvidia, amd, cpu) for unit in table.UNITS})


class SingleSourceWarning(UserWarning):
    """A unit is used whose numbers rest on one source, or are inferred."""


class UnitTable(Mapping[str, Unit]):
    """Read-only mapping from names to units; lookup also takes mixed operands and options.

    Examples
    --------
    >>> from nfloat.linalg.units.names import units
    >>> units["nvidia.hopper.mma.f16.f32"].rule
    '16 products + C, F=25, E>=-133, truncate 24'
    >>> units["nvidia.ada.mma.e4m3_e5m2.f32"].b
    'float8_e5m2'
    """

    def names(self) -> list[str]:
        """All names, in the tables' order (mixed operands and options not spelled out)."""
        return list(_ROWS)

    def __getitem__(self, name: str | Unit) -> Unit:
        """The unit of that name; a `Unit` passes through.

        Raises
        ------
        AccumulatorError
            If there is none; the message lists near names.
        """
        return name if isinstance(name, Unit) else _lookup(name)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str | Unit) and isinstance(self[name], Unit)
        except AccumulatorError:
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(_ROWS)

    def __len__(self) -> int:
        return len(_ROWS)

    def __repr__(self) -> str:
        return f"<{len(self)} matrix units; nfloat.units.names() lists them>"


#: every matrix unit, by name
units = UnitTable()


@lru_cache(maxsize=1024)
def _lookup(name: str) -> Unit:
    base, _, options = str(name).strip().lower().partition("@")
    unit = _ROWS.get(base) or _mixed(base)
    if unit is None:
        raise AccumulatorError(
            f"unit={name!r} is not a matrix unit; {nearest_names(base, _ROWS)}; nfloat.units.names() lists all"
        )
    if not options:
        return unit
    pairs = [text.partition("=") for text in options.split(",")]
    if not all(value.isdecimal() for _, _, value in pairs):
        raise AccumulatorError(f"unit={name!r}: options must read key=integer, as in {base}@promote=128,split_k=2")
    return unit.replace(**{key: bool(int(v)) if key == "split_interleaved" else int(v) for key, _, v in pairs})


def _mixed(name: str) -> Unit | None:
    """`...e4m3_e5m2...` from the row `...e4m3...`, if that instruction takes e5m2 on the other side."""
    head, _, out = name.rpartition(".")
    stem, _, second = head.rpartition("_")
    row = _ROWS.get(f"{stem}.{out}")
    if row is None or second not in row.mixes:
        return None
    return replace(row, name=name, b=_TOKENS[second])


@cache
def say_if_single_source(unit: Unit) -> None:
    """Warn, once per process and unit, when a unit rests on one source only or on inference."""
    if unit.confidence in "CD":
        why = CONFIDENCE[unit.confidence]
        warnings.warn(f"{unit.name}: {why} (source: {unit.source})", SingleSourceWarning, stacklevel=4)


def convert(x: ArrayLike, unit: str | Unit = "intel.avx512.vcvtneps2bf16") -> NDArray[np.float32]:
    """float32 values through VCVTNEPS2BF16: to bfloat16, nearest even, held in float32.

    Subnormal inputs become signed zeros (whatever MXCSR says), NaNs are quieted and keep the upper half of their
    payload, values that round to 2^128 become infinities.

    Examples
    --------
    >>> from nfloat.linalg.units.names import convert
    >>> convert([1.00390625, 1.01171875, 1e-40]).tolist()
    [1.0, 1.015625, 0.0]
    """
    if units[unit].name != "intel.avx512.vcvtneps2bf16":
        raise AccumulatorError(f"unit={unit!s} is not a conversion; use 'intel.avx512.vcvtneps2bf16'")
    bits = np.array(x, np.float32, ndmin=0).view(np.uint32)
    sign, magnitude = bits & np.uint32(0x80000000), bits & np.uint32(0x7FFFFFFF)
    even = (bits >> np.uint32(16)) & np.uint32(1)
    nearest = (bits + np.uint32(0x7FFF) + even) & np.uint32(0xFFFF0000)
    quiet = (bits | np.uint32(0x00400000)) & np.uint32(0xFFFF0000)
    result = np.where(magnitude > 0x7F800000, quiet, np.where(magnitude < 0x00800000, sign, nearest))
    return result.astype(np.uint32).view(np.float32)
