"""exp, log, tanh, sigmoid, erf, normal_cdf and sums in float64 that are the same on every machine.

What losses, activations and drift are made of.

NumPy's own depend on the CPU: its exp, log and tanh choose among vector libraries and the C library's, its sums and
products (`sum`, `mean`, `dot`, `@`) add in an order that follows the width of a vector. Here everything is +, -, *, /
and the bits of float64, each of which IEEE 754 rounds in one way only: in compiled code that fuses no two of them
(``kernels/arithmetic/elementary.py``), or one array operation at a time.

They are within 1 ulp (tanh, sigmoid, erf: 3; normal_cdf: 1 + x^2 times as many), not correctly rounded as `nf.exp` is:
that takes a hundred times as long. Results that are rounded to a format of p <= 24 afterwards are the correctly rounded
ones but for some 2^-28 of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels.arithmetic import elementary as kernels
from ..kernels.jit import entry_point

#: float64 arrays, as the engine's annotations have them
Doubles = NDArray[np.floating]

_DOUBLE = np.dtype(np.float64)
ROOT_HALF = 0.7071067811865476
TWO_OVER_ROOT_PI = 1.1283791670955126


def _each(kernel: Callable[..., Any], x: Doubles) -> Doubles:
    """A function of one number, element by element."""
    if x.dtype is not _DOUBLE:
        x = x.astype(_DOUBLE)
    out = np.empty(x.shape)
    entry_point(kernel)(x.ravel(), out.reshape(-1))  # ravel: contiguous, as kernels must find it
    return out


def exp(x: Doubles) -> Doubles:
    """e^x within 1 ulp; in subnormal results within 1 ulp of 2^-1074. NaN gives NaN.

    Examples
    --------
    >>> exp(np.array([0.0, 1.0, -np.inf, np.nan]))
    array([1.        , 2.71828183, 0.        ,        nan])
    """
    return _each(kernels.exp_array, x)


def log(x: Doubles) -> Doubles:
    """The natural logarithm within 1 ulp; -inf of zeros, NaN of negative numbers.

    Examples
    --------
    >>> log(np.array([1.0, 10.0, 0.0, np.inf]))
    array([0.        , 2.30258509,       -inf,        inf])
    """
    return _each(kernels.log_array, x)


def tanh(x: Doubles) -> Doubles:
    """tanh(x) within 3 ulp, by expm1(-2 |x|); odd, -0 gives -0. NaN gives NaN.

    Examples
    --------
    >>> tanh(np.array([-0.0, 0.5, -np.inf]))
    array([-0.        ,  0.46211716, -1.        ])
    """
    return _each(kernels.tanh_array, x)


def sigmoid(x: Doubles) -> Doubles:
    """1 / (1 + exp(-x)) within 3 ulp, small results too. NaN gives NaN.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return _each(kernels.sigmoid_array, x)


def erf(x: Doubles) -> Doubles:
    """The error function within 3 ulp; odd. NaN gives NaN.

    Examples
    --------
    >>> erf(np.array([-np.inf, 0.0, 1.0]))
    array([-1.        ,  0.        ,  0.84270079])
    """
    return _each(kernels.erf_array, x)


def log1p(x: Doubles) -> Doubles:
    """log(1 + x) of x in 0..1, small ones too, by log(u) x / (u - 1) with u = 1 + x rounded (Kahan).

    Examples
    --------
    >>> log1p(np.array([0.0, 1e-30, 1.0]))
    array([0.00000000e+00, 1.00000000e-30, 6.93147181e-01])
    """
    u = 1.0 + x
    return np.where(u == 1.0, x, log(u) * (x / np.where(u == 1.0, 1.0, u - 1.0)))


def normal_cdf(x: Doubles) -> Doubles:
    """The share of the standard normal distribution below x, small shares too. NaN gives NaN.

    Examples
    --------
    >>> normal_cdf(np.array([-np.inf, -10.0, 0.0, np.inf]))
    array([0.00000000e+00, 7.61985302e-24, 5.00000000e-01, 1.00000000e+00])
    """
    return _each(kernels.normal_cdf_array, x)


def sums(x: Doubles, axis: int = -1) -> Doubles:
    """Sums along an axis, one element after the other: the last of the running sums, whose order nobody can choose.

    Examples
    --------
    >>> sums(np.array([[1e16, 1.0, -1e16], [1e16, -1e16, 1.0]]))
    array([0., 1.])
    """
    if x.shape[axis] == 0:
        return np.zeros(x.shape[:axis] + x.shape[axis:][1:])
    return np.add.accumulate(x, axis=axis, dtype=np.float64).take(-1, axis)


def halved_sums(x: Doubles, axes: Sequence[int]) -> Doubles:
    """Sums along axes, which stay as axes of one element: the first half added to the second until one is left.

    The middle one of an odd number is added to the first sum. Axes are summed in the order given. A quarter of the time
    of `sums`, and the order is as fixed.

    Examples
    --------
    >>> halved_sums(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), (1,))
    array([[15.]])
    """
    for axis in axes:
        if axis % x.ndim == x.ndim - 1 and x.size and x.flags.c_contiguous and x.dtype is _DOUBLE:
            rows = x.reshape(-1, x.shape[-1])
            x = np.empty((*x.shape[:-1], 1))
            entry_point(kernels.halved_sums)(rows, x.reshape(-1))
            continue
        before = (slice(None),) * (axis % x.ndim)
        if x.shape[axis] == 0:
            x = np.zeros((*x.shape[: len(before)], 1, *x.shape[len(before) + 1 :]))
        while (count := x.shape[axis]) > 1:
            half = count // 2
            pairs = x[*before, :half] + x[*before, half : 2 * half]
            if count % 2:
                pairs[*before, :1] += x[*before, count - 1 :]
            x = pairs
    return x


def total(x: Doubles) -> float:
    """The sum of all elements, in C order.

    Examples
    --------
    >>> total(np.array([[1.0, 2.0], [3.0, 4.0]]))
    10.0
    """
    return float(entry_point(kernels.running_sum)(np.ravel(x).astype(_DOUBLE, copy=False)))
