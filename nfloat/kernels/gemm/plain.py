"""GEMM by the plain rule.

Every order, format, mode and policy, one output after the other, exact for any float64 numbers.

This is what the tiled kernels (``gemm/tile.py``) are proven equal to, and what does the work wherever their conditions
fail. An output is a function of its row, its column, c, the accumulator and (key, i, j); nothing is shared between
outputs.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arithmetic.fused import round_dot2, round_product, sum_of_zeros
from ..arithmetic.long_sum import CARRY_EVERY, LIMBS, add_product, carry, is_zero, round_limbs
from ..bits import lesser
from ..jit import device, kernel, routine
from ..rounding.scalar import Spec, load_spec, round_value
from .orders import Order
from .words import CORRECTED, CORRECTION, DIFFERENCE, DOMAINS, PRODUCT, PROMOTE, SUM, domain_key, step_word

#: the orders that there is a rule for, and what the kernels' `order` is for each
RULES = (Order.SEQUENTIAL, Order.PAIRWISE, Order.BLOCKED, Order.KAHAN, Order.EXACT, Order.INTERLEAVED)
SEQUENTIAL, PAIRWISE, BLOCKED, KAHAN, EXACT, INTERLEAVED = (order.tag for order in RULES)
LEVELS = 64


class PlainCall(IntEnum):
    """The integers of a call, by position."""

    ORDER = 0  # an order's tag
    TERMS = 1  # of a block, or the number of lanes
    ROUNDED = 2  # 1: products are rounded
    STOP = 3  # set to 1 while a kernel runs, by another thread: it is to come to an end, whatever the result


_STOP = int(PlainCall.STOP)


@routine
def add_rounded(x, y, z, w, spec, keys, domain, i, j, k):
    """R(x y + z w) with the random word of step k of output (i, j) in a domain."""
    word = step_word(keys[domain], i, j, k, spec) if spec.draws else np.uint64(0)
    return round_dot2(x, y, z, w, spec, word)


@routine
def _term(x, y, how, keys, i, j, k):
    """The product of step k as a pair whose exact product it is."""
    if how.rounded:
        word = step_word(keys[PRODUCT], i, j, k, how.product) if how.product.draws else np.uint64(0)
        return round_product(x, y, how.product, word), 1.0
    return x, y


class How(NamedTuple):
    """An accumulator, unpacked, and the integers of the call."""

    rounded: bool
    total: Spec
    product: Spec
    promote: Spec
    call: NDArray[np.int64]


@device
def told_to_stop(how, k):
    """Whether the sum is to be left as it is. Looked at every so many terms; what is left undone is never used."""
    return k & 0xFFF == 0 and how.call[_STOP] != 0


@routine
def _sequential(a, b, s, start, stop, how, keys, i, j):
    for k in range(start, stop):
        if told_to_stop(how, k):
            break
        x, y = _term(a[k], b[k], how, keys, i, j, k)
        s = add_rounded(x, y, s, 1.0, how.total, keys, SUM, i, j, k)
    return s


@routine
def _blocked(a, b, c, block, how, keys, i, j):
    s = c
    for n in range((a.size + block - 1) // block):
        if told_to_stop(how, n << 12):
            break
        part = _sequential(a, b, 0.0, n * block, lesser((n + 1) * block, a.size), how, keys, i, j)
        s = add_rounded(part, 1.0, s, 1.0, how.promote, keys, PROMOTE, i, j, n)
    return s


@routine
def kahan_step(x, y, s, lost, how, keys, i, j, k):
    """(sum, what it lost) after the term x y."""
    total = how.total
    corrected = add_rounded(x, y, lost, -1.0, total, keys, CORRECTED, i, j, k)
    t = add_rounded(corrected, 1.0, s, 1.0, total, keys, SUM, i, j, k)
    difference = add_rounded(t, 1.0, s, -1.0, total, keys, DIFFERENCE, i, j, k)
    return t, add_rounded(difference, 1.0, corrected, -1.0, total, keys, CORRECTION, i, j, k)


@routine
def _kahan(a, b, c, how, keys, i, j):
    s, lost = c, 0.0
    for k in range(a.size):
        if told_to_stop(how, k):
            break
        x, y = _term(a[k], b[k], how, keys, i, j, k)
        s, lost = kahan_step(x, y, s, lost, how, keys, i, j, k)
    return s


@routine
def pairwise_push(x, y, depth, stack, how, keys, domain, i, j, k):
    """The depth of `stack` after term number k, x y. A node of the stack is (factor, factor, first k).

    Two equal nodes are merged as soon as both are complete; the sum across the boundary before k has the random word of
    counter k in the domain.
    """
    start, size = k, 1
    while (k + 1) & (2 * size - 1) == 0:
        depth -= 1
        x = add_rounded(stack[0, depth], stack[1, depth], x, y, how.total, keys, domain, i, j, start)
        y = 1.0
        start = start - size
        size = 2 * size
    stack[0, depth], stack[1, depth], stack[2, depth] = x, y, start
    return depth + 1


@routine
def pairwise_fold(c, depth, stack, how, keys, domain, i, j):
    """All nodes added from the right (an odd last one passes up), then c."""
    depth -= 1
    x, y = stack[0, depth], stack[1, depth]
    while depth > 0:
        boundary = np.int64(stack[2, depth])
        depth -= 1
        x, y = add_rounded(stack[0, depth], stack[1, depth], x, y, how.total, keys, domain, i, j, boundary), 1.0
    return add_rounded(x, y, c, 1.0, how.total, keys, domain, i, j, np.int64(0))


@routine
def _pairwise(a, b, c, how, keys, i, j, stack):
    depth = 0
    for k in range(a.size):
        if told_to_stop(how, k):
            break
        x, y = _term(a[k], b[k], how, keys, i, j, k)
        depth = pairwise_push(x, y, depth, stack, how, keys, SUM, i, j, k)
    return pairwise_fold(c, depth, stack, how, keys, SUM, i, j)


@routine
def add_lanes(sums, c, how, keys, i, j, stack):
    """The sums of the lanes added pairwise, then c.

    Random words are those of PROMOTE, by the lane where a right-hand side begins.
    """
    depth = 0
    for lane in range(sums.size):
        depth = pairwise_push(sums[lane], 1.0, depth, stack, how, keys, PROMOTE, i, j, lane)
    return pairwise_fold(c, depth, stack, how, keys, PROMOTE, i, j)


@routine
def _interleaved(a, b, c, sums, how, keys, i, j, stack):
    sums[:] = 0.0
    for k in range(a.size):
        if told_to_stop(how, k):
            break
        x, y = _term(a[k], b[k], how, keys, i, j, k)
        lane = k % sums.size
        sums[lane] = add_rounded(x, y, sums[lane], 1.0, how.total, keys, SUM, i, j, k)
    return add_lanes(sums, c, how, keys, i, j, stack)


@routine
def exact_push(x, y, k, limbs, marks):
    """Add x y to the limbs, or to `marks` what is special.

    `marks` = sum of special terms, whether some term is positive or +0, whether some is negative or -0.
    """
    if not (abs(x) < math.inf and abs(y) < math.inf):
        marks[0] += x * y
        return
    if math.copysign(1.0, x) * math.copysign(1.0, y) < 0.0:
        marks[2] = 1.0
    else:
        marks[1] = 1.0
    if x != 0.0 and y != 0.0:
        add_product(limbs, x, y)
    if k % CARRY_EVERY == CARRY_EVERY - 1:
        carry(limbs)


@routine
def exact_round(limbs, marks, how, keys, i, j):
    """The sum, rounded once; changes the limbs.

    Its random word has counter 0; a zero sum has the sign IEEE addition would give it.
    """
    total = how.total
    word = step_word(keys[SUM], i, j, np.int64(0), total) if total.draws else np.uint64(0)
    if marks[0] != 0.0:
        return round_value(marks[0], total, word)
    carry(limbs)
    if is_zero(limbs):
        return sum_of_zeros(-1.0 if marks[2] > 0.0 else 1.0, 1.0 if marks[1] > 0.0 else -1.0, total)
    return round_limbs(limbs, total, word)


@routine
def _exact(a, b, c, how, keys, i, j, limbs, marks):
    limbs[:] = 0
    marks[:] = 0.0
    for k in range(a.size):
        if told_to_stop(how, k):
            break
        x, y = _term(a[k], b[k], how, keys, i, j, k)
        exact_push(x, y, k, limbs, marks)
    exact_push(c, 1.0, np.int64(0), limbs, marks)
    return exact_round(limbs, marks, how, keys, i, j)


@device
def unpack(call, specs, key):
    """The accumulator and the keys of its domains, from a kernel's arguments."""
    keys = np.empty(DOMAINS, np.uint64)
    for domain in range(DOMAINS):
        keys[domain] = domain_key(key, domain)
    return How(call[PlainCall.ROUNDED] == 1, load_spec(specs[0]), load_spec(specs[1]), load_spec(specs[2]), call), keys


