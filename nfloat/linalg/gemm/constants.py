"""A format's row of constants for the tiled kernels (``kernels/gemm/lanes.py``), and whether lanes of a width can do a format."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...formats.format import Format
from ...formats.rounding import Family, Overflow, Rounding, Tie
from ...formats.spec import SpecField, rounding_spec
from ...kernels.gemm.lanes import Field

#: per lane width: precision, exponent of the least normal number, exponent of the least number
PRECISION = {16: 11, 32: 24, 64: 53}
EMIN = {16: -14, 32: -126, 64: -1022}
LEAST = {16: -24, 32: -149, 64: -1074}

_INTS = {16: (np.float16, np.int16), 32: (np.float32, np.int32), 64: (np.float64, np.int64)}
#: in units, a rest that there is not: never
_NEVER = 2.0


def corrections(mode: Rounding) -> tuple[float, float] | None:
    """What `General` compares the rest d = x - n with, n being x to nearest-even, to go one unit up (d at least so many units; 0: any
    d > 0) or down (-d likewise); of |x| in modes that the sign has no part in. None: not a mode that it knows."""
    facts = mode.facts
    if facts.family is Family.NEAREST:
        return {Tie.EVEN: (_NEVER, _NEVER), Tie.AWAY: (0.5, _NEVER), Tie.ZERO: (_NEVER, 0.5)}[facts.tie]
    if facts.family is Family.ODD:
        return _NEVER, 0.0  # down, from where `Field.ODD` goes up
    if facts.family is Family.DIRECTED:
        return (0.0, _NEVER) if facts.away[0] else (_NEVER, 0.0)
    return None


def is_lane(fmt: Format, bits: int) -> bool:
    """Whether a format is float32 (float64, float16) itself."""
    return (fmt.precision, fmt.emin, fmt.emax, fmt.max_significand) == (PRECISION[bits], EMIN[bits], 1 - EMIN[bits], 2 ** PRECISION[bits] - 1) \
        and fmt.has_inf and fmt.has_negative_zero and fmt.has_subnormals and not fmt.flushes_input and not fmt.twos_complement  # fmt: skip


def is_native(fmt: Format, bits: int, mode: Rounding, overflow: Overflow | None) -> bool:
    """Whether the hardware's own arithmetic in a lane rounds to the format in this way."""
    return mode is Rounding.NEAREST_EVEN and is_lane(fmt, bits) and (overflow or fmt.overflow) is Overflow.INFINITY


def reaches(fmt: Format, bits: int, exponent: int) -> bool:
    """Whether the magic constant C = 1.5 2^(e + D - p) of numbers with floor(log2 |x|) = e is finite, for e up to `exponent` and for
    the lowest binade: max(exponent, emin) + D - p <= the lane's greatest exponent, 1 - its least. C + x then stays below 2 C / 1.5."""
    return max(exponent, fmt.emin) + PRECISION[bits] - fmt.precision <= 1 - EMIN[bits]


def has_narrow_grid(fmt: Format, bits: int) -> bool:
    """Whether the magic constant rounds to the format's grid in these lanes, sums being formed by one hardware addition.

    With D the lane's precision: 2 p < D, so that a sum rounded to D bits and then to p is one rounding (``kernels/gemm/lanes.py``), and
    D - p >= 2, which rounding to odd needs (p >= 2 and the former give it); 2^emin a normal number of the lane, since the binade is read
    off the exponent's bits: the unit, 2^(emin - p + 1), then is at least four times the lane's least number; and C finite from the
    lowest binade on (`reaches`), where results up to `limit` have theirs.
    """
    return fmt.precision >= 2 and 2 * fmt.precision < PRECISION[bits] and fmt.has_zero and not fmt.flushes_input and not fmt.flushes_output \
        and fmt.emin >= EMIN[bits] and reaches(fmt, bits, fmt.emin) and fmt.min < 0  # fmt: skip


def has_general_grid(fmt: Format, bits: int) -> bool:
    """Whether `General` knows the format in these lanes.

    p <= D - 2: rounding to odd needs two bits to spare. emin - p + 1 > the lane's least exponent: half a unit, which the rest is compared
    with, is a normal number. emax + 2 <= log2 `room`: a sum of two numbers of the format is below 2^(emax + 2), so C is finite for it;
    30 more are left, so that lanes with half the format's range are not tried in vain.
    """
    return 2 <= fmt.precision <= PRECISION[bits] - 2 and fmt.has_zero and not fmt.flushes_input \
        and fmt.emin - fmt.precision + 1 > EMIN[bits] and reaches(fmt, bits, fmt.emax + 31)  # fmt: skip


def room(fmt: Format, bits: int) -> float:
    """2^r such that `General` rounds |s| + |a b| <= 2^(r + 1) as it should: a sum with floor(log2 |x|) <= r + 1 has a finite C,
    so r + 1 + D - p <= 1 - EMIN. (Beyond, the exponent's bits of C wrap around: NaN, or no rounding at all.)"""
    return 2.0 ** (-EMIN[bits] - (PRECISION[bits] - fmt.precision))


def has_code_grid(fmt: Format) -> bool:
    """Whether `Stochastic` can cut the format's numbers off float32's codes.

    The grids must be one: emin the lane's own, subnormal numbers, -0. p <= 16: of the 32 random bits 8 + p lie below the lane's last bit,
    and as a float32 number they are exact only up to 24 bits.
    """
    return 2 <= fmt.precision <= 16 and fmt.emin == EMIN[32] and fmt.has_subnormals and fmt.has_negative_zero and not fmt.flushes_input


