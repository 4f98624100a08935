"""Elementary functions of the numbers of a short format, by a table of all of them.

A format of at most 16 bits has at most 65,536 numbers. Once as many are asked for, the function of each is computed
once (``evaluate.py``), and an array is encoded and looked up. Nothing has to be proven: the table holds the results
themselves.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..errors import RepresentationError
from ..kernels.arithmetic.tables import look_up
from .codes import decode, encode
from .compute import PIECE
from .evaluate import evaluate
from .rounder import Rounder


def evaluate_members(
    name: str, arrays: tuple[NDArray[np.floating], ...], size: int, how: Rounder, key: int
) -> NDArray[np.floating]:
    """`evaluate` for operands that are numbers of the format."""
    codes = 1 << how.format.bits
    if (
        len(arrays) > 1
        or how.stochastic
        or codes > 1 << 16
        or size < codes
        or arrays[0].size < size
        or arrays[0].dtype != np.float32
    ):
        return evaluate(name, arrays, size, how, key)
    table, x = _table(name, how), arrays[0]
    out = np.empty(size, np.float32)
    try:
        for start in range(0, size, PIECE):
            look_up(table, encode(x[start : start + PIECE], how.format), out[start : start + PIECE])
    except RepresentationError:  # a NaN in a format without one has no code
        return evaluate(name, arrays, size, how, key)
    return out


@lru_cache(maxsize=64)
def _table(name: str, how: Rounder) -> NDArray[np.float32]:
    """The function of every code's number, read-only."""
    numbers = np.asarray(decode(np.arange(1 << how.format.bits, dtype=np.uint32), how.format))
    table = evaluate(name, (numbers,), numbers.size, how, 0)
    table.flags.writeable = False
    return table
