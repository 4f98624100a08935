"""Panels of a matrix of windows, straight from the images that the windows see.

Element (k, j) of such a matrix is image[rows[k] + columns[j]]: rows are the taps of a convolution's kernel and columns
the places where it stands, or the other way round. The matrix itself, as many times as large as the images as the
kernel has taps, is nowhere.
"""

from __future__ import annotations

import numpy as np

from ..jit import kernel

_U = np.uint64


@kernel(
    *(
        f"void(Array({x}, 1, 'C', readonly=True), int64[::1], int64[::1], int64, {x}[::1], int64, int64)"
        for x in ("float32", "float64")
    )
)
def pack_windows(x, rows, columns, width, out, first, last):
    """Panels first .. last - 1 into out, [panel][k][width], padded with zeros; panel `first` begins at out[0]."""
    for panel in range(first, last):
        at, column = (panel - first) * rows.size * width, panel * width
        whole = min(width, columns.size - column)
        if whole < width:
            out[at : at + rows.size * width] = 0.0
        for k in range(rows.size):
            place, start = _U(at + k * width), rows[k]
            for i in range(whole):
                out[place + _U(i)] = x[_U(start + columns[_U(column + i)])]
