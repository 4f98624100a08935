"""`standard_normal`: normal deviates that are the same on every machine, from a NumPy generator's bits.

NumPy's own call the C library's exp and log1p, whose last bit differs from one library and CPU to another: one deviate
in 4000 is made of it. Here both are correctly rounded, and the tables come from decimal arithmetic, which has one
result too. Method, tables and use of the generator's words are NumPy's, so the numbers are NumPy's but for the last bit
of some beyond R, and the generator is left as NumPy leaves it. (MT19937 makes its uniform numbers in another way: there
the tail differs more.)

The method (Marsaglia and Tsang 2000, J. Stat. Soft. 5): the density exp(-x^2/2) is cut into 256 layers of equal area V.
A word of 64 bits names a layer (8 bits), a sign and a place x in the layer (52 bits); where x lies under the layer
above, it is taken (98.8 %). Else it is taken with the chance that it lies under the density, or, in the lowest layer,
is drawn from the tail beyond R; these draw one more word, or two each time.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .functions import exp
from .leading_bits import leading_bits

#: where the tail begins, with 256 layers
_R = 3.6541528853610088
_LAYERS = 256
#: more than any C library's exp is wrong by, as a part of it
_DOUBT = 2.0**-46
#: by how many units in the last place NumPy's widths differ, which were made by a recurrence in float64
_NUMPYS_ERRORS = (
    -9, -129, -40, -32, -28, -26, -26, -22, -22, -11, -10, -9, -8, -8, -7, -8, -8, -9, -8, -8, -9, -9, -9, -9, -9,
    -8, -7, -7, -8, -8, -8, -7, -8, -8, -7, -7, -8, -8, -6, -6, -6, -5, -5, -6, -5, -6, -5, -5, -5, -5, -6, -6, -3,
    -4, -4, -4, -4, -4, -4, -4, -3, -4, -3, -3, -3, -3, -4, -3, -4, -3, -3, -4, -3, -2, -2, -3, -3, -3, -4, -3, -3,
    -3, -3, -3, -3, -3, -2, -2, -2, -2, -2, -1, -1, -1, -1, -1, -2, -2, -1, -2, -2, -2, -2, -2, -1, -2, -2, -2, -2,
    -2, -3, -3, -3, -2, -2, -2, -1, -1, -2, -2, -2, -2, -1, -1, -1, -1, -1, -2, -2, -2, -1, -1, -2, -2, -2, -2, -2,
    -2, -2, -2, -3, -4, -4, -4, -3, -3, -3, -3, -2, -2, -2, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, -1, -1, 0, -1, 0, -1,
    -1, -1, 0, 0, 0, 1, 2, 3, 3, 3, 2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -2,
    -1, -2, -2, -2, -2, -2, -2, -1, -1, -1, -1, 0, 0, -1, -1, -1, 0, 0, 0, -1, -1, 0, 0, 0, 0, 0, 0, -1, 0, 0, -1,
    0, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0,
)  # fmt: skip


class Tables(NamedTuple):
    """Of each layer: x for one step of its place; places that are taken at once; the density at its outer end."""

    width: NDArray[np.float64]
    inside: NDArray[np.uint64]
    density: NDArray[np.float64]


def standard_normal(generator: np.random.Generator, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
    """Normal deviates of mean 0 and standard deviation 1, in float64.

    Parameters
    ----------
    generator : numpy.random.Generator
        Advanced as its own ``standard_normal`` advances it.
    shape : int or tuple of int
        Of the result.

    Examples
    --------
    >>> x = standard_normal(np.random.default_rng(1), (2, 3))
    >>> bool(np.all(x == np.random.default_rng(1).standard_normal((2, 3))))
    True
    """
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    count = math.prod(shape)
    state = generator.bit_generator.state
    ahead = count + count // 32 + 64  # 1.2 % of the places draw a word more
    while True:
        words = _words(generator, ahead)
        generator.bit_generator.state = state
        found = from_words(words, count)
        if found is not None:
            values, used = found
            _words(generator, used)
            return values.reshape(shape)
        ahead *= 2


def _words(generator: np.random.Generator, count: int) -> NDArray[np.uint64]:
    return generator.integers(0, 2**64 - 1, size=count, dtype=np.uint64, endpoint=True)


def from_words(words: NDArray[np.uint64], count: int) -> tuple[NDArray[np.float64], int] | None:
    """(that many deviates, words used for them); None if there are too few words."""
    table = tables()
    layer = (words & np.uint64(255)).astype(np.intp)
    place = (words >> np.uint64(9)) & np.uint64(2**52 - 1)
    x = place.astype(np.float64) * table.width[layer]
    np.negative(x, out=x, where=(words & np.uint64(256)) != 0)
    at_once = place < table.inside[layer]
    others = np.flatnonzero(~at_once)
    accepted = _under_density(x[others], layer[others], words.take(others + 1, mode="clip"))
    #: whether a word is a deviate's first, and the first word after that deviate
    first, end = np.ones(words.size, bool), np.arange(1, words.size + 1)
    for i, yes in zip(others.tolist(), accepted.tolist(), strict=True):
        if not first[i]:
            continue  # drawn by an earlier place
        if layer[i] != 0:
            first[i], end[i] = yes, i + 2
        else:
            size, end[i] = _tail(words, i + 1)
            x[i] = -size if int(place[i]) >> 8 & 1 else size  # NumPy's sign of the tail: a bit of the place
        first[i + 1 : end[i]] = False
    chosen = np.flatnonzero(first)[:count]
    used = int(end[chosen[-1]]) if chosen.size else 0
    return None if chosen.size < count or used > words.size else (x[chosen], used)


def _under_density(x: NDArray[np.float64], layer: NDArray[np.intp], words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether a height drawn in the layer lies under the density at x; in the lowest layer it means nothing."""
    density = tables().density
    height = (density[layer - 1] - density[layer]) * _uniform(words) + density[layer]
    power = -0.5 * x * x
    bound = np.exp(power)
    under = height < bound
    near = np.flatnonzero(np.abs(height - bound) <= _DOUBT * bound)  # so near that the last bits decide: hardly ever
    if near.size:
        under[near] = height[near] < exp(power[near], "float64")
    return under


