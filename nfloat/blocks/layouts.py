"""Scales in the order in which Blackwell's tensor cores read them: tiles of 128 rows by 4 scales, 512 bytes each.

In a tile, the scale of row r and place c stands at (r mod 32) * 16 + (r div 32) * 4 + c; tiles follow row by row of
tiles; what is missing to whole tiles is 0. Source: NVIDIA, cuBLAS documentation, "1D block scaling factors layout"
(the layout of ``.scale_vec`` operands in PTX).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError

ROWS, PLACES = 128, 4


def swizzle(scales: NDArray[np.unsignedinteger]) -> NDArray[np.uint8]:
    """Scale codes of 8 bits, shape (..., rows, scales of a row), in tiles: (..., tiles down, tiles across, 512).

    Raises
    ------
    ShapeError
        If they have other than 8 bits, or fewer than two axes.

    Examples
    --------
    >>> import numpy as np
    >>> tiles = swizzle(np.arange(128 * 4, dtype=np.uint16).reshape(128, 4).astype(np.uint8))
    >>> tiles.shape, tiles[0, 0, :6].tolist()
    ((1, 1, 512), [0, 1, 2, 3, 128, 129])
    """
    if scales.ndim < 2 or scales.dtype != np.uint8:
        raise ShapeError(
            f"scales {scales.shape} of {scales.dtype}: a swizzled layout takes codes of 8 bits in two axes or more"
        )
    rows, places = scales.shape[-2:]
    down, across = -(-rows // ROWS), -(-places // PLACES)
    lead = [(0, 0)] * (scales.ndim - 2)
    padded = np.pad(scales, [*lead, (0, down * ROWS - rows), (0, across * PLACES - places)])
    tiles = padded.reshape(*scales.shape[:-2], down, 4, 32, across, PLACES)
    n = scales.ndim - 2
    order = (*range(n), n, n + 3, n + 2, n + 1, n + 4)
    return np.ascontiguousarray(tiles.transpose(order)).reshape(*scales.shape[:-2], down, across, ROWS * PLACES)


def unswizzle(tiles: NDArray[np.unsignedinteger], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The scale codes, of a shape, that `swizzle` put into tiles."""
    *lead, down, across, _ = tiles.shape
    n = len(lead)
    parts = tiles.reshape(*lead, down, across, 32, 4, PLACES)
    order = (*range(n), n, n + 3, n + 2, n + 1, n + 4)
    padded = parts.transpose(order).reshape(*lead, down * ROWS, across * PLACES)
    return np.ascontiguousarray(padded[..., : shape[-2], : shape[-1]])
