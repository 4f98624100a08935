"""The sweep: `nf.round`, `nf.encode` and `nf.decode` of one format against the exact oracle, bit for bit.

`sweep` goes through every rounding mode and overflow policy for both carriers; `sweep_words` through every random word
of the stochastic modes with up to eight random bits. ``nfloat check --exhaustive`` runs them over whole families of
formats (``families.py``), the test suite over some. A NaN equals any NaN; -0 and +0 differ; codes must be equal, a
NaN's included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import RepresentationError, RoundingError
from ..formats.format import Format
from ..formats.rounding import Overflow, Rounding
from ..formats.spec import rounding_spec
from ..kernels.rounding.given_words import round_with_words
from ..ops.codes import decode, encode
from ..ops.rounding import round as round_public
from ..streams import Stream
from .grid import TABLE_BITS, Grid, bounded, code_values, codes_of, prepare, round_grid, round_unbounded, stream_words
from .oracle import canonical_nan
from .probes import Floats, landmarks, probes, random_inputs

#: numbers of random bits that a sweep gives to stochastic_a, _b and _c
RANDOM_BITS = (4, 13, 32, 60)
#: the most mismatches that a report keeps
KEPT = 5
#: inputs that are compared at a time: few enough for the processor's cache, which is what a sweep's time hangs on
PIECE = 1 << 16


@dataclass
class Report:
    """What a sweep proved: how many results were compared in how many ways, and the first mismatches."""

    format: Format
    inputs: int = 0
    #: more than one where reports on several formats are put together
    formats: int = 1
    compared: int = 0
    wrong: int = 0
    mismatches: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    @property
    def ways(self) -> int:
        """In how many ways (function, carrier, mode, policy) something was computed and compared."""
        return len(self.seen)

    @property
    def ok(self) -> bool:
        """Whether everything agreed."""
        return self.wrong == 0

    def include(self, other: Report) -> None:
        """Add another report on the same format."""
        for key in ("inputs", "compared", "wrong"):
            setattr(self, key, getattr(self, key) + getattr(other, key))
        self.seen |= other.seen
        self.mismatches += other.mismatches[: KEPT - len(self.mismatches)]

    def compare(self, what: str, x: NDArray[Any], actual: ArrayLike, desired: NDArray[Any]) -> None:
        """Count one way of computing; `actual` and `desired` are floats or codes."""
        self.seen.add(what)
        self.compared += x.size
        actual = np.asarray(actual)
        bad = np.flatnonzero(differs(actual, desired))
        self.wrong += bad.size
        for i in bad[: KEPT - len(self.mismatches)]:
            value = float(x[i]).hex() if x.dtype.kind == "f" else hex(x[i])
            self.mismatches.append(
                f"{self.format.name} {what}: {value} gives {actual[i]!r}, exact is {desired[i]!r} (element {i} of "
                f"{x.size})"
            )


def differs(actual: NDArray[Any], desired: NDArray[Any]) -> NDArray[np.bool_]:
    """Where two arrays of floats or codes are not the same; all NaNs are the same, zeros of different sign are not."""
    if actual.dtype.kind != "f":
        return actual != desired
    with np.errstate(invalid="ignore"):  # a signalling NaN would warn
        a, d = actual.astype(np.float64, copy=False), desired.astype(np.float64, copy=False)
    other = a.view(np.int64) != d.view(np.int64)
    places = np.flatnonzero(other)
    other[places] = ~(np.isnan(a[places]) & np.isnan(d[places]))
    return other


def sweep(fmt: Format, *, random: int = 1_000_000, seed: int = 0, thorough: bool = True, stride: int = 1) -> Report:
    """Everything about one format.

    Parameters
    ----------
    fmt : Format
        Up to 16 bits all its numbers and midpoints are inputs, beyond that those around every power of two.
    random : int
        How many random float64 inputs come on top, for every mode and policy; stochastic_a, _b and _c take another
        number of random bits for each piece of them (all numbers for the inputs of the first kind).
    seed : int
        Of the random inputs and of the stochastic modes.
    thorough : bool
        If not, policies other than the format's own see only the inputs that they can matter for (large, zero, special)
        and one in sixteen of the others, and stochastic_a, _b and _c run with one number of random bits.
    stride : int
        Of the numbers and midpoints with their neighbours every `stride`-th is an input, and all that may overflow.
    """
    report = Report(fmt)
    grid = Grid(fmt)
    _sweep_codes(report)
    points = probes(fmt)
    points = points[_overflows(points, fmt) | (np.arange(points.size) % stride == 0)]
    for x, every_number in ((points, thorough), (random_inputs(fmt, random, seed), False)):
        carriers = [x]
        if fmt.fits_float32:
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                carriers.append(x.astype(np.float32))
        for carrier in carriers:
            report.inputs += carrier.size
            _sweep_carrier(report, grid, carrier, seed, thorough, every_number)
    return report


def policies(fmt: Format) -> list[Overflow | None]:
    """The overflow policies that a format allows, its own first."""
    return [None, *(policy for policy in Overflow if _allowed(fmt, policy))]


def _allowed(fmt: Format, policy: Overflow) -> bool:
    try:
        rounding_spec(fmt, Rounding.NEAREST_EVEN, policy)
    except RoundingError:
        return False
    return True


def modes(numbers: tuple[int, ...]) -> Iterator[tuple[Rounding, int | None]]:
    """Every rounding mode, those that need a number of random bits once with each of `numbers`."""
    for mode in Rounding:
        for bits in numbers if mode.needs_random_bits else (None,):
            yield mode, bits


def _sweep_codes(report: Report) -> None:
    """decode, and encode of every decoded number."""
    fmt = report.format
    if fmt.bits > TABLE_BITS:
        return
    codes = np.arange(2**fmt.bits).astype(np.uint8 if fmt.bits <= 8 else np.uint16)
    values = code_values(fmt)
    report.inputs += codes.size
    report.compare("decode", codes, decode(codes, fmt), values)
    few = codes[:: max(1, codes.size // 100)]  # arrays of another length may be decoded in another way
    report.compare("decode, few codes", few, decode(few, fmt), values[few])
    if not fmt.flushes_input and not fmt.flushes_output:
        there = ~np.isnan(values)
        again = encode(
            values[there], fmt, overflow=Overflow.SATURATE_FINITE
        )  # infinities stay, whatever the format's own policy
        report.compare("encode(decode)", codes[there], again, codes[there])


def _sweep_carrier(
    report: Report, grid: Grid, x: NDArray[np.floating], seed: int, thorough: bool, every_number: bool
) -> None:
    """Every mode and policy, piece by piece; each piece is a call of its own, so all see the same random words."""
    fmt = report.format
    table = code_values(fmt) if fmt.bits <= TABLE_BITS else None
    words = stream_words(Stream(seed).key, PIECE)
    allowed = policies(fmt)
    work = [(x, allowed)] if thorough else [(x, allowed[:1]), (x[_matters(x.astype(np.float64), fmt)], allowed[1:])]
    for inputs, chosen in work:
        for number, start in enumerate(range(0, inputs.size, PIECE)):
            piece = inputs[start : start + PIECE]
            one = RANDOM_BITS[number % len(RANDOM_BITS)]
            ways = list(modes(RANDOM_BITS if every_number else (one,)))
            _sweep_piece(report, grid, piece, chosen, ways, seed, words[: piece.size], table)


def _sweep_piece(
    report: Report,
    grid: Grid,
    x: NDArray[np.floating],
    chosen: list[Overflow | None],
    ways: list[tuple[Rounding, int | None]],
    seed: int,
    words: NDArray[np.uint64],
    table: Floats | None,
) -> None:
    fmt, wide = report.format, x.astype(np.float64)
    neighbours = prepare(wide, grid)
    for mode, bits in ways:
        unbounded = round_unbounded(wide, neighbours, fmt, mode, bits or 0, words)
        for policy in chosen:
            how: dict[str, Any] = {
                "rounding": mode,
                "overflow": policy,
                "random_bits": bits,
                "seed": seed if mode.is_stochastic else None,
            }
            what = f"{x.dtype.name} {mode} overflow={policy}" + (f" random_bits={bits}" if bits else "")
            exact = bounded(unbounded, wide, fmt, mode, policy)
            report.compare(f"round {what}", x, round_public(x, fmt, **how), exact)
            _compare_codes(report, what, x, exact, table, how)


def _matters(x: Floats, fmt: Format) -> NDArray[np.bool_]:
    """Inputs whose result may hang on the overflow policy, and one in sixteen of the others."""
    return _overflows(x, fmt) | (x == 0) | (np.arange(x.size) % 16 == 0)


def _overflows(x: Floats, fmt: Format) -> NDArray[np.bool_]:
    """Where something may be too large, or is NaN."""
    return ~(np.abs(x) <= fmt.max / 2)


def _compare_codes(
    report: Report, what: str, x: NDArray[np.floating], exact: Floats, table: Floats | None, how: dict[str, Any]
) -> None:
    """encode: the right number's code; where several codes have one number (NaN, a flushed zero), the canonical one."""
    fmt = report.format
    missing = np.isnan(exact)
    if missing.any() and not fmt.has_nan:
        try:
            encode(x, fmt, **how)
        except RepresentationError:
            # the largest number in their place: the other elements keep theirs, and with it their random words
            x, exact = np.where(missing, x.dtype.type(fmt.max), x), np.where(missing, fmt.max, exact)
        else:
            report.compare(f"encode {what}: NaN must raise", x[:1], np.zeros(1), np.ones(1))
            return
    codes = np.asarray(encode(x, fmt, **how))
    if table is None:
        report.compare(f"encode {what}", x, codes, codes_of(exact, fmt))
        report.compare(f"decode {what}", x, decode(codes, fmt), exact)
        return
    known = codes < table.size
    if not known.all():
        report.compare(f"encode {what}: no such code", x, codes * ~known, np.zeros_like(codes))
        return
    report.compare(f"encode {what}", x, table[codes], exact)
    if fmt.has_nan:
        report.compare(
            f"encode {what}: NaN", x[missing], codes[missing], np.full(missing.sum(), canonical_nan(fmt), codes.dtype)
        )


