"""What quantising did to an array: noise, clamping, the use of the largest codes, the scales."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..errors import ShapeError, check_kind
from ..formats.blocks import BlockFormat
from ..ops.arguments import as_array
from ..ops.blocks.layout import as_layout


@runtime_checkable
class Blocks(Protocol):
    """What these figures need of a block array."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def size(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def scales(self) -> NDArray[np.floating]: ...
    @property
    def elements(self) -> NDArray[np.floating]: ...
    @property
    def products(self) -> NDArray[np.float64]: ...
    @property
    def format(self) -> BlockFormat: ...
    @property
    def axis(self) -> int | tuple[int, int] | None: ...
    def dequantize(self, dtype: DTypeLike | None = None) -> NDArray[np.floating]: ...


def sqnr(x: ArrayLike, y: ArrayLike) -> float:
    """The signal-to-quantisation-noise ratio 10 log10(sum x^2 / sum (x - y)^2), in decibels; infinite without noise.

    Examples
    --------
    >>> import numpy as np, nfloat as nf
    >>> x = np.random.default_rng(0).standard_normal(1 << 16)
    >>> round(sqnr(x, nf.round(x, nf.mxfp4)), 1)
    18.7
    """
    a, b = as_array(x, "x", np.float64), as_array(y, "y", np.float64)
    if a.shape != b.shape:
        raise ShapeError(f"x {a.shape} and y {b.shape} must have one shape")
    with np.errstate(all="ignore"):
        greatest = float(np.maximum(np.abs(a), np.abs(b)).max(initial=0.0))
        # by a power of two: no square overflows, and none that matters underflows
        a, b = (np.ldexp(z, -math.frexp(greatest)[1]) if math.isfinite(greatest) else z for z in (a, b))
        noise, signal = math.fsum(((a - b) ** 2).flat), math.fsum((a**2).flat)
    if noise == 0.0:
        return math.inf
    ratio = signal / noise
    return 10.0 * math.log10(ratio) if ratio else -math.inf


def clamp_rate(x: ArrayLike, q: Blocks) -> float:
    """The share of elements beyond the largest one times their scale: those that saturate, or just round down to it.

    Examples
    --------
    >>> import nfloat as nf
    >>> clamp_rate([957.0, 1.0], nf.quantize([957.0, 1.0], nf.mxfp8_e4m3))
    0.5
    """
    a = np.abs(_like(x, q))
    return float(np.count_nonzero(a > q.format.element.max * q.products) / max(a.size, 1))


def last_bin_occupancy(q: Blocks) -> float:
    """The share of elements with the largest magnitude.

    Examples
    --------
    >>> import nfloat as nf
    >>> last_bin_occupancy(nf.quantize([6.0, 4.0, 1.0, 0.5], nf.mxfp4))
    0.25
    """
    check_kind("q", q, Blocks, "a block array, such as nf.quantize gives")
    return float(np.count_nonzero(np.abs(q.elements) >= q.format.element.max) / max(q.size, 1))


def scale_histogram(q: Blocks) -> dict[int, int]:
    """How many scales there are in the binade of 2^k, by k; zeros and NaNs are left out.

    Examples
    --------
    >>> import nfloat as nf
    >>> scale_histogram(nf.quantize([[1.0] * 32, [3.0] * 32, [1.5] * 32], nf.mxfp4))
    {-2: 2, -1: 1}
    """
    check_kind("q", q, Blocks, "a block array, such as nf.quantize gives")
    scales = q.scales[np.isfinite(q.scales) & (q.scales > 0)]
    return dict(sorted(Counter((np.frexp(scales.astype(np.float64))[1] - 1).tolist()).items()))


def scale_underflow_count(x: ArrayLike, q: Blocks) -> int:
    """How many blocks that are not all zeros have the least scale there is, or 0.

    Examples
    --------
    >>> import nfloat as nf
    >>> x = [2.0**-130] * 32 + [1.0] * 32
    >>> scale_underflow_count(x, nf.quantize(x, nf.mxfp8_e4m3))
    1
    """
    used = np.flatnonzero(_like(x, q) != 0)
    f = q.format.scale
    least = f.smallest_normal if f.flushes_input else f.smallest_subnormal
    places = _block_numbers(q).reshape(-1)[used]
    small = np.flatnonzero(q.scales.reshape(-1) <= least)
    return int(np.intersect1d(places, small).size)


def summary(x: ArrayLike, q: Blocks) -> dict[str, float]:
    """All of these figures by name.

    Examples
    --------
    >>> import nfloat as nf
    >>> s = summary([957.0, 1.0], nf.quantize([957.0, 1.0], nf.mxfp8_e4m3))
    >>> s["clamp_rate"], s["last_bin_occupancy"], s["scale_underflow_count"]
    (0.5, 0.5, 0)
    """
    check_kind("q", q, Blocks, "a block array, such as nf.quantize gives")
    return {
        "sqnr_db": sqnr(x, q.dequantize(np.float64)), "clamp_rate": clamp_rate(x, q),
        "last_bin_occupancy": last_bin_occupancy(q), "scale_underflow_count": scale_underflow_count(x, q),
        "bits_per_element": 8.0 * q.nbytes / max(q.size, 1),
    }  # fmt: skip


def _like(x: ArrayLike, q: Blocks) -> NDArray[Any]:
    check_kind("q", q, Blocks, "a block array, such as nf.quantize gives")
    a = as_array(x, "x", np.float64)
    if a.shape != q.shape:
        raise ShapeError(f"x {a.shape} and q {q.shape} must have one shape")
    return a


def _block_numbers(q: Blocks) -> NDArray[Any]:
    """The number of every element's scale, in C order."""
    return as_layout(q.shape, q.format, q.axis).broadcast(np.arange(q.scales.size).reshape(q.scales.shape))
