"""The sweep of arithmetic: `nf.add` ... `nf.sqrt` on numbers of one format against the exact oracle, bit for bit.

`sweep_pairs` takes all pairs of an 8-bit format, or the pairs it is given; `hard_pairs` makes pairs that hit ties,
cancellation, subnormal results and overflow. The exact result is formed in float64, independently of the kernels:

* a sum as TwoSum's pair, of which a float64 *rounded to odd* is as good for any p <= 51 (and for a stochastic mode it
  is compared where the sum is exact);
* a product exactly (p <= 26); a quotient and a root by the hardware's float64 operation, which is never nearer to a
  number of 2p + 2 bits than the true one is, unless it equals it (53 >= 2p + 2): p <= 25, and stochastic modes of up
  to 13 random bits.

What remains is one rounding of a float64 number, which is ``grid.py``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from ..floatarray.array import array
from ..formats.format import Format
from ..formats.rounding import Overflow, Rounding
from ..ops import arithmetic
from ..streams import Stream
from .grid import Grid, code_values, prepare, round_grid, stream_words
from .probes import Floats
from .sweep import Report

#: random bits of stochastic_a, _b and _c in the sweep
RANDOM_BITS = 13
OPERATIONS = ("add", "subtract", "multiply", "divide", "sqrt", "reciprocal")


def _to_odd(s: Floats, error: Floats) -> Floats:
    """s + error rounded to odd: s moved by one step toward the error where its last bit is even."""
    bits = s.view(np.int64)
    step = np.where((error > 0) == (s > 0), 1, -1)
    return np.where((error != 0) & (bits & 1 == 0), bits + step, bits).view(np.float64)


def _sum(x: Floats, y: Floats, downward: bool) -> tuple[Floats, NDArray[np.bool_]]:
    s = x + y
    t = s - x
    error = (x - (s - t)) + (y - t)
    error[~np.isfinite(error)] = 0.0
    cancelled = (s == 0) & (np.signbit(x) != np.signbit(y))
    return np.where(cancelled, -0.0 if downward else 0.0, _to_odd(s, error)), error == 0


def exact_result(name: str, x: Floats, y: Floats, fmt: Format, mode: Rounding) -> tuple[Floats, NDArray[np.bool_]]:
    """(float64 numbers that round as the exact results do, where they are known to 64 bits of their fraction)."""
    everywhere = np.ones(x.shape, bool)
    unsigned = not fmt.has_negative_zero
    if unsigned:
        x, y = x + 0.0, y + 0.0
    with np.errstate(all="ignore"):
        if name in ("add", "subtract"):
            return _sum(x, y if name == "add" else -y + 0.0 if unsigned else -y, mode is Rounding.TOWARD_NEGATIVE)
        if name == "multiply":
            return x * y, everywhere
        if name == "sqrt":
            return np.sqrt(x), np.sqrt(x) ** 2 == x
        top, bottom = (np.ones(x.shape), x) if name == "reciprocal" else (x, y)
        q = top / bottom
    if unsigned and fmt.has_nan:
        q[bottom == 0] = np.nan
    return q, ~everywhere


def sweep_pairs(
    fmt: Format,
    *,
    names: Iterable[str] = OPERATIONS,
    modes: Iterable[Rounding] = tuple(Rounding),
    pairs: tuple[Floats, Floats] | None = None,
    overflow: Iterable[Overflow | None] = (None,),
    float_arrays: bool = False,
    seed: int = 0,
) -> Report:
    """Every operation in every mode and policy on all pairs of a format's numbers, or on `pairs` of them.

    From each carrier; with `float_arrays` in FloatArrays too (deterministic modes), whose kernels know that operands
    are numbers of the format.

    Raises
    ------
    ArgumentError
        If the format is too wide for all pairs and none are given, or beyond the precision that the oracle is exact
        for.
    """
    if fmt.precision > 25 or (pairs is None and fmt.bits > 8):
        raise ArgumentError(f"fmt={fmt.name!r}: all pairs need at most 8 bits, given pairs a precision of at most 25")
    x, y = pairs if pairs is not None else all_pairs(fmt)
    report = Report(fmt, inputs=x.size)
    grid = Grid(fmt)
    stream = Stream(seed)
    words = stream_words(stream.key, x.size)
    ways = _ways(x, y, fmt, stream, float_arrays)
    for mode in modes:
        bits = RANDOM_BITS if mode.needs_random_bits else None
        for name in names:
            z, known = exact_result(name, x, y, fmt, mode)
            neighbours = prepare(z, grid)
            if mode is not Rounding.STOCHASTIC:
                known = np.ones(x.shape, bool)
            for policy in overflow:
                wanted = round_grid(z, neighbours, fmt, mode, policy, bits or 0, words)
                for way, compute in ways.items():
                    got = compute(name, mode, policy, bits)
                    if got is not None:
                        report.compare(f"{name} {mode} overflow={policy} {way}", x[known], got[known], wanted[known])
    return report


def _ways(
    x: Floats, y: Floats, fmt: Format, stream: Stream, float_arrays: bool
) -> dict[str, Callable[..., NDArray[Any] | None]]:
    """The ways of computing (name, mode, policy, random_bits) on these operands; None where one has no answer."""

    def on_carrier(a: NDArray[Any], b: NDArray[Any]) -> Callable[..., NDArray[Any]]:
        def compute(name: str, mode: Rounding, policy: Overflow | None, bits: int | None) -> NDArray[Any]:
            function, seed = getattr(arithmetic, name), stream if mode.is_stochastic else None
            return function(*((a, b)[: _arity(name)]), fmt, mode, overflow=policy, random_bits=bits, seed=seed)

        return compute

    def on_float_arrays(name: str, mode: Rounding, policy: Overflow | None, bits: int | None) -> NDArray[Any] | None:
        if mode.is_stochastic:
            return None
        operands = (v.replace(rounding=mode, overflow=policy) for v in members[: _arity(name)])
        return np.asarray(getattr(np, name)(*operands))

    ways: dict[str, Callable[..., NDArray[Any] | None]] = {"float64": on_carrier(x, y)}
    if fmt.fits_float32:
        ways["float32"] = on_carrier(x.astype(np.float32), y.astype(np.float32))
    if float_arrays:
        members = array(x, fmt), array(y, fmt)
        ways["FloatArray"] = on_float_arrays
    return ways


def _arity(name: str) -> int:
    return 1 if name in ("sqrt", "reciprocal") else 2


def all_pairs(fmt: Format) -> tuple[Floats, Floats]:
    """Every pair of a format's numbers, zeros of either sign, NaN and infinities included."""
    values = code_values(fmt)
    x, y = np.meshgrid(values, values, indexing="ij")
    return x.reshape(-1).copy(), y.reshape(-1).copy()


def hard_pairs(fmt: Format, count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Pairs of a 16-bit (or narrower) format's numbers: near-cancelling, near ties, around both ends of the range."""
    rng = np.random.default_rng(seed)
    values = code_values(fmt)
    finite = np.sort(values[np.isfinite(values)])
    n, size = count // 5, finite.size
    i = rng.integers(0, size, n)
    near = finite[np.clip(i + rng.integers(-3, 4, n), 0, size - 1)]
    parts = [
        (finite[i], -near),  # cancellation
        (finite[i], finite[i] * 2.0 ** -rng.integers(fmt.precision - 1, fmt.precision + 3, n)),  # sums near ties
        (finite[i], finite[rng.integers(0, size, n)]),
        (finite[rng.integers(-min(4096, size), 0, n)], finite[rng.integers(0, size, n)]),  # overflow
        (values[rng.integers(0, values.size, count - 4 * n)], values[rng.integers(0, values.size, count - 4 * n)]),
    ]
    x, y = (np.concatenate([p[k] for p in parts]) for k in (0, 1))
    sorted_there = finite[np.clip(np.searchsorted(finite, y), 0, size - 1)]
    return x, np.where(np.isnan(y), y, sorted_there)
