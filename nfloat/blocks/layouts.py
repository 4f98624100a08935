"""Other orders of bytes: scales as Blackwell's tensor cores read them, blocks as GGUF files hold them.

Blackwell: tiles of 128 rows by 4 scales, 512 bytes each. In a tile, the scale of row r and place c stands at
(r mod 32) * 16 + (r div 32) * 4 + c; tiles follow row by row of tiles; what is missing to whole tiles is 0. Source:
NVIDIA, cuBLAS documentation, "1D block scaling factors layout" (the layout of ``.scale_vec`` operands in PTX).

GGUF: block by block, its scale and then its elements, of which byte j holds number j in its low half and number j + n/2
in its high half. Source: ggml, ``block_mxfp4`` in ``ggml-common.h`` (type 39 of a GGUF file).
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


def blockwise(codes: NDArray[np.unsignedinteger], scale_codes: NDArray[np.unsignedinteger]) -> NDArray[np.uint8]:
    """Codes of 4 bits (..., blocks times n) and a scale's code of 8 bits for each block: (..., blocks, 1 + n / 2).

    Examples
    --------
    >>> import numpy as np
    >>> blockwise(np.array([1, 2, 3, 4], np.uint8), np.array([127], np.uint8)).tolist()
    [[127, 49, 66]]
    """
    halves = codes.reshape(*scale_codes.shape, 2, codes.shape[-1] // scale_codes.shape[-1] // 2)
    packed = halves[..., 0, :] | halves[..., 1, :] << 4
    return np.concatenate([scale_codes[..., None], packed], axis=-1, dtype=np.uint8)


def from_blockwise(blocks: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The codes and the scales' codes that `blockwise` put together."""
    packed = blocks[..., 1:]
    codes = np.concatenate([packed & 15, packed >> 4], axis=-1)
    return codes.reshape(*blocks.shape[:-2], -1), np.ascontiguousarray(blocks[..., 0])
