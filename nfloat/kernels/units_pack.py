"""Before a matrix-unit kernel: one pass that checks and measures an operand, and the packing into tiles and panels.

`scan` looks at every element once: can the format hold it, is it special, how far do exponents reach. `pack_rows` and
`pack_columns` reorder k as the unit takes it, pad with zeros, and put an exponent code beside every element:
``(max(floor(log2 |x|), emin) + bias) << shift``, and `zero` for zeros, infinities and NaNs, which must not raise an alignment.
"""

from __future__ import annotations

import numpy as np

from .bits import float32_as_int32
from .jit import device, kernel

_INFINITE = 0x7F800000


@kernel("void(float32[::1], int64, int64, float64, float64, int64[::1])")
def scan(x, precision, emin, least, greatest, found):  # noqa: ANN001, ANN201
    """found = [any finite x outside the format, any infinity, any NaN, least and greatest magnitude bits of finite x != 0].

    x = m 2^(e - 23) with 24-bit m is a value of the format iff its last 24 - p bits, and emin - e more below emin, are 0, and
    least <= x <= greatest. The loop has no branch, so that it is vectorised.
    """
    bad, infinite, nan = np.int32(0), np.int32(0), np.int32(0)
    low, high = np.int32(_INFINITE), np.int32(0)
    drop, first = np.int32(24 - precision), np.int32(emin + 127)
    top, bottom = np.float32(greatest), np.float32(least)
    for i in range(x.size):
        bits = float32_as_int32(x[i])
        mag = bits & np.int32(0x7FFFFFFF)
        finite = mag < np.int32(_INFINITE)
        field = mag >> np.int32(23)
        m = (mag & np.int32(0x7FFFFF)) | (np.int32(0x800000) if field > 0 else np.int32(0))
        cut = drop + max(np.int32(0), first - max(field, np.int32(1)))
        rest = m & ((np.int32(1) << min(cut, np.int32(30))) - np.int32(1))
        bad |= np.int32(finite and (rest != 0 or x[i] > top or x[i] < bottom))
        infinite |= np.int32(mag == np.int32(_INFINITE))
        nan |= np.int32(mag > np.int32(_INFINITE))
        low = min(low, mag if mag > 0 else np.int32(_INFINITE))
        high = max(high, mag if finite else np.int32(0))
    found[0], found[1], found[2], found[3], found[4] = bad, infinite, nan, low, high


@device
def exponent_code(x, emin, shift, bias, zero):  # noqa: ANN001, ANN201
    """The exponent code of one float32 element."""
    mag = float32_as_int32(x) & np.int32(0x7FFFFFFF)
    code = (max((mag >> np.int32(23)) - np.int32(127), emin) + bias) << shift
    ordinary = (mag > np.int32(0)) & (mag < np.int32(_INFINITE))
    return code if ordinary else zero


@kernel(
    "void(float32[:, :, ::1], int64[::1], int64, int64, float64, float32[::1], int32[::1], int32[::1], int64, int64)",
    "void(float32[:, :, ::1], int64[::1], int64, int64, float64, float64[::1], int32[::1], int32[::1], int64, int64)",
    "void(float64[:, :, ::1], int64[::1], int64, int64, float64, float64[::1], int32[::1], int32[::1], int64, int64)",
)
def pack_rows(x, order, rows, tiles, factor, out, exponents, code, first, last):  # noqa: ANN001, ANN201
    """Tiles first .. last - 1 (over the batch) of x (batch, m, k) as [tile][k][rows], times `factor`.

    `order[j]` is the k that comes j-th; -1 stands for a zero, -2 for -0 (times b's zero it is -0, to add which changes nothing).
    `code` = emin, shift, bias, zero. `exponents` may have length 0.
    """
    emin, shift, bias, zero = code[0], code[1], code[2], code[3]
    with_exponents = exponents.size > 0
    for t in range(first, last):
        item, row = t // tiles, (t % tiles) * rows
        for j in range(order.size):
            at = (t * order.size + j) * rows
            for r in range(rows):
                inside = row + r < x.shape[1] and order[j] >= 0
                v = x[item, row + r, order[j]] if inside else x.dtype.type(-0.0 if order[j] == -2 else 0.0)
                out[at + r] = v * factor
                if with_exponents:
                    exponents[at + r] = exponent_code(np.float32(v), emin, shift, bias, zero)


@kernel(
    "void(float32[:, :, ::1], int64[::1], int64, int64, float32[::1], int32[::1], int32[::1], int64, int64)",
    "void(float32[:, :, ::1], int64[::1], int64, int64, float64[::1], int32[::1], int32[::1], int64, int64)",
    "void(float64[:, :, ::1], int64[::1], int64, int64, float64[::1], int32[::1], int32[::1], int64, int64)",
)
def pack_columns(x, order, lanes, panels, out, exponents, code, first, last):  # noqa: ANN001, ANN201
    """Panels first .. last - 1 (over the batch) of x (batch, k, n) as [panel][k][lanes]; otherwise as `pack_rows`."""
    emin, shift, bias, zero = code[0], code[1], code[2], code[3]
    with_exponents = exponents.size > 0
    for p in range(first, last):
        item, column = p // panels, (p % panels) * lanes
        whole = min(lanes, x.shape[2] - column)
        for j in range(order.size):
            at, k = (p * order.size + j) * lanes, max(order[j], 0)
            count = whole if order[j] >= 0 else 0
            for i in range(count):
                out[at + i] = x[item, k, column + i]
            for i in range(count, lanes):
                out[at + i] = 0.0
            if with_exponents:
                for i in range(count):
                    exponents[at + i] = exponent_code(np.float32(x[item, k, column + i]), emin, shift, bias, zero)
                for i in range(count, lanes):
                    exponents[at + i] = zero
