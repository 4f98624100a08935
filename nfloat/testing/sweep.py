"""The sweep: `nf.round`, `nf.encode` and `nf.decode` of one format against the exact oracle, bit for bit.

`sweep` goes through every rounding mode and overflow policy for both carriers; `sweep_words` through every random word of
the stochastic modes with up to eight random bits. ``nfloat check --exhaustive`` runs them over whole families of formats
(`families`), the test suite over some. A NaN equals any NaN; -0 and +0 differ; codes must be equal, a NaN's included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, RepresentationError, RoundingError
from ..formats.catalog import FORMATS
from ..formats.format import Format
from ..formats.names import get_format
from ..formats.rounding import Overflow, Rounding
from ..formats.spec import rounding_spec
from ..kernels.words import round_with_words
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


@dataclass
class Report:
    """What a sweep proved: how many results were compared in how many ways, and the first mismatches."""

    format: Format
    inputs: int = 0
    ways: int = 0
    compared: int = 0
    wrong: int = 0
    mismatches: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything agreed."""
        return self.wrong == 0

    def compare(self, what: str, x: NDArray, actual: NDArray, desired: NDArray) -> None:
        """Count one way of computing; `actual` and `desired` are floats or codes."""
        self.ways += 1
        self.compared += x.size
        bad = np.flatnonzero(differs(actual, desired))
        self.wrong += bad.size
        for i in bad[: KEPT - len(self.mismatches)]:
            value = float(x[i]).hex() if x.dtype.kind == "f" else hex(x[i])
            self.mismatches.append(f"{self.format.name} {what}: {value} gives {actual[i]!r}, exact is {desired[i]!r} (element {i} of {x.size})")


def differs(actual: NDArray, desired: NDArray) -> NDArray[np.bool_]:
    """Where two arrays of floats or codes are not the same; all NaNs are the same, zeros of different sign are not."""
    if actual.dtype.kind != "f":
        return actual != desired
    a, d = actual.astype(np.float64, copy=False), desired.astype(np.float64, copy=False)
    return (a.view(np.int64) != d.view(np.int64)) & ~(np.isnan(a) & np.isnan(d))


def sweep(fmt: Format, *, random: int = 1_000_000, seed: int = 0) -> Report:
    """Everything about one format.

    Parameters
    ----------
    fmt : Format
        Up to 16 bits all its numbers and midpoints are inputs, beyond that those around every power of two.
    random : int
        How many random float64 inputs come on top.
    seed : int
        Of the random inputs and of the stochastic modes.
    """
    report = Report(fmt)
    grid = Grid(fmt)
    _sweep_codes(report)
    x = np.concatenate([probes(fmt), random_inputs(fmt, random, seed)])
    carriers = [x]
    if fmt.fits_float32:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            carriers.append(x.astype(np.float32))
    for carrier in carriers:
        report.inputs += carrier.size
        _sweep_carrier(report, grid, carrier, seed)
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


def modes() -> Iterator[tuple[Rounding, int | None]]:
    """Every (mode, random_bits) that a sweep tries."""
    for mode in Rounding:
        for bits in RANDOM_BITS if mode.needs_random_bits else (None,):
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
    if not fmt.flushes_input and not fmt.flushes_output:
        there = ~np.isnan(values)
        again = encode(values[there], fmt, overflow=Overflow.SATURATE_FINITE)  # infinities stay, whatever the format's own policy
        report.compare("encode(decode)", codes[there], again, codes[there])


def _sweep_carrier(report: Report, grid: Grid, x: NDArray[np.floating], seed: int) -> None:
    fmt = report.format
    wide = x.astype(np.float64)
    neighbours = prepare(wide, grid)
    stream = Stream(seed)
    words = stream_words(stream.key, x.size)
    table = code_values(fmt) if fmt.bits <= TABLE_BITS else None
    for mode, bits in modes():
        unbounded = round_unbounded(wide, neighbours, fmt, mode, bits or 0, words)
        for policy in policies(fmt):
            how = {"rounding": mode, "overflow": policy, "random_bits": bits, "seed": stream if mode.is_stochastic else None}
            what = f"{x.dtype.name} {mode} overflow={policy}" + (f" random_bits={bits}" if bits else "")
            exact = bounded(unbounded, wide, fmt, mode, policy)
            report.compare(f"round {what}", x, round_public(x, fmt, **how), exact)
            _compare_codes(report, what, x, exact, table, how)


