"""Cumulative sums by the plain rule.

Element k is the sum of the first k + 1 terms in the accumulator's order, for every order.

Sums themselves are products with ones (``linalg/reductions.py``) and run in GEMM's kernels.
"""

from __future__ import annotations

import numpy as np

from ..arithmetic.long_sum import LIMBS
from ..jit import kernel, routine
from .plain import (
    BLOCKED,
    EXACT,
    INTERLEAVED,
    KAHAN,
    LEVELS,
    PAIRWISE,
    SEQUENTIAL,
    PlainCall,
    add_lanes,
    add_rounded,
    exact_push,
    exact_round,
    kahan_step,
    pairwise_fold,
    pairwise_push,
    told_to_stop,
    unpack,
)
from .words import PROMOTE, SUM

_IN = "Array(float64, 2, 'C', readonly=True)"


@routine
def _running(x, out, j, order, block, how, keys):
    """sequential, blocked and kahan: the state is carried from element to element."""
    s = 0.0
    whole = 0.0
    lost = 0.0
    i = np.int64(0)
    for k in range(x.size):
        if told_to_stop(how, k):
            break
        if order == KAHAN:
            s, lost = kahan_step(x[k], 1.0, s, lost, how, keys, i, j, k)
            out[k] = s
            continue
        s = add_rounded(x[k], 1.0, s, 1.0, how.total, keys, SUM, i, j, k)
        out[k] = s
        if order == BLOCKED:
            out[k] = add_rounded(s, 1.0, whole, 1.0, how.promote, keys, PROMOTE, i, j, k // block)
            if k % block == block - 1:
                whole, s = out[k], 0.0


@routine
def _prefixes(x, out, j, order, block, how, keys):
    """pairwise, interleaved and exact: every prefix is finished from a state that goes on."""
    stack = np.empty((3, LEVELS))
    sums = np.zeros(block)
    depth = 0
    i = np.int64(0)
    limbs = np.zeros(LIMBS, np.int64)
    copy = np.empty(LIMBS, np.int64)
    marks = np.zeros(3)
    exact_push(0.0, 1.0, i, limbs, marks)
    for k in range(x.size):
        if told_to_stop(how, k):
            break
        if order == PAIRWISE:
            depth = pairwise_push(x[k], 1.0, depth, stack, how, keys, SUM, i, j, k)
            out[k] = pairwise_fold(0.0, depth, stack, how, keys, SUM, i, j)
        elif order == INTERLEAVED:
            sums[k % block] = add_rounded(x[k], 1.0, sums[k % block], 1.0, how.total, keys, SUM, i, j, k)
            out[k] = add_lanes(sums, 0.0, how, keys, i, j, stack)
        else:
            exact_push(x[k], 1.0, k, limbs, marks)
            for limb in range(LIMBS):  # an assignment of arrays compiles what it says where they do not fit
                copy[limb] = limbs[limb]
            out[k] = exact_round(copy, marks, how, keys, i, j)


_SIGNATURE = f"void({_IN}, float64[:, ::1], int64, int64, int64[::1], {_IN}, uint64)"


@kernel(_SIGNATURE)
def cumulative_plain(x, out, first, last, call, specs, key):
    """out[j, k] = sum of x[j, :k + 1], for rows from `first` to last - 1, in the orders that carry a sum on.

    `call`, `specs` as in ``gemm.gemm_plain``; row j draws as column j.
    """
    how, keys = unpack(call, specs, key)
    for j in range(first, last):
        _running(x[j], out[j], j, call[PlainCall.ORDER], call[PlainCall.TERMS], how, keys)


@kernel(_SIGNATURE)
def cumulative_prefixes(x, out, first, last, call, specs, key):
    """The same in the orders that finish every prefix: a kernel of its own, for which the others need not wait."""
    how, keys = unpack(call, specs, key)
    for j in range(first, last):
        _prefixes(x[j], out[j], j, call[PlainCall.ORDER], call[PlainCall.TERMS], how, keys)


#: an order's kernel
CUMULATIVE = {
    **dict.fromkeys((SEQUENTIAL, BLOCKED, KAHAN), cumulative_plain),
    **dict.fromkeys((PAIRWISE, INTERLEAVED, EXACT), cumulative_prefixes),
}
