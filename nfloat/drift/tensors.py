"""What one rounding does to one tensor: noise, headroom, bias, and where its numbers lie among the exponents.

`Look` collects these for every tensor that a step stores; it is taken at a few steps only (`looked_at`). Shares of
what is lost altogether (underflow, overflow) and of updates stand in ``metrics.py``, and are taken more often. Of
operands in blocks it also has what their scales do (`block_scales`), of sums how much of them is swamped
(``swamping.py``).

Definitions are those of the field: SQNR as in Rouhani et al. 2023 (arXiv:2302.08007), the bias of a rounding in units
in the last place with Student's t against zero as in Connolly, Higham and Mary 2021 (doi:10.1137/20M1334796).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..blocks.array import BlockArray
from ..blocks.diagnostics import clamp_rate, last_bin_occupancy, scale_histogram, scale_underflow_count
from ..formats.format import Format
from ..nn.elementary import total
from ..nn.recipes.sums import Sums
from .inference import log_of
from .metrics import norm
from .swamping import swamped

#: metrics of a `Look`; "exponent.K" is the share of the elements with 2^K <= |x| < 2^(K+1), "exponent.zero" of zeros
EXPONENT = "exponent."
#: the root of the mean square of the finite elements
RMS = "rms"
ZERO = "zero"
#: "scale.K" is the share of the blocks whose scale s has 2^K <= s < 2^(K+1)
SCALE = "scale."

#: dB per unit of the natural logarithm, and ln 2: the engine's logarithm gives the same bits everywhere
_DECIBELS, _LN2 = 8.685889638065037, 0.6931471805599453

#: at most so many of the measured steps are looked at this closely
_LOOKS = 4


def looked_at(steps: Sequence[int]) -> frozenset[int]:
    """The steps, of those measured, at which tensors are looked at: the first, the last, and two between.

    Examples
    --------
    >>> sorted(looked_at(range(0, 100, 10)))
    [0, 30, 60, 90]
    """
    last = len(steps) - 1
    return frozenset(steps[round(i * last / (_LOOKS - 1))] for i in range(_LOOKS))


def sqnr(before: ArrayLike, after: ArrayLike) -> float | None:
    """Signal to quantisation noise in dB: 20 log10(||x|| / ||x - Q(x)||) over finite results; None without noise.

    Examples
    --------
    >>> round(sqnr([1.0, 3.0], [1.0, 3.25]), 9)
    22.041199827
    """
    x, error = _finite_errors(before, after)
    signal, noise = norm(x), norm(error)
    return None if noise == 0.0 or signal == 0.0 else _DECIBELS * (log_of(signal) - log_of(noise))


def headroom(values: ArrayLike, fmt: Format) -> float | None:
    """Binades between the greatest finite magnitude and the format's largest number, log2(max / amax); None for zeros.

    Negative: numbers were beyond the format.

    Examples
    --------
    >>> import nfloat as nf
    >>> headroom([1.0, -448.0], nf.get_format("float8_e4m3fn")), headroom([7.0], nf.get_format("float8_e4m3fn"))
    (0.0, 6.0)
    """
    x = np.abs(np.asarray(values, np.float64))
    amax = float(np.max(x, initial=0.0, where=np.isfinite(x)))
    if amax == 0.0:
        return None
    (high, top), (mine, place) = math.frexp(fmt.max), math.frexp(amax)
    return top - place + (log_of(high) - log_of(mine)) / _LN2


def bias(before: ArrayLike, after: ArrayLike, fmt: Format) -> tuple[float, float] | None:
    """The mean signed error in ulp, and its Student's t against zero; None where nothing was rounded.

    Over the elements with a finite result; those that rounding left as they were count, with error 0. |t| above 4 is
    no chance. A ulp is the gap between the format's numbers at the element.

    Examples
    --------
    >>> import nfloat as nf
    >>> mean, t = bias([1.25, 1.25, 1.75, 1.25], [1.0, 1.5, 1.5, 1.0], nf.get_format("e8m1"))
    >>> mean, round(t, 3)
    (-0.25, -1.0)
    """
    x, error = _finite_errors(before, after)
    with np.errstate(divide="ignore", over="ignore"):
        exponent = np.maximum(np.frexp(x)[1] - 1, fmt.emin)
        ulps = np.ldexp(error, np.minimum(fmt.precision - 1 - exponent, 1100))
    count = ulps.size
    if count < 2 or not np.any(ulps) or not np.isfinite(ulps).all():
        return None
    mean = total(ulps) / count
    spread = math.sqrt(total((ulps - mean) * (ulps - mean)) / (count - 1))
    return mean, math.inf if spread == 0.0 else mean / (spread / math.sqrt(count))


def exponents(values: ArrayLike) -> dict[str, int]:
    """How many elements lie in each binade, as `EXPONENT` says; what is not finite is in none.

    Examples
    --------
    >>> exponents([1.0, 1.5, -0.3, 0.0, float("inf")])
    {'zero': 1, '-2': 1, '0': 2}
    """
    x = np.asarray(values, np.float64).ravel()
    x = x[np.isfinite(x)]
    found = {ZERO: int(np.count_nonzero(x == 0.0))}
    keys, counts = np.unique(np.frexp(x[x != 0.0])[1] - 1, return_counts=True)
    return {key: count for key, count in found.items() if count} | {
        str(key): int(count) for key, count in zip(keys, counts, strict=True)
    }


def block_scales(before: ArrayLike, blocks: BlockArray) -> dict[str, float]:
    """What the scales of an operand do: shares of its elements and of its blocks.

    `clamped`: elements beyond the largest one times their scale; `last_bin`: elements with the largest magnitude, which
    a scale that fits uses; `scale_underflow`: blocks, not all zeros, with the least scale there is, or 0; "scale.K":
    scales by binade. From 0 to 1 each; ``blocks/diagnostics.py`` has them as counts.

    Examples
    --------
    >>> import nfloat as nf
    >>> x = [957.0] + [1.0] * 31 + [0.5] * 32
    >>> block_scales(x, nf.quantize(x, nf.mxfp8_e4m3))
    {'clamped': 0.015625, 'last_bin': 0.015625, 'scale_underflow': 0.0, 'scale.-9': 0.5, 'scale.1': 0.5}
    """
    count = max(1, blocks.scales.size)
    found = {"clamped": clamp_rate(before, blocks), "last_bin": last_bin_occupancy(blocks)}
    found["scale_underflow"] = scale_underflow_count(before, blocks) / count
    return found | {f"{SCALE}{exponent}": n / count for exponent, n in scale_histogram(blocks).items()}


class Look:
    """What a step stores, tensor by tensor; of one of several parts the worst metrics, and the exponents of all."""

    def __init__(self) -> None:
        self._metrics: dict[tuple[str, str, str], float] = {}
        self._exponents: dict[tuple[str, str], dict[str, int]] = {}
        self._sizes: dict[tuple[str, str], int] = {}
        self._squares: dict[tuple[str, str], float] = {}

    def take(self, layer: str, tensor: str, before: ArrayLike, after: ArrayLike, fmt: Format | None) -> None:
        """Look at one rounding; where `after` is `before` nothing was rounded, and the exponents alone are taken.

        Without one format for all (blocks have a scale each) there is neither headroom nor a bias in its ulp.
        """
        counts, key = self._exponents.setdefault((layer, tensor), {}), (layer, tensor)
        for exponent, count in exponents(before).items():
            counts[exponent] = counts.get(exponent, 0) + count
        self._sizes[key] = self._sizes.get(key, 0) + np.size(before)
        finite = np.asarray(before, np.float64)
        size = norm(finite[np.isfinite(finite)])
        self._squares[key] = self._squares.get(key, 0.0) + size * size
        if after is not before:
            self._keep(*key, "sqnr", sqnr(before, after))
        if fmt is not None:
            self._keep(*key, "headroom", headroom(before, fmt))
            found = None if after is before else bias(before, after, fmt)
            if found is not None and (*key, "bias") not in self._metrics:
                self._metrics[*key, "bias"], self._metrics[*key, "bias_t"] = found

    def scaled(self, layer: str, tensor: str, before: ArrayLike, blocks: BlockArray) -> None:
        """Look at an operand's scales; of one that is cut twice (along each axis) at the first cut."""
        if (layer, tensor, "last_bin") not in self._metrics:
            self._metrics |= {(layer, tensor, key): value for key, value in block_scales(before, blocks).items()}

    def summed(self, layer: str, tensor: str, a: Any, b: Any, c: Any, sums: Sums) -> None:
        """Look at a product's sums, the worst of several."""
        share = swamped(a, b, c, sums)
        if share is not None:
            key = layer, tensor, "swamped"
            self._metrics[key] = max(share, self._metrics.get(key, 0.0))

    def _keep(self, layer: str, tensor: str, metric: str, value: float | None) -> None:
        if value is not None:
            before = self._metrics.get((layer, tensor, metric), value)
            self._metrics[layer, tensor, metric] = min(value, before)

    def rows(self) -> Iterator[tuple[str, str, str, float]]:
        """(layer, tensor, metric, value) of everything seen."""
        yield from ((*key, value) for key, value in self._metrics.items())
        for (layer, tensor), counts in self._exponents.items():
            size = max(1.0, math.fsum(counts.values()))
            yield layer, tensor, RMS, math.sqrt(self._squares[layer, tensor] / size)
            for exponent, count in sorted(counts.items(), key=lambda item: _place(item[0])):
                yield layer, tensor, EXPONENT + exponent, count / self._sizes[layer, tensor]


def shares_of(series: Mapping[str, float]) -> dict[int | None, float]:
    """Exponent -> share of the elements, None for the zeros, of the metrics of one tensor.

    Examples
    --------
    >>> shares_of({"exponent.zero": 0.5, "exponent.-3": 0.5, "sqnr": 30.0})
    {None: 0.5, -3: 0.5}
    """
    found = {key.removeprefix(EXPONENT): value for key, value in series.items() if key.startswith(EXPONENT)}
    return {None if key == ZERO else int(key): value for key, value in found.items()}


def _place(exponent: str) -> int:
    return -1_000_000 if exponent == ZERO else int(exponent)


def _finite_errors(before: ArrayLike, after: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The elements whose result is finite, and their errors."""
    x, y = np.asarray(before, np.float64).ravel(), np.asarray(after, np.float64).ravel()
    kept = np.isfinite(x) & np.isfinite(y)
    return x[kept], y[kept] - x[kept]