def _compare_codes(report: Report, what: str, x: NDArray[np.floating], exact: Floats, table: Floats | None, how: dict) -> None:
    """encode: the right number's code; where several codes have one number (NaN, a flushed zero), the canonical one."""
    fmt = report.format
    missing = np.isnan(exact)
    if missing.any() and not fmt.has_nan:
        try:
            encode(x, fmt, **how)
        except RepresentationError:
            x, exact, missing = x[~missing], exact[~missing], missing[~missing]
        else:
            report.compare(f"encode {what}: NaN must raise", x[:1], np.zeros(1), np.ones(1))
            return
        if how["seed"] is not None:
            return  # the elements have moved, and with them their random words
    codes = encode(x, fmt, **how)
    if table is None:
        report.compare(f"encode {what}", x, codes, codes_of(exact, fmt))
        return
    known = codes < table.size
    if not known.all():
        report.compare(f"encode {what}: no such code", x, codes * ~known, np.zeros_like(codes))
        return
    report.compare(f"encode {what}", x, table[codes], exact)
    if fmt.has_nan:
        report.compare(f"encode {what}: NaN", x[missing], codes[missing], np.full(missing.sum(), canonical_nan(fmt), codes.dtype))


# ---------------------------------------------------------------- every random word
def sweep_words(fmt: Format, most_bits: int = 8) -> Report:
    """stochastic_a, _b and _c with 1 .. `most_bits` random bits N, and every R in [0, 2^N).

    Inputs: from every number (beyond 8 bits: from numbers around the edges) some fractions of the gap, and from four numbers
    every fraction k 2^-(N+1) with its float64 neighbours.
    """
    report = Report(fmt)
    grid = Grid(fmt)
    for bits in range(1, most_bits + 1):
        x = _fractions(fmt, bits)
        report.inputs += x.size
        n = prepare(x, grid)
        for mode in (Rounding.STOCHASTIC_A, Rounding.STOCHASTIC_B, Rounding.STOCHASTIC_C):
            for r in range(2**bits):
                words = np.full(x.size, r << (64 - bits), np.uint64) | np.uint64((r * 0x9E3779B97F4A7C15 & (2**64 - 1)) >> bits)
                out = np.empty_like(x)
                round_with_words(x, out, rounding_spec(fmt, mode, None, bits), words)
                report.compare(f"{mode} N={bits} R={r}", x, out, round_grid(x, n, fmt, mode, None, bits, words))
    return report


def _fractions(fmt: Format, bits: int) -> Floats:
    grid = landmarks(fmt)
    lows, highs = grid[:-1], grid[1:]
    if fmt.bits > 8:
        some = np.unique(np.concatenate([np.arange(6), np.arange(lows.size - 6, lows.size), np.linspace(0, lows.size - 1, 20).astype(int)]).clip(0))
        lows, highs = lows[some], highs[some]
    few = np.array([1, 3, 2**bits - 1, 2**bits, 2**bits + 1, 2 ** (bits + 1) - 1])
    dense = np.arange(2 ** (bits + 1))
    four = np.unique(np.linspace(0, lows.size - 1, 4).astype(int))
    x = np.concatenate([
        (lows[:, None] + (highs - lows)[:, None] * (few * 2.0 ** -(bits + 1))).ravel(),
        (lows[four, None] + (highs - lows)[four, None] * (dense * 2.0 ** -(bits + 1))).ravel(),
    ])  # fmt: skip
    x = np.concatenate([x, np.nextafter(x, np.inf), np.nextafter(x, 0.0)])
    return np.concatenate([x, -x])


