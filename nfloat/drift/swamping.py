"""Swamping within sums: the share of additions of a number other than zero that leave the running sum as it was.

A sum of k terms has k additions; some outputs of a product are gone through once more, term after term, in the order
and the format of its accumulator, and every addition is looked at. So one finds sums that have stalled (a bfloat16 sum
of ones does at 256) where their result shows nothing. What is exact, and what keeps the lost part (Kahan's sum), has
none.

Additions are those of the chains that an order consists of: one of all terms, or one a lane, block or part, and that of
the blocks' sums; of a pairwise sum all of them. A matrix unit adds several products at once: of some terms it is asked
whether the instruction's result is the same without it. Random bits are drawn afresh, so of stochastic sums the share
is that of another draw.

Source: Higham, Accuracy and Stability of Numerical Algorithms, 4.2; Wang et al. 2018 (arXiv:1812.08011) for the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format
from ..kernels.gemm.orders import Order
from ..linalg.accumulators import Accumulator
from ..linalg.matmul import matmul
from ..linalg.reductions import cumsum
from ..linalg.units.unit import Unit
from ..nn.recipes.sums import SplitK, Sums
from ..ops.arithmetic import add
from ..ops.rounding import round as rounded

#: rows and columns of a product that are looked at, and terms of a matrix unit's sums
_LINES, _TERMS = 4, 16
#: terms of sums that are formed as products with a triangle
_FEW = 512

#: what is added, what the sum was before, and after
_Additions = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def swamped(a: Any, b: Any, c: Any, sums: Sums) -> float | None:
    """The share, over a sample of the outputs of ``a @ b + c``; None where nothing was added, or it cannot be said.

    It cannot of block arrays, and of a matrix unit that deals out k.

    Parameters
    ----------
    a, b, c
        Operands as `nf.matmul` takes them, shapes (..., m, k) and (..., k, n), of a stack the product in the middle; c
        may be None.
    sums : Accumulator, Unit or SplitK
        How they are summed.

    Examples
    --------
    >>> from nfloat.nn.recipes.sums import as_sums
    >>> ones = np.ones((1, 512))
    >>> [swamped(ones, ones.T, None, as_sums(how)) for how in ("bfloat16", "blocked:128:bfloat16", "float32")]
    [0.5, 0.0, 0.0]
    """
    if type(a) is not np.ndarray or type(b) is not np.ndarray or a.ndim < 2 or b.ndim < 2 or not a.shape[-1]:
        return None
    rows, columns, start = _sample(a, b, c)
    if isinstance(sums, Unit):
        return None if sums.split_k > 1 else _share(_instructions(rows, columns, start, sums))
    return _share(_additions(rows[:, None, :] * columns.T[None, :, :], start, sums))


def _sample(a: Any, b: Any, c: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """(m, k), (k, n) and (m, n): a few rows and columns, evenly spaced, and where their sums begin."""
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    middle = tuple(size // 2 for size in shape)
    a, b = (np.broadcast_to(x, shape + x.shape[-2:])[middle] for x in (a, b))
    m, n = a.shape[0], b.shape[1]
    start = np.zeros((m, n)) if c is None else np.broadcast_to(c, (*shape, m, n))[middle]
    across, down = _evenly(m, _LINES), _evenly(n, _LINES)
    exact = np.float64  # products of float32 numbers are exact in it
    return a[across].astype(exact), b[:, down].astype(exact), start[np.ix_(across, down)].astype(exact)


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _share(found: Iterator[_Additions]) -> float | None:
    """The share of the additions of something that change nothing."""
    some = lost = 0
    for added, before, after in found:
        counts = (added != 0) & np.isfinite(before)
        some += int(np.count_nonzero(counts))
        lost += int(np.count_nonzero(counts & (before == after)))
    return lost / some if some else None


def _additions(terms: NDArray[Any], start: NDArray[Any], sums: Accumulator | SplitK) -> Iterator[_Additions]:
    """The additions of sums of `terms` (..., k)."""
    if isinstance(sums, SplitK):
        size = -(-terms.shape[-1] // sums.parts)
        inner = sums.accumulator
        if isinstance(inner, Accumulator):
            yield from _parts(terms, size, start, inner, sums.promote)
        return
    if sums.product is not None:
        terms = np.asarray(rounded(terms, sums.product, **_mode(sums)))
    chain = sums.replace(order="sequential", product=None, block=None, promote=None, lanes=None)
    if sums.order is Order.SEQUENTIAL:
        yield _chain(terms, start, chain)
    elif sums.order is Order.INTERLEAVED:
        yield _chain(np.swapaxes(_cut(terms, sums.lanes or 1), -1, -2), None, chain)
    elif sums.order is Order.BLOCKED:
        yield from _parts(terms, sums.block or 1, start, chain, sums.promote or sums.format)
    elif sums.order is Order.PAIRWISE:
        yield from _levels(terms, sums)


def _mode(sums: Accumulator) -> dict[str, Any]:
    """Rounding as `sums` has it, with random bits where it needs some."""
    mode = {"rounding": sums.rounding, "overflow": sums.overflow, "random_bits": sums.random_bits}
    return {**mode, "seed": 0} if sums.stochastic else mode


def _cut(terms: NDArray[Any], size: int) -> NDArray[Any]:
    """(..., k) -> (..., parts, size), zeros behind the last term."""
    missing = -terms.shape[-1] % size
    padded = np.pad(terms, [(0, 0)] * (terms.ndim - 1) + [(0, missing)])
    return padded.reshape(*terms.shape[:-1], -1, size)


def _chain(terms: NDArray[Any], start: NDArray[Any] | None, how: Accumulator) -> _Additions:
    """Terms added one after the other, from `start` on (None: the first term begins)."""
    first = np.zeros(terms.shape[:-1]) if start is None else start
    running = _running(np.concatenate([first[..., None], terms], -1), how)
    return terms, running[..., :-1], running[..., 1:]


def _running(terms: NDArray[Any], how: Accumulator) -> NDArray[Any]:
    """`cumsum` of terms added one after the other, along the last axis; the sign of a zero may be another.

    Few are products with a triangle of ones: to add 0 changes no sum, and the kernel is one that the run has compiled.
    """
    k = terms.shape[-1]
    if how.stochastic or k > _FEW or not np.isfinite(terms).all():
        return cumsum(terms, how, -1, seed=0 if how.stochastic else None)
    return np.asarray(matmul(terms.reshape(-1, k), np.triu(np.ones((k, k))), how)).reshape(terms.shape)


def _parts(
    terms: NDArray[Any], size: int, start: NDArray[Any], inner: Accumulator, promote: Format
) -> Iterator[_Additions]:
    """Parts of consecutive terms, each summed by `inner` from 0; then their sums, in `promote`."""
    cut = _cut(terms, size)
    yield from _additions(cut, np.zeros(cut.shape[:-1]), inner)
    whole = cumsum(cut, inner, -1, seed=0 if inner.stochastic else None)[..., -1]
    last = Accumulator(promote, rounding=inner.rounding, random_bits=inner.random_bits)
    yield _chain(np.asarray(whole, np.float64), start, last)


def _levels(terms: NDArray[Any], sums: Accumulator) -> Iterator[_Additions]:
    """Neighbours added, level by level: an addition changes nothing if its result is one of the two."""
    mode = _mode(sums)
    level = np.asarray(rounded(terms, sums.format, **mode))
    while level.shape[-1] > 1:
        pairs = _cut(level, 2)
        found = np.asarray(add(pairs[..., 0], pairs[..., 1], sums.format, **mode))
        left, right = pairs[..., 0], pairs[..., 1]
        is_left = np.abs(left) < np.abs(right)
        yield np.where(is_left, left, right), np.where(is_left, right, left), found
        level = found


def _instructions(a: NDArray[Any], b: NDArray[Any], start: NDArray[Any], unit: Unit) -> Iterator[_Additions]:
    """Some terms of a matrix unit's sums: the result of the instruction with each, and without it."""
    plain, period = unit.replace(promote=0), unit.promote or a.shape[1]
    for k in _evenly(a.shape[1], _TERMS):
        first, begins = k // period * period, k // unit.whole * unit.whole
        own = slice(begins, begins + unit.whole)
        so_far = start if first == 0 else np.zeros_like(start)
        if begins > first:
            so_far = np.asarray(matmul(a[:, first:begins], b[first:begins], plain, so_far))
        left_out = a[:, own].copy()
        left_out[:, k - begins] = 0.0
        both = [np.asarray(matmul(x, b[own], plain, so_far)) for x in (a[:, own], left_out)]
        yield a[:, k, None] * b[k], both[1], both[0]
