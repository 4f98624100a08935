"""`Rounder`: one way of rounding (format, mode, policy, random bits) with its constants and kernels looked up once.

Every operation starts by turning its arguments into a plan; equal arguments give the same object, so a call in a loop
pays one dictionary look-up. The plan is also where a fast kernel is chosen, by the conditions of ``formats/lanes.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..errors import NFloatError
from ..formats.format import Format
from ..formats.lanes import DOUBLE, SINGLE, Lane, has_exponents, is_narrow, is_whole
from ..formats.names import FormatLike, get_format
from ..formats.rounding import OverflowLike, Rounding, RoundingLike, as_overflow, as_rounding, check_random_bits
from ..formats.spec import SpecField, rounding_spec
from ..kernels.jit import entry_point
from ..kernels.rounding import arrays as elementwise
from ..kernels.rounding import special
from ..streams import SeedLike, as_key

#: f(x, out, spec_array, key, first): x[0] is number `first` of its array, by which it gets its random bits
Kernel = Callable[..., None]


@dataclass(frozen=True, eq=False, slots=True)
class Rounder:
    """How to round: the format, the mode, the constants' vector of ``formats/spec.py``, and the kernels that do it.

    `single`: float32 can carry the format. `round32`, `round64`: its kernels, or None where every value of the carrier
    stays as it is.
    """

    format: Format
    rounding: Rounding
    spec_array: NDArray[np.float64]
    single: bool
    stochastic: bool
    round32: Kernel | None
    round64: Kernel | None

    @property
    def widens(self) -> bool:
        """Whether float32 arrays are rounded as float64 ones, since only float64 lanes know the format."""
        return self.round32 is elementwise.round_plain and self.round64 is not elementwise.round_plain

    @property
    def is_short(self) -> bool:
        """Whether the hardware's float32 sums of its numbers may be rounded again (``kernels/arithmetic/short.py``)."""
        return self.rounding is Rounding.NEAREST_EVEN and self.format.precision <= SINGLE.most_twice and self.in_lanes

    @property
    def in_one_form(self) -> bool:
        """Whether float32 lanes round all up to the largest number by ``vector.nearest_even_narrow``.

        That needs of a format with float32's exponents what `is_narrow` asks of others first: that C keeps its binade.
        Its unit is twice a subnormal number there, which x + C has for its last bit all the same; and where C is not
        finite, a number is beyond the kernel's limit.
        """
        short = self.format.precision <= SINGLE.most_narrow
        return self.rounding is Rounding.NEAREST_EVEN and short and self.format.signed and self.in_lanes

    @property
    def in_lanes(self) -> bool:
        """Whether float32 lanes round by the forms of ``rounding/vector.py``, without random bits."""
        return not self.stochastic and self.round32 in LANES32

    @property
    def in_place(self) -> bool:
        """Whether the kernels may write over what they read.

        Blocks overlap, which changes nothing without random bits: what is rounded stays as it is. But others than these
        store what they refuse, before the plain rule reads it.
        """
        return self.in_lanes and self.round64 in NARROW64

    def key(self, seed: SeedLike | None) -> int:
        """The key of the random bits as a signed integer; 0 for deterministic modes, which take no seed.

        Kernels declare it int64, which is what Numba takes a Python integer for: anything else would compile them once
        more.
        """
        key = as_key(seed) if self.stochastic else 0
        return key - 2**64 if key >= 2**63 else key

    def __reduce__(self) -> tuple[Callable[..., Rounder], tuple[Format, Rounding, NDArray[np.float64]]]:
        # a copy of the constants can be written to, which is another signature to the kernels
        return _restored, (self.format, self.rounding, self.spec_array)

    def apply(
        self, a: NDArray[np.floating], key: int, first: int = 0, out: NDArray[np.floating] | None = None
    ) -> NDArray[np.floating]:
        """A C-contiguous carrier array, whose elements' numbers begin at `first`, rounded into a new one.

        Or into `out`, which may be the array itself, where there is anything to round in its own type, and kernels
        that may do so (`in_place`).
        """
        function = _compiled(self, a.itemsize, a.size <= FEW)
        if function is None:
            return self._apply_otherwise(a, key, first)
        if out is None or (out is a and not self.in_place):
            out = np.empty(a.shape, a.dtype)
        if a.size > LARGE:
            x, y = a.reshape(-1), out.reshape(-1)
            for piece in large_pieces(x.size):
                function(x[piece], y[piece], self.spec_array, key, first + piece.start)
        elif a.ndim == 1:
            function(a, out, self.spec_array, key, first)
        else:
            function(a.ravel(), out.ravel(), self.spec_array, key, first)  # views, in half the time of `reshape`
        return out

    def _apply_otherwise(self, a: NDArray[np.floating], key: int, first: int) -> NDArray[np.floating]:
        """Where there is nothing to round, or only in float64."""
        if (self.round32 if a.itemsize == 4 else self.round64) is None:
            return a.copy()
        with np.errstate(invalid="ignore"):  # a signalling NaN would warn
            return self.apply(a.astype(np.float64), key, first).astype(np.float32)


#: how two operands are rounded, None: not at all
Rounded = tuple[Rounder | None, Rounder | None]


@lru_cache(maxsize=4096)
def packed_rounding(how: Rounder) -> bool:
    """Whether operands may be rounded as they are packed (`round_into`): zeros that pad them stay what they are."""
    return not how.stochastic and how.single and not how.widens and how.format.has_zero


def round_into(how: Rounder, a: NDArray[np.floating], out: NDArray[np.floating]) -> None:
    """Round a contiguous one-dimensional carrier array into another or itself, by a mode without random bits."""
    function = _compiled(how, a.itemsize, False)
    if function is not None:
        function(a.copy() if a is out and not how.in_place else a, out, how.spec_array, 0, 0)
    elif a is not out:
        out[:] = a


