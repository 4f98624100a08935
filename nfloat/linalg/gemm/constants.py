"""A format's row of constants for the tiled kernels (``kernels/gemm/roundings.py``), and what `General` does in a mode.

Which lanes can do a format: ``formats/lanes.py``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...formats.format import Format
from ...formats.lanes import LANES, can_cut, can_cut_odd, has_code_grid, is_native
from ...formats.rounding import Family, Overflow, Rounding, Tie
from ...formats.spec import SpecField, rounding_spec
from ...kernels.gemm.roundings import Field

_INTS = {16: (np.float16, np.int16), 32: (np.float32, np.int32), 64: (np.float64, np.int64)}
#: in units, a rest that there is not: never
_NEVER = 2.0


def corrections(mode: Rounding) -> tuple[float, float] | None:
    """What `General` compares the rest d = x - n with, to go one unit up or down from n, x to nearest-even.

    Up if d is at least so many units (0: any d > 0), down if -d is; of |x| in modes that the sign has no part in. None:
    not a mode that it knows.
    """
    facts = mode.facts
    if facts.family is Family.NEAREST and facts.tie is not None:
        return {Tie.EVEN: (_NEVER, _NEVER), Tie.AWAY: (0.5, _NEVER), Tie.ZERO: (_NEVER, 0.5)}[facts.tie]
    if facts.family is Family.ODD:
        return _NEVER, 0.0  # down, from where `Field.ODD` goes up
    if facts.family is Family.DIRECTED:
        return (0.0, _NEVER) if facts.away[0] else (_NEVER, 0.0)
    return None


def _cut_fields(fmt: Format, mode: Rounding, random_bits: int) -> dict[Field, int]:
    """A word's first bit goes right below the unit, at bit 53 - p of the code."""
    unit, bits = 53 - fmt.precision, 32 if mode is Rounding.STOCHASTIC else random_bits
    fields = {Field.KEEP: -(1 << unit), Field.BIAS: 1 << (unit - 1) if mode is Rounding.NEAREST_AWAY else 0}
    if mode is Rounding.STOCHASTIC_B:
        fields[Field.BIAS] = 1 << (unit - bits - 1)
    if mode.is_stochastic:
        fields |= {Field.LOW_BITS: (unit - 32) % 64, Field.LOW_MASK: (2**bits - 1) << (unit - bits)}
    return fields


def goes_to_odd(fmt: Format, mode: Rounding) -> bool:
    """Whether a format's sums can be rounded to odd and then cut, in a mode that `_odd_fields` knows."""
    return corrections(mode) is not None and can_cut_odd(fmt, mode)


def _odd_fields(fmt: Format, mode: Rounding) -> dict[Field, int]:
    """What is added to codes of sums rounded to odd (the table in ``kernels/gemm/odd.py``)."""
    unit = 53 - fmt.precision
    facts, below, half = mode.facts, (1 << unit) - 1, 1 << (unit - 1)
    positive = negative = half - 1
    parity = int(facts.tie is Tie.EVEN)
    if facts.family is Family.ODD:
        positive = negative = below
        parity = -below
    elif facts.family is Family.DIRECTED:
        positive, negative = (below if away else 0 for away in facts.away)
    return {
        Field.KEEP: -(1 << unit),
        Field.LOW_BITS: 63 - unit,
        Field.BIAS: positive,
        Field.BIAS_NEGATIVE: negative,
        Field.PARITY: parity,
    }


def constants(
    formats: tuple[Format, ...], mode: Rounding, overflow: Overflow | None, bits: int, random_bits: int = 0
) -> NDArray[np.int64]:
    """The rows of several formats, one after the other."""
    return np.array([_row(fmt, mode, overflow, bits, random_bits) for fmt in formats], np.int64).reshape(-1)


