"""The exact oracle of block formats: scales and elements in rational arithmetic, as the definitions read.

Like ``oracle.py`` it sees descriptions of formats and no kernel; NumPy only walks through arrays. Random words are
the caller's: a function from an element's (or a scale's) number in C order to its 64-bit word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.blocks import BlockFormat, BlockFormatLike, FourOverSix, Nonfinite, ScaleRule, get_block_format
from ..formats.format import Format
from ..formats.names import get_format
from ..formats.rounding import Overflow, Rounding, RoundingLike
from .oracle import beyond, floor_log2, round_magnitude

Words = Callable[[int], int]


@dataclass(frozen=True)
class ExactBlocks:
    """What quantising gives: elements (before the scale), scales, tensor scale, and their products, exact."""

    elements: NDArray[np.float64]
    scales: NDArray[np.float64]
    tensor_scale: float
    values: NDArray[np.float64]


def no_words(_: int) -> int:
    """The random words of deterministic rounding."""
    return 0


def quantize_exact(
    x: ArrayLike,
    fmt: BlockFormatLike,
    rounding: RoundingLike = "nearest_even",
    *,
    axis: int | tuple[int, int] | None = None,
    random_bits: int | None = None,
    words: Words = no_words,
    scale_words: Words = no_words,
) -> ExactBlocks:
    """The scales and elements of an array of float64 (or narrower) numbers.

    Examples
    --------
    >>> q = quantize_exact([957.0, 1.0], "mxfp8_e4m3")
    >>> q.scales.tolist(), q.elements.tolist()
    ([2.0], [448.0, 0.5])
    """
    f, mode, a = get_block_format(fmt), Rounding(rounding), np.asarray(x, np.float64)
    t = _tensor_scale(f, _amax(a))
    shape, blocks = _blocks(a.shape, f, axis)
    scales, elements, values = np.empty(shape), np.empty(a.shape), np.empty(a.shape)
    places = np.arange(a.size).reshape(a.shape)
    for number, (index, where) in enumerate(blocks):
        block, at = np.ravel(a[where]), np.ravel(places[where])
        scale, e = _block(
            [float(v) for v in block], [words(int(i)) for i in at], f, mode, random_bits, t, scale_words(number)
        )
        scales[index] = scale
        elements[where] = np.reshape(e, elements[where].shape)
        products = [v * scale * t if v == v else math.nan for v in e] if scale == scale else [math.nan] * len(e)
        values[where] = np.reshape(products, values[where].shape)
    return ExactBlocks(elements, scales, t, values)


def _block(
    x: list[float], words: list[int], f: BlockFormat, mode: Rounding, random_bits: int | None, t: float, scale_word: int
) -> tuple[float, list[float]]:
    """The scale of a block and its elements."""
    if _is_nan_block(x, f):
        return math.nan, [0.0] * len(x)
    tries, tensor = [], Fraction(t)
    for largest in (f.element.max,) if f.four_over_six is None else (6.0, 4.0):
        s = scale_exact(_amax(np.array(x)), f, t, largest, scale_word)
        d = Fraction(s) * tensor
        e = [element_exact(v, d, f, mode, random_bits, word) for v, word in zip(x, words, strict=True)]
        tries.append((_error(x, e, s * t, f.four_over_six), s, e))
    best = tries[-1] if tries[-1][0] < tries[0][0] else tries[0]
    return best[1], best[2]


def _error(x: list[float], e: list[float], d: float, kind: FourOverSix | None) -> float:
    """The error that four over six compares, in float64 as it is defined."""
    total = 0.0
    for v, element in zip(x, e, strict=True):
        error = v - element * d
        if math.isfinite(error):
            total += error * error if kind is FourOverSix.MSE else abs(error)
    return total


def _is_nan_block(x: list[float], f: BlockFormat) -> bool:
    nan = any(map(math.isnan, x))
    if f.nonfinite is Nonfinite.NAN and (nan or any(map(math.isinf, x))):
        return True
    return nan and not f.element.has_nan and f.scale.has_nan


def scale_exact(amax: float, f: BlockFormat, t: float, largest: float, word: int = 0) -> float:
    """The scale of a block with this greatest finite magnitude, under the tensor scale t."""
    least = f.scale.smallest_normal if f.scale.flushes_input else f.scale.smallest_subnormal
    if f.scale_rule is ScaleRule.ABSMAX:
        quotient = Fraction(amax) / (Fraction(largest) * Fraction(t)) if amax and t else Fraction(0)
        return _rounded(quotient, False, f.scale, f.scale_rounding, None, word)
    if not amax or not t:
        return least
    a, top = Fraction(amax) / Fraction(t), floor_log2(Fraction(f.element.max))
    exponent = {
        ScaleRule.FLOOR: lambda: floor_log2(a) - top,
        ScaleRule.CEIL: lambda: _ceil_log2(a) - top,
        ScaleRule.EVEN: lambda: floor_log2(_to_digits(a, f.element.precision)) - top,
        ScaleRule.RCEIL: lambda: _ceil_log2(a / Fraction(f.element.max)),
    }[f.scale_rule]()
    return float(min(max(Fraction(2) ** exponent, Fraction(least)), Fraction(f.scale.max)))


def element_exact(x: float, d: Fraction, f: BlockFormat, mode: Rounding, random_bits: int | None, word: int) -> float:
    """x / d rounded once to the element's format, and saturated."""
    e = f.element
    if math.isnan(x):
        return math.nan
    negative = math.copysign(1.0, x) < 0
    lowest = -e.max if e.twos_complement and f.symmetric else None
    if math.isinf(x) and d:
        above, below = (beyond(e, mode, Overflow.SATURATE, positive=side)[1] for side in (True, False))
        return above if not negative else below if lowest is None else lowest
    quotient = Fraction(x) / d if d and math.isfinite(x) else Fraction(0)
    return _rounded(quotient, negative, e, mode, random_bits, word, lowest)


