"""Complete comparisons that take minutes: arithmetic and functions, bit for bit, against oracles of other making.

    python bench/exhaustive.py eight [FORMAT ...]

every pair of formats of up to 8 bits (none named: of all of them), + - * / sqrt 1/x, every mode and overflow policy,
both carriers, FloatArrays

    python bench/exhaustive.py half COUNT | all

float16: COUNT hard pairs, + - * /, 7 modes; or all 2^32 pairs to nearest-even

    python bench/exhaustive.py pairs FORMAT [COUNT]

COUNT hard pairs of a format of p <= 25 as in `eight`

    python bench/exhaustive.py wide FORMAT [COUNT]

float32 or float64: COUNT hard operands, every operation, MPFR's four modes

    python bench/exhaustive.py functions FORMAT [COUNT]

every number of a format of up to 19 bits; COUNT random ones of a wider one

    python bench/exhaustive.py functions2 FORMAT [COUNT]

arctan2, power, hypot and the remainders: all pairs up to 8 bits; COUNT hard ones beyond

    python bench/exhaustive.py products [COUNT]

COUNT random products of random accumulators in tiles against the plain kernel, and a hundredth as many of up to
17 x 17 x 17 against the model over exact rationals

    python bench/exhaustive.py singles [FUNCTION ...]

every float32 number of 19 binades: approximations within their errors, hardest cases

Every line says what was compared and how many results were wrong; the exit code is 1 if any was.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.linalg.accumulators import Order
from nfloat.ops import threads
from nfloat.testing.families import spelled_names
from nfloat.testing.grid import Grid, prepare, round_grid
from nfloat.testing.sweep import differs, policies
from nfloat.testing.sweep_arithmetic import all_pairs, hard_pairs, sweep_pairs

_TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(Path(__file__).parent), str(_TESTS), str(_TESTS / "ops"), str(_TESTS / "linalg")]
import half_oracle
import product_cases
import random_products
import singles as hardest_singles
from mpfr_oracle import (
    ARITHMETIC,
    FLOAT32,
    FLOAT64,
    MODES,
    PAIRWISE,
    UNARY,
    as_float64,
    hard_operands,
    rounded_to_odd,
)

PIECE = 200_000
DETERMINISTIC = [m for m in Rounding if not m.is_stochastic]


def _say(what: str, compared: int, wrong: int, start: float) -> int:
    print(f"{what}: {compared:,} results compared, {wrong} wrong, {time.perf_counter() - start:.0f} s", flush=True)
    return wrong


# ------------------------------------------------------------ arithmetic
def _names_up_to_8_bits() -> list[str]:
    spelled = [name for name in spelled_names() if nf.get_format(name).bits <= 8]
    return (
        [f.name for f in nf.FORMATS.values() if f.bits <= 8]
        + spelled
        + [f"fixed8.{k}" for k in range(8)]
        + [f"binary{k}p{p}{s}{e}" for k in range(3, 9) for s in "su" for p in range(1, k + (s == "u")) for e in "ef"]
    )


def eight(*names: str) -> int:
    """All pairs."""
    wrong = 0
    for name in names or dict.fromkeys(_names_up_to_8_bits()):
        fmt, start = nf.get_format(name), time.perf_counter()
        report = sweep_pairs(fmt, overflow=policies(fmt), float_arrays=True)
        wrong += _say(f"{name}, {report.inputs:,} pairs", report.compared, report.wrong, start)
        print(*report.mismatches, sep="\n", end="\n" if report.mismatches else "")
    return wrong


def pairs(name: str, count: str = "1e6") -> int:
    """Hard pairs in pieces."""
    fmt, start, wrong, compared = nf.get_format(name), time.perf_counter(), 0, 0
    for piece in range(-(-int(float(count)) // PIECE)):
        given = hard_pairs(fmt, PIECE, seed=piece)
        report = sweep_pairs(fmt, pairs=given, overflow=policies(fmt), float_arrays=True, seed=piece)
        wrong, compared = wrong + report.wrong, compared + report.compared
        print(*report.mismatches, sep="\n", end="\n" if report.mismatches else "")
    return _say(f"{name}, {count} pairs", compared, wrong, start)


def half(count: str) -> int:
    """float16."""
    start = time.perf_counter()
    results = half_oracle.every_pair() if count == "all" else half_oracle.hard(int(float(count)))
    return sum(_say(f"float16 {what}", compared, wrong, start) for what, compared, wrong in results)


def wide(name: str, count: str = "1e6") -> int:
    """float32 and float64 against MPFR's arithmetic of that format."""
    constants, wrong = {"float32": FLOAT32, "float64": FLOAT64}[name], 0
    x, y, z = hard_operands(np.random.default_rng(11), int(float(count)), single=name == "float32")
    for op, (arity, function) in ARITHMETIC.items():
        start, bad = time.perf_counter(), 0
        operands = (np.abs(x),) if op in ("sqrt", "rsqrt") else (x, y, z)[:arity]
        for mode, rounding in MODES.items():
            wanted = as_float64(function, *operands, **constants, rounding=rounding)
            bad += int(differs(getattr(nf, op)(*operands, name, mode), wanted).sum())
            if name == "float32":
                single = getattr(nf, op)(*(o.astype(np.float32) for o in operands), name, mode)
                bad += int(differs(single, wanted).sum())
        wrong += _say(f"{name} {op}, {x.size:,} operands", x.size * 4 * (1 + (name == "float32")), bad, start)
    return wrong


