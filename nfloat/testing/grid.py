"""The exact oracle for whole arrays: rounding by looking neighbours up in the sorted list of all numbers of a format.

``oracle.py`` defines; this says the same in NumPy, so that a sweep over millions of inputs takes seconds. It shares no
code with the kernels: a table of numbers (each decoded exactly by the oracle) and a binary search where a kernel cuts
bits.

Why every step is exact: with lo <= a < lo + gap the neighbours of a on the grid, lo is 0 or a is at most 2 lo, so a -
lo is a float64 number (Sterbenz); gap is a power of two, so comparing 2 (a - lo) with it and scaling by 2^N / gap round
nothing (where the scaling underflows, the result is below 1 and so is its true value).

Formats of more than 16 bits have too many numbers for a table; their lo and gap come from `numpy.frexp` and
`numpy.floor`. `stream_words` is the generator of ``kernels/rng.py`` written a second time, in NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format, LowestBinade, Subnormals
from ..formats.rounding import Overflow, Rounding
from .oracle import beyond, canonical_nan, code_exact, decode_exact

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

#: codes up to this width are listed in full
TABLE_BITS = 16


@dataclass(frozen=True)
class Neighbours:
    """Where magnitudes lie on a grid.

    `low` <= a, its distance `rest`, the gap above it (2^`gap`), and whether low is even.

    `high` is the upper neighbour; `exact` says that a is on the grid itself.
    """

    low: Floats
    high: Floats
    rest: Floats
    gap: NDArray[np.int64]
    even: NDArray[np.bool_]

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Where a is a number of the grid."""
        return self.rest == 0


@lru_cache(maxsize=64)
def magnitudes(fmt: Format) -> Floats:
    """All magnitudes on the grid that a format rounds to, ascending (numbers that a flush then removes included).

    To be read only: the next to ask gets the same array.
    """
    whole = fmt
    if fmt.lowest_binade is LowestBinade.ZERO_FIRST:
        whole = fmt.replace(lowest_binade=LowestBinade.SUBNORMAL, bits=0)
    whole = whole.replace(subnormals=Subnormals.KEPT)
    codes = range(whole.max_code + 1)
    values = [decode_exact(code, whole) for code in codes]
    if whole.twos_complement:
        values.append(-whole.min)
    if not whole.has_zero:
        values.insert(0, 0.0)
    return _read_only(values)


class Grid:
    """The neighbours of any magnitude in one format."""

    def __init__(self, fmt: Format) -> None:
        self.format = fmt
        self.table = magnitudes(fmt) if fmt.bits <= TABLE_BITS else None

    def neighbours(self, a: Floats) -> Neighbours:
        """Neighbours of finite a >= 0.

        Past the largest number `high` is infinite, and more than one step past it `low` is too.
        """
        return self._split(a) if self.table is None else self._search(self.table, a)

    def _search(self, table: Floats, a: Floats) -> Neighbours:
        f = self.format
        index = np.searchsorted(table, a, side="right") - 1
        gaps = np.append(_log2(np.diff(table)), f.emax - f.precision + 1)
        high = np.append(table[1:], np.inf)
        even = (
            np.arange(table.size) - (not f.has_zero)
        ) % 2 == 0  # without a zero, the 0 in front of the table is not a code
        if f.precision == 1 and not f.has_zero:
            even[1:] = False  # every significand is 1
        if f.precision == 1 and f.lowest_binade is LowestBinade.ZERO_FIRST:
            even[1:] = ~even[1:]  # the table has the least power of two besides zero, the codes have not
        low, gap = table[index], gaps[index]
        rest = a - low
        past = rest >= _scaled(np.ones(a.shape), gap)  # more than one step above the largest number
        low[past], rest[past] = np.inf, 0.0
        return Neighbours(low, high[index], rest, gap, even[index])

    def _split(self, a: Floats) -> Neighbours:
        f = self.format
        exponent = np.maximum(np.frexp(a)[1].astype(np.int64) - 1, f.emin)
        if f.twos_complement:
            exponent[:] = f.emin
            a = np.minimum(a, -2 * f.min)  # as much beyond the range, and not too many steps for a float64
        gap = exponent - f.precision + 1
        steps = np.floor(_scaled(a, -gap))
        low = _scaled(steps, gap)
        return Neighbours(low, _scaled(steps + 1, gap), a - low, gap, steps % 2 == 0)


