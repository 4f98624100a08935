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

from ..jit import device, kernel
from ..lanes import Lanes, Value
from .rule import HAS_INFINITY, HAS_NAN
from .walks import WIDTH, by_size, covering

_WIDTH32, _WIDTH64 = WIDTH[32], WIDTH[64]
_I64 = ir.IntType(64)
#: columns that are done together: what is known of them stays in the first cache
STRIP = 2048


def greatest_of(v: Lanes, load: Callable[[Value], Value], length: Value) -> Value:
    """The bits of the greatest magnitude among `length` numbers, at least a vector, as an integer of a lane."""
    b = v.builder
    best = cgutils.alloca_once(b, v.int)
    b.store(v.word(0), best)

    def vector(i: Value) -> None:
        b.store(v.call("umax", b.load(best), b.and_(v.as_int(load(i)), v.magnitude_mask)), best)

    covering(v, length, vector)
    name = f"llvm.vector.reduce.umax.v{v.count}i{v.bits}"
    function = cgutils.get_or_insert_function(b.module, ir.FunctionType(v.scalar_int, [v.int]), name)
    return b.call(function, [b.load(best)])


@intrinsic
def _row_maxima(typingctx, x, amax, at, first, blocks, size):
    """amax[first + b] of consecutive blocks of one size from x[at] on."""

    def codegen(context, builder, sig, args):
        bits = sig.args[0].dtype.bitwidth
        v = Lanes(builder, WIDTH[bits], bits)
        source, target = (context.make_array(sig.args[k])(context, builder, args[k]).data for k in (0, 1))

        def loop(size: Value) -> None:
            with cgutils.for_range(builder, args[4], intp=_I64) as one:
                start = builder.add(args[2], builder.mul(one.index, size))
                most = greatest_of(v, lambda i: v.load(builder.gep(source, [builder.add(start, i)])), size)
                value = builder.bitcast(most, v.scalar_float)
                wide = value if bits == 64 else builder.fpext(value, ir.DoubleType())
                builder.store(wide, builder.gep(target, [builder.add(args[3], one.index)]))

        by_size(v, args[5], (16, 32), loop)
        return context.get_dummy_value()

    return types.void(x, amax, types.int64, types.int64, types.int64, types.int64), codegen


@intrinsic
def _column_maxima(typingctx, x, best, at, columns):
    """best[j] = the greater magnitude of best[j] and x[at + j], as bits, for at least a vector of columns."""

    def codegen(context, builder, sig, args):
        bits = sig.args[0].dtype.bitwidth
        v = Lanes(builder, WIDTH[bits], bits)
        source, target = (context.make_array(sig.args[k])(context, builder, args[k]).data for k in (0, 1))

        def vector(i: Value) -> None:
            pointer = builder.gep(target, [i])
            new = builder.and_(v.as_int(v.load(builder.gep(source, [builder.add(args[2], i)]))), v.magnitude_mask)
            v.store(v.as_float(v.call("umax", v.as_int(v.load(pointer)), new)), pointer)

        covering(v, args[3], vector)
        return context.get_dummy_value()

    return types.void(x, best, types.int64, types.int64), codegen


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
            best = max(best, a)
    return best, state


@kernel(
    "void(float32[::1], int64, int64, float64[::1], uint8[::1])",
    "void(float64[::1], int64, int64, float64[::1], uint8[::1])",
)
def maxima_rows(x, n, size, amax, state):
    """amax[b] and state[b] of blocks along the rows of x, which have n elements."""
    width, count = _WIDTH32 if x.itemsize == 4 else _WIDTH64, -(-n // size)
    whole = n // size if size >= width else 0
    for row in range(x.size // max(n, 1)):
        at, first = row * n, row * count
        _row_maxima(x, amax, at, first, whole, size)
        for b in range(whole, count):
            amax[first + b] = math.inf  # found below
        for b in range(first, first + count):
            state[b] = 0
            if not amax[b] < math.inf:
                start = at + (b - first) * size
                amax[b], state[b] = finite_maximum(x, start, min(start + size, at + n), 1)


@kernel(
    "void(float32[::1], int64, int64, int64, float64[::1], uint8[::1])",
    "void(float64[::1], int64, int64, int64, float64[::1], uint8[::1])",
)
def maxima_columns(x, n, inner, size, amax, state):
    """amax[b] and state[b] of blocks along the columns of (n, inner) matrices."""
    count, width = -(-n // size), _WIDTH32 if x.itemsize == 4 else _WIDTH64
    best = np.empty(max(min(inner, STRIP), width), x.dtype)
    for row in range(x.size // max(n * inner, 1) * count):
        first, last = row // count * n + row % count * size, row // count * n + min((row % count + 1) * size, n)
        for edge in range(0, inner, STRIP):
            left = max(min(edge, inner - width), 0)
            strip = min(STRIP, inner - left)
            for j in range(best.size):
                best[j] = 0.0 if strip >= width else math.inf
            if strip >= width:
                for k in range(first, last):
                    _column_maxima(x, best, k * inner + left, strip)
            for j in range(strip):
                b, start = row * inner + left + j, first * inner + left + j
                amax[b], state[b] = np.float64(best[j]), 0
                if not amax[b] < math.inf:
                    amax[b], state[b] = finite_maximum(x, start, start + (last - 1 - first) * inner + 1, inner)
