"""Lines of a matrix as packing needs them: turned into columns by shuffles of vectors, or copied as vectors.

One number after the other takes a load and a store each; of vectors, four or eight are turned in two or three shuffles
for each. Short lines are what LLVM makes no vectors of: it does not know how many numbers there will be.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..jit import device
from ..lanes import Value

_I64 = ir.IntType(64)
#: pairs of vectors to vectors, step by step, as (first, second, places in both): numbers are interleaved in 16 bytes,
#: then pairs of them, then halves of 32 bytes are exchanged
_LOW, _HIGH = [0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]
_PAIRS = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
_HALVES = [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]
_STEPS = {
    1: (),
    4: (
        [(i, i + 1, mask) for i in (0, 2) for mask in ([0, 4, 1, 5], [2, 6, 3, 7])],
        [(i, i + 2, mask) for i in (0, 1) for mask in ([0, 1, 4, 5], [2, 3, 6, 7])],
    ),
    8: (
        [(i, i + 1, mask) for i in (0, 2, 4, 6) for mask in (_LOW, _HIGH)],
        [(i, i + 2, mask) for i in (0, 1, 4, 5) for mask in _PAIRS],
        [(i, i + 4, mask) for mask in _HALVES for i in (0, 1, 2, 3)],
    ),
}


def turning(size: int):
    """The intrinsic (x, at, stride, out, to, step) for size x size numbers.

    out[to + i step + j] = x[at + j stride + i], both arrays being contiguous in some order; float32 numbers may go to
    float64.
    """

    def typer(typingctx, x, at, stride, out, to, step):
        i64 = types.int64
        return types.void(x, i64, i64, out, i64, i64), generate

    def generate(context, builder, sig, args):
        source, target = (context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 3))
        kind, kept = (ir.VectorType(x.type.pointee, size) for x in (source, target))

        def place(pointer: Value, start: Value, stride: Value, i: int) -> Value:
            offset = builder.add(start, builder.mul(stride, _I64(i)))
            pointed = ir.VectorType(pointer.type.pointee, size)
            return builder.bitcast(builder.gep(pointer, [offset]), pointed.as_pointer())

        rows = [builder.load(place(source, args[1], args[2], j), align=4) for j in range(size)]
        for step in _STEPS[size]:
            rows = [
                builder.shuffle_vector(rows[i], rows[j], ir.Constant(ir.VectorType(ir.IntType(32), size), mask))
                for i, j, mask in step
            ]
        for i, row in enumerate(rows):
            row = row if kind == kept else builder.fpext(row, kept)
            builder.store(row, place(target, args[4], args[5], i), align=4)
        return context.get_dummy_value()

    return intrinsic(typer)


_turn1, _turn4, _turn8 = turning(1), turning(4), turning(8)


def copying(size: int):
    """The intrinsic (x, at, out, to): out[to + j] = x[at + j], j < size, of contiguous arrays.

    float32 numbers may go to float64.
    """

    def typer(typingctx, x, at, out, to):
        i64 = types.int64
        return types.void(x, i64, out, i64), generate

    def generate(context, builder, sig, args):
        source, target = (context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 2))
        kind, kept = (ir.VectorType(x.type.pointee, size) for x in (source, target))
        row = builder.load(builder.bitcast(builder.gep(source, [args[1]]), kind.as_pointer()), align=4)
        row = row if kind == kept else builder.fpext(row, kept)
        builder.store(row, builder.bitcast(builder.gep(target, [args[3]]), kept.as_pointer()), align=4)
        return context.get_dummy_value()

    return intrinsic(typer)


_copy1, _copy4, _copy8, _copy16 = copying(1), copying(4), copying(8), copying(16)


@device
def copy_lines(x, at, stride, length, count, out, to, step):
    """out[to + k step + j] = x[at + k stride + j]: `length` lines of `count` numbers, step apart."""
    j = 0
    while count - j >= 16:
        for k in range(length):
            _copy16(x, at + k * stride + j, out, to + k * step + j)
        j += 16
    if count - j >= 8:
        for k in range(length):
            _copy8(x, at + k * stride + j, out, to + k * step + j)
        j += 8
    if count - j >= 4:
        for k in range(length):
            _copy4(x, at + k * stride + j, out, to + k * step + j)
        j += 4
    for i in range(j, count):
        for k in range(length):
            _copy1(x, at + k * stride + i, out, to + k * step + i)


@device
def turn_lines(x, at, stride, length, count, out, to, step):
    """out[to + k step + j] = x[at + j stride + k]: `count` lines of `length` numbers become columns, side by side.

    Eight or four lines at a time are turned, and what is left number by number.
    """
    j = 0
    while count - j >= 4:
        some = 8 if count - j >= 8 and length >= 8 else 4
        turned = length - length % some
        for k in range(0, turned, some):
            if some == 8:
                _turn8(x, at + j * stride + k, stride, out, to + k * step + j, step)
            else:
                _turn4(x, at + j * stride + k, stride, out, to + k * step + j, step)
        for k in range(turned, length):
            for i in range(j, j + some):
                _turn1(x, at + i * stride + k, stride, out, to + k * step + i, step)
        j += some
    for i in range(j, count):
        for k in range(length):
            _turn1(x, at + i * stride + k, stride, out, to + k * step + i, step)
