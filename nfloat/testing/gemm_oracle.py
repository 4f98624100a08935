"""The independent model of a product of matrices: integers only, one rounding after the other, as the definitions read.

It sees ``nfloat.formats`` and the range rules of ``testing/oracle.py`` alone: no kernel, no ``formats/spec.py``, no
NumPy. All numbers of one product are multiples of one power of two, the tick: the least unit of the operands' products,
of c and of every format in it. So a number that is not zero is a Python integer of ticks, sums and products of them are
exact, and one rounding cuts an integer. Zeros (whose sign counts), infinities and NaN are floats. About a microsecond a
sum, at most a few where exponents lie far apart.

Random bits are made here a second time, from the words' definition, so that stochastic modes are compared bit by bit
too. An accumulator is anything with the fields of `nfloat.Accumulator`; a matrix is a list of lists of floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from ..formats.format import Format, LowestBinade
from ..formats.rounding import Rounding
from .oracle import beyond

Matrix: TypeAlias = Sequence[Sequence[float]]
#: ticks, or a zero, infinity or NaN
Exact: TypeAlias = "int | float"
_M32, _M64 = 2**32 - 1, 2**64 - 1
_WORD_BITS = 64
#: what is drawn for: the sum, the product, the promotion, and the further roundings of a compensated step
_SUM, _PRODUCT, _PROMOTE, _CORRECTED, _DIFFERENCE, _CORRECTION = range(6)
_LANES = _PROMOTE


# ---------------------------------------------------------------- random words
def _splitmix(z: int) -> int:
    z = (z + 0x9E3779B97F4A7C15) & _M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _M64
    return z ^ (z >> 31)


@lru_cache(maxsize=1 << 8)
def _domain_key(key: int, domain: int) -> int:
    return _splitmix(key ^ (domain << 56))


@lru_cache(maxsize=1 << 14)
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
    key, column = _domain_key(key, domain), 0xC2B2AE3D27D4EB4F
    head = _line_word(key, i, k) * _line_word(key ^ column, j, k) & _M32
    if random_bits is None or random_bits <= 32:
        return head << 32
    twin = key ^ 0x9E3779B97F4A7C15
    return head << 32 | (_line_word(twin, i, k) * _line_word(twin ^ column, j, k) & _M32)


# ---------------------------------------------------------------- exact numbers
def _integer(x: float) -> tuple[int, int]:
    """Finite x as m 2^e with m odd (0, 0 for zero)."""
    if x == 0:
        return 0, 0
    numerator, denominator = x.as_integer_ratio()
    zeros = (numerator & -numerator).bit_length() - 1
    return numerator >> zeros, zeros + 1 - denominator.bit_length()


def _ticks(x: float, tick: int) -> Exact:
    """x in units of 2^tick, which must divide it."""
    if x == 0 or not math.isfinite(x):
        return x
    m, e = _integer(x)
    return m << (e - tick)


def _float(x: Exact, tick: int) -> float:
    """The float64 that x ticks are; every number of every format is one."""
    if isinstance(x, float):
        return x
    zeros = (x & -x).bit_length() - 1
    return math.ldexp(x >> zeros, zeros + tick)


def _multiply(x: Exact, y: Exact) -> Exact:
    if type(x) is int and type(y) is int:
        return x * y
    return _unit(x) * _unit(y)


def _unit(x: Exact) -> float:
    """Zeros, infinities and NaN as they are, other numbers as one of their sign."""
    return x if type(x) is float else 1.0 if x > 0 else -1.0


# ---------------------------------------------------------------- one rounding
def _carries(mode: Rounding, n: int) -> Callable[[int, int, bool, bool, int], bool]:
    """P3109 v4.0's StochasticA, B and C with n random bits, on (rest, shift, the random word)."""

    def by_a(rest: int, shift: int, bits: int) -> bool:
        return ((rest << n) >> shift) + (bits >> (_WORD_BITS - n)) >= 1 << n

    def by_b(rest: int, shift: int, bits: int) -> bool:
        return ((rest << (n + 1)) >> shift) + 2 * (bits >> (_WORD_BITS - n)) + 1 >= 1 << (n + 1)

    def by_c(rest: int, shift: int, bits: int) -> bool:
        whole = (rest << n) >> shift
        twice = 2 * ((rest << n) - (whole << shift))
        nearest = whole + (twice > 1 << shift or (twice == 1 << shift and whole & 1 == 1))
        return nearest + (bits >> (_WORD_BITS - n)) >= 1 << n

    if mode is Rounding.STOCHASTIC_EQUAL:
        return lambda rest, shift, even, negative, bits: bits >> (_WORD_BITS - 1) == 1
    carry = {
        Rounding.STOCHASTIC: by_a,
        Rounding.STOCHASTIC_A: by_a,
        Rounding.STOCHASTIC_B: by_b,
        Rounding.STOCHASTIC_C: by_c,
    }[mode]
    return lambda rest, shift, even, negative, bits: carry(rest, shift, bits)