def _log2(powers: Floats) -> NDArray[np.int64]:
    return np.frexp(powers)[1].astype(np.int64) - 1


def _scaled(a: Floats, exponent: NDArray[np.int64]) -> Floats:
    """a 2^exponent, infinite where it is too large."""
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(a, np.clip(exponent, -3000, 3000).astype(np.int32))


def goes_up(
    n: Neighbours, negative: NDArray[np.bool_], mode: Rounding, random_bits: int, words: Words | None
) -> NDArray[np.bool_]:
    """Where the upper neighbour of the magnitude is the result."""
    if mode.is_stochastic:
        assert words is not None, f"{mode} takes random words"
        return _carries(n, mode, 64 if mode is Rounding.STOCHASTIC else random_bits, words)
    if mode is Rounding.TO_ODD:
        return n.even & ~n.exact
    if mode is Rounding.TOWARD_ZERO:
        return np.zeros(negative.shape, bool)
    if mode in (Rounding.TOWARD_POSITIVE, Rounding.TOWARD_NEGATIVE):
        return (negative == (mode is Rounding.TOWARD_NEGATIVE)) & ~n.exact
    twice, one = _scaled(n.rest, 1 - n.gap), 1.0  # underflow only where it is far below 1
    tie = {Rounding.NEAREST_EVEN: ~n.even, Rounding.NEAREST_AWAY: True, Rounding.NEAREST_ZERO: False}[mode]
    return (twice > one) | ((twice == one) & tie)


def _carries(n: Neighbours, mode: Rounding, bits: int, words: Words) -> NDArray[np.bool_]:
    """P3109 v4.0's three comparisons, in integers of 64 bits: x + R >= 2^N is x > 2^N - 1 - R."""
    if mode is Rounding.STOCHASTIC_EQUAL:
        return (words >> np.uint64(63) == np.uint64(1)) & ~n.exact
    missing = ~words >> np.uint64(64 - bits)
    shifted = _scaled(n.rest, bits + (mode is Rounding.STOCHASTIC_B) - n.gap)
    if mode is Rounding.STOCHASTIC_C:
        return np.rint(shifted).astype(np.uint64) > missing
    if mode is Rounding.STOCHASTIC_B:
        return np.floor(shifted).astype(np.uint64) > missing * np.uint64(2)
    return np.floor(shifted).astype(np.uint64) > missing


def round_unbounded(
    x: Floats, n: Neighbours, fmt: Format, mode: Rounding, random_bits: int = 0, words: Words | None = None
) -> Floats:
    """Every element of x on the grid continued without end; `n` are the neighbours of its magnitudes (see `prepare`).

    Zeros have their sign, also where the format has none such; NaN and infinite elements of x give zeros.
    """
    negative = np.signbit(x)
    a = np.where(goes_up(n, negative, mode, random_bits, words), n.high, n.low)
    if fmt.flushes_output:
        a[a < fmt.smallest_normal] = 0.0
    return np.copysign(a, x)


def bounded(r: Floats, x: Floats, fmt: Format, mode: Rounding, overflow: Overflow | None) -> Floats:
    """The result of rounding x, from `round_unbounded`'s r.

    Overflow, infinities, zeros and NaN as format and policy say.

    Raises
    ------
    RoundingError
        As `oracle.round_exact`.
    """
    above, below = (beyond(fmt, mode, overflow, positive=side) for side in (True, False))
    out = r.copy()
    out[r > fmt.max] = above[0]
    out[r < fmt.min] = below[0]
    if not fmt.has_zero:
        nothing = (x == 0) | (fmt.flushes_input & (np.abs(x) < fmt.smallest_normal))
        out[r == 0] = np.where((np.signbit(x) | nothing)[r == 0], below[0], fmt.min)
    elif not fmt.has_negative_zero:
        out[r == 0] = 0.0
    special = np.flatnonzero(~np.isfinite(x))
    with_infinity = np.where(np.signbit(x[special]), below[1], above[1])
    out[special] = np.where(np.isnan(x[special]), math.nan, with_infinity)
    return out


