"""What a kernel's arithmetic might be: the accumulators and units that `identify` tries, simplest first.

Formats, orders, roundings of products, modes, split-K, an output rounded once more, and every matrix unit whose operand
formats hold the data. Numbers of lanes and blocks are the small ones, the powers of two, and even divisions of k.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product as combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format
from ..formats.names import get_format
from ..formats.rounding import Rounding
from ..kernels.gemm.orders import Order
from ..linalg.accumulators import MOST_LANES, Accumulator
from ..linalg.units.names import units
from ..linalg.units.sums import Conversion, IntegerSum
from ..linalg.units.unit import Unit
from ..ops.rounding import round as round_to

#: formats that sums are held in, as hardware and libraries have them
SUMS = ("float32", "float16", "bfloat16", "float64", "tfloat32", "float8_e5m2", "float8_e4m3fn")
#: formats that results are written in
OUTPUTS = ("float8_e4m3fn", "float8_e5m2", "bfloat16", "float16", "tfloat32", "float32")
#: formats that a kernel may round its operands to
INPUTS = ("tfloat32", "bfloat16", "float16")
_PARTS = (2, 3, 4, 5, 6, 8, 16)
#: most parts of split-K, and tiles of k that float32 kernels deal out to their parts
_MOST_PARTS, _DEALT = 64, (1, 8)
_LANES = (2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024)
_DETERMINISTIC = tuple(mode for mode in Rounding if not mode.is_stochastic)
#: modes of sums that have many forms
_COMMON = (Rounding.NEAREST_EVEN, Rounding.TOWARD_ZERO)


@dataclass(frozen=True)
class Candidate:
    """One arithmetic: who sums, and how k is cut before; operands and result are rounded by the caller."""

    how: Accumulator | Unit
    split_k: int = 1
    promote: Format | None = None
    tile: int | None = None
    interleaved: bool = False

    @property
    def result(self) -> Format | None:
        """The format of its sums; None for integers."""
        if isinstance(self.how, Accumulator):
            return self.promote or self.how.result_format
        return None if isinstance(self.how.arithmetic, IntegerSum) else self.promote or get_format(self.how.output)


def fits(x: NDArray[Any], fmt: Format) -> bool:
    """Whether a format holds every element."""
    with np.errstate(invalid="ignore"):
        rounded = np.asarray(round_to(x, fmt))
    return bool(np.all((rounded == x) | (np.isnan(x) & fmt.has_nan)))


def outputs(d: NDArray[Any]) -> list[Format]:
    """Formats that the result may have been rounded to at last: those that hold all of it, narrowest first."""
    return [f for f in map(get_format, OUTPUTS) if fits(d, f)]


def sums(d: NDArray[Any]) -> list[Format]:
    """Formats that the sums may be in: those that hold the result, or are wider than one that it was rounded to."""
    narrow = outputs(d)
    known = [
        f
        for f in map(get_format, SUMS)
        if fits(d, f) or any(f.precision > g.precision and f.emax >= g.emax for g in narrow)
    ]
    return known + _of_other_width(d)


def _of_other_width(d: NDArray[Any]) -> list[Format]:
    """A format of as many bits as the result has, where that is no width of the others: with float32's exponents."""
    significand = np.frexp(d[np.isfinite(d)])[0]
    widths = [p for p in range(2, 24) if np.all(np.ldexp(significand, p) % 1 == 0)][:1]
    if not significand.any() or set(widths) & {f.precision for f in map(get_format, OUTPUTS)}:
        return []
    return [get_format(f"e8m{p - 1}") for p in widths]


@lru_cache(maxsize=32)
def accumulators(k: int, formats: tuple[Format, ...]) -> tuple[Candidate, ...]:
    """Every accumulator that is tried for sums of k terms, simplest first."""
    return tuple(_accumulators(k, formats))


def _accumulators(k: int, formats: Collection[Format]) -> Iterator[Candidate]:
    for fmt in formats:
        for mode in _DETERMINISTIC:
            products = _products(fmt) if mode in _COMMON else [None, fmt]
            for product, order in combinations(products, (Order.SEQUENTIAL, Order.PAIRWISE)):
                yield Candidate(Accumulator(fmt, product=product, rounding=mode, order=order))
            yield Candidate(Accumulator(fmt, rounding=mode, order=Order.EXACT))
            if mode in _COMMON:
                for product in products[:2]:
                    yield Candidate(Accumulator(fmt, product=product, rounding=mode, order=Order.KAHAN))
    for fmt in map(get_format, SUMS):  # what a narrow sum is promoted to may be what the result is in
        for product, mode in combinations(_products(fmt)[:2], _COMMON):
            yield from (one for one in _counted(k, fmt, product, mode) if one.result in formats)
        yield from (one for one in _split(k, fmt) if one.result in formats)
    if any(fmt.name == "float32" for fmt in formats):
        yield from _split_float32(k)


def _products(fmt: Format) -> list[Format | None]:
    """No rounding, that of the sums, and the narrower ones."""
    narrower = [f for f in map(get_format, ("float32", "bfloat16", "float16")) if f.precision < fmt.precision]
    return [None, fmt, *narrower]


