"""How an operation of arithmetic is carried out on flat carriers: by the hardware, in lanes, or by the plain rule.

* Where the format is the carrier itself and the rounding IEEE 754's default, the hardware's operation is the answer.
* Deterministic modes and p <= 22 in float32, 51 in float64: the operation rounded to odd in lanes, then rounded like
  an array (``kernels/arithmetic/results_lanes.py`` has the argument), in pieces that stay in the cache. Longer formats
  of float32 operands go through float64, and so does a fused multiply-add.
* Stochastic modes need the whole remainder: sums and products that float64 holds are computed there and rounded like an
  array.
* hypot and 1/sqrt are approximated in float64, like an elementary function, and kept where both ends of the error's
  interval round to the same number.
* Blocks the lanes refuse and approximations that decide nothing are done by the plain rule, as is everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..formats.lanes import DOUBLE, SINGLE
from ..formats.rounding import Rounding
from ..formats.spec import SpecField
from ..kernels.arithmetic.functions_lanes import ziv_double, ziv_mixed
from ..kernels.arithmetic.operations import Operation
from ..kernels.arithmetic.results import compute_plain, compute_plain_other
from ..kernels.arithmetic.results_lanes import DOWNWARD, IN_LANES, to_odd32, to_odd64
from ..kernels.arithmetic.short import nearest_short
from ..kernels.rounding.arrays import round_plain
from .rounder import NARROW64, Rounder

_HARDWARE = {
    Operation.ADD: np.add,
    Operation.SUBTRACT: np.subtract,
    Operation.MULTIPLY: np.multiply,
    Operation.DIVIDE: np.divide,
    Operation.SQRT: np.sqrt,
}
#: what `compute_plain` has
_RATIONAL = (
    Operation.ADD,
    Operation.SUBTRACT,
    Operation.MULTIPLY,
    Operation.DIVIDE,
    Operation.FMA,
    Operation.RECIPROCAL,
)
_FLOAT64 = np.dtype(np.float64)
#: elements of a piece: its carriers fit the second-level cache
PIECE = 1 << 15
#: below this many elements the plain rule is faster than two kernels
_FEW = 32


def has_unsigned_zero(how: Rounder) -> bool:
    """Whether a division by zero is NaN: the format has one, and its zero has no sign (P3109, FNUZ)."""
    return how.format.has_nan and not how.format.has_negative_zero


def compute(
    op: Operation, arrays: tuple[NDArray[np.floating], ...], size: int, how: Rounder, key: int, *, members: bool = False
) -> NDArray[np.floating]:
    """The rounded results of an operation on flat arrays of one dtype with `size` elements or one.

    `members`: every operand is a number of the format.
    """
    out = np.empty(size, arrays[0].dtype)
    if op in _HARDWARE and _is_hardware(how, out.dtype):
        with np.errstate(all="ignore"):
            _HARDWARE[op](*arrays, out=out)
        return out
    form = lanes_form(op, how, out.dtype) if size >= _FEW else None
    if form is None and size >= _FEW and _is_better_widened(op, how, out.dtype):
        _widened(op, arrays, out, how, key)
        return out
    if op in _ROOTS and size >= _FEW and not how.stochastic and how.round64 in NARROW64:
        _by_approximation(op, arrays, out, how, key)
        return out
    if form is not None:
        if members and out.dtype == np.float32 and how.is_short:
            _short(op, arrays, out, how, key)
        else:
            _in_lanes(op, form, arrays, out, how, key)
        return out
    if size >= _FEW and _may_be_exact(op, how):
        _exactly(op, arrays, out, how, key)
        return out
    for start, pieces in pieces_of(arrays, size):
        out[start : start + PIECE] = compute_plainly(op, pieces, start, how, key)
    return out


def _is_hardware(how: Rounder, dtype: np.dtype) -> bool:
    identity = how.round32 if dtype == np.float32 else how.round64
    w = how.spec_array
    return (
        identity is None
        and how.rounding is Rounding.NEAREST_EVEN
        and w[SpecField.OVER] == np.inf
        and w[SpecField.UNDER_MIN] == -np.inf
    )


def lanes_form(op: Operation, how: Rounder, dtype: np.dtype) -> int | None:
    """The number of an operation's form in lanes, or None where only the plain rule is right."""
    enough = how.format.precision <= (SINGLE if dtype == np.float32 else DOUBLE).most_odd
    if how.stochastic or not enough or how.format.flushes_input or op not in IN_LANES:
        return None
    if how.rounding is Rounding.TOWARD_NEGATIVE and op in (Operation.ADD, Operation.SUBTRACT):
        return int(op) + DOWNWARD
    return int(op)


