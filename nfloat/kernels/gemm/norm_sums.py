"""The sums that are the gradients of a norm's weight and bias, where a row has one of each: without its products.

One after the other along a row, as ``columns.py`` adds up, so that rows lie side by side in lanes.
"""

from __future__ import annotations

import numpy as np

from ..bits import lesser
from ..jit import device, kernel
from .columns import PLACES, ROWS, plus
from .turned import turn_lines

_U = np.uint64


@device
def _add(numbers, slopes, mean, inverse, count, products, sums):
    """products += slopes (numbers - mean) inverse, sums += slopes, for `count` places of `ROWS` rows."""
    for j in range(count):
        for r in range(ROWS):
            slope = slopes[_U(j * ROWS + r)]
            normal = (np.float64(numbers[_U(j * ROWS + r)]) - mean[r]) * inverse[r]
            if products.itemsize == 4:
                products[r] = plus(products[r], np.float64(slope) * normal)
            else:
                products[r] += slope * normal
            sums[r] += slope


@kernel(
    *(
        f"void(Array({x}, 3, 'C', readonly=True), Array({x}, 3, 'C', readonly=True), float64[::1], float64[::1], "
        f"boolean, {x}[::1], {x}[::1])"
        for x in ("float32", "float64")
    )
)
def affine_sums(x, dy, mean, inverse, centred, products, sums):
    """products[r] = the sum of dy (x - mean) inverse over x[:, r, :], sums[r] that of dy, each in its own type.

    Not `centred`: the mean is 0.
    """
    outer, rows, places = x.shape
    numbers, slopes = np.zeros(PLACES * ROWS, x.dtype), np.zeros(PLACES * ROWS, x.dtype)
    m, r, one, other = np.zeros(ROWS), np.zeros(ROWS), np.zeros(ROWS, x.dtype), np.zeros(ROWS, x.dtype)
    flat, flat_dy = x.reshape(-1), dy.reshape(-1)
    for row in range(0, rows, ROWS):
        some = lesser(ROWS, rows - row)
        for i in range(some):
            m[i], r[i] = mean[row + i] if centred else 0.0, inverse[row + i]
        one[:], other[:] = 0.0, 0.0
        for o in range(outer):
            for place in range(0, places, PLACES):
                count, at = lesser(PLACES, places - place), (o * rows + row) * places + place
                turn_lines(flat, at, places, count, some, numbers, 0, ROWS, None)
                turn_lines(flat_dy, at, places, count, some, slopes, 0, ROWS, None)
                _add(numbers, slopes, m, r, count, one, other)
        products[row : row + some], sums[row : row + some] = one[:some], other[:some]
