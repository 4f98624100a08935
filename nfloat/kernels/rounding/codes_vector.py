"""Codes in lanes: encode (nearest-even) and decode between float32 and codes of up to 32 bits, as streams.

For formats of the two families of ``rounding/vector.py`` whose lowest binade holds the subnormal numbers, fixed point
among them. A float32 number of the format has its code in its own bits, shifted right by 24 - p and down by the
difference of the two exponent fields; a subnormal number of the format needs its digits moved into the fraction first.
Formats of which every number is a normal one, or has float32's own layout, are rounded before, and their codes cut out
of the bits. What the lanes do not know (extreme values, a NaN that has no code) goes to the plain rule of
``rounding/codes.py``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir

from ...formats.rounding import Rounding
from ...formats.spec import CodeField
from ..bits import greater, lesser
from ..jit import device, kernel
from ..lanes import Lanes, Value
from ..machine import HERE
from . import vector
from .arrays import SPEC, WITH_SPECIAL
from .codes import CODES, decode_code, encode_value
from .constants import overflow, range32
from .scalar import load_spec, round_value
from .streaming import STREAM, Constants, either, stream

_NAN, _INF, _MAX, _SIGN = (
    CodeField.NAN_CODE.value,
    CodeField.INF_CODE.value,
    CodeField.MAX_CODE.value,
    CodeField.SIGN_SHIFT.value,
)
_NAN_AT_ZERO = CodeField.NAN_AT_NEGATIVE_ZERO.value
_TRUE = ir.Constant(ir.IntType(1), 1)


class EncodeFields(NamedTuple):
    """What encoding knows of the codes, beside a `RangeFields` and `Overflow`."""

    sign_down: int  # how far a float32's sign bit is from a code's
    sign_code: int  # the sign bit of a code
    over_code: int  # the codes of overflow results
    under_code: int
    base: int  # what the first code's float32 bits are, for numbers that are rounded already
    positive_code: int  # the codes of infinities
    negative_code: int
    nan_code: int
    known: int  # the greatest magnitude, as bits, of a value that has a code: infinity's, or any NaN's


class DecodeFields(NamedTuple):
    """What decoding knows of the codes: all its constants."""

    lowest: int  # float32's bits of 2^emin
    drop: int  # how far a code is shifted up
    sign_up: int
    low_half: int  # codes below are subnormal numbers
    greatest: int  # the largest number's code
    code_mask: int  # a code without its sign
    base: int
    refused: int  # the NaN that looks like -0, or -1
    infinity: int


#: how to encode: the narrow family, with -0 or without; fixed point, whose numbers are subnormal numbers of that
#: family; the family with float32's exponents; and numbers that are rounded already. The first is a way to decode too,
#: and so is SAME.
NARROW, SAME, NARROW_ONE_ZERO, FIXED, ROUNDED = range(5)
#: elements that the form with special values, which knows infinities and NaN, goes on for (see ``rounding/arrays.py``)
_AWHILE = 1024


def _easy(v: Lanes, x: Value, k: Constants) -> Value:
    """Whether no lane exceeds the largest number (for unsigned formats: whether all are zero)."""
    return v.at_most(v.builder.and_(v.as_int(x), v.magnitude_mask), k.largest)


def _code(v: Lanes, x: Value, k: Constants, form: int) -> Value:
    """The codes of x to nearest-even, as integers, before overflow; `form`: a narrow one, or FIXED.

    |x| + C holds |x| / unit, rounded, as the difference of its bits to C's; that number plus the binade's number times
    2^(p-1) is the code, for subnormal numbers (binade 0, no implicit bit) as for normal ones.
    """
    b = v.builder
    bits = v.as_int(x)
    power = vector.binade(v, x, k.grid)
    c = b.add(power, k.grid.offset)
    units = b.sub(v.as_int(b.fadd(v.magnitude(x), v.as_float(c))), c)
    magnitude = b.add(units, b.lshr(b.sub(power, k.grid.lowest), k.grid.drop))
    if form == FIXED:
        negative = b.icmp_signed("<", bits, v.word(0))
        return b.and_(v.where(negative, b.sub(v.word(0), magnitude), magnitude), k.sign_code)
    sign = b.and_(b.lshr(bits, k.sign_down), k.sign_code)
    if form == NARROW_ONE_ZERO:
        sign = v.where(b.icmp_signed("==", magnitude, v.word(0)), magnitude, sign)
    return b.or_(magnitude, sign)


def _put(v: Lanes, code: Value, pointer: Value) -> Value:
    """Store codes in the width of the pointer's elements."""
    narrow = ir.VectorType(pointer.type.pointee, v.count)
    v.store(code if narrow == code.type else v.builder.trunc(code, narrow), pointer)
    return _TRUE


