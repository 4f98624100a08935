"""Blocks along rows in one pass: greatest magnitude, scale 2^k and elements, while a block is in the first cache.

For scales that are powers of two and sizes that are whole vectors. The scale's exponent is made from the bits of
amax, as in ``blocks/rule.py``: `ADD` carries into the exponent's field where the rule goes a binade up. A block is
left to the rule (`todo`) if it holds infinities or NaNs, if amax is a subnormal number, or if a constant of the lanes
would not be a normal number.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ...formats.rounding import Rounding
from ..lanes import Lanes, Value
from .forms import POWER, Shared
from .lanes import Body
from .magnitudes import greatest_of
from .walks import WIDTH, by_mode, by_size, covering

_I8, _I64 = ir.IntType(8), ir.IntType(64)


class Limit(IntEnum):
    """Places in the integers that say what a scale is; exponents are a lane's biased ones."""

    #: added to the bits of amax; E; the least and the greatest k (biased)
    ADD, TOP, LEAST, GREATEST = range(4)
    #: the k (biased) for which lanes know the grid, and the greatest exponent of amax
    LOW, HIGH, CUT = range(4, 7)


@intrinsic
def fused_rows(typingctx, source, target, scales, todo, places, mode, integers, limits):
    """Fill target, scales and todo of consecutive blocks; places: (at, to, counter, first block, blocks, size)."""

    def codegen(context, builder, sig, args):
        arrays = [context.make_array(t)(context, builder, a).data for t, a in zip(sig.args[:4], args[:4], strict=True)]
        bits = sig.args[0].dtype.bitwidth
        v = Lanes(builder, WIDTH[bits], bits)
        shared = Shared(v, cgutils.unpack_tuple(builder, args[6]))
        where, known = cgutils.unpack_tuple(builder, args[4]), cgutils.unpack_tuple(builder, args[7])

        def emit(mode: Any, one_zero: bool) -> None:
            body = Body(v, POWER, shared, (arrays[0], arrays[1]), (mode, args[5]), one_zero)
            _blocks(v, body, arrays[2], arrays[3], where, known)

        return by_mode(builder, args[5], emit)

    return types.int64(source, target, scales, todo, places, types.int64, integers, limits), codegen


def _blocks(v: Lanes, e: Body, scales: Value, todo: Value, places: list[Value], known: list[Value]) -> None:
    """The loop over blocks, by their size."""
    size, sizes = places[5], (32,) if e.mode is Rounding.NEAREST_EVEN else ()
    by_size(v, size, sizes, lambda size: _loop(v, e, scales, todo, [*places[:5], size], known))


def _loop(v: Lanes, e: Body, scales: Value, todo: Value, places: list[Value], known: list[Value]) -> None:
    b = v.builder
    at, to, counter, first, blocks, size = places
    with cgutils.for_range(b, blocks, intp=_I64) as loop:
        block, start = b.add(first, loop.index), b.mul(loop.index, size)
        here = b.add(at, start)

        def load(i: Value, here: Value = here) -> Value:
            return e.load(b.add(here, i))

        most = greatest_of(v, load, size)
        most = b.zext(most, _I64) if v.bits == 32 else most
        shift, left = _scale(v, most, b.gep(scales, [block]), known)
        mark = b.gep(todo, [block])
        b.store(b.zext(left, _I8), mark)
        s = e.form.scale(v, e.shared, [v.splat(shift)])

        def vector(i: Value) -> None:
            i = b.add(start, i)
            unsure = e.vector(s, b.add(at, i), b.add(to, i), b.add(counter, i))
            if unsure is not None:
                b.store(b.or_(b.load(mark), b.zext(v.any(unsure), _I8)), mark)

        covering(v, size, vector)


def _scale(v: Lanes, most: Value, scale: Value, known: list[Value]) -> tuple[Value, Value]:
    """(k in the place of an exponent, whether the block is left to the rule); stores 2^k."""
    b, fraction, bias = v.builder, v.digits - 1, 127 if v.bits == 32 else 1023

    def beyond(x: Value, limit: Limit, sign: str) -> Value:
        return b.icmp_signed(sign, x, known[limit])

    exponent = b.lshr(most, _I64(fraction))
    k = b.sub(b.lshr(b.add(most, known[Limit.ADD]), _I64(fraction)), known[Limit.TOP])
    k = b.select(beyond(k, Limit.LEAST, "<"), known[Limit.LEAST], k)
    k = b.select(beyond(k, Limit.GREATEST, ">"), known[Limit.GREATEST], k)
    zero = b.icmp_signed("==", most, _I64(0))
    k = b.select(zero, known[Limit.LEAST], k)
    b.store(b.bitcast(b.shl(b.add(k, _I64(1023 - bias)), _I64(52)), ir.DoubleType()), scale)
    subnormal = b.icmp_signed("==", exponent, _I64(0))
    left = b.or_(
        b.or_(beyond(k, Limit.LOW, "<"), beyond(k, Limit.HIGH, ">")), b.or_(beyond(exponent, Limit.CUT, ">"), subnormal)
    )
    left = b.and_(left, b.not_(zero))  # a zero is on every grid
    shift = b.select(zero, _I64(0), b.shl(b.sub(k, _I64(bias)), _I64(fraction)))
    return (b.trunc(shift, v.scalar_int) if v.bits == 32 else shift), left
