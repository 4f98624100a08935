"""The operands of a unit's GEMM: a batch in float32, every element checked against the unit's formats.

Here: checks, error messages, and what a kernel may assume (`Reach`). Not here: which kernel runs
(``units/run.py``).
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import RepresentationError, ShapeError
from ...formats.format import Format
from ...formats.names import get_format
from ...kernels.jit import entry_point
from ...kernels.units.pack import scan
from ...ops.arguments import CARRAY, LAYOUT, as_carrier
from ..operands import MatmulOperands
from .unit import Unit

Floats = NDArray[np.float32]

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


class Reach(NamedTuple):
    """What one pass over an operand found: infinities or NaNs, and the exponents of its finite elements other than 0.

    `least` and `greatest` are floor(log2 |x|), with -127 for float32 subnormals; both 0 for an operand of zeros.
    """

    infinite: bool = False
    nan: bool = False
    least: int = 0
    greatest: int = 0

    @property
    def finite(self) -> bool:
        """Neither infinities nor NaNs."""
        return not (self.infinite or self.nan)


#: of an operand that was not looked at, or is not there
NOTHING = Reach()


class UnitOperands(NamedTuple):
    """A batch of GEMMs: a (na, m, k), b (nb, k, n), c (batch, m, n) or None; which a and b each of the batch takes."""

    a: NDArray[np.floating]
    b: NDArray[np.floating]
    c: NDArray[np.floating] | None
    item_a: NDArray[np.int64]
    item_b: NDArray[np.int64]
    reach_a: Reach
    reach_b: Reach
    reach_c: Reach
    scale_a: NDArray[np.float64] | None = None
    scale_b: NDArray[np.float64] | None = None

    def part(self, k: NDArray[np.intp] | slice, c: Floats | None, block: int = 1) -> UnitOperands:
        """The same GEMM over some of k (whole blocks of `block`), with another C."""
        scales: list[NDArray[np.float64] | None] = [None, None]
        if self.scale_a is not None and self.scale_b is not None:
            blocks = np.arange(self.a.shape[2])[k][::block] // block
            scales = [
                np.ascontiguousarray(self.scale_a[:, :, blocks]),
                np.ascontiguousarray(self.scale_b[:, blocks, :]),
            ]
        a, b = np.ascontiguousarray(self.a[:, :, k]), np.ascontiguousarray(self.b[:, k, :])
        reach_c = NOTHING if c is None or c.dtype != np.float32 else measure(c, get_format("float32"))[0]
        return UnitOperands(a, b, c, self.item_a, self.item_b, self.reach_a, self.reach_b, reach_c, *scales)


def measure(x: Floats, fmt: Format) -> tuple[Reach, bool]:
    """What is in x, and whether the format holds every element."""
    found = np.empty(5, np.int64)
    entry_point(scan)(x.reshape(-1), fmt.precision, fmt.emin, fmt.min, fmt.max, found)
    return reach_of(found, fmt)


def reach_of(found: NDArray[np.int64], fmt: Format) -> tuple[Reach, bool]:
    """What `scan` found, and whether the format holds every element."""
    bad, infinite, nan, low, high = found.tolist()
    fits = not bad and (fmt.has_inf or not infinite) and (fmt.has_nan or not nan)
    if not high:
        return Reach(bool(infinite), bool(nan)), fits
    return Reach(bool(infinite), bool(nan), (low >> 23) - 127, (high >> 23) - 127), fits


def _named(x: NDArray[Any], wrong: NDArray[np.bool_], argument: str) -> str:
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{argument}[{', '.join(map(str, index))}]={x[index]!s}" if index else f"{argument}={x[()]!s}"


def held(x: NDArray[np.floating], fmt: Format) -> NDArray[np.bool_]:
    """Where the format holds x exactly: the plain form of what `scan` does, for messages."""
    y = np.asarray(x, np.float64)
    finite = np.isfinite(y)
    exponent = np.maximum(np.frexp(np.where(finite, y, 0.0))[1] - 1, fmt.emin) - (fmt.precision - 1)
    units = np.ldexp(np.where(finite, y, 0.0), -exponent)
    inside = (units == np.trunc(units)) & (y <= fmt.max) & (y >= fmt.min)
    return np.where(finite, inside, np.where(np.isnan(y), fmt.has_nan, fmt.has_inf))


def checked(
    carrier: NDArray[np.floating], argument: str, fmt: Format, unit: Unit
) -> tuple[NDArray[np.floating], Reach]:
    """An operand as float32 (float64 for a float64 unit), every element a value of the format.

    Raises
    ------
    RepresentationError
        Naming the first element that is not.
    """
    dtype = _DOUBLE if fmt.precision == 53 else _SINGLE
    own = carrier
    if own.dtype is not dtype:
        with np.errstate(all="ignore"):
            own = own.astype(dtype)
    if own.flags.num & LAYOUT != CARRAY:
        own = np.array(own, order="C")  # kernels have one signature: of arrays that may be written to
    if fmt.precision == 53:
        return own, NOTHING
    reach, fits = measure(own, fmt)
    if carrier.dtype == np.float64 and fits:
        fits = bool(np.array_equal(own, carrier, equal_nan=True))
    if not fits:
        wrong = ~held(carrier, fmt)
        advice = "round it first" if argument == "c" else f"round first, or pass inputs={fmt.name!r}"
        raise RepresentationError(
            f"{_named(carrier, wrong, argument)} is not a value of {fmt.name}, which {unit.name} takes as {argument} "
            f"({int(wrong.sum())} of {carrier.size} are not); {advice}"
        )
    return own, reach


def unit_operands(x: MatmulOperands, unit: Unit, scales: tuple[ArrayLike | None, ArrayLike | None]) -> UnitOperands:
    """Operands as a unit takes them, every element checked.

    Raises
    ------
    RepresentationError
        If a format cannot hold an element.
    ShapeError
        If scales do not fit.
    """
    format_a, format_b = unit.formats
    (a, reach_a), (b, reach_b) = checked(x.a, "a", format_a, unit), checked(x.b, "b", format_b, unit)
    c, reach_c = (None, NOTHING) if x.c is None else checked(x.c, "c", get_format(unit.output), unit)
    a, b, c = x.matrices(a, b, c)
    scale_a, scale_b = _scales(scales, unit, a.shape, b.shape)
    stack, (m, k), n = x.full[:-2], a.shape[-2:], b.shape[-1]
    item_a, item_b = _items(a.shape[:-2], stack), _items(b.shape[:-2], stack)
    a, b = a.reshape(prod(a.shape[:-2]), m, k), b.reshape(prod(b.shape[:-2]), k, n)
    if b.shape[0] == 1 and 1 < a.shape[0] == item_a.size and scale_b is None:  # one b for all: one taller a
        m *= a.shape[0]
        a = a.reshape(1, m, k)
        item_a = np.zeros(1, np.int64)
        item_b = np.zeros(1, np.int64)
    if c is not None:
        c = np.require(c.reshape(item_a.size, m, n), requirements=("C", "W"))  # a broadcast view may not be written to
    return UnitOperands(a, b, c, item_a, item_b, reach_a, reach_b, reach_c, scale_a, scale_b)


def _items(own: tuple[int, ...], stack: tuple[int, ...]) -> NDArray[np.int64]:
    """Which of an operand's own matrices each matrix of the stack takes."""
    if not stack:
        return np.zeros(1, np.int64)
    numbers = np.arange(prod(own), dtype=np.int64).reshape(own)
    return np.broadcast_to(numbers, stack).flatten()


