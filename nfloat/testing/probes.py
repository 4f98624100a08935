"""Inputs that find rounding errors.

All numbers of a format, all midpoints, their neighbours, and random ones everywhere.

Uniform random floats almost never hit a tie, the subnormal edge or the last step before an overflow; these do. Used by
``sweep.py`` and by the hypothesis strategies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..formats.format import Format
from .grid import TABLE_BITS, magnitudes

Floats = NDArray[np.float64]

#: special values, and the ends of the carriers
SPECIAL = np.array([
    0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 5e-324, -5e-324, 2.0**-1022, 2.0**-149, -(2.0**-149), 2.0**-126,
    np.finfo(np.float32).max, -np.finfo(np.float32).max, np.finfo(np.float64).max, np.finfo(np.float64).min,
])  # fmt: skip


def landmarks(fmt: Format) -> Floats:
    """Magnitudes on the grid.

    All of them to 16 bits, else those around every change (zero, emin, 1, max, powers of two).
    """
    if fmt.bits <= TABLE_BITS:
        return magnitudes(fmt)
    powers = np.ldexp(1.0, np.arange(fmt.emin, fmt.emax + 1))
    unit = np.ldexp(1.0, np.arange(fmt.emin, fmt.emax + 1) - fmt.precision + 1)
    some = [np.arange(4.0) * unit[0], fmt.max - np.arange(4) * unit[-1], powers]
    some += [powers + k * unit for k in (1, 2, 3)] + [2 * (powers / 2 - unit / 2)] * (fmt.precision > 1)
    together = np.unique(np.abs(np.concatenate(some)))
    return together[np.isfinite(together) & (together <= fmt.max)]


def probes(fmt: Format) -> Floats:
    """Every landmark and midpoint of both signs with its carriers' neighbours, and what lies past the largest."""
    grid = landmarks(fmt)
    with np.errstate(over="ignore", under="ignore"):
        unit = np.ldexp(1.0, fmt.emax - fmt.precision + 1)
        past = fmt.max + unit * np.array([0.5, 1.0, 1.5, 2.0, 3.0, 4.0])
        middle = grid[:-1] / 2 + grid[1:] / 2
        points = np.concatenate(
            [grid, middle, past[np.isfinite(past)], [fmt.smallest_normal / 2, fmt.smallest_subnormal / 2]]
        )
        points = np.concatenate([points, np.nextafter(points, np.inf), np.nextafter(points, 0.0), _beside32(points)])
        points = points[np.isfinite(points)]
    points = np.unique(points)
    return np.concatenate([points, -points, SPECIAL])


def _beside32(points: Floats) -> Floats:
    """The float32 neighbours on both sides of every point that float32 reaches."""
    single = points.astype(np.float32)
    near = np.concatenate([single, np.nextafter(single, np.float32(np.inf)), np.nextafter(single, np.float32(0.0))])
    return near.astype(np.float64)


def random_inputs(fmt: Format, count: int, seed: int) -> Floats:
    """Float64 inputs: any bit pattern (1/8), the range and beyond (1/2), below the normal numbers, the top binade."""
    rng = np.random.default_rng([seed, fmt.bits, fmt.precision, fmt.emin & 0xFFFF])
    anything = rng.integers(0, 2**64, count // 8, np.uint64).view(np.float64)
    lowest = fmt.emin - fmt.precision
    low = _significands(rng, count // 4) * _powers(rng.integers(lowest - 3, fmt.emin + 1, count // 4))
    top = _significands(rng, count // 8) * _powers(rng.integers(fmt.emax, fmt.emax + 2, count // 8))
    rest = count - anything.size - low.size - top.size
    body = _significands(rng, rest) * _powers(rng.integers(lowest - 1, fmt.emax + 2, rest))
    x = np.concatenate([anything, low, top, body])
    x[anything.size :] *= rng.choice([-1.0, 1.0], count - anything.size)
    return x


def _significands(rng: np.random.Generator, count: int) -> Floats:
    """In [1, 2), half of them with few bits, so that ties and exact values come up."""
    fine = rng.integers(2**52, 2**53, count)
    keep = rng.integers(1, 53, count)
    return np.where(rng.random(count) < 0.5, fine, fine >> keep << keep).clip(2**52).astype(np.float64) * 2.0**-52


def _powers(exponents: NDArray[np.int64]) -> Floats:
    return np.ldexp(1.0, np.clip(exponents, -1074, 1023))