def round_grid(
    x: Floats,
    n: Neighbours,
    fmt: Format,
    mode: Rounding,
    overflow: Overflow | None,
    random_bits: int = 0,
    words: Words | None = None,
) -> Floats:
    """Every element of x rounded exactly: `round_unbounded`, then `bounded`."""
    return bounded(round_unbounded(x, n, fmt, mode, random_bits, words), x, fmt, mode, overflow)


def prepare(x: Floats, grid: Grid) -> Neighbours:
    """The neighbours of |x|; inputs that count as zero are zero, NaN and infinities something finite."""
    a = np.abs(x)
    a[~np.isfinite(a)] = 0.0
    if grid.format.flushes_input:
        a[a < grid.format.smallest_normal] = 0.0
    return grid.neighbours(a)


@lru_cache(maxsize=64)
def code_values(fmt: Format) -> Floats:
    """The number of every code, decoded exactly. To be read only: the next to ask gets the same array."""
    return _read_only([decode_exact(code, fmt) for code in range(2**fmt.bits)])


def _read_only(values: list[float]) -> Floats:
    table = np.array(values)
    table.flags.writeable = False
    return table


def codes_of(values: Floats, fmt: Format) -> Words:
    """The code of every value, all of them numbers of the format.

    Whole binades below it, then steps in its own, then sign.
    """
    a = np.abs(values)
    a[~np.isfinite(a)] = 0.0
    exponent = np.maximum(np.frexp(a)[1].astype(np.int64) - 1, fmt.emin)
    if fmt.twos_complement:
        exponent[:] = fmt.emin
    steps = _scaled(a, fmt.precision - 1 - exponent).astype(np.int64)
    binades = exponent - fmt.emin - (fmt.lowest_binade is not LowestBinade.SUBNORMAL)
    codes = steps if fmt.twos_complement else np.where(a == 0, 0, (binades << (fmt.precision - 1)) + steps)
    codes[np.isinf(values)] = code_exact(np.inf, fmt) if fmt.has_inf else 0
    negative = np.signbit(values) & ((codes > 0) | fmt.has_negative_zero)
    sign = np.uint64(1 << fmt.bits >> 1)  # a format of one number has no bits
    unsigned = codes.astype(np.uint64)
    with_sign = (~unsigned + np.uint64(1)) & np.uint64(2**fmt.bits - 1) if fmt.twos_complement else unsigned | sign
    unsigned = np.where(negative, with_sign, unsigned)
    if np.isnan(values).any():
        unsigned[np.isnan(values)] = canonical_nan(fmt)
    return unsigned


def stream_words(key: int, count: int, start: int = 0) -> Words:
    """The 64-bit words of elements start .. start + count - 1 of the stream with this key."""
    return words_at(key, np.arange(start, start + count, dtype=np.uint64))


def words_at(key: int, counter: Words) -> Words:
    """The 64-bit words of any elements, given by number."""
    low, section = counter & np.uint64(0xFFFFFFFF), counter >> np.uint64(32)
    head = _word32(low, _subkeys(key, section))
    tail = _word32(low, _subkeys(key ^ 0x9E3779B97F4A7C15, section))
    return head << np.uint64(32) | tail


def _subkeys(key: int, section: Words) -> Words:
    return _splitmix(np.uint64(key) ^ _splitmix(section))


def _splitmix(z: Words) -> Words:
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return z ^ z >> np.uint64(31)


def _word32(low: Words, keys: Words) -> Words:
    mask, by = np.uint64(2**32 - 1), np.uint64
    x = (low * by(0x9E3779B9) + keys) & mask
    x = (x ^ x >> by(16)) * by(0x21F0AAAD) & mask
    x = (x + (keys >> by(32))) & mask
    x = (x ^ x >> by(15)) * by(0x735A2D97) & mask
    return x ^ x >> by(15)