def _rounded(
    q: Fraction,
    negative: bool,
    f: Format,
    mode: Rounding,
    random_bits: int | None,
    word: int,
    lowest: float | None = None,
) -> float:
    """A rational number (with a sign of its own where it is zero) rounded once to a format that saturates."""
    below, above, least, normal, largest = _ends(f, mode)
    zero = -0.0 if negative and f.has_negative_zero else 0.0
    if not q or (f.flushes_input and abs(q) < normal):
        return zero if f.has_zero else below
    a = round_magnitude(abs(q), negative, f, mode, random_bits, word)
    if not a or ((f.flushes_output or not f.has_zero) and a < normal):
        return zero if f.has_zero else below if negative else f.min
    if negative:
        bottom = least if lowest is None else Fraction(lowest)
        return float(-a) if -a >= bottom else below if lowest is None else lowest
    return float(a) if a <= largest else above


@lru_cache(maxsize=256)
def _ends(f: Format, mode: Rounding) -> tuple[float, float, Fraction, Fraction, Fraction]:
    """What is below and above the range becomes; the least, the least normal and the largest number."""
    below, above = (beyond(f, mode, Overflow.SATURATE, positive=positive)[0] for positive in (False, True))
    return below, above, Fraction(f.min), Fraction(f.smallest_normal), Fraction(f.max)


def _tensor_scale(f: BlockFormat, amax: float) -> float:
    if not f.tensor_scale:
        return 1.0
    quotient = Fraction(amax) / (Fraction(f.element.max) * Fraction(f.largest_scale))
    return _rounded(quotient, False, get_format("float32"), Rounding.NEAREST_EVEN, None, 0)


def _amax(a: NDArray[np.float64]) -> float:
    finite = a[np.isfinite(a)]
    return float(np.max(np.abs(finite), initial=0.0))


def _blocks(
    shape: tuple[int, ...], f: BlockFormat, axis: int | tuple[int, int] | None
) -> tuple[tuple[int, ...], Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]]:
    """The scales' shape, and (index of a scale, its elements) in the order of the scales' numbers."""
    if f.sizes is None or not shape:
        return (), iter([((), tuple(slice(None) for _ in shape))])
    default = (-2, -1) if f.is_tile else -1
    given = default if axis is None else axis
    axes: tuple[int, ...] = given if isinstance(given, tuple) else (given,)
    steps = [1] * len(shape)
    for at, size in zip(axes, f.sizes[-len(axes) :], strict=True):
        steps[at] = max(shape[at], 1) if size is None else size
    counts = tuple(-(-n // step) for n, step in zip(shape, steps, strict=True))

    def walk() -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
        for index in np.ndindex(*counts):
            yield index, tuple(slice(i * step, (i + 1) * step) for i, step in zip(index, steps, strict=True))

    return counts, walk()


def _ceil_log2(a: Fraction) -> int:
    low = floor_log2(a)
    return low if Fraction(2) ** low == a else low + 1


def _to_digits(a: Fraction, p: int) -> Fraction:
    """To p significant bits, nearest, ties to even."""
    unit = Fraction(2) ** (floor_log2(a) - p + 1)
    return round(a / unit) * unit
