"""E4M3 with a scale for each tensor: what an FP8 product does before and after the tensor core."""

import ml_dtypes
import numpy as np

from .bugs import has

LARGEST = 448.0


def quantize(x):
    """(E4M3 array, scale): x is about the array times the scale, a power of two that leaves the greatest in range."""
    amax = float(np.max(np.abs(x)))
    scale = 1.0 if amax == 0 else 2.0 ** np.ceil(np.log2(amax / LARGEST))
    if has("clamp"):
        scale /= 4
    y = np.clip(x / scale, -LARGEST, LARGEST)
    if has("flush"):
        y = np.where(np.abs(y) < 2.0**-6, 0.0, y)
    return y.astype(np.float32).astype(ml_dtypes.float8_e4m3fn), scale


def matmul(a, b):
    """a @ b by E4M3 operands and float32 sums, one term after another, as the kernel for the device does."""
    (x, scale_x), (y, scale_y) = quantize(a), quantize(b)
    terms = range(x.shape[1] - 3 if has("tail") else x.shape[1])
    x, y = x.astype(np.float32), y.astype(np.float32)
    sums = np.zeros((x.shape[0], y.shape[1]), np.float16 if has("half_sums") else np.float32)
    for k in terms:  # a product of two E4M3 numbers has 8 bits: it is exact in float32
        sums = (sums + np.outer(x[:, k], y[k])).astype(sums.dtype)
    return sums.astype(np.float32) * np.float32(scale_x * (1.0 if has("unscaled") else scale_y))
