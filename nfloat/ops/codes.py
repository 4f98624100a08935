"""`encode` and `decode`: between values and codes. Codes side by side in bytes: ``packing.py``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, RepresentationError, ShapeError
from ..formats.format import Format, LowestBinade
from ..formats.lanes import DOUBLE, SINGLE, has_head_codes, has_only_normal_numbers, has_word_codes, is_narrow
from ..formats.names import FormatLike, get_format
from ..formats.rounding import OverflowLike, Rounding, RoundingLike
from ..formats.spec import CodeField, code_spec
from ..kernels.arithmetic.tables import look_up
from ..kernels.jit import entry_point
from ..kernels.rounding.codes import decode_plain, encode_plain
from ..kernels.rounding.codes_vector import FIXED, NARROW, NARROW_ONE_ZERO, ROUNDED, SAME, decode_run, encode_run
from ..streams import SeedLike
from .arguments import CARRAY, LARGE, LAYOUT, as_carrier, refuse_masked, restore_scalar
from .direct import FLOAT32
from .memory import check_size
from .rounder import LARGE as ONE_CALL
from .rounder import Rounder, large_pieces, rounder

_UINT8, _UINT16, _UINT32, _UINT64 = (np.dtype(t) for t in (np.uint8, np.uint16, np.uint32, np.uint64))
#: the code dtypes of the lane kernels, in the order of their signatures
_CODE_TYPES = (_UINT8, _UINT16, _UINT32)
#: fewer elements than this are not worth rounding in a pass of their own
_FEW = 64
#: elements that NumPy's passes take at a time
_PIECE = 1 << 14
_empty, _ndarray = np.empty, np.ndarray


def code_dtype(fmt: Format) -> np.dtype:
    """The smallest unsigned dtype that holds a code."""
    return _UINT8 if fmt.bits <= 8 else _UINT16 if fmt.bits <= 16 else _UINT32 if fmt.bits <= 32 else _UINT64


def encode(
    x: ArrayLike,
    fmt: FormatLike,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> NDArray[np.unsignedinteger] | np.unsignedinteger:
    """The codes of `x` rounded to a format: `round`, then its bit pattern in the smallest unsigned dtype.

    Parameters are those of `round`. A NaN becomes the format's canonical one (quiet, positive).

    Raises
    ------
    RepresentationError
        If a result is NaN and the format has none.
    FormatError, RoundingError, SeedError, ArgumentError
        As in `round`.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.encode([1.0, -2.0, 6.0], "float4_e2m1fn")
    array([ 2, 12,  7], dtype=uint8)
    """
    if (
        type(x) is _ndarray
        and x.dtype is FLOAT32
        and random_bits is None
        and x.ndim == 1
        and x.flags.num & LAYOUT == CARRAY
    ):
        try:
            way = _direct(fmt, rounding, overflow)
        except Exception:  # an unhashable argument, or a wrong one: `rounder` names it
            way = None
        if way is not None and x.size <= ONE_CALL:
            function, spec_array, coding, code_array, dtype, form = way
            out = _empty(x.size, dtype)
            missing = function(x, out, spec_array, code_array, form)
            return out if missing < 0 else _refuse(missing, x, coding.format)
    how = rounder(fmt, rounding, overflow, random_bits)
    key = how.key(seed) if how.stochastic else 0
    coding = _coding(fmt)
    a = as_carrier(x, "x", single=coding.single)
    out = np.empty(a.shape, coding.dtype)
    missing = _encode_all(a.reshape(-1), out.reshape(-1), how, coding, key)
    if missing >= 0:
        _refuse(missing, a, how.format)
    return out if type(x) is np.ndarray else restore_scalar(out, x)


def _refuse(missing: int, a: NDArray[np.floating], fmt: Format) -> NoReturn:
    """Name the first element that gives a NaN which has no code."""
    where = f": element {tuple(int(i) for i in np.unravel_index(missing, a.shape))}" if a.ndim else ""
    raise RepresentationError(f"x{where} gives NaN, which {fmt.name} cannot encode; replace it first (np.nan_to_num)")


@lru_cache(maxsize=1024)
def _direct(fmt: FormatLike, rounding: RoundingLike, overflow: OverflowLike | None) -> tuple[Any, ...] | None:
    """As ``direct.py``'s: the compiled ``encode_run`` and what it takes, unpacked; or None."""
    how, coding = rounder(fmt, rounding, overflow, None), _coding(fmt)
    if coding.encoder in (None, ROUNDED) or how.rounding is not Rounding.NEAREST_EVEN:
        return None
    function = entry_point(encode_run, _CODE_TYPES.index(coding.dtype))
    return function, how.spec_array, coding, coding.code_array, coding.dtype, coding.encoder


