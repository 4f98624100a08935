"""Equality to the bit, any NaN being equal to any other."""

import numpy as np


def same_bits(x, y):
    """Element by element, for arrays of numbers that float64 holds."""
    with np.errstate(invalid="ignore"):
        x, y = (np.asarray(z, np.float64) for z in (x, y))
    return (x.view(np.int64) == y.view(np.int64)) | (np.isnan(x) & np.isnan(y))
