"""float32 matrices to panels of float16 codes, and single conversions, by the CPU's own instructions.

A panel holds `width` columns of a matrix (k, n) as [k][width]: b's as codes (uint16), a's (the columns of a.T) as words
of two equal codes (uint32), since a word goes to all lanes of a vector in one load. The bulk moves in blocks of 16 x
16, as IR.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..bits import lesser
from ..jit import device, kernel
from ..lanes import Lanes, Value, prefetch
from ..machine import HERE
from .shapes import HALF

#: whether the CPU computes in half precision, fused multiply-add included
HAS_HALF = HERE.half
_HALF = ir.HalfType()
_I16 = ir.IntType(16)
_I64 = ir.IntType(64)
_SIDE, _WIDTH = 16, HALF.width
_U = np.uint64


def _block(transposed: bool):
    """The intrinsic (x, at, stride, out, to, step) -> whether no number but NaN was changed.

    16 lines of 16 numbers, number k of line r being x[at + r stride + k], go to out[to + r step + k] as they are; or,
    transposed, to out[to + k step + r], where there are but HALF.rows lines if pairs are written. Every write is of 16
    places: those that are too many are overwritten by the next, or spare.
    """

    def typer(typingctx, x, at, stride, out, to, step):
        return types.boolean(x, types.int64, types.int64, out, types.int64, types.int64), generate

    def generate(context, builder, sig, args):
        v = Lanes(builder, _SIDE)
        source, target = (context.make_array(sig.args[i])(context, builder, args[i]).data for i in (0, 3))
        pairs = target.type.pointee.width == 32
        codes, exact = [], v.every_lane
        for r in range(HALF.rows if transposed and pairs else _SIDE):
            x = v.load(_at(builder, source, args[1], args[2], r))
            if not transposed:  # 16 rows on: they are too far apart for the CPU to foresee
                prefetch(builder, _at(builder, source, args[1], args[2], r + _SIDE))
            half = builder.fptrunc(x, ir.VectorType(_HALF, _SIDE))
            exact = builder.and_(exact, builder.fcmp_unordered("ueq", builder.fpext(half, v.float), x))
            code = builder.bitcast(half, ir.VectorType(_I16, _SIDE))
            wide = builder.zext(code, v.int) if transposed or pairs else code
            codes.append(builder.or_(wide, builder.shl(wide, v.word(16))) if pairs else wide)
        for k, line in enumerate(_transpose(builder, codes) if transposed else codes):
            line = builder.trunc(line, ir.VectorType(_I16, _SIDE)) if transposed and not pairs else line
            v.store(line, _at(builder, target, args[4], args[5], k))
        return v.all(exact)

    return intrinsic(typer)


def _at(builder: ir.IRBuilder, pointer: Value, start: Value, stride: Value, index: int) -> Value:
    return builder.gep(pointer, [builder.add(start, builder.mul(stride, _I64(index)))])


def _transpose(builder: ir.IRBuilder, lines: list[Value]) -> list[Value]:
    """16 vectors of 16 from as many (missing ones are repeated).

    Four times, the first half is interleaved with the second.
    """
    lines = lines + lines[: _SIDE - len(lines)]
    for _ in range(4):
        pairs = list(zip(lines[:8], lines[8:], strict=True))
        lines = [builder.shuffle_vector(x, y, _interleaved(start)) for x, y in pairs for start in (0, 8)]
    return lines


def _interleaved(start: int) -> ir.Constant:
    """Elements start, start + 1, ... of two vectors in turn."""
    return ir.Constant(ir.VectorType(ir.IntType(32), _SIDE), [start + i // 2 + _SIDE * (i % 2) for i in range(_SIDE)])


_straight, _transposed = _block(False), _block(True)


@intrinsic
def _half_code(typingctx, x):
    """The code of a float32 rounded to half precision."""
    return types.uint16(types.float32), lambda context, builder, sig, args: builder.bitcast(
        builder.fptrunc(args[0], _HALF), _I16
    )


@intrinsic
def half_value(typingctx, code):
    """The float32 value of a half's code."""
    return types.float32(types.uint16), lambda context, builder, sig, args: builder.fpext(
        builder.bitcast(args[0], _HALF), ir.FloatType()
    )


@device
def half_code(x):
    """The code of a float32 rounded to half precision, and whether that is the same number (or NaN)."""
    code = _half_code(x)
    return code, half_value(code) == x or x != x


@device
def pack_half(x, column, width, packed, at):
    """The panel of x (k, n) that begins at a column, to packed[at:]; zeros where there is none.

    Whether float16 holds it all.
    """
    steps, size = x.shape
    side, each = lesser(width, _SIDE), 0x10001 if packed.itemsize == 4 else 1
    flat, exact = x.reshape(-1) if x.flags.c_contiguous else x.T.reshape(-1), True
    lines = steps & ~(_SIDE - 1)
    full = 0
    rows = x.flags.c_contiguous
    while full < width and size - column - full >= (_SIDE if rows else side):
        full += side
    if rows:  # along the rows as far as the panel goes: the lines of cache that are read lie together
        for k in range(0, lines, _SIDE):
            for j in range(0, full, side):
                exact &= _straight(flat, k * size + column + j, size, packed, at + k * width + j, width)
    else:
        for j in range(0, full, side):
            for k in range(0, lines, _SIDE):
                exact &= _transposed(flat, (column + j) * steps + k, steps, packed, at + k * width + j, width)
    for j in range(0, width, side):
        left = size - column - j
        for k in range(lines if j < full else 0, steps):
            for i in range(side):
                code, same = half_code(x[_U(k), _U(column + j + i)]) if i < left else (np.uint16(0), True)
                packed[at + k * width + j + i] = code * each
                exact &= same
    return exact


@kernel(
    *(f"boolean(Array(float32, 2, '{layout}', readonly=True), uint16[::1], int64, int64)" for layout in "CF"),
    possible=HAS_HALF,
)
def half_panels(b, packed, first, last):
    """Panels first .. last - 1 of b (k, n) to their places in `packed`; whether float16 holds them."""
    exact = True
    for panel in range(first, last):
        exact &= pack_half(b, panel * _WIDTH, _WIDTH, packed, panel * b.shape[0] * _WIDTH)
    return exact
