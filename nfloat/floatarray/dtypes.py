"""Which NumPy dtypes have numbers of a format only: what decides whether an array may stand beside a FloatArray.

A rule about dtypes never depends on the data: an array of float16 may stand beside bfloat16's neighbour float32, an
array of float64 beside float64 alone, whatever happens to be in them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..formats.catalog import FORMATS
from ..formats.format import Format
from ..formats.names import get_format


def named_format(dtype: np.dtype) -> Format | None:
    """The format whose numbers a float dtype of NumPy's or of ml_dtypes' has; None for every other dtype.

    Examples
    --------
    >>> named_format(np.dtype(np.float16)).name, named_format(np.dtype(np.int8))
    ('float16', None)
    """
    return None if dtype.kind in "biu" else FORMATS.get(dtype.name)


@lru_cache(maxsize=1024)
def is_within(dtype: np.dtype, fmt: Format) -> bool:
    """Whether every number of a dtype is one of the format's. NaN always is, infinities where the format has them.

    Examples
    --------
    >>> from nfloat import bfloat16, float32
    >>> is_within(np.dtype(bool), bfloat16), is_within(np.dtype(np.int64), bfloat16)
    (True, False)
    >>> is_within(np.dtype(np.float16), float32), is_within(np.dtype(np.float64), float32)
    (True, False)
    """
    if dtype.kind == "b":
        return _holds_integers(fmt, 0, 1)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return _holds_integers(fmt, int(limits.min), int(limits.max))
    inner = named_format(dtype)
    return inner is not None and (inner == fmt or _contains(fmt, inner))


def spelled(fmt: Format) -> str:
    """How a format is written in a call: its name, or what stands for one that has none of its own."""
    try:
        return repr(fmt.name) if get_format(fmt.name) == fmt else "a.format"
    except ValueError:
        return "a.format"


def _unit(fmt: Format) -> int:
    """The exponent of the unit of the smallest numbers."""
    return fmt.emin - fmt.precision + 1


def _range_holds(fmt: Format, low: float, high: float) -> bool:
    """Whether the range goes from `low` to `high`, and zero is in it."""
    return fmt.has_zero and fmt.min <= low and fmt.max >= high


def _holds_integers(fmt: Format, low: int, high: int) -> bool:
    """Whether every integer from `low` to `high` is a number of the format."""
    if not _range_holds(fmt, low, high) or (fmt.smallest_normal > 1 and not fmt.has_subnormals):
        return False
    return _unit(fmt) <= 0 and max(-low, high) <= 2**fmt.precision


def _contains(fmt: Format, inner: Format) -> bool:
    """Whether every finite number and infinity of `inner` is one of `fmt`'s."""
    if (inner.has_inf and not fmt.has_inf) or (inner.precision > fmt.precision and not fmt.twos_complement):
        return False
    if (inner.has_zero and not fmt.has_zero) or not (fmt.min <= inner.min and inner.max <= fmt.max):
        return False
    kept = fmt.has_subnormals and not fmt.flushes_input
    return _unit(inner) >= _unit(fmt) if kept else inner.smallest_subnormal >= fmt.smallest_normal