def _log1p(x: float) -> float:
    """log1p(x) in float64, of one number: Python rounds an integer to the nearest one, and no kernel is waited for."""
    if x == 0.0:
        return x
    z = leading_bits("log1p", x)
    size = math.ldexp(float(2 * z.N + z.more), z.q - 1)
    return -size if z.negative else size


def _tail(words: NDArray[np.uint64], at: int) -> tuple[float, int]:
    """(a deviate beyond R, the word after those used); beyond the last word where there are too few."""
    for i in range(at, words.size - 1, 2):
        beyond, height = (-_log1p(-x) for x in _uniform(words[i : i + 2]).tolist())
        beyond /= _R
        if height + height > beyond * beyond:
            return _R + beyond, i + 2
    return _R, words.size + 1


def _uniform(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Multiples of 2^-53 in [0, 1)."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The layers' edges, outermost first.

    Layer i has the area x_i (f(x_(i-1)) - f(x_i)) = V, the lowest R f(R) + tail = V.
    """
    with localcontext() as context:
        context.prec = 40

        def f(x: Decimal) -> Decimal:
            return (-x * x / 2).exp()

        edge = Decimal(_R)
        area = f(edge) * (edge + 1 / _continued(edge))
        edges = [edge]
        for _ in range(_LAYERS - 2):
            edges.append((-2 * (area / edges[-1] + f(edges[-1])).ln()).sqrt())
        edges = [area / f(edge), *reversed(edges)]
        inside = [edge / edges[0], Decimal(0), *(x / y for x, y in pairwise(edges[1:]))]
        density = [Decimal(1), *map(f, edges[1:])]
        return Tables(
            (np.array([float(x / 2**52) for x in edges]).view(np.int64) + _NUMPYS_ERRORS).view(np.float64),
            np.array([int(x * 2**52) for x in inside], np.uint64),
            np.array([float(x) for x in density]),
        )


def _continued(x: Decimal) -> Decimal:
    """x + 1/(x + 2/(x + 3/...)): the integral of exp(-t^2/2) beyond x is exp(-x^2/2) over this."""
    value = x
    for k in range(200, 0, -1):
        value = x + k / value
    return value
