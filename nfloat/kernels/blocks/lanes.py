"""The loops over blocks in lanes, as IR: each vector loaded, made elements of (``forms.py``), stored."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ...formats.rounding import Rounding
from ..lanes import Lanes, Value
from .forms import POWER, QUOTIENT, SHORT, Elements, Form, Scale, Shared
from .walks import WIDTH, by_mode, by_size, covering

_I64, _I8 = ir.IntType(64), ir.IntType(8)
#: a mode, None if it is a run-time one; its tag
Mode = tuple[Rounding | None, Value]


class Body:
    """What stands in a loop's body: load, element, store."""

    def __init__(
        self, v: Lanes, form: Form, shared: Shared, pointers: tuple[Value, Value], mode: Mode, one_zero: bool
    ) -> None:
        self.v, self.form, self.shared, self.mode = v, form, shared, mode[0]
        self.source, self.target = pointers
        self.single = self.source.type.pointee == ir.FloatType()
        self.elements = Elements(v, shared, *mode, one_zero, self.single)

    def load(self, at: Value) -> Value:
        b, pointer = self.v.builder, self.v.builder.gep(self.source, [at])
        narrow = ir.VectorType(self.source.type.pointee, self.v.count)
        x = b.load(b.bitcast(pointer, narrow.as_pointer()), align=4 if self.single else 8)
        return x if narrow == self.v.float else b.fpext(x, self.v.float)

    def random(self, counter: Value) -> Value | None:
        """Each lane's word; in the quotient form its first 32 bits, as a number."""
        if self.mode is not Rounding.STOCHASTIC:
            return None
        v, b, lanes = self.v, self.v.builder, Lanes(self.v.builder, self.v.count)
        counters = b.add(lanes.splat(b.trunc(counter, lanes.scalar_int)), lanes.iota())
        keys = [lanes.splat(k) for k in self.shared.keys]
        head = lanes.random_word(counters, *keys[:2])
        if self.form is QUOTIENT:
            return b.uitofp(head, v.float)
        if v.bits == 32:
            return head
        tail = lanes.random_word(counters, *keys[2:])
        return b.or_(b.shl(b.zext(head, v.int), v.word(32)), b.zext(tail, v.int))

    def vector(self, s: Scale, at: Value, to: Value, counter: Value) -> Value | None:
        """One vector, from `at` to `to`; lanes that are handed back."""
        v, b = self.v, self.v.builder
        pointer, kind = b.gep(self.target, [to]), self.target.type.pointee
        if isinstance(kind, ir.IntType):
            code, unsure = self.elements.code(self.load(at), s, self.random(counter))
            out = b.trunc(code, ir.VectorType(kind, v.count))
        else:
            value, unsure = self.elements.value(self.load(at), s, self.random(counter))
            out = value if kind == v.scalar_float else b.fptrunc(value, ir.VectorType(kind, v.count))
        width = 1 if isinstance(kind, ir.IntType) else 4 if kind == ir.FloatType() else 8
        b.store(out, b.bitcast(pointer, out.type.as_pointer()), align=width)
        return unsure


def _loop(along: Any) -> Any:
    """The intrinsic ``f(source, target, scales, todo, places, mode, integers)`` of a way `along` the blocks.

    `scales`, of shape (parts, blocks), says by its type which form it is: integers are the exponents k of the power
    form, in the place where a number of the lane has its exponent; float64 and float32 numbers are those of a
    `Divisor`.
    """

    def typer(typingctx, source, target, scales, todo, places, mode, integers):
        signature = types.int64(source, target, scales, todo, places, types.int64, integers)

        def codegen(context, builder, sig, args):
            arrays = [context.make_array(t)(context, builder, a) for t, a in zip(sig.args[:4], args[:4], strict=True)]
            form = {types.float64: QUOTIENT, types.float32: SHORT}.get(sig.args[2].dtype, POWER)
            bits = sig.args[2].dtype.bitwidth
            v, (_, blocks) = Lanes(builder, WIDTH[bits], bits), cgutils.unpack_tuple(builder, arrays[2].shape)
            parts = [builder.gep(arrays[2].data, [builder.mul(blocks, _I64(part))]) for part in range(form.parts)]
            shared = Shared(v, cgutils.unpack_tuple(builder, args[6]))
            where = cgutils.unpack_tuple(builder, args[4])

            def emit(mode: Rounding | None, one_zero: bool) -> None:
                body = Body(v, form, shared, (arrays[0].data, arrays[1].data), (mode, args[5]), one_zero)
                along(v, body, parts, arrays[3].data, where)

            return by_mode(builder, args[5], emit, form.modes, others=form is QUOTIENT)

        return signature, codegen

    return intrinsic(typer)


def _along_rows(v: Lanes, e: Body, scales: list[Value], todo: Value, places: list[Value]) -> None:
    """places: (at, to, counter, first block, blocks, size): consecutive blocks of one size, each with a scale."""
    sizes = (16, 32) if e.form is SHORT and e.mode is Rounding.NEAREST_EVEN else ()
    by_size(v, places[5], sizes, lambda size: _row(v, e, scales, todo, [*places[:5], size]))


def _row(v: Lanes, e: Body, scales: list[Value], todo: Value, places: list[Value]) -> None:
    b = v.builder
    at, to, counter, first, blocks, size = places
    with cgutils.for_range(b, blocks, intp=_I64) as loop:
        block, start = b.add(first, loop.index), b.mul(loop.index, size)
        loaded = [v.splat(b.load(b.gep(p, [block]))) for p in scales]
        s = e.form.scale(v, e.shared, loaded)

        def vector(i: Value) -> None:
            i = b.add(start, i)
            unsure = e.vector(s, b.add(at, i), b.add(to, i), b.add(counter, i))
            if unsure is not None:
                mark = b.gep(todo, [block])
                b.store(b.or_(b.load(mark), b.zext(v.any(unsure), _I8)), mark)

        covering(v, size, vector)


def _along_columns(v: Lanes, e: Body, scales: list[Value], todo: Value, places: list[Value]) -> None:
    """places: (at, to, counter, first block, columns): neighbours lie in neighbouring blocks."""
    b = v.builder
    at, to, counter, first, columns = places

    def vector(i: Value) -> None:
        block = b.add(first, i)
        loaded = []
        for p in scales:
            kind = ir.VectorType(p.type.pointee, v.count)
            pointer = b.bitcast(b.gep(p, [block]), kind.as_pointer())
            loaded.append(b.load(pointer, align=v.bits // 8))
        unsure = e.vector(e.form.scale(v, e.shared, loaded), b.add(at, i), b.add(to, i), b.add(counter, i))
        if unsure is not None:
            kind = ir.VectorType(_I8, v.count)
            mark = b.bitcast(b.gep(todo, [block]), kind.as_pointer())
            b.store(b.or_(b.load(mark, align=1), b.zext(unsure, kind)), mark, align=1)

    covering(v, columns, vector)


rows, columns = _loop(_along_rows), _loop(_along_columns)
