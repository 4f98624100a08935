"""Digests of products and sums in every order, and of every matrix unit. Named formats and eXmY only."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from itertools import product as product_of
from unittest.mock import patch

import numpy as np
from digest_inputs import Named, digest, generator, of_format

import nfloat as nf
from nfloat.linalg.units.names import SingleSourceWarning
from nfloat.linalg.units.sums import Conversion
from nfloat.ops import threads

# what is on record: an order or a mode joins these lists together with its digests
FORMATS = ("float8_e5m2", "float8_e4m3fn", "e6m9", "bfloat16", "float16", "tfloat32", "e8m13", "float32", "float64")
ORDERS = {
    "sequential": {},
    "pairwise": {"order": "pairwise"},
    "blocked": {"order": "blocked", "block": 8},
    "promoted": {"order": "blocked", "block": 16, "promote": "float32"},
    "kahan": {"order": "kahan"},
    "exact": {"order": "exact"},
}
MODES = ("nearest_even", "nearest_away", "toward_zero", "toward_positive", "stochastic")
SHAPES = ((3, 45, 5), (17, 40, 35))


def digests() -> Iterator[Named]:
    """Each with its name."""
    for fmt in FORMATS:
        for order in ORDERS:
            if (fmt, order) != ("float64", "promoted"):
                yield f"product {fmt} {order}", partial(product, fmt, order)
    for fmt in ("float16", "bfloat16", "float32"):
        yield f"product {fmt} of float64 operands", partial(product_of_doubles, fmt)
    yield "product by one, two and three threads", by_threads
    for fmt in FORMATS:
        yield f"sums {fmt}", partial(sums, fmt)
    for name, unit in nf.units.items():
        if not isinstance(unit.arithmetic, Conversion):
            yield f"unit {name}", partial(matrix_unit, name)


def product(fmt: str, order: str) -> str:
    """Products rounded and exact, in each mode, from a start and from none, by one thread and by two."""
    rng, found = generator("product", fmt, order), []
    for m, k, n in SHAPES:
        a, b = of_format(fmt, rng, (m, k)), of_format(fmt, rng, (k, n))
        c = of_format(fmt, rng, (m, n))
        for mode in MODES:
            for rounded in (None, fmt):
                acc = nf.Accumulator(fmt, rounded, mode, **ORDERS[order])
                seed = 5 if acc.stochastic else None
                found += [nf.matmul(a, b, acc, seed=seed), nf.matmul(a, b, acc, c, seed=seed, threads=2)]
    return digest(*found)


def product_of_doubles(fmt: str) -> str:
    """Operands whose products no lane holds, in every deterministic mode."""
    rng, found = generator("doubles", fmt), []
    a, b, c = (rng.standard_normal(shape) for shape in ((7, 21), (21, 10), (7, 10)))
    for mode in (*MODES[:4], "toward_negative", "nearest_zero", "to_odd"):
        for order, rounded in product_of(("sequential", "promoted", "kahan", "pairwise"), (None, fmt)):
            acc = nf.Accumulator(fmt, rounded, mode, **ORDERS[order])
            found += [nf.matmul(a, b, acc), nf.matmul(a, b, acc, c)]
    return digest(*found)


def by_threads() -> str:
    """Rows shared among threads, however little work they are."""
    rng = generator("threads")
    a, b = of_format("bfloat16", rng, (67, 50)), of_format("bfloat16", rng, (50, 40))
    with patch.object(threads, "WORK_PER_THREAD", 1):
        found = [
            nf.matmul(
                a, b, nf.Accumulator("bfloat16", rounding=mode), seed=1 if mode == "stochastic" else None, threads=count
            )
            for mode in ("nearest_even", "stochastic")
            for count in (1, 2, 3)
        ]
    return digest(*found)


def sums(fmt: str) -> str:
    """sum, cumsum and dot of numbers in the format."""
    rng, found = generator("sums", fmt), []
    x, y = of_format(fmt, rng, (4, 130)), of_format(fmt, rng, (130,))
    for mode in ("nearest_even", "toward_negative", "stochastic"):
        acc = nf.Accumulator(fmt, rounding=mode)
        seed = 6 if acc.stochastic else None
        found += [
            nf.sum(x, acc, axis=1, seed=seed),
            nf.cumsum(x, acc, axis=1, seed=seed),
            nf.dot(x[0], y, acc, seed=seed),
        ]
    return digest(*found)


def matrix_unit(name: str) -> str:
    """Ordinary numbers with zeros of both signs, and any finite codes."""
    unit, rng, found = nf.units[name], generator(name), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingleSourceWarning)
        for draw in (numbers, any_codes):
            a, b, c = (draw(f, rng, s) for f, s in ((unit.a, (4, 70)), (unit.b, (70, 6)), (unit.output, (4, 6))))
            more = scales(unit, rng) if getattr(unit.arithmetic, "scale_block", 0) else {}
            found += [nf.matmul(a, b, unit, **more), nf.matmul(a, b, unit, c, **more)]
    return digest(*found)


def numbers(fmt: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of a format, or integers of a type of them."""
    if fmt.startswith(("int", "uint")):
        bits = int(fmt.partition("int")[2])
        low = 0 if fmt[0] == "u" else -(2 ** (bits - 1))
        return rng.integers(low, low + 2 ** min(bits, 20), shape).astype(np.float64)
    return of_format(fmt, rng, shape)


def any_codes(fmt: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of random codes, the finite ones; of integers and in formats of more than 16 bits moderate numbers."""
    if fmt.startswith(("int", "uint")) or nf.get_format(fmt).bits > 16:
        return numbers(fmt, rng, shape)
    f = nf.get_format(fmt)
    codes = rng.integers(0, 2**f.bits, shape).astype(np.uint8 if f.bits <= 8 else np.uint16)
    x = np.asarray(nf.decode(codes, f))
    return np.where(np.isfinite(x), x, 0).astype(np.float32)


def scales(unit: nf.linalg.unit.Unit, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Powers of two, in the shapes of the operands' blocks."""
    count = -(-70 // unit.arithmetic.scale_block)
    return {
        name: np.ldexp(1.0, rng.integers(-3, 4, shape))
        for name, shape in (("scale_a", (4, count)), ("scale_b", (count, 6)))
    }