def _encode_all(
    a: NDArray[np.floating], out: NDArray[np.unsignedinteger], how: Rounder, coding: _Coding, key: int
) -> int:
    """Fill `out`; returns the first index of a NaN that has no code, or -1."""
    if a.size <= ONE_CALL:
        return _encode_into(a, out, how, coding, key, 0)
    for piece in large_pieces(a.size):
        missing = _encode_into(a[piece], out[piece], how, coding, key, piece.start)
        if missing >= 0:
            return piece.start + missing
    return -1


def _encode_into(
    a: NDArray[np.floating], out: NDArray[np.unsignedinteger], how: Rounder, coding: _Coding, key: int, first: int
) -> int:
    """`_encode_all` of a piece whose first element has this number."""
    direct = a.itemsize == 4 and how.rounding is Rounding.NEAREST_EVEN and coding.encoder not in (None, ROUNDED)
    # NumPy's way adds 2^emin to subnormal numbers, so that must be a normal one
    if not direct and (a.size < _FEW or (coding.encoder is None and coding.format.emin < DOUBLE.emin)):
        return encode_plain(a, out, how.spec_array, coding.code_array, key, first)
    # rounded first; encoding a number of the format to nearest changes nothing
    values = a if direct else how.apply(a, key, first)
    if coding.encoder is None:
        with np.errstate(all="ignore"):  # a signalling NaN would warn
            for start in range(0, values.size, _PIECE):
                missing = _encode_numbers(values[start : start + _PIECE], out[start : start + _PIECE], coding.format)
                if missing >= 0:
                    return start + missing
        return -1
    with np.errstate(invalid="ignore"):  # a signalling NaN would warn
        values = values.astype(np.float32, copy=False)
    return encode_run(values, out, how.spec_array, coding.code_array, coding.encoder)


def _encode_numbers(values: NDArray[np.floating], out: NDArray[np.unsignedinteger], f: Format) -> int:
    """Fill `out` with the codes of numbers of the format, by NumPy; returns as `_encode_into`.

    A subnormal number has its digits where those of a normal one are once 2^emin is added to it, which takes no digit
    away.
    """
    x = values.astype(np.float64, copy=False)
    nan = np.isnan(x)
    if not f.has_nan and nan.any():
        return int(np.argmax(nan))
    if f.twos_complement:
        out[...] = np.ldexp(x, f.precision - 1 - f.emin).astype(np.int64) & (2**f.bits - 1)
        return -1
    magnitude = np.abs(x)
    subnormal = magnitude < 2.0**f.emin
    first = (f.emin + 1023) << (f.precision - 1)
    above = ((magnitude + subnormal * 2.0**f.emin).view(np.int64) >> (53 - f.precision)) - first
    if f.lowest_binade is LowestBinade.SUBNORMAL:
        above += ~subnormal * (1 << (f.precision - 1))
    codes = np.where(magnitude == np.inf, f.inf_code, above) if f.has_inf else above
    if f.signed:
        codes |= np.signbit(x).astype(np.int64) << (f.bits - 1)
    out[...] = np.where(nan, code_spec(f)[CodeField.NAN_CODE], codes) if f.has_nan else codes
    return -1


