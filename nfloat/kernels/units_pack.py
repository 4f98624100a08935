"""Before a matrix-unit kernel: one pass that checks and measures an operand, and the packing into tiles and panels.

`scan` looks at every element once: can the format hold it, is it special, how far do exponents reach. `pack_rows` and
`pack_columns` reorder k as the unit takes it, pad with zeros, and put an int16 exponent code beside every element:
max(floor(log2 |x|), emin) + bias, and `zero` for zeros, infinities and NaNs, which must not raise an alignment.
"""

from __future__ import annotations

import numpy as np

from .bits import float32_as_int32
from .jit import device, kernel

_INFINITE = 0x7F800000


@kernel("void(float32[::1], int64, int64, float64, float64, int64[::1])")
def scan(x, precision, emin, least, greatest, found):
    """Whether the format holds x, and how far x reaches.

    found = [any finite x outside the format, any infinity, any NaN, least and greatest bits of |x| over finite x != 0].
    x = m 2^(e - 23) with 24-bit m is a value of the format iff its last 24 - p bits, and emin - e more below emin, are
    0, and least <= x <= greatest. The loop has no branch, so that it is vectorised.
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
def exponent_code(x, emin, bias, zero):
    """The exponent code of one float32 element."""
    mag = float32_as_int32(x) & np.int32(0x7FFFFFFF)
    code = max((mag >> np.int32(23)) - np.int32(127), emin) + bias
    ordinary = (mag > np.int32(0)) & (mag < np.int32(_INFINITE))
    return np.int16(code if ordinary else zero)


@device
def put(out, exponents, with_exponents, at, v, factor, emin, bias, zero):
    """One element and its exponent code."""
    out[at] = v * factor
    if with_exponents:
        exponents[at] = exponent_code(np.float32(v), emin, bias, zero)


@device
def pack_four(x, order, factor, out, exponents, code):
    """Four rows of x (4, k) side by side: what `pack_rows` does with a whole tile of four."""
    emin, bias, zero = code[0], code[1], code[2]
    with_exponents = exponents.size > 0
    r0, r1, r2, r3 = x[0], x[1], x[2], x[3]
    for j in range(order.size):
        k, at = np.uint64(order[j]), np.uint64(4 * j)
        put(out, exponents, with_exponents, at, r0[k], factor, emin, bias, zero)
        put(out, exponents, with_exponents, at + np.uint64(1), r1[k], factor, emin, bias, zero)
        put(out, exponents, with_exponents, at + np.uint64(2), r2[k], factor, emin, bias, zero)
        put(out, exponents, with_exponents, at + np.uint64(3), r3[k], factor, emin, bias, zero)


@kernel(
    "void(float32[:, :, ::1], int64[::1], int64, int64, float64, float32[::1], int16[::1], int32[::1], int64, int64)",
    "void(float32[:, :, ::1], int64[::1], int64, int64, float64, float64[::1], int16[::1], int32[::1], int64, int64)",
    "void(float64[:, :, ::1], int64[::1], int64, int64, float64, float64[::1], int16[::1], int32[::1], int64, int64)",
)
def pack_rows(x, order, rows, tiles, factor, out, exponents, code, first, last):
    """Tiles first .. last - 1 (over the batch) of x (batch, m, k) as [tile][k][rows], times `factor`.

    `order[j]` is the k that comes j-th; -1 stands for a zero, -2 for -0 (times b's zero it is -0, to add which changes
    nothing). `code` = emin, bias, zero. `exponents` may have length 0.
    """
    size, known, coded = order.size, 0, exponents.size > 0
    while known < size and order[known] >= 0:
        known += 1
    for t in range(first, last):
        item, row = t // tiles, (t % tiles) * rows
        start, done = t * size * rows, 0
        if rows == 4 and row + 4 <= x.shape[1]:
            to, codes = out[start : start + 4 * known], exponents[start : start + 4 * known] if coded else exponents
            pack_four(x[item, row : row + 4], order[:known], factor, to, codes, code)
            done = known
        for j in range(done, size):
            for r in range(rows):
                inside = row + r < x.shape[1] and order[j] >= 0
                v = x[item, row + r, order[j]] if inside else x.dtype.type(-0.0 if order[j] == -2 else 0.0)
                put(out, exponents, coded, start + j * rows + r, v, factor, code[0], code[1], code[2])


@kernel(
    "void(float32[:, :, ::1], int64[::1], int64, int64, float32[::1], int16[::1], int32[::1], int64, int64)",
    "void(float32[:, :, ::1], int64[::1], int64, int64, float64[::1], int16[::1], int32[::1], int64, int64)",
    "void(float64[:, :, ::1], int64[::1], int64, int64, float64[::1], int16[::1], int32[::1], int64, int64)",
)
def pack_columns(x, order, lanes, panels, out, exponents, code, first, last):
    """Panels first .. last - 1 of x (batch, k, n) as [panel][k][lanes], exponents twice; else as `pack_rows`."""
    emin, bias, zero = code[0], code[1], code[2]
    with_exponents = exponents.size > 0
    for p in range(first, last):
        item, column = p // panels, (p % panels) * lanes
        whole = min(lanes, x.shape[2] - column)
        for j in range(order.size):
            at, count = (p * order.size + j) * lanes, whole if order[j] >= 0 else 0
            source, to = x[item, max(order[j], 0), column : column + count], out[at : at + lanes]
            for i in range(count):
                to[i] = source[i]
            to[count:] = 0.0
            if with_exponents:
                codes = exponents[2 * at : 2 * (at + lanes)]
                for i in range(count):
                    codes[2 * i] = codes[2 * i + 1] = exponent_code(np.float32(source[i]), emin, bias, zero)
                codes[2 * count :] = zero
