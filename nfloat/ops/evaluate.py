"""How an elementary function is carried out on flat carriers.

Approximate, settle what is certain, compute the rest for certain.

1. ``approximations.py`` gives float32 values (p <= 11) or float64 values within a stated error, piece by piece, in the
   cache; ``kernels/arithmetic/functions_lanes.py`` rounds both ends of the error's interval. Where they agree, that is
   the result.
2. What they leave open (special values too) is approximated in float64 and settled by the plain rule,
   ``kernels/arithmetic/functions.py``.
3. What is still undecided (nearly everything for formats of p > 40) is approximated in longdouble, where that is longer
   than float64.
4. The rest (exact results in directed modes, near-ties, results beyond float64's range) is computed to 128 bits by
   ``leading_bits.py``, once for each distinct argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.spec import SpecField
from ..kernels.arithmetic.functions import round_leading, ziv_plain
from ..kernels.arithmetic.functions_lanes import ziv_double, ziv_mixed, ziv_single
from ..kernels.arithmetic.operations import Operation
from .approximations import APPROXIMATIONS, EXTENDED_ERROR
from .compute import PIECE, compute, has_unsigned_zero, pieces_of
from .leading_bits import Leading, leading_bits
from .rounder import NARROW64, Rounder

_MASK = (1 << 64) - 1


def evaluate(
    name: str, arrays: tuple[NDArray[np.floating], ...], size: int, how: Rounder, key: int
) -> NDArray[np.floating]:
    """The rounded results of an elementary function on flat arrays of one dtype with `size` elements or one."""
    out, form = np.empty(size, arrays[0].dtype), APPROXIMATIONS[name]
    marks = np.empty(min(PIECE, size), bool)
    short = out.dtype == np.float32 and how.format.precision <= 11 and how.in_lanes
    y: NDArray[np.floating]
    for start, pieces in pieces_of(arrays, size):
        target, open_ = out[start : start + pieces[0].size], marks[: pieces[0].size]
        with np.errstate(all="ignore"):
            if short and form.single is not None:
                y = form.single(*pieces)
                ziv_single(y, target, open_, 2 * form.single_error, int(form.traits), how.spec_array)
            elif how.round64 in NARROW64:
                y = form.evaluate(*(_operand(p, how) for p in pieces))
                ziv = ziv_mixed if out.dtype == np.float32 else ziv_double
                ziv(y, target, open_, 2 * form.error, int(form.traits), how.spec_array)
            else:
                open_[:] = True
        places = np.flatnonzero(open_)
        if places.size:
            target[places] = _settle_rest(name, tuple(p[places] for p in pieces), start + places, how, key)
    return out


def _operand(a: NDArray[np.floating], how: Rounder) -> NDArray[np.float64]:
    """An operand as the format's arithmetic sees it (``kernels/arithmetic.operand``)."""
    x = a.astype(np.float64, copy=False)
    if how.format.flushes_input:
        x = np.where(np.abs(x) < how.format.smallest_normal, np.copysign(0.0, x), x)
    return x + 0.0 if has_unsigned_zero(how) else x


def _settle_rest(
    name: str, operands: tuple[NDArray[np.floating], ...], number: NDArray[np.int64], how: Rounder, key: int
) -> NDArray[np.float64]:
    """Results by the plain rule, then for certain. `number`: the elements' numbers in the whole array."""
    form, wide = APPROXIMATIONS[name], tuple(_operand(a, how) for a in operands)
    with np.errstate(all="ignore"):
        y = form.evaluate(*wide)
        x = wide[0] if form.exact is None else np.where(form.exact(*wide), 0.0, 1.0)
    out, undecided = np.empty(y.size), np.empty(y.size, np.int64)
    count = ziv_plain(x, y, number, out, 2 * form.error, int(form.traits), undecided, _result_words(how), key)
    places = undecided[:count]
    if (
        count >= _FEW
        and _EXTENDED
        and not how.stochastic
        and not how.format.flushes_input
        and form.extended is not None
    ):
        results, open_ = _in_extended(form.extended, tuple(a[places] for a in wide), how)
        out[places] = results
        places = places[open_]
    if places.size:
        out[places] = _for_certain(name, tuple(a[places] for a in wide), number[places], how, key)
    return out


#: whether NumPy's longdouble has more bits than float64 (it has not with Microsoft's compiler and on Apple's Arm)
_EXTENDED = np.finfo(np.longdouble).nmant >= 63
#: fewer operands than this go to `leading_bits` at once
_FEW = 8


def _in_extended(
    function: Callable[..., NDArray[Any]], operands: tuple[NDArray[np.float64], ...], how: Rounder
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """(results, where they are still open), by longdouble.

    Both ends of the error's interval, each a sum of two float64 numbers.
    """
    with np.errstate(all="ignore"):
        y = function(*(a.astype(np.longdouble) for a in operands))
        ends = [y - y * np.longdouble(EXTENDED_ERROR), y + y * np.longdouble(EXTENDED_ERROR)]
        heads = [end.astype(np.float64) for end in ends]
        tails = [(end - head).astype(np.float64) for end, head in zip(ends, heads, strict=True)]
        size = np.abs(heads[0])
        known = (size > 2.0**-900) & (size < 2.0**1000)  # a tail is a float64 number
        low, high = (
            compute(Operation.ADD, (head, tail), head.size, how, 0) for head, tail in zip(heads, tails, strict=True)
        )
    return low, ~(known & (low == high) & (low != 0.0))


def _result_words(how: Rounder) -> NDArray[np.float64]:
    """The constants for rounding a result, which is no input: a format that flushes inputs keeps a small one."""
    if not how.format.flushes_input:
        return how.spec_array
    spec_array = how.spec_array.copy()
    spec_array[SpecField.FLUSH_INPUT] = 0.0
    spec_array.flags.writeable = False
    return spec_array


def _for_certain(
    name: str, operands: tuple[NDArray[np.float64], ...], number: NDArray[np.int64], how: Rounder, key: int
) -> NDArray[np.float64]:
    # as bits: the zeros differ, by which arctan2 is told where it is
    codes, place = np.unique(np.stack(operands, axis=1).view(np.int64), axis=0, return_inverse=True)
    distinct = codes.view(np.float64)
    columns = _columns([leading_bits(name, *map(float, row)) for row in distinct])
    out = np.empty(number.size)
    round_leading(*(c[place.reshape(-1)] for c in columns), number, out, how.spec_array, key)
    return out


def _columns(leading: Sequence[Leading]) -> tuple[NDArray[Any], ...]:
    """Leading bits as the kernel takes them."""
    return (
        np.array([z.negative for z in leading], bool),
        np.array([z.N >> 64 for z in leading], np.uint64),
        np.array([z.N & _MASK for z in leading], np.uint64),
        np.array([z.more for z in leading], bool),
        np.array([z.q for z in leading], np.int64),
    )


def round_for_certain(
    leading: Sequence[Leading], number: NDArray[np.int64], how: Rounder, key: int
) -> NDArray[np.float64]:
    """Numbers given by their leading bits, rounded; `number`: their places in the whole array."""
    out = np.empty(len(leading))
    round_leading(*_columns(leading), number, out, how.spec_array, key)
    return out
