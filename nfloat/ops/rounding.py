"""`round`: values in, values of the format out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from ..formats.blocks import BLOCK_FORMATS, BlockFormat, ScaleRule
from ..formats.names import FormatLike
from ..formats.rounding import OverflowLike, RoundingLike
from ..streams import SeedLike, as_key
from .arguments import CARRAY, LAYOUT, as_carrier, restore_scalar
from .direct import FLOAT32, direct
from .rounder import FEW, LARGE, rounder

_empty, _ndarray = np.empty, np.ndarray


def round(
    x: ArrayLike,
    fmt: FormatLike | BlockFormat,
    rounding: RoundingLike = "nearest_even",
    *,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
    axis: int | tuple[int, int] | None = None,
    scale_rule: ScaleRule | str | None = None,
    threads: int | None = None,
) -> NDArray[np.floating] | np.floating:
    """Each element of `x`, rounded once to the nearest (or as the mode says) number of a format.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape. float64 input is never rounded through float32.
    fmt : Format or BlockFormat or str
        The format. A block format gives the dequantised values: the exact quotient of each element by its block's
        scale, rounded once and saturated, times the scale (as a float32 number, if x is one, rounded once more where
        that has over 24 bits).
    rounding : str
        nearest_even, nearest_away, nearest_zero, toward_zero, toward_positive, toward_negative, to_odd, stochastic,
        stochastic_a, stochastic_b, stochastic_c, stochastic_equal.
    overflow : str, optional
        Policy for values that are beyond the largest finite number after rounding; None is the format's own.
    random_bits : int, optional
        N of stochastic_a, _b, _c (1..60).
    seed : int or Stream, optional
        Needed by stochastic modes. Element i (in C order) uses the random bits of counter i.
    axis : int or pair of int, optional
        Of a block format: the axis along which blocks lie (tiles: the two axes); the last by default.
    scale_rule : ScaleRule or str, optional
        Of a block format: "floor", "ceil", "even", "rceil", "absmax"; None is the format's own.
    threads : int, optional
        Of a block format: at most so many threads; None: all CPUs. No bit depends on it.

    Returns
    -------
    ndarray or scalar
        x's shape; float32 if x is float16/float32 and the format fits float32, else float64. NaN stays NaN (also in
        formats without one, where only `encode` can refuse it); -0 stays -0 where the format has it.

    Raises
    ------
    FormatError, RoundingError, SeedError, ArgumentError
        Each names the argument, its value and what is allowed.

    Notes
    -----
    Round first (as if the exponent had no upper end), then overflow: IEEE 754-2019 clauses 4.3 and 7.4, OCP OFP8 1.0,
    IEEE P3109 Interim Report v4.0.

    Examples
    --------
    >>> import nfloat as nf
    >>> nf.round([0.1, 464.0, 465.0], "float8_e4m3fn")
    array([1.015625e-01, 4.480000e+02,          nan])
    >>> nf.round(1 + 2**-8 + 2**-40, "bfloat16")
    np.float64(1.0078125)
    >>> nf.round([957.0, -3.1], nf.mxfp8_e4m3), nf.round([957.0, -3.1], nf.mxfp8_e4m3, scale_rule="rceil")
    (array([896.,  -3.]), array([960.,  -3.]))
    """
    of_blocks = axis is not None or scale_rule is not None or threads is not None
    if (
        type(x) is _ndarray
        and x.dtype is FLOAT32
        and not of_blocks
        and random_bits is None
        and x.ndim == 1
        and x.size > FEW
        and x.flags.num & LAYOUT == CARRAY
    ):
        try:
            way = direct(fmt, rounding, overflow)
        except Exception:  # an unhashable argument, or a wrong one: `rounder` names it
            way = None
        if way is not None and x.size <= LARGE:
            function, spec_array, stochastic = way
            out: NDArray[np.floating] = _empty(x.size, FLOAT32)
            function(x, out, spec_array, as_key(seed) if stochastic else 0, 0)
            return out
    if isinstance(fmt, BlockFormat) or (type(fmt) is str and fmt in BLOCK_FORMATS):
        from .blocks.values import round_blocks

        return round_blocks(
            x, fmt, rounding, axis=axis, scale_rule=scale_rule, overflow=overflow, random_bits=random_bits, seed=seed,
            threads=threads,
        )  # fmt: skip
    if of_blocks:
        named = {"axis": axis, "scale_rule": scale_rule, "threads": threads}
        given = next(f"{name}={value!r}" for name, value in named.items() if value is not None)
        raise ArgumentError(f"{given} goes with a block format, such as nf.mxfp4; fmt={fmt!r} is none")
    how = rounder(fmt, rounding, overflow, random_bits)
    key = how.key(seed) if how.stochastic else 0
    out = how.apply(as_carrier(x, "x", single=how.single), key)
    return out if type(x) is np.ndarray else restore_scalar(out, x)
