"""Panels of a matrix of windows, straight from the images that the windows see; and how images lie for that.

Element (k, j) of such a matrix is image[rows[k] + columns[j]]: rows are the taps of a convolution's kernel and columns
the places where it stands, or the other way round. The matrix itself, as many times as large as the images as the
kernel has taps, is nowhere.

Columns come as *runs* that lie side by side in the image, so that each is one vector: `of` says where they begin
there, `to` where in the panel, `ends` which are a panel's. So that there are such runs, images lie with the zeros
around them and with every step-th row and column together (`surround`), or with all channels of a place side by side
(`channels_last`).
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import intrinsic

from ..bits import lesser
from ..jit import device, kernel
from ..lanes import Lanes
from ..machine import HERE
from .turned import turn_lines

_U = np.uint64
_FLOATS = ("float32", "float64")
_LANES32, _LANES64 = HERE.lanes(32), HERE.lanes(64)


@intrinsic
def copy_lanes(typingctx, x, i, out, j):
    """A register's numbers, out[j ...] = x[i ...], of arrays that lie as one line from their first number on."""

    def generate(context, builder, sig, args):
        bits = sig.args[0].dtype.bitwidth
        v = Lanes(builder, HERE.lanes(bits), bits)
        source, target = (context.make_array(sig.args[n])(context, builder, args[n]).data for n in (0, 2))
        v.store(v.load(builder.gep(source, [args[1]])), builder.gep(target, [args[3]]))
        return context.get_dummy_value()

    return types.void(x, types.int64, out, types.int64), generate


@device
def pack_runs(x, base, rows, ends, to, of, size, width, panel, out, at):
    """Panel number `panel` of `size` columns into out[at ...], [k][width], padded with zeros.

    A run is copied as a whole register: what it writes beyond its end, the next one writes over, and behind the last
    one there is room. A panel that is not full has no such next one.
    """
    first, last = ends[panel], ends[panel + 1]
    whole = lesser(width, size - panel * width)
    if whole < width:
        out[at : at + rows.size * width] = 0.0
        for k in range(rows.size):
            for s in range(first, last):
                stop = to[s + 1] if s + 1 < last else whole
                place, start = at + k * width + to[s], base + rows[k] + of[s]
                for j in range(stop - to[s]):
                    out[_U(place + j)] = x[_U(start + j)]
    elif last - first == 1:
        start = base + of[first]
        for k in range(rows.size):
            copy_lanes(x, start + rows[k], out, at + k * width)
    elif last - first == 2:
        start, other, behind = base + of[first], base + of[first + 1], at + to[first + 1]
        for k in range(rows.size):
            copy_lanes(x, start + rows[k], out, at + k * width)
            copy_lanes(x, other + rows[k], out, behind + k * width)
    else:
        for k in range(rows.size):
            start, place = base + rows[k], at + k * width
            for s in range(first, last):
                copy_lanes(x, start + of[s], out, place + to[s])


@kernel(
    *(
        f"void({x}[::1], int64, int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, {x}[::1], int64, int64)"
        for x in _FLOATS
    )
)
def pack_windows(x, base, rows, ends, to, of, size, width, out, first, last):
    """Panels first .. last - 1 into out, [panel][k][width]; panel `first` begins at out[0].

    Both arrays go on for a register's numbers behind what is asked for.
    """
    for panel in range(first, last):
        pack_runs(x, base, rows, ends, to, of, size, width, panel, out, (panel - first) * rows.size * width)


@device
def _lines(x, out, size, distance, above):
    """Every image's rows, `distance` apart from its place `above` on, zeros before, between and behind them.

    A row is copied in whole registers: what they write beyond its end is written over by zeros and the next row, as far
    as x goes on. (All images in one call: to count references to arrays takes longer than to copy a small one.)
    """
    images, channels, height, width = x.shape
    flat, lanes = x.reshape(-1), _LANES32 if x.itemsize == 4 else _LANES64
    whole = (width + lanes - 1) // lanes * lanes
    for i in range(images * channels):
        for j in range(above):
            out[_U(i * size + j)] = 0.0
        place, source = i * size + above, i * height * width
        for _ in range(height):
            if source + whole <= flat.size:
                for j in range(0, width, lanes):
                    copy_lanes(flat, source + j, out, place + j)
            else:
                for j in range(width):
                    out[_U(place + j)] = flat[_U(source + j)]
            for j in range(width, distance):
                out[_U(place + j)] = 0.0
            place, source = place + distance, source + width
        for j in range(place, (i + 1) * size):
            out[_U(j)] = 0.0


@device
def _phases(x, out, before, phase):
    """Every image's rows and columns, those that are as many steps apart together."""
    images, channels, height, width = x.shape
    plane, step, flat = phase[2] * phase[3], phase[1], x.reshape(-1)
    out[: images * channels * phase[0] * step * plane] = 0.0
    for i in range(images * channels):
        for r in range(height):
            row = r + before[0]
            line = (i * phase[0] + row % phase[0]) * step * plane + row // phase[0] * phase[3]
            for column in range(step):
                j = (column - before[1]) % step
                place, source = line + column * plane + (j + before[1]) // step, (i * height + r) * width + j
                for t in range((width - j + step - 1) // step):
                    out[_U(place + t)] = flat[_U(source + t * step)]


@kernel(*(f"void(Array({x}, 4, 'C', readonly=True), {x}[::1], int64[::1], int64[::1])" for x in _FLOATS))
def surround(x, out, before, phase):
    """Images (n, channels, h, w) with `before` zeros above and left of them, in phases of rows and columns.

    `phase` is (steps of rows, of columns, rows and columns of a phase): out is [n][channels][row mod step][column mod
    step][row / step][column / step], zeros where there is no image.
    """
    if phase[0] == 1 and phase[1] == 1:
        _lines(x, out, phase[2] * phase[3], phase[3], before[0] * phase[3] + before[1])
    else:
        _phases(x, out, before, phase)


@kernel(*(f"void(Array({x}, 4, 'C', readonly=True), {x}[::1], int64[::1], int64[::1])" for x in _FLOATS))
def channels_last(x, out, before, size):
    """Images (n, channels, h, w) as [n][row][column][channel], rows and columns being `size` with zeros around."""
    images, channels, height, width = x.shape
    flat, plane = x.reshape(-1), height * width
    out[: images * size[0] * size[1] * channels] = 0.0
    for i in range(images):
        for r in range(height):
            line = ((i * size[0] + r + before[0]) * size[1] + before[1]) * channels
            turn_lines(flat, i * channels * plane + r * width, plane, width, channels, out, line, channels, None)
