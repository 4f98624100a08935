"""Assertions about numbers of a format, in the manner of numpy.testing, with failures that one can act on.

`assert_ulp` (how far), `assert_representable` (whether the format has them), `assert_bits_equal` (the same to the bit)
and `assert_unbiased` (stochastic rounding, with a stated false-alarm rate). Sums and products of matrices have bounds
of their own in ``bounds.py``. The text of failures is in ``failures.py``. All raise AssertionError.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..ops.arguments import as_carrier
from ..ops.rounding import round as round_to
from . import failures

Floats = NDArray[np.float64]
Carrier = NDArray[np.floating]


def ulp(x: ArrayLike, fmt: FormatLike) -> Floats:
    """The gap between numbers of a format in the binade of x: 2^(max(floor(log2 |x|), emin) - p + 1).

    Below the smallest normal number it is the smallest positive number; at a power of two it is the gap above it. NaN
    for NaN and infinities.

    Examples
    --------
    >>> ulp([1.0, 1.99, 2.0, 0.0], "bfloat16")
    array([7.81250000e-03, 7.81250000e-03, 1.56250000e-02, 9.18354962e-41])
    """
    f = get_format(fmt)
    a = np.abs(as_carrier(x, "x", single=False))
    exponent = np.maximum(np.frexp(np.where(np.isfinite(a), a, 1.0))[1] - 1, f.emin)
    exponent = np.where((a == 0) | f.twos_complement, f.emin, exponent)
    unit = np.ldexp(1.0, exponent - f.precision + 1)
    if f.flushes_output or not f.has_zero:
        unit = np.where(a < f.smallest_normal, f.smallest_normal, unit)
    return np.where(np.isfinite(a), unit, np.nan)


def assert_ulp(
    actual: ArrayLike, desired: ArrayLike, fmt: FormatLike, max_ulp: float = 1, *, equal_nan: bool = True
) -> None:
    """Fail unless every |actual - desired| is at most `max_ulp` gaps of the format at `desired`.

    Parameters
    ----------
    actual, desired : array_like
        Of one shape, or `desired` a scalar. `desired` may be more precise than the format. Where the format would make
        an infinity, a NaN or a clamped number of it, `actual` must be just that.
    fmt : Format or str
        The format whose ulp is meant: the gap in desired's binade (see `ulp`).
    max_ulp : float
        0.5 asks for a correctly rounded result (to nearest).
    equal_nan : bool
        Whether NaN may stand where NaN is desired. Infinities must be the same; +0 equals -0.

    Raises
    ------
    AssertionError
        With the worst element in decimal, hex and bits, its neighbours on the grid, and a line that reproduces it.

    Examples
    --------
    >>> assert_ulp([1.0, 3.0], [1.0078125, 3.0], "bfloat16")
    """
    f = get_format(fmt)
    if not isinstance(max_ulp, numbers.Real) or not 0 <= max_ulp < 2**1023:
        raise ArgumentError(f"max_ulp={max_ulp!r} must be a number >= 0")
    a, d = _pair(actual, desired)
    limit = round_to(d, f)
    with np.errstate(invalid="ignore", over="ignore"):
        beyond = ~np.isfinite(limit) | (np.abs(d) > max(f.max, -f.min))
        d = np.where(beyond, limit, d)
        distance = np.array(np.abs(a - d) / ulp(np.where(np.isfinite(d), d, 0.0), f))
    special = ~np.isfinite(a) | ~np.isfinite(d)
    same = (a == d) | (np.isnan(a) & np.isnan(d) & equal_nan)
    distance[special] = np.where(same, 0.0, math.inf)[special]
    bad = np.asarray(~(distance <= max_ulp))
    if bad.any():
        worst = int(np.argmax(np.where(np.isnan(distance), math.inf, distance)))
        raise AssertionError(_ulp_failure(a, d, f, max_ulp, distance, bad, worst))


def _ulp_failure(
    a: Carrier, d: Carrier, f: Format, max_ulp: float, distance: Floats, bad: NDArray[np.bool_], worst: int
) -> str:
    x, y, far = (float(v.flat[worst]) for v in (a, d, distance))
    gap = "" if not math.isfinite(y) else f"; 1 ulp here is {float(ulp(y, f))!r}"
    arguments = f"{failures.argument(x)}, {failures.argument(y)}, {failures.format_argument(f)}"
    call = f"nf.testing.assert_ulp({arguments}, max_ulp={max_ulp!r})"
    return "\n".join(
        filter(
            None,
            [
                f"{failures.share(bad)} differ by more than {max_ulp:g} ulp of {f.name}",
                f"worst is {failures.place(worst, a.shape)}: {far:.6g} ulp{gap}",
                failures.value_line("actual", x, f),
                failures.value_line("desired", y, f),
                failures.neighbours(y, f),
                f"reproduce: {call}",
            ],
        )
    )


def assert_representable(x: ArrayLike, fmt: FormatLike) -> None:
    """Fail unless every element of x is a number of the format; NaN, infinities and -0 count where the format has them.

    Examples
    --------
    >>> assert_representable([0.5, 448.0, float("nan")], "float8_e4m3fn")
    """
    f = get_format(fmt)
    a = as_carrier(x, "x", single=False)
    nearest = np.asarray(round_to(a, f, overflow="saturate_finite"))
    bad = np.asarray(np.where(np.isnan(a), not f.has_nan, _bits(a) != _bits(nearest)))
    if not bad.any():
        return
    worst = int(np.flatnonzero(bad)[0])
    value = float(a.flat[worst])
    arguments = f"{failures.argument(value)}, {failures.format_argument(f)}"
    raise AssertionError(
        "\n".join(
            filter(
                None,
                [
                    f"{failures.share(bad)} are not numbers of {f.name}",
                    f"the first is {failures.place(worst, a.shape)}",
                    failures.value_line("value", value, None),
                    failures.value_line("nearest", float(nearest.flat[worst]), f),
                    failures.neighbours(value, f).replace("desired", "the value"),
                    f"reproduce: nf.testing.assert_representable({arguments})",
                ],
            )
        )
    )


def assert_bits_equal(actual: ArrayLike, desired: ArrayLike, fmt: FormatLike | None = None) -> None:
    """Fail unless two arrays are the same to the bit: values with the sign of their zeros, or codes.

    Any NaN equals any NaN, since a carrier's NaN payload says nothing about a format's. float32 and float64 are
    compared by value. `fmt` adds the bit fields to the failure's text.

    Examples
    --------
    >>> assert_bits_equal([0.0, float("nan")], [0.0, float("nan")])
    """
    f = None if fmt is None else get_format(fmt)
    x, y = np.asarray(actual), np.asarray(desired)
    if x.dtype.kind in "iu" and y.dtype.kind in "iu":
        _same_shape(x, y)
        bad = np.asarray(x != y)
    else:
        x, y = _pair(actual, desired)
        bad = np.asarray((_bits(x) != _bits(y)) & ~(np.isnan(x) & np.isnan(y)))
    if not bad.any():
        return
    first = int(np.flatnonzero(bad)[0])
    a, d = x.flat[first], np.broadcast_to(y, x.shape).flat[first]
    lines = [f"{failures.share(bad)} differ in their bits", f"the first is {failures.place(first, x.shape)}"]
    if x.dtype.kind == "f":
        lines += [failures.value_line(label, float(v), f) for label, v in (("actual", a), ("desired", d))]
    else:
        lines += [f"  {label:<8} {int(v)} = {int(v):#x}" for label, v in (("actual", a), ("desired", d))]
    raise AssertionError("\n".join(lines))


def assert_unbiased(samples: ArrayLike, exact: ArrayLike, fmt: FormatLike, *, false_alarm: float = 1e-9) -> None:
    """Fail unless samples of a stochastic rounding are neighbours of `exact` on the grid, with the right mean.

    Parameters
    ----------
    samples : array_like, (n, ...)
        n roundings of `exact`, with different seeds or streams.
    exact : array_like, (...)
        The real values that were rounded.
    fmt : Format or str
        The format they were rounded to.
    false_alarm : float
        The probability with which unbiased samples fail.

    Notes
    -----
    Hoeffding's inequality. Of each of m elements, |mean - exact| <= gap sqrt(ln(4 m / false_alarm) / (2 n)), and of all
    together, the share rounded up differs from its expectation by at most sqrt(ln(4 / false_alarm) / (2 n m)).

    Examples
    --------
    >>> assert_unbiased([[1.0], [1.0], [1.0]], [1.0], "bfloat16")
    """
    f = get_format(fmt)
    if not 0 < false_alarm < 1:
        raise ArgumentError(f"false_alarm={false_alarm!r} must be a probability between 0 and 1")
    s, x = as_carrier(samples, "samples", single=False), as_carrier(exact, "exact", single=False)
    if s.ndim < 1 or s.shape[1:] != x.shape or s.size == 0:
        raise ArgumentError(f"samples: shape {s.shape} must be (n, *exact's shape {x.shape}) with n >= 1")
    low, high = (
        np.asarray(round_to(x, f, mode, overflow="saturate_finite")) for mode in ("toward_negative", "toward_positive")
    )
    stray = (s != low) & (s != high)
    if stray.any():
        first = int(np.flatnonzero(stray)[0])
        value, true = float(s.flat[first]), float(np.broadcast_to(x, s.shape).flat[first])
        raise AssertionError(
            f"{failures.share(stray)} are not neighbours of the exact value on the grid of {f.name}\n"
            f"the first is {failures.place(first, s.shape)}: {value!r} for {true!r}"
        )
    _check_means(s, x, low, high - low, f, false_alarm)


def _check_means(s: Carrier, x: Carrier, low: Carrier, gap: Carrier, f: Format, false_alarm: float) -> None:
    """Hoeffding's two bounds; exact elements have no gap and are right already."""
    n, m = s.shape[0], max(x.size, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(gap > 0, (x - low) / gap, 0.0)
        share_up = np.where(gap > 0, ((s - low) / gap).mean(axis=0), 0.0)
    off = np.array(np.abs(share_up - expected))
    allowed = math.sqrt(math.log(4 * m / false_alarm) / (2 * n))
    if (off > allowed).any():
        worst = int(np.argmax(off))
        raise AssertionError(
            f"{failures.share(off > allowed)} have a biased mean in {f.name}, n = {n}\n"
            f"worst is {failures.place(worst, x.shape)}: {float(x.flat[worst])!r} was rounded up with frequency "
            f"{float(share_up.flat[worst]):.6g}, expected {float(expected.flat[worst]):.6g} +- {allowed:.3g}\n"
            f"(Hoeffding: sqrt(ln(4 m / {false_alarm:g}) / (2 n)), m = {m})"
        )
    together, bound = abs(float((share_up - expected).mean())), math.sqrt(math.log(4 / false_alarm) / (2 * n * m))
    if together > bound:
        raise AssertionError(
            f"all {m} elements together are rounded up with a frequency that is {together:.3g} off in {f.name}, "
            f"allowed {bound:.3g}\n"
            f"(Hoeffding: sqrt(ln(4 / {false_alarm:g}) / (2 n m)), n = {n}, m = {m})"
        )


def _pair(actual: ArrayLike, desired: ArrayLike) -> tuple[Carrier, Carrier]:
    a, d = as_carrier(actual, "actual", single=False), as_carrier(desired, "desired", single=False)
    _same_shape(a, d)
    return a, np.broadcast_to(d, a.shape).copy()


def _same_shape(a: NDArray[Any], d: NDArray[Any]) -> None:
    if d.shape not in (a.shape, ()):
        raise AssertionError(f"shapes differ: actual {a.shape}, desired {d.shape}")


def _bits(a: Carrier) -> NDArray[np.int64]:
    return np.asarray(a, np.float64).view(np.int64)
