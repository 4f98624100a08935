"""Whole arrays in pieces that stay in the second cache: magnitudes, scales and elements of one piece after the other.

`pieces` has a row for each: elements start..stop, blocks first..last, how many elements there are along the blocks'
axis, and the number of its first element, by which it draws random bits. `given`: amax and state are known already
(they depend on more than a piece), else they are found. What `todo` marks is the rule's. Quotients go by one kernel
after the other, so that each is compiled once.
"""

from __future__ import annotations

import numpy as np

from ..bits import lesser
from ..jit import device, kernel, routine
from ..rounding.arrays import SPEC
from ..rounding.codes import CODES
from ..rounding.scalar import load_spec
from .constants import integer_constants, mode_form
from .fused import fused_rows
from .loops import elements
from .magnitudes import find_maxima, finite_maximum
from .rule import scale_of
from .scales import CONSTANTS, power_scales, scale_limits

_TARGETS = [("float32", "float32"), ("float32", "uint8"), ("float64", "float64"), ("float64", "uint8")]


@device
def _one_section(start, stop):
    """Whether the numbers start..stop - 1 have their bits above 32 in common, as the lanes' counters must."""
    return start >> 32 == (stop - 1) >> 32


@kernel(
    *(
        f"void({x}[::1], {out}[::1], int64[:, ::1], int64, int64, boolean, {x}[::1], uint8[::1], {CONSTANTS}, {SPEC}, "
        f"{CODES}, int64, {'int32' if x == 'float32' else 'int64'}[:, ::1], float64[::1], uint8[::1])"
        for x, out in _TARGETS
    )
)
def power_pieces(x, out, pieces, inner, size, given, amax, state, c, words, code_words, key, shifts, scales, todo):
    """out = values or codes (by its type) over scales that are powers of two; `shifts` is room for a piece's."""
    spec = load_spec(words)
    for p in range(pieces.shape[0]):
        start, stop, first, last, n = pieces[p, 0], pieces[p, 1], pieces[p, 2], pieces[p, 3], pieces[p, 4]
        source, states, own = x[start:stop], state[first:last], todo[first:last]
        most, number = amax[first:last], pieces[p, 5]
        if not given:
            find_maxima(source, n, inner, size, most, states)
        power_scales(most, states, c, spec, scales[first:last], shifts, own)
        if _one_section(number, number + stop - start):
            elements(source, out[start:stop], n, inner, size, shifts, own, spec, code_words, key, number)
        else:
            own[:] = 1


@kernel(
    *(
        f"void({x}[::1], {out}[::1], int64[:, ::1], int64, {CONSTANTS}, {SPEC}, {CODES}, int64, float64[::1], "
        "uint8[::1])"
        for x, out in _TARGETS
    )
)
def fused_blocks(x, out, pieces, size, c, words, code_words, key, scales, todo):
    """`power_pieces` for rows of n elements, n and size whole vectors, in one pass; numbers of elements below 2^32."""
    spec, single = load_spec(words), x.itemsize == 4
    integers, limits = integer_constants(spec, code_words, single, key, 0), scale_limits(spec, c, single)
    mode = mode_form(spec)
    for p in range(pieces.shape[0]):
        start, stop, first, last, n = pieces[p, 0], pieces[p, 1], pieces[p, 2], pieces[p, 3], pieces[p, 4]
        count, whole, shift = -(-n // size), n // size, pieces[p, 5] - start
        for row in range((stop - start) // n):
            at, b = start + row * n, first + row * count
            _fused(x, out, scales, todo, (at, at, at + shift, b, whole, size), mode, integers, limits)
            if whole < count:
                at += whole * size
                rest = (at, at, at + shift, b + whole, 1, n - whole * size)
                _fused(x, out, scales, todo, rest, mode, integers, limits)
        for b in range(first, last):
            if todo[b] != 0:
                at = start + (b - first) // count * n + (b - first) % count * size
                end = lesser(at + size, start + ((b - first) // count + 1) * n)
                amax, state = finite_maximum(x, at, end, 1)
                scales[b] = scale_of(amax, state, 1.0, c, spec, np.uint64(0))


@routine
def _fused(x, out, scales, todo, places, mode, integers, limits):
    """``fused.fused_rows`` out of line."""
    fused_rows(x, out, scales, todo, places, mode, integers, limits)


@kernel(
    *(
        f"void({x}[::1], {out}[::1], int64[::1], int64, int64, {parts}[:, ::1], {SPEC}, {CODES}, int64, uint8[::1])"
        for x, out in _TARGETS
        for parts in ("float64", "float32")
        if parts == "float64" or x == "float32"
    )
)
def quotient_piece(x, out, piece, inner, size, parts, words, code_words, key, todo):
    """out = values or codes of one piece over its divisors (``scales.py``): float32 ones, or float64 ones."""
    start, stop, first, last, n, number = piece[0], piece[1], piece[2], piece[3], piece[4], piece[5]
    own = todo[first:last]
    if _one_section(number, number + stop - start):
        elements(x[start:stop], out[start:stop], n, inner, size, parts, own, load_spec(words), code_words, key, number)
    else:
        own[:] = 1
