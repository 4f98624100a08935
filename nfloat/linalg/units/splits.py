"""Split k: which k each part of a long sum takes. For units' own option, and for `predict_matmul` and `identify`.

As GPU libraries launch it, k is cut into tiles, and the parts take whole tiles: runs of ceil(tiles / parts), so that
the last part is the shorter one, or tile t goes to part t mod parts.

Source: measured on an H200 (CUDA 13.0, cuBLAS of PyTorch 2.11, 2026-11-26): cuBLAS' nvjet kernels and CUTLASS' with a
`splitKreduce` kernel cut runs of tiles of 128 bytes, its `sm80_xmma` float32 kernels deal out tiles of 8, its
matrix-vector kernels single terms to 16 threads; all add the parts in order. CUTLASS kernels for Ampere take a last,
shorter tile of k first; that is not modelled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def runs(k: int, parts: int, tile: int, interleaved: bool = False) -> list[NDArray[np.intp]]:
    """The k of each part, ascending. Parts for which no tile is left are left out.

    Examples
    --------
    >>> [part.tolist() for part in runs(10, 3, 2)]
    [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    >>> [part.tolist() for part in runs(10, 3, 2, interleaved=True)]
    [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5]]
    """
    tiles, count = np.arange(k) // tile, -(-k // tile)
    of = tiles % parts if interleaved else tiles // max(1, -(-count // parts))
    return [np.flatnonzero(of == part) for part in range(min(parts, int(of.max(initial=-1)) + 1))]
