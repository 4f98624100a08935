"""Integer matrix units: exact sums into int32, modulo 2^32 or clamped after every step.

Products of 8-bit integers are summed by NumPy's float32 GEMM over stretches of k so short that every partial sum is an
integer below 2^24: exact in any order, so no order needs to be known. Only a clamping unit whose sums may leave int32
goes step by step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import RepresentationError
from ..operands import MatmulOperands
from .sums import IntegerSum
from .unit import INTEGER_RANGES, Unit

_WORD = 1 << 32


def integer_matmul(operands: MatmulOperands, unit: Unit) -> NDArray[np.int32]:
    """a @ b + c as the unit computes it, int32.

    Raises
    ------
    RepresentationError
        If an element is not an integer in the operand's range.
    """
    s = unit.arithmetic
    assert isinstance(s, IntegerSum)
    x, y = _integers(operands.a, "a", unit.a, unit), _integers(operands.b, "b", unit.b, unit)
    c = None if operands.c is None else _integers(operands.c, "c", "int32", unit)
    x, y, start = operands.matrices(x, y, c)
    k, start = x.shape[-1], np.zeros(operands.full, np.int64) if start is None else start
    largest = max(abs(v) for v in INTEGER_RANGES[unit.a]) * max(abs(v) for v in INTEGER_RANGES[unit.b])
    may_clamp = s.saturate and int(np.abs(start).max(initial=0)) + k * largest >= 1 << 31
    if may_clamp:
        total = start.astype(np.int64)
        for i in range(0, k, s.step):
            total = np.clip(
                total + _product(x[..., i : i + s.step], y[..., i : i + s.step, :], s.step), -(1 << 31), (1 << 31) - 1
            )
    else:
        total = start + _product(x, y, ((1 << 24) - 1) // largest)
    return ((total + (1 << 31)) % _WORD - (1 << 31)).astype(np.int32)


def _product(x: NDArray[np.int64], y: NDArray[np.int64], stretch: int) -> NDArray[np.int64]:
    """x @ y by float32 GEMMs of `stretch` k, whose sums are exact."""
    total: NDArray[np.int64] | int = 0
    for i in range(0, max(x.shape[-1], 1), stretch):
        part = x[..., i : i + stretch].astype(np.float32) @ y[..., i : i + stretch, :].astype(np.float32)
        total = total + part.astype(np.int64)
    return np.asarray(total)


def _integers(array: NDArray[np.floating], argument: str, kind: str, unit: Unit) -> NDArray[np.int64]:
    low, high = INTEGER_RANGES.get(kind, (-(1 << 31), (1 << 31) - 1))
    with np.errstate(all="ignore"):
        wrong = ~((array >= low) & (array <= high) & (array == np.trunc(array)))
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise RepresentationError(
            f"{argument}{list(index)}={array[index]!s} is not an integer in {low}..{high}, "
            f"which {unit.name} takes as {argument}; round and clip it first"
        )
    return array.astype(np.int64)