def _scales(
    scales: tuple[ArrayLike | None, ...], unit: Unit, shape_a: tuple[int, ...], shape_b: tuple[int, ...]
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    block = getattr(unit.arithmetic, "scale_block", 0)
    if not block:
        for name, x in zip(("scale_a", "scale_b"), scales, strict=True):
            if x is not None:
                raise ShapeError(f"{name} is given, but {unit.name} takes no block scales")
        return None, None
    blocks = -(-shape_a[-1] // block)
    wanted = ((*shape_a[:-1], blocks), (*shape_b[:-2], blocks, shape_b[-1]))
    out = [_scale(x, name, w, unit) for x, name, w in zip(scales, ("scale_a", "scale_b"), wanted, strict=True)]
    return out[0], out[1]


def _scale(x: ArrayLike | None, name: str, wanted: tuple[int, ...], unit: Unit) -> NDArray[np.float64]:
    """Scales as a (batch, ., .) float64 array of the wanted shape: ones if none are given, UE4M3 without its sign."""
    if x is None:
        x = np.ones(wanted)
    fmt = get_format(unit.arithmetic.scale_format)  # type: ignore[union-attr]
    array = np.asarray(as_carrier(x, name, single=False))
    try:
        full = np.broadcast_to(array, wanted)
    except ValueError:
        raise ShapeError(
            f"{name} of shape {array.shape} must broadcast to {wanted}: one scale per block of k"
        ) from None
    if fmt.signed:
        full = np.abs(full)
    wrong = ~held(full, fmt) | ((full == 0) & (not fmt.has_zero))
    if wrong.any():
        raise RepresentationError(
            f"{_named(full, wrong, name)} is not a value of {fmt.name}, the scale format of {unit.name}"
        )
    return np.ascontiguousarray(full, np.float64).reshape(-1, *wanted[-2:])
