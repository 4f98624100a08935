"""Whole arrays in pieces that stay in the second cache: magnitudes, scales and elements of one piece after the other.

`pieces` has a row for each: elements start..stop, blocks first..last, and how many elements there are along the
blocks' axis. `given`: amax and state are known already (they depend on more than a piece), else they are found. What
`todo` marks is the rule's.
"""

from __future__ import annotations

import numpy as np

from ..jit import device, kernel, routine
from ..rounding.arrays import SPEC
from ..rounding.codes import CODES
from ..rounding.scalar import load_spec
from .fused import fused_rows
from .loops import elements, integer_constants, mode_form
from .magnitudes import finite_maximum, maxima_columns, maxima_rows
from .rule import scale_of
from .scales import CONSTANTS, power_scales, quotient_scales, reciprocals, scale_limits, short_reciprocals

_PIECES = "int64[:, ::1], int64, int64, boolean"
_BLOCKS = "float64[::1], uint8[::1]"
_TARGETS = [("float32", "float32"), ("float32", "uint8"), ("float64", "float64"), ("float64", "uint8")]


@device
def find_maxima(x, n, inner, size, amax, state):
    """Greatest magnitudes and states, along rows or columns."""
    if inner == 1:
        maxima_rows(x, n, size, amax, state)
    else:
        maxima_columns(x, n, inner, size, amax, state)


@device
def _one_section(start, stop):
    """Whether the numbers start..stop - 1 have their bits above 32 in common, as the lanes' counters must."""
    return start >> 32 == (stop - 1) >> 32


@kernel("boolean(uint8[::1])")
def few(todo):
    """Whether the rule, a hundred times as slow as lanes, does what is left sooner than they do all."""
    left = 0
    for b in range(todo.size):
        left += todo[b]
    return left * 100 <= todo.size


@kernel(
    *(
        f"void({x}[::1], {out}[::1], {_PIECES}, {_BLOCKS}, {CONSTANTS}, {SPEC}, {CODES}, int64, "
        f"{'int32' if x == 'float32' else 'int64'}[:, ::1], float64[::1], uint8[::1])"
        for x, out in _TARGETS
    )
)
def power_pieces(x, out, pieces, inner, size, given, amax, state, c, words, code_words, key, shifts, scales, todo):
    """out = values or codes (by its type) over scales that are powers of two; `shifts` is room for a piece's."""
    for p in range(pieces.shape[0]):
        start, stop, first, last, n = pieces[p, 0], pieces[p, 1], pieces[p, 2], pieces[p, 3], pieces[p, 4]
        source, most, states, own = x[start:stop], amax[first:last], state[first:last], todo[first:last]
        if not given:
            find_maxima(source, n, inner, size, most, states)
        power_scales(most, states, c, words, scales[first:last], shifts, own)
        if _one_section(start, stop):
            elements(source, out[start:stop], n, inner, size, shifts, own, words, code_words, key, start)
        else:
            own[:] = 1


