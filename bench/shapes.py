"""The tiles of this machine: GFLOP/s of every kind of step in tiles of several shapes, and the row for the table.

    python bench/shapes.py               all shapes; a minute or two
    python bench/shapes.py --body fused  bodies whose names hold a word

A tile alone is timed, on operands that stay in the first two caches, one thread. The last line is what
``nfloat/kernels/gemm/shapes.py`` would say of this machine, by the shape that is best on the geometric mean of a kind's
bodies. For another CPU's features than this one's set NUMBA_CPU_NAME and NUMBA_CPU_FEATURES.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numba
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from instruction_bodies import NESTED, Body, bodies

from nfloat.formats.names import get_format
from nfloat.formats.rounding import Rounding
from nfloat.kernels.gemm.direction import Direction
from nfloat.kernels.gemm.shapes import SHAPES, Shape
from nfloat.kernels.machine import HERE
from nfloat.linalg.gemm.constants import constants

#: rows x vectors
TRIED = ((2, 2), (3, 2), (4, 1), (4, 2), (5, 2), (6, 1), (6, 2), (8, 1), (8, 2), (12, 1), (12, 2))
K, TILES, REPEATS = 512, 16, 15


def measured(name: str, body: Body, shape: Shape) -> float:
    """GFLOP/s."""
    tile, height = body.intrinsic(shape), shape.rows

    def run(a: Any, b: Any, scratch: Any, row_words: Any, column_words: Any, rows: Any, k: int, tiles: int) -> None:
        for t in range(tiles):
            tile(0, a, t * k * height, b, 0, scratch, row_words, column_words, rows, k, 0)

    dtype = {16: np.uint16, 32: np.float32, 64: np.float64}[body.bits]
    a, b = (numbers(size, dtype) for size in (TILES * K * shape.rows, K * shape.width))
    if body.bits == 16:
        a = a.astype(np.uint32) * 0x10001
    words = [np.full(size, 77777777, np.int32) for size in (a.size, b.size)]
    mode = Rounding.TOWARD_ZERO if body.direction is Direction.ZERO else Rounding.NEAREST_EVEN
    if name.startswith("stochastic"):
        mode = Rounding.STOCHASTIC
    formats = (get_format("bfloat16"),) * 3
    rows = constants(formats, mode, None, body.bits)
    scratch: Any = np.zeros(16 * shape.rows * shape.width, dtype)
    compiled = numba.njit(nogil=True, error_model="numpy")(run)
    best = math.inf
    for _ in range(REPEATS + 1):  # the first one compiles
        start = time.perf_counter()
        compiled(a, b, scratch, *words, rows, K, TILES)
        best = min(best, time.perf_counter() - start)
    return 2e-9 * K * TILES * shape.rows * shape.width / best


def numbers(size: int, dtype: type) -> Any:
    """Numbers of bfloat16 (or codes of float16) whose sums stay small."""
    x = np.random.default_rng(0).choice(np.array([-1.5, -0.375, 0.625, 1.25]), size)
    return x.astype(np.float16).view(np.uint16) if dtype is np.uint16 else x.astype(dtype)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", nargs="+", default=[""], metavar="WORD")
    words = parser.parse_args().body
    table: dict[str, dict[tuple[int, int], list[float]]] = defaultdict(lambda: defaultdict(list))
    print(f"{HERE.name:42}" + "".join(f"{r}x{n:<6}" for r, n in TRIED))
    for name, body in (bodies() | NESTED).items():
        if not any(word in name for word in words):
            continue
        print(f"{name:42}", end="")
        for rows, vectors in TRIED:
            speed = measured(name, body, Shape(rows, vectors, HERE.lanes(body.bits)))
            table[body.tile][rows, vectors].append(speed)
            print(f"{speed:<8.1f}", end="", flush=True)
        print(f" (now {'x'.join(map(str, SHAPES[HERE.name][body.tile]))})")
    best = {kind: max(tried, key=lambda shape: math.prod(tried[shape])) for kind, tried in table.items()}
    print(f'"{HERE.name}": {best}')


if __name__ == "__main__":
    main()
