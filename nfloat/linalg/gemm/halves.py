"""Products of float16 matrices in the CPU's own half arithmetic, where there is such."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels.gemm.half import half16
from ...kernels.gemm.half_pack import half_panels
from ...kernels.gemm.shapes import HALF
from ...kernels.jit import entry_point
from ...ops.memory import panel_buffer
from ...ops.threads import NATIVE, over_ranges, thread_count
from .facts import layout_of

#: words of packed rows at a time
_CHUNK = 1 << 15
_NOTHING = np.zeros((0, 0), np.float32)
_NOTHING.flags.writeable = False


def multiply_halves(
    a: NDArray[Any],
    b: NDArray[Any],
    c: NDArray[Any] | None,
    out: NDArray[Any],
    form: int,
    constants: NDArray[np.int64],
    threads: int | None,
) -> bool:
    """out = a @ b + c for contiguous matrices.

    False, with anything in out, if float16 does not hold an element, or a sum passed its limit.
    """
    rows, columns, start = (_as_float32(x) for x in (a.T, b, _NOTHING if c is None else c))
    if rows is None or columns is None or start is None:
        return False
    k, (m, n) = b.shape[0], out.shape
    tiles, panels = -(-m // HALF.rows), -(-n // HALF.width)
    packed, values = (
        panel_buffer(panels * k * HALF.width, np.uint16),
        out if out.dtype == np.float32 else np.empty((m, n), np.float32),
    )
    some, count = max(1, _CHUNK // (k * HALF.rows)), thread_count(threads, m * n * k // NATIVE, tiles)
    exact: list[bool] = []
    to_panels, product = entry_point(half_panels, layout_of(columns)), entry_point(half16, layout_of(rows))
    over_ranges(lambda first, last: exact.append(to_panels(columns, packed, first, last)), panels, min(count, panels))
    if all(exact):
        over_ranges(
            lambda first, last: exact.append(product(rows, packed, start, values, form, constants, some, first, last)),
            tiles,
            count,
        )
    if not all(exact):
        return False
    if values is not out:
        out[...] = values
    return True


def _as_float32(x: NDArray[Any]) -> NDArray[np.float32] | None:
    """x as float32, not to be written to, or None if that changes an element."""
    y = x.view()
    if x.itemsize == 8:
        with np.errstate(over="ignore", invalid="ignore"):
            y = x.astype(np.float32, order="K")
        if not np.array_equal(x, y, equal_nan=True):
            return None
    y.flags.writeable = False
    return y
