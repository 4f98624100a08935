"""The hardest float32 arguments of elementary functions, found by going through all of a range.

And the approximations' errors.

In every binade from 2^-12 to 2^7 (and some numbers from everywhere) each float32 number's function is approximated in
float64. Where that lies within a few units of 2^-52 of a float32 number or midpoint, the argument is among the hardest
to round, and its result is compared with MPFR. On the way the float32 approximation is held against the float64 one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mpfr_oracle import UNARY, rounded_to_odd

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.ops.approximations import APPROXIMATIONS
from nfloat.testing.grid import Grid, prepare, round_grid
from nfloat.testing.sweep import differs

PIECE = 1 << 22
#: how near a breakpoint is hard, in units of the float64 approximation's last place
NEAR = 24
KEPT = 4000
_LOW, _HIGH = 2.0**-12, 2.0**7


def _pieces(domain: tuple[float, float]) -> Iterator[np.ndarray]:
    first, last = (int(np.float32(v).view(np.int32)) for v in (_LOW, _HIGH))
    for sign in (np.float32(1), np.float32(-1)):
        for start in range(first, last, PIECE):
            x = np.arange(start, min(start + PIECE, last), dtype=np.int32).view(np.float32) * sign
            yield x[(x > domain[0]) & (x < domain[1])]
    x = np.random.default_rng(41).integers(-(2**31), 2**31, 4 * PIECE).astype(np.int32).view(np.float32)
    yield x[(x > domain[0]) & (x < domain[1])]


def _domain(name: str) -> tuple[float, float]:
    inf = float("inf")
    return {
        "log": (0, inf),
        "log2": (0, inf),
        "log10": (0, inf),
        "log1p": (-1, inf),
        "arcsin": (-1, 1),
        "arccos": (-1, 1),
    }.get(name, (-inf, inf))


def _hard(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Normal results next to a number or midpoint of float32 (28 bits of a float64 lie below one), limits apart."""
    rest, size = y.view(np.int64) & (2**28 - 1), np.abs(y)
    near = ((rest < NEAR) | (rest > 2**28 - NEAR)) & (size > 2.0**-126) & (size < 2.0**128)
    places = np.flatnonzero(near)
    x, y, size = x[places].astype(np.float64), y[places], size[places]
    for limit in (
        x,
        x / 2,
        1.0,
        0.5,
    ):  # a function that tends to one of these is hard for all arguments from somewhere on
        near[places] &= np.abs(size - np.abs(limit)) > 2.0**-24 * size
    return near


def _beyond_error(name: str, x: np.ndarray, y: np.ndarray) -> int:
    """Numbers whose float32 approximation is further off than stated."""
    form = APPROXIMATIONS[name]
    if form.single is None:
        return 0
    moderate = (np.abs(y) > 2.0**-100) & (np.abs(y) < 2.0**100)
    error = np.abs(form.single(x).astype(np.float64) - y)
    return int(np.count_nonzero(moderate & ~(error <= (form.single_error + form.error) * np.abs(y))))


def hardest(name: str) -> tuple[int, int, int, int, list[str]]:
    """(numbers gone through, approximations out of bounds, results compared, wrong ones, the very hardest)."""
    seen = beyond = 0
    found: list[np.ndarray] = []
    with np.errstate(all="ignore"):
        for x in _pieces(_domain(name)):
            y = APPROXIMATIONS[name].evaluate(x.astype(np.float64))
            seen, beyond = seen + x.size, beyond + _beyond_error(name, x, y)
            found.append(x[_hard(x, y)])
    everywhere = np.random.default_rng(42).permutation(found.pop())[:KEPT]
    x = np.concatenate([*found, everywhere])
    z, grid, wrong = rounded_to_odd(name, x), Grid(nf.float32), 0
    n, modes = prepare(z, grid), [m for m in Rounding if not m.is_stochastic]
    for mode in modes:
        wanted = round_grid(z, n, nf.float32, mode, None)
        for operand in (x, x.astype(np.float64)):
            wrong += int(differs(getattr(nf, name)(operand, "float32", mode), wanted).sum())
    in_range = np.arange(x.size) < x.size - everywhere.size
    rest = z.view(np.int64) & (2**28 - 1)
    nearest = np.argsort(
        np.where(in_range & (np.abs(x) > 2.0**-6), np.minimum(rest, 2**28 - rest), 2**40), kind="stable"
    )[:4]
    return seen, beyond, x.size * 2 * len(modes), wrong, [float(v).hex() for v in x[nearest]]


NAMES = tuple(UNARY)
