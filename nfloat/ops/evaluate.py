"""How an elementary function is carried out on flat carriers: approximate, settle what is certain, compute the rest
for certain.

1. ``approximations.py`` gives float64 values within a stated error, piece by piece, in the cache. 2.
``kernels/functions.py`` rounds both ends of the error's interval; where they agree, that is the result. Lanes first,
then
   what they refuse by the plain rule, special values included.
3. What is still undecided (exact results in directed modes, near-ties, results beyond float64's range; nearly
everything for
   formats of p > 40) is computed to 128 bits by ``certain.py``, once for each distinct argument.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels.elementwise import round_narrow64
from ..kernels.functions import round_leading, settle32, settle64, settle_plain
from .approximations import APPROXIMATIONS, Approximation
from .certain import certain
from .compute import has_unsigned_zero, pieces_of
from .plan import Plan

_MASK = (1 << 64) - 1


def evaluate(
    name: str, arrays: tuple[NDArray[np.floating], ...], size: int, how: Plan, key: int
) -> NDArray[np.floating]:
    """The rounded results of an elementary function on flat arrays of one dtype with `size` elements or one."""
    out = np.empty(size, arrays[0].dtype)
    form = APPROXIMATIONS[name]
    for start, pieces in pieces_of(arrays, size):
        target = out[start : start + pieces[0].size]
        operands = tuple(_operand(p, how) for p in pieces)
        with np.errstate(all="ignore"):
            y = form.evaluate(*operands)
        refused = _settle(form, y, target, how)
        if refused.size:
            chosen = tuple(a[refused] for a in operands)
            target[refused] = _settle_rest(name, form, chosen, y[refused], start + refused, how, key)
    return out


def _operand(a: NDArray[np.floating], how: Plan) -> NDArray[np.float64]:
    """An operand as the format's arithmetic sees it (``kernels/arithmetic.operand``)."""
    x = a.astype(np.float64, copy=False)
    if how.format.flushes_input:
        x = np.where(np.abs(x) < how.format.smallest_normal, np.copysign(0.0, x), x)
    return x + 0.0 if has_unsigned_zero(how) else x


def _settle(form: Approximation, y: NDArray[np.float64], out: NDArray[np.floating], how: Plan) -> NDArray[np.int64]:
    """Results in lanes; the places that need a closer look."""
    if how.round64 is not round_narrow64:
        return np.arange(out.size)
    blocks = np.empty(out.size // 8 + 1, np.int64)
    kernel = settle32 if out.dtype == np.float32 else settle64
    count = kernel(y, out, 2 * form.error, int(form.traits), blocks, how.words)
    places = (blocks[:count, None] + np.arange(8)).reshape(-1)
    return places[: np.searchsorted(places, out.size)]


def _settle_rest(
    name: str,
    form: Approximation,
    operands: tuple[NDArray[np.float64], ...],
    y: NDArray[np.float64],
    number: NDArray[np.int64],
    how: Plan,
    key: int,
) -> NDArray[np.float64]:
    """Results by the plain rule, then for certain. `number`: the elements' numbers in the whole array."""
    out, undecided = np.empty(y.size), np.empty(y.size, np.int64)
    x = operands[0] if form.exact is None else np.where(form.exact(*operands), 0.0, 1.0)
    count = settle_plain(x, y, number, out, 2 * form.error, int(form.traits), undecided, how.words, key)
    if count:
        places = undecided[:count]
        out[places] = _for_certain(name, tuple(a[places] for a in operands), number[places], how, key)
    return out


def _for_certain(
    name: str, operands: tuple[NDArray[np.float64], ...], number: NDArray[np.int64], how: Plan, key: int
) -> NDArray[np.float64]:
    distinct, place = np.unique(np.stack(operands, axis=1), axis=0, return_inverse=True)
    leading = [certain(name, *map(float, row)) for row in distinct]
    columns = (
        np.array([z.negative for z in leading]),
        np.array([z.N >> 64 for z in leading], np.uint64),
        np.array([z.N & _MASK for z in leading], np.uint64),
        np.array([z.more for z in leading]),
        np.array([z.q for z in leading], np.int64),
    )
    out = np.empty(number.size)
    round_leading(*(c[place.reshape(-1)] for c in columns), number, out, how.words, key)
    return out
