"""Assertions about numbers of a format, in the manner of numpy.testing, with failures that one can act on.

`assert_ulp` (how far), `assert_representable` (whether the format has them), `assert_bits_equal` (the same to the bit).
Stochastic rounding is judged in ``unbiased.py``, products of matrices in ``products.py``, sums, norms and softmax in
``bounds.py``. What they take is in ``arrays.py``, the text of failures in ``failures.py``. All raise AssertionError.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, as_truth
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..ops.arguments import as_carrier
from ..ops.rounding import round as round_to
from . import failures
from .arrays import as_double, as_plain

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
    actual: ArrayLike,
    desired: ArrayLike,
    fmt: FormatLike,
    max_ulp: float = 1,
    *,
    equal_nan: bool = True,
    codes: bool = False,
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
    codes : bool
        `actual` is codes of the format, and so is `desired` if it is unsigned integers.

    Raises
    ------
    AssertionError
        With the worst element in decimal, hex and bits, its neighbours on the grid, and a line that reproduces it.

    Examples
    --------
    >>> assert_ulp([1.0, 3.0], [1.0078125, 3.0], "bfloat16")
    >>> assert_ulp(np.uint16([0x3F81]), 1.0, "bfloat16", codes=True)
    """
    __tracebackhide__ = True
    f = get_format(fmt)
    codes, equal_nan = as_truth(codes, "codes"), as_truth(equal_nan, "equal_nan")
    if not isinstance(max_ulp, numbers.Real) or not 0 <= max_ulp < 2**1023:
        raise ArgumentError(f"max_ulp={max_ulp!r} must be a number >= 0")
    a, d = _pair(actual, desired, f, codes=codes)
    distance = far_in_ulp(a, d, f, equal_nan=equal_nan)
    bad = np.asarray(~(distance <= max_ulp))
    if bad.any():
        worst = int(np.argmax(np.where(np.isnan(distance), math.inf, distance)))
        raise AssertionError(_ulp_failure(a, _limited(d, f), f, max_ulp, distance, bad, worst))


def far_in_ulp(a: Carrier, d: Carrier, f: Format, *, equal_nan: bool) -> Floats:
    """|a - d| in ulp at d, element by element: infinite where one of them is special and the other is not the same."""
    d = _limited(d, f)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.array(np.abs(a - d) / ulp(np.where(np.isfinite(d), d, 0.0), f))
    special = ~np.isfinite(a) | ~np.isfinite(d)
    same = (a == d) | (np.isnan(a) & np.isnan(d) & equal_nan)
    distance[special] = np.where(same, 0.0, math.inf)[special]
    return distance


def _limited(d: Carrier, f: Format) -> Carrier:
    """What is desired, as the format has it where it is beyond the format."""
    limit = round_to(d, f)
    return np.asarray(np.where(~np.isfinite(limit) | (np.abs(d) > max(f.max, -f.min)), limit, d))


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
                *failures.beside(x, y, f),
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
    __tracebackhide__ = True
    f = get_format(fmt)
    a = as_double(x, "x")
    nearest = np.asarray(round_to(a, f, overflow="saturate_finite"))
    bad = np.asarray(np.where(np.isnan(a), not f.has_nan, _bits(a) != _bits(nearest)))
    if not bad.any():
        return
    far = far_in_ulp(a, nearest, f, equal_nan=False)
    worst = int(np.argmax(np.where(bad, far, -1.0)))
    value = float(a.flat[worst])
    arguments = f"{failures.argument(value)}, {failures.format_argument(f)}"
    raise AssertionError(
        "\n".join(
            filter(
                None,
                [
                    f"{failures.share(bad)} are not numbers of {f.name}",
                    f"worst is {failures.place(worst, a.shape)}: {float(far.flat[worst]):.6g} ulp from the nearest",
                    failures.value_line("value", value, None),
                    failures.value_line("nearest", float(nearest.flat[worst]), f),
                    failures.neighbours(value, f, "the value"),
                    f"reproduce: nf.testing.assert_representable({arguments})",
                ],
            )
        )
    )


def assert_bits_equal(
    actual: ArrayLike, desired: ArrayLike, fmt: FormatLike | None = None, *, codes: bool = False
) -> None:
    """Fail unless two arrays are the same to the bit: values with the sign of their zeros, or codes.

    Any NaN equals any NaN, since a carrier's NaN payload says nothing about a format's. float32 and float64 are
    compared by value. `fmt` adds the bit fields to the failure's text; with `codes`, `actual` is codes of it and may
    stand beside values. Two arrays of integers are compared as they are.

    Examples
    --------
    >>> assert_bits_equal([0.0, float("nan")], [0.0, float("nan")])
    """
    __tracebackhide__ = True
    f = None if fmt is None else get_format(fmt)
    codes = as_truth(codes, "codes")
    x, y = as_plain(actual, "actual"), as_plain(desired, "desired")
    if x.dtype.kind in "iu" and y.dtype.kind in "iu":
        _same_shape(x, y)
        bad = np.asarray(x != y)
    else:
        x, y = _pair(actual, desired, f, codes=codes)
        bad = np.asarray((_bits(x) != _bits(y)) & ~(np.isnan(x) & np.isnan(y)))
    if bad.any():
        raise AssertionError(_bits_failure(x, np.broadcast_to(y, x.shape), f, bad))


def _bits_failure(x: NDArray[Any], y: NDArray[Any], f: Format | None, bad: NDArray[np.bool_]) -> str:
    """What is farthest apart, in ulp where there is a format; of codes and signs of zero the first."""
    of_floats = x.dtype.kind == "f"
    far = far_in_ulp(x, y, f, equal_nan=True) if f is not None and of_floats else np.zeros(x.shape)
    worst = int(np.argmax(np.where(bad, far, -1.0)))
    a, d = x.flat[worst], y.flat[worst]
    distance = f": {float(far.flat[worst]):.6g} ulp" if f is not None and of_floats else ""
    lines = [f"{failures.share(bad)} differ in their bits", f"worst is {failures.place(worst, x.shape)}{distance}"]
    if of_floats:
        lines += failures.beside(float(a), float(d), f)
        values = ", ".join(failures.argument(float(v)) for v in (a, d))
    else:
        lines += [failures.code_line(label, int(v), f) for label, v in (("actual", a), ("desired", d))]
        values = f"{int(a):#x}, {int(d):#x}"
    of = "" if f is None else f", {failures.format_argument(f)}"
    return "\n".join([*lines, f"reproduce: nf.testing.assert_bits_equal({values}{of})"])


def _pair(actual: ArrayLike, desired: ArrayLike, f: Format | None, *, codes: bool) -> tuple[Carrier, Carrier]:
    __tracebackhide__ = True
    both = codes and as_plain(desired, "desired").dtype.kind == "u"
    a, d = as_double(actual, "actual", f, codes=codes), as_double(desired, "desired", f, codes=both)
    _same_shape(a, d)
    return a, np.broadcast_to(d, a.shape).copy()


def _same_shape(a: NDArray[Any], d: NDArray[Any]) -> None:
    __tracebackhide__ = True
    if d.shape not in (a.shape, ()):
        raise AssertionError(f"shapes differ: actual {a.shape}, desired {d.shape}")


def _bits(a: Carrier) -> NDArray[np.int64]:
    return np.asarray(a, np.float64).view(np.int64)
