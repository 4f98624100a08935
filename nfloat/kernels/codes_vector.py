"""Codes in lanes: encode (nearest-even) and decode between float32 and 8- or 16-bit codes, as streams.

For sign-magnitude formats of the two families of ``vector.py`` whose lowest binade holds the subnormal numbers. A float32
number of the format has its code in its own bits, shifted right by 24 - p and down by the difference of the two exponent
fields; a subnormal number of the format needs its digits moved into the fraction first. What the lanes do not know (NaN, infinities, extreme values) goes to the plain rule of ``codes.py``.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from ..formats.rounding import Rounding
from ..formats.spec import CodeField
from . import vector
from .codes import CODES, decode_code, encode_value
from .elementwise import WORDS, overflow_constants, stream_constants32
from .jit import device, kernel
from .scalar import load_spec, round_value
from .streaming import STREAM, Constants, either, stream, within_limit
from .vector import Lanes, Value

_NAN, _INF, _MAX, _SIGN = CodeField.NAN_CODE.value, CodeField.INF_CODE.value, CodeField.MAX_CODE.value, CodeField.SIGN_SHIFT.value
_NAN_AT_ZERO = CodeField.NAN_AT_NEGATIVE_ZERO.value
_TRUE = ir.Constant(ir.IntType(1), 1)

#: run-time integers of encoding, after those of the streams of ``elementwise.py`` (the first is theirs)
_EASY, _SIGN_DOWN, _SIGN_CODE, _OVER_CODE, _UNDER_CODE = range(11, 16)


def _is_easy(v: Lanes, x: Value, k: Constants) -> Value:
    """Whether no lane exceeds the largest number (for unsigned formats: whether all are zeros)."""
    b = v.builder
    return v.all(b.icmp_unsigned("<=", b.and_(v.as_int(x), v.magnitude_mask), k.integers[_EASY]))


def _code(v: Lanes, x: Value, k: Constants, negative_zero: bool) -> Value:
    """The codes of x to nearest-even, as integers, before overflow; zeros are signed only where the format has -0.

    |x| + C holds |x| / unit, rounded, as the difference of its bits to C's; that number plus the binade's number times
    2^(p-1) is the code, for subnormal numbers (binade 0, no implicit bit) as for normal ones.
    """
    b = v.builder
    bits = v.as_int(x)
    binade = v.call("smax", b.and_(bits, v.exponent_mask), k.grid.lowest)
    c = b.add(binade, k.grid.offset)
    units = b.sub(v.as_int(b.fadd(v.magnitude(x), v.as_float(c))), c)
    magnitude = b.add(units, b.lshr(b.sub(binade, k.grid.lowest), k.grid.drop))
    sign = b.and_(b.lshr(bits, k.integers[_SIGN_DOWN]), k.integers[_SIGN_CODE])
    if not negative_zero:
        sign = v.where(b.icmp_signed("==", magnitude, v.word(0)), magnitude, sign)
    return b.or_(magnitude, sign)


def _put(v: Lanes, code: Value, pointer: Value) -> Value:
    """Store codes in the width of the pointer's elements."""
    v.store(v.builder.trunc(code, ir.VectorType(pointer.type.pointee, v.count)), pointer)
    return _TRUE


