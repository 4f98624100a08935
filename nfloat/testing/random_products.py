"""Products at random against the independent model.

Formats from `random_formats.py`, every order, mode, product, promotion and policy.

`draw(seed)` makes one `Product`; `wrong(product)` says where `nfloat.matmul` differs from ``gemm_oracle.py``; `shrink`
makes a wrong one small, and `source` writes it as a line of Python. A product is a function of its seed alone.

Operands are drawn toward what goes wrong: terms whose size is near the format's least number, its middle or its largest
number, few digits (so that lanes may hold their products) or all of them, ties, cancellation, zeros of both signs,
infinities and NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NFloatError
from ..formats.format import Format
from ..formats.names import get_format
from ..formats.rounding import MAX_RANDOM_BITS, Overflow, Rounding
from ..kernels.gemm.orders import Order
from ..linalg.accumulators import COUNTED, Accumulator
from ..linalg.gemm.small import MOST_WIDENED
from ..linalg.matmul import matmul
from ..streams import Stream
from .failures import argument, format_argument
from .gemm_oracle import matmul_exact, word
from .random_formats import random_format

Matrix = list[list[float]]
_NAMED = (
    "float16",
    "bfloat16",
    "tfloat32",
    "float8_e4m3fn",
    "float8_e5m2",
    "float4_e2m1fn",
    "float32",
    "float64",
    "float8_e8m0fnu",
)
#: share of larger products
_LARGER = 0.2


@dataclass(frozen=True)
class Product:
    """One call of `matmul`: operands as lists of rows, and how they lie in memory.

    `single`: for a, b and c, whether float32 carries it (only where it holds every element); `fortran`: for a and b.
    `larger`: whether a and c get `rows` by repeating theirs, of which the first are looked at: then operands are given
    to whichever lanes hold them.
    """

    a: Matrix
    b: Matrix
    c: Matrix | None
    acc: Accumulator
    seed: int
    threads: int
    single: tuple[bool, ...] = (False, False, False)
    fortran: tuple[bool, bool] = (False, False)
    larger: bool = False

    @property
    def outputs(self) -> int:
        """How many numbers it computes."""
        return len(self.a) * len(self.b[0])

    @property
    def rows(self) -> int:
        """How many rows it has in `matmul`."""
        return MOST_WIDENED // (len(self.b) * len(self.b[0])) + 1 if self.larger else len(self.a)


# ---------------------------------------------------------------- drawing
def draw(seed: int, most: int = 12) -> Product:
    """Product number `seed`: shapes to `most`, now and then to 40."""
    rng = Random(seed)
    acc = _accumulator(rng)
    if rng.random() < (0.4 if acc.stochastic else 0.15):
        return replace(at_threshold(rng, acc), larger=rng.random() < _LARGER)
    size = 40 if rng.random() < 0.04 else most
    m, k, n = (rng.randint(1, size) for _ in range(3))
    a, b, c = _operands(rng, acc, m, k, n)
    single = tuple(x is not None and rng.random() < 0.7 and _fits_float32(x) for x in (a, b, c))
    fortran = (rng.random() < 0.3, rng.random() < 0.3)
    own, threads = rng.randrange(2**32), rng.choice([1, 1, 2])
    return Product(a, b, c, acc, own, threads, single, fortran, rng.random() < _LARGER)


def _accumulator(rng: Random) -> Accumulator:
    while True:
        fmt = get_format(rng.choice(_NAMED)) if rng.random() < 0.15 else random_format(rng)
        mode = Rounding.NEAREST_EVEN if rng.random() < 0.35 else rng.choice(list(Rounding))
        order = Order.SEQUENTIAL if rng.random() < 0.3 else rng.choice(list(Order))
        fields: dict[str, Any] = {COUNTED[order][0]: rng.randint(1, 12)} if order in COUNTED else {}
        if order is Order.BLOCKED and rng.random() < 0.6:
            fields["promote"] = _beside(rng, fmt)
        if mode.needs_random_bits:
            fields["random_bits"] = rng.choice([rng.randint(1, 8), rng.randint(1, MAX_RANDOM_BITS)])
        if rng.random() < 0.3:
            fields["overflow"] = rng.choice(list(Overflow))
        try:
            return Accumulator(fmt, _beside(rng, fmt) if rng.random() < 0.5 else None, mode, order, **fields)
        except NFloatError:  # a policy that a format lacks
            continue


def _beside(rng: Random, fmt: Format) -> Format:
    """A format for products or promotions: the same, one that differs a little, or any."""
    kind = rng.random()
    if kind < 0.35:
        return fmt
    if kind < 0.5:
        return get_format(rng.choice(_NAMED))
    if kind < 0.65 or fmt.twos_complement:
        return random_format(rng)
    while True:
        p = min(53, max(1, fmt.precision + rng.randint(-2, 3)))
        emin, emax = fmt.emin + rng.randint(-3, 3), fmt.emax + rng.randint(-3, 3)
        try:
            return fmt.replace(precision=p, emin=emin, emax=emax, max_significand=0, bits=0)
        except NFloatError:
            continue


def _operands(rng: Random, acc: Accumulator, m: int, k: int, n: int) -> tuple[Matrix, Matrix, Matrix | None]:
    fmt = acc.format if acc.product is None or rng.random() < 0.7 else acc.product
    low, high = fmt.emin - fmt.precision, fmt.emax
    centre = rng.choice([low, fmt.emin, (low + high) // 2, high - k.bit_length() // 2, high, high])
    spread = rng.choice([0, 1, 3, 8, 30])
    digits = rng.choice([1, 2, fmt.precision, fmt.precision, (fmt.precision + 1) // 2, rng.randint(1, 53)])
    first = rng.choice([0, centre // 2, centre, rng.randint(-20, 20)])
    positive, special = rng.random() < 0.25, rng.choice([0.0, 0.0, 0.0, 0.02, 0.2])
    draws = [
        (m, k, first, digits),
        (k, n, centre - first, rng.choice([1, digits, digits])),
        (m, n, centre, rng.choice([digits, 53])),
    ]
    a, b, c = (
        [[_number(rng, e, spread, d, positive, special) for _ in range(width)] for _ in range(height)]
        for height, width, e, d in draws
    )
    if rng.random() < 0.15:  # every row the same, so that a sum of equal terms runs into its end
        a, b = [a[0]] * m, [[row[0]] * n for row in b]
    return a, b, c if rng.random() < 0.5 else None


def _number(rng: Random, exponent: int, spread: int, digits: int, positive: bool, special: float) -> float:
    if rng.random() < special:
        return rng.choice([0.0, -0.0, 0.0, -0.0, math.inf, -math.inf, math.nan])
    digits = min(53, max(1, digits))
    m = rng.choice(
        [2 ** (digits - 1), 2**digits - 1, rng.randint(2 ** (digits - 1), 2**digits - 1), rng.randint(1, 2**digits - 1)]
    )
    e = exponent + rng.randint(-spread, spread) - m.bit_length() + 1
    try:
        x = math.ldexp(m, e)
    except OverflowError:
        x = math.ldexp(m, 1023 - m.bit_length())
    return x if positive or rng.random() < 0.5 else -x


def at_threshold(rng: Random, acc: Accumulator) -> Product:
    """One output whose last sum (or product) lies right where its rounding begins to go up, or right beside that.

    On the grid, halfway, or where the random word that it gets begins to carry. Errors in such places have no chance to
    be met at random.
    """
    fmt, domain = (acc.format, 0) if acc.product is None or rng.random() < 0.5 else (acc.product, 1)
    k, seed = rng.randint(1, 5), rng.randrange(2**32)
    digits = rng.choice([8, 24, 24, 53, rng.randint(1, 53)])
    threshold = rng.choice([0, 1 << 59, 1 << 60])  # 2^-60 of the format's unit, as all fractions here
    if acc.stochastic:
        n = acc.random_bits or 32
        threshold = 2**n - (word(Stream(seed).key, domain, 0, 0, k - 1, acc.random_bits) >> (64 - n)) << (60 - n)
    cut = max(0, threshold.bit_length() - digits)
    rest = math.ldexp((threshold >> cut) + rng.choice([0, 0, -1, 1]) << cut, -60)
    exponent = rng.randint(fmt.emin, fmt.emax) if rng.random() < 0.8 else fmt.emin
    unit = exponent - fmt.precision + 1
    kept = rng.randint(0 if exponent == fmt.emin else 2 ** (fmt.precision - 1), 2**fmt.precision - 1)
    sign, shift = rng.choice([-1.0, 1.0]), rng.randint(-20, 20)
    a = [[0.0] * (k - 1) + [sign * math.ldexp(rest, unit // 2 + shift)]]
    b = [[1.0]] * (k - 1) + [[math.ldexp(1.0, unit - unit // 2 - shift)]]
    c = [[sign * math.ldexp(kept, unit)]]
    return Product(
        a, b, c if domain == 0 or rng.random() < 0.3 else None, acc, seed, 1, tuple(map(_fits_float32, (a, b, c)))
    )


def _fits_float32(rows: Matrix) -> bool:
    x = np.array(rows)
    with np.errstate(over="ignore"):
        return np.array_equal(x.astype(np.float32), x, equal_nan=True)


# ---------------------------------------------------------------- comparing
def computed(p: Product) -> NDArray[np.float64]:
    """What `nfloat.matmul` gives, shape (m, n)."""
    a, b = _array(p.a, p.single[0], p.fortran[0], p.rows), _array(p.b, p.single[1], p.fortran[1], len(p.b))
    c = None if p.c is None else _array(p.c, p.single[2], False, p.rows)
    found = matmul(a, b, p.acc, c, seed=p.seed if p.acc.stochastic else None, threads=p.threads)
    return np.asarray(found, np.float64)[: len(p.a)]


def _array(matrix: Matrix, single: bool, fortran: bool, rows: int) -> NDArray[Any]:
    x = np.resize(matrix, (rows, len(matrix[0])))
    return np.array(x, np.float32 if single else np.float64, order="F" if fortran else "C")


def wrong(p: Product) -> list[tuple[int, int, float, float]]:
    """(row, column, computed, exact) wherever the two differ in a bit: signs of zeros count, NaN is NaN."""
    got = computed(p)
    want = np.array(matmul_exact(p.a, p.b, p.acc, p.c, Stream(p.seed).key if p.acc.stochastic else 0))
    same = (got == want) & (np.signbit(got) == np.signbit(want)) | (np.isnan(got) & np.isnan(want))
    return [(int(i), int(j), float(got[i, j]), float(want[i, j])) for i, j in zip(*np.nonzero(~same), strict=True)]


# ---------------------------------------------------------------- a failure, made small and written down
def shrink(p: Product) -> Product:
    """A product that is wrong still, as small as taking away columns, rows, steps, c, threads and layouts makes it."""
    found = True
    while found:
        found = False
        for smaller in _smaller(p):
            if wrong(smaller):
                p, found = smaller, True
                break
    return p


def _smaller(p: Product) -> Iterator[Product]:
    m = len(p.a)
    k = len(p.b)
    n = len(p.b[0])
    for size in _cuts(n):
        yield replace(p, b=[row[size] for row in p.b], c=p.c and [row[size] for row in p.c])
    for size in _cuts(m):
        yield replace(p, a=p.a[size], c=p.c and p.c[size])
    for size in _cuts(k):
        yield replace(p, a=[row[size] for row in p.a], b=p.b[size])
    if p.larger:
        yield replace(p, larger=False)
    if p.c is not None:
        yield replace(p, c=None)
    if p.threads > 1:
        yield replace(p, threads=1)
    if any(p.single) or any(p.fortran):
        yield replace(p, single=(False, False, False), fortran=(False, False))


def _cuts(size: int) -> list[slice]:
    """The halves, and all but the first or last few."""
    if size == 1:
        return []
    half = size // 2
    return [slice(0, half), slice(half, size), slice(1, size), slice(0, size - 1)]


def source(p: Product) -> str:
    """A line of Python that computes it; `nf` is nfloat, `np` NumPy."""
    a, b, c = (
        None if x is None else f"np.array({_rows(x)}, np.float{32 if s else 64})"
        for x, s in zip((p.a, p.b, p.c), p.single, strict=True)
    )
    seed = f", seed={p.seed}" if p.acc.stochastic else ""
    if not p.larger:
        return f"nf.matmul({a}, {b}, {accumulator_source(p.acc)}, {c}{seed})"
    a, c = (x and f"np.resize({x}, ({p.rows}, {n}))" for x, n in ((a, len(p.b)), (c, len(p.b[0]))))
    return f"nf.matmul({a}, {b}, {accumulator_source(p.acc)}, {c}{seed})[:{len(p.a)}]"


def accumulator_source(acc: Accumulator) -> str:
    """An accumulator as Python source, unnamed formats written out."""
    parts = [format_argument(acc.format)]
    for key in ("product", "promote"):
        if getattr(acc, key) is not None:
            parts.append(f"{key}={format_argument(getattr(acc, key))}")
    for key in ("rounding", "order", "overflow"):
        if getattr(acc, key) is not None:
            parts.append(f"{key}={getattr(acc, key).value!r}")
    parts += [
        f"{key}={getattr(acc, key)}" for key in ("block", "random_bits", "lanes") if getattr(acc, key) is not None
    ]
    return f"nf.Accumulator({', '.join(parts)})"


def _rows(rows: Matrix) -> str:
    return "[" + ", ".join("[" + ", ".join(map(argument, row)) + "]" for row in rows) + "]"