@kernel(
    *(
        f"void({x}[::1], {out}[::1], int64, int64, {CONSTANTS}, {SPEC}, {CODES}, int64, float64[::1], uint8[::1])"
        for x, out in _TARGETS
    )
)
def fused_blocks(x, out, n, size, c, words, code_words, key, scales, todo):
    """`power_pieces` for rows of n elements, n and size whole vectors, in one pass; numbers of elements below 2^32."""
    spec, single, count = load_spec(words), x.itemsize == 4, -(-n // size)
    integers, limits = integer_constants(spec, code_words, single, key, 0), scale_limits(spec, c, single)
    whole, mode = n // size, mode_form(spec)
    for row in range(x.size // max(n, 1)):
        at, first = row * n, row * count
        _fused(x, out, scales, todo, (at, at, at, first, whole, size), mode, integers, limits)
        if whole < count:
            start = at + whole * size
            _fused(
                x, out, scales, todo, (start, start, start, first + whole, 1, n - whole * size), mode, integers, limits
            )
    for b in range(todo.size):
        if todo[b] != 0:
            start = b // count * n + b % count * size
            amax, state = finite_maximum(x, start, min(start + size, (b // count + 1) * n), 1)
            scales[b] = scale_of(amax, state, 1.0, c, spec, np.uint64(0))


@routine
def _fused(x, out, scales, todo, places, mode, integers, limits):
    """``fused.fused_rows`` out of line."""
    fused_rows(x, out, scales, todo, places, mode, integers, limits)


@kernel(
    *(
        f"void({x}[::1], {out}[::1], {_PIECES}, {_BLOCKS}, {CONSTANTS}, {SPEC}, {SPEC}, {CODES}, int64, float64, "
        "boolean, float64[:, ::1], float64[::1], uint8[::1])"
        for x, out in _TARGETS
    )
)
def quotient_pieces(
    x,
    out,
    pieces,
    inner,
    size,
    given,
    amax,
    state,
    c,
    words,
    scale_words,
    code_words,
    key,
    t,
    known,
    pairs,
    scales,
    todo,
):
    """out = values or codes over any scales; `known`: scales are; else they are made.

    t is the tensor scale, `pairs` room for a piece's reciprocals and products.
    """
    for p in range(pieces.shape[0]):
        start, stop, first, last, n = pieces[p, 0], pieces[p, 1], pieces[p, 2], pieces[p, 3], pieces[p, 4]
        source, most, states, own = x[start:stop], amax[first:last], state[first:last], todo[first:last]
        if not given:
            find_maxima(source, n, inner, size, most, states)
        if not known:
            quotient_scales(most, states, t, c, scale_words, pairs[0], scales[first:last])
        reciprocals(scales[first:last], t, states, pairs, own)
        if _one_section(start, stop):
            elements(source, out[start:stop], n, inner, size, pairs, own, words, code_words, key, start)
        else:
            own[:] = 1


@kernel(
    *(
        f"void(float32[::1], {out}[::1], {_PIECES}, {_BLOCKS}, {CONSTANTS}, {SPEC}, {SPEC}, {CODES}, int64, float64, "
        "boolean, float64[:, ::1], float32[:, ::1], float64[::1], uint8[::1])"
        for out in ("float32", "uint8")
    )
)
def short_pieces(
    x,
    out,
    pieces,
    inner,
    size,
    given,
    amax,
    state,
    c,
    words,
    scale_words,
    code_words,
    key,
    t,
    known,
    pairs,
    parts,
    scales,
    todo,
):
    """`quotient_pieces` for float32 x and deterministic modes: by the short form first.

    It has done a piece if few blocks are left.
    `parts` is room for a piece's scales in the short form.
    """
    for p in range(pieces.shape[0]):
        start, stop, first, last, n = pieces[p, 0], pieces[p, 1], pieces[p, 2], pieces[p, 3], pieces[p, 4]
        source, most, states, own = x[start:stop], amax[first:last], state[first:last], todo[first:last]
        if not given:
            find_maxima(source, n, inner, size, most, states)
        if not known:
            quotient_scales(most, states, t, c, scale_words, pairs[0], scales[first:last])
        short_reciprocals(scales[first:last], t, states, parts, own)
        elements(source, out[start:stop], n, inner, size, parts, own, words, code_words, key, start)
        if not few(own):
            reciprocals(scales[first:last], t, states, pairs, own)
            elements(source, out[start:stop], n, inner, size, pairs, own, words, code_words, key, start)


@kernel(
    "void(float32[::1], int64, int64, int64, float64[::1], uint8[::1])",
    "void(float64[::1], int64, int64, int64, float64[::1], uint8[::1])",
)
def block_maxima(x, n, inner, size, amax, state):
    """amax[b] and state[b] of all blocks of x."""
    find_maxima(x, n, inner, size, amax, state)
