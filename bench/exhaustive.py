"""Complete comparisons that take minutes to hours: arithmetic with exact sums and products, functions with MPFR at 320 bits.

python bench/exhaustive.py pairs FORMAT [COUNT]        COUNT hard pairs of a format of up to 16 bits, every operation, every mode
python bench/exhaustive.py functions FORMAT [COUNT]    every number of a format of up to 19 bits; COUNT random ones of a wider one
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

import nfloat as nf
from nfloat.formats.rounding import Rounding
from nfloat.testing.grid import Grid, prepare, round_grid
from nfloat.testing.sweep import differs
from nfloat.testing.sweep_arithmetic import hard_pairs, sweep_pairs

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "ops"))
from mpfr_oracle import UNARY, rounded_to_odd  # noqa: E402

PIECE = 200_000


def pairs(fmt: nf.Format, count: int) -> int:
    """Hard pairs in pieces; the number of wrong results."""
    wrong = compared = 0
    for piece in range(-(-count // PIECE)):
        report = sweep_pairs(fmt, pairs=hard_pairs(fmt, PIECE, seed=piece), seed=piece)
        wrong, compared = wrong + report.wrong, compared + report.compared
        print(f"{fmt.name}: {compared:,} results compared, {wrong} wrong", *report.mismatches, sep="\n  ", flush=True)
    return wrong


def _inputs(fmt: nf.Format, count: int) -> np.ndarray:
    if fmt.bits <= 19:
        x = np.asarray(nf.decode(np.arange(2**fmt.bits), fmt))
    else:
        rng = np.random.default_rng(0)
        x = np.concatenate([rng.standard_normal(count // 2), np.ldexp(rng.uniform(-2, 2, count // 2), rng.integers(-30, 7, count // 2))])
        x = np.asarray(nf.round(x.astype(np.float32) if fmt.fits_float32 else x, fmt))
    return x[np.isfinite(x)]


def functions(fmt: nf.Format, count: int) -> int:
    """Every function in every deterministic mode; the number of wrong results."""
    x, grid, wrong = _inputs(fmt, count), Grid(fmt), 0
    for name in UNARY:
        start = time.perf_counter()
        low = {"log": 0, "log2": 0, "log10": 0, "log1p": -1}.get(name)
        inside = x > low if low is not None else np.abs(x) <= 1 if name in ("arcsin", "arccos") else np.ones(x.shape, bool)
        z = rounded_to_odd(name, x[inside])
        n, bad = prepare(z, grid), 0
        for mode in (m for m in Rounding if not m.is_stochastic):
            bad += int(differs(getattr(nf, name)(x[inside], fmt, mode), round_grid(z, n, fmt, mode, None)).sum())
        wrong += bad
        print(f"{fmt.name} {name}: {inside.sum():,} numbers in 7 modes, {bad} wrong, {time.perf_counter() - start:.0f} s", flush=True)
    return wrong


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("pairs", "functions"):
        sys.exit(__doc__)
    job = pairs if sys.argv[1] == "pairs" else functions
    sys.exit(1 if job(nf.get_format(sys.argv[2]), int(float((*sys.argv, "1e6")[3]))) else 0)