def _counted(k: int, fmt: Format, product: Format | None, mode: Rounding) -> Iterator[Candidate]:
    """The orders that go by a number: lanes, and blocks with their promotion."""
    how = Accumulator(fmt, product=product, rounding=mode)
    for lanes in _LANES:
        if 1 < lanes < min(k, MOST_LANES):
            yield Candidate(how.replace(order=Order.INTERLEAVED, lanes=lanes))
    for block in _blocks(k):
        for promote in _joined(fmt):
            yield Candidate(how.replace(order=Order.BLOCKED, block=block, promote=promote))


def _blocks(k: int) -> list[int]:
    even = [-(-k // parts) for parts in _PARTS]
    return sorted({n for n in (*_LANES, *even) if 1 < n < k})


def _joined(fmt: Format) -> list[Format | None]:
    """Where sums of parts are added: as they are, wider, or in the narrow format of the result."""
    wider = [f for f in map(get_format, ("float32", "float64")) if f.precision > fmt.precision]
    return [None, *wider, *(f for f in map(get_format, ("float16", "bfloat16")) if f.precision < fmt.precision)]


def _split(k: int, fmt: Format) -> Iterator[Candidate]:
    """Split-K of sums that are not sequential; of sequential ones it is "blocked"."""
    inner = [Accumulator(fmt, order=Order.PAIRWISE)]
    inner += [Accumulator(fmt, order=Order.INTERLEAVED, lanes=n) for n in (2, 4, 8, 16, 32)]
    inner += [Accumulator(fmt, order=Order.BLOCKED, block=n) for n in (4, 8, 16, 32)]
    for how, parts in combinations(inner, _PARTS):
        if how.terms < -(-k // parts) < k:
            for promote in _joined(fmt):
                yield Candidate(how, parts, promote)


def _split_float32(k: int) -> Iterator[Candidate]:
    """Split-K as GPU libraries have it in float32: runs of tiles of 8, or tiles that are dealt out."""
    how = Accumulator(get_format("float32"))
    for parts in split_counts(k, 8):
        yield Candidate(how, parts, tile=8)
    for tile, parts in combinations(_DEALT, (*_PARTS, 12, 32)):
        if parts * tile < k:
            yield Candidate(how, parts, tile=tile, interleaved=True)


def split_counts(k: int, tile: int) -> list[int]:
    """Numbers of parts that give different runs of whole tiles, the least for each run.

    Examples
    --------
    >>> split_counts(512, 64)
    [2, 3, 4, 8]
    """
    tiles = -(-k // tile)
    least = {-(-tiles // parts): parts for parts in range(min(tiles, _MOST_PARTS), 1, -1)}
    return sorted(least.values())


def matrix_units(a: NDArray[Any], b: NDArray[Any], d: NDArray[Any]) -> Iterator[list[Candidate]]:
    """Every matrix unit that takes these operands, with two-level promotion and split-K; those alike together.

    Those for operands of fewer bits come first: numbers of bfloat16 are not float16's because that holds them too.
    """
    k, narrow = a.shape[-1], outputs(d)
    held: dict[Format, tuple[bool, bool]] = {}
    alike: dict[object, list[Candidate]] = {}
    for unit in units.values():
        if isinstance(unit.arithmetic, Conversion | IntegerSum) or getattr(unit.arithmetic, "scale_block", 0) > 0:
            continue
        for f in unit.formats:
            held.setdefault(f, (fits(a, f), fits(b, f)))
        result = get_format(unit.output)
        takes = held[unit.formats[0]][0] and held[unit.formats[1]][1]
        if takes and (fits(d, result) or any(g.precision < result.precision for g in narrow)):
            for one, every in _options(unit, k):
                key = (unit.vendor, unit.a, unit.b, unit.output, unit.arithmetic, every, one.split_k, one.tile)
                alike.setdefault(key, []).append(one)
    yield from sorted(alike.values(), key=lambda group: _significand(group[0].how))


def _significand(unit: Accumulator | Unit) -> int:
    """Bits of the significands that a unit multiplies."""
    return sum(f.precision for f in unit.formats) if isinstance(unit, Unit) else 0


def _options(unit: Unit, k: int) -> Iterator[tuple[Candidate, int]]:
    """A unit's candidates, each with its number of terms between promotions."""
    yield from _cut(unit, k, 0)
    if unit.output != "float32":
        return
    for every in (32, 64, 128, 256):
        if every < k and every % unit.whole == 0:
            yield from _cut(unit.replace(promote=every), k, every)


def _cut(unit: Unit, k: int, every: int) -> Iterator[tuple[Candidate, int]]:
    """The whole of k, runs of tiles, and few runs of single steps."""
    yield Candidate(unit), every
    if every in (0, 128):
        for parts in split_counts(k, unit.tile):
            yield Candidate(unit, parts, tile=unit.tile), every
    if every == 0 and unit.tile > unit.whole:
        for parts in split_counts(k, unit.whole)[:4]:
            yield Candidate(unit, parts, tile=unit.whole), every


def tile_of(how: Accumulator | Unit) -> int:
    """k that split-K keeps together, where nothing else is said.

    Examples
    --------
    >>> tile_of(units["nvidia.hopper.mma.f16.f32"]), tile_of(units["nvidia.hopper.wgmma.e4m3.f32"])
    (64, 128)
    """
    return how.tile if isinstance(how, Unit) else 1