#: whether (kept + rest / 2^shift) units, 0 < rest < 2^shift, become kept + 1, from (rest, shift, kept is even,
#: negative, random word)
_UP: dict[Rounding, Callable[[int, int, bool, bool, int], bool]] = {
    Rounding.NEAREST_EVEN: lambda rest, shift, even, negative, bits: (
        2 * rest > 1 << shift or (2 * rest == 1 << shift and not even)
    ),
    Rounding.NEAREST_AWAY: lambda rest, shift, even, negative, bits: 2 * rest >= 1 << shift,
    Rounding.NEAREST_ZERO: lambda rest, shift, even, negative, bits: 2 * rest > 1 << shift,
    Rounding.TOWARD_ZERO: lambda rest, shift, even, negative, bits: False,
    Rounding.TOWARD_POSITIVE: lambda rest, shift, even, negative, bits: not negative,
    Rounding.TOWARD_NEGATIVE: lambda rest, shift, even, negative, bits: negative,
    Rounding.TO_ODD: lambda rest, shift, even, negative, bits: even,
}


class _Rounder:
    """One rounding to a format: of ticks, zeros, infinities and NaN."""

    def __init__(self, fmt: Format, acc: Any, tick: int) -> None:
        f, self.precision = fmt, fmt.precision
        drawn = _WORD_BITS if acc.rounding is Rounding.STOCHASTIC else acc.random_bits or 0
        self.goes_up = _carries(acc.rounding, drawn) if acc.rounding.is_stochastic else _UP[acc.rounding]
        self.above, self.below = (
            [_ticks(x, tick) for x in beyond(f, acc.rounding, acc.overflow, positive=side)] for side in (True, False)
        )
        self.max, self.min = (_ticks(x, tick) or 0 for x in (f.max, f.min))
        self.least_shift = f.emin - f.precision + 1 - tick
        self.fixed = f.twos_complement
        normal = int(_ticks(f.smallest_normal, tick))
        self.flush_input = normal if f.flushes_input else 0
        self.flush_output = normal if f.flushes_output or not f.has_zero else 1
        negative_zero = -0.0 if f.has_negative_zero else 0.0
        #: what an exact zero becomes, and what is too small, by sign
        self.zeros = (0.0, negative_zero) if f.has_zero else (self.below[0], self.below[0])
        self.tiny = (0.0, negative_zero) if f.has_zero else (_ticks(f.min, tick), self.below[0])
        # one significand bit: even is the code, counted in binades from emin; without a zero, the significand, which is
        # 1
        self.even_code = f.precision == 1 and f.has_zero and not f.twos_complement
        self.code_offset = tick - f.emin + (f.lowest_binade is LowestBinade.SUBNORMAL)

    def __call__(self, x: Exact, bits: int = 0) -> Exact:
        """x rounded; `bits` is the 64-bit random word."""
        if isinstance(x, float):
            return self._special(x)
        negative = x < 0
        a = -x if negative else x
        if a < self.flush_input:
            return self.zeros[negative]
        shift = self.least_shift if self.fixed else max(a.bit_length() - self.precision, self.least_shift)
        if shift > 0:
            kept = a >> shift
            rest = a - (kept << shift)
            if rest:
                even = (shift + self.code_offset) & 1 == 0 if self.even_code and kept else kept & 1 == 0
                kept += self.goes_up(rest, shift, even, negative, bits)
            a = kept << shift
        if a < self.flush_output:
            return self.tiny[negative]
        if negative:
            return -a if -a >= self.min else self.below[0]
        return a if a <= self.max else self.above[0]

    def _special(self, x: float) -> Exact:
        if x == 0:
            return self.zeros[math.copysign(1.0, x) < 0]
        return x if math.isnan(x) else self.above[1] if x > 0 else self.below[1]