class _Coding(NamedTuple):
    """A format's codes.

    Constants, dtype, whether they are made from float32 values, what carries the numbers, and the fast ways.

    `encoder`, `decoder`: the form of ``kernels/rounding/codes_vector.py``, or None where float32 lanes do not know the
    codes.
    """

    format: Format
    code_array: NDArray[np.int64]
    dtype: np.dtype
    single: bool
    carrier: np.dtype
    encoder: int | None
    decoder: int | None


@lru_cache(maxsize=1024)
def _coding(fmt: FormatLike) -> _Coding:
    f = get_format(fmt)
    # codes of 64 bits are made from float64 values, whatever carries the numbers
    single = f.fits_float32 and f.bits <= 32
    carrier = np.dtype(np.float32 if f.fits_float32 else np.float64)
    return _Coding(f, code_spec(f), code_dtype(f), single, carrier, _encoder(f), _decoder(f))


def _is_narrow(f: Format) -> bool:
    """Whether float32 lanes know the codes of the narrow family: its subnormal numbers are kept, the codes are words.

    p = 1 is excluded since its tie goes to the even code, not to the even significand.
    """
    kept = f.has_subnormals and not f.flushes_input and f.precision >= 2
    return kept and is_narrow(f, SINGLE) and has_word_codes(f)


def _encoder(f: Format) -> int | None:
    if _is_narrow(f):
        return FIXED if f.twos_complement else NARROW if f.has_negative_zero else NARROW_ONE_ZERO
    if has_head_codes(f, SINGLE, 32) and f.precision < SINGLE.digits:
        return SAME
    return ROUNDED if f.fits_float32 and has_word_codes(f) and has_only_normal_numbers(f, SINGLE) else None


def _decoder(f: Format) -> int | None:
    if has_head_codes(f, SINGLE, 32):
        return SAME
    return NARROW if _is_narrow(f) and not f.twos_complement else None


def decode(codes: ArrayLike, fmt: FormatLike) -> NDArray[np.floating] | np.floating:
    """The values of `codes`: float32 if the format fits it, else float64.

    Parameters
    ----------
    codes : array_like of int
        Any integer dtype; every code must be in 0..2^bits - 1. ml_dtypes and float16 arrays: use ``.view(np.uint8)`` or
        ``.view(np.uint16)``, which copies nothing.
    fmt : Format or str
        The format.

    Raises
    ------
    ArgumentError
        If the codes are not integers, or one is out of range.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.decode([0x7E, 0x7F, 0x80], "float8_e4m3fn")
    array([448.,  nan,  -0.], dtype=float32)
    """
    if type(codes) is _ndarray and codes.ndim == 1 and codes.flags.num & LAYOUT == CARRAY:
        try:
            way = _direct_decoding(fmt)
        except Exception:  # an unhashable argument, or a wrong one: `get_format` names it
            way = None
        if way is not None and codes.dtype is way[0]:
            _, function, code_array, form = way
            values: NDArray[np.floating] = _empty(codes.size, FLOAT32)
            function(codes, values, code_array, form)
            return values
    coding = _coding(fmt) if isinstance(fmt, (str, Format)) else _coding(get_format(fmt))
    c = as_codes(codes, coding.format, "codes")
    out = np.empty(c.shape, coding.carrier)
    flat, values = c.reshape(-1), out.reshape(-1)
    if c.size <= ONE_CALL:
        _decode_into(flat, values, coding)
    else:
        for piece in large_pieces(c.size):
            _decode_into(flat[piece], values[piece], coding)
    return out if type(codes) is np.ndarray else restore_scalar(out, codes)


@lru_cache(maxsize=1024)
def _direct_decoding(fmt: FormatLike) -> tuple[Any, ...] | None:
    """The codes' dtype, the compiled ``decode_run`` and what it takes, or None: codes of every value are some."""
    coding = _coding(fmt)
    if coding.decoder is None or coding.format.bits < 8 * coding.dtype.itemsize:
        return None
    function = entry_point(decode_run, _CODE_TYPES.index(coding.dtype))
    return coding.dtype, function, coding.code_array, coding.decoder