def pieces_of(
    arrays: tuple[NDArray[np.floating], ...], size: int, length: int = PIECE
) -> Iterator[tuple[int, tuple[NDArray[np.floating], ...]]]:
    """(start, operands of `length` elements from there); single elements are repeated."""
    if size <= length and all(a.size == size for a in arrays):
        if size:
            yield 0, arrays
        return
    whole = [a.size == size for a in arrays]
    given = [a if w else np.full(min(length, size), a[0], a.dtype) for a, w in zip(arrays, whole, strict=True)]
    for start in range(0, size, length):
        stop = min(start + length, size)
        yield start, tuple(a[start:stop] if w else a[: stop - start] for a, w in zip(given, whole, strict=True))


def compute_plainly(
    op: Operation, arrays: tuple[NDArray[np.floating], ...], first: int, how: Rounder, key: int
) -> NDArray[np.float64]:
    """The results by the plain rule alone, of elements whose counters begin at `first`."""
    out = np.empty(arrays[0].size)
    plain = compute_plain if op in _RATIONAL else compute_plain_other
    for start, pieces in pieces_of(arrays, out.size):
        wide = [a.astype(np.float64, copy=False) for a in pieces]
        x, y, z = (wide * 3)[:3] if len(wide) == 1 else (*wide, wide[0])[:3]
        target = out[start : start + PIECE]
        plain(int(op), x, y, z, target, first + start, has_unsigned_zero(how), how.spec_array, key)
    return out


