"""What one look at an operand tells: how many bits its elements have, how large and how small they are, and what is special."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format
from ..kernels.gemm_pack import survey32, survey64

#: (significand bits, exponent bias, mask of all magnitude bits) by item size
_LAYOUT = {4: (24, 127, 0x7FFFFFFF), 8: (53, 1023, 0x7FFFFFFFFFFFFFFF)}


@dataclass(frozen=True, slots=True)
class Facts:
    """Bounds on the elements of an array, tight up to what an or of all bit patterns shows.

    Attributes
    ----------
    digits : int
        Every element is an integer of at most so many bits times a power of two; 0 if all are zero.
    quantum : int
        Every element is a multiple of 2^quantum.
    top : float
        The greatest finite magnitude.
    finite : bool
        Whether no element is infinite or NaN.
    negative_zero : bool
        Whether an element is -0.
    """

    digits: int
    quantum: int
    top: float
    finite: bool
    negative_zero: bool

    def fits(self, precision: int, quantum: int, top: float) -> bool:
        """Whether all finite elements have at most `precision` bits, are multiples of 2^quantum and at most `top`."""
        return self.digits <= precision and self.quantum >= quantum and self.top <= top

    def on_grid_of(self, fmt: Format) -> bool:
        """Whether all elements are finite numbers of a signed format with subnormals."""
        unit = fmt.emin - fmt.precision + 1
        return self.finite and fmt.has_subnormals and self.fits(fmt.precision, unit, min(fmt.max, -fmt.min))


#: facts of an array of zeros
ZEROS = Facts(0, 1 << 20, 0.0, True, False)


def survey(x: NDArray[np.floating]) -> Facts:
    """The facts of a contiguous (C or Fortran) float32 or float64 array."""
    if x.size == 0:
        return ZEROS
    flat = (x if x.flags.c_contiguous else x.T).reshape(-1)
    if flat.flags.writeable:
        flat = flat.view()
        flat.flags.writeable = False
    found = np.empty(5, np.int64)
    (survey32 if x.itemsize == 4 else survey64)(flat, found)
    return _read(x.itemsize, *found.tolist())


def _read(itemsize: int, every: int, high: int, finite: int, low: int, least: int) -> Facts:
    digits, bias, mask = _LAYOUT[itemsize]
    stored = digits - 1
    negative_zero = least == -mask - 1  # the least code of all
    ordinary = high >> stored < 2 * bias + 1
    if finite == 0:
        return Facts(0, 1 << 20, 0.0, ordinary, negative_zero)
    fraction = every & ((1 << stored) - 1)
    used = digits - ((fraction & -fraction).bit_length() - 1) if fraction else 1
    lowest = max(((low + 1) & mask) >> stored, 1) - bias  # the exponent of the least non-zero magnitude, subnormal or not
    field = finite >> stored
    top = math.ldexp((finite & ((1 << stored) - 1)) | ((field > 0) << stored), max(field, 1) - bias - stored)
    return Facts(used, lowest - used + 1, top, ordinary, negative_zero)
