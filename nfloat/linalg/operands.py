"""Operands of a product.

Shapes as np.matmul takes them, carriers, buffers, and the refusal of what memory cannot hold.
"""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import FormatError, ShapeError
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..kernels.jit import entry_point
from ..ops.arguments import as_carrier

#: results of fewer bytes are not checked against the memory there is
_SMALL = 1 << 28


def as_operand(x: ArrayLike, argument: str) -> NDArray[np.floating]:
    """`x` as a float32 or float64 array of any memory layout."""
    if type(x) is np.ndarray and x.dtype.char in "fd" and x.dtype.isnative and x.flags.aligned:
        return x
    return as_carrier(x, argument, single=True)


def input_formats(inputs: FormatLike | tuple[FormatLike, FormatLike]) -> tuple[Format, Format]:
    """The formats that `inputs` rounds a and b to.

    Raises
    ------
    FormatError
        If it names none, or is a tuple of other than two.
    """
    pair = inputs if isinstance(inputs, tuple) else (inputs, inputs)
    if len(pair) != 2:
        raise FormatError(f"inputs={inputs!r} must be a format, or a pair of them for a and b, not {len(pair)}")
    first, second = (get_format(one, "inputs") for one in pair)
    return first, second


def matmul_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, int, int]]:
    """(shape of the result, (m, k, n)), by np.matmul's rules for one-dimensional operands and stacks.

    Raises
    ------
    ShapeError
        If they do not fit.
    """
    if not a or not b:
        raise ShapeError(f"a {a} and b {b}: both need at least one dimension; multiply a scalar with nf.multiply")
    rows, columns = (1, *a) if len(a) == 1 else a, (*b, 1) if len(b) == 1 else b
    if rows[-1] != columns[-2]:
        raise ShapeError(
            f"a {a} and b {b}: the last dimension of a ({rows[-1]}) must equal "
            f"{'the' if len(b) == 1 else 'the last but one'} dimension of b ({columns[-2]})"
        )
    if len(rows) == len(columns) == 2:
        return rows[-2 : -1 if len(a) > 1 else -2] + (columns[-1:] if len(b) > 1 else ()), (
            rows[-2],
            rows[-1],
            columns[-1],
        )
    try:
        stack = np.broadcast_shapes(rows[:-2], columns[:-2])
    except ValueError:
        raise ShapeError(f"a {a} and b {b}: the stacks {rows[:-2]} and {columns[:-2]} do not broadcast") from None
    shape = stack + rows[-2 : -1 if len(a) > 1 else -2] + (columns[-1:] if len(b) > 1 else ())
    return shape, (rows[-2], rows[-1], columns[-1])


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


def check_copy(argument: str, x: NDArray) -> None:
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


def layout_of(x: NDArray) -> int:
    """The place of a matrix's layout in the signatures of kernels that take both: 0 for C, 1 for Fortran."""
    return 0 if x.flags.c_contiguous else 1


#: the compiled function behind a kernel's signature, see ``kernels/jit.py``
compiled = lru_cache(maxsize=256)(entry_point)


#: the bytes of the panels' buffer that each thread keeps
_KEPT = 1 << 20
_kept = threading.local()


def panel_buffer(size: int, dtype: type) -> NDArray:
    """An array that begins where vectors of 64 bytes do: a load across two lines of cache costs as much as two.

    It may hold anything. One that is not large is the same for all products of a thread: it is of no use to the next
    one.
    """
    nbytes = size * np.dtype(dtype).itemsize
    if nbytes > _KEPT:
        return _aligned(nbytes).view(dtype)
    if not hasattr(_kept, "buffer"):
        _kept.buffer = _aligned(_KEPT)
    return _kept.buffer[:nbytes].view(dtype)


def _aligned(nbytes: int) -> NDArray[np.uint8]:
    raw = np.empty(nbytes + 64, np.uint8)
    start = -raw.__array_interface__["data"][0] % 64
    return raw[start : start + nbytes]
