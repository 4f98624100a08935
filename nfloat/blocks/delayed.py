"""`DelayedScaling`: a tensor's scale from the magnitudes of the steps before, as FP8 training has it.

Source: Micikevicius et al. 2022 (arXiv 2209.05433), section 4; NVIDIA TransformerEngine's documentation
(DelayedScaling).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError, FormatError, as_integer
from ..formats.blocks import BlockFormatLike
from ..formats.rounding import RoundingLike
from ..kernels.blocks.rule import block_scales
from ..ops.arguments import as_array, as_carrier
from ..ops.arithmetic import divide
from ..ops.blocks.plan import BlockPlan, block_plan
from ..ops.codes import encode
from ..ops.memory import check_copy
from ..streams import SeedLike
from .array import BlockArray


class DelayedScaling:
    """One scale a tensor, from the greatest magnitude of the last `history` tensors.

    A tensor saturates where that is too small for it.

    Parameters
    ----------
    fmt : BlockFormat
        A format of one scale in all (block="tensor") and no tensor scale.
    history : int
        How many tensors count.
    margin : int
        The scale is 2^margin times larger than the format's rule says.
    select : str
        "max" of the history, or "latest".
    amax_history : sequence of float
        What is remembered already: a run that goes on.

    Examples
    --------
    >>> import nfloat as nf
    >>> fp8 = nf.BlockFormat(name="fp8", element="float8_e4m3fn", block="tensor", scale="float32", scale_rule="absmax")
    >>> scaling = DelayedScaling(fp8, history=2)
    >>> [scaling.quantize([x]).dequantize().tolist() for x in (448.0, 896.0, 896.0)]
    [[448.0], [448.0], [896.0]]
    """

    def __init__(
        self,
        fmt: BlockFormatLike,
        *,
        history: int = 1024,
        margin: int = 0,
        select: str = "max",
        amax_history: Iterable[float] = (),
    ) -> None:
        f = block_plan(fmt, "nearest_even").format
        if f.block != "tensor" or f.tensor_scale or f.scale_rounding.is_stochastic:
            raise FormatError(
                f"fmt={f.name!r}: delayed scaling takes block='tensor', no tensor scale, no random scales"
            )
        length, shift = as_integer(history), as_integer(margin)
        if length is None or not 1 <= length <= 2**31 or shift is None or abs(shift) > 64:
            raise ArgumentError(f"history={history!r} must be an integer in 1..2^31, margin={margin!r} one in -64..64")
        if not isinstance(select, str) or select not in ("max", "latest"):
            raise ArgumentError(f"select={select!r} must be 'max' or 'latest'")
        self.format, self.margin, self.select = f, shift, select
        past = as_array(amax_history, "amax_history", np.float64)
        check_copy("amax_history", past)
        if past.ndim != 1 or not (past >= 0).all():
            raise ArgumentError("amax_history must be magnitudes, one a tensor, the latest last")
        self._history: deque[float] = deque(past.tolist(), maxlen=length)

    @property
    def amax_history(self) -> tuple[float, ...]:
        """The greatest finite magnitudes of the last tensors, the latest one last."""
        return tuple(self._history)

    def quantize(
        self, x: ArrayLike, rounding: RoundingLike = "nearest_even", *, seed: SeedLike | None = None
    ) -> BlockArray:
        """Quantise by the scale of the tensors before (the first one by its own); remember this one's magnitude."""
        plan = block_plan(self.format, rounding)
        a = as_carrier(x, "x", single=plan.single)
        own = greatest_magnitude(a)
        past = self._history or [own]
        amax = (max(past) if self.select == "max" else past[-1]) * 2.0**self.margin
        self._history.append(own)
        e = self.format.element
        elements, scale = scaled_elements(a, plan, amax, seed)
        kind = np.float32 if self.format.scale.fits_float32 else np.float64
        return BlockArray(np.asarray(encode(elements, e)), np.asarray(scale, kind), 1.0, self.format, None, a.dtype)


def greatest_magnitude(x: NDArray[np.floating]) -> float:
    """The greatest finite magnitude of an array; 0 where there is none.

    Examples
    --------
    >>> greatest_magnitude(np.array([1.0, -3.0, np.inf]))
    3.0
    """
    ends = (abs(float(np.max(x))), abs(float(np.min(x)))) if x.size else (0.0, 0.0)
    if np.isfinite(ends).all():
        return max(ends)
    return float(np.max(np.abs(x), where=np.isfinite(x), initial=0.0))


def scaled_elements(
    a: NDArray[np.floating], plan: BlockPlan, amax: float, seed: SeedLike | None, random_bits: int | None = None
) -> tuple[NDArray[np.floating], float]:
    """The elements of an array under one scale, which follows from `amax`; and that scale.

    Elements are exact quotients rounded once, saturated; zeros where the scale is 0. They are of the type of `a`, where
    that holds the scale and every element.
    """
    scale = np.empty(1)
    block_scales(np.array([amax]), np.zeros(1, np.uint8), 1.0, plan.scale, plan.scale_words, 0, scale)
    if not scale[0]:
        return np.copysign(a.dtype.type(0), a), 0.0
    element = plan.format.element
    single = a.dtype == np.float32 and plan.format.scale.fits_float32
    by = np.float32(scale[0]) if single else scale[0]
    found = divide(a, by, element, plan.rounding, overflow="saturate", random_bits=random_bits, seed=seed)
    return np.asarray(found), float(scale[0])
