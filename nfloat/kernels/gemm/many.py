"""Many products in one call: stacks of matrices and windows of images, by the hardware's own sums.

Attention multiplies hundreds of matrices that take a microsecond each, and a convolution as many images; to ask for
each of them apart takes longer than they do. Their tile, and what a sum is, are ``native.py``'s; channels and heads
come in sixteens, and so do its rows (``shapes.py``: "many").
"""

from __future__ import annotations

import numpy as np

from ..bits import lesser
from ..jit import device, kernel
from ..machine import HERE
from .native import sums_of
from .shapes import MANY32, MANY64
from .turned import turn_lines
from .windows import copy_lanes, pack_runs

_U = np.uint64
_FLOATS = ("float32", "float64")
_LANES32, _LANES64 = HERE.lanes(32), HERE.lanes(64)
_R32, _W32, _R64, _W64 = MANY32.rows, MANY32.width, MANY64.rows, MANY64.width
#: numbers of a panel's memory that stand before its first line and behind its last one
_MORE = 64
_sums = sums_of({32: MANY32, 64: MANY64})


@device
def _rows(x):
    """A tile's rows, by the type of its numbers."""
    return _R32 if x.itemsize == 4 else _R64


@device
def _width(x):
    """A tile's columns."""
    return _W32 if x.itemsize == 4 else _W64


@device
def _start(x):
    """The first element of x that vectors of 64 bytes may begin with: a load across two lines costs as much as two."""
    return -x.ctypes.data % 64 // x.itemsize


@device
def _edge(a, at_a, b, at_b, out, to, step, high, wide, k, started, scratch):
    """The sums of a tile at an edge, `high` rows and `wide` columns of it, at out[to + r step + j], by way of scratch.

    (Whole tiles are formed where they are asked for: to call a function with arrays counts references.)
    """
    width = _width(out)
    if started:
        for r in range(high):
            for j in range(wide):
                scratch[r * width + j] = out[to + r * step + j]
    _sums(a, at_a, b, at_b, scratch, 0, width, k, started)
    for r in range(high):
        for j in range(wide):
            out[to + r * step + j] = scratch[r * width + j]


@device
def _pack(x, width, out, at, distance):
    """Columns of x (steps, n), of any strides, in panels `distance` apart from out[at] on: [k][width], and zeros."""
    steps, size = x.shape
    down, along = x.strides[0] // x.itemsize, x.strides[1] // x.itemsize
    lanes = _LANES32 if x.itemsize == 4 else _LANES64
    for column in range(0, size, width):
        whole, j = lesser(width, size - column), 0
        if whole < width:
            out[at : at + steps * width] = 0.0
        if along == 1:
            while whole - j >= lanes:
                for k in range(steps):
                    copy_lanes(x, k * down + column + j, out, at + k * width + j)
                j += lanes
        elif down == 1:
            turn_lines(x, column * along, along, steps, whole, out, at, width, None)
            j = whole
        for i in range(j, whole):
            for k in range(steps):
                out[at + k * width + i] = x[k, column + i]
        at += distance


