"""`quantize`: values in, codes and scales out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..formats.blocks import BlockFormatLike, ScaleRule
from ..formats.rounding import RoundingLike
from ..ops.arguments import as_carrier
from ..ops.blocks.layout import Axis, as_layout
from ..ops.blocks.plan import BlockPlan, block_plan
from ..ops.blocks.run import WHOLE, Excerpt, quantise
from ..ops.threads import check_threads
from ..streams import SeedLike, Stream
from .array import BlockArray, own_axis


def quantize(
    x: ArrayLike,
    fmt: BlockFormatLike,
    rounding: RoundingLike = "nearest_even",
    *,
    axis: Axis = None,
    scale_rule: ScaleRule | str | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
    threads: int | None = None,
) -> BlockArray:
    """The codes and scales of `x` in a block format; ``quantize(...).dequantize()`` is ``nf.round(...)``.

    Parameters
    ----------
    x : array_like
        Real numbers of any shape.
    fmt : BlockFormat or str
        The format. With amax the greatest finite magnitude of a block, its scale follows from amax by the format's
        rule; elements are the exact quotients by the scale (and the tensor scale), rounded once, then saturated.
    rounding : str
        How elements are rounded; scales have the format's `scale_rounding`.
    axis : int or pair of int, optional
        The axis along which blocks lie (tiles: the two axes); the last by default. Its last block may be shorter.
    scale_rule : ScaleRule or str, optional
        "floor", "ceil", "even", "rceil", "absmax"; None is the format's own.
    random_bits : int, optional
        N of stochastic_a, _b, _c.
    seed : int or Stream, optional
        Needed by stochastic modes. Element i (in C order) draws from counter i, scale number b from counter b of the
        stream's child "scales".
    threads : int, optional
        At most so many threads; None: all CPUs. No bit depends on it.

    Returns
    -------
    BlockArray

    Raises
    ------
    FormatError, RoundingError, SeedError, ArgumentError, ShapeError
        Each names the argument, its value and what is allowed.
    RepresentationError
        If x holds a NaN that neither an element nor a scale can say.

    Notes
    -----
    A block of zeros has the least scale (0 under "absmax", where the scale's format has a zero) and zeros of its
    elements' signs. Where scale times tensor scale is 0, elements are zeros too. Infinities saturate; a NaN is one in
    its place if elements have NaNs, else it makes its block NaN, through the scale (`BlockFormat.nonfinite` has other
    policies). Sources: OCP MX 1.0, section 6.3; NVIDIA NVFP4, 2025.

    Examples
    --------
    >>> import numpy as np, nfloat as nf
    >>> q = nf.quantize([[1.0, -2.5, 6.0, 0.3]], nf.mxfp4)
    >>> q.codes.tolist(), q.scale_codes.tolist(), q.dequantize().tolist()
    ([[2, 12, 7, 1]], [[127]], [[1.0, -2.0, 6.0, 0.5]])
    """
    plan = block_plan(fmt, rounding, scale_rule, random_bits)
    return quantize_part(x, plan, axis, seed, WHOLE, check_threads(threads))


def quantize_part(
    x: ArrayLike, plan: BlockPlan, axis: Axis, seed: SeedLike | None, part: Excerpt, threads: int | None = None
) -> BlockArray:
    """`quantize` of what may be a part of an array, of whole blocks; scales draw no random bits there."""
    a = as_carrier(x, "x", single=plan.single)
    layout = as_layout(a.shape, plan.format, axis)
    done = quantise(a, plan, layout, seed, to_codes=True, threads=threads, part=part)
    kind = np.float32 if plan.format.scale.fits_float32 else np.float64
    return BlockArray(
        done.out, done.scales.astype(kind), done.tensor_scale, plan.format, own_axis(layout.axes), a.dtype
    )


def quantize_both(
    x: ArrayLike,
    fmt: BlockFormatLike,
    rounding: RoundingLike = "nearest_even",
    *,
    scale_rule: ScaleRule | str | None = None,
    random_bits: int | None = None,
    seed: SeedLike | None = None,
    threads: int | None = None,
) -> tuple[BlockArray, BlockArray]:
    """`quantize` along the last axis and along the last but one, both from `x` itself.

    A product takes its operands with blocks along k, so training needs both of a matrix; quantising one of them once
    more along the other axis would round twice. Stochastic modes draw from the children "rows" and "columns" of the
    seed's stream.

    Examples
    --------
    >>> import numpy as np, nfloat as nf
    >>> rows, columns = nf.quantize_both(np.eye(64), nf.mxfp4)
    >>> rows.scales.shape, columns.scales.shape
    ((64, 2), (2, 64))
    """
    stream = seed if seed is None or isinstance(seed, Stream) else Stream(seed)
    return tuple(
        quantize(x, fmt, rounding, axis=axis, scale_rule=scale_rule, random_bits=random_bits,
                 seed=None if stream is None else stream.child(name), threads=threads)
        for name, axis in (("rows", -1), ("columns", -2))
    )  # type: ignore[return-value]  # fmt: skip
