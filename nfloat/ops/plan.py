"""`Plan`: one way of rounding (format, mode, policy, random bits) with its constants and kernels looked up once.

Every operation starts by turning its arguments into a plan; equal arguments give the same object, so a call in a loop pays
one dictionary look-up. The plan is also where a fast kernel is chosen; the conditions are those ``kernels/vector.py`` proves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..formats.rounding import OverflowLike, Rounding, RoundingLike, as_overflow, as_rounding, check_random_bits
from ..formats.spec import SpecField, rounding_spec
from ..kernels import elementwise
from ..kernels import elementwise_special as special
from ..streams import SeedLike, as_key

#: f(x, out, words, key)
Kernel = Callable[..., None]


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """How to round: the format, the mode, the constants' vector of ``formats/spec.py``, and the kernels that do it.

    `single`: float32 can carry the format. `round32`, `round64`: kernels (x, out, words, key), or None where every value of
    the carrier stays as it is.
    """

    format: Format
    rounding: Rounding
    words: NDArray[np.float64]
    single: bool
    stochastic: bool
    round32: Kernel | None
    round64: Kernel | None

    @property
    def widens(self) -> bool:
        """Whether float32 arrays are rounded as float64 ones, since float32 lanes do not know the format but float64 lanes do."""
        return self.round32 is elementwise.round_plain and self.round64 is not elementwise.round_plain

    def key(self, seed: SeedLike | None) -> int:
        """The key of the random bits as a signed integer; 0 for deterministic modes, which take no seed.

        Kernels declare it int64, which is what Numba takes a Python integer for: anything else would compile them once more.
        """
        key = as_key(seed) if self.stochastic else 0
        return key - 2**64 if key >= 2**63 else key

    def apply(self, a: NDArray[np.floating], key: int) -> NDArray[np.floating]:
        """A C-contiguous carrier array, rounded into a new one."""
        function = self.round32 if a.itemsize == 4 else self.round64
        if function is None:
            return a.copy()
        if self.widens and a.itemsize == 4:
            with np.errstate(invalid="ignore"):  # a signalling NaN would warn
                return self.apply(a.astype(np.float64), key).astype(np.float32)
        out = np.empty(a.shape, a.dtype)
        if a.ndim == 1:
            function(a, out, self.words, key)
        else:
            function(a.reshape(-1), out.reshape(-1), self.words, key)
        return out


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


@lru_cache(maxsize=4096, typed=True)
def _plan(fmt: FormatLike, rounding: RoundingLike, overflow: OverflowLike | None, random_bits: int | None) -> Plan:
    f, mode = get_format(fmt), as_rounding(rounding)
    words = rounding_spec(f, mode, as_overflow(overflow), check_random_bits(mode, random_bits))
    return Plan(format=f, rounding=mode, words=words, single=f.fits_float32, stochastic=mode.is_stochastic,
                round32=_kernel32(f, mode, words), round64=_kernel64(f, mode, words))  # fmt: skip


def _is_whole_carrier(f: Format, words: NDArray[np.float64], precision: int, emin: int) -> bool:
    """Whether the format is the carrier itself, infinities and subnormals included, so that nothing changes."""
    return (f.precision, f.emin, f.emax) == (precision, emin, 1 - emin) and f.has_subnormals and not f.flushes_input \
        and f.has_negative_zero and f.max_significand == 2**precision - 1 and words[SpecField.POS_INF] == np.inf  # fmt: skip


def _kernel32(f: Format, mode: Rounding, words: NDArray[np.float64]) -> Kernel | None:
    if _is_whole_carrier(f, words, 24, -126):
        return None
    same = f.emin == -126 and f.precision <= 24 and f.has_negative_zero
    # the unit at emin must be a normal float32 number (and twice a remainder must not round), C at emax a finite one
    narrow = f.emin > -126 and f.precision <= 22 and f.emin - f.precision + 1 >= -125 and f.emax - f.precision <= 103
    if f.precision == 1:
        return special.round_powers32 if f.fits_float32 and f.emax >= -126 else elementwise.round_plain
    # fixed point is all subnormal numbers, of which float32 lanes often cannot tell which way stochastic_c goes
    if not f.has_zero or not (same or narrow) or (f.twos_complement and mode is Rounding.STOCHASTIC_C):
        return elementwise.round_plain
    if f.flushes_output or f.flushes_input or f.precision == 24:
        return special.round_steps32 if f.signed else elementwise.round_plain  # a small negative number is flushed, not beyond the range
    return elementwise.round_same32 if same else elementwise.round_narrow32


def _kernel64(f: Format, mode: Rounding, words: NDArray[np.float64]) -> Kernel | None:
    if _is_whole_carrier(f, words, 53, -1022):
        return None
    same = f.emin == -1022 and f.has_negative_zero
    narrow = f.precision <= 51 and f.emin - f.precision + 1 >= -1021 and f.emax - f.precision <= 970
    if f.precision == 1:
        return special.round_powers64 if f.emax >= -1022 else elementwise.round_plain
    if not f.has_zero or not (same or narrow):
        return elementwise.round_plain
    if same or f.flushes_output or f.flushes_input:
        return special.round_steps64 if f.signed else elementwise.round_plain
    return elementwise.round_drawn64 if mode.is_stochastic else elementwise.round_narrow64