# ---------------------------------------------------------------- every random word
def sweep_words(fmt: Format, most_bits: int = 8) -> Report:
    """stochastic_a, _b and _c with 1 .. `most_bits` random bits N, and every R in [0, 2^N).

    Inputs: from every number (beyond 8 bits: from numbers around the edges) some fractions of the gap, and from four
    numbers every fraction k 2^-(N+1) with its float64 neighbours.
    """
    report = Report(fmt)
    grid = Grid(fmt)
    for bits in range(1, most_bits + 1):
        x = _fractions(fmt, bits)
        report.inputs += x.size
        n = prepare(x, grid)
        for mode in (Rounding.STOCHASTIC_A, Rounding.STOCHASTIC_B, Rounding.STOCHASTIC_C):
            for r in range(2**bits):
                words = np.full(x.size, r << (64 - bits), np.uint64) | np.uint64(
                    (r * 0x9E3779B97F4A7C15 & (2**64 - 1)) >> bits
                )
                out = np.empty_like(x)
                round_with_words(x, out, rounding_spec(fmt, mode, None, bits), words)
                report.compare(f"{mode} N={bits} R={r}", x, out, round_grid(x, n, fmt, mode, None, bits, words))
    return report


def _fractions(fmt: Format, bits: int) -> Floats:
    grid = landmarks(fmt)
    lows, highs = grid[:-1], grid[1:]
    if fmt.bits > 8:
        some = np.unique(
            np.concatenate(
                [np.arange(6), np.arange(lows.size - 6, lows.size), np.linspace(0, lows.size - 1, 20).astype(int)]
            ).clip(0)
        )
        lows, highs = lows[some], highs[some]
    few = np.array([1, 3, 2**bits - 1, 2**bits, 2**bits + 1, 2 ** (bits + 1) - 1])
    dense = np.arange(2 ** (bits + 1))
    four = np.unique(np.linspace(0, lows.size - 1, 4).astype(int))
    x = np.concatenate(
        [
            (lows[:, None] + (highs - lows)[:, None] * (few * 2.0 ** -(bits + 1))).ravel(),
            (lows[four, None] + (highs - lows)[four, None] * (dense * 2.0 ** -(bits + 1))).ravel(),
        ]
    )
    with np.errstate(over="ignore"):
        x = np.concatenate([x, np.nextafter(x, np.inf), np.nextafter(x, 0.0)])
    return np.concatenate([x, -x])
