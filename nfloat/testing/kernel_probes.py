"""`probe_inputs`: two small matrices whose product tells accumulators apart. To run on one's own device.

Rows of four kinds, since each shows something else:

nothing    every product has its opposite somewhere: the exact sum is 0, and what is left is rounding errors alone;
           every order makes others, and results of few bits show them too; sizes over 13 powers of two
wide       sizes over many powers of two: what is cut off when terms are aligned, and how far below; columns of b
           have significands of one size, or are wide and of few bits, in turn; half of them is the other half again
growing    positive numbers of one size and few bits: sums that outgrow their terms, ties, a width too small
cancelling a large number, small ones, and the large one with the other sign, some steps apart: where sums are
           kept, in which lanes and blocks, and how many bits

What they are run on gives d, and ``identification.py`` names the arithmetic. The idea is that of Fasi, Higham, Mikaitis
and Pranesh, PeerJ Comput. Sci. 7, 2021, who probe tensor cores by such numbers, one property at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, FormatError, as_integer
from ..formats.format import Format
from ..formats.names import FormatLike
from ..linalg.operands import input_formats
from ..ops.memory import check_size
from ..ops.rounding import round as round_to
from ..streams import SeedLike, as_key

Doubles = NDArray[np.float64]
#: no sum of magnitudes is greater where sizes are alike: E4M3 and FP16 hold it
_LARGEST_SUM = 192.0
_KINDS = ("nothing", "wide", "growing", "cancelling")


def probe_inputs(
    inputs: FormatLike | tuple[FormatLike, FormatLike] = "bfloat16", k: int = 256, lines: int = 8, *, seed: SeedLike = 0
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """a (lines, k) and b (k, lines), numbers of the kernel's operand formats; by default 4096 in all.

    Parameters
    ----------
    inputs : Format or str
        What the kernel multiplies (a pair: a's and b's). The numbers are exact in it: ``.astype`` changes none.
    k : int
        Terms of a sum. Split-K, blocks and lanes show where they are shorter than it.
    lines : int
        Rows of a and columns of b; a multiple of 4 has as many of each kind.
    seed : int or Stream
        Others of the same kind.

    Raises
    ------
    FormatError
        If a format has no negative numbers.
    ArgumentError
        If k or lines is not a positive integer.
    ShapeError
        If a and b would not fit in memory.

    Examples
    --------
    >>> a, b = probe_inputs("float16")
    >>> a.shape, b.shape
    ((8, 256), (256, 8))
    """
    for name, value in (("k", k), ("lines", lines)):
        number = as_integer(value)
        if number is None or number < 1:
            raise ArgumentError(f"{name}={value!r} must be an integer >= 1")
    check_size("a and b", (2, lines, k), 24)  # with what they are made of
    first, second = input_formats(inputs)
    for fmt in (first, second):
        if not fmt.signed or not fmt.has_zero:
            raise FormatError(
                f"inputs={fmt.name!r} has no negative numbers or no zero; name what the kernel multiplies"
            )
    rng = np.random.Generator(np.random.Philox(key=as_key(seed)))
    a = np.stack([_row(rng, _KINDS[i % 4], k, first) for i in range(lines)])
    b = np.stack([_row(rng, ("alike", "wide")[i % 2], k, second) for i in range(lines)], axis=1)
    b[:, 1::2] = _short(b[:, 1::2])
    one, other, rest = np.split(rng.permutation(k), [k // 2, k // 2 * 2])
    b[other] = b[one]
    a[::4, other] = -a[::4, one]
    a[::4, rest] *= k == 1
    return _carried(a, first), _carried(b, second)


def _carried(x: Doubles, fmt: Format) -> NDArray[np.floating]:
    """Numbers of the format in its carrier."""
    y = np.asarray(round_to(x, fmt, overflow="saturate_finite"))
    return y.astype(np.float32) if fmt.fits_float32 else y


def _row(rng: np.random.Generator, kind: str, k: int, fmt: Format) -> Doubles:
    """One line of a kind."""
    significand = 1.0 + rng.random(k)
    sign = rng.choice([-1.0, 1.0], k)
    # exponents of the terms: the sum of k of them stays within what narrow formats hold
    top = int(np.clip(np.floor(np.log2(_LARGEST_SUM / (4.0 * k))), fmt.emin, fmt.emax))
    if kind == "wide":
        low, high = max(fmt.emin, -9), min(fmt.emax - 1, 5)
        return sign * significand * np.exp2(rng.integers(low, max(low, high) + 1, k).astype(float))
    if kind == "growing":
        return _short(significand) * np.exp2(float(top))
    if kind == "nothing":  # as large as b's numbers are small: the errors are not lost below float16's least number
        high = int(np.clip(-top, fmt.emin, fmt.emax - 1))
        return sign * significand * np.exp2(np.maximum(high - rng.integers(0, 13, k), fmt.emin).astype(float))
    x = sign * significand * np.exp2(float(top))
    if kind == "cancelling" and k >= 4:
        x *= np.exp2(-float(min(4, max(0, top - fmt.emin))))
        _cancel(rng, x, top, fmt)
    return x


def _short(x: Doubles) -> Doubles:
    """The numbers with two bits of their significands: sums of such products are ties."""
    significand, exponent = np.frexp(x)
    return np.ldexp(np.round(significand * 4) / 4, exponent)


def _cancel(rng: np.random.Generator, x: Doubles, top: int, fmt: Format) -> None:
    """Large numbers and their opposites at random distances; b's numbers differ, so that something is left."""
    places = rng.permutation(x.size)[: 2 * max(1, x.size // 16)]
    size = np.exp2(float(min(fmt.emax, top + 2)))
    x[places[::2]] = size * (1.0 + rng.random(places[::2].size))
    x[places[1::2]] = -x[places[::2]]
