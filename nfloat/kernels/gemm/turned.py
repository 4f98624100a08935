"""Lines of a matrix as packing needs them: turned into columns by shuffles of vectors, or copied as vectors.

One number after the other takes a load and a store each; of vectors, four or eight are turned in two or three shuffles
for each. Short lines are what LLVM makes no vectors of: it does not know how many numbers there will be. The last
vectors of a line overlap those before them, so that no number goes alone where there are four.

On their way float32 numbers may be rounded to nearest-even, while they are in registers: `grid` is None, or a tuple of
`NearestFields` (``rounding/constants.py``). What is beyond its bound is not rounded as it should be, and told.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..bits import lesser
from ..jit import device
from ..lanes import Lanes, Value
from ..rounding.streaming import Constants
from ..rounding.vector import nearest_even_scaled

_I64 = ir.IntType(64)
#: eight vectors of eight to their columns, step by step, as (first, second, places in both): numbers are interleaved in
#: 16 bytes, then pairs of them, then halves of 32 bytes are exchanged
_LOW, _HIGH = [0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]
_PAIRS = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
_HALVES = [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]
_STEPS = (
    [(i, i + 1, mask) for i in (0, 2, 4, 6) for mask in (_LOW, _HIGH)],
    [(i, i + 2, mask) for i in (0, 1, 4, 5) for mask in _PAIRS],
    [(i, i + 4, mask) for mask in _HALVES for i in (0, 1, 2, 3)],
)


class _Way:
    """The way of vectors of `size` numbers from an array into another: float32 may become float64, or be rounded."""

    def __init__(self, context, builder: ir.IRBuilder, size: int, kinds, arrays, grid) -> None:
        self._builder = builder
        self._source, self._target = (context.make_array(kinds[i])(context, builder, arrays[i]).data for i in (0, 1))
        self._lanes = Lanes(builder, size)
        self._grid = None if isinstance(kinds[2], types.NoneType) else Constants(self._lanes, kinds[2], grid)
        self._greatest = self._lanes.word(0)

    def load(self, at: Value) -> Value:
        """The vector from element `at` of the source on; rounded."""
        b, v = self._builder, self._lanes
        read = ir.VectorType(self._source.type.pointee, v.count)
        x = b.load(b.bitcast(b.gep(self._source, [at]), read.as_pointer()), align=4)
        if self._grid is None:
            return x
        self._greatest = v.call("smax", self._greatest, b.and_(v.as_int(x), v.magnitude_mask))
        rounded = nearest_even_scaled(v, x, v.as_float(self._grid.scale), self._grid.lowest)
        return v.with_sign_of(rounded, x, self._grid.sign)

    def store(self, x: Value, at: Value) -> None:
        """A vector to the target, from element `at` on."""
        b, kept = self._builder, ir.VectorType(self._target.type.pointee, x.type.count)
        x = x if x.type == kept else b.fpext(x, kept)
        b.store(x, b.bitcast(b.gep(self._target, [at]), kept.as_pointer()), align=4)

    def beyond(self) -> Value:
        """1 if a number that was loaded is too large to be rounded here, or NaN."""
        v = self._lanes
        if self._grid is None:
            return _I64(0)
        return self._builder.zext(v.any(self._builder.icmp_signed(">", self._greatest, self._grid.bound)), _I64)


def turning(lines: int, size: int):
    """The intrinsic (x, at, stride, out, to, step, grid) -> 1 if some number is beyond; for `size` numbers of lines.

    out[to + i step + j] = x[at + j stride + i], both arrays being contiguous in some order.
    """

    def typer(typingctx, x, at, stride, out, to, step, grid):
        i64 = types.int64
        return types.int64(x, i64, i64, out, i64, i64, grid), generate

    def generate(context, builder, sig, args):
        x, at, stride, out, to, step, grid = args
        way = _Way(context, builder, size, (sig.args[0], sig.args[3], sig.args[6]), (x, out), grid)
        rows = [way.load(builder.add(at, builder.mul(stride, _I64(j)))) for j in range(lines)]
        nothing = ir.Constant(rows[0].type, ir.Undefined)
        if size == 8:
            rows += [nothing] * (size - lines)
            for pairs in _STEPS:
                rows = [
                    builder.shuffle_vector(rows[i], rows[j], ir.Constant(ir.VectorType(ir.IntType(32), size), mask))
                    for i, j, mask in pairs
                ]
        first = ir.Constant(ir.VectorType(ir.IntType(32), lines), list(range(lines)))
        for i, row in enumerate(rows):
            way.store(builder.shuffle_vector(row, nothing, first), builder.add(to, builder.mul(step, _I64(i))))
        return way.beyond()

    return intrinsic(typer)


#: tiles have 4, 6, 8 or 12 rows, or columns in eights
_turn1, _turn4, _turn6, _turn8 = turning(1, 1), turning(4, 8), turning(6, 8), turning(8, 8)


def copying(size: int):
    """The intrinsic (x, at, out, to, grid) -> 1 if some number is beyond.

    out[to + j] = x[at + j], j < size, of contiguous arrays.
    """

    def typer(typingctx, x, at, out, to, grid):
        i64 = types.int64
        return types.int64(x, i64, out, i64, grid), generate

    def generate(context, builder, sig, args):
        x, at, out, to, grid = args
        way = _Way(context, builder, size, (sig.args[0], sig.args[2], sig.args[4]), (x, out), grid)
        way.store(way.load(at), to)
        return way.beyond()

    return intrinsic(typer)


_copy1, _copy4, _copy8, _copy16 = copying(1), copying(4), copying(8), copying(16)


@device
def copy_lines(x, at, stride, length, count, out, to, step, grid):
    """out[to + k step + j] = x[at + k stride + j]: `length` lines of `count` numbers. 1 if some number is beyond."""
    beyond = 0
    if count >= 16:
        for j in range(0, count, 16):
            i = lesser(j, count - 16)
            for k in range(length):
                beyond |= _copy16(x, at + k * stride + i, out, to + k * step + i, grid)
    elif count >= 8:
        for k in range(length):
            beyond |= _copy8(x, at + k * stride, out, to + k * step, grid)
            beyond |= _copy8(x, at + k * stride + count - 8, out, to + k * step + count - 8, grid)
    elif count >= 4:
        for k in range(length):
            beyond |= _copy4(x, at + k * stride, out, to + k * step, grid)
            beyond |= _copy4(x, at + k * stride + count - 4, out, to + k * step + count - 4, grid)
    else:
        for k in range(length):
            for j in range(count):
                beyond |= _copy1(x, at + k * stride + j, out, to + k * step + j, grid)
    return beyond


@device
def turn_lines(x, at, stride, length, count, out, to, step, grid):
    """out[to + k step + j] = x[at + j stride + k]: `count` lines of `length` numbers become columns, side by side.

    Eight numbers of eight, six or four lines at a time, number by number where there are fewer. 1 if some number is
    beyond.
    """
    beyond, j = 0, 0
    while j < count:
        if length < 8 or count < 4:
            for k in range(length):
                beyond |= _turn1(x, at + j * stride + k, stride, out, to + k * step + j, step, grid)
            j += 1
        else:
            some = 8 if count - j >= 8 else 6 if count == 6 else 4
            line = lesser(j, count - some)
            for start in range(0, length, 8):
                k = lesser(start, length - 8)
                if some == 8:
                    beyond |= _turn8(x, at + line * stride + k, stride, out, to + k * step + line, step, grid)
                elif some == 6:
                    beyond |= _turn6(x, at + line * stride + k, stride, out, to + k * step + line, step, grid)
                else:
                    beyond |= _turn4(x, at + line * stride + k, stride, out, to + k * step + line, step, grid)
            j = line + some
    return beyond
