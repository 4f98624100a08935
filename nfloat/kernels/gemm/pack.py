"""Before a tiled GEMM: one look at every element of an operand, and its reordering into panels.

`survey` finds what decides which kernel is right: how many bits the elements have, how large and how small they are,
NaN, infinities, -0. `pack` copies a matrix (k, n) to [panel][k][width], padded with zeros; rows of a are packed as
columns of a.T. `pack_rounded` rounds its elements first.
"""

from __future__ import annotations

import math

import numpy as np

from ..bits import float32_as_int32, float64_as_int64, greater, lesser
from ..jit import device, kernel
from ..rounding.arrays import SPEC
from ..rounding.constants import nearest32
from ..rounding.scalar import load_spec
from .turned import copy_lines, turn_lines


@device
def _describe(every, high, finite, low, least, digits, found):
    """found = [significant bits, exponent of the common quantum, greatest finite magnitude, all finite, some -0]."""
    stored, bias = digits - 1, 127 if digits == 24 else 1023
    found[0], found[1], found[2] = 0.0, 1e6, 0.0
    found[3] = np.float64(high >> stored < 2 * bias + 1)
    found[4] = np.float64(least == (-0x80000000 if digits == 24 else -0x8000000000000000))
    if finite == 0:
        return
    fraction, used = every & ((1 << stored) - 1), digits
    if fraction == 0:
        used = 1
    else:
        while fraction & 1 == 0:
            fraction >>= 1
            used -= 1
    lowest = greater(low >> stored, 1) - bias  # the exponent of the least non-zero magnitude, subnormal or not
    field = finite >> stored
    significand = (finite & ((1 << stored) - 1)) | ((1 << stored) if field > 0 else 0)
    found[0], found[1] = used, lowest - used + 1
    found[2] = math.ldexp(np.float64(significand), greater(field, 1) - bias - stored)


@device
def _survey32(x, found):
    """The facts of x, see `_describe`. The loops have no branch, so that they are vectorised."""
    infinity, mask = np.int32(0x7F800000), np.int32(0x7FFFFFFF)
    every = np.int32(0)
    high = np.int32(0)
    low = np.uint32(0xFFFFFFFF)
    least = np.int32(0)
    for i in range(x.size):
        bits = float32_as_int32(x[i])
        magnitude = np.int32(bits & mask)  # Numba would go on in 64 bits
        high = np.int32(greater(high, magnitude))
        every = np.int32(every | magnitude)
        low = np.uint32(lesser(low, np.uint32(magnitude - np.int32(1))))  # a zero becomes the greatest
        least = np.int32(lesser(least, bits))
    finite = high
    if high >= infinity:  # what is not finite has no part in these
        every = finite = np.int32(0)
        for i in range(x.size):
            magnitude = np.int32(float32_as_int32(x[i]) & mask)
            ordinary = magnitude if magnitude < infinity else np.int32(0)
            every = np.int32(every | ordinary)
            finite = np.int32(greater(finite, ordinary))
    _describe(
        np.int64(every), np.int64(high), np.int64(finite), (np.int64(low) + 1) & 0xFFFFFFFF, np.int64(least), 24, found
    )


@kernel("void(Array(float32, 1, 'C', readonly=True), float64[::1])")
def survey32(x, found):
    """The facts of x."""
    _survey32(x, found)


@kernel("void(float32[::1], float32[::1], float32[::1], float64[:, ::1])")
def survey_all32(a, b, c, found):
    """The facts of three arrays."""
    _survey32(a, found[0])
    _survey32(b, found[1])
    _survey32(c, found[2])


