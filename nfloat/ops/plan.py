"""`Plan`: one way of rounding (format, mode, policy, random bits) with its constants looked up once.

Every operation starts by turning its arguments into a plan; equal arguments give the same object, so a call in a loop pays
one dictionary look-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..formats.rounding import OverflowLike, Rounding, RoundingLike, as_overflow, as_rounding, check_random_bits
from ..formats.spec import rounding_spec
from ..streams import SeedLike, as_key


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """How to round: the format, the mode, and the constants' vector of ``formats/spec.py``."""

    format: Format
    rounding: Rounding
    words: NDArray[np.float64]
    single: bool
    stochastic: bool

    def key(self, seed: SeedLike | None) -> int:
        """The key of the random bits; 0 for deterministic modes, which take no seed."""
        return as_key(seed) if self.stochastic else 0


def plan(fmt: FormatLike, rounding: RoundingLike, overflow: OverflowLike | None, random_bits: int | None) -> Plan:
    """The plan for these arguments.

    Raises
    ------
    FormatError, RoundingError
        If one of them is unknown or they contradict each other.
    """
    try:
        return _plan(fmt, rounding, overflow, random_bits)
    except TypeError:  # an unhashable argument: the checks below name it
        return _plan.__wrapped__(get_format(fmt), as_rounding(rounding), as_overflow(overflow), random_bits)


@lru_cache(maxsize=4096)
def _plan(fmt: FormatLike, rounding: RoundingLike, overflow: OverflowLike | None, random_bits: int | None) -> Plan:
    f, mode = get_format(fmt), as_rounding(rounding)
    words = rounding_spec(f, mode, as_overflow(overflow), check_random_bits(mode, random_bits))
    return Plan(format=f, rounding=mode, words=words, single=f.fits_float32, stochastic=mode.is_stochastic)