@lru_cache(maxsize=4096)
def _compiled(how: Rounder, itemsize: int, few: bool) -> Kernel | None:
    """The compiled function that rounds (a few) numbers of a carrier; None where there is none."""
    function = how.round32 if itemsize == 4 else how.round64
    if function is None or (how.widens and itemsize == 4):
        return None
    if few or function is elementwise.round_plain:
        return entry_point(elementwise.round_plain, itemsize // 8)
    return entry_point(function)


#: the families' kernels that draw nothing: for float32 arrays; for float64 ones, of the narrow family
LANES32 = (
    elementwise.round_narrow32,
    elementwise.round_same32,
    elementwise.round_even32,
    elementwise.round_even_same32,
)
NARROW64 = (elementwise.round_narrow64, elementwise.round_even64)
#: so many numbers by the plain rule, which one kernel has for all formats: a first answer comes sooner
FEW = 16
#: elements that one call of the slowest kernel rounds in a fraction of a second, so that Ctrl-C is heard in between
LARGE = 1 << 23


def large_pieces(size: int) -> Iterator[slice]:
    """An array's pieces, each of which one call of a kernel does (`LARGE`); a kernel is told where its piece starts."""
    for start in range(0, size, LARGE):
        yield slice(start, min(start + LARGE, size))


def rounder(fmt: FormatLike, rounding: RoundingLike, overflow: OverflowLike | None, random_bits: int | None) -> Rounder:
    """The plan for these arguments.

    Raises
    ------
    FormatError, RoundingError
        If one of them is unknown or they contradict each other.
    """
    try:
        return _plan(fmt, rounding, overflow, random_bits)
    except NFloatError:
        raise
    except Exception:  # an unhashable argument, whatever its own methods raise: the checks below name it
        return _plan.__wrapped__(get_format(fmt), as_rounding(rounding), as_overflow(overflow), random_bits)


@lru_cache(maxsize=4096, typed=True)
def _plan(fmt: FormatLike, rounding: RoundingLike, overflow: OverflowLike | None, random_bits: int | None) -> Rounder:
    f, mode = get_format(fmt), as_rounding(rounding)
    spec_array = rounding_spec(f, mode, as_overflow(overflow), check_random_bits(mode, random_bits))
    return _restored(f, mode, spec_array)


def _restored(f: Format, mode: Rounding, spec_array: NDArray[np.float64]) -> Rounder:
    """The plan of a format, a mode and their constants, which nobody may write to."""
    spec_array.flags.writeable = False
    return Rounder(
        format=f,
        rounding=mode,
        spec_array=spec_array,
        single=f.fits_float32,
        stochastic=mode.is_stochastic,
        round32=_kernel32(f, mode, spec_array),
        round64=_kernel64(f, mode, spec_array),
    )


def _is_whole_carrier(f: Format, spec_array: NDArray[np.float64], lane: Lane) -> bool:
    """Whether nothing changes: the format is the carrier itself, and an infinity stays one under the policy."""
    return is_whole(f, lane) and spec_array[SpecField.POS_INF] == np.inf


def _kernel32(f: Format, mode: Rounding, spec_array: NDArray[np.float64]) -> Kernel | None:
    """The kernel for float32 arrays; where float32 does not hold the format's numbers it sees none (`single`)."""
    if not f.fits_float32 or mode not in elementwise.MODES:
        return elementwise.round_plain
    if _is_whole_carrier(f, spec_array, SINGLE):
        return None
    if f.precision == 1:
        return _powers(f, SINGLE, special.round_powers32)
    same, narrow = has_exponents(f, SINGLE), is_narrow(f, SINGLE)
    # fixed point is all subnormal numbers, of which float32 lanes often cannot tell which way stochastic_c goes
    if not f.has_zero or not (same or narrow) or (f.twos_complement and mode is Rounding.STOCHASTIC_C):
        return elementwise.round_plain
    if _needs_steps(f) or f.precision == SINGLE.digits:  # of which nothing is cut, in any mode
        return (
            special.round_steps32 if f.signed else elementwise.round_plain
        )  # a small negative number is flushed, not beyond the range
    if same:
        return _of_mode(elementwise.round_same32, mode)
    return elementwise.round_drawn32 if mode.is_stochastic else _of_mode(elementwise.round_narrow32, mode)


def _kernel64(f: Format, mode: Rounding, spec_array: NDArray[np.float64]) -> Kernel | None:
    if _is_whole_carrier(f, spec_array, DOUBLE):
        return None
    if mode not in elementwise.MODES:
        return elementwise.round_plain
    if f.precision == 1:
        return _powers(f, DOUBLE, special.round_powers64)
    same, narrow = has_exponents(f, DOUBLE), is_narrow(f, DOUBLE)
    if not f.has_zero or not (same or narrow):
        return elementwise.round_plain
    if same or _needs_steps(f):
        return special.round_steps64 if f.signed else elementwise.round_plain
    return elementwise.round_drawn64 if mode.is_stochastic else _of_mode(elementwise.round_narrow64, mode)


def _of_mode(kernel: Kernel, mode: Rounding) -> Kernel:
    """The kernel of a family that has the mode's loops: another would do it number by number."""
    return elementwise.EVEN[kernel] if mode is Rounding.NEAREST_EVEN else kernel


def _powers(f: Format, lane: Lane, kernel: Kernel) -> Kernel:
    """Lanes take the powers of two that are normal numbers there, and the plain rule the others: some must be."""
    return kernel if f.emax >= lane.emin else elementwise.round_plain


def _needs_steps(f: Format) -> bool:
    return f.flushes_output or f.flushes_input
