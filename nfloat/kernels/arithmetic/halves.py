"""Sums by halves: the first half added to the second until one is left, the middle one of an odd number to the first.

An order as fixed as one after the other, and one in which lanes add (``nfloat/nn/elementary.py``: `halved_sums`). Rows
stand behind each other in one array: to call a function with arrays takes longer than to sum a short row.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..jit import device
from ..lanes import Lanes, Value

#: lanes that are added at a time
_LANES = 8


def _place(context, builder, array, value, index: Value) -> Value:
    """Where x[index] lies."""
    return builder.gep(context.make_array(array)(context, builder, value).data, [index])


@intrinsic
def _add_lanes(typingctx, x, i, k, out, j):
    """out[j : j + 8] = x[i : i + 8] + x[k : k + 8]."""

    def generate(context, builder, sig, args):
        v = Lanes(builder, _LANES, 64)
        one, other = (v.load(_place(context, builder, sig.args[0], args[0], at)) for at in args[1:3])
        v.store(builder.fadd(one, other), _place(context, builder, sig.args[3], args[3], args[4]))
        return context.get_dummy_value()

    return types.void(x, types.int64, types.int64, out, types.int64), generate


def _halves(builder: ir.IRBuilder, s: Value) -> tuple[Value, Value]:
    """The first lanes and the last ones."""
    half, nothing = s.type.count // 2, ir.Constant(s.type, ir.Undefined)
    chosen = ir.VectorType(ir.IntType(32), half)
    low, high = (ir.Constant(chosen, list(range(first, first + half))) for first in (0, half))
    return builder.shuffle_vector(s, nothing, low), builder.shuffle_vector(s, nothing, high)


def _summing(count: int):
    """The intrinsic (x, i): the sum by halves of x[i : i + count], `count` being a power of two."""

    def typer(typingctx, x, i):
        def generate(context, builder, sig, args):
            s = Lanes(builder, count, 64).load(_place(context, builder, sig.args[0], *args))
            while s.type.count > 1:
                s = builder.fadd(*_halves(builder, s))
            return builder.extract_element(s, ir.Constant(ir.IntType(32), 0))

        return types.float64(x, types.int64), generate

    return intrinsic(typer)


_sum2, _sum4, _sum8, _sum16 = (_summing(count) for count in (2, 4, 8, 16))


@device
def halved_rows(x, start, rows, count, out, part):
    """out[i] = the sum of the `count` numbers (at least one) from x[start + i count] on; `part` has room for half.

    x may be `out`, since every number there is read before it is written over.
    """
    for i in range(rows):
        at = start + i * count
        half = count // 2
        if count == 16:
            part[0], half = _sum16(x, at), 1
        elif half == 0:
            part[0] = x[at]
        else:
            for j in range(0, half - 7, 8):
                _add_lanes(x, at + j, at + half + j, part, j)
            for j in range(half & ~7, half):
                part[j] = x[at + j] + x[at + half + j]
            if count & 1:
                part[0] += x[at + count - 1]
        while half > 1:
            if half == 8:
                part[0], half = _sum8(part, 0), 1
                continue
            odd, last = half & 1, part[half - 1]
            half //= 2
            for j in range(0, half - 7, 8):
                _add_lanes(part, j, half + j, part, j)
            for j in range(half & ~7, half):
                part[j] += part[half + j]
            if odd:
                part[0] += last
        out[i] = part[0]


@device
def _short_rows(x, start, rows, count, out):
    """The same for rows of 2, 4 or 8."""
    if count == 2:
        for i in range(rows):
            out[i] = _sum2(x, start + 2 * i)
    elif count == 4:
        for i in range(rows):
            out[i] = _sum4(x, start + 4 * i)
    else:
        for i in range(rows):
            out[i] = _sum8(x, start + 8 * i)


@device
def halved_axes(x, start, size, lengths, work, part):
    """The sum of x[start : start + size], of several axes, along one after the other, the last one first.

    `lengths` are the axes', `work` has room for x without the last one, `part` for half of the longest.
    """
    axis = lengths.size - 1
    count = lengths[axis]
    rows = size // count
    if count == 2 or count == 4 or count == 8:
        _short_rows(x, start, rows, count, work)
    else:
        halved_rows(x, start, rows, count, work, part)
    while rows > 1:
        axis -= 1
        if lengths[axis] > 1:
            rows //= lengths[axis]
            halved_rows(work, 0, rows, lengths[axis], work, part)
    return work[0]
