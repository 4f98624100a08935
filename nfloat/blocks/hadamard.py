"""`hadamard`: the random Hadamard transform, which spreads outliers over a block before it is quantised."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, ShapeError, as_integer
from ..kernels.blocks.signs import random_signs
from ..ops.arguments import as_carrier
from ..ops.blocks.run import signed
from ..streams import SeedLike, as_stream


def hadamard(
    x: ArrayLike, size: int = 16, seed: SeedLike | None = 0, axis: int = -1, *, inverse: bool = False
) -> NDArray[np.floating]:
    """Every `size` consecutive elements along an axis times D H / sqrt(size), D being random signs: orthonormal.

    Parameters
    ----------
    x : array_like
        Real numbers; the axis must be a multiple of `size`.
    size : int
        A power of two up to 4096.
    seed : int or Stream or None
        The signs' seed: sign i of a group is bit 31 of word i of the stream's child "hadamard", the same in all
        groups, so that a product of two transformed operands is the product of the operands. None: no signs.
    axis : int
        The axis.
    inverse : bool
        Undo it: H / sqrt(size), then D.

    Returns
    -------
    ndarray
        x's shape and carrier (float32 or float64). Sums and differences are float64's, in the order of the fast
        transform, and exact if all numbers of a group lie within 53 - log2(size) bits of each other; the result is
        divided once by sqrt(size) (exact where that is a power of two) and, for a float32 x, rounded once. NaN and
        infinity spread over their group.

    Examples
    --------
    >>> import numpy as np, nfloat as nf
    >>> nf.hadamard([4.0, 0.0, 0.0, 0.0], size=4, seed=None)
    array([2., 2., 2., 2.])
    >>> x = np.arange(32.0)
    >>> bool(np.all(nf.hadamard(nf.hadamard(x), inverse=True) == x))
    True
    """
    a = as_carrier(x, "x", single=True)
    n, number = as_integer(size), as_integer(axis)
    if n is None or n < 1 or n & (n - 1) or n > 4096:
        raise ArgumentError(f"size={size!r} must be a power of two up to 4096")
    if number is None or not -a.ndim <= number < a.ndim:
        raise ArgumentError(f"axis={axis!r} must be an axis of x {a.shape}")
    if a.shape[number] % n:
        raise ShapeError(f"x {a.shape}: axis {axis} must be a multiple of size={n}; pad it with zeros")
    if not a.size:
        return a.copy()
    out, inner = np.empty(a.shape, a.dtype), prod(a.shape[number % a.ndim + 1 :])
    groups, into = (np.ascontiguousarray(each).reshape(-1, n, inner) for each in (a, out))
    signs, some = _signs(n, seed)[:, None, None], max(1, _PIECE // max(1, n * inner))
    across = max(1, min(inner, _PIECE // n))
    with np.errstate(invalid="ignore", over="ignore"):
        for first, column in product(range(0, len(groups), some), range(0, inner, across)):
            here = slice(first, first + some), slice(None), slice(column, column + across)
            y = groups[here].transpose(1, 0, 2) * (np.ones(1) if inverse else signs)
            y = _transformed(y) / np.sqrt(n)
            into[here] = (y * signs if inverse else y).transpose(1, 0, 2)
    return out


#: elements that are in memory in float64 at a time
_PIECE = 1 << 14


def _signs(n: int, seed: SeedLike | None) -> NDArray[np.float64]:
    out = np.ones(n)
    if seed is not None:
        stream = as_stream(seed)
        random_signs(out, signed(stream.child("hadamard").key))
    return out


def _transformed(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hadamard's matrix (Sylvester's) times y (n, ...), by sums and differences of rows 1, 2, 4, ... apart."""
    n, step, other = len(y), 1, np.empty(y.shape)
    while step < n:
        pairs, found = (z.reshape(n // (2 * step), 2, step, *y.shape[1:]) for z in (y, other))
        np.add(pairs[:, 0], pairs[:, 1], out=found[:, 0])
        np.subtract(pairs[:, 0], pairs[:, 1], out=found[:, 1])
        y, other = other, y
        step *= 2
    return y
