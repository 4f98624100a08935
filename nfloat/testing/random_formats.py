"""Formats at random, from every corner of what `Format` can describe.

What the sweeps of rounding, codes, arithmetic and products draw from.

`families.py` lists formats with a name or a known difficulty; a fast path that is wrong outside them is found only by
formats that nobody thought of. Every property that a fast path may rest on is drawn by itself: p, emin, emax, the top
of the range, codes wider than needed, sign, specials, what the lowest binade means, flushes, the policy, fixed point
with its point anywhere. Exponents are drawn from the whole range, near zero, and at the edges of the lanes of 16, 32
and 64 bits, where constants over- and underflow.

A draw is a function of the generator's state alone (Python's `random.Random`, whose bits are the same everywhere), and
`eval(repr(fmt))` is the format again, so a failure can be written down.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ..errors import FormatError
from ..formats.format import Format, LowestBinade, NaNCodes, Subnormals
from ..formats.rounding import Overflow

#: (precision, exponent of the least normal number) of the lanes whose edges fast paths lie at
_LANES = ((11, -14), (24, -126), (53, -1022))
_LEAST, _GREATEST = -1074, 1023


def random_format(rng: Random, *, most_precision: int = 53, accept: Callable[[Format], bool] | None = None) -> Format:
    """A format drawn at random.

    Parameters
    ----------
    rng : random.Random
        Its state decides; it moves on.
    most_precision : int
        No more significand bits than so many.
    accept : callable, optional
        Draw until it says yes.

    Examples
    --------
    >>> from random import Random
    >>> random_format(Random(1)) == random_format(Random(1))
    True
    """
    while True:
        try:
            fmt = _fixed_point(rng, most_precision) if rng.random() < 0.12 else _floating_point(rng, most_precision)
        except FormatError:  # parts that do not go together
            continue
        if accept is None or accept(fmt):
            return fmt


def _precision(rng: Random, most: int) -> int:
    """Small ones as often as all others, and those beside the lanes' own and half of it."""
    kind = rng.random()
    if kind < 0.5:
        return rng.randint(1, min(12, most))
    if kind < 0.8:
        return min(
            most,
            max(1, rng.choice([5, 6, 10, 11, 12, 20, 21, 22, 23, 24, 25, 26, 27, 50, 51, 52, 53]) + rng.randint(-1, 1)),
        )
    return rng.randint(1, most)


def _exponents(rng: Random, p: int) -> tuple[int, int]:
    """(emin, emax)."""
    kind, lowest = rng.random(), _LEAST + p - 1
    if kind < 0.4:  # everyday ranges
        emin = rng.randint(-40, 12)
    elif kind < 0.75:  # a constant made of emin or emax and p leaves a lane about here
        digits, least = rng.choice(_LANES)
        edge = rng.choice(
            [
                least,
                least + p,
                least + digits,
                least - digits + p,
                -least,
                p - least - digits,
                -digits - least,
                1 - least,
            ]
        )
        emin = edge + rng.randint(-4, 4)
    else:
        emin = rng.randint(lowest, _GREATEST)
    emin = min(max(emin, lowest), _GREATEST)
    kind = rng.random()
    if kind < 0.2:
        emax = emin + rng.randint(0, 3)
    elif kind < 0.6:
        emax = emin + rng.randint(0, 40)
    elif kind < 0.8:
        digits, least = rng.choice(_LANES)
        emax = rng.choice([1 - least, 1 - least - digits, -least - digits + p, -least - 30 - digits + p]) + rng.randint(
            -3, 3
        )
    else:
        emax = rng.randint(emin, _GREATEST)
    return emin, min(max(emax, emin), _GREATEST)


def _floating_point(rng: Random, most: int) -> Format:
    p = _precision(rng, most)
    emin, emax = _exponents(rng, p)
    low, high = 2 ** (p - 1), 2**p - 1
    top = rng.choice([high, high, high, max(low, high - 1), low, rng.randint(low, high)])
    plain = rng.random() < 0.5
    lowest = LowestBinade.SUBNORMAL if plain else rng.choice(list(LowestBinade))
    signed = lowest is not LowestBinade.NORMAL and rng.random() < 0.85
    nan = NaNCodes.TOP if plain and rng.random() < 0.7 else rng.choice(list(NaNCodes))
    kept = Subnormals.KEPT if rng.random() < 0.8 else rng.choice(list(Subnormals))
    has_inf = rng.random() < 0.6
    wide = rng.choice([1, 1, 2, 4, 8, 16, 40]) if rng.random() < 0.25 else 0
    parts = {
        "name": "drawn",
        "precision": p,
        "emin": emin,
        "emax": emax,
        "signed": signed,
        "has_inf": has_inf,
        "nan": nan,
        "max_significand": top,
        "lowest_binade": lowest,
        "subnormals": kept,
    }
    overflow = rng.choice(list(Overflow)) if rng.random() < 0.25 else None
    fmt = Format(**parts, overflow=overflow)
    bits = min(fmt.bits + wide, 63 + signed)
    if wide and rng.random() < 0.5:  # a whole word of codes, or nearly
        bits = max(fmt.bits, rng.choice([8, 15, 16, 17, 31, 32, 33, 62 + signed, 63 + signed]))
    return fmt if not wide else Format(**parts, overflow=overflow, bits=bits)


def _fixed_point(rng: Random, most: int) -> Format:
    """Two's complement, the point anywhere.

    From units far below any carrier's least number's neighbourhood to huge ones.
    """
    p = _precision(rng, most)
    emax = rng.randint(-40, 40) if rng.random() < 0.6 else _exponents(rng, p)[0]
    return Format(
        name="drawn",
        precision=p,
        emin=emax,
        emax=emax,
        bits=p + 1,
        has_inf=False,
        nan=NaNCodes.NONE,
        twos_complement=True,
        overflow=rng.choice([Overflow.SATURATE, Overflow.SATURATE_FINITE]),
    )
