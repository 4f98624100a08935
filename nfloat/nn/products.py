"""What becomes of a product's sums: the scale of a whole operand, applied to them; parts of k, added up.

Each result is rounded once to the sums' format, to nearest-even.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format
from ..formats.names import get_format
from ..linalg.accumulators import Accumulator
from ..linalg.matmul import matmul
from ..ops.rounder import rounder
from ..streams import Stream
from .recipes.sums import SplitK, Sums

Floats = NDArray[np.floating]


def result_format(sums: Sums) -> Format:
    """The format of sums.

    Examples
    --------
    >>> result_format(SplitK(2, "float32", "bfloat16")).name
    'float32'
    """
    if isinstance(sums, SplitK):
        return sums.promote
    return sums.result_format if isinstance(sums, Accumulator) else get_format(sums.output)


def scaled(result: Floats, alpha: float, c: Floats | None, sums: Sums, found: Floats) -> Floats:
    """Sums times float32(alpha), rounded; then plus c, rounded: in `found`, which may be the sums' own memory.

    In float64, some rows at a time.
    """
    fmt = result_format(sums)
    start = None if c is None else np.broadcast_to(c, result.shape)
    rows = max(1, _MOST * len(result) // max(1, result.size))
    with np.errstate(all="ignore"):
        for at in range(0, len(result), rows):
            here = slice(at, at + rows)
            one = _rounded(np.multiply(result[here], float(np.float32(alpha)), dtype=np.float64), fmt, result.dtype)
            if start is not None:
                one = _rounded(np.add(one, start[here], dtype=np.float64), fmt, result.dtype)
            found[here] = one
    return found


#: numbers that are in memory in float64 at a time
_MOST = 1 << 13


def split(a: Any, b: Any, c: Floats | None, sums: SplitK, seed: Stream | None, threads: int | None) -> Floats:
    """a @ b + c, k dealt out in parts; part i draws from the child i of the stream."""
    k = a.shape[-1]
    size = -(-k // sums.parts) or 1
    found = None
    for part, at in enumerate(range(0, max(k, 1), size)):
        own = None if seed is None else seed.child(part)
        columns = b[at : at + size] if b.ndim == 1 else b[..., at : at + size, :]
        one = np.asarray(matmul(a[..., at : at + size], columns, sums.accumulator, seed=own, threads=threads))
        found = one if found is None else _plus(found, one, sums)
    assert found is not None, "there is one part at least"
    return _rounded(found, sums.promote, found.dtype) if c is None else _plus(found, c, sums)


def _plus(x: Floats, y: Floats, sums: SplitK) -> Floats:
    with np.errstate(all="ignore"):
        single = sums.promote.fits_float32 and x.dtype == y.dtype == np.float32
        return _rounded(np.add(x, y, dtype=np.float64), sums.promote, np.dtype(np.float32 if single else np.float64))


def _rounded(x: Floats, fmt: Format, dtype: np.dtype[Any]) -> Floats:
    """float64 numbers rounded once to a format."""
    return rounder(fmt, "nearest_even", None, None).apply(np.require(x, None, ("C", "W")), 0).astype(dtype)