def _select_special(v: Lanes, x: Value, code: Value, k: Constants) -> tuple[Value, Value]:
    """(lanes where x is infinite or a NaN that has a code, the codes with those there)."""
    b, bits = v.builder, v.as_int(x)
    magnitude = b.and_(bits, v.magnitude_mask)
    special = b.and_(b.icmp_signed(">=", magnitude, v.exponent_mask), b.icmp_signed("<=", magnitude, k.known))
    infinite = v.where(b.icmp_signed("<", bits, v.word(0)), k.negative_code, k.positive_code)
    chosen = v.where(b.icmp_signed(">", magnitude, v.exponent_mask), k.nan_code, infinite)
    return special, v.where(special, chosen, code)


def _encode(form: int, with_special: bool):
    """A block of the narrow family; its overflow kept out of the common way."""

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        b = v.builder
        code = _code(v, x, k, form)

        def selected() -> Value:
            r = vector.nearest_even_narrow(v, x, k.grid)
            inside = v.where(b.fcmp_ordered(">", r, k.max), k.over_code, code)
            inside = v.where(b.fcmp_ordered("<", r, k.min), k.under_code, inside)
            done = b.icmp_signed("<", b.and_(v.as_int(x), v.magnitude_mask), k.limit)
            if with_special:
                special, inside = _select_special(v, x, inside, k)
                done = b.or_(special, done)
            _put(v, inside, target)
            return v.all(done)

        return either(v, _easy(v, x, k), lambda: _put(v, code, target), selected)

    return body


def _encode_same(with_special: bool):
    """A block of the family with float32's exponents."""

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        b = v.builder
        code = b.lshr(v.as_int(vector.round_same(v, x, k.grid, Rounding.NEAREST_EVEN)), k.grid.drop)
        if not with_special:
            _put(v, code, target)
            return _easy(v, x, k)
        special, code = _select_special(v, x, code, k)
        _put(v, code, target)
        within = b.icmp_unsigned("<=", b.and_(v.as_int(x), v.magnitude_mask), k.largest)
        return v.all(b.or_(special, within))

    return body


