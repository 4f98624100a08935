"""The exact oracle once more, for exact results of any length.

Cut at a format's grid in integers, rounded in NumPy in every mode.

``grid.py`` rounds float64 numbers and finds their neighbours in a table; here is what it cannot do: results that no
float64 number holds (sums, quotients, roots, functions) and formats of which no table can be made. A result is cut once
(`cut_numbers`, `cut_results`) into the neighbour below, whether that is even, 64 bits of the fraction above it and
whether more follow. No mode asks for anything else: the stochastic ones compare 64 bits at most. So one exact result
serves all modes, policies and random words.

A `Result` is a float where it is special (NaN, an infinity, a zero), `CANCELLED` for a sum that is exactly zero though
its terms are not zeros of one sign, else (negative, N, q, more): (-1)^negative (N + s) 2^q with 0 <= s < 1, s > 0 where
more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format, LowestBinade
from ..formats.rounding import Overflow, Rounding
from .grid import Floats, Words, bounded


class Cancelled(Enum):
    """A sum of terms that cancel."""

    ZERO = "cancelled"


#: a zero whose sign is the rounding mode's (IEEE 754-2019, 6.3)
CANCELLED: Final = Cancelled.ZERO
Result: TypeAlias = float | Cancelled | tuple[bool, int, int, bool]
_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Cuts:
    """Exact results on a format's grid.

    `low` <= |z| < `high`, the fraction between them, and what stands for z where it is special.

    `like`: z itself where it is NaN, infinite or zero, else a large number of its sign. `cancelled`: see `CANCELLED`.
    """

    low: Floats
    high: Floats
    even: NDArray[np.bool_]
    fraction: Words
    more: NDArray[np.bool_]
    like: Floats
    cancelled: NDArray[np.bool_]

    def take(self, places: NDArray[np.int64]) -> Cuts:
        """The results at some places, in that order."""
        return Cuts(*(getattr(self, f.name)[places] for f in fields(self)))


def cut_numbers(x: Floats, fmt: Format) -> Cuts:
    """Float64 numbers as they come in: an input that a format flushes counts as zero."""
    x = x.copy()
    if fmt.flushes_input:
        small = np.abs(x) < fmt.smallest_normal
        x[small] = np.copysign(0.0, x[small])
    ordinary = np.isfinite(x) & (x != 0)
    half, exponent = np.frexp(np.where(ordinary, np.abs(x), 1.0))
    m, q = np.ldexp(half, 53).astype(np.uint64), exponent.astype(np.int64) - 53
    unit = _unit(q + 52, fmt)
    shift = unit - q
    down = np.clip(shift, 0, 63).astype(np.uint64)
    kept = np.where(shift > 63, 0, m >> down)
    rest = m - (kept << down)
    up, over = np.clip(64 - shift, 0, 63).astype(np.uint64), np.clip(shift - 64, 0, 63).astype(np.uint64)
    fraction = np.where(shift > 64, rest >> over, np.where(shift > 0, rest << up, 0)).astype(np.uint64)
    more = (shift > 64) & ((fraction << over) != rest)
    low = np.where(
        shift > 0, np.ldexp(kept.astype(np.float64), unit.astype(np.int32)), np.where(ordinary, np.abs(x), 1.0)
    )
    with np.errstate(over="ignore"):
        high = np.ldexp((kept + np.uint64(1)).astype(np.float64), unit.astype(np.int32))
    return Cuts(
        low,
        high,
        _is_even(kept.astype(np.int64), unit, fmt),
        fraction,
        more,
        np.where(ordinary, np.copysign(_LARGEST, x), x),
        np.zeros(x.shape, bool),
    )


def cut_results(results: Sequence[Result], fmt: Format) -> Cuts:
    """Exact results, which no flush of inputs concerns."""
    rows = [_cut(z, fmt) for z in results]
    kept, unit = np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.int64)
    reachable = np.clip(unit, -1074, 1100).astype(np.int32)
    with np.errstate(over="ignore"):
        low, high = np.ldexp(kept.astype(np.float64), reachable), np.ldexp((kept + 1).astype(np.float64), reachable)
    return Cuts(
        low,
        high,
        _is_even(kept, unit, fmt),
        np.array([r[2] for r in rows], np.uint64),
        np.array([r[3] for r in rows], bool),
        np.array([r[4] for r in rows]),
        np.array([z is CANCELLED for z in results], bool),
    )


def _cut(z: Result, fmt: Format) -> tuple[int, int, int, bool, float]:
    """(steps below |z|, exponent of a step, 64 bits of the fraction, whether more follow, what stands for z)."""
    if not isinstance(z, tuple):
        return 0, fmt.emin, 0, False, 0.0 if z is CANCELLED else z
    negative, n, q, more = z
    unit = (
        int(_unit(np.array([n.bit_length() - 1 + q]), fmt)[0])
        if fmt.twos_complement
        else max(n.bit_length() - 1 + q, fmt.emin) - fmt.precision + 1
    )
    down = unit - q - 64
    head = n >> down if down > 0 else n << -down
    more = more or (down > 0 and head << down != n)
    # steps beyond 2^60 occur in fixed point alone, and far beyond its range
    return min(head >> 64, 1 << 60), unit, head & (2**64 - 1), more, -_LARGEST if negative else _LARGEST


def _unit(exponent: NDArray[np.int64], fmt: Format) -> NDArray[np.int64]:
    """Exponent of the grid's spacing in the binade of 2^exponent."""
    binade = np.full_like(exponent, fmt.emin) if fmt.twos_complement else np.maximum(exponent, fmt.emin)
    return binade - fmt.precision + 1


