"""The greatest magnitudes of blocks, along rows and along columns, as maxima of bits: NaN > infinity > all else.

Where a block holds more than finite numbers, or is shorter than a vector, it is gone through one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..bits import float32_as_int32, float64_as_int64, greater, lesser
from ..jit import device, kernel
from ..lanes import Lanes, Value
from .rule import HAS_INFINITY, HAS_NAN
from .walks import WIDTH, by_size, covering

_WIDTH32, _WIDTH64 = WIDTH[32], WIDTH[64]
_I64 = ir.IntType(64)
_INFINITY32, _INFINITY64 = 0x7F800000, 0x7FF << 52
#: columns that are done together: what is known of them stays in the first cache
STRIP = 2048


def greatest_lanes(v: Lanes, load: Callable[[Value], Value], length: Value) -> Value:
    """The bits of the greatest magnitudes among `length` numbers, at least a vector, lane by lane."""
    b = v.builder
    best = cgutils.alloca_once(b, v.int)
    b.store(v.word(0), best)

    def vector(i: Value) -> None:
        b.store(v.call("umax", b.load(best), b.and_(v.as_int(load(i)), v.magnitude_mask)), best)

    covering(v, length, vector)
    return b.load(best)


def greatest_of(v: Lanes, load: Callable[[Value], Value], length: Value) -> Value:
    """The bits of the greatest magnitude among `length` numbers, at least a vector, as an integer of a lane."""
    name = f"llvm.vector.reduce.umax.v{v.count}i{v.bits}"
    function = cgutils.get_or_insert_function(v.builder.module, ir.FunctionType(v.scalar_int, [v.int]), name)
    return v.builder.call(function, [greatest_lanes(v, load, length)])


def greatest_of_each(v: Lanes, vector: Callable[[int], Value], first: int = 0, count: int = 0) -> Value:
    """Lane j: the greatest of the bits in vector(j), for as many vectors as there are lanes.

    Neighbours of pairs of vectors are compared, so that each step halves both, the numbers and their places.
    """
    count = count or v.count
    if count == 1:
        return vector(first)
    left, right = (greatest_of_each(v, vector, first + part, count // 2) for part in (0, count // 2))
    places = ir.VectorType(ir.IntType(32), v.count)
    even, odd = (
        v.builder.shuffle_vector(left, right, ir.Constant(places, list(range(k, 2 * v.count, 2)))) for k in (0, 1)
    )
    return v.call("umax", even, odd)


@intrinsic
def _row_maxima(typingctx, x, amax, at, first, blocks, size):
    """amax[first + b] of consecutive blocks of one size from x[at] on."""

    def codegen(context, builder, sig, args):
        bits = sig.args[0].dtype.bitwidth
        v = Lanes(builder, WIDTH[bits], bits)
        source, target = (context.make_array(sig.args[k])(context, builder, args[k]).data for k in (0, 1))

        def load(block: Value, size: Value) -> Callable[[Value], Value]:
            start = builder.add(args[2], builder.mul(block, size))
            return lambda i: v.load(builder.gep(source, [builder.add(start, i)]))

        def one(block: Value, size: Value) -> None:
            most = builder.bitcast(greatest_of(v, load(block, size), size), v.scalar_float)
            builder.store(most, builder.gep(target, [builder.add(args[3], block)]))

        def several(block: Value, size: Value) -> None:
            most = greatest_of_each(v, lambda j: greatest_lanes(v, load(builder.add(block, _I64(j)), size), size))
            v.store(v.as_float(most), builder.gep(target, [builder.add(args[3], block)]))

        def loop(size: Value) -> None:
            begin = _I64(0)
            if isinstance(size, ir.Constant):  # a vector of blocks at a time
                begin = builder.and_(args[4], _I64(-v.count))
                with cgutils.for_range_slice(builder, _I64(0), begin, _I64(v.count), intp=_I64) as (block, _):
                    several(block, size)
            with cgutils.for_range_slice(builder, begin, args[4], _I64(1), intp=_I64) as (block, _):
                one(block, size)

        by_size(v, args[5], (16, 32), loop)
        return context.get_dummy_value()

    return types.void(x, amax, types.int64, types.int64, types.int64, types.int64), codegen


@intrinsic
def _column_maxima(typingctx, x, amax, at, first, columns, fresh):
    """amax[first + j] = the greater of itself (`fresh`: of 0) and |x[at + j]|, for at least a vector of columns."""

    def codegen(context, builder, sig, args):
        bits = sig.args[0].dtype.bitwidth
        v = Lanes(builder, WIDTH[bits], bits)
        source, target = (context.make_array(sig.args[k])(context, builder, args[k]).data for k in (0, 1))
        kept = v.splat(builder.select(args[5], v.scalar_int(0), v.scalar_int(-1)))

        def vector(i: Value) -> None:
            pointer = builder.gep(target, [builder.add(args[3], i)])
            new = builder.and_(v.as_int(v.load(builder.gep(source, [builder.add(args[2], i)]))), v.magnitude_mask)
            old = builder.and_(v.as_int(v.load(pointer)), kept)
            v.store(v.as_float(v.call("umax", old, new)), pointer)

        covering(v, args[4], vector)
        return context.get_dummy_value()

    return types.void(x, amax, types.int64, types.int64, types.int64, types.boolean), codegen


@device
def finite_maximum(x, start, stop, step):
    """(greatest finite magnitude, state) of x[start:stop:step], one by one."""
    best, state = 0.0, 0
    for i in range(start, stop, step):
        a = abs(np.float64(x[i]))
        if a != a:
            state |= HAS_NAN
        elif a == math.inf:
            state |= HAS_INFINITY
        else:
            best = greater(best, a)
    return best, state


@device
def all_finite(amax):
    """Whether no number of amax, which has none below 0, is an infinity or a NaN."""
    most = np.int64(0)
    if amax.itemsize == 4:
        for b in range(amax.size):
            most = greater(most, np.int64(float32_as_int32(np.float32(amax[b]))))
        return most < _INFINITY32
    for b in range(amax.size):
        most = greater(most, float64_as_int64(np.float64(amax[b])))
    return most < _INFINITY64


@device
def maxima_rows(x, n, size, amax, state):
    """amax[b] and state[b] (where it is not 0) of blocks along the rows of x, which have n elements."""
    width, count = _WIDTH32 if x.itemsize == 4 else _WIDTH64, -(-n // size)
    whole = n // size if size >= width else 0
    if whole * size == n:
        _row_maxima(x, amax, 0, 0, amax.size, size)
    else:
        for row in range(x.size // greater(n, 1)):
            at, first = row * n, row * count
            _row_maxima(x, amax, at, first, whole, size)
            for b in range(whole, count):
                amax[first + b], state[first + b] = finite_maximum(
                    x, at + b * size, lesser(at + (b + 1) * size, at + n), 1
                )
    if all_finite(amax):
        return
    for b in range(amax.size):
        if not amax[b] < math.inf:
            start = b // count * n + b % count * size
            amax[b], state[b] = finite_maximum(x, start, lesser(start + size, (b // count + 1) * n), 1)


@device
def maxima_columns(x, n, inner, size, amax, state):
    """amax[b] and state[b] (where it is not 0) of blocks along the columns of (n, inner) matrices."""
    count, width = -(-n // size), _WIDTH32 if x.itemsize == 4 else _WIDTH64
    for row in range(x.size // greater(n * inner, 1) * count):
        first, last = row // count * n + row % count * size, row // count * n + lesser((row % count + 1) * size, n)
        if inner < width:
            for b in range(row * inner, (row + 1) * inner):
                amax[b] = math.inf  # found below
            continue
        for edge in range(0, inner, STRIP):
            left = lesser(edge, inner - width)
            strip = lesser(STRIP, inner - left)
            for k in range(first, last):
                _column_maxima(x, amax, k * inner + left, row * inner + left, strip, k == first)
    if all_finite(amax):
        return
    for b in range(amax.size):
        if not amax[b] < math.inf:
            row, j = b // inner, b % inner
            first, last = row // count * n + row % count * size, row // count * n + lesser((row % count + 1) * size, n)
            amax[b], state[b] = finite_maximum(x, first * inner + j, (last - 1) * inner + j + 1, inner)


@device
def find_maxima(x, n, inner, size, amax, state):
    """Greatest finite magnitudes and states (those that are not 0), along rows or columns."""
    if inner == 1:
        maxima_rows(x, n, size, amax, state)
    else:
        maxima_columns(x, n, inner, size, amax, state)


@kernel(
    "void(float32[::1], int64[:, ::1], int64, int64, float32[::1], uint8[::1])",
    "void(float64[::1], int64[:, ::1], int64, int64, float64[::1], uint8[::1])",
)
def block_maxima(x, pieces, inner, size, amax, state):
    """amax[b] of all blocks of the pieces; state[b] where it is not 0."""
    for p in range(pieces.shape[0]):
        start, stop, first, last, n = pieces[p, 0], pieces[p, 1], pieces[p, 2], pieces[p, 3], pieces[p, 4]
        find_maxima(x[start:stop], n, inner, size, amax[first:last], state[first:last])
