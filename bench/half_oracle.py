"""float16 arithmetic by other means, fast enough for 10^8 pairs and for all 2^32: NumPy's conversion from float64.

Sums and products of float16 numbers are float64 numbers; a float64 quotient of them lies on the same side of every
float16 number and midpoint as the true one (53 >= 2 * 11 + 2). So one conversion gives the result to nearest-even, and
comparing it with the float64 number gives the neighbour on the other side, from which every mode follows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.testing.grid import code_values
from nfloat.testing.sweep_arithmetic import hard_pairs

OPERATIONS = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide}
MODES = [m for m in Rounding if not m.is_stochastic]
PIECE = 1 << 20
#: magnitudes of codes; one step above the largest number stands for infinity when a distance is measured
_VALUES = code_values(nf.float16)[: 1 << 15]
_STEPS = np.where(np.isinf(_VALUES), 65536.0, _VALUES)


def results(z: np.ndarray, cancelled: np.ndarray) -> Iterator[tuple[Rounding, np.ndarray]]:
    """(mode, the float16 results of the exact values z); `cancelled` are zeros from operands of opposite sign."""
    a, negative = np.abs(z), np.signbit(z)
    with np.errstate(over="ignore"):
        nearest = a.astype(np.float16).view(np.uint16)
    missing = np.isnan(a)
    nearest[missing] = 0
    low = nearest - (_VALUES[nearest] > a)  # the greatest code at or below
    exact = (_VALUES[low] == a) | missing
    high = np.where(exact, low, low + 1)
    middle = (_STEPS[low] + _STEPS[high]) / 2
    codes = {
        Rounding.NEAREST_EVEN: nearest,
        Rounding.NEAREST_AWAY: np.where(a >= middle, high, low),
        Rounding.NEAREST_ZERO: np.where(a > middle, high, low),
        Rounding.TOWARD_ZERO: low,
        Rounding.TOWARD_POSITIVE: np.where(negative, low, high),
        Rounding.TOWARD_NEGATIVE: np.where(negative, high, low),
        Rounding.TO_ODD: np.where(exact, low, low | 1),
    }
    for mode, code in codes.items():
        r = np.copysign(_VALUES[code], z)
        r[cancelled] = -0.0 if mode is Rounding.TOWARD_NEGATIVE else 0.0
        r[missing] = np.nan
        yield mode, r


def _exact(name: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(all="ignore"):
        z = OPERATIONS[name](x, y)
    opposite = np.signbit(x) != (np.signbit(y) != (name == "subtract"))
    return z, (z == 0) & opposite if name in ("add", "subtract") else np.zeros(z.shape, bool)


def _wrong(got: np.ndarray, wanted: np.ndarray) -> int:
    """All NaNs are the same; zeros of different sign are not."""
    a, b = got.astype(np.float32, copy=False), wanted.astype(np.float32, copy=False)
    return int(np.count_nonzero((a.view(np.int32) != b.view(np.int32)) & ~(np.isnan(a) & np.isnan(b))))


def hard(count: int) -> Iterator[tuple[str, int, int]]:
    """(operation, results compared, wrong ones) of `count` hard pairs in seven modes: float32, float64, FloatArrays."""
    compared, wrong = dict.fromkeys(OPERATIONS, 0), dict.fromkeys(OPERATIONS, 0)
    for piece in range(-(-count // PIECE)):
        x, y = hard_pairs(nf.float16, min(PIECE, count - piece * PIECE), seed=1000 + piece)
        u, v = x.astype(np.float32), y.astype(np.float32)
        a, b = nf.array(u, "float16"), nf.array(v, "float16")
        for name, ufunc in OPERATIONS.items():
            for mode, wanted in results(*_exact(name, x, y)):
                wanted = wanted.astype(np.float32)
                function = getattr(nf, name)
                wrong[name] += _wrong(function(u, v, "float16", mode), wanted)
                compared[name] += x.size
                if piece % 8 == 0:  # the other ways share their kernels with one of these two
                    wrong[name] += _wrong(function(x, y, "float16", mode), wanted)
                    compared[name] += x.size
                if mode is Rounding.NEAREST_EVEN:
                    wrong[name] += _wrong(np.asarray(ufunc(a, b)), wanted)
                    compared[name] += x.size
    for name in OPERATIONS:
        yield f"{name}, {count:,} hard pairs, 7 modes", compared[name], wrong[name]


def every_pair() -> Iterator[tuple[str, int, int]]:
    """All 2^32 pairs to nearest-even, as FloatArrays; the float32 form for a sixteenth of them."""
    values = code_values(nf.float16)
    y, compared, wrong = (
        nf.array(np.tile(values.astype(np.float32), 4), "float16"),
        dict.fromkeys(OPERATIONS, 0),
        dict.fromkeys(OPERATIONS, 0),
    )
    v = np.asarray(y).astype(np.float64)
    for first in range(0, values.size, 4):
        u = np.repeat(values[first : first + 4], values.size)
        x = nf.array(u.astype(np.float32), "float16")
        for name, ufunc in OPERATIONS.items():
            z, _ = _exact(name, u, v)
            with np.errstate(over="ignore"):
                wanted = z.astype(np.float16)
            wrong[name] += _wrong(np.asarray(ufunc(x, y)), wanted)
            compared[name] += z.size
            if first % 64 == 0:
                wrong[name] += _wrong(getattr(nf, name)(np.asarray(x), np.asarray(y), "float16"), wanted)
                compared[name] += z.size
    for name in OPERATIONS:
        yield f"{name}, all pairs, nearest_even", compared[name], wrong[name]
