"""Sums of blocks whose scales are applied outside the matrix unit: one fused multiply-add in float32 for each."""

from __future__ import annotations

import numpy as np

from ..arithmetic.fused import fma32
from ..jit import kernel

_MATRIX, _ROW = "Array(float32, 2, 'C', readonly=True)", "Array(float32, 1, 'C', readonly=True)"


@kernel(f"void({_MATRIX}, {_ROW}, {_MATRIX}, float32[:, ::1], int64, int64, int64)")
def add_scaled(part, rows, columns, total, height, first, last):
    """total += part times its scale, in rows first .. last - 1; item t of the stack has `height` rows.

    A scale is the product of the row's and the column's, rounded. A NaN is the positive quiet one.
    """
    for i in range(first, last):
        t = i // height
        for j in range(total.shape[1]):
            r = fma32(part[i, j], rows[i] * columns[t, j], total[i, j])
            total[i, j] = r if r == r else np.float32(np.nan)
