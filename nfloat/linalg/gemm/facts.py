"""What one look at an operand tells.

How many bits its elements have, how large and how small they are, and what is special.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...formats.format import Format
from ...kernels.gemm.pack import survey32, survey64, survey_all32, survey_panels
from ...kernels.jit import entry_point


class Facts(NamedTuple):
    """Bounds on the elements of an array, tight up to what an or of all bit patterns shows.

    Attributes
    ----------
    digits : float
        Every finite element is an integer of at most so many bits times a power of two; 0 if all are zero.
    quantum : float
        Every finite element is a multiple of 2^quantum.
    top : float
        The greatest finite magnitude.
    finite : float
        1 if no element is infinite or NaN, else 0.
    negative_zero : float
        1 if an element is -0, else 0.
    """

    digits: float
    quantum: float
    top: float
    finite: float
    negative_zero: float

    def in_its_binade(self) -> Facts:
        """The same, `top` being the greatest number of its binade: bounds as well, and few are different."""
        if self[2] == 0.0:
            return self
        return _tuple(Facts, (self[0], self[1], math.ldexp(_BELOW_ONE, math.frexp(self[2])[1]), self[3], self[4]))

    def fits(self, precision: int, quantum: int, top: float) -> bool:
        """Whether all finite elements have at most `precision` bits, are multiples of 2^quantum and at most `top`."""
        return self.digits <= precision and self.quantum >= quantum and self.top <= top

    def on_grid_of(self, fmt: Format) -> bool:
        """Whether all elements are finite numbers of a signed format with subnormals."""
        unit = fmt.emin - fmt.precision + 1
        return bool(self.finite) and fmt.has_subnormals and self.fits(fmt.precision, unit, min(fmt.max, -fmt.min))


#: the greatest float64 below 1
_BELOW_ONE = 1.0 - 2.0**-53
#: facts of an array of +0
ZEROS = Facts(0.0, 1e6, 0.0, 1.0, 0.0)
_NOTHING = np.zeros(0, np.float32)
#: what a named tuple's own constructor does, in a third of the time
_tuple = tuple.__new__


def survey(x: NDArray[np.floating]) -> Facts:
    """The facts of a contiguous (C or Fortran) float32 or float64 array."""
    found = np.empty(5)
    entry_point(survey32 if x.itemsize == 4 else survey64)((x if x.flags.c_contiguous else x.T).reshape(-1), found)
    return Facts(*found.tolist())


def survey_all(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any] | None) -> tuple[Facts, Facts, Facts]:
    """The facts of the operands of a product, contiguous and of one dtype; of no c, those of zeros."""
    if a.itemsize != 4:
        return survey(a), survey(b), ZEROS if c is None else survey(c)
    found = np.empty((3, 5))
    flat = [x.ravel("A") for x in (a, b)]
    entry_point(survey_all32)(*flat, _NOTHING if c is None else c.reshape(-1), found)
    one, other, start = found.tolist()
    return _tuple(Facts, one), _tuple(Facts, other), ZEROS if c is None else _tuple(Facts, start)


def survey_tiles(packed: NDArray[np.float64], size: int, tiles: int) -> NDArray[np.float64]:
    """The facts of each tile's operand, packed in `size` numbers, in rows (tiles, 5)."""
    found = np.empty((tiles, 5))
    entry_point(survey_panels)(packed, size, found)
    return found


def layout_of(x: NDArray[Any]) -> int:
    """The place of a matrix's layout in the signatures of kernels that take both: 0 for C, 1 for Fortran."""
    return 0 if x.flags.c_contiguous else 1