def _encode(negative_zero: bool):  # noqa: ANN202
    """A block of the narrow family; its overflow kept out of the common way."""

    def body(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
        b = v.builder
        code = _code(v, x, k, negative_zero)

        def selected() -> Value:
            top, _, bottom, _ = k.floats
            r = vector.nearest_even_narrow(v, x, k.grid)
            inside = v.where(b.fcmp_ordered(">", r, top), k.integers[_OVER_CODE], code)
            _put(v, v.where(b.fcmp_ordered("<", r, bottom), k.integers[_UNDER_CODE], inside), target)
            return within_limit(v, x, k)

        return either(v, _is_easy(v, x, k), lambda: _put(v, code, target), selected)

    return body


def _encode_same(v: Lanes, x: Value, target: Value, index: Value, k: Constants) -> Value:
    _put(v, v.builder.lshr(v.as_int(vector.round_same(v, x, k.grid, Rounding.NEAREST_EVEN)), k.grid.drop), target)
    return _is_easy(v, x, k)


def _load_codes(v: Lanes, pointer: Value) -> Value:
    """Codes as they are."""
    narrow = ir.VectorType(pointer.type.pointee, v.count)
    return v.builder.load(v.builder.bitcast(pointer, narrow.as_pointer()), align=pointer.type.pointee.width // 8)


def _decode(v: Lanes, codes: Value, target: Value, index: Value, k: Constants) -> Value:
    b = v.builder
    sign_up, low_half, largest, magnitude_mask, base, refused = k.integers[6:12]
    code = b.zext(codes, v.int)
    magnitude = b.and_(code, magnitude_mask)
    tiny = b.icmp_signed("<", magnitude, low_half)
    shifted = b.add(b.shl(b.add(magnitude, v.where(tiny, low_half, v.word(0))), k.grid.drop), base)
    a = b.fsub(v.as_float(shifted), v.as_float(v.where(tiny, k.grid.lowest, v.word(0))))
    sign = b.and_(b.shl(code, sign_up), v.sign_mask)
    v.store(v.as_float(b.or_(v.as_int(a), sign)), target)
    return v.all(b.and_(b.icmp_signed("<=", magnitude, largest), b.icmp_signed("!=", code, refused)))


def _decode_same(v: Lanes, codes: Value, target: Value, index: Value, k: Constants) -> Value:
    """The code is the head of a float32's bits; a NaN gets the quiet bit, since a signalling one makes NumPy warn."""
    b = v.builder
    bits = b.shl(b.zext(codes, v.int), k.grid.drop)
    is_nan = b.icmp_signed(">", b.and_(bits, v.magnitude_mask), v.exponent_mask)
    v.store(v.as_float(b.or_(bits, v.where(is_nan, v.word(1 << 22), v.word(0)))), target)
    return _TRUE


#: encoding of a narrow format without -0
_NO_NEGATIVE_ZERO = 2

_encode_stream = stream(32, {0: _encode(True), 1: _encode_same, _NO_NEGATIVE_ZERO: _encode(False)})
_decode_stream = stream(32, {0: _decode, 1: _decode_same}, load=_load_codes)
_BLOCK = STREAM[32]


@device
def _over_code(value, c):  # noqa: ANN001, ANN201
    """The code of an overflow result; 0 where there is none (such blocks are never easy and hold no such lane)."""
    return encode_value(value, c) if value == value or c[_NAN] >= 0 else np.int64(0)


@device
def _sign_shift(position):  # noqa: ANN001, ANN201
    """How far a code's sign bit is from a float32's; for unsigned formats 0, which keeps it out of the code."""
    return 31 - position if position >= 0 else np.int64(0)


@device
def _sign_code(position):  # noqa: ANN001, ANN201
    """The sign bit of a code, 0 for unsigned formats."""
    return 1 << position if position >= 0 else np.int64(0)


@kernel(*(f"int64(float32[::1], {code}[::1], {WORDS}, {CODES}, int64)" for code in ("uint8", "uint16")))
def encode_run(x, out, words, c, family):  # noqa: ANN001, ANN201
    """out[i] = code of x[i] to nearest-even; family 0 narrow, 1 same. Returns the first index of a NaN without code, or -1."""
    spec, n, i, unencodable = load_spec(words), x.size, 0, -1
    form = family if family == 1 or np.signbit(spec.neg_zero) else _NO_NEGATIVE_ZERO
    own = (_sign_shift(c[_SIGN]), _sign_code(c[_SIGN]), _over_code(spec.over, c), _over_code(spec.under_min, c))
    integers = stream_constants32(spec, np.uint64(0)) + own  # noqa: RUF005 (Numba has no starred tuples)
    while i < n:
        i = _encode_stream(x, out, i, n, form, integers, overflow_constants(spec))
        for j in range(i, min(i + _BLOCK, n)):
            value = round_value(np.float64(x[j]), spec, np.uint64(0))
            if value != value and c[_NAN] == -1 and unencodable < 0:
                unencodable = j
            out[j] = encode_value(value, c)
        i += _BLOCK
    return unencodable


@kernel(*(f"void({code}[::1], float32[::1], {CODES}, int64)" for code in ("uint8", "uint16")))
def decode_run(codes, out, c, family):  # noqa: ANN001, ANN201
    """out[i] = value of codes[i]; family 0 narrow, 1 same."""
    p, emin, sign = c[CodeField.PRECISION.value], c[CodeField.EMIN.value], c[_SIGN]
    n, i = codes.size, 0
    mask = (1 << sign) - 1 if sign >= 0 else np.int64(0x7FFFFFFF)
    refused = 1 << sign if c[_NAN_AT_ZERO] == 1 else np.int64(-1)  # the NaN that looks like -0
    integers = ((emin + 127) << 23, 0, 0, 24 - p, 0, 0, _sign_shift(sign), 1 << (p - 1), c[_MAX], mask, (emin + 126) << 23, refused)
    while i < n:
        i = _decode_stream(codes, out, i, n, family, integers, (0.0,))
        for j in range(i, min(i + _BLOCK, n)):
            out[j] = decode_code(np.int64(codes[j]), c)
        i += _BLOCK