@kernel(
    *(
        f"void(Array({x}, 4, 'A', readonly=True), Array({x}, 4, 'A', readonly=True), "
        f"{x}[:, :, ::1], int64, int64, int64)"
        for x in _FLOATS
    )
)
def stack_sums(a, b, out, first, last, started):
    """out[t] = a[i, j] @ b[i, j] for t = first .. last - 1, number t of the pairs (i, j); `started`: + out[t]."""
    (_, m, n), k, rows, width = out.shape, a.shape[3], _rows(out), _width(out)
    tiles, panels = (m + rows - 1) // rows, (n + width - 1) // width
    left, right = np.empty(tiles * rows * k, out.dtype), np.empty(panels * width * k + _MORE, out.dtype)
    scratch, flat, begin = np.zeros(rows * width, out.dtype), out.reshape(-1), _start(right)
    for t in range(first, last):
        one, other = a[t // a.shape[1], t % a.shape[1]], b[t // a.shape[1], t % a.shape[1]]
        _pack(one.T, rows, left, 0, rows * k)
        _pack(other, width, right, begin, width * k)
        for p in range(panels):
            for i in range(tiles):
                high, wide = lesser(rows, m - i * rows), lesser(width, n - p * width)
                at_a, at_b, to = i * rows * k, begin + p * width * k, (t * m + i * rows) * n + p * width
                if high == rows and wide == width:
                    _sums(left, at_a, right, at_b, flat, to, n, k, started)
                else:
                    _edge(left, at_a, right, at_b, flat, to, n, high, wide, k, started, scratch)


@kernel(
    *(
        f"void({x}[::1], int64, int64, int64[::1], int64[::1], int64[::1], int64[::1], "
        f"{x}[:, ::1], {x}[:, :, ::1], int64)"
        for x in _FLOATS
    )
)
def window_sums(x, image, group, rows, ends, to, of, w, out, started):
    """out (images, groups m, places) = w @ windows (+ out, `started`).

    x holds images that lie `image` numbers apart, and their groups of channels `group`; w is (groups, tiles of packed
    rows). `rows` are the taps, the runs of ``windows.py`` the places.
    """
    (images, channels, places), k, height, width = out.shape, rows.size, _rows(out), _width(out)
    m = channels // w.shape[0]
    panel, scratch, flat = np.empty(k * width + _MORE, out.dtype), np.zeros(height * width, out.dtype), out.reshape(-1)
    first, packed, tiles = _start(panel), w.reshape(-1), (m + height - 1) // height
    for i in range(images):
        for g in range(w.shape[0]):
            for p in range(ends.size - 1):
                pack_runs(x, i * image + g * group, rows, ends, to, of, places, width, p, panel, first)
                for t in range(tiles):
                    high, wide = lesser(height, m - t * height), lesser(width, places - p * width)
                    at_a, at = (g * tiles + t) * height * k, (i * channels + g * m + t * height) * places + p * width
                    if high == height and wide == width:
                        _sums(packed, at_a, panel, first, flat, at, places, k, started)
                    else:
                        _edge(packed, at_a, panel, first, flat, at, places, high, wide, k, started, scratch)


@kernel(
    *(
        f"void({x}[::1], int64, int64, int64[::1], int64, int64[::1], int64[::1], int64[::1], int64, "
        f"Array({x}, 3, 'C', readonly=True), int64, int64, {x}[:, ::1], int64, int64)"
        for x in _FLOATS
    )
)
def window_gradients(x, image, base, rows, some, ends, to, of, size, dy, channel, m, out, first, last):
    """out (m, `size` taps) += dy @ windows^T, over the places of all images one after the other.

    x as in `window_sums`, a group's channels from `base` on; of dy (images, channels, places) the m channels from
    `channel` on. `rows` are the places of `some` images, which are summed before the next ones are looked at, and the
    runs the taps, of which the panels first .. last - 1 are done.
    """
    (images, _, places), height, width = dy.shape, _rows(out), _width(out)
    tiles = (m + height - 1) // height
    left, panel = np.empty(tiles * height * rows.size, out.dtype), np.empty(rows.size * width + _MORE, out.dtype)
    scratch, flat, begin = np.zeros(height * width, out.dtype), out.reshape(-1), _start(panel)
    for start in range(0, images, some):
        count = lesser(some, images - start)
        k = count * places
        for i in range(count):
            _pack(dy[start + i, channel : channel + m].T, height, left, i * places * height, k * height)
        for p in range(first, last):
            pack_runs(x, base + start * image, rows[:k], ends, to, of, size, width, p, panel, begin)
            for t in range(tiles):
                high, wide = lesser(height, m - t * height), lesser(width, size - p * width)
                at_a, at = t * height * k, t * height * size + p * width
                if high == height and wide == width:
                    _sums(left, at_a, panel, begin, flat, at, size, k, 1)
                else:
                    _edge(left, at_a, panel, begin, flat, at, size, high, wide, k, 1, scratch)