def _decode_into(c: NDArray[np.unsignedinteger], out: NDArray[np.floating], coding: _Coding) -> None:
    f = coding.format
    if coding.decoder is not None:
        entry_point(decode_run, _CODE_TYPES.index(coding.dtype))(c, out, coding.code_array, coding.decoder)
    elif f.bits <= 8 or (f.bits <= 16 and 4 * c.size >= 1 << f.bits):
        look_up(_numbers(f), c, out)
    elif f.twos_complement and c.size >= _FEW:
        spare = 8 * c.itemsize - f.bits
        np.ldexp(((c << spare).view(f"i{c.itemsize}") >> spare).astype(out.dtype), f.emin - f.precision + 1, out=out)
    elif has_head_codes(f, DOUBLE, 64) and c.size >= _FEW:
        out[...] = (c.astype(np.uint64) << np.uint64(53 - f.precision)).view(np.float64)
        out[np.isnan(out)] = np.nan  # a signalling one makes NumPy warn
    elif c.itemsize == 8 and out.itemsize == 4:  # short numbers in wide codes
        wide = np.empty(out.shape)
        decode_plain(c, wide, coding.code_array)
        out[...] = wide
    else:
        decode_plain(c, out, coding.code_array)


@lru_cache(maxsize=256)
def _numbers(f: Format) -> NDArray[np.floating]:
    """The number of every code, read-only."""
    coding = _coding(f)
    table = np.empty(1 << f.bits, coding.carrier)
    decode_plain(np.arange(1 << f.bits).astype(coding.dtype), table, coding.code_array)
    table.flags.writeable = False
    return table


def as_codes(codes: ArrayLike, fmt: Format, argument: str) -> NDArray[np.unsignedinteger]:
    """`codes` as a contiguous array of the format's code dtype, checked to be in range."""
    dtype = code_dtype(fmt)
    if (
        type(codes) is np.ndarray
        and codes.dtype is dtype
        and fmt.bits == 8 * dtype.itemsize
        and codes.flags.num & LAYOUT == CARRAY
    ):
        return codes
    refuse_masked(codes, argument)
    try:
        a = np.asarray(codes)
        if a.size > LARGE:
            check_size(argument, a.shape, 8)
    except ShapeError:
        raise
    except Exception as error:  # what an object's own methods raise
        raise ArgumentError(f"{argument}: cannot be read as an array of integers ({error})") from None
    if a.dtype.kind in "fO" and isinstance(codes, (list, tuple, int)):
        a = _large_integers(codes, a, fmt, argument)
    if a.dtype.kind not in "iu" and not (a.size == 0):
        raise ArgumentError(
            f"{argument}: dtype {a.dtype} is not integers; pass codes such as nf.encode returns (or "
            f"array.view(np.{dtype}))"
        )
    if a.size and (a.dtype != dtype or fmt.bits < 8 * dtype.itemsize):
        low, high = 0 if a.dtype.kind == "u" else int(a.min()), int(a.max())
        if low < 0 or high >= 2**fmt.bits:
            raise ArgumentError(
                f"{argument}: code {low if low < 0 else high} is not in 0..{2**fmt.bits - 1}, the codes of {fmt.name}"
            )
    a = np.ascontiguousarray(a, dtype=dtype).reshape(a.shape)
    return a if a.flags.num & LAYOUT == CARRAY else a.copy()


def _large_integers(codes: ArrayLike, a: NDArray[Any], fmt: Format, argument: str) -> NDArray[Any]:
    """Python integers among which some need 64 bits, which NumPy makes float64 or objects of.

    Else the array as it is.
    """
    items = np.asarray(codes, object)
    if not all(type(item) is int for item in items.flat):
        return a
    for item in items.flat:
        if not 0 <= item < 2**fmt.bits:
            raise ArgumentError(f"{argument}: code {item} is not in 0..{2**fmt.bits - 1}, the codes of {fmt.name}")
    return items.astype(np.uint64)
