"""What a block of an array goes through when it is rounded: the bodies of ``arrays.py``'s streams.

Each stores the block and says that it is done, or refuses it: overflow is selected here, infinities and NaN in the
forms with special values.
"""

from __future__ import annotations

from llvmlite import ir

from ...formats.rounding import Rounding
from ..lanes import Lanes, Value
from . import vector
from .streaming import PART, QUICK, Constants, either
from .vector import Doubt


def _magnitude(v: Lanes, x: Value) -> Value:
    return v.builder.and_(v.as_int(x), v.magnitude_mask)


def _over(v: Lanes, x: Value, k: Constants) -> Value:
    """Lanes (folded) above the largest number, in their sign bit; others cannot exceed it, since it is on the grid.

    For unsigned formats: lanes that are not zero. In 64-bit lanes, perhaps one that only comes near.
    """
    b = v.builder
    greatest = v.fold(_magnitude(v, x), lambda low, high: v.greater_code("umax", low, high))
    return b.or_(greatest, b.sub(v.fold(k.largest, lambda low, _: low), greatest))


def _store(v: Lanes, r: Value, target: Value) -> Value:
    v.store(r, target)
    return ir.Constant(ir.IntType(1), 1)


def _finish(
    v: Lanes, x: Value, r: Value, target: Value, k: Constants, with_special: bool, doubt: Doubt | None = None
) -> Value:
    """Store r; the selects of overflow are kept out of the common way.

    Done unless a lane is in doubt or beyond the limit: then nothing is stored, since x may lie in the same memory.
    """
    b = v.builder
    other = _over(v, x, k)
    if doubt is not None:
        other = b.or_(other, doubt.possible(v))

    def select() -> Value:
        chosen, inside = vector.select_overflow(v, r, *k.overflow), b.icmp_signed("<", _magnitude(v, x), k.limit)
        if with_special:
            special, chosen = vector.select_special(v, x, chosen, k.positive, k.negative)
            inside = b.or_(special, inside)
        done = v.all(inside)
        if doubt is not None:
            done = b.and_(done, b.not_(v.any(doubt.lanes(v))))
        with b.if_then(done):
            v.store(chosen, target)
        return done

    return either(v, v.some_negative(other), select, lambda: _store(v, r, target))


def whole(mode: Rounding, negative_zero: bool = True, with_special: bool = False):
    """A block of the narrow family by the form that knows all its numbers."""

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        if not mode.is_stochastic:
            return _finish(v, x, vector.round_narrow(v, x, k.grid, mode), target, k, with_special)
        r, doubt = vector.stochastic_narrow(
            v, x, k.grid, random_word(v, index, k, mode), negative_zero=negative_zero, tail=tail_bits(k, mode)
        )
        return _finish(v, x, r, target, k, with_special, doubt)

    return body


def normal(mode: Rounding):
    """A block of the narrow family by a shorter form, where all lanes are normal numbers of the format."""
    other = whole(mode)

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        b = v.builder
        above = b.sub(_magnitude(v, x), k.grid.lowest)
        all_normal = v.at_most(above, b.sub(k.largest, k.grid.lowest))
        random = random_word(v, index, k, mode) if mode.is_stochastic else None
        if mode is Rounding.NEAREST_EVEN:
            cut = vector.nearest_even_normal(v, x, k.grid)
        else:
            cut = vector.round_same(v, x, k.grid, mode, random, tail_bits(k, mode))
        return either(v, all_normal, lambda: _store(v, cut, target), lambda: other(v, x, target, index, k))

    return body


def quick(negative_zero: bool):
    """A block of the narrow family by `stochastic`, refused unless all its lanes are within the range and sure.

    It is done in parts, each stored in any case, before that is known; who does a refused block reads it from x, which
    is another array. All words are made first, but for a step: in the order of the code, which LLVM keeps, no part's
    operations then wait for its word's multiplications.
    """

    def body(v: Lanes, source: Value, target: Value, index: Value, k: Constants) -> Value:
        b, starts = v.builder, range(0, QUICK, PART)
        first = v.splat(b.trunc(index, v.scalar_int))
        words = v.random_words([b.add(first, v.iota(start)) for start in starts], k.key_low, k.key_high)
        greatest = v.fold(v.word(0), v.greater_halves)
        for start, word in zip(starts, words, strict=True):
            place = ir.Constant(ir.IntType(64), start)
            x = v.load(b.gep(source, [place]))
            r, code = vector.stochastic_short(v, x, k.grid, word, negative_zero=negative_zero)
            v.store(r, b.gep(target, [place]))
            greatest = v.greater_halves(greatest, v.fold(code, v.greater_halves))
        bound = v.fold(vector.short_bound(v, k.grid, k.largest), lambda low, _: low)
        return b.not_(v.some(b.icmp_unsigned("!=", v.greater_halves(greatest, bound), bound)))

    return body


def same_body(mode: Rounding, with_special: bool):
    """A block of the family with the lane's own exponent range."""

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        random = random_word(v, index, k, mode) if mode.is_stochastic else None
        return _finish(v, x, vector.round_same(v, x, k.grid, mode, random, tail_bits(k, mode)), target, k, with_special)

    return body


def random_word(v: Lanes, index: Value, k: Constants, mode: Rounding) -> Value:
    """The random words of a block's elements: counters are the low 32 bits of the element numbers.

    stochastic_a with N bits is stochastic with a word of which N bits are taken; _b sets the next one, halfway between
    two numbers of N bits. A word has more bits than a lane can show of a fraction, so that those beyond 32 cannot
    matter where the form is sure.
    """
    b, lanes = v.builder, Lanes(v.builder, v.count)
    counters = b.add(lanes.splat(b.trunc(index, lanes.scalar_int)), lanes.iota())
    if v.bits == 32:
        word = v.random_word(counters, k.key_low, k.key_high)
    else:
        head, tail = (
            lanes.random_word(counters, *(b.trunc(x, lanes.int) for x in keys))
            for keys in ((k.key_low, k.key_high), (k.twin_low, k.twin_high))
        )
        word = b.or_(b.shl(b.zext(head, v.int), v.word(32)), b.zext(tail, v.int))
    return word if mode is Rounding.STOCHASTIC else b.or_(b.and_(word, k.taken), k.half)


def tail_bits(k: Constants, mode: Rounding) -> Value | None:
    """What stochastic_c rounds away before: the `tail` of the vector forms."""
    return k.tail if mode is Rounding.STOCHASTIC_C else None
