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

_I64 = ir.IntType(64)
#: lanes that are added at a time: no more than loops write at a time, or what they wrote could not be read at once
_LANES = 4


def _place(context, builder, array, value, index: Value) -> Value:
    """Where x[index] lies."""
    return builder.gep(context.make_array(array)(context, builder, value).data, [index])


@intrinsic
def _add_lanes(typingctx, x, i, k, out, j):
    """out[j : j + 4] = x[i : i + 4] + x[k : k + 4]."""

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
            v, start = Lanes(builder, min(count, _LANES), 64), args[1]
            parts = [
                v.load(_place(context, builder, sig.args[0], args[0], builder.add(start, _I64(at))))
                for at in range(0, count, v.count)
            ]
            while len(parts) > 1:
                half = len(parts) // 2
                parts = [builder.fadd(x, y) for x, y in zip(parts[:half], parts[half:], strict=True)]
            (s,) = parts
            while s.type.count > 1:
                s = builder.fadd(*_halves(builder, s))
            return builder.extract_element(s, ir.Constant(ir.IntType(32), 0))

        return types.float64(x, types.int64), generate

    return intrinsic(typer)


_sum2, _sum4, _sum8, _sum16 = (_summing(count) for count in (2, 4, 8, 16))
_sum32, _sum64, _sum128 = (_summing(count) for count in (32, 64, 128))


@device
def _straight(x, at, count):
    """The sum of 2, 4, 8 ... 128 numbers from x[at] on, without a loop."""
    if count == 64:
        return _sum64(x, at)
    if count == 16:
        return _sum16(x, at)
    if count == 8:
        return _sum8(x, at)
    if count == 4:
        return _sum4(x, at)
    if count == 128:
        return _sum128(x, at)
    return _sum32(x, at) if count == 32 else _sum2(x, at)


@device
def _looped(x, at, count, part):
    """The sum of any number of numbers."""
    half = count // 2
    if half == 0:
        return x[at]
    for j in range(0, half - 3, 4):
        _add_lanes(x, at + j, at + half + j, part, j)
    for j in range(half & ~3, half):
        part[j] = x[at + j] + x[at + half + j]
    if count & 1:
        part[0] += x[at + count - 1]
    while half > 1:
        if half == 8:
            return _sum8(part, 0)
        odd, last = half & 1, part[half - 1]
        half //= 2
        for j in range(0, half - 3, 4):
            _add_lanes(part, j, half + j, part, j)
        for j in range(half & ~3, half):
            part[j] += part[half + j]
        if odd:
            part[0] += last
    return part[0]


@device
def halved_rows(x, start, rows, count, out, part):
    """out[i] = the sum of the `count` numbers (at least one) from x[start + i count] on; `part` has room for half.

    x may be `out`, since every number there is read before it is written over.
    """
    if 2 <= count <= 128 and count & (count - 1) == 0:
        for i in range(rows):  # LLVM asks once which it is
            out[i] = _straight(x, start + i * count, count)
    else:
        for i in range(rows):
            out[i] = _looped(x, start + i * count, count, part)


@device
def halved_axes(x, count, size, lengths, work, part):
    """work[i] = the sum of x[i size : (i + 1) size], for `count` rows: along several axes, the last one first.

    `lengths` are the axes', `work` has room for x without the last one, `part` for half of the longest. Rows are done
    together: to call a function with arrays counts references, which takes longer than to sum a short row.
    """
    axis = lengths.size - 1
    rows = count * size // lengths[axis]
    halved_rows(x, 0, rows, lengths[axis], work, part)
    while axis > 0:
        axis -= 1
        if lengths[axis] > 1:
            rows //= lengths[axis]
            halved_rows(work, 0, rows, lengths[axis], work, part)