# ---------------------------------------------------------------- one output
class _Sum:
    """The sums of the outputs of one product, by one accumulator."""

    def __init__(self, acc: Any, key: int, tick: int) -> None:
        self.acc, self.key, self.i, self.j = acc, key, 0, 0
        self.total, self.promote = _Rounder(acc.format, acc, tick), _Rounder(acc.promote or acc.format, acc, tick)
        self.product = None if acc.product is None else _Rounder(acc.product, acc, tick)
        self.mixed = -0.0 if acc.rounding is Rounding.TOWARD_NEGATIVE else 0.0
        self.drawn = acc.rounding.is_stochastic

    def exactly(self, x: Exact, y: Exact) -> Exact:
        """x + y. A zero sum has IEEE 754's sign (6.3): that of both, or the mode's where they differ."""
        if type(x) is int and type(y) is int:
            return x + y or self.mixed
        if x == 0 and y == 0:
            return x if math.copysign(1.0, x) == math.copysign(1.0, y) else self.mixed
        if x == 0 or y == 0:
            return y if x == 0 else x
        return _unit(x) + _unit(y)

    def rounded(self, rounder: _Rounder, domain: int, k: int, x: Exact) -> Exact:
        """x rounded, with the random word of step k of this output in a domain."""
        if not self.drawn:
            return rounder(x)
        return rounder(x, word(self.key, domain, self.i, self.j, k, self.acc.random_bits))

    def add(self, x: Exact, y: Exact, k: int, domain: int = _SUM) -> Exact:
        """R(x + y)."""
        rounder = self.promote if domain == _PROMOTE and self.acc.promote is not None else self.total
        return self.rounded(rounder, domain, k, self.exactly(x, y))

    def terms(self, row: Sequence[Exact], column: Sequence[Exact]) -> list[Exact]:
        """P(a_k b_k)."""
        exact = [_multiply(x, y) for x, y in zip(row, column, strict=True)]
        if self.product is None:
            return exact
        return [self.rounded(self.product, _PRODUCT, k, x) for k, x in enumerate(exact)]

    def sequential(self, terms: Sequence[Exact], s: Exact, first: int = 0) -> Exact:
        for k, t in enumerate(terms, first):
            s = self.add(s, t, k)
        return s

    def pairwise(self, terms: Sequence[Exact], c: Exact, domain: int = _SUM) -> Exact:
        level = list(enumerate(terms))
        while len(level) > 1:
            after = []
            for n in range(0, len(level) - 1, 2):
                (first, left), (boundary, right) = level[n], level[n + 1]
                after.append((first, self.add(left, right, boundary, domain)))
            level = after + level[len(level) - len(level) % 2 :]
        return self.add(level[0][1], c, 0, domain)

    def interleaved(self, terms: Sequence[Exact], c: Exact) -> Exact:
        sums: list[Exact] = [0.0] * self.acc.lanes
        for k, t in enumerate(terms):
            sums[k % len(sums)] = self.add(sums[k % len(sums)], t, k)
        return self.pairwise(sums, c, _LANES)

    def blocked(self, terms: Sequence[Exact], c: Exact) -> Exact:
        size, s = self.acc.block, c
        for n in range(0, len(terms), size):
            s = self.add(s, self.sequential(terms[n : n + size], 0.0, n), n // size, _PROMOTE)
        return s

    def kahan(self, terms: Sequence[Exact], s: Exact) -> Exact:
        e: Exact = 0.0
        for k, t in enumerate(terms):
            y = self.add(t, -e, k, _CORRECTED)
            new = self.add(s, y, k)
            e = self.add(self.add(new, -s, k, _DIFFERENCE), -y, k, _CORRECTION)
            s = new
        return s

    def exact(self, terms: Sequence[Exact], c: Exact) -> Exact:
        total = c
        for t in terms:
            total = self.exactly(total, t)
        return self.rounded(self.total, _SUM, 0, total)


def _quantum(numbers: Sequence[float]) -> int:
    """The greatest e such that all finite numbers are multiples of 2^e; large where all are zero."""
    return min((_integer(x)[1] for x in numbers if x != 0 and math.isfinite(x)), default=4000)


def matmul_exact(a: Matrix, b: Matrix, acc: Any, c: Matrix | None = None, key: int = 0) -> list[list[float]]:
    """a @ b + c as `acc` says; `key` is the key of the stream (``nf.Stream(seed).key``). k = 0: c rounded, or 0.

    Examples
    --------
    >>> from nfloat import Accumulator
    >>> matmul_exact([[1.0, 2.0**-11]], [[1.0], [1.0]], Accumulator("float16", rounding="toward_positive"))
    [[1.0009765625]]
    """
    of_a, of_b, of_c = (_quantum([x for row in matrix or () for x in row]) for matrix in (a, b, c))
    formats = [f for f in (acc.format, acc.product, acc.promote) if f is not None]
    tick = min(of_a + of_b, of_c, *(f.emin - f.precision + 1 for f in formats))
    rows = [[_ticks(x, tick - of_b) for x in row] for row in a]
    columns = [[_ticks(x, of_b) for x in column] for column in zip(*b, strict=True)]
    sums = _Sum(acc, key, tick)
    order: Callable[[Sequence[Exact], Exact], Exact] = getattr(sums, acc.order.value)
    out: list[list[float]] = []
    for sums.i, row in enumerate(rows):
        line = []
        for sums.j, column in enumerate(columns):
            start = 0.0 if c is None else _ticks(c[sums.i][sums.j], tick)
            line.append(_float(order(sums.terms(row, column), start), tick))
        out.append(line)
    return out
