"""The short way from a call to a kernel, for the commonest argument: a one-dimensional contiguous float32 array.

On ten thousand elements what Python does around a kernel costs as much as the kernel. So what a call needs is looked up once
for each way of calling and kept with the compiled function itself. Whatever is not just so (other arguments, formats that
need more than float32, mistakes) gives None here and goes the way that normalises and explains.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.names import FormatLike
from ..formats.rounding import OverflowLike, RoundingLike
from ..kernels.jit import entry_point
from .plan import Plan, plan

FLOAT32 = np.dtype(np.float32)


def is_direct(x: ArrayLike) -> bool:
    """Whether kernels take x as it is."""
    return type(x) is np.ndarray and x.dtype is FLOAT32 and x.ndim == 1 and x.flags.carray


class Direct(NamedTuple):
    """A compiled ``f(x, out, words, key)`` with its constants."""

    function: Callable[..., Any]
    words: NDArray[np.float64]
    stochastic: bool
    plan: Plan


def direct(
    fmt: FormatLike, rounding: RoundingLike, overflow: OverflowLike | None, random_bits: int | None
) -> Direct | None:
    """How to round a float32 array in one call of a compiled function, or None."""
    try:
        return _direct(fmt, rounding, overflow, random_bits)
    except TypeError:  # an unhashable argument: the long way names it
        return None


@lru_cache(maxsize=4096, typed=True)
def _direct(
    fmt: FormatLike, rounding: RoundingLike, overflow: OverflowLike | None, random_bits: int | None
) -> Direct | None:
    how = plan(fmt, rounding, overflow, random_bits)
    if not how.single or how.round32 is None:
        return None
    return Direct(entry_point(how.round32), how.words, how.stochastic, how)
