"""The plain model of a product of matrices: exact rational sums, one rounding after the other, as the definitions read.

It sees ``nfloat.formats`` and ``testing/oracle.py`` alone: no kernel, no NumPy. A matrix is a list of lists of floats. Random bits are
made here a second time, from the words' definition, so that stochastic modes are compared bit by bit too.

An accumulator is anything with the fields of `nfloat.Accumulator`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from ..formats.format import Format
from ..formats.rounding import Overflow, Rounding
from .oracle import beyond, round_magnitude

Matrix = Sequence[Sequence[float]]
#: a term that is not a number yet: a product, exact
Term = tuple[float, ...]
_M32, _M64 = 2**32 - 1, 2**64 - 1


# ---------------------------------------------------------------- random words
def _splitmix(z: int) -> int:
    z = (z + 0x9E3779B97F4A7C15) & _M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _M64
    return z ^ (z >> 31)


def _line_word(key: int, line: int, k: int) -> int:
    """The odd 32-bit word of step k of a row or column."""
    keys = _splitmix(key ^ _splitmix(line))
    x = (k * 0x9E3779B9 + keys) & _M32
    x = ((x ^ (x >> 16)) * 0x21F0AAAD) & _M32
    x = (x + (keys >> 32)) & _M32
    x = ((x ^ (x >> 15)) * 0x735A2D97) & _M32
    return (x ^ (x >> 15)) | 1


def word(key: int, domain: int, i: int, j: int, k: int, random_bits: int | None = None) -> int:
    """The 64-bit word of one rounding: 32 bits on top, more below where `random_bits` wants them."""
    key = _splitmix(key ^ (domain << 56))
    column = 0xC2B2AE3D27D4EB4F
    head = _line_word(key, i, k) * _line_word(key ^ column, j, k) & _M32
    if random_bits is None or random_bits <= 32:
        return head << 32
    twin = key ^ 0x9E3779B97F4A7C15
    return head << 32 | (_line_word(twin, i, k) * _line_word(twin ^ column, j, k) & _M32)


# ---------------------------------------------------------------- one rounding
def round_sum(terms: Sequence[Term], fmt: Format, mode: Rounding, overflow: Overflow | None, random_bits: int | None, bits: int) -> float:
    """The exact sum of products of floats, rounded once. A zero sum has IEEE 754's sign (6.3)."""
    special = [math.prod(t) for t in terms if not all(map(math.isfinite, t))]
    above, below = (beyond(fmt, mode, overflow, positive=side) for side in (True, False))
    if special:
        x = sum(special)
        return x if math.isnan(x) else above[1] if x > 0 else below[1]
    value = sum((math.prod(map(Fraction, t)) for t in terms), Fraction(0))
    negative = value < 0
    if value == 0:
        signs = {math.prod(math.copysign(1.0, x) for x in t) for t in terms}
        negative = signs == {-1.0} or (len(signs) == 2 and mode is Rounding.TOWARD_NEGATIVE)
    zero = -0.0 if negative and fmt.has_negative_zero else 0.0
    magnitude = abs(value)
    if magnitude == 0 or (fmt.flushes_input and magnitude < Fraction(fmt.smallest_normal)):
        return zero
    rounded = round_magnitude(magnitude, negative, fmt, mode, random_bits, bits)
    if rounded == 0 or (fmt.flushes_output and rounded < Fraction(fmt.smallest_normal)):
        return zero
    signed = -rounded if negative else rounded
    if not Fraction(fmt.min) <= signed <= Fraction(fmt.max):
        return below[0] if negative else above[0]
    return float(signed)


# ---------------------------------------------------------------- one output
class _Sum:
    """The sums of one output of one accumulator."""

    def __init__(self, acc: Any, key: int, i: int, j: int) -> None:
        self.acc, self.key, self.place = acc, key, (i, j)

    def round(self, fmt: Format, domain: int, k: int, *terms: Term) -> float:
        acc = self.acc
        bits = word(self.key, domain, *self.place, k, acc.random_bits) if acc.rounding.is_stochastic else 0
        return round_sum(terms, fmt, acc.rounding, acc.overflow, acc.random_bits, bits)

    def terms(self, row: Sequence[float], column: Sequence[float]) -> Iterator[Term]:
        """P(a_k b_k): a rounded product, or the two factors."""
        for k, (x, y) in enumerate(zip(row, column, strict=True)):
            yield (x, y) if self.acc.product is None else (self.round(self.acc.product, 1, k, (x, y)),)

    def sequential(self, terms: Sequence[Term], s: float, first: int = 0) -> float:
        for k, t in enumerate(terms):
            s = self.round(self.acc.format, 0, first + k, (s,), t)
        return s

    def pairwise(self, terms: Sequence[Term], c: float) -> float:
        level = [(k, t) for k, t in enumerate(terms)]
        while len(level) > 1:
            after = []
            for n in range(0, len(level) - 1, 2):
                (first, left), (boundary, right) = level[n], level[n + 1]
                after.append((first, (self.round(self.acc.format, 0, boundary, left, right),)))
            level = after + level[len(level) - len(level) % 2 :]
        return self.round(self.acc.format, 0, 0, level[0][1], (c,))

    def blocked(self, terms: Sequence[Term], c: float) -> float:
        size, s = self.acc.block, c
        for n in range(0, len(terms), size):
            part = self.sequential(terms[n : n + size], 0.0, n)
            s = self.round(self.acc.promote or self.acc.format, 2, n // size, (s,), (part,))
        return s

    def kahan(self, terms: Sequence[Term], s: float) -> float:
        fmt, e = self.acc.format, 0.0
        for k, t in enumerate(terms):
            y = self.round(fmt, 3, k, t, (-e,))
            new = self.round(fmt, 0, k, (s,), (y,))
            e = self.round(fmt, 5, k, (self.round(fmt, 4, k, (new,), (-s,)),), (-y,))
            s = new
        return s

    def exact(self, terms: Sequence[Term], c: float) -> float:
        return self.round(self.acc.format, 0, 0, *terms, (c,))


def matmul_exact(a: Matrix, b: Matrix, acc: Any, c: Matrix | None = None, key: int = 0) -> list[list[float]]:
    """a @ b + c as `acc` says; `key` is the key of the stream (``nf.Stream(seed).key``).

    Examples
    --------
    >>> from nfloat import Accumulator
    >>> matmul_exact([[1.0, 2.0**-11]], [[1.0], [1.0]], Accumulator("float16", rounding="toward_positive"))
    [[1.0009765625]]
    """
    columns = list(zip(*b, strict=True))
    out = []
    for i, row in enumerate(a):
        line = []
        for j, column in enumerate(columns):
            s = _Sum(acc, key, i, j)
            order: Callable[[Sequence[Term], float], float] = getattr(s, acc.order.value)
            line.append(order(list(s.terms(row, column)), 0.0 if c is None else c[i][j]))
        out.append(line)
    return out
