"""`Lanes`: n float32 or float64 numbers side by side on an LLVM IR builder, and the integers of the same width.

What every micro-kernel is written in: constants, moves, tests over all lanes, random words. Nothing here rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from llvmlite import ir
from numba.core import cgutils

from .machine import HERE

Value: TypeAlias = ir.Value


def prefetch(builder: ir.IRBuilder, pointer: Value, *, write: bool = False) -> None:
    """Ask for the cache line that a pointer is in, to be read or written; without effect where there is no memory."""
    byte, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    keep, data = i32(3), i32(1)
    builder.call(function, [builder.bitcast(pointer, byte), i32(int(write)), keep, data])


class Lanes:
    """`count` lanes of float32 (bits=32) or float64 (bits=64) on an IR builder."""

    def __init__(self, builder: ir.IRBuilder, count: int, bits: int = 32) -> None:
        self.builder, self.count, self.bits = builder, count, bits
        self.scalar_float = ir.FloatType() if bits == 32 else ir.DoubleType()
        self.scalar_int = ir.IntType(bits)
        self.float = ir.VectorType(self.scalar_float, count)
        self.int = ir.VectorType(self.scalar_int, count)
        self.broadcast = self.scalar_float  # what `splat` takes
        self.digits = 24 if bits == 32 else 53  # the lane's own precision
        self.sign_mask = self.word(1 << (bits - 1))
        self.magnitude_mask = self.word((1 << (bits - 1)) - 1)
        self.every_lane = ir.Constant(ir.VectorType(ir.IntType(1), count), [1] * count)
        self.exponent_mask = self.word(0x7F800000 if bits == 32 else 0x7FF << 52)

    # ------------------------------------------------------------ constants and moves
    def word(self, value: int) -> Value:
        """The integer constant in every lane."""
        return ir.Constant(self.int, [value] * self.count)

    def number(self, value: float) -> Value:
        """The float constant in every lane."""
        return ir.Constant(self.float, [ir.Constant(self.scalar_float, value)] * self.count)

    def splat(self, scalar: Value) -> Value:
        """A run-time scalar in every lane."""
        vector = ir.VectorType(scalar.type, self.count)
        one = self.builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.count), [0] * self.count)
        return self.builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

    def iota(self, start: int = 0) -> Value:
        """start, start + 1, ... in the lanes."""
        return ir.Constant(self.int, list(range(start, start + self.count)))

    def load(self, pointer: Value) -> Value:
        """`count` floats from a float pointer of element alignment."""
        return self.builder.load(self.builder.bitcast(pointer, self.float.as_pointer()), align=self.bits // 8)

    def store(self, value: Value, pointer: Value) -> None:
        """Store `count` lanes of any element type at a pointer of element alignment."""
        width = self.bits // 8 if value.type == self.float else value.type.element.width // 8
        self.builder.store(value, self.builder.bitcast(pointer, value.type.as_pointer()), align=width)

    def as_int(self, x: Value) -> Value:
        """The bits of floats."""
        return self.builder.bitcast(x, self.int)

    def as_float(self, x: Value) -> Value:
        """The floats with these bits."""
        return self.builder.bitcast(x, self.float)

    # ------------------------------------------------------------ operations
    def call(self, name: str, *args: Value) -> Value:
        """An LLVM intrinsic on whole vectors, such as fma, smax, smin, umin."""
        kind = args[0].type
        element = {ir.FloatType(): "f32", ir.DoubleType(): "f64"}.get(
            kind.element, f"i{getattr(kind.element, 'width', 0)}"
        )
        function = ir.FunctionType(kind, [a.type for a in args])
        full = f"llvm.{name}.v{kind.count}{element}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, function, full), args)

    def exact_fma(self, a: Value, b: Value, s: Value) -> Value:
        """a b + s to nearest, of products that the lane holds: one instruction or two, and never a call."""
        return self.call("fma", a, b, s) if HERE.fma else self.builder.fadd(self.builder.fmul(a, b), s)

    def greater_code(self, name: str, x: Value, y: Value) -> Value:
        """The greater (`name`: smax, umax) of codes, in 64-bit lanes by halves, as AVX2 and NEON compare them.

        Exact for bits of powers of two, whose lower halves are 0. In general the halves of the result may come from
        different codes: it is at least the greater one, and no halves are in it but theirs. (umin: at most the less.)
        """
        if self.bits != 64:
            return self.call(name, x, y)
        b, halves = self.builder, ir.VectorType(ir.IntType(32), 2 * x.type.count)
        return b.bitcast(self.call(name, *(b.bitcast(code, halves) for code in (x, y))), x.type)

    def greater_halves(self, x: Value, y: Value) -> Value:
        """Of 32-bit integers the greater of each half, unsigned."""
        halves = ir.VectorType(ir.IntType(16), 2 * x.type.count)
        return self.builder.bitcast(self.call("umax", *(self.builder.bitcast(z, halves) for z in (x, y))), x.type)

    def magnitude(self, x: Value) -> Value:
        """|x|."""
        return self.as_float(self.builder.and_(self.as_int(x), self.magnitude_mask))

    def with_sign_of(self, r: Value, x: Value, sign: Value) -> Value:
        """r (+0 or of x's sign, or a magnitude) with x's sign where `sign` has the sign bit."""
        b = self.builder
        return self.as_float(b.or_(self.as_int(r), b.and_(self.as_int(x), sign)))

    def where(self, condition: Value, yes: Value, no: Value) -> Value:
        """Lane by lane yes or no."""
        return self.builder.select(condition, yes, no)

    def all(self, condition: Value) -> Value:
        """Whether a condition holds in every lane."""
        folded = self.fold(condition, self.builder.and_)
        kind = ir.IntType(folded.type.count)
        return self.builder.icmp_unsigned("==", self.builder.bitcast(folded, kind), ir.Constant(kind, -1))

    def at_most(self, x: Value, bound: Value) -> Value:
        """Whether every lane's integer is at most `bound` (the same in all lanes), unsigned; one comparison for all.

        In 64-bit lanes that is only likely where some come near: see `greater_code`.
        """
        greatest = self.fold(x, lambda low, high: self.greater_code("umax", low, high))
        return self.all(self.builder.icmp_unsigned("<=", greatest, self.fold(bound, lambda low, _: low)))

    def any(self, condition: Value) -> Value:
        """Whether a condition holds in some lane."""
        return self.some(self.fold(condition, self.builder.or_))

    def some(self, folded: Value) -> Value:
        """`any` of a condition that is folded already."""
        kind = ir.IntType(folded.type.count)
        return self.builder.icmp_unsigned("!=", self.builder.bitcast(folded, kind), ir.Constant(kind, 0))

    def some_negative(self, folded: Value) -> Value:
        """Whether some of the folded integers has its sign bit."""
        return self.some(self.builder.icmp_signed("<", folded, ir.Constant(folded.type, [0] * folded.type.count)))

    def fold(self, x: Value, combine: Callable[[Value, Value], Value]) -> Value:
        """x, its halves combined until one register holds it; so one test does for all.

        Conditions stay whole up to 512 bits: without mask registers LLVM moves them between widths lane by lane.
        """
        width = 512 if x.type.element == ir.IntType(1) else HERE.width
        while x.type.count * self.bits > width:
            half, nothing = x.type.count // 2, ir.Constant(x.type, ir.Undefined)
            index = ir.VectorType(ir.IntType(32), half)
            x = combine(
                *(
                    self.builder.shuffle_vector(x, nothing, ir.Constant(index, list(places)))
                    for places in (range(half), range(half, 2 * half))
                )
            )
        return x

    def random_word(self, counter: Value, key_low: Value, key_high: Value) -> Value:
        """``rng.word32`` in lanes: the 32-bit words of 32-bit counters under the two halves of `subkeys`."""
        return next(self.random_words([counter], key_low, key_high))

    def random_words(self, counters: list[Value], key_low: Value, key_high: Value) -> Iterator[Value]:
        """`random_word` of several counters: each step of all of them, so that none waits for its multiplications.

        The last step is left to where a word is used.
        """
        b = self.builder
        # LLVM moves the product out of the lanes
        some = [b.add(b.mul(x, self.word(0x9E3779B9)), key_low) for x in counters]
        some = [b.mul(b.xor(x, b.lshr(x, self.word(16))), self.word(0x21F0AAAD)) for x in some]
        some = [b.add(x, key_high) for x in some]
        some = [b.mul(b.xor(x, b.lshr(x, self.word(15))), self.word(0x735A2D97)) for x in some]
        return (b.xor(x, b.lshr(x, self.word(15))) for x in some)
