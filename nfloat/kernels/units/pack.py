"""Before a matrix-unit kernel: one pass that checks and measures an operand, and the packing into tiles and panels.

`scan` looks at every element once: can the format hold it, is it special, how far do exponents reach. `pack_rows` and
`pack_columns` reorder k as the unit takes it and pad with zeros; `code_rows` and `code_columns` make int16 exponents:
max(floor(log2 |x|), emin) + bias, and `zero` for zeros, infinities and NaNs, which must not raise an alignment.
"""

from __future__ import annotations

import numpy as np

from ..bits import float32_as_int32, greater, lesser
from ..jit import device, kernel

_INFINITE = 0x7F800000


@device
def _scan(x, precision, emin, least, greatest, found):
    """Whether the format holds x, and how far x reaches.

    found = [any finite x outside the format, any infinity, any NaN, least and greatest bits of |x| over finite x != 0].
    x = m 2^(e - 23) with 24-bit m is a value of the format iff its last 24 - p bits, and emin - e more below emin, are
    0, and least <= x <= greatest. The loop has no branch, so that it is vectorised.
    """
    bad = np.int32(0)
    infinite = np.int32(0)
    nan = np.int32(0)
    low, high = np.int32(_INFINITE), np.int32(0)
    drop, first = np.int32(24 - precision), np.int32(emin + 127)
    top, bottom = np.float32(greatest), np.float32(least)
    for i in range(x.size):  # every step in 32 bits: Numba would go on in 64, in half as many lanes
        mag = np.int32(float32_as_int32(x[i]) & np.int32(0x7FFFFFFF))
        finite = mag < np.int32(_INFINITE)
        field = np.int32(mag >> np.int32(23))
        m = np.int32((mag & np.int32(0x7FFFFF)) | (np.int32(0x800000) if field > 0 else np.int32(0)))
        below = np.int32(greater(np.int32(0), np.int32(first - greater(field, np.int32(1)))))
        cut = np.int32(lesser(np.int32(drop + below), np.int32(30)) & np.int32(31))
        remainder = np.int32(m & np.int32(np.int32(np.int32(1) << cut) - np.int32(1)))
        bad = np.int32(bad | np.int32(finite & ((remainder != 0) | (x[i] > top) | (x[i] < bottom))))
        infinite = np.int32(infinite | np.int32(mag == np.int32(_INFINITE)))
        nan = np.int32(nan | np.int32(mag > np.int32(_INFINITE)))
        low = np.int32(lesser(low, mag if mag > 0 else np.int32(_INFINITE)))
        high = np.int32(greater(high, mag if finite else np.int32(0)))
    found[0] = bad
    found[1] = infinite
    found[2] = nan
    found[3] = low
    found[4] = high


@kernel("void(float32[::1], int64, int64, float64, float64, int64[::1])")
def scan(x, precision, emin, least, greatest, found):
    """What `_scan` finds."""
    _scan(x, precision, emin, least, greatest, found)


@device
def exponent_code(x, emin, bias, zero):
    """The exponent code of one float32 element."""
    mag = float32_as_int32(x) & np.int32(0x7FFFFFFF)
    code = greater((mag >> np.int32(23)) - np.int32(127), emin) + bias
    ordinary = (mag > np.int32(0)) & (mag < np.int32(_INFINITE))
    return np.int16(code if ordinary else zero)


@kernel(
    "void(float32[:, :, ::1], int64[::1], int64, int64, float64, float32[::1], int64, int64)",
    "void(float32[:, :, ::1], int64[::1], int64, int64, float64, float64[::1], int64, int64)",
    "void(float64[:, :, ::1], int64[::1], int64, int64, float64, float64[::1], int64, int64)",
)
def pack_rows(x, order, rows, tiles, factor, out, first, last):
    """Tiles first .. last - 1 (over the batch) of x (batch, m, k) as [tile][k][rows], times `factor`.

    `order[j]` is the k that comes j-th; -1 stands for a zero, -2 for -0 (times b's zero it is -0, to add which changes
    nothing).
    """
    for t in range(first, last):
        item, row = t // tiles, (t % tiles) * rows
        for r in range(rows):
            to = out[t * order.size * rows + r : (t + 1) * order.size * rows]
            source = x[item, lesser(row + r, x.shape[1] - 1)]
            inside = row + r < x.shape[1]
            for j in range(order.size):
                k = order[j]
                v = source[greater(k, 0)] if inside and k >= 0 else x.dtype.type(-0.0 if k == -2 else 0.0)
                to[j * rows] = v * factor


