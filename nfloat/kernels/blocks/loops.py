"""Loops over whole arrays: elements over scales, by the lanes of ``blocks/lanes.py``.

What is shorter than a vector (small blocks, the end of a row, few columns) goes through padded copies.
"""

from __future__ import annotations

import numpy as np

from ...formats.rounding import Rounding
from ...formats.spec import CodeField
from ..bits import float32_as_int32, float64_as_int64
from ..jit import device, kernel, routine
from ..rng import subkeys, twin_subkeys
from ..rounding.arrays import SPEC
from ..rounding.codes import CODES
from ..rounding.scalar import load_spec
from .lanes import columns, rows
from .walks import ONE_ZERO, WIDTH

_WIDTH32, _WIDTH64 = WIDTH[32], WIDTH[64]
_STOCHASTIC = Rounding.STOCHASTIC.tag
_SIGN, _TWOS, _MAX_CODE = CodeField.SIGN_SHIFT.value, CodeField.TWOS_COMPLEMENT.value, CodeField.MAX_CODE.value
#: columns that are done together: their scales and a row of theirs stay in the first cache
_STRIP = 2048


# ------------------------------------------------------------------ elements
@device
def integer_constants(spec, c, single, key, section):
    """The integers of `lanes.LaneField`, for lanes of float32 or float64; the last ones from `key`."""
    p = spec.precision
    digits, bias = (24, 127) if single else (53, 1023)
    fraction = digits - 1
    sign_bit = np.int64(0x80000000) if single else np.int64(-0x8000000000000000)
    sign = sign_bit if np.signbit(spec.neg_zero) else np.int64(0)
    top = np.int64(float32_as_int32(np.float32(spec.max))) if single else float64_as_int64(spec.max)
    bottom = np.int64(float32_as_int32(np.float32(spec.min))) if single else float64_as_int64(spec.min)
    twos = c[_TWOS] == 1
    keys = subkeys(key, section) if spec.draws else np.uint64(0)
    twin = twin_subkeys(key, section) if spec.draws else np.uint64(0)
    return (
        np.int64((spec.emin + bias) << fraction), np.int64(((digits - p) << fraction) | (1 << (fraction - 1))),
        np.int64((1 - p) << fraction), np.int64(digits - p), sign, top, bottom, np.int64(-1 if twos else 0),
        np.int64((31 if single else 63) - c[_SIGN]), np.int64(0 if twos else 1 << c[_SIGN]),
        np.int64((2 << c[_SIGN]) - 1),
        np.int64(c[_MAX_CODE]), np.int64((1 << c[_SIGN]) if twos and -spec.min > spec.max else c[_MAX_CODE]),
        np.int64(1 << c[_SIGN] if sign != 0 else 0),
        np.int64(keys & np.uint64(0xFFFFFFFF)), np.int64(keys >> np.uint64(32)),
        np.int64(twin & np.uint64(0xFFFFFFFF)), np.int64(twin >> np.uint64(32)),
    )  # fmt: skip


@device
def mode_form(spec):
    """The tag of the mode's loop."""
    return _STOCHASTIC + ONE_ZERO if spec.mode == _STOCHASTIC and not np.signbit(spec.neg_zero) else spec.mode


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
    for row in range(x.size // max(n, 1)):
        at = row * n
        _rows(x, out, scales, todo, (at, at, base + at, row * count, whole, size), mode, integers)
        for b in range(row * count + whole, (row + 1) * count):
            start = at + (b - row * count) * size
            length = min(size, at + n - start)
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
    for row in range(x.size // max(n * inner, 1) * count):
        first = (row // count * n + row % count * size) * inner
        last = first + min(size, n - row % count * size) * inner
        if inner < width:
            _few_columns(x, out, inner, row, first, last, scales, todo, mode, integers, base)
            continue
        for edge in range(0, inner, _STRIP):
            left = min(edge, inner - width)  # a strip has a vector at least, some of it done before if need be
            strip = min(_STRIP, inner - left)
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


_ARRAYS = [
    ("float32", "int32"),
    ("float64", "int64"),
    ("float32", "float64"),
    ("float64", "float64"),
    ("float32", "float32"),
]


@kernel(
    *(
        f"void({x}[::1], {out}[::1], int64, int64, int64, {scale}[:, ::1], uint8[::1], {SPEC}, {CODES}, int64, int64)"
        for x, scale in _ARRAYS
        for out in (x, "uint8")
    )
)
def elements(x, out, n, inner, size, scales, todo, words, c, key, base):
    """out = values or codes (by its type) of x over `scales` (by theirs, see ``blocks/lanes.py``).

    `base` is the number of x[0].
    The numbers of all elements must have their bits above 32 in common.
    """
    spec = load_spec(words)
    integers = integer_constants(spec, c, scales.itemsize == 4, key, base >> 32)
    if inner == 1:
        _along_rows(x, out, n, size, scales, todo, mode_form(spec), integers, base)
    else:
        _along_columns(x, out, n, inner, size, scales, todo, mode_form(spec), integers, base)
