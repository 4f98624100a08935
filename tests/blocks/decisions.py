"""Scales and elements judged by comparisons alone, millions at a time: nearest-even, float32 arrays.

A number is rounded rightly if it lies between the decisions beside its element: d times the middles of neighbouring
elements. These products are exact in float64 (32 bits), and so is the comparison; no rounding takes part.
"""

import numpy as np

import nfloat as nf

TOP = {"floor": lambda m, p, top: m >= 1, "ceil": lambda m, p, top: m > 0.5,
       "even": lambda m, p, top: np.rint(m * 2.0**p) == 2.0**p, "rceil": lambda m, p, top: m > top}  # fmt: skip


def magnitudes(fmt):
    """The format's numbers >= 0, in order: index i is even where the last bit is 0."""
    codes = np.arange(2**fmt.bits, dtype=np.uint64)
    values = np.unique(np.abs(nf.decode(codes[: 2 ** (fmt.bits - 1)], fmt)))
    return values[np.isfinite(values)].astype(np.float64)


def wrong(x, found, table, d):
    """How many |x| are not rounded to |found| = table[i] times d, to nearest-even and saturated."""
    i = np.searchsorted(table, found)
    on_grid = table[np.minimum(i, table.size - 1)] == found
    middles = np.concatenate([[-1.0], (table[1:] + table[:-1]) / 2, [np.inf]])
    with np.errstate(invalid="ignore"):
        low, high = middles[i] * d, np.where(i == table.size - 1, np.inf, middles[i + 1] * d)
    tie = i % 2 == 0
    inside = np.where(tie, (low <= x) & (x <= high), (low < x) & (x < high))
    return int(np.count_nonzero(~(inside | ((d == 0) & (found == 0))) | ~on_grid))


def wrong_in(x, fmt):
    """How many scales and elements of quantise(x), blocks along the last axis (whole ones), are wrong."""
    q = nf.quantize(x, fmt)
    blocks = x.reshape(*x.shape[:-1], -1, fmt.block).astype(np.float64)
    amax, t = np.abs(blocks).max(-1), q.tensor_scale
    scales, elements = q.scales.astype(np.float64), q.elements.reshape(blocks.shape).astype(np.float64)
    if fmt.tensor_scale:
        bad = int(t != np.float32(amax.max() / (fmt.element.max * fmt.scale.max)))
        bad += wrong(amax, scales, magnitudes(fmt.scale), fmt.element.max * t)
    else:
        m, k = np.frexp(amax)
        top, e = np.frexp(fmt.element.max)
        up = TOP[fmt.scale_rule.value](m, fmt.element.precision, top)
        want = np.ldexp(1.0, np.clip(k - e + up, -127, 127))
        bad = int(np.count_nonzero(scales != np.where(amax == 0, 2.0**-127, want)))
    table = magnitudes(fmt.element)
    bad += wrong(np.abs(blocks), np.abs(elements), table[table <= fmt.element.max], scales[..., None] * t)
    signs = np.signbit(blocks) != np.signbit(elements)
    values = (elements * (scales[..., None] * t)).astype(np.float32).reshape(x.shape)
    return (
        bad
        + int(np.count_nonzero(signs & ((elements != 0) | fmt.element.has_negative_zero)))
        + int(np.count_nonzero(nf.round(x, fmt).view(np.int32) != values.view(np.int32)))
    )