@kernel("void(float32[:, :, ::1], int64[::1], int64, int64, int32[::1], int16[::1], int64, int64)")
def code_rows(x, order, rows, tiles, code, out, first, last):
    """The exponent codes of what `pack_rows` packs, in the same places. `code` = emin, bias, zero."""
    emin, bias, zero = code[0], code[1], code[2]
    for t in range(first, last):
        item, row = t // tiles, (t % tiles) * rows
        for r in range(rows):
            to = out[t * order.size * rows + r : (t + 1) * order.size * rows]
            source = x[item, lesser(row + r, x.shape[1] - 1)]
            inside = row + r < x.shape[1]
            for j in range(order.size):
                v = source[greater(order[j], 0)] if inside and order[j] >= 0 else np.float32(0.0)
                to[j * rows] = exponent_code(v, emin, bias, zero)


@kernel(
    "void(float32[:, :, ::1], int64[::1], int64, int64, float32[::1], int64, int64)",
    "void(float32[:, :, ::1], int64[::1], int64, int64, float64[::1], int64, int64)",
    "void(float64[:, :, ::1], int64[::1], int64, int64, float64[::1], int64, int64)",
)
def pack_columns(x, order, lanes, panels, out, first, last):
    """Panels first .. last - 1 of x (batch, k, n) as [panel][k][lanes]; otherwise as `pack_rows`."""
    for p in range(first, last):
        item, column = p // panels, (p % panels) * lanes
        for j in range(order.size):
            count = lesser(lanes, x.shape[2] - column) if order[j] >= 0 else 0
            source = x[item, greater(order[j], 0), column : column + count]
            to = out[(p * order.size + j) * lanes : (p * order.size + j + 1) * lanes]
            for i in range(count):
                to[i] = source[i]
            for i in range(count, lanes):
                to[i] = 0.0


@kernel("void(float32[:, :, ::1], int64[::1], int64, int64, int32[::1], int16[::1], int64, int64)")
def code_columns(x, order, lanes, panels, code, out, first, last):
    """The exponent codes of what `pack_columns` packs, each twice."""
    emin, bias, zero = code[0], code[1], code[2]
    for p in range(first, last):
        item, column = p // panels, (p % panels) * lanes
        for j in range(order.size):
            count = lesser(lanes, x.shape[2] - column) if order[j] >= 0 else 0
            source = x[item, greater(order[j], 0), column : column + count]
            to = out[2 * (p * order.size + j) * lanes : 2 * (p * order.size + j + 1) * lanes]
            for i in range(count):
                to[2 * i] = to[2 * i + 1] = exponent_code(source[i], emin, bias, zero)
            for i in range(2 * count, 2 * lanes):
                to[i] = np.int16(zero)


@kernel("void(float32[::1], int64, int64, float64, float64, int32[::1], int64, int16[::1], int64[::1])")
def scan_packed(packed, precision, emin, least, greatest, code, copies, codes, found):
    """`scan` of an operand in tiles or panels, and `copies` (0, 1, 2) of every element's exponent code beside it."""
    _scan(packed, precision, emin, least, greatest, found)
    if copies == 1:
        low, bias, zero = code[0], code[1], code[2]
        for i in range(packed.size):
            codes[i] = exponent_code(packed[i], low, bias, zero)
    if copies == 2:
        low, bias, zero = code[0], code[1], code[2]
        for i in range(packed.size):
            codes[2 * i] = codes[2 * i + 1] = exponent_code(packed[i], low, bias, zero)
