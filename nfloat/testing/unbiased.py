"""`assert_unbiased`: whether stochastic rounding goes up as often as it should, with a stated false-alarm rate.

A deterministic test: it draws nothing, the samples alone decide, and unbiased ones fail with the probability that is
asked for, since the limits are Hoeffding's and hold for every distribution.

Source: Hoeffding, J. Am. Stat. Assoc. 58(301), 1963, theorem 2.
"""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, as_truth
from ..formats.format import Format
from ..formats.names import FormatLike, get_format
from ..ops.rounding import round as round_to
from . import failures
from .arrays import as_double
from .asserts import far_in_ulp

Carrier = NDArray[np.floating]


def assert_unbiased(
    samples: ArrayLike, exact: ArrayLike, fmt: FormatLike, *, false_alarm: float = 1e-9, codes: bool = False
) -> None:
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
        The probability with which unbiased samples fail, all elements together. The samples alone decide: the same
        ones pass or fail always.
    codes : bool
        `samples` are codes of the format.

    Notes
    -----
    Hoeffding's inequality. Of each of m elements, |mean - exact| <= gap sqrt(ln(4 m / false_alarm) / (2 n)), and of all
    together, the share rounded up differs from its expectation by at most sqrt(ln(4 / false_alarm) / (2 n m)).

    Examples
    --------
    >>> assert_unbiased([[1.0], [1.0], [1.0]], [1.0], "bfloat16")
    """
    __tracebackhide__ = True
    f = get_format(fmt)
    codes = as_truth(codes, "codes")
    if not isinstance(false_alarm, Real) or not 0 < false_alarm < 1:
        raise ArgumentError(f"false_alarm={false_alarm!r} must be a probability between 0 and 1")
    s, x = as_double(samples, "samples", f, codes=codes), as_double(exact, "exact")
    if s.ndim < 1 or s.shape[1:] != x.shape or s.size == 0:
        raise ArgumentError(f"samples: shape {s.shape} must be (n, *exact's shape {x.shape}) with n >= 1")
    low, high = (
        np.asarray(round_to(x, f, mode, overflow="saturate_finite")) for mode in ("toward_negative", "toward_positive")
    )
    stray = (s != low) & (s != high) & ~(np.isnan(s) & np.isnan(x))
    if stray.any():
        far = far_in_ulp(s, np.broadcast_to(x, s.shape), f, equal_nan=True)
        worst = int(np.argmax(np.where(stray, far, -1.0)))
        value, true = float(s.flat[worst]), float(np.broadcast_to(x, s.shape).flat[worst])
        raise AssertionError(
            "\n".join(
                [
                    f"{failures.share(stray)} are not neighbours of the exact value on the grid of {f.name}",
                    f"worst is {failures.place(worst, s.shape)}: {float(far.flat[worst]):.6g} ulp",
                    *failures.beside(value, true, f, "exact"),
                    f"reproduce: nf.testing.assert_unbiased([{failures.argument(value)}], {failures.argument(true)}, "
                    f"{failures.format_argument(f)})",
                ]
            )
        )
    with np.errstate(invalid="ignore"):  # infinities are exact
        gap = high - low
    _check_means(s, x, low, gap, f, false_alarm)


def _check_means(s: Carrier, x: Carrier, low: Carrier, gap: Carrier, f: Format, false_alarm: float) -> None:
    """Hoeffding's two bounds; exact elements have no gap and are right already."""
    __tracebackhide__ = True
    n, m = s.shape[0], max(x.size, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(gap > 0, (x - low) / gap, 0.0)
        share_up = np.where(gap > 0, ((s - low) / gap).mean(axis=0), 0.0)
    off = np.array(np.abs(share_up - expected))
    allowed = math.sqrt(math.log(4 * m / false_alarm) / (2 * n))
    if (off > allowed).any():
        worst = int(np.argmax(off))
        true, below = float(x.flat[worst]), float(low.flat[worst])
        up, ups = below + float(gap.flat[worst]), round(float(share_up.flat[worst]) * n)
        drawn = f"[{failures.argument(below)}] * {n - ups} + [{failures.argument(up)}] * {ups}"
        raise AssertionError(
            f"{failures.share(off > allowed)} have a biased mean in {f.name}, n = {n}\n"
            f"worst is {failures.place(worst, x.shape)}: {true!r} was rounded up with frequency "
            f"{float(share_up.flat[worst]):.6g}, expected {float(expected.flat[worst]):.6g} +- {allowed:.3g}\n"
            f"{failures.value_line('exact', true, f)}\n"
            f"{failures.value_line('below', below, f)}\n"
            f"{failures.value_line('above', up, f)}\n"
            f"(Hoeffding: sqrt(ln(4 m / {false_alarm:g}) / (2 n)), m = {m})\n"
            f"reproduce: nf.testing.assert_unbiased({drawn}, {failures.argument(true)}, "
            f"{failures.format_argument(f)}, false_alarm={false_alarm!r})"
        )
    together, bound = abs(float((share_up - expected).mean())), math.sqrt(math.log(4 / false_alarm) / (2 * n * m))
    if together > bound:
        raise AssertionError(
            f"all {m} elements together are rounded up with a frequency that is {together:.3g} off in {f.name}, "
            f"allowed {bound:.3g}\n"
            f"(Hoeffding: sqrt(ln(4 / {false_alarm:g}) / (2 n m)), n = {n}, m = {m})\n"
            f"reproduce: nf.testing.assert_unbiased(samples, exact, {failures.format_argument(f)}, "
            f"false_alarm={false_alarm!r})"
        )
