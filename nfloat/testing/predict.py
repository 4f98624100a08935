"""`predict_matmul`: what somebody else's kernel computes, bit for bit, if it sums as described.

Beside what `nf.matmul` knows (format, order, lanes, blocks, matrix units): split-K, as GPU libraries launch it, for any
accumulator, and the two-level promotion of FP8 kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, as_integer, as_truth
from ..formats.names import FormatLike, get_format
from ..linalg.accumulators import Accumulator, AccumulatorLike, as_accumulator
from ..linalg.matmul import matmul
from ..linalg.operands import matmul_shapes, start_operand
from ..linalg.units.splits import runs
from ..linalg.units.unit import Unit
from ..ops.arithmetic import add
from ..ops.rounding import round as round_to
from ..streams import SeedLike
from .arrays import as_values
from .candidates import tile_of


def predict_matmul(
    a: Any,
    b: Any,
    acc: AccumulatorLike,
    split_k: int = 1,
    promote: FormatLike | int | None = None,
    *,
    split_tile: int | None = None,
    split_interleaved: bool = False,
    c: Any = None,
    inputs: FormatLike | tuple[FormatLike, FormatLike] | None = None,
    output: FormatLike | None = None,
    seed: SeedLike | None = None,
) -> NDArray[np.floating] | np.floating:
    """a @ b + c as a kernel with that arithmetic gives it, bit for bit.

    Parameters
    ----------
    a : array_like, shape (..., m, k)
    b : array_like, shape (..., k, n)
        Arrays of any kind that assertions take (``arrays.py``).
    acc : Accumulator or Format or Unit or str
        How the kernel sums; or the matrix instruction that it uses.
    split_k : int
        Into how many parts k is cut: runs of whole tiles, ceil(tiles / split_k) each. Each is summed by `acc` from 0;
        these sums are added in order to c.
    promote : Format or str or int, optional
        The format in which split-K adds the sums of its parts (`acc`'s rounding; nearest-even for units); None: the
        result's. An integer N, for units: every N terms the sum is added to the result in float32 and starts anew.
    split_tile : int, optional
        k that split-K keeps together; None: 1, for units `Unit.tile` (128 bytes of an operand, as in cuBLAS).
    split_interleaved : bool
        Whether tile t goes to part t mod split_k, not to runs: cuBLAS' float32 kernels have tiles of 8.
    c, inputs, output, seed
        As in `nf.matmul`.

    Returns
    -------
    ndarray or scalar, shape (..., m, n)
        As from `nf.matmul`.

    Raises
    ------
    ArgumentError, AccumulatorError, FormatError, ShapeError, SeedError, RepresentationError
        Each names the argument.

    Examples
    --------
    >>> import numpy as np
    >>> ones = np.ones((1, 4096))
    >>> [float(predict_matmul(ones, ones.T, "float16", split_k)[0, 0]) for split_k in (1, 2, 4)]
    [2048.0, 4096.0, 4096.0]
    """
    parts = as_integer(split_k)
    if parts is None or parts < 1:
        raise ArgumentError(f"split_k={split_k!r} must be an integer >= 1")
    tile = None if split_tile is None else as_integer(split_tile)
    if split_tile is not None and (tile is None or tile < 1):
        raise ArgumentError(f"split_tile={split_tile!r} must be an integer >= 1, or None")
    how = as_accumulator(acc)
    if as_integer(promote) is not None:
        how, promote = _two_level(how, promote), None
    elif promote is not None and parts == 1:
        raise ArgumentError(f"promote={promote!r} says where split-K adds its parts; it needs split_k >= 2")
    x, y = as_values(a, "a"), as_values(b, "b")
    shape, _ = matmul_shapes(x.shape, y.shape)
    start = None if c is None else start_operand(as_values(c, "c"), shape)
    if parts == 1:
        return matmul(x, y, how, start, inputs=inputs, output=output, seed=seed)
    cut = runs(x.shape[-1], parts, tile or tile_of(how), as_truth(split_interleaved, "split_interleaved"))
    result = _split(x, y, how, start, cut, promote, inputs, seed)
    return result if output is None else round_to(result, get_format(output, "output"))


def _two_level(how: Accumulator | Unit, promote: Any) -> Unit:
    if isinstance(how, Accumulator):
        raise ArgumentError(
            f"promote={promote!r}: terms per block of an Accumulator are its own, order='blocked', block={promote!r}"
        )
    return how.replace(promote=promote)


def _split(
    x: NDArray[Any],
    y: NDArray[Any],
    how: Accumulator | Unit,
    c: NDArray[Any] | None,
    cut: list[NDArray[np.intp]],
    promote: Any,
    inputs: Any,
    seed: SeedLike | None,
) -> NDArray[np.floating]:
    """The sums of parts of k, added in order to c."""
    if isinstance(how, Accumulator) and how.stochastic:
        raise ArgumentError(
            f"split_k={len(cut)}: the random bits of a split sum are no kernel's; use 'blocked' instead"
        )
    mode = how.rounding if isinstance(how, Accumulator) else "nearest_even"
    result = how.result_format if isinstance(how, Accumulator) else get_format(how.output)
    joined = result if promote is None else get_format(promote, "promote")
    total: Any = np.zeros(()) if c is None else c
    for k in cut or [np.arange(0)]:
        part = matmul(x[..., k], y[k] if y.ndim == 1 else y[..., k, :], how, inputs=inputs)
        total = add(total, part, joined, mode)
    return total
