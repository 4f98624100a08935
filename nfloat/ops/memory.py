"""Memory: the refusal of what this machine cannot hold, and the buffer that each thread keeps for products."""

from __future__ import annotations

import os
import threading
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError

#: results of fewer bytes are not checked against the memory there is
_SMALL = 1 << 28


def check_memory(
    argument: str, shapes: dict[str, tuple[int, ...]], result: tuple[int, ...], itemsize: int, copies: int = 1
) -> None:
    """Refuse a result (and working copies) that this machine cannot hold, before anything is allocated.

    Raises
    ------
    ShapeError
        If the result would take more than half of the memory now free; sizes are named.
    """
    need = prod(result) * itemsize * copies
    if need < _SMALL:
        return
    names = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
    _refuse_beyond_half(
        need,
        f"{argument}: {names} give a result of shape {result}, which needs",
        "split the rows and multiply them in turn",
    )


def check_size(argument: str, shape: tuple[int, ...], itemsize: int) -> None:
    """Refuse an operand of which a result of its shape (or a copy) is needed that this machine cannot hold.

    Raises
    ------
    ShapeError
        If so many elements would take more than half of the memory now free.
    """
    need = prod(shape) * itemsize
    if need >= _SMALL:
        _refuse_beyond_half(need, f"{argument} of shape {shape} needs", "pass it in parts")


def check_copy(argument: str, x: NDArray[Any]) -> None:
    """Refuse an array of which a copy is needed that this machine cannot hold (a broadcast view may be of any size).

    Raises
    ------
    ShapeError
        If the copy would take more than half of the memory now free.
    """
    if x.nbytes >= _SMALL and not (x.flags.c_contiguous or x.flags.f_contiguous):
        _refuse_beyond_half(
            x.nbytes, f"{argument} {x.shape} is not contiguous, and a copy of it takes", "pass it in parts"
        )


def _refuse_beyond_half(need: int, what: str, advice: str) -> None:
    """Raise a ShapeError if so many bytes are more than half of the free memory."""
    free = available_memory()
    if free is not None and need > free // 2:
        need = min(need, 1 << 90)  # a float holds it
        raise ShapeError(
            f"{what} {need / 2**30:.1f} GiB (half of the {free / 2**30:.1f} GiB of memory now free may be used); "
            f"{advice}"
        )


def available_memory() -> int | None:
    """Bytes that can be allocated without swapping, or None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as f:
            fields = dict(line.split(":", 1) for line in f)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


#: the bytes of the panels' buffer that each thread keeps
_KEPT = 1 << 20
_kept = threading.local()


def panel_buffer(size: int, dtype: type) -> NDArray[Any]:
    """An array that begins where vectors of 64 bytes do: a load across two lines of cache costs as much as two.

    It may hold anything. One that is not large is the same for all products of a thread: it is of no use to the next
    one.
    """
    nbytes = size * np.dtype(dtype).itemsize
    if nbytes > _KEPT:
        return aligned(nbytes).view(dtype)
    if not hasattr(_kept, "buffer"):
        _kept.buffer = aligned(_KEPT)
    return _kept.buffer[:nbytes].view(dtype)


def aligned(nbytes: int) -> NDArray[np.uint8]:
    """So many bytes that begin where vectors of 64 do."""
    raw = np.empty(nbytes + 64, np.uint8)
    start = -raw.__array_interface__["data"][0] % 64
    return raw[start : start + nbytes]
