"""The short way from a call to a kernel, for the commonest argument: a one-dimensional contiguous float32 array.

On ten thousand elements what Python does around a kernel costs as much as the kernel. So what a call needs is looked up
once for each way of calling and kept with the compiled function itself. Whatever is not just so (other arguments,
formats that need more than float32, mistakes) gives None here and goes the way that normalises and explains.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.blocks import BLOCK_FORMATS, BlockFormat
from ..formats.names import FormatLike
from ..formats.rounding import OverflowLike, RoundingLike
from ..kernels.jit import entry_point
from .rounder import rounder

FLOAT32 = np.dtype(np.float32)

#: a compiled ``f(x, out, spec_array, key, first)``, its constants, and whether the key matters
Direct = tuple[Callable[..., Any], NDArray[np.float64], bool]


@lru_cache(maxsize=4096)
def direct(fmt: FormatLike | BlockFormat, rounding: RoundingLike, overflow: OverflowLike | None) -> Direct | None:
    """How to round a float32 array in one call of a compiled function, or None.

    Raises
    ------
    TypeError
        If an argument is unhashable: the long way names it.
    """
    if isinstance(fmt, BlockFormat) or fmt in BLOCK_FORMATS:
        return None
    how = rounder(fmt, rounding, overflow, None)
    if not how.single or how.round32 is None or how.widens:
        return None
    return entry_point(how.round32), how.spec_array, how.stochastic