def cut_bits(mode: Rounding, random_bits: int) -> int | None:
    """How many bits beyond p the points have at which a mode begins to round up (``kernels/gemm/cut.py``); None: not for that."""
    known = {
        Rounding.TOWARD_ZERO: 0, Rounding.NEAREST_AWAY: 1, Rounding.STOCHASTIC: 32, Rounding.STOCHASTIC_A: random_bits,
        Rounding.STOCHASTIC_B: random_bits + 1,
    }  # fmt: skip
    bits = known.get(mode)
    return bits if bits is not None and bits <= 32 else None


def can_cut(fmt: Format, mode: Rounding, random_bits: int) -> bool:
    """Whether a format's sums can be rounded toward zero in float64 and then cut.

    The points at which a mode begins to round up are multiples of 2^-bits units. They must be numbers of the lane: p + bits <= 53, and
    in the lowest binade emin - p + 1 - bits >= -1074 (one more is asked for).
    """
    bits = cut_bits(mode, random_bits)
    return bits is not None and fmt.precision + bits <= 53 and has_narrow_grid(fmt, 64) and fmt.has_negative_zero \
        and fmt.emin - fmt.precision - bits > LEAST[64]  # fmt: skip


def _cut_fields(fmt: Format, mode: Rounding, random_bits: int) -> dict[Field, int]:
    """A word's first bit goes right below the unit, at bit 53 - p of the code."""
    unit, bits = 53 - fmt.precision, 32 if mode is Rounding.STOCHASTIC else random_bits
    fields = {Field.KEEP: -(1 << unit), Field.BIAS: 1 << (unit - 1) if mode is Rounding.NEAREST_AWAY else 0}
    if mode is Rounding.STOCHASTIC_B:
        fields[Field.BIAS] = 1 << (unit - bits - 1)
    if mode.is_stochastic:
        fields |= {Field.LOW_BITS: (unit - 32) % 64, Field.LOW_MASK: (2**bits - 1) << (unit - bits)}
    return fields


def constants(formats: tuple[Format, ...], mode: Rounding, overflow: Overflow | None, bits: int, random_bits: int = 0) -> NDArray[np.int64]:
    """The rows of several formats, one after the other."""
    return np.array([_row(fmt, mode, overflow, bits, random_bits) for fmt in formats], np.int64).reshape(-1)


def _row(fmt: Format, mode: Rounding, overflow: Overflow | None, bits: int, random_bits: int) -> list[int]:
    digits, bias, stored = PRECISION[bits], 1 - EMIN[bits], PRECISION[bits] - 1
    p, spec, native = fmt.precision, rounding_spec(fmt, mode, overflow, random_bits), is_native(fmt, bits, mode, overflow)
    float_, int_ = _INTS[bits]

    def code(x: float) -> int:
        with np.errstate(over="ignore"):
            return int(np.array(x, float_).view(int_))

    sign = -(1 << (bits - 1))
    spare = digits - p
    up, down = corrections(mode) or (_NEVER, _NEVER)
    least = {True: code(0.0), False: 1}  # the least positive number: "any rest at all"
    row = dict.fromkeys(Field, 0)
    row |= {
        Field.LOWEST: (fmt.emin + bias) << stored if fmt.emin + bias > 0 else 0,
        Field.OFFSET: (spare << stored) | (1 << (stored - 1)),
        Field.UNIT_OFFSET: (1 - p) << stored,
        Field.DROP: spare,
        Field.SIGN: sign if fmt.has_negative_zero else 0,
        Field.FLUSH: code(spec[SpecField.FLUSH_OUTPUT]),
        Field.FRAME: sign if mode.facts.symmetric else 0,
        Field.UP_UNITS: code(up),
        Field.UP_LEAST: least[up != 0.0],
        Field.DOWN_UNITS: code(down),
        Field.DOWN_LEAST: least[down != 0.0],
        Field.ODD: -1 if mode.facts.family is Family.ODD else 0,
        Field.NATIVE: int(native),
        Field.ZERO_SIGN: sign if mode is Rounding.TOWARD_NEGATIVE else 0,
        Field.ONE: 1,
        Field.LIMIT: (1 << (bits - 1)) - 1 if native else _limit(fmt, bits, code),
    }
    for name in ("MAX", "MIN", "OVER", "UNDER_MIN", "POS_INF", "NEG_INF"):
        row[Field[name]] = code(spec[SpecField[name]])
    if mode is Rounding.STOCHASTIC and bits == 32 and has_code_grid(fmt):
        low = 32 - spare
        # one lane unit is 2^low units of the word; a sum's error times 2^(23 + low) / 2^e is the error in those units, and the
        # word's lower bits times 2^e are compared with it
        row |= {Field.LOW_BITS: low, Field.LOW_MASK: (1 << low) - 1, Field.KEEP: -(1 << spare), Field.SCALE: code(2.0 ** (23 + low))}
    if bits == 64 and can_cut(fmt, mode, random_bits):
        row |= _cut_fields(fmt, mode, random_bits)
    return [row[f] for f in sorted(Field) if f is not Field.COUNT]


def _limit(fmt: Format, bits: int, code: Callable[[float], int]) -> int:
    """The greatest magnitude that is neither an overflow nor beyond what the magic constant reaches, as bits."""
    reach = (2 * (1 - EMIN[bits]) + 1 - (PRECISION[bits] - fmt.precision)) << (PRECISION[bits] - 1)
    return min(code(min(fmt.max, -fmt.min)), reach - 1)


def limit(fmt: Format, bits: int) -> float:
    """`_limit` as a number: sums up to this one need no watching."""
    return min(fmt.max, -fmt.min, 2.0 ** (-EMIN[bits] + 1 - (PRECISION[bits] - fmt.precision)))