@device
def _survey64(x, found):
    """`_survey32` for float64; CPUs compare integers of 64 bits with their signs."""
    infinity, mask, sign = 0x7FF << 52, 0x7FFFFFFFFFFFFFFF, -0x8000000000000000
    every = 0
    high = 0
    low = mask
    least = 0
    for i in range(x.size):
        bits = float64_as_int64(x[i])
        magnitude = bits & mask
        high = greater(high, magnitude)
        every |= magnitude
        low = lesser(low, (magnitude - 1) ^ sign)  # a zero becomes the greatest
        least = lesser(least, bits)
    finite = high
    if high >= infinity:
        every = finite = 0
        for i in range(x.size):
            magnitude = float64_as_int64(x[i]) & mask
            ordinary = magnitude if magnitude < infinity else 0
            every |= ordinary
            finite = greater(finite, ordinary)
    _describe(every, high, finite, (low ^ sign) + 1, least, 53, found)


@kernel("void(Array(float64, 1, 'C', readonly=True), float64[::1])")
def survey64(x, found):
    """The facts of x."""
    _survey64(x, found)


@kernel("void(float64[::1], int64, float64[:, ::1])")
def survey_panels(packed, size, found):
    """The facts of each panel of `size` numbers, in a row of `found`."""
    for panel in range(found.shape[0]):
        _survey64(packed[panel * size : (panel + 1) * size], found[panel])


@kernel("void(float64[:, ::1], float64[:, ::1], float64, int64, int64, boolean[:, ::1])")
def close_panels(rows, columns, quantum, least, digits, found):
    """found[i, j]: whether the facts of panels i of rows and j of columns, and of c, let a lane round first.

    The greatest product is below 2^digits times a unit of all sums, 2^least or more (``linalg/gemm/direct.py``).
    """
    for i in range(rows.shape[0]):
        top = math.frexp(rows[i, 2])[1]
        for j in range(columns.shape[0]):
            unit = greater(np.float64(least), lesser(rows[i, 1] + columns[j, 1], quantum))
            found[i, j] = top + math.frexp(columns[j, 2])[1] <= unit + digits


#: a matrix's dtype and that of its panels: `pack`'s signatures
PACKED = (("float32", "float32"), ("float64", "float64"), ("float32", "float64"))


@device
def _pack(x, width, out, first, last, grid):
    """`pack`; rounded, and whether some number is beyond, as in ``turned.py``."""
    steps, size = x.shape
    down, along = x.strides[0] // x.itemsize, x.strides[1] // x.itemsize
    beyond = 0
    for panel in range(first, last):
        at, column = (panel - first) * steps * width, panel * width
        whole = lesser(width, size - column)
        if whole < width:
            out[at : at + steps * width] = 0.0
        if along == 1:  # a row of the panel lies in one piece
            beyond |= copy_lines(x, column, down, steps, whole, out, at, width, grid)
        else:  # a column does
            beyond |= turn_lines(x, column * along, along, steps, whole, out, at, width, grid)
    return beyond


@kernel(*(f"void(Array({x}, 2, 'A', readonly=True), int64, {out}[::1], int64, int64)" for x, out in PACKED))
def pack(x, width, out, first, last):
    """Panels first .. last - 1 of x (k, n) into out, [panel][k][width]; panel `first` begins at out[0].

    Of x the rows or the columns lie in one piece, at any distance; one code for both is compiled once.
    """
    _pack(x, width, out, first, last, None)


@kernel(f"int64(Array(float32, 2, 'A', readonly=True), int64, float32[::1], int64, int64, {SPEC})")
def pack_rounded(x, width, out, first, last, spec_array):
    """`pack` of numbers rounded to nearest-even as they go, for formats that ``ops/rounder.py`` calls `in_one_form`.

    Not 0 if a number is beyond the format's largest, or NaN: then they are not, and are to be packed once more.
    """
    return _pack(x, width, out, first, last, (nearest32(load_spec(spec_array)),))


@kernel("float64(Array(float32, 2, 'C', readonly=True))", "float64(Array(float64, 2, 'C', readonly=True))")
def greatest_norm(x):
    """The greatest sum of squares of a row, in float64 (a bound once multiplied by 1 + 2 n 2^-53)."""
    best = 0.0
    for i in range(x.shape[0]):
        total = 0.0
        for k in range(x.shape[1]):
            total += np.float64(x[i, k]) * np.float64(x[i, k])
        best = greater(best, total)
    return best