# ------------------------------------------------------------ functions
def _inputs(fmt: nf.Format, count: int) -> np.ndarray:
    if fmt.bits <= 19:
        x = np.asarray(nf.decode(np.arange(2**fmt.bits), fmt))
    else:
        rng = np.random.default_rng(0)
        x = np.concatenate(
            [
                rng.standard_normal(count // 2),
                np.ldexp(rng.uniform(-2, 2, count // 2), rng.integers(-30, 7, count // 2)),
            ]
        )
        x = np.asarray(nf.round(x.astype(np.float32) if fmt.fits_float32 else x, fmt))
    return x[np.isfinite(x)]


def _compare(name: str, operands: tuple[np.ndarray, ...], fmt: nf.Format, grid: Grid) -> int:
    """A function in every deterministic mode, from each carrier, and from FloatArrays where it is a ufunc."""
    z, bad = rounded_to_odd(name, *operands), 0
    n, carriers = prepare(z, grid), {operands[0].dtype, np.dtype(np.float64)}
    for mode in DETERMINISTIC:
        wanted = round_grid(z, n, fmt, mode, None)
        for dtype in carriers:
            bad += int(differs(getattr(nf, name)(*(o.astype(dtype) for o in operands), fmt, mode), wanted).sum())
        if hasattr(np, name):
            members = (nf.array(o, fmt).replace(rounding=mode) for o in operands)
            bad += int(differs(np.asarray(getattr(np, name)(*members)), wanted).sum())
    return bad


def functions(name: str, count: str = "1e6") -> int:
    """Functions of one argument."""
    fmt, wrong = nf.get_format(name), 0
    x, grid = _inputs(fmt, int(float(count))), Grid(fmt)
    for function in UNARY:
        start = time.perf_counter()
        low = {"log": 0, "log2": 0, "log10": 0, "log1p": -1}.get(function)
        inside = (
            x > low
            if low is not None
            else np.abs(x) <= 1
            if function in ("arcsin", "arccos")
            else np.ones(x.shape, bool)
        )
        bad = _compare(function, (x[inside],), fmt, grid)
        wrong += _say(f"{name} {function}, 7 modes", 7 * int(inside.sum()), bad, start)
    return wrong


def functions2(name: str, count: str = "1e5") -> int:
    """Functions of two arguments, where they are finite and not a special value."""
    fmt, wrong = nf.get_format(name), 0
    x, y = (
        all_pairs(fmt)
        if fmt.bits <= 8
        else hard_pairs(fmt, int(float(count)))
        if fmt.bits <= 16
        else _wide_pairs(fmt, int(float(count)))
    )
    keep, grid = np.isfinite(x) & np.isfinite(y) & (x != 0) & (y != 0), Grid(fmt)
    x, y = (v[keep].astype(np.float32 if fmt.fits_float32 else np.float64) for v in (x, y))
    for function in PAIRWISE:
        start = time.perf_counter()
        inside = (x > 0) | (y == np.floor(y)) if function == "power" else np.ones(x.shape, bool)
        bad = _compare(function, (x[inside], y[inside]), fmt, grid)
        wrong += _say(f"{name} {function}, 7 modes", 7 * int(inside.sum()), bad, start)
    return wrong


def singles(*names: str) -> int:
    """float32's hardest arguments."""
    wrong = 0
    for name in names or hardest_singles.NAMES:
        start = time.perf_counter()
        seen, beyond, compared, bad, nearest = hardest_singles.hardest(name)
        hardest = f"hardest ({', '.join(nearest)})"
        what = f"float32 {name}, {seen:,} numbers seen, {beyond} approximations out of bounds; {hardest}"
        wrong += beyond + _say(what, compared, bad, start)
    return wrong


def products(count: str = "1e4") -> int:
    """Matrix products."""
    threads.WORK_PER_THREAD = 1000  # small products on two threads as well
    rng, start, compared, wrong = np.random.default_rng(0), time.perf_counter(), 0, 0
    while compared < int(float(count)):
        outcome = random_products.compare(rng)
        if outcome is not None:
            compared, wrong = compared + 1, wrong + (outcome[1] > 0)
            if outcome[1]:
                print(f"{outcome[0]}: {outcome[1]} elements differ", flush=True)
    _say("random products, tiles and plain kernel", compared, wrong, start)
    start, exact = time.perf_counter(), 0
    for mode, order in itertools.cycle(itertools.product(Rounding, Order)):
        for acc in product_cases.accumulators(order, mode, rng):
            if exact >= int(float(count)) // 100:
                return wrong + _say("products up to 17 x 17 x 17, exact rationals", exact, 0, start)
            product_cases.check(acc, rng, 1, 17)  # raises where they differ
            exact += 1
    return wrong


def _wide_pairs(fmt: nf.Format, count: int) -> tuple[np.ndarray, np.ndarray]:
    x, y, _ = hard_operands(np.random.default_rng(12), count, single=fmt.fits_float32)
    x[::2] = np.abs(x[::2])
    y[::4] = (
        64 * np.random.default_rng(13).standard_normal(y[::4].size) / np.maximum(1, np.abs(np.log2(np.abs(x[::4]))))
    )
    return np.asarray(nf.round(x, fmt)), np.asarray(nf.round(y, fmt))


JOBS: dict[str, Callable[..., int]] = {
    f.__name__: f for f in (eight, half, pairs, wide, functions, functions2, products, singles)
}

if __name__ == "__main__":
    if (
        len(sys.argv) < 2
        or sys.argv[1] not in JOBS
        or (len(sys.argv) < 3 and sys.argv[1] not in ("eight", "products", "singles"))
    ):
        sys.exit(__doc__)
    sys.exit(1 if JOBS[sys.argv[1]](*sys.argv[2:]) else 0)
