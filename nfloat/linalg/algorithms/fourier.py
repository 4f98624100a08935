"""`fft` and `ifft`: Cooley and Tukey's transform, every operation rounded.

Radix 2, decimation in time: while n is even, the transforms e and o of the elements with even and odd numbers give y_k
= e_k + w_k o_k and y_(k + n/2) = e_k - w_k o_k, w_k = exp(-2 pi i k / n). What is left, of odd length, is transformed
by its definition: y_k = (sum of R(re w re x)) less (sum of R(im w im x)), and (sum of R(im x re w)) plus (sum of R(re x
im w)), sums from 0 with j ascending. A complex product is (R(R(ac) - R(bd)), R(R(ad) + R(bc))) with w = (a, b), x = (c,
d). The parts of w are the nearest numbers of the format.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ShapeError, as_integer
from ...formats.names import FormatLike
from ...formats.rounding import OverflowLike, RoundingLike
from ...ops.arguments import as_array
from ...ops.bigreal import circle_point
from ...streams import SeedLike
from .calculation import Calculation, Floats, begin

#: the definition takes n^2 products
_LONGEST_ODD = 2048


class ComplexParts(NamedTuple):
    """Complex numbers as two FloatArrays of one shape."""

    real: Any
    imag: Any


class Parts(NamedTuple):
    """Complex carriers."""

    re: Floats
    im: Floats


def fft(
    x: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    axis: int = -1,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Any:
    """The discrete Fourier transform along an axis: radix 2, decimation in time, every operation rounded.

    Parameters
    ----------
    x : array_like, FloatArray, or a pair of FloatArrays
        Real or complex numbers (of FloatArrays: real and imaginary part), of any length along the axis; powers of two
        are fast.
    axis : int
        Along which it goes.
    fmt, rounding, overflow, random_bits, seed
        As in `nf.linalg.lu`.

    Returns
    -------
    ndarray or ComplexParts
        complex64 where the format fits float32 and x is no wider, else complex128; of FloatArrays a pair of them.

    Raises
    ------
    ShapeError
        If there is nothing along the axis.
    FormatError, RoundingError, SeedError, ArgumentError
        Each names the argument.

    Notes
    -----
    The algorithm is spelled out at the head of the module; signs and scale are np.fft.fft's.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.fft([1.0, 2.0, 3.0, 4.0], "float16")
    array([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j])
    >>> nf.fft(nf.array([1.0, 2.0], "bfloat16")).real
    FloatArray([ 3., -1.], format='bfloat16', rounding='nearest_even')
    """
    c, parts, place, is_complex = _begin("fft", x, axis, fmt, rounding, overflow, random_bits, seed)
    return _result(c, _transform(c, parts), place, is_complex)


def ifft(
    x: ArrayLike,
    fmt: FormatLike | None = None,
    rounding: RoundingLike = "nearest_even",
    *,
    axis: int = -1,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
) -> Any:
    """The inverse of `fft`: the conjugate of the transform of the conjugate, each part divided by n and rounded.

    Arguments, results and exceptions are those of `fft`.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.ifft([10.0, -2 + 2j, -2, -2 - 2j], "float16").real
    array([1., 2., 3., 4.])
    """
    c, parts, place, is_complex = _begin("ifft", x, axis, fmt, rounding, overflow, random_bits, seed)
    y = _transform(c, Parts(parts.re, -parts.im))
    n = c.round(float(parts.re.shape[-1]))
    return _result(c, Parts(c.divide(y.re, n), c.divide(-y.im, n)), place, is_complex)


def _begin(name: str, x: Any, axis: int, *how: Any) -> tuple[Calculation, Parts, int, bool]:
    """(calculation, parts with the axis last, its place, whether a complex array is returned)."""
    pair = isinstance(x, tuple) and len(x) == 2 and all(hasattr(part, "format") for part in x)
    z = x if pair or hasattr(x, "format") else as_array(x, "x")
    if isinstance(z, np.ndarray) and z.dtype.kind == "c":
        z, pair = (z.real.copy(), z.imag.copy()), True
    operands = (("x.real", z[0]), ("x.imag", z[1])) if pair else (("x", z),)
    c = begin(name, operands, *how)
    re, im = c.values if pair else (c.values[0], np.zeros_like(c.values[0]))
    number = as_integer(axis)
    if re.shape != im.shape or number is None or not -re.ndim <= number < re.ndim or not re.shape[number]:
        raise ShapeError(f"{name}: axis={axis!r} of x {re.shape} and {im.shape}: nothing to transform there")
    parts = Parts(np.moveaxis(re, number, -1), np.moveaxis(im, number, -1))
    return c, parts, number, not any(hasattr(part, "format") for _, part in operands)


def _result(c: Calculation, y: Parts, axis: int, is_complex: bool) -> Any:
    re, im = (c.result(np.moveaxis(part, -1, axis)) for part in y)
    if not is_complex:
        return ComplexParts(re, im)
    out = np.empty(re.shape, np.complex64 if re.dtype == np.float32 else np.complex128)
    out.real, out.imag = re, im
    return out


def _transform(c: Calculation, x: Parts) -> Parts:
    """Along the last axis."""
    n = x.re.shape[-1]
    if n % 2:
        return _by_definition(c, x) if n > 1 else x
    # the transforms of the halves go together, as one stack
    halves = _transform(c, Parts(*(np.stack([part[..., ::2], part[..., 1::2]]) for part in x)))
    even, odd = (Parts(halves.re[i], halves.im[i]) for i in (0, 1))
    turned = _multiply(c, roots(c, n, n // 2), odd)
    return Parts(*(np.concatenate([c.add(e, t), c.subtract(e, t)], axis=-1) for e, t in zip(even, turned, strict=True)))


def _multiply(c: Calculation, w: Parts, x: Parts) -> Parts:
    return Parts(
        c.subtract(c.multiply(w.re, x.re), c.multiply(w.im, x.im)),
        c.add(c.multiply(w.re, x.im), c.multiply(w.im, x.re)),
    )


def _by_definition(c: Calculation, x: Parts) -> Parts:
    n = x.re.shape[-1]
    if n > _LONGEST_ODD:
        raise ShapeError(f"fft: the length has the odd factor {n}, more than {_LONGEST_ODD}; pad to a power of two")
    numbers = np.outer(np.arange(n), np.arange(n)) % n
    w, flat = roots(c, n, n), Parts(*(part.reshape(-1, n) for part in x))
    a, b = w.re[numbers], w.im[numbers]
    re = c.subtract(c.product(flat.re, a), c.product(flat.im, b))
    im = c.add(c.product(flat.im, a), c.product(flat.re, b))
    return Parts(re.reshape(x.re.shape), im.reshape(x.im.shape))


def roots(c: Calculation, n: int, count: int) -> Parts:
    """exp(-2 pi i k / n) for the first `count` k, each part the nearest of the format's."""
    (re, re_rest), (im, im_rest) = _points(n, count)
    return Parts(c.nearest_sum(re, re_rest), c.nearest_sum(-im, -im_rest))


@lru_cache(maxsize=64)
def _points(n: int, count: int) -> NDArray[np.float64]:
    """cos and sin of 2 pi k / n, each as the sum of two float64 numbers: shape (2, 2, count)."""
    out = np.empty((2, 2, count))
    for k in range(count):
        c, s, q = circle_point(k, n, 160)
        for i, v in enumerate((c, s)):
            head = v / (1 << -q)
            top, bottom = head.as_integer_ratio()
            out[i, :, k] = head, (v * bottom - (top << -q)) / (bottom << -q)
    return out
