"""Loops over whole arrays: elements over scales, by the lanes of ``blocks/lanes.py``.

What is shorter than a vector (small blocks, the end of a row, few columns) goes through padded copies.
"""

from __future__ import annotations

import numpy as np

from ..bits import greater, lesser
from ..jit import device, routine
from .constants import integer_constants, mode_form
from .lanes import columns, rows
from .walks import WIDTH

_WIDTH32, _WIDTH64 = WIDTH[32], WIDTH[64]
#: columns that are done together: their scales and a row of theirs stay in the first cache
_STRIP = 2048


@routine
def _rows(x, out, scales, todo, places, mode, integers):
    """``lanes.rows`` out of line: it is long, and wanted in several places."""
    rows(x, out, scales, todo, places, mode, integers)


@routine
def _columns(x, out, scales, todo, places, mode, integers):
    """``lanes.columns`` out of line."""
    columns(x, out, scales, todo, places, mode, integers)


@device
def _along_rows(x, out, n, size, scales, todo, mode, integers, base):
    """Blocks along rows of n elements."""
    count, width = -(-n // size), _WIDTH32 if scales.itemsize == 4 else _WIDTH64
    whole = n // size if size >= width else 0
    wide_x, wide_out, wide_todo = np.zeros(width, x.dtype), np.empty(width, out.dtype), np.zeros(width, np.uint8)
    wide_scales = np.zeros((scales.shape[0], width), scales.dtype)
    for row in range(x.size // greater(n, 1)):
        at = row * n
        _rows(x, out, scales, todo, (at, at, base + at, row * count, whole, size), mode, integers)
        for b in range(row * count + whole, (row + 1) * count):
            start = at + (b - row * count) * size
            length = lesser(size, at + n - start)
            if length >= width:
                _rows(x, out, scales, todo, (start, start, base + start, b, 1, length), mode, integers)
                continue
            for i in range(length):
                wide_x[i] = x[start + i]
            for part in range(scales.shape[0]):
                wide_scales[part, 0] = scales[part, b]
            wide_todo[0] = 0
            _rows(wide_x, wide_out, wide_scales, wide_todo, (0, 0, base + start, 0, 1, width), mode, integers)
            for i in range(length):
                out[start + i] = wide_out[i]
            todo[b] |= wide_todo[0]


@device
def _along_columns(x, out, n, inner, size, scales, todo, mode, integers, base):
    """Blocks along the columns of (n, inner) matrices, a strip of columns at a time."""
    count, width = -(-n // size), _WIDTH32 if scales.itemsize == 4 else _WIDTH64
    for row in range(x.size // greater(n * inner, 1) * count):
        first = (row // count * n + row % count * size) * inner
        last = first + lesser(size, n - row % count * size) * inner
        if inner < width:
            _few_columns(x, out, inner, row, first, last, scales, todo, mode, integers, base)
            continue
        for edge in range(0, inner, _STRIP):
            left = lesser(edge, inner - width)  # a strip has a vector at least, some of it done before if need be
            strip = lesser(_STRIP, inner - left)
            for start in range(first + left, last, inner):
                _columns(x, out, scales, todo, (start, start, base + start, row * inner + left, strip), mode, integers)


@device
def _few_columns(x, out, inner, row, first, last, scales, todo, mode, integers, base):
    """The blocks of number `row`, of fewer columns than a vector has."""
    width = _WIDTH32 if scales.itemsize == 4 else _WIDTH64
    wide_x, wide_out, wide_todo = np.zeros(width, x.dtype), np.empty(width, out.dtype), np.zeros(width, np.uint8)
    wide_scales = np.zeros((scales.shape[0], width), scales.dtype)
    for j in range(inner):
        for part in range(scales.shape[0]):
            wide_scales[part, j] = scales[part, row * inner + j]
    for start in range(first, last, inner):
        for j in range(inner):
            wide_x[j] = x[start + j]
        _columns(wide_x, wide_out, wide_scales, wide_todo, (0, 0, base + start, 0, width), mode, integers)
        for j in range(inner):
            out[start + j] = wide_out[j]
    for j in range(inner):
        todo[row * inner + j] |= wide_todo[j]


@device
def elements(x, out, n, inner, size, scales, todo, spec, c, key, base):
    """out = values or codes (by its type) of x over `scales` (by theirs, see ``blocks/lanes.py``).

    `base` is the number of x[0].
    The numbers of all elements must have their bits above 32 in common.
    """
    integers = integer_constants(spec, c, scales.itemsize == 4, key, base >> 32)
    if inner == 1:
        _along_rows(x, out, n, size, scales, todo, mode_form(spec), integers, base)
    else:
        _along_columns(x, out, n, inner, size, scales, todo, mode_form(spec), integers, base)