def _encode_rounded(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
    """Numbers of the format, none of which is subnormal, unless the format has float32's smallest exponent."""
    b, bits = v.builder, v.as_int(x)
    magnitude = b.and_(bits, v.magnitude_mask)
    code = b.ashr(b.sub(magnitude, k.base), k.grid.drop)
    sign = b.and_(b.lshr(bits, k.sign_down), k.sign_code)
    special, code = _select_special(
        v, x, b.or_(v.where(b.icmp_signed("==", magnitude, v.word(0)), magnitude, code), sign), k
    )
    _put(v, code, target)
    return v.all(b.or_(special, b.icmp_signed("<", magnitude, v.exponent_mask)))


def _load_codes(v: Lanes, pointer: Value) -> Value:
    """Codes as they are."""
    narrow = ir.VectorType(pointer.type.pointee, v.count)
    return v.builder.load(v.builder.bitcast(pointer, narrow.as_pointer()), align=pointer.type.pointee.width // 8)


def _widened(v: Lanes, codes: Value) -> Value:
    return codes if codes.type == v.int else v.builder.zext(codes, v.int)


def _finite(v: Lanes, code: Value, magnitude: Value, k: Constants) -> Value:
    """Lane by lane whether a code is a number's."""
    b = v.builder
    return b.and_(b.icmp_signed("<=", magnitude, k.greatest), b.icmp_signed("!=", code, k.refused))


def _all_finite(v: Lanes, code: Value, magnitude: Value, k: Constants) -> Value:
    """Whether no code is beyond the largest number's, or the NaN that looks like -0; one comparison for all lanes.

    With mask registers two comparisons a register are less work.
    """
    b = v.builder
    if HERE.masks:
        return v.all(_finite(v, code, magnitude, k))
    greatest = v.fold(magnitude, lambda low, high: v.call("umax", low, high))
    nearest = v.fold(b.xor(code, k.refused), lambda low, high: v.call("umin", low, high))
    one = ir.Constant(nearest.type, [1] * nearest.type.count)
    refused = b.and_(b.sub(nearest, one), b.not_(nearest))  # n - 1 and not n have the sign bit where n = 0
    return b.not_(v.some_negative(b.or_(b.sub(v.fold(k.greatest, lambda low, _: low), greatest), refused)))


def _decode(with_special: bool):
    """A block of codes of the narrow family."""

    def body(v: Lanes, codes: Value, target: Value, index: Value, k: Constants) -> Value:
        b = v.builder
        code = _widened(v, codes)
        magnitude = b.and_(code, k.code_mask)
        tiny = b.icmp_signed("<", magnitude, k.low_half)
        shifted = b.add(b.shl(b.add(magnitude, v.where(tiny, k.low_half, v.word(0))), k.drop), k.base)
        a = b.fsub(v.as_float(shifted), v.as_float(v.where(tiny, k.lowest, v.word(0))))
        sign = b.and_(b.shl(code, k.sign_up), v.sign_mask)
        value = b.or_(v.as_int(a), sign)
        if not with_special:
            v.store(v.as_float(value), target)
            return _all_finite(v, code, magnitude, k)
        special = v.where(b.icmp_signed("==", magnitude, k.infinity), b.or_(v.exponent_mask, sign), v.word(0x7FC00000))
        v.store(v.as_float(v.where(_finite(v, code, magnitude, k), value, special)), target)
        return _TRUE

    return body


def _decode_same(v: Lanes, codes: Value, target: Value, index: Value, k: Constants) -> Value:
    """The code is the head of a float32's bits; a NaN gets the quiet bit, since a signalling one makes NumPy warn."""
    b = v.builder
    bits = b.shl(_widened(v, codes), k.drop)
    is_nan = b.icmp_signed(">", b.and_(bits, v.magnitude_mask), v.exponent_mask)
    v.store(v.as_float(b.or_(bits, v.where(is_nan, v.word(1 << 22), v.word(0)))), target)
    return _TRUE


_WAYS = ((0, False), (WITH_SPECIAL, True))
_encode_stream = stream(
    32,
    {
        **{
            form + way: _encode(form, with_special)
            for form in (NARROW, NARROW_ONE_ZERO, FIXED)
            for way, with_special in _WAYS
        },
        **{SAME + way: _encode_same(with_special) for way, with_special in _WAYS},
        ROUNDED: _encode_rounded,
        ROUNDED + WITH_SPECIAL: _encode_rounded,
    },
)
_decode_stream = stream(
    32, {NARROW: _decode(False), NARROW + WITH_SPECIAL: _decode(True), SAME: _decode_same}, load=_load_codes
)
_BLOCK = STREAM[32]


@device
def _over_code(value, c):
    """The code of an overflow result; 0 where there is none (such blocks are never easy and hold no such lane)."""
    return encode_value(value, c) if value == value or c[_NAN] >= 0 else np.int64(0)


@device
def _sign_shift(position):
    """How far a code's sign bit is from a float32's; for unsigned formats 0, which keeps it out of the code."""
    return 31 - position if position >= 0 else np.int64(0)


@device
def _sign_code(position, twos_complement):
    """The sign bit of a code, 0 for unsigned formats; all bits of a code in two's complement."""
    if twos_complement == 1:
        return (2 << position) - 1
    return 1 << position if position >= 0 else np.int64(0)


_TYPES = ("uint8", "uint16", "uint32")


@kernel(*(f"int64(float32[::1], {code}[::1], {SPEC}, {CODES}, int64)" for code in _TYPES))
def encode_run(x, out, spec_array, c, form):
    """out[i] = code of x[i] to nearest-even; returns the first index of a NaN without code, or -1."""
    spec = load_spec(spec_array)
    n = x.size
    i = 0
    unencodable = -1
    base = (c[CodeField.EMIN.value] - c[CodeField.FIRST_FIELD.value] + 127) << 23
    codes = EncodeFields(
        _sign_shift(c[_SIGN]),
        _sign_code(c[_SIGN], c[CodeField.TWOS_COMPLEMENT.value]),
        _over_code(spec.over, c),
        _over_code(spec.under_min, c),
        base,
        _over_code(spec.pos_inf, c),
        _over_code(spec.neg_inf, c),
        greater(c[_NAN], 0),
        np.int64(0x7FFFFFFF if c[_NAN] >= 0 else 0x7F800000),
    )
    constants, with_special = (range32(spec, False), overflow(spec), codes), False
    while i < n:
        end = lesser(n, i + _AWHILE) if with_special else n
        i = _encode_stream(x, out, i, end, form + WITH_SPECIAL if with_special else form, constants)
        if with_special and i < end:
            for j in range(i, lesser(i + _BLOCK, n)):
                value = round_value(np.float64(x[j]), spec, np.uint64(0))
                if value != value and c[_NAN] == -1 and unencodable < 0:
                    unencodable = j
                out[j] = encode_value(value, c)
            i += _BLOCK
        with_special = i < end
    return unencodable


@kernel(*(f"void({code}[::1], float32[::1], {CODES}, int64)" for code in _TYPES))
def decode_run(codes, out, c, form):
    """out[i] = value of codes[i]; `form` is NARROW or SAME."""
    p, emin, sign = c[CodeField.PRECISION.value], c[CodeField.EMIN.value], c[_SIGN]
    n, i = codes.size, 0
    mask = (1 << sign) - 1 if sign >= 0 else np.int64(0x7FFFFFFF)
    refused = 1 << sign if c[_NAN_AT_ZERO] == 1 else np.int64(-1)  # the NaN that looks like -0
    constants = (
        DecodeFields(
            (emin + 127) << 23,
            24 - p,
            _sign_shift(sign),
            1 << (p - 1),
            c[_MAX],
            mask,
            (emin + 126) << 23,
            refused,
            c[_INF],
        ),
    )
    with_special = False
    while i < n:
        end = lesser(n, i + _AWHILE) if with_special else n
        i = _decode_stream(
            codes, out, i, end, form + WITH_SPECIAL if with_special and form == NARROW else form, constants
        )
        if with_special and i < end:
            for j in range(i, lesser(i + _BLOCK, n)):
                out[j] = decode_code(np.int64(codes[j]), c)
            i += _BLOCK
        with_special = i < end
