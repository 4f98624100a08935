"""Small products by a kernel that is right for any operands: what the way there costs is paid once for a shape.

Everything that depends on shapes, layouts and the accumulator alone is kept in a `Plan`, and its `Scratch` by every
thread. Whatever does not fit (large work, which threads and Ctrl-C care for; other dtypes, gaps between elements;
accumulators whose kernels ask something of the operands) goes the general way of ``dispatch.py``, with the same kernel
and the same bits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.gemm.pack import pack
from ...kernels.jit import entry_point
from ...ops.memory import aligned
from ..accumulators import Accumulator
from .dispatch import CHUNK, LANE, NO_WORDS, PACK, tile_call, tile_constants
from .route import candidates

#: products of more multiplications go the general way
_MOST = 1 << 22
#: bytes of a scratch that is kept, and how many of them a thread keeps
_MOST_KEPT, _PLANS = 1 << 18, 64


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """How products of one accumulator, shape and layout are done."""

    dtype: np.dtype[Any]
    pack_rows: Callable[..., None]
    pack_columns: Callable[..., None]
    product: Callable[..., None]
    height: int
    width: int
    tiles: int
    panels: int
    packed_rows: int
    packed_columns: int
    calls: tuple[NDArray[np.int64], NDArray[np.int64]]
    constants: NDArray[np.int64]


class Scratch(NamedTuple):
    """What a product packs its operands into; it may hold anything."""

    rows: NDArray[Any]
    columns: NDArray[Any]
    status: NDArray[np.uint8]


class _Kept(threading.local):
    """The scratch of each plan that a thread has used: no product of another thread writes into it."""

    def __init__(self) -> None:
        self.scratch: dict[Plan, Scratch] = {}

    def of(self, plan: Plan) -> Scratch:
        """As it was left, or made."""
        found = self.scratch.get(plan)
        if found is None:
            size, dtype = plan.dtype.itemsize, plan.dtype
            found = Scratch(
                np.empty(plan.packed_rows, dtype), aligned(plan.packed_columns * size).view(dtype),
                np.zeros((plan.tiles, plan.panels), np.uint8),
            )  # fmt: skip
            if (plan.packed_rows + plan.packed_columns) * size <= _MOST_KEPT:
                if len(self.scratch) >= _PLANS:
                    self.scratch.clear()
                self.scratch[plan] = found
        return found


_kept = _Kept()


def small_product(
    a: NDArray[Any], b: NDArray[Any], c: NDArray[Any] | None, acc: Accumulator
) -> NDArray[np.floating] | None:
    """a @ b + c for matrices, or None where it is to go the general way; c is (n,) or (m, n)."""
    one, other = a.flags, b.flags
    first = 0 if one.c_contiguous else 1 if one.f_contiguous else 2
    second = 0 if other.c_contiguous else 1 if other.f_contiguous else 2
    plan = plan_of(acc, a.shape, b.shape, first, second)
    if plan is None or a.dtype is not plan.dtype or b.dtype is not plan.dtype or not (one.aligned and other.aligned):
        return None
    m, n = a.shape[0], b.shape[1]
    out = np.empty((m, n), plan.dtype)
    if c is not None:
        if c.dtype is not plan.dtype or c.shape not in ((n,), (m, n)):
            return None
        out[...] = c
    rows, columns, status = _kept.of(plan)
    plan.pack_columns(b, plan.width, columns, 0, plan.panels)
    plan.pack_rows(a.T, plan.height, rows, 0, plan.tiles)
    plan.product(rows, columns, out, 0, plan.tiles, plan.calls[c is not None], plan.constants, status, NO_WORDS,
                 NO_WORDS)  # fmt: skip
    return out


@lru_cache(maxsize=4096)
def plan_of(acc: Accumulator, a: tuple[int, ...], b: tuple[int, ...], first: int, second: int) -> Plan | None:
    """The plan of a product, its operands in C (0) or Fortran (1) order or neither (2); None: the general way."""
    if len(a) != 2 or len(b) != 2 or a[1] != b[0] or 2 in (first, second) or 0 in (*a, *b):
        return None
    possible = candidates(acc)
    if not possible or not possible[0].unconditional or possible[0].bits == 16 or possible[0].domains:
        return None
    best, (m, k), n = possible[0], a, b[1]
    height, width, dtype = best.shape.rows, best.shape.width, np.dtype(LANE[best.bits])
    tiles, panels = -(-m // height), -(-n // width)
    if m * k * n > _MOST or tiles * height * k > CHUNK or not (acc.result_format.fits_float32 or best.bits == 64):
        return None
    size = dtype.itemsize
    return Plan(
        dtype=dtype, pack_rows=entry_point(pack, PACK[size] + (1 if first == 0 else 0)),
        pack_columns=entry_point(pack, PACK[size] + second), product=entry_point(best.kernel), height=height,
        width=width, tiles=tiles, panels=panels, packed_rows=tiles * height * k, packed_columns=panels * k * width,
        calls=(tile_call(best.kind, k, acc.terms, False, False), tile_call(best.kind, k, acc.terms, False, True)),
        constants=tile_constants(acc, best.bits),
    )  # fmt: skip