# ---------------------------------------------------------------- which formats
def p3109_names() -> list[str]:
    """Every P3109 name with 3 <= K <= 16 whose numbers are float64 numbers."""
    names = (f"binary{k}p{p}{s}{d}" for k in range(3, 17) for s in "su" for p in range(1, k + (s == "u")) for d in "ef")
    return [name for name in names if _exists(name)]


def _exists(name: str) -> bool:
    try:
        get_format(name)
    except FormatError:
        return False
    return True


#: formats that are spelled on the fly or take an option, beside the catalogue and P3109
SPELLED = (
    "e2m1", "e2m2", "e3m1", "e5m2", "e6m9", "e7m8", "e8m7", "e4m11", "e10m5", "e11m4", "e11m1", "e2m13", "fixed4.2", "fixed8.4",
    "fixed8.-3", "fixed16.8", "fixed16.20", "int4", "int12", "int16", "int2",
)  # fmt: skip


#: spelled formats of more than 16 bits: at the edges of what float32 and float64 lanes can do
WIDE = (
    "e7m20", "e7m21", "e7m22", "e7m23", "e8m16", "e8m20", "e8m21", "e8m22", "e5m18", "e9m23", "e11m20", "e11m48", "e11m49", "e11m50",
    "e11m51", "e10m49", "e10m50", "e10m51", "e10m52", "e4m30", "fixed32.16", "fixed40.0", "fixed54.20", "int24", "int32",
)  # fmt: skip

#: formats that no name spells, each with something that the named ones lack
UNNAMED = (
    Format(name="one binade", precision=4, emin=3, emax=3),
    Format(name="only powers", precision=1, emin=-4, emax=3),
    Format(name="top cut to a power", precision=5, emin=-6, emax=5, max_significand=16),
    Format(name="unsigned, no specials", precision=4, emin=-6, emax=8, signed=False, has_inf=False, nan="none"),
    Format(name="unsigned with infinity", precision=3, emin=-6, emax=8, signed=False),
    Format(name="saturates of itself", precision=3, emin=-6, emax=8, overflow="saturate"),
    Format(name="keeps infinity", precision=3, emin=-6, emax=8, overflow="saturate_finite"),
    Format(name="bfloat16 without infinity", precision=8, emin=-126, emax=127, has_inf=False, max_significand=254),
    Format(name="bfloat16 with FNUZ zero", precision=8, emin=-126, emax=127, has_inf=False, nan="negative_zero"),
    Format(name="bfloat16 cut short", precision=8, emin=-126, emax=-90),
    Format(name="large numbers", precision=5, emin=100, emax=127),
    Format(name="below float32's normal numbers", precision=5, emin=-140, emax=-100),
    Format(name="unit is the least normal float32", precision=5, emin=-121, emax=0),
    Format(name="unit is the next one down", precision=5, emin=-122, emax=0),
    Format(name="least float64 numbers", precision=5, emin=-1070, emax=-1000),
    Format(name="largest float64 numbers", precision=5, emin=960, emax=1023),
    Format(name="no zero, precision 3", precision=3, emin=-6, emax=8, signed=False, has_inf=False, lowest_binade="normal"),
    Format(name="zero first, with infinity", precision=4, emin=-8, emax=7, lowest_binade="zero_first"),
    Format(name="more bits than needed", precision=4, emin=-6, emax=7, bits=12),
)


def families() -> dict[str, list[Format]]:
    """The formats that the exhaustive check goes through, by family."""
    small = [f for f in FORMATS.values() if f.bits <= TABLE_BITS]
    flushed = [
        get_format(name).replace(name=f"{name}-{how}", subnormals=how)
        for name in ("float16", "bfloat16", "float8_e4m3fn", "float8_e8m0fnu", "binary8p3se")
        for how in ("flush_output", "flush_input", "flush")
    ]
    return {
        "catalogue": small,
        "catalogue, more than 16 bits": [f for f in FORMATS.values() if f.bits > TABLE_BITS],
        "spelled": [get_format(name) for name in SPELLED],
        "spelled, more than 16 bits": [get_format(name) for name in WIDE],
        "unnamed": list(UNNAMED),
        "flushed": flushed,
        "p3109": [get_format(name) for name in p3109_names()],
    }