_IN = "Array(float64, {}, 'C', readonly=True)"


@kernel(
    f"void({_IN.format(2)}, {_IN.format(2)}, {_IN.format(2)}, float64[:, ::1], int64, int64, int64, int64, int64[::1], "
    f"{_IN.format(2)}, uint64)"
)
def gemm_plain(a, b, c, out, first, last, left, right, call, specs, key):
    """out[i, j] = c[i, j] + a[i] . b[j] for first <= i < last, left <= j < right; b is transposed; k >= 1.

    No terms at all are the business of ``linalg/gemm/dispatch.py``.

    `call`: see `PlainCall`; `specs` are the constants of sum, product and promotion. An order that is none of `RULES`
    gives NaN: the caller refuses it.
    """
    order, block = call[PlainCall.ORDER], call[PlainCall.TERMS]
    sums = np.empty(block if order == INTERLEAVED else 0)
    how, keys = unpack(call, specs, key)
    stack = np.empty((3, LEVELS))
    limbs = np.empty(LIMBS, np.int64)
    marks = np.empty(3)
    zero = np.int64(0)
    for i in range(first, last):
        for j in range(left, right):
            if order == SEQUENTIAL:
                r = _sequential(a[i], b[j], c[i, j], zero, a.shape[1], how, keys, i, j)
            elif order == PAIRWISE:
                r = _pairwise(a[i], b[j], c[i, j], how, keys, i, j, stack)
            elif order == BLOCKED:
                r = _blocked(a[i], b[j], c[i, j], block, how, keys, i, j)
            elif order == KAHAN:
                r = _kahan(a[i], b[j], c[i, j], how, keys, i, j)
            elif order == INTERLEAVED:
                r = _interleaved(a[i], b[j], c[i, j], sums, how, keys, i, j, stack)
            elif order == EXACT:
                r = _exact(a[i], b[j], c[i, j], how, keys, i, j, limbs, marks)
            else:
                r = math.nan
            out[i, j] = r
