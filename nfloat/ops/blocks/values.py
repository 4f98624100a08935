"""`round_blocks`: values in, dequantised values out. `nf.round` calls it for a block format."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...formats.blocks import BlockFormatLike, ScaleRule
from ...formats.rounding import OverflowLike, RoundingLike
from ...streams import SeedLike
from ..arguments import as_carrier, restore_scalar
from ..threads import check_threads
from .layout import Axis, as_layout
from .plan import block_plan
from .run import quantise


def round_blocks(
    x: ArrayLike,
    fmt: BlockFormatLike,
    rounding: RoundingLike = "nearest_even",
    *,
    axis: Axis = None,
    scale_rule: ScaleRule | str | None = None,
    overflow: OverflowLike | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
    threads: int | None = None,
) -> NDArray[np.floating] | np.floating:
    """Every element of `x` as an element of its block: the exact quotient by the scale rounded once, times the scale.

    Parameters, results and errors are those of `nfloat.round` for block formats.

    Examples
    --------
    >>> import nfloat as nf
    >>> [float(nf.round([957.0], nf.mxfp8_e4m3, scale_rule=rule)[0]) for rule in ("floor", "ceil", "even", "rceil")]
    [896.0, 960.0, 896.0, 960.0]
    """
    plan = block_plan(fmt, rounding, scale_rule, random_bits, overflow)
    a = as_carrier(x, "x", single=plan.single)
    layout = as_layout(a.shape, plan.format, axis)
    out = quantise(a, plan, layout, seed, to_codes=False, threads=check_threads(threads)).out
    return out if type(x) is np.ndarray else restore_scalar(out, x)