def _in_lanes(
    op: Operation,
    form: int,
    arrays: tuple[NDArray[np.floating], ...],
    out: NDArray[np.floating],
    how: Rounder,
    key: int,
) -> None:
    single = out.dtype == np.float32
    kernel, rounded, width = (to_odd32, how.round32, 16) if single else (to_odd64, how.round64, 8)
    assert rounded is not None  # a format of fewer bits than its carrier rounds something
    # allocated once: fresh pages would cost more than the arithmetic
    buffer = np.empty(min(PIECE, out.size), out.dtype)
    refused = np.empty(buffer.size // width + 1, np.int64)
    for start, pieces in pieces_of(arrays, out.size):
        target = out[start : start + PIECE]
        odd = buffer[: target.size]
        count = kernel(form, pieces[0], pieces[-1], odd, refused)
        rounded(odd, target, how.spec_array, key, start)
        replace_refused(op, pieces, target, refused[:count], width, how, key)


def _short(
    op: Operation, arrays: tuple[NDArray[np.floating], ...], out: NDArray[np.floating], how: Rounder, key: int
) -> None:
    """In one piece, since nothing is kept between two kernels, unless an operand is a single element."""
    length = out.size if all(a.size == out.size for a in arrays) else PIECE
    refused = np.empty(min(length, out.size) // 16 + 1, np.int64)
    for start, pieces in pieces_of(arrays, out.size, length):
        target = out[start : start + length]
        count = nearest_short(int(op), pieces[0], pieces[-1], target, refused, has_unsigned_zero(how), how.spec_array)
        replace_refused(op, pieces, target, refused[:count], 16, how, key)


def replace_refused(
    op: Operation,
    arrays: tuple[NDArray[np.floating], ...],
    out: NDArray[np.floating],
    refused: NDArray[np.int64],
    width: int,
    how: Rounder,
    key: int,
) -> None:
    """The plain rule on the blocks that a kernel refused."""
    if refused.size:
        places = (refused[:, None] + np.arange(width)).reshape(-1)
        places = places[: np.searchsorted(places, out.size)]
        out[places] = compute_plainly(op, tuple(a[places] for a in arrays), 0, how, key)


def _is_better_widened(op: Operation, how: Rounder, dtype: np.dtype) -> bool:
    if dtype != np.float32 or how.stochastic or how.format.flushes_input:
        return False
    return op is Operation.FMA or lanes_form(op, how, _FLOAT64) is not None


def _widened(
    op: Operation, arrays: tuple[NDArray[np.floating], ...], out: NDArray[np.floating], how: Rounder, key: int
) -> None:
    """float32 operands in float64, where a fused multiply-add is a sum: products of 24-bit numbers are exact."""
    for start, pieces in pieces_of(arrays, out.size):
        operands = tuple(p.astype(np.float64) for p in pieces)
        if op is Operation.FMA:
            x, y, z = operands
            with np.errstate(invalid="ignore"):
                operands = x * y, z + 0.0 if has_unsigned_zero(how) else z
        step = Operation.ADD if op is Operation.FMA else op
        out[start : start + PIECE] = compute(step, operands, operands[0].size, how, key)


#: elements that the plain rule does together where float64 does not hold a result
_BLOCK = 64


def _may_be_exact(op: Operation, how: Rounder) -> bool:
    """Whether a stochastic mode's results are looked for among float64's."""
    known = op in (Operation.ADD, Operation.SUBTRACT, Operation.MULTIPLY, Operation.FMA)
    return known and how.stochastic and not how.format.flushes_input and how.round64 not in (None, round_plain)


def _exactly(
    op: Operation, arrays: tuple[NDArray[np.floating], ...], out: NDArray[np.floating], how: Rounder, key: int
) -> None:
    """Exact results in float64, rounded in one pass (an element's random bits are those of its number).

    Others by the plain rule.

    The product of two float32 numbers is a float64 number. s is x + y if s - x == y and s - y == x, since the
    difference to the larger of the two is exact.
    """
    exact, inexact = np.empty(out.size), np.zeros(-(-out.size // _BLOCK) + 2, bool)
    with np.errstate(all="ignore"):
        for start, pieces in pieces_of(arrays, out.size):
            s, is_exact = exact[start : start + PIECE], True
            x, y = (p.astype(np.float64, copy=False) for p in pieces[:2])
            if op in (Operation.MULTIPLY, Operation.FMA):
                if out.dtype != np.float32:
                    is_exact = (x.astype(np.float32) == x) & (y.astype(np.float32) == y)
                np.multiply(x, y, out=s)
            if op is Operation.FMA:
                x, y = s.copy(), pieces[2].astype(np.float64, copy=False)
            if op is not Operation.MULTIPLY:
                y = -y if op is Operation.SUBTRACT else y
                np.add(x, y, out=s)
                is_exact &= (s - x == y) & (s - y == x)
            if is_exact is not True:
                blocks = np.logical_and.reduceat(is_exact, np.arange(0, s.size, _BLOCK))
                inexact[1 + start // _BLOCK :][: blocks.size] = ~blocks
        out[...] = how.apply(exact, key)
    edges = np.flatnonzero(inexact[1:] != inexact[:-1]) * _BLOCK
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        last = min(int(end), out.size)
        operands = tuple(a[first:last] if a.size == out.size else np.full(last - first, a[0], a.dtype) for a in arrays)
        out[first:last] = compute_plainly(op, operands, int(first), how, key)


#: approximations of roots, and what their relative error stays below (C libraries and hardware: 2^-51)
_ROOTS: dict[Operation, Callable[..., NDArray[np.float64]]] = {
    Operation.HYPOT: np.hypot,
    Operation.RSQRT: lambda x: 1.0 / np.sqrt(x),
}
_ROOT_ERROR = 2.0**-48


def _by_approximation(
    op: Operation, arrays: tuple[NDArray[np.floating], ...], out: NDArray[np.floating], how: Rounder, key: int
) -> None:
    """A root is zero only where it is exact, so no trait of functions is needed; all special results are left open."""
    marks = np.empty(min(PIECE, out.size), bool)
    ziv = ziv_mixed if out.dtype == np.float32 else ziv_double
    for start, pieces in pieces_of(arrays, out.size):
        target, open_ = out[start : start + PIECE], marks[: pieces[0].size]
        with np.errstate(all="ignore"):
            y = _ROOTS[op](*(p.astype(np.float64, copy=False) for p in pieces))
        ziv(y, target, open_, 2 * _ROOT_ERROR, 0, how.spec_array)
        places = np.flatnonzero(open_)
        if places.size:
            target[places] = compute_plainly(op, tuple(p[places] for p in pieces), 0, how, key)