def _is_even(kept: NDArray[np.int64], unit: NDArray[np.int64], fmt: Format) -> NDArray[np.bool_]:
    """Whether the lower neighbour is even: its significand.

    Its code where that has one bit; none is where there is no zero.
    """
    if fmt.precision > 1 or fmt.twos_complement:
        return kept % 2 == 0
    if not fmt.has_zero:
        return kept == 0
    code = unit - fmt.emin + (fmt.lowest_binade is LowestBinade.SUBNORMAL)
    return (kept == 0) | (code % 2 == 0)


def _rises(c: Cuts, mode: Rounding, bits: int, words: Words | None) -> NDArray[np.bool_]:
    """Where the upper neighbour is the result."""
    inexact, negative = (c.fraction != 0) | c.more, np.signbit(c.like)
    if mode.is_stochastic:
        assert words is not None, f"{mode} takes random words"
        return _carries(c, mode, bits, words)
    if mode in (Rounding.TOWARD_POSITIVE, Rounding.TOWARD_NEGATIVE):
        return inexact & (negative == (mode is Rounding.TOWARD_NEGATIVE))
    if mode in (Rounding.TOWARD_ZERO, Rounding.TO_ODD):
        return inexact & c.even & (mode is Rounding.TO_ODD)
    half = np.uint64(1 << 63)
    every = np.ones(negative.shape, bool)
    tie = {Rounding.NEAREST_EVEN: ~c.even, Rounding.NEAREST_AWAY: every, Rounding.NEAREST_ZERO: ~every}[mode]
    return (c.fraction > half) | ((c.fraction == half) & (c.more | tie))


def _carries(c: Cuts, mode: Rounding, bits: int, words: Words) -> NDArray[np.bool_]:
    """floor(v 2^N) + R >= 2^N, as floor(v 2^N) > 2^N - 1 - R; P3109 v4.0's B and C likewise."""
    if mode is Rounding.STOCHASTIC:
        return c.fraction > ~words
    if mode is Rounding.STOCHASTIC_EQUAL:
        return (words >> np.uint64(63) == np.uint64(1)) & ((c.fraction != 0) | c.more)
    missing = ~words >> np.uint64(64 - bits)
    if mode is Rounding.STOCHASTIC_A:
        return c.fraction >> np.uint64(64 - bits) > missing
    if mode is Rounding.STOCHASTIC_B:
        return c.fraction >> np.uint64(63 - bits) > missing * np.uint64(2)
    head = c.fraction >> np.uint64(64 - bits)
    tail = c.fraction << np.uint64(bits)
    half = np.uint64(1 << 63)
    up = (tail > half) | ((tail == half) & (c.more | (head % np.uint64(2) == 1)))
    return head + up.astype(np.uint64) > missing


def round_cuts(
    c: Cuts,
    fmt: Format,
    mode: Rounding,
    overflow: Overflow | None,
    random_bits: int | None = None,
    words: Words | None = None,
) -> Floats:
    """The exact results rounded once; word i is the 64-bit random word of result i."""
    like = np.where(c.cancelled & (mode is Rounding.TOWARD_NEGATIVE), -0.0, c.like)
    ordinary = np.isfinite(like) & (like != 0)
    a = np.where(ordinary, np.where(_rises(c, mode, random_bits or 0, words), c.high, c.low), 0.0)
    if fmt.flushes_output or not fmt.has_zero:
        a[a < fmt.smallest_normal] = 0.0
    # a large number of the result's sign stands for it: inputs that count as zero are zeros here already
    return bounded(np.copysign(a, like), like, fmt, mode, overflow)