def _row(fmt: Format, mode: Rounding, overflow: Overflow | None, bits: int, random_bits: int) -> list[int]:
    spec = rounding_spec(fmt, mode, overflow, random_bits)
    names = ("MAX", "MIN", "OVER", "UNDER_MIN", "POS_INF", "NEG_INF")
    row = dict.fromkeys(Field, 0) | _grid_fields(fmt, bits) | _mode_fields(mode, bits)
    row |= {Field[name]: _code(spec[SpecField[name]], bits) for name in names}
    native = is_native(fmt, LANES[bits], mode, overflow)
    row |= {
        Field.FLUSH: _code(spec[SpecField.FLUSH_OUTPUT], bits),
        Field.NATIVE: int(native),
        Field.ONE: 1,
        Field.LIMIT: (1 << (bits - 1)) - 1 if native else _limit(fmt, bits),
    }
    if mode is Rounding.STOCHASTIC and bits == 32 and has_code_grid(fmt):
        row |= _code_fields(LANES[bits].digits - fmt.precision)
    if bits == 64 and can_cut(fmt, mode, random_bits):
        row |= _cut_fields(fmt, mode, random_bits)
    if bits == 64 and goes_to_odd(fmt, mode):
        row |= _odd_fields(fmt, mode)
    return [row[f] for f in sorted(Field) if f is not Field.COUNT]


def _code(x: float, bits: int) -> int:
    """The bits of a lane's float."""
    kind, integer = _INTS[bits]
    with np.errstate(over="ignore"):
        return int(np.array(x, kind).view(integer))


def _grid_fields(fmt: Format, bits: int) -> dict[Field, int]:
    """What the grid is: see ``kernels/rounding/vector.py``."""
    lane = LANES[bits]
    stored, spare = lane.digits - 1, lane.digits - fmt.precision
    return {
        Field.LOWEST: max(fmt.emin + lane.emax, 0) << stored,
        Field.OFFSET: (spare << stored) | (1 << (stored - 1)),
        Field.UNIT_OFFSET: (1 - fmt.precision) << stored,
        Field.DROP: spare,
        Field.SIGN: -(1 << (bits - 1)) if fmt.has_negative_zero else 0,
    }


def _mode_fields(mode: Rounding, bits: int) -> dict[Field, int]:
    """What `General` compares with, and which signs matter to it."""
    sign = -(1 << (bits - 1))
    up, down = corrections(mode) or (_NEVER, _NEVER)
    least = {True: 0, False: 1}  # the bits of 0, or of the least positive number: "any remainder at all"
    return {
        Field.FRAME: sign if mode.facts.symmetric else 0,
        Field.UP_UNITS: _code(up, bits),
        Field.UP_LEAST: least[up != 0.0],
        Field.DOWN_UNITS: _code(down, bits),
        Field.DOWN_LEAST: least[down != 0.0],
        Field.ODD: -1 if mode.facts.family is Family.ODD else 0,
        Field.ZERO_SIGN: sign if mode is Rounding.TOWARD_NEGATIVE else 0,
    }


def _code_fields(spare: int) -> dict[Field, int]:
    """What `Stochastic` adds to float32's codes, `spare` bits longer than the format's.

    One lane unit is 2^low units of the word; a sum's error times 2^(23 + low) / 2^e is the error in those units, and
    the word's lower bits times 2^e are compared with it.
    """
    low = 32 - spare
    return {
        Field.LOW_BITS: low,
        Field.LOW_MASK: (1 << low) - 1,
        Field.KEEP: -(1 << spare),
        Field.SCALE: _code(2.0 ** (23 + low), 32),
    }


def _limit(fmt: Format, bits: int) -> int:
    """The greatest magnitude that is neither an overflow nor beyond what the magic constant reaches, as bits.

    Beyond that results are infinite or NaN, which says enough where the lane has the format's largest number.
    """
    lane = LANES[bits]
    reach = (2 * lane.emax + 1 - (lane.digits - fmt.precision)) << (lane.digits - 1)
    return min(_code(min(fmt.max, -fmt.min), bits), reach - 1)
